/* What the parts of notify.h share: notify.c (life, queues), dispatch.c (what is tried when, what its end means), attempt.c (trying), own.c. */
#ifndef PLAZO_NOTIFY_NOTIFY_PRIVATE_H
#define PLAZO_NOTIFY_NOTIFY_PRIVATE_H

#include "base/buf.h"
#include "notify/notify.h"
#include "notify/receiver.h"
#include "notify/retry.h"
#include "notify/smtp.h"
#include "notify/webhook.h"

#define NOTIFY_MAX_ALL_FLIGHTS 256       /* attempts at the same time, of all receivers: descriptors */
#define NOTIFY_TURN            64        /* attempts begun in one turn of the loop */
#define NOTIFY_LATE_MS         1000      /* what leaves later than this after it could have is late, and says so */
#define NOTIFY_SWEEP_MS        5000      /* how often a failing receiver's queue is looked through for its fallback */
#define NOTIFY_AGE_MS          MS_PER_DAY     /* of a delivery, after which it is not tried again … */
#define NOTIFY_LEAST_MS        MS_PER_H       /* … but not sooner than this after a start: the network may come later than we */
#define NOTIFY_OWN_MS          MS_PER_H       /* between two daemon.dead about one receiver */

struct now { struct wall wall; struct mono mono; };

/* One try of one delivery, or of a test. */
struct attempt {
	struct notify   *n;
	struct receiver *r;
	struct delivery *d;                          /* NULL: a test */
	notify_test_fn  *test_fn;
	void            *test_ctx;
	struct webhook  *webhook;                    /* of the two, one; or none, and then it is over at once */
	struct smtp_job *job;
	bool             over;                       /* a test whose end is known: told in the next turn */
	uint8_t          to[NOTIFY_MAX_RECIPIENTS];  /* of the i-th recipient of the job: its number in the receiver */
	size_t           n_to;
	unsigned         generation;
	struct attempt  *prev, *next;
};

/* How it ended. */
struct ending {
	enum outcome outcome;
	int          status;
	int64_t      retry_after_ms;                 /* -1: not said */
	const char  *detail;
};

struct notify {
	const struct notify_ops *ops;
	void                    *ctx;
	struct event            *timer, *stop_timer;
	struct webhooks         *webhooks;
	struct smtp             *smtp;
	uint64_t                 random;
	struct sipkey            key;                /* of the hash tables */
	struct arena            *mem;                /* of the settings below */
	struct notify_settings   settings;           /* `receivers` is NULL: they are here: */
	struct receiver        **receivers;          /* in order of the configuration; those that are gone at the end */
	size_t                   n_receivers, n_configured;
	uint64_t                 n_endpoints;        /* made so far */
	struct attempt          *attempts;           /* under way */
	size_t                   n_attempts;
	bool                     stopping;
};

struct now notify_now(const struct notify *n);
struct receiver *notify_receiver_of(const struct notify *n, const char *name);

/* The timer's next turn comes at once. */
void notify_wake(struct notify *n);

/* ---- dispatch.c ---- */

/* Begins what is due of one receiver, at most *budget attempts. */
void dispatch_receiver(struct notify *n, struct receiver *r, struct now now, unsigned *budget);

/* When dispatch_receiver() has something to do next. INT64_MAX: when something happens. */
struct mono dispatch_next(const struct receiver *r, struct now now);

/* Takes `d` out of its queue, settles it and frees it. */
void dispatch_final(struct notify *n, struct receiver *r, struct delivery *d, enum notify_state state, int status, const char *detail);

/* The same as dead, after the alert went to the fallback. */
void dispatch_dead(struct notify *n, struct receiver *r, struct delivery *d, int status, const char *detail);

/* The same as dead, after the alert went to the defaults: there is no receiver, and so no fallback. */
void dispatch_orphan(struct notify *n, struct receiver *r, struct delivery *d);

/* Warnings of the clock of `a` that wait are settled as suppressed. */
void dispatch_breached(struct notify *n, struct receiver *r, const struct alert *a);

/* An attempt has ended; it is out of the list, and d, when not NULL, is still flying. */
void dispatch_ended(struct notify *n, struct receiver *r, struct delivery *d, const struct ending *e);

/* ---- own.c: alerts that notify makes of itself; none of them goes to the receiver that it is about ---- */

/* `r` has answered 410. */
void own_endpoint(struct notify *n, struct receiver *r, struct now now);

/* `a` is given up: one alert in NOTIFY_OWN_MS tells how many were since the last, of daemon.dead itself none. What had to wait for that goes with a turn. */
void own_dead(struct notify *n, struct receiver *r, const struct alert *a, int status);
void own_turn(struct notify *n, struct receiver *r, struct now now);

/* ---- attempt.c ---- */

/* `d` is flying. Ends by dispatch_ended(), perhaps before this returns. */
void attempt_start(struct notify *n, struct receiver *r, struct delivery *d, struct now now);
void attempt_start_test(struct notify *n, struct receiver *r, notify_test_fn *fn, void *ctx, struct now now);

/* Tells the ends of tests that were over at once. */
void attempt_turn(struct notify *n);

/* Ends it without a word to anybody. */
void attempt_cancel(struct attempt *a);

#endif
