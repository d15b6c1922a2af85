#include "clock.h"

static const struct why no_why = { NULL, { NULL, 0 } };

static struct seg *last_seg(const struct clock *c)
{
	return &c->segs[c->n_segs - 1];
}

/* Open time of the segment by `t`, which does not lie before it. */
static int64_t open_by(const struct seg *s, struct wall t)
{
	return calendar_between(s->calendar, s->from, wall_min(t, s->to));
}

static void push_seg(struct clock *c, struct wall t, const struct calendar *cal, enum seg_kind kind, struct why why)
{
	const struct seg *last = last_seg(c);
	int64_t open = open_by(last, t), used = last->used, idle = last->idle;

	last_seg(c)->to = t;
	*(last->kind == SEG_RUN ? &used : &idle) += open;
	if (c->n_segs == c->cap_segs) {
		c->segs = arena_grow(c->arena, c->segs, c->cap_segs, (size_t)c->cap_segs * 2, sizeof(*c->segs));
		c->cap_segs *= 2;
	}
	c->segs[c->n_segs++] = (struct seg){ t, WALL_NEVER, used, idle, cal, kind, why };
}

/* The segment that holds `t`: the last that begins at or before it. */
static const struct seg *seg_at(const struct clock *c, struct wall t)
{
	uint32_t lo = 0, hi = c->n_segs;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->segs[mid].from.ms <= t.ms)
			lo = mid;
		else
			hi = mid;
	}
	return &c->segs[lo];
}

static struct wall end_of(const struct clock *c, struct wall now)
{
	now = wall_min(now, c->none_since);
	return clock_is_over(c) ? wall_min(now, c->stopped) : now;
}

int64_t clock_used(const struct clock *c, struct wall now)
{
	struct wall t = end_of(c, now);
	const struct seg *s = seg_at(c, t);

	if (wall_before(t, c->started))
		return 0;
	return s->used + (s->kind == SEG_RUN ? open_by(s, t) : 0);
}

int64_t clock_idle(const struct clock *c, struct wall now)
{
	struct wall t = end_of(c, now);
	const struct seg *s = seg_at(c, t);

	if (wall_before(t, c->started))
		return 0;
	return s->idle + (s->kind == SEG_RUN ? 0 : open_by(s, t));
}

/* The first segment behind whose beginning `used` is passed or met: all before it end with less. */
static uint32_t first_with(const struct clock *c, int64_t used)
{
	uint32_t lo = 0, hi = c->n_segs - 1;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->segs[mid + 1].used < used)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Reached exactly when a pause begins means not yet reached (rule 26), so a segment that ends in a pause gives only instants before its end. */
void clock_reach_slowly(const struct clock *c, int64_t used, enum boundary b, struct instant *out)
{
	for (uint32_t i = first_with(c, used); i < c->n_segs; i++) {
		const struct seg *s = &c->segs[i];

		if (s->kind != SEG_RUN)
			continue;
		instant_after(out, s->calendar, s->from, used - s->used, b);
		if (i + 1 == c->n_segs || (instant_by(out, s->to) && (wall_before(out->at, s->to) || c->segs[i + 1].kind == SEG_RUN)))
			return;
	}
	*out = INSTANT_NEVER;
}

/*
 * Due of a target in days: by date first, then moved on by what was granted and by the open time of every stretch without counting that
 * began by then (rule 6). One that holds the due time ends first, whatever it took out (rule 26); one still going on leaves it unknown.
 * What ends at close of business stays at closing time (rule 23).
 */
static struct wall reach_day(const struct clock *c)
{
	enum boundary b = c->target->span.eod ? BOUNDARY_CLOSE : c->boundary;
	struct wall due = c->day_due;
	int64_t moved = c->extra;

	if (moved > 0)
		due = calendar_add(c->segs[0].calendar, c->day_due, moved, b);
	for (uint32_t i = 0; i < c->n_segs; i++) {
		const struct seg *s = &c->segs[i];

		if (s->kind == SEG_RUN || s->to.ms <= c->base.ms)
			continue;
		if (wall_before(due, s->from))
			break;
		if (i + 1 == c->n_segs)
			return WALL_NEVER;
		moved += calendar_between(s->calendar, wall_max(s->from, c->base), s->to);
		if (moved > 0)
			due = wall_max(due, calendar_add(s->calendar, c->day_due, moved, b));
		if (wall_before(due, s->to))
			due = calendar_add(s->calendar, s->to, 0, BOUNDARY_CLOSE);
	}
	return due;
}

static void find_due(struct clock *c)
{
	if (c->target == NULL)
		c->due = INSTANT_NEVER;
	else if (c->target->span.kind == SPAN_DAYS)
		c->due = instant_of(reach_day(c));
	else
		clock_reach(c, clock_total(c), c->boundary, &c->due);
}

void clock_mark_breach(struct clock *c)
{
	c->breach_at = instant_find(&c->due);
	c->breached = true;
}

/* What a breached clock's due time was stays, until another target moves it (rule 21). */
static void find_due_again(struct clock *c)
{
	if (wall_is_never(c->breach_at))
		find_due(c);
}

void clock_pause(struct clock *c, struct wall t, enum seg_kind kind, struct why why)
{
	if (c->phase != PHASE_RUNNING)
		return;
	push_seg(c, t, last_seg(c)->calendar, kind, why);
	c->phase = PHASE_PAUSED;
	find_due_again(c);
}

void clock_resume(struct clock *c, struct wall t)
{
	if (c->phase != PHASE_PAUSED)
		return;
	push_seg(c, t, last_seg(c)->calendar, SEG_RUN, no_why);
	c->phase = PHASE_RUNNING;
	find_due_again(c);
}

void clock_stop(struct clock *c, struct wall t, bool by_resolution)
{
	/* Stopped while paused: the due time of a resumption at that instant (rule 21). */
	clock_resume(c, t);
	c->phase = PHASE_STOPPED;
	c->stopped = t;
	c->by_resolution = by_resolution;
}

void clock_reopen(struct clock *c, struct wall t)
{
	push_seg(c, c->stopped, last_seg(c)->calendar, SEG_RESOLVED, no_why);
	push_seg(c, t, last_seg(c)->calendar, SEG_RUN, no_why);
	c->phase = PHASE_RUNNING;
	c->stopped = WALL_NEVER;
	c->by_resolution = false;
	find_due_again(c);
}

void clock_cancel(struct clock *c, struct wall t)
{
	c->phase = PHASE_CANCELLED;
	c->stopped = t;
}

/* The budget moved at `t`: a due time that has passed already is a breach now, one that is to come ends a breach. */
static void move_due(struct clock *c, struct wall t)
{
	find_due(c);
	if (!instant_before(&c->due, t)) {
		c->breach_at = WALL_NEVER;
	} else if (wall_is_never(c->breach_at)) {
		c->breach_at = t;
		c->breached = true;
	}
}

static void take_days(struct clock *c, const struct calendar *cal)
{
	const struct span *s = &c->target->span;

	c->day_due = calendar_add_days(cal, c->base, s->days, s->eod ? DAY_END : DAY_SAME_TIME);
	c->budget = calendar_between(cal, c->base, c->day_due);
}

struct clock *clock_start(struct arena *a, const struct metric *m, enum boundary b, const struct calendar *cal, const struct target *target, struct wall t)
{
	struct clock *c = arena_alloc(a, sizeof(*c));

	c->metric = m;
	c->arena = a;
	c->boundary = b;
	c->cycle = 1;
	c->started = c->base = c->none_since = t;
	c->stopped = c->due.at = c->breach_at = WALL_NEVER;
	c->segs = c->first;
	c->n_segs = 1;
	c->cap_segs = sizeof(c->first) / sizeof(c->first[0]);
	c->first[0].from = t;
	c->first[0].to = WALL_NEVER;
	c->first[0].calendar = cal;
	if (target == NULL)
		return c;
	c->target = target;
	c->shown = true;
	c->none_since = WALL_NEVER;
	if (target->span.kind == SPAN_DAYS) {
		take_days(c, cal);
		move_due(c, t);
	} else {
		c->budget = target->span.ms;
		instant_after(&c->due, cal, t, c->budget, b);
	}
	return c;
}

static bool same_span(const struct span *a, const struct span *b)
{
	return a->kind == b->kind && a->ms == b->ms && a->days == b->days && a->eod == b->eod;
}

void clock_retarget(struct clock *c, struct wall t, const struct target *target, const struct calendar *cal, enum on_change how)
{
	bool other = target != NULL && (c->target == NULL || !same_span(&c->target->span, &target->span));
	bool moved = !calendar_same(cal, last_seg(c)->calendar);

	if (clock_is_over(c))
		return;
	if (moved)
		push_seg(c, t, cal, last_seg(c)->kind, last_seg(c)->why);
	else
		last_seg(c)->calendar = cal;      /* of rules in force the same is quicker */
	if (target == NULL) {
		if (c->target != NULL)
			c->none_since = t;
		c->target = NULL;
		c->due = INSTANT_NEVER;
		return;
	}
	c->none_since = WALL_NEVER;
	c->target = target;
	c->shown = true;
	if (!other && !moved)
		return;
	if (other && how == CHANGE_FROM_CHANGE && wall_before(c->started, t)) {
		c->base = t;
		c->base_used = clock_used(c, t);
		c->extra = 0;
	}
	if (target->span.kind == SPAN_DAYS)
		take_days(c, cal);
	else
		c->budget = target->span.ms;
	move_due(c, t);
}

void clock_extend(struct clock *c, struct wall t, int64_t ms)
{
	if (!clock_is_live(c))
		return;
	c->extra += ms;
	move_due(c, t);
}

const char *clock_state(struct clock *c, struct wall now)
{
	if (c->phase == PHASE_CANCELLED || c->target == NULL)
		return "cancelled";
	if (c->phase == PHASE_STOPPED)
		return instant_before(&c->due, c->stopped) ? "breached" : "met";
	if (!wall_is_never(c->breach_at) || instant_before(&c->due, now))
		return "breached";
	return c->phase == PHASE_PAUSED ? "paused" : "running";
}

struct instant clock_breach(struct clock *c)
{
	if (!wall_is_never(c->breach_at))
		return instant_of(c->breach_at);
	if (c->target == NULL || (clock_is_over(c) && !instant_before(&c->due, c->stopped)))
		return INSTANT_NEVER;
	return c->due;
}

/* The first instant that counts for the present target. */
static struct wall first_counted(const struct clock *c)
{
	for (uint32_t i = 0; i < c->n_segs; i++) {
		const struct seg *s = &c->segs[i];
		struct wall t;

		if (s->kind != SEG_RUN || s->to.ms <= c->base.ms)
			continue;
		t = calendar_add(s->calendar, wall_max(s->from, c->base), 0, BOUNDARY_CLOSE);
		if (wall_before(t, s->to))
			return t;
	}
	return WALL_NEVER;
}

static void step_before_due(struct clock *c, const struct step *s, struct instant *out)
{
	if (s->by_wall)
		*out = instant_of(wall_is_never(instant_find(&c->due)) ? WALL_NEVER : wall_max(c->base, wall_plus(c->due.at, -s->offset_ms)));
	else if (s->offset_ms >= c->budget + c->extra)
		/* A target no longer than that: at its start, which is an instant that counts (rules 1 and 23). */
		*out = instant_of(first_counted(c));
	else
		clock_reach(c, clock_total(c) - s->offset_ms, BOUNDARY_CLOSE, out);
}

static void step_after_breach(struct clock *c, const struct step *s, uint32_t rep, bool *skip, struct instant *out)
{
	int64_t after = s->offset_ms + (int64_t)rep * s->every_ms;
	struct wall breach;

	*out = clock_breach(c);
	breach = instant_find(out);
	if (wall_is_never(breach))
		return;
	if (!s->by_wall) {
		clock_reach(c, clock_used(c, breach) + after, BOUNDARY_CLOSE, out);
		return;
	}
	*out = instant_of(wall_plus(breach, after));
	*skip = seg_at(c, out->at)->kind == SEG_RESOLVED;
}

void clock_step(struct clock *c, const struct step *s, uint32_t rep, bool *skip, struct instant *out)
{
	*skip = false;
	if (s->kind == STEP_BREACH) {
		*out = clock_breach(c);
		return;
	}
	*out = INSTANT_NEVER;
	if (c->target == NULL)
		return;
	switch (s->kind) {
	case STEP_PERCENT:
		clock_reach(c, clock_used_at(c, s->percent), BOUNDARY_CLOSE, out);
		break;
	case STEP_BEFORE_DUE:
		step_before_due(c, s, out);
		break;
	case STEP_BREACH:
		break;
	case STEP_AFTER_BREACH:
		step_after_breach(c, s, rep, skip, out);
		break;
	}
	/* Steps at or after the end of the clock do not come: events of the same instant count before them. */
	if (clock_is_over(c) && !instant_before(out, c->stopped))
		*out = INSTANT_NEVER;
}
