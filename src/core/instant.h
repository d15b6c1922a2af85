/*
 * An instant that may not have been looked up yet: so much open time behind another one. Due times and steps are mostly compared alone, and
 * then it is enough that real time passes no slower than open time, and that of two in the same calendar the one behind less of it is first.
 */
#ifndef PLAZO_SRC_CORE_INSTANT_H
#define PLAZO_SRC_CORE_INSTANT_H

#include "core/calendar.h"

struct instant {
	struct wall            at;         /* it, or an instant that is not later while there is a `calendar` */
	const struct calendar *calendar;   /* in which it is to be looked up; NULL: it has been */
	struct wall            from;
	int64_t                open_ms;    /* of open time behind `from`; >= 0 */
};

#define INSTANT_NEVER ((struct instant){ .at = WALL_NEVER })

static inline struct instant instant_of(struct wall at)
{
	return (struct instant){ .at = at };
}

/* That of calendar_add(). */
static inline void instant_after(struct instant *out, const struct calendar *c, struct wall from, int64_t ms, enum boundary b)
{
	if (ms < 0 || b != BOUNDARY_CLOSE)
		*out = instant_of(calendar_add(c, from, ms, b));
	else
		*out = (struct instant){ wall_plus(from, ms), c, from, ms };
}

static inline struct wall instant_find(struct instant *i)
{
	if (i->calendar != NULL)
		i->at = calendar_add(i->calendar, i->from, i->open_ms, BOUNDARY_CLOSE);
	i->calendar = NULL;
	return i->at;
}

static inline bool instant_before(struct instant *i, struct wall t)
{
	return wall_before(i->at, t) && wall_before(instant_find(i), t);
}

/* At `t` or before it. */
static inline bool instant_by(struct instant *i, struct wall t)
{
	return !wall_before(t, i->at) && !wall_before(t, instant_find(i));
}

/* The earlier of two. */
static inline struct instant *instant_first(struct instant *a, struct instant *b)
{
	if (a->calendar != NULL && a->calendar == b->calendar && wall_eq(a->from, b->from) && a->open_ms != b->open_ms)
		return a->open_ms < b->open_ms ? a : b;
	if (wall_is_never(a->at))
		return b;
	if (a->calendar == NULL && !wall_before(b->at, a->at))
		return a;
	if (b->calendar == NULL && !wall_before(a->at, b->at))
		return b;
	return wall_before(instant_find(b), instant_find(a)) ? b : a;
}

#endif
