/*
 * What has been said about a ticket: which steps of which clocks fired how often, and who was told. This, and not the clocks, depends on
 * the order in which events arrived; it is kept with the ticket, as bytes that are empty as long as nothing was said.
 */
#ifndef PLAZO_SRC_CORE_FIRED_H
#define PLAZO_SRC_CORE_FIRED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "history.h"
#include "symbols.h"

struct fired_step {
	struct str step;      /* its text */
	uint32_t sym;         /* the symbol of it that was read; 0: it is new */
	uint32_t count;       /* firings ever: the last `occurrence` */
	uint32_t rep;         /* firings since the present breach, of a step after it */
	bool     spent;       /* fired, and its instant has not moved beyond the present since */
};

struct told { struct str receiver; uint32_t sym; bool breach; };    /* was told of the breach or of what came after */

struct fired_clock {
	struct str         metric;
	uint32_t           sym;           /* as above */
	uint32_t           cycle;
	bool               breach_spent;  /* the present breach has been seen */
	uint32_t           n_cleared, n_retracted;
	uint32_t           verdict;       /* fingerprint of the verdict given last, 0 for none */
	struct fired_step *steps;
	uint32_t           n_steps;
	struct told       *told;
	uint32_t           n_told;
	uint32_t           n_over;        /* the first of them heard since that it is over, and stay for a breach that never was */
};

struct fired {
	struct arena       *arena;        /* keeps */
	struct fired_clock *v;
	uint32_t            n, cap;
	uint32_t            near;         /* where the last one was found: clocks are asked for in about the order in which they spoke */
	bool                changed;      /* what is here is no longer what was read; whoever writes a field sets it */
};

/* The texts of what is read belong to `syms`. False for bytes that are none of ours. */
bool fired_read(struct str bytes, const struct symbols *syms, struct arena *a, struct fired *out);

/* Symbols are taken anew for what is written: drop those of the old bytes with fired_drop() afterwards. `out` has no maximum. */
void fired_write(const struct fired *f, struct symbols *syms, struct buf *out);
void fired_drop(struct str bytes, struct symbols *syms);

/* The same bytes with every symbol replaced by what map() says. */
bool fired_translate(struct str bytes, history_map_fn *map, void *ctx, struct buf *out);

/* The clock's entry, or NULL; and a new one where there is none, whose text is borrowed until fired_write(). */
struct fired_clock *fired_find(struct fired *f, struct str metric, uint32_t cycle);
struct fired_clock *fired_add(struct fired *f, struct str metric, uint32_t cycle);
struct fired_step *fired_find_step(const struct fired_clock *fc, struct str step);    /* NULL where fc is NULL or never fired it */
struct fired_step *fired_step(struct fired *f, struct fired_clock *fc, struct str step);
void fired_tell(struct fired *f, struct fired_clock *fc, struct str receiver, bool breach);

/* All have heard that the clock is over: who was told of no breach is forgotten. Then that the breach never was: who heard both is. */
void fired_over(struct fired *f, struct fired_clock *fc);
void fired_retract(struct fired *f, struct fired_clock *fc);

#endif
