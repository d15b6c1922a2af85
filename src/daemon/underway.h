/*
 * The events that are on their way to the disk, in the order of the journal, each with who waits for it. Of tickets that were not in memory when an
 * event for them came it knows how many more are under way, and by which number the engine knows the ticket once the first of them has brought it
 * there. Knows neither store nor engine.
 */
#ifndef PLAZO_SRC_DAEMON_UNDERWAY_H
#define PLAZO_SRC_DAEMON_UNDERWAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "core/engine.h"

struct daemon;

/* What became of an event: ERR_OK and `result`, or ERR_FULL or ERR_IO when it is not on disk. */
typedef void journal_done_fn(struct daemon *d, void *ctx, size_t index, enum err err, enum apply result);

#define NO_STRANGER UINT32_MAX

struct moving {
	uint32_t            ticket;    /* the engine's number, held; ENGINE_NO_TICKET: it was not in memory when the event came */
	uint32_t            stranger;  /* then: which of those it is, else NO_STRANGER */
	struct wall         received;
	const struct event *event;     /* where whoever waits keeps it until the answer; NULL: it is read back from its record */
	journal_done_fn    *fn;
	void               *ctx;
	size_t              index;
};

/* A ticket that was not in memory. Two of one hash count as one. */
struct stranger {
	uint64_t hash;
	uint32_t n;                    /* events under way; 0: free, `ticket` is the next free one */
	uint32_t ticket;               /* held for each of the n; ENGINE_NO_TICKET: it is not in memory yet */
};

struct underway {
	struct moving   *v;            /* owned: a ring */
	size_t           first, n, cap;   /* cap: a power of two, or 0 */
	uint64_t         n_gone;       /* since the start */
	struct stranger *strangers;    /* owned */
	uint32_t         n_strangers, cap_strangers, free_stranger;
	struct map       index;        /* of `strangers` by hash */
};

void underway_init(struct underway *u);
void underway_finish(struct underway *u);

/* At the end. Where its ticket has no number, `hash` is that of its name, and says which stranger it is. */
void underway_put(struct underway *u, struct moving m, uint64_t hash);

/* The i-th from the front, or NULL. Valid until one is put in. */
static inline const struct moving *underway_at(const struct underway *u, size_t i)
{
	return i < u->n ? &u->v[(u->first + i) & (u->cap - 1)] : NULL;
}

/* The number of its ticket, if it is known. */
static inline uint32_t underway_ticket(const struct underway *u, const struct moving *m)
{
	return m->stranger == NO_STRANGER ? m->ticket : u->strangers[m->stranger].ticket;
}

/* The first, which goes. */
struct moving underway_take(struct underway *u);

/* One event less for a stranger; gives what it was until then. */
struct stranger underway_arrived(struct underway *u, uint32_t i);

/* One of which more events are under way is in memory now, held for each of them. */
void underway_found(struct underway *u, uint32_t i, uint32_t ticket);

#endif
