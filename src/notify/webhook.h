/*
 * Hands alerts to webhooks: one attempt is one request on a line of its endpoint. What happens between webhook_start() and the answer
 * happens on the thread of flight.h; lines are kept there for the next one.
 */
#ifndef PLAZO_NOTIFY_WEBHOOK_H
#define PLAZO_NOTIFY_WEBHOOK_H

#include "notify/endpoint.h"
#include "notify/line.h"

#define WEBHOOK_TIMEOUT_MS 15000

struct event_base;
struct webhook;
struct webhooks;

/* Borrows the answer. Called from the loop. */
typedef void webhook_done_fn(void *ctx, const struct answer *a);

/* Keeps `base`. NULL when libcurl refuses one of its options, or there can be no thread. */
struct webhooks *webhooks_create(struct event_base *base);

/* All that is under way has been cancelled. NULL is fine. */
void webhooks_destroy(struct webhooks *ws);

struct webhook_request {
	struct endpoint *to;             /* keeps a reference */
	const char      *id;             /* of the alert */
	struct wall      now;
	char            *body;           /* JSON; takes it */
	size_t           body_len;
};

/* It leaves with webhooks_go(). fn is called once, unless it is cancelled before. */
struct webhook *webhook_start(struct webhooks *ws, const struct webhook_request *rq, webhook_done_fn *fn, void *ctx);

/* All that was started leaves. */
void webhooks_go(struct webhooks *ws);

/* As flights_busy_ms(). */
int64_t webhooks_busy_ms(const struct webhooks *ws);

/* fn will not be called. What has left may arrive all the same. */
void webhook_cancel(struct webhooks *ws, struct webhook *w);

#endif
