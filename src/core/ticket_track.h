/*
 * The state of a ticket's fold, between the walk over events and revisions (ticket.c) and what holds for each of its metrics at present
 * (ticket_track.c): which target, which calendar, paused or not.
 */
#ifndef PLAZO_SRC_CORE_TICKET_TRACK_H
#define PLAZO_SRC_CORE_TICKET_TRACK_H

#include "ticket.h"

/* A metric through the life of the ticket. A contract that lacks it leaves it without a target, not without a past. */
struct track {
	const struct metric *metric;    /* the present definition, or the last or next one there is */
	bool                 present;   /* the present contract has it */
	bool                 fresh;     /* its clock or its definition is new: whether it is paused must be asked */
	struct clock        *clock;     /* of the present cycle; NULL before the first */
};

/* The state of the fold over events and revisions. */
struct fold {
	const struct timeline *tl;
	struct arena          *arena;
	struct ticket_facts   *f;
	struct track          *tracks;
	uint32_t               n_tracks;
	uint32_t               cap_clocks;
	struct watch           watch;               /* of all tracks together */
	bool                   fresh;               /* one of them is */
	bool                   responded;           /* a public reply of an agent has been, or a resolution */
	bool                   ended;               /* cancelled or merged: nothing starts until it is reopened */
	const struct str      *before;              /* the attributes before the present event */
	struct str             saved[ATTR_N_RULES];
	uint32_t               changed;             /* attributes that the present event gives another value, as bits */
	const struct contract *first;               /* the first it ever has: lends its calendar to the time before (rule 8: counted from the start) */
	const struct contract *latest;              /* whose metrics were added last */
	bool                   several;             /* others than the first were added, too */
	const char            *looked_for;          /* whose bytes lie at one place: `found`, in the revisions of these numbers */
	size_t                 found_from, found_to;
	const struct contract *found;
};

/* Its clock has begun and is not over: it counts, or stands. */
static inline bool track_runs(const struct track *tr)
{
	return tr->clock != NULL && (tr->clock->phase == PHASE_RUNNING || tr->clock->phase == PHASE_PAUSED);
}

/*
 * The target of a metric's clocks while the ticket has these attributes, NULL for none; and whether they stand then: paused, or
 * not held.
 */
const struct target *metric_target(const struct metric *m, const struct str attr[ATTR_N_RULES]);
bool metric_stands(const struct metric *m, const struct str attr[ATTR_N_RULES]);

/* Another cycle of the metric's clock begins. */
void track_start(struct fold *fd, struct track *tr, struct wall t);

/* Its target and calendar as of now, from `t` on. */
void track_retarget(struct fold *fd, struct track *tr, struct wall t);

/* The same for all, after a change of these attributes (bits); and whether they are paused, where that may have changed. */
void tracks_retarget(struct fold *fd, struct wall t, uint32_t changed);
void tracks_pause_or_resume(struct fold *fd, struct wall t);

/* The present contract's definitions take the place of the ones before. */
void tracks_update(struct fold *fd);

/* Adds every metric that the contract has and the contracts before had not; `k` may be NULL. */
void tracks_add(struct fold *fd, const struct contract *k);

#endif
