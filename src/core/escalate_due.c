/* Which steps of one clock are due, and which comes next. */
#include "escalate_work.h"

/* What is left of a step: the next firing's number and whether it may still come. */
static inline bool step_open(const struct fired_clock *fc, const struct step *s, uint32_t *rep)
{
	const struct fired_step *fs = fc != NULL ? fired_find_step(fc, str_of(s->text)) : NULL;

	*rep = fs != NULL && s->kind == STEP_AFTER_BREACH && breach_spent(fc) ? fs->rep : 0;
	if (s->kind == STEP_BREACH)
		return !breach_spent(fc);
	if (s->kind == STEP_AFTER_BREACH)
		return *rep < s->times;
	return fs == NULL || !fs->spent;
}

static void push_due(struct work *w, struct due_step d)
{
	if (w->n_due == w->cap_due) {
		uint32_t cap = w->cap_due ? w->cap_due * 2 : 8;

		w->due = arena_grow(w->en->scratch, w->due, w->cap_due, cap, sizeof(*w->due));
		w->cap_due = cap;
	}
	if (w->n_due > 0 && d.step != NULL && w->due[w->n_due - 1].step == d.step)
		w->due[w->n_due - 1].repeated = !d.skip;
	w->due[w->n_due++] = d;
}

static bool is_due(const struct work *w, struct instant *at)
{
	if (w->fr->cause == CAUSE_TIME)
		return instant_by(at, w->fr->only) && wall_eq(at->at, w->fr->only);
	return instant_before(at, w->fr->now);
}

static void is_next(struct work *w, struct instant *at)
{
	w->next = *instant_first(&w->next, at);
}

/* A breach that a change brought about at this very instant is one already: no event of the instant can undo it (rule 8). */
static bool breach_is_due(struct work *w)
{
	if (w->fr->cause != CAUSE_TIME && !wall_is_never(w->c->breach_at))
		return true;
	return is_due(w, &w->breach);
}

static bool names_breach(const struct escalation *esc)
{
	for (size_t i = 0; esc != NULL && i < esc->n_steps; i++)
		if (esc->steps[i].kind == STEP_BREACH)
			return true;
	return false;
}

void work_find_due(struct work *w)
{
	size_t n = w->esc != NULL ? w->esc->n_steps : 0;
	bool due = breach_is_due(w), spent = breach_spent(w->fc);
	/* While the breach is to come, so are the steps behind it, and later: they are not looked for. */
	bool before = !spent && !due && !instant_before(&w->breach, w->fr->now);

	w->next = INSTANT_NEVER;
	for (size_t i = 0; i < n; i++) {
		const struct step *s = &w->esc->steps[i];
		struct due_step d = { .step = s };

		if ((before && s->kind == STEP_AFTER_BREACH && s->offset_ms > 0) || !step_open(w->fc, s, &d.rep))
			continue;
		for (; d.rep < s->times; d.rep++) {
			struct instant at = w->breach;

			if (s->kind != STEP_BREACH)
				clock_step(w->c, s, d.rep, &d.skip, &at);
			if (s->kind == STEP_BREACH ? !due : !is_due(w, &at)) {
				is_next(w, &at);
				break;
			}
			d.at = instant_find(&at);
			push_due(w, d);
		}
	}
	if (spent || names_breach(w->esc))
		return;
	if (due)
		push_due(w, (struct due_step){ .at = instant_find(&w->breach) });
	else
		is_next(w, &w->breach);
}

void work_escalate(struct work *w, const struct escalation *esc)
{
	w->esc = esc;
	w->percent = 100;
	for (size_t i = 0; esc != NULL && i < esc->n_steps; i++) {
		const struct step *s = &esc->steps[i];

		if (s->kind == STEP_PERCENT && s->percent < w->percent)
			w->percent = s->percent;
		if (s->kind == STEP_BEFORE_DUE && s->offset_ms > w->before)
			w->before = s->offset_ms;
		w->by_wall = w->by_wall || (s->kind == STEP_BEFORE_DUE && s->by_wall);
	}
}

bool work_is_quiet(struct work *w)
{
	const struct clock *c = w->c;
	int64_t total = clock_total(c), least;

	if (w->fc != NULL || w->by_wall || !clock_is_live(c) || !wall_is_never(c->breach_at))
		return false;
	if (c->target->span.kind != SPAN_TIME || c->budget + c->extra <= w->before)
		return false;
	least = w->percent < 100 ? clock_used_at(c, w->percent) : total;
	least = least < total - w->before ? least : total - w->before;
	/* The due time alone obeys `next-open`. */
	if (least < total)
		clock_reach(c, least, BOUNDARY_CLOSE, &w->next);
	else
		w->next = w->breach;
	return !instant_before(&w->next, w->fr->now);
}

struct wall escalate_next(struct opened *o, struct clock *c, struct str *step_out)
{
	const struct escalation *esc = contract_escalation(o->facts.promised, o->facts.attr);
	const struct fired_clock *fc = fired_find(&o->fired, metric_of(c), c->cycle);
	struct wall first = WALL_NEVER;
	struct str name = { NULL, 0 };

	if (!c->shown)
		return WALL_NEVER;
	if (!breach_spent(fc)) {
		struct instant breach = clock_breach(c);

		first = instant_find(&breach);
		name = wall_is_never(first) ? name : STR("breach");
	}
	for (size_t i = 0; esc != NULL && i < esc->n_steps; i++) {
		struct instant at;
		uint32_t rep;
		bool skip;

		if (!step_open(fc, &esc->steps[i], &rep))
			continue;
		clock_step(c, &esc->steps[i], rep, &skip, &at);
		if (instant_before(&at, first)) {
			first = at.at;
			name = str_of(esc->steps[i].text);
		}
	}
	if (step_out != NULL)
		*step_out = name;
	return first;
}
