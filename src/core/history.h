/*
 * The history of a ticket: what its events said that decides something, as bytes in order of arrival (20 or so an event), and as an array in
 * order of (at, arrival) for whoever computes with it. Append only; a late event finds its place when it is read.
 */
#ifndef PLAZO_SRC_CORE_HISTORY_H
#define PLAZO_SRC_CORE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "core/event.h"
#include "symbols.h"

#define HIST_BODY_MASK 0xffffffu

struct hist_attr { uint32_t attr; uint32_t sym; };    /* sym 0: cleared */

/* One event as the clocks see it. */
struct hist {
	struct wall             at;         /* not after `received`: an event from the future counts from its arrival (rule 12) */
	struct wall             received;
	uint32_t                order;      /* of arrival, from 0 */
	uint64_t                id;         /* keyed fingerprint of the event's id */
	uint32_t                body;       /* fingerprint of its content, the bits of HIST_BODY_MASK */
	uint8_t                 type, role, mode;
	bool                    is_private, automated;
	const struct hist_attr *attrs;
	uint32_t                n_attrs;
	uint32_t                actor;      /* symbols; 0 where not kept */
	uint32_t                metric, reason;   /* of waived and extended */
	int64_t                 by_ms;      /* of extended */
};

/* Takes the symbols that `e` needs and appends it to `out`, which has no maximum. `last_received` is that of the event before (0 for the first). */
void history_append(struct buf *out, struct symbols *syms, const struct event *e, uint64_t id, int64_t last_received);

/* What its events give of each attribute, in order of arrival. */
struct given {
	uint32_t attrs;                  /* as bits, those that any gives */
	uint32_t last[ATTR_N_RULES];     /* the last value, a symbol */
	bool     moves;                  /* there are two contracts, or more */
};

struct history {
	struct hist *v;
	uint32_t     n;
	int64_t      last_received;     /* 0 without events */
	struct wall  first_at, last_at; /* of all; WALL_NEVER and WALL_PAST without events */
	bool         in_order;          /* by (at, arrival) as they are */
	struct given given;
};

/* Reads the events, in order of arrival, with room for one more. Allocates in `a`. False for bytes that are not a history of n_events. */
bool history_read(struct str bytes, uint32_t n_events, struct arena *a, struct history *out);

/* Adds the one record that history_append() wrote; uses up the room for one more. */
void history_push(struct history *h, struct str record, struct arena *a);

/* By (at, arrival). */
void history_sort(struct history *h);

/* The event of this fingerprint, or NULL. */
const struct hist *history_find(const struct history *h, uint64_t id);

/* Gives the symbols back; overwrites `scrap`. */
void history_drop(struct str bytes, struct symbols *syms, struct buf *scrap);

/* Where a name was found: how often as a requester, as an actor, and in how many events. */
struct erased { uint32_t n_requester, n_actor, n_events; };

/* Writes the history with `sym` erased where it names the requester or an actor. */
bool history_erase(struct str bytes, uint32_t sym, struct buf *out, struct erased *found);

/* Writes the history with every symbol replaced by what map() says: to carry it between a row's own table and the engine's. */
typedef uint32_t history_map_fn(void *ctx, uint32_t sym);
bool history_translate(struct str bytes, history_map_fn *map, void *ctx, struct buf *out);

#endif
