/*
 * The deliveries of one receiver that are in memory: which may be tried now, which waits, and what stands behind what. Of the deliveries
 * of one (namespace, ticket) only the first is ever tried; the others stand behind it, in the order in which they came. Knows no
 * clock and sends nothing.
 */
#ifndef PLAZO_NOTIFY_QUEUE_H
#define PLAZO_NOTIFY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/map.h"
#include "base/siphash.h"
#include "notify/notify.h"

enum delivery_state {
	DELIVERY_BEHIND,      /* another one of its ticket stands before it */
	DELIVERY_WAITING,     /* for `due` */
	DELIVERY_READY,
	DELIVERY_FLYING,
};

struct delivery {
	struct alert        alert;           /* its slices point into `texts` */
	void               *texts;           /* owned */
	enum delivery_state state;
	uint32_t            slot;            /* in the queue; the id in its heaps */
	uint32_t            next;            /* slot of the next one of the ticket, QUEUE_NONE at the end */
	uint32_t            seq;             /* order of arrival */
	unsigned            attempts;
	struct mono         due;             /* not to be tried before */
	struct mono         until;           /* no retry from then on; loop time, so a clock that is set gives nothing up */
	struct wall         could;           /* when it can first leave: its `at`, or the end of its grace */
	struct wall         created;
	bool                fallback_given;
	bool                asked;           /* by somebody: neither overtaken nor looked at */
	bool                forgotten;       /* let go of it when the attempt in flight ends */
	uint64_t            done, refused;   /* of mail: bit i, the i-th recipient has it, or never will */
};

#define QUEUE_NONE UINT32_MAX

struct queue {
	struct delivery **slots;             /* owned; NULL where free */
	uint32_t         *free;              /* slots that are free below n_slots */
	size_t            n_slots, cap, n_free;
	size_t            n, n_mild;         /* deliveries; of these, warnings and clears */
	struct map        ids, tickets;      /* alert id to slot; (ns, ticket) to the slot of its first */
	struct heap       waiting, ready;
	struct sipkey     key;
	uint32_t          seq;
};

void queue_init(struct queue *q, struct sipkey key);
void queue_finish(struct queue *q);

/* Of the same clock: metric and cycle of the same ticket. */
bool alert_same_clock(const struct alert *a, const struct alert *b);

/* NULL when the queue is full for its type. Copies the alert. It stands behind, or waits for `due`. */
struct delivery *queue_put(struct queue *q, const struct alert *a, struct mono due);

struct delivery *queue_find(const struct queue *q, const char *alert_id);

/* Room for breaches, or for warnings. */
size_t queue_room(const struct queue *q, bool mild);

/* What waits no longer than until `now` becomes ready. */
void queue_wake(struct queue *q, struct mono now);

/* When queue_wake() has something to do next; false when nothing waits. */
bool queue_next_due(const struct queue *q, struct mono *due_out);

/* The most urgent one that is ready, or NULL; it becomes DELIVERY_FLYING. */
struct delivery *queue_pop(struct queue *q);

/* After an attempt, or instead of one: it waits for `due`. */
void queue_wait(struct queue *q, struct delivery *d, struct mono due);

/* Takes it out, whatever its state, and gives it; the next of its ticket moves up. */
void queue_take(struct queue *q, struct delivery *d);
void delivery_destroy(struct delivery *d);

/* The first delivery of the alert's ticket, or NULL; and the one behind `d`. */
struct delivery *queue_first(const struct queue *q, const struct alert *a);
struct delivery *queue_next(const struct queue *q, const struct delivery *d);

/* NULL when every invariant holds, else what is broken; for tests. */
const char *queue_check(const struct queue *q);

#endif
