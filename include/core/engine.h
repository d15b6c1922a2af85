/*
 * The decisions: which clock of which ticket is running, and who must be told what when. Deterministic: the same events with the
 * same `received` under the same revisions give the same effects, however time is cut into turns. Asks no clock, does no I/O.
 *
 * A step fires when time has passed its instant (at < now): events of the same millisecond count before it. Tickets do not
 * influence each other; the order of effects of different tickets is (instant, serial number of the ticket).
 */
#ifndef PLAZO_CORE_ENGINE_H
#define PLAZO_CORE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/siphash.h"
#include "core/alert.h"
#include "core/effects.h"
#include "core/engine_view.h"
#include "core/event.h"
#include "core/rules.h"

struct engine;

/* The rules of a revision once more, by its number from 0, with a reference that is the engine's. They decide as those did that engine_revise() was given. */
typedef struct rules *engine_wake_fn(void *ctx, size_t revision);

struct engine_options {
	struct sipkey   key;           /* random for a daemon (kept in the store: fingerprints depend on it), fixed in simulate */
	int64_t         max_skew_ms;   /* rule 12 */
	bool            thorough;      /* for tests, which compare: decides in full also on events that plainly change nothing */
	engine_wake_fn *wake;          /* asked for rules that a decision needs and that had left memory; NULL: none ever leaves */
	void           *wake_ctx;
	size_t          max_guests;    /* rules that stay when they came back between two replans, besides those the decision needs. 0: ENGINE_GUESTS */
};

#define ENGINE_GUESTS 64

enum apply {
	APPLY_DONE,            /* it changed the ticket's history */
	APPLY_DUPLICATE,       /* this ticket has this event already */
	APPLY_CONFLICT,        /* this ticket has an event of this id with another body */
	APPLY_FULL,            /* TICKET_MAX_EVENTS */
	APPLY_FORBIDDEN,       /* the ticket's contract, or the one the event names, is not among the source's */
};

struct engine *engine_create(const struct engine_options *opt);
void engine_destroy(struct engine *en);
void engine_set_max_skew(struct engine *en, int64_t ms);     /* from now on; what was told stays told */

/*
 * Brings a revision into force at `rules->from`: later than the last one's and than `received` of every event before it, not
 * later than that of the events after. Refs it. Open tickets are then replanned in slices by engine_replan(), or when they are touched; each as of `from`, so
 * that when its turn comes decides nothing. When all are, older rules that none of them needs leave memory; without a ticket in memory they do so at once.
 */
void engine_revise(struct engine *en, struct rules *rules);

/* Replans up to `n` tickets that are still planned under an older revision than that of `now`. True while there are more. */
bool engine_replan(struct engine *en, size_t n, struct wall now, struct effects *fx);

const struct rules *engine_rules(const struct engine *en);    /* the revision in force */
/* The one that was in force at `t`; there must be one. May leave memory with the next call that changes the engine: who needs it for longer refs it. */
struct rules *engine_rules_at(struct engine *en, struct wall t);

/* Fires every step whose instant is < now, in order of (instant, ticket). `max` bounds the number of tickets touched; true while more is due. */
bool engine_advance(struct engine *en, struct wall now, size_t max, struct effects *fx);

/* When engine_advance() has something to do next (the first now for which a step fires), or WALL_NEVER. */
struct wall engine_next(const struct engine *en);

/*
 * Applies one event; a revision must be in force. The caller has advanced to e->received before. `seq` is its number in the journal, growing. `allowed` tells
 * which contracts the source may touch (NULL: all). The ticket must be in memory if it exists at all: see engine_load().
 */
enum apply engine_apply(struct engine *en, const struct event *e, uint64_t seq, contract_allowed_fn *allowed, const void *ctx, struct effects *fx);

/*
 * The same for a ticket whose number the caller has; with ENGINE_NO_TICKET it is looked for, and its number goes there if it is in
 * memory then.
 */
enum apply engine_apply_to(struct engine *en, uint32_t *ticket, const struct event *e, uint64_t seq, contract_allowed_fn *allowed, const void *ctx,
			   struct effects *fx);

/* ---- keeping tickets ---- */

#define ENGINE_NO_TICKET UINT32_MAX

/* The number of a ticket in memory, its own while it stays there, or ENGINE_NO_TICKET. */
uint32_t engine_find(const struct engine *en, struct str ns, struct str ticket);

/* Is this ticket in memory, and has this number? Any number may be asked for. */
bool engine_is(const struct engine *en, uint32_t number, struct str ns, struct str ticket);

/* The numbers of the tickets of `n` events, together: much quicker than one by one. */
void engine_find_all(const struct engine *en, const struct event *v, size_t n, uint32_t *out);

/* Hints, which change nothing: these held tickets are the next to be used, and the one after. Their memory comes meanwhile. */
void engine_expect(const struct engine *en, uint32_t next, uint32_t after);
void engine_expect_new(const struct engine *en, uint64_t hash);      /* likewise, of a ticket without a number: event_ticket_hash() of its name */
bool engine_has(const struct engine *en, struct str ns, struct str ticket);

/* Appends the ticket's row (versioned). False when there is no such ticket. */
bool engine_save(const struct engine *en, struct str ns, struct str ticket, struct buf *row);

/*
 * Puts a ticket back that engine_save() wrote; the revisions it was planned under are in force again. ERR_SYNTAX for a row that is none, ERR_CONFLICT when the ticket is in memory.
 * Events with seq up to the row's own are then answered APPLY_DUPLICATE without a look: replay may begin anywhere before.
 */
MUST_CHECK enum err engine_load(struct engine *en, struct str row, struct diag *d);

/* Takes a ticket out of memory. False when there is none. */
bool engine_drop(struct engine *en, struct str ns, struct str ticket);

/*
 * Tickets changed since they were last taken by this function, in the order of their places: calls fn for up to `n` of them, and takes from
 * memory, after fn, those that are over (resolved, closed, cancelled, merged, and nothing left to fire) and not held. Tickets that were opened
 * one after the other are mostly neighbours, so that rows of one page of the disk come together. A round goes over all places that there are
 * when it begins, once: when `at` has come to `end`, all that had changed before are taken, and perhaps more.
 */
struct ticket_row { struct str ns, ticket, contract, row; bool over; struct wall over_at; uint64_t seq; };
typedef void engine_row_fn(void *ctx, const struct ticket_row *row);
struct engine_round { uint32_t at, end; };
struct engine_round engine_round(const struct engine *en);
size_t engine_changed(const struct engine *en);     /* how many there are now */
size_t engine_take_changed(struct engine *en, struct engine_round *round, size_t n, engine_row_fn *fn, void *ctx);

/*
 * A held ticket stays in memory, and its number its own: the caller has an event for it on its way through the journal. Counted, up
 * to 65,535 at a time: one that was held so often stays until the next start. ENGINE_NO_TICKET is ignored.
 */
void engine_hold(struct engine *en, uint32_t ticket);
void engine_release(struct engine *en, uint32_t ticket);

#endif
