/*
 * One receiver: what is configured of it, its queue, and how it has been doing. What is copied of the configuration lies in an
 * arena of its own, which the next configuration replaces.
 */
#ifndef PLAZO_NOTIFY_RECEIVER_H
#define PLAZO_NOTIFY_RECEIVER_H

#include "base/arena.h"
#include "base/limits.h"
#include "notify/endpoint.h"
#include "notify/notify.h"
#include "notify/queue.h"

struct receiver {
	/* the configuration; all of it in `mem` but the zone and the endpoint */
	struct arena      *mem;
	const char        *name;
	enum notify_kind   kind;
	const char        *fallback;          /* or NULL */
	enum text_language language;
	const struct zone *zone;
	struct endpoint   *endpoint;          /* of a webhook; a reference */
	const char       **to;
	size_t             n_to;
	bool               configured;        /* false: gone from the configuration, and kept until its last attempt ends */
	unsigned           generation;        /* of `to`: what recipients' bits mean */

	struct queue       queue;
	bool               disabled;          /* 410 */
	bool               spilled;           /* something was turned away: ask for it when there is room */

	/* how many attempts at the same time: halved by a failure, one more by a success */
	unsigned           window, n_flights;
	bool               failing;           /* the last attempt that ended failed */
	struct mono        failing_since;
	struct mono        hold_until;        /* Retry-After of 429 and 503 holds for all */
	struct mono        swept;             /* when the fallback was last thought of */
	struct mono        dead_next;         /* when it may be told of again that alerts were given up */
	uint64_t           n_dead_untold;
	char               dead_last[EVENT_MAX_ID + 128];   /* which the last of them was */

	uint64_t           n_sent, n_failed, n_dead, n_suppressed;
	uint64_t           latency[NOTIFY_N_BUCKETS + 1];
	double             latency_sum_s;
};

struct receiver *receiver_create(struct sipkey key);
void receiver_destroy(struct receiver *r);

/* Copies a configuration that notify_settings_check() found good, and takes its endpoint; forgets that it was disabled, held or failing. */
void receiver_configure(struct receiver *r, const struct notify_receiver *c, struct endpoint *endpoint);

/* The ends of attempts: how many more at once, how long it took. */
void receiver_arrived(struct receiver *r, int64_t latency_ms);
void receiver_failed(struct receiver *r, struct mono now);

#endif
