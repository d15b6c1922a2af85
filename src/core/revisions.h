/*
 * The revisions of the rules, from the first to the one in force. Each stays known for ever by its instant and by the contracts that it changed, some
 * bytes each. Its rules, with all their calendars, may leave memory, and come back when a ticket needs them.
 *
 * A contract that no revision between two others changed is the same in all of them, and the last of these stands for them: so a ticket needs as many
 * rules as its contracts had forms in its time, however many revisions there were, and a ticket whose contract was never changed those in force alone.
 */
#ifndef PLAZO_SRC_CORE_REVISIONS_H
#define PLAZO_SRC_CORE_REVISIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "core/engine.h"
#include "core/rules.h"

#define REVISIONS_QUICK 16      /* the last ones, which stay as quick as those in force while they are in memory */

struct change { uint64_t contract, form; };      /* hash of its id; 0: there is no such contract any more */

struct revision {
	struct wall    from;
	struct rules  *rules;        /* referenced; NULL: not in memory */
	size_t         changes;      /* where its own begin, by contract */
	uint32_t       n_changes;
	bool           guest;        /* came back since the last replan */
	uint64_t       used;         /* the last decision that took something from it */
};

struct revisions {
	struct revision *v;
	size_t           n, cap;
	struct change   *changes;    /* owned; of all, one behind the other: small blocks that stay between large ones that come and go would leave holes */
	size_t           n_changes, cap_changes;
	size_t          *here;       /* owned; numbers of those that are in memory, in no order */
	size_t           n_here;
	struct map       holders;    /* form of a contract to the number of rules that have it; some of them may have left */
	engine_wake_fn  *wake;       /* NULL: none ever leaves */
	void            *wake_ctx;
	uint64_t         decision;   /* the number of the one that is under way: what it takes stays until it ends */
	uint64_t         since;      /* the first decision of the present replan */
	size_t           n_guests, max_guests;     /* above it the first of them has to go again, but for those of the present decision */
	bool             replanning;
	bool             lent;       /* the last one is there for a look */
};

void revisions_init(struct revisions *rs, const struct engine_options *opt);
void revisions_finish(struct revisions *rs);

/* Comes into force at `rules->from`. Refs it. A replan begins. */
void revisions_add(struct revisions *rs, struct rules *rules);

/* Rules that were not needed since then leave memory, and others that have become old become slim; with the end of the replan, or where no ticket is. */
void revisions_sweep(struct revisions *rs);
void revisions_replanned(struct revisions *rs);

/* For a look at what would be: `rules` come last until they are taken back. Borrows. */
void revisions_lend(struct revisions *rs, struct rules *rules);
void revisions_take_back(struct revisions *rs);

/* The last, which is mostly asked for: its rules are always in memory. */
static inline size_t revisions_last(const struct revisions *rs)
{
	return rs->n - 1;
}

/* Number of the one that was in force at `t`; 0 before all. */
static inline size_t revisions_at(const struct revisions *rs, struct wall t)
{
	size_t i = revisions_last(rs);

	while (i > 0 && wall_before(t, rs->v[i].from))
		i--;
	return i;
}

/* All of number `i`. Valid until the next decision. */
struct rules *revisions_rules(struct revisions *rs, size_t i);

/* The contract as of number `i`, or NULL; it is the same in all up to `*end_out`, exclusive. Valid until the next decision. */
const struct contract *revisions_seek(struct revisions *rs, size_t i, struct str id, size_t *end_out);

static inline const struct contract *revisions_contract(struct revisions *rs, size_t i, struct str id, size_t *end_out)
{
	if (i != revisions_last(rs))
		return revisions_seek(rs, i, id, end_out);
	*end_out = rs->n;
	return rules_contract(rs->v[i].rules, id);
}

/* No revision after `from` changed the contract, and there were `most` at most. */
bool revisions_spared(const struct revisions *rs, struct str id, struct wall from, unsigned most);

static inline bool revisions_left_alone(const struct revisions *rs, struct str id, struct wall from, unsigned most)
{
	size_t last = revisions_last(rs);

	return last == 0 || !wall_before(from, rs->v[last].from) || revisions_spared(rs, id, from, most);
}

#endif
