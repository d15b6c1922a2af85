/* What the files of the engine share: its tickets in memory, and one ticket opened up to be decided on. */
#ifndef PLAZO_SRC_CORE_ENGINE_PRIVATE_H
#define PLAZO_SRC_CORE_ENGINE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/map.h"
#include "core/engine.h"
#include "fired.h"
#include "history.h"
#include "symbols.h"
#include "ticket.h"

#define NO_TICKET UINT32_MAX

enum ticket_flags {
	TICKET_USED      = 1,     /* the slot holds a ticket */
	TICKET_OPENED    = 4,
	TICKET_OVER      = 8,     /* resolved, closed, cancelled or merged, and nothing left to fire */
	TICKET_UNMATCHED = 16,    /* opened, and no contract fits */
	TICKET_TOLD_UNMATCHED = 32,
	TICKET_TOLD_SKEW = 64,
};

/* One ticket at rest: 56 bytes and one block of bytes for all that varies. */
struct ticket {
	char    *block;          /* owned: id, subject, url, history, fired, one behind the other */
	uint32_t hist_len, fired_len;
	uint16_t subject_len, url_len;
	uint8_t  id_len;
	uint8_t  flags;
	uint16_t n_events;
	uint32_t ns;             /* symbol */
	uint32_t contract;       /* symbol of the id it names; 0: none */
	uint32_t serial;         /* order among tickets: the journal's number of its first event */
	uint32_t plan;           /* how many revisions it was planned under */
	uint32_t next;           /* in the list of free slots */
	uint16_t n_holds;
	uint16_t clocks;         /* how many run, stand and are breached: five bits each, see table_count_clocks() */
	uint64_t seq;            /* journal's number of its last event */
};

#define CHUNK 1024

struct engine {
	struct engine_options opt;
	struct symbols       *symbols;
	struct ticket       **chunks;         /* owned, each of CHUNK tickets */
	uint32_t              n_slots, n_chunks;
	uint32_t              free_first, free_last;   /* slots, reused in the order in which they were left; NO_TICKET: none */
	uint32_t              n_tickets;
	struct map            index;          /* (namespace, id) to slot */
	struct heap           timers;         /* slot by its earliest step */
	uint64_t             *changed;        /* owned, a bit for each slot: changed since it was last taken */
	uint32_t              n_changed;
	struct revisions      revisions;
	uint32_t              replan_at;      /* next slot to look at */
	size_t                block_bytes;
	struct arena         *scratch;        /* one decision's memory */
	struct buf            block, history, record, fired;   /* in the making: the next block, and what goes into it */
	struct str            forgetting;     /* a person who is being forgotten; borrowed */
	int                   forget_round;
	struct engine_stats   stats;
};

/* ---- engine_table.c: tickets at rest ---- */

struct ticket *table_at(const struct engine *en, uint32_t slot);
uint64_t table_hash(const struct engine *en, struct str ns, struct str id);        /* which the next two take */
uint64_t table_hash_of(const struct engine *en, const struct event *e);            /* the same of its ticket */
uint32_t table_find(const struct engine *en, uint64_t hash, struct str ns, struct str id);
uint32_t table_add(struct engine *en, uint64_t hash, struct str ns, struct str id);
void table_remove(struct engine *en, uint32_t slot);        /* gives back all its symbols, takes it from list, timers and index */
void table_changed(struct engine *en, uint32_t slot);
void table_unchanged(struct engine *en, uint32_t slot);
uint32_t table_next_changed(const struct engine *en, uint32_t from, uint32_t end);      /* `end`: none before it */
void table_expect(const struct engine *en, uint32_t slot);      /* a hint: its block is wanted soon */
/* Live clocks are at most CONFIG_MAX_METRICS, so that five bits hold each number. */
uint16_t table_pack_clocks(unsigned running, unsigned paused, unsigned breached);
void table_count_clocks(struct engine *en, struct ticket *t, uint16_t clocks);

struct str ticket_ns(const struct engine *en, const struct ticket *t);
struct str ticket_id(const struct ticket *t);
struct str ticket_subject(const struct ticket *t);
struct str ticket_url(const struct ticket *t);
struct str ticket_history(const struct ticket *t);
struct str ticket_fired(const struct ticket *t);

/* A block in its parts; `record` is one more at the end of the history. */
struct parts { struct str id, subject, url, hist, record, fired; };
struct parts ticket_parts(const struct ticket *t);

/* Puts a new block together from its parts, which may point into the old one. */
void ticket_set_block(struct engine *en, struct ticket *t, const struct parts *n);

/* One more record (or none) at the end of the history, and another last part where `fired` is not NULL. */
void ticket_extend(struct engine *en, struct ticket *t, struct str record, const struct str *fired);

/* ---- one ticket opened up ---- */

struct opened {
	uint32_t            slot;
	struct ticket      *t;
	struct history      history;
	struct ticket_facts facts;
	struct fired        fired;
	struct wall         next;       /* of all its steps that have not fired; set by escalate() */
	struct str          record;     /* of its history, which the block has not got yet: ticket_settle() puts it there */
};

/*
 * Opens a ticket in the scratch arena, from which everything else is gone then, and reads its history; ticket_decide() reads what has fired,
 * too, and makes the facts as of `now`.
 */
struct opened *ticket_open(struct engine *en, uint32_t slot);
void ticket_decide(struct engine *en, struct opened *o, struct wall now);

/* ---- relevance.c ---- */

/* Can the event change a clock of the ticket, what is said about it, or what the engine counts? The history is as before the event. */
bool event_may_matter(const struct engine *en, const struct opened *o, const struct event *e);

/* ---- effects ---- */

/* A new alert about the ticket, with everything but type, step, occurrence, receivers and reason filled in; `c` may be NULL. */
struct alert *effects_alert(struct effects *fx, const struct engine *en, const struct opened *o, struct clock *c, struct wall at);
struct verdict *effects_verdict(struct effects *fx);

/* ---- engine.c ---- */

/* How many revisions were in force by `t`; 1 at least. */
uint32_t engine_plans_by(const struct engine *en, struct wall t);

/*
 * Plans a ticket under each revision that came into force by `t`, as if at the instant at which it did, and fires what is due in between:
 * when its turn comes decides nothing. True when there was anything to do.
 */
bool engine_catch_up(struct engine *en, uint32_t slot, struct wall t, struct effects *fx);

/* The contract that the ticket names by now. */
void ticket_set_contract(struct engine *en, struct ticket *t, struct str id);

/* After a decision: writes the fired state back, counts clocks, sets the timer and the flags. */
void ticket_settle(struct engine *en, struct opened *o, struct wall now);

#endif
