/*
 * One attempt to hand an alert to a webhook: the request with its Standard Webhooks headers, and what its answer said.
 */
#ifndef PLAZO_NOTIFY_WEBHOOK_H
#define PLAZO_NOTIFY_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/wall.h"
#include "notify/flight.h"
#include "notify/sign.h"

#define WEBHOOK_MAX_ANSWER (64u << 10)    /* bytes of headers, and of the body, that are read */
#define WEBHOOK_TIMEOUT_MS 15000

struct webhook_request {
	const char            *url;
	struct sign_key      *keys;         /* each signs */
	size_t                 n_keys;
	const char            *ca_file;
	const char            *id;           /* webhook-id */
	struct wall            now;          /* webhook-timestamp */
	struct str             body;         /* JSON */
	int64_t                timeout_ms;
};

struct answer {
	int     status;                      /* 0: none */
	bool    untrusted;                   /* flight_untrusted(): nothing was sent */
	int64_t retry_after_ms;              /* -1: not said */
	char    detail[200];
};

struct webhook;

/* Borrows the answer. Frees nothing: webhook_destroy() is the caller's. */
typedef void webhook_done_fn(void *ctx, const struct answer *a);

/* Borrows the request. NULL, with a sentence, when libcurl refuses it. fn is called from the loop. */
struct webhook *webhook_start(struct flights *f, const struct webhook_request *rq, webhook_done_fn *fn, void *ctx, struct diag *d);

/* Also while it is under way: then fn is not called. NULL is fine. */
void webhook_destroy(struct webhook *w);

#endif
