/*
 * One clock: one metric of one ticket in one cycle. It is a list of stretches that count or do not, a budget of open time, and what
 * follows from the two: when it is due, whether it was breached and when each of its steps is reached. Rules 2 to 9, 21 to 27.
 * Knows nothing of events: core/ticket.c tells it what happened, in order of time.
 */
#ifndef PLAZO_SRC_CORE_CLOCK_H
#define PLAZO_SRC_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "core/rules.h"
#include "instant.h"

enum seg_kind { SEG_RUN, SEG_PAUSED, SEG_HELD, SEG_RESOLVED };

/* What a clock is paused for: the first attribute of the condition that fits, and its value. */
struct why { const char *attr; struct str value; };    /* attr NULL: always */

/* A stretch [from, to) in one calendar. */
struct seg {
	struct wall            from, to;   /* to: WALL_NEVER while it is the present one */
	int64_t                used;       /* open time that had counted before `from` */
	int64_t                idle;       /* open time that had not */
	const struct calendar *calendar;
	enum seg_kind          kind;
	struct why             why;        /* of SEG_PAUSED */
};

enum phase { PHASE_RUNNING, PHASE_PAUSED, PHASE_STOPPED, PHASE_CANCELLED };

struct clock {
	const struct metric   *metric;
	struct arena          *arena;        /* for its segments */
	enum boundary          boundary;
	uint32_t               order;        /* of its metric in the ticket */
	uint32_t               cycle;        /* from 1 */
	struct wall            started;
	struct seg            *segs;         /* `first` until there are more: a clock stays where it is */
	uint32_t               n_segs, cap_segs;

	const struct target   *target;       /* NULL: none at present */
	struct wall            base;         /* the present target counts from here: `started`, or a change (from-change) */
	int64_t                base_used;    /* open time that had counted by `base` */
	int64_t                budget;       /* open time of the target; for days: from base to the date */
	struct wall            day_due;      /* of a target in days: due by date, before pauses */
	int64_t                extra;        /* added by `extend` */
	bool                   shown;        /* had a target once */
	struct wall            none_since;   /* it lost its target then; WALL_NEVER while it has one */

	enum phase             phase;
	struct wall            stopped;      /* or cancelled; WALL_NEVER before */
	bool                   by_resolution;
	bool                   was_over;     /* before the last event of the ticket */
	struct instant         due;          /* WALL_NEVER: unknown */
	struct wall            breach_at;    /* of the present breach: its due time, or the change that put it into the past; WALL_NEVER: none */
	bool                   breached;     /* ever */
	bool                   waived;
	struct seg             first[2];
};

/* A clock that runs from `t` on in `cal`, with a target or, NULL, with none yet; in `a`, which it keeps. */
struct clock *clock_start(struct arena *a, const struct metric *m, enum boundary b, const struct calendar *cal, const struct target *target, struct wall t);

/* The present due time has been passed. */
void clock_mark_breach(struct clock *c);

/* Marks the breach when the due time passed before `t`. Called with every instant at which something happens to it, before it does. */
static inline void clock_pass(struct clock *c, struct wall t)
{
	if (wall_before(c->due.at, t) && c->phase == PHASE_RUNNING && c->target != NULL && wall_is_never(c->breach_at) && instant_before(&c->due, t))
		clock_mark_breach(c);
}

/* Stands from `t` on; `kind` SEG_PAUSED or SEG_HELD. */
void clock_pause(struct clock *c, struct wall t, enum seg_kind kind, struct why why);
void clock_resume(struct clock *c, struct wall t);

/* Met or breached at `t`; goes on after clock_reopen(), with the time between not counted. */
void clock_stop(struct clock *c, struct wall t, bool by_resolution);
void clock_reopen(struct clock *c, struct wall t);
void clock_cancel(struct clock *c, struct wall t);

/* Another target (NULL: none) or calendar from `t` on. Where the new due time has passed already, that is a breach at `t`. */
void clock_retarget(struct clock *c, struct wall t, const struct target *target, const struct calendar *cal, enum on_change how);

/* `ms` of open time more. */
void clock_extend(struct clock *c, struct wall t, int64_t ms);

static inline bool clock_is_over(const struct clock *c)
{
	return c->phase >= PHASE_STOPPED;
}

/* Runs or stands with a target, and is not over. */
static inline bool clock_is_live(const struct clock *c)
{
	return c->target != NULL && !clock_is_over(c);
}

/* "running", "paused", "met", "breached", "cancelled" as of `now`. */
const char *clock_state(struct clock *c, struct wall now);

/* Open time counted, and taken out by pauses and by the time spent resolved, up to min(now, the end). */
int64_t clock_used(const struct clock *c, struct wall now);
int64_t clock_idle(const struct clock *c, struct wall now);

/* Open time of the whole target, and of some percent of it, counted from `started`. */
static inline int64_t clock_total(const struct clock *c)
{
	return c->base_used + c->budget + c->extra;
}

static inline int64_t clock_used_at(const struct clock *c, int32_t percent)
{
	return c->base_used + (c->budget + c->extra) * percent / 100;
}

/* The instant at which `used` ms of open time have counted; never while the clock stands before it. */
void clock_reach_slowly(const struct clock *c, int64_t used, enum boundary b, struct instant *out);

static inline void clock_reach(const struct clock *c, int64_t used, enum boundary b, struct instant *out)
{
	const struct seg *s = &c->segs[c->n_segs - 1];

	/* Mostly in the last one. */
	if (s->kind == SEG_RUN && (c->n_segs == 1 || s->used < used))
		instant_after(out, s->calendar, s->from, used - s->used, b);
	else
		clock_reach_slowly(c, used, b, out);
}

/*
 * The instant of a step's firing number `rep` (0 the first). WALL_NEVER when it is not known (paused), does not come (stopped
 * before) or, with *skip set, when it falls into resolved time and is dropped (rule 21).
 */
void clock_step(struct clock *c, const struct step *s, uint32_t rep, bool *skip, struct instant *out);

/* Of the breach itself: breach_at, or the due time of a clock that is not over. */
struct instant clock_breach(struct clock *c);

#endif
