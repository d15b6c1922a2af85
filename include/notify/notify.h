/*
 * Takes alerts that are committed in the outbox to their receivers, and says what became of each. Decides when to try, in what
 * order, when to give up and what the world's answers mean; refuses to know where rows are kept (ops->settle tells), what the
 * clocks say now (ops->look is asked) and what time it is (ops->now is asked). Decides on the loop thread; webhooks are
 * carried by a thread of their own, mail by a few, because libcurl waits for the answer to QUIT wherever it runs.
 *
 * Order: deliveries of one (namespace, ticket) to one receiver go one after the other, in the order in which they were put; the next waits
 * until the one before is settled. Across tickets breaches and escalations go before warnings. A breach that is put makes the
 * warnings of its clock that still wait "breached meanwhile"; of several late steps of one clock only the highest is sent, the
 * others are "superseded". `late_s` of what is sent is the engine's; when the alert leaves a second or more after it could have
 * (its `at`, or the end of its grace), it is the time since `at` if that is more.
 *
 * A fallback gets the alert too, as a delivery of its own (ops->also), once: at 3xx, 401, 403, 404; when its certificate does not hold; when
 * Retry-After is over a minute; when a delivery is given up; and, for all but warnings and clears, when the receiver has failed for a minute and the alert has waited as long.
 */
#ifndef PLAZO_NOTIFY_NOTIFY_H
#define PLAZO_NOTIFY_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/wall.h"
#include "core/alert.h"
#include "notify/settings.h"

struct event_base;
struct notify;

#define NOTIFY_MAX_QUEUE      10000   /* deliveries of one receiver in memory; what is over stays in the outbox */
#define NOTIFY_MAX_WARNINGS   7500    /* of these, warnings and clears: a flood of them leaves room for breaches */
#define NOTIFY_MAX_FLIGHTS    16      /* attempts of one receiver at the same time */
enum notify_state { NOTIFY_SENT, NOTIFY_PENDING, NOTIFY_SUPPRESSED, NOTIFY_DEAD, NOTIFY_N_STATES };
extern const char *const notify_state_names[NOTIFY_N_STATES + 1];   /* "sent", "pending", "suppressed", "dead" */

struct notify_result {
	const char       *alert_id;
	const char       *receiver;
	enum notify_state state;
	unsigned          attempts;        /* made so far, before restarts too */
	struct wall       next_at;         /* of NOTIFY_PENDING; else WALL_NEVER */
	int               status;          /* HTTP or SMTP; 0 when nobody answered */
	const char       *detail;          /* one line, without secrets: "202", "breached meanwhile", "connection refused", …; never NULL */
};

enum notify_look { NOTIFY_SEND, NOTIFY_DROP };

/* All run on the loop thread, may call notify_put(), and must not destroy the notify. All arguments are borrowed. */
struct notify_ops {
	/* The clock on the wall may go back: receivers compare signatures with it, and what is not due by it yet waits. */
	void (*now)(void *ctx, struct wall *wall_out, struct mono *mono_out);

	/* After every attempt and every decision not to make one. All states but NOTIFY_PENDING are final. */
	void (*settle)(void *ctx, const struct notify_result *r);

	/* Right before each attempt: NOTIFY_DROP with a reason ("met meanwhile") suppresses the alert. */
	enum notify_look (*look)(void *ctx, const struct alert *a, const char **reason_out);

	/* Put this alert into the outbox for `receiver` too, unless it has such a row already; once committed, notify_put() it. */
	void (*also)(void *ctx, const struct alert *a, const char *receiver, const char *why);

	/* A new alert (daemon.endpoint, daemon.dead) to its own receivers: into the outbox, then notify_put(). */
	void (*alert)(void *ctx, const struct alert *a);
	/*
	 * notify_put() said ERR_FULL before and now there is room for `room` more, beside the `held` that are in memory: put the oldest pending
	 * rows again. Those that are held are answered ERR_CONFLICT. True while more wait: it is called again once there is room.
	 */
	bool (*refill)(void *ctx, const char *receiver, size_t held, size_t room);

	void (*idle)(void *ctx);         /* notify_stop() was called and the last attempt has ended */
};

/* Keeps `base` and `ops`. `seed` feeds the jitter of retries. curl_global_init() has been called. NULL when libcurl refuses. */
struct notify *notify_create(struct event_base *base, const struct notify_ops *ops, void *ctx, uint64_t seed);

/* Ends what is in flight without settling it, joins its threads (one of mail that a server keeps waiting is left behind after 2 s). NULL is fine. */
void notify_destroy(struct notify *n);

/*
 * Copies everything but the zones. May be called again at any time: queues and attempts in flight stay, receivers are matched by
 * name, a disabled one is enabled again. What waits for a receiver that is gone goes to `defaults`, and is settled as dead.
 * ERR_SYNTAX or ERR_LIMIT with a sentence when an address, URL or secret is none; then nothing has changed.
 */
MUST_CHECK enum err notify_configure(struct notify *n, const struct notify_settings *s, struct diag *d);

struct notify_delivery {
	const struct alert *alert;       /* copied */
	const char         *receiver;
	unsigned            attempts;    /* made before, by this or an earlier process */
	struct wall         next_at;     /* not before this instant: the end of the grace, or of the wait for the next attempt; WALL_PAST: at once */
	struct wall         created;     /* when it was committed: its age, and its place in the queue */
	bool                asked;       /* somebody asked for it: it is sent whatever has become of its clock, without a look */
};

/*
 * Puts one committed delivery into its receiver's queue; nothing is sent before the next turn of the loop. ERR_CONFLICT when it
 * is there already, ERR_FULL when there is no room (the row stays in the outbox; ops->refill will ask for it). A receiver
 * that is not configured is settled as dead at once, and `defaults` get the alert.
 */
enum err notify_put(struct notify *n, const struct notify_delivery *d);

/* False when notify_put() of such an alert would say ERR_FULL; it then counts as said. */
bool notify_has_room(struct notify *n, const char *receiver, enum alert_type type);

/* Takes what waits for (id, receiver) out of memory without settling it, or lets go of it after the attempt in flight. False: not there. */
bool notify_forget(struct notify *n, const char *alert_id, const char *receiver);

/* Shows each alert in memory to `fn`, which may shorten its texts. */
void notify_walk(struct notify *n, void (*fn)(void *ctx, struct alert *a), void *ctx);

/* Does everything that is due by ops->now. The notify's own timer calls it; whoever moves an injected clock does too. */
void notify_tick(struct notify *n);

/*
 * Starts no more attempts. Those in flight go on for `grace_ms`; what has not ended then is given up and settled as pending.
 * ops->idle is called when nothing is in flight any more, from the loop; at once, before this returns, if nothing was.
 */
void notify_stop(struct notify *n, int64_t grace_ms);

/* `ok`, the status and a sentence, as in notify_result. */
typedef void notify_test_fn(void *ctx, bool ok, int status, const char *detail);

/*
 * Sends ALERT_DAEMON_TEST once, past the queue, and calls fn when the answer is there (from the loop, never before this returns).
 * ERR_ABSENT when there is no such receiver; ERR_FULL while stopping.
 */
MUST_CHECK enum err notify_test(struct notify *n, const char *receiver, notify_test_fn *fn, void *fn_ctx);

int64_t notify_busy_ms(const struct notify *n);   /* the thread of the webhooks, at its present piece of work; 0 while it waits */
#define NOTIFY_N_BUCKETS 9
extern const double notify_buckets_s[NOTIFY_N_BUCKETS];   /* upper bounds of the latency histogram, seconds */

struct notify_stats {
	const char      *receiver;            /* borrows until the next notify_configure() */
	enum notify_kind kind;
	uint64_t         n_sent, n_failed;    /* deliveries that arrived; attempts that did not */
	uint64_t         n_dead, n_suppressed;
	size_t           n_pending, n_flights; /* in memory; pending includes those in flight */
	struct wall      oldest;              /* `created` of the oldest pending one; WALL_NEVER when there is none */
	uint64_t         latency[NOTIFY_N_BUCKETS + 1];   /* from when it could be sent to its arrival; not cumulated, the last is the rest */
	double           latency_sum_s;
	bool             disabled;            /* answered 410 since the last notify_configure() */
};

/* The i-th receiver of the configuration; false past the end. */
bool notify_stats(const struct notify *n, size_t i, struct notify_stats *out);

#endif
