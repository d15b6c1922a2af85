/*
 * Which steps of which clocks fire. Two ways lead here. Time passes: steps fire one by one at their own instants. Or the history changed:
 * then every step that the change put into the past is looked at together, and of each clock the highest alone is sent (rule 13), a
 * breach that turns out never to have been is retracted (rule 14), steps that moved into the future may fire again (rule 15), and
 * those who were told hear when the clock has stopped.
 */
#include "escalate_work.h"

#include <stdlib.h>

#include "base/limits.h"

static struct fired_clock *entry(struct work *w)
{
	if (w->fc == NULL)
		w->fc = fired_add(&w->o->fired, metric_of(w->c), w->c->cycle);
	return w->fc;
}

static enum step_kind kind_of(const struct due_step *d)
{
	return d->step != NULL ? d->step->kind : STEP_BREACH;
}

static int by_instant(const void *x, const void *y)
{
	const struct due_step *a = x, *b = y;

	if (a->at.ms != b->at.ms)
		return a->at.ms < b->at.ms ? -1 : 1;
	if (kind_of(a) != kind_of(b))
		return kind_of(a) < kind_of(b) ? -1 : 1;
	if (a->step != b->step)
		return a->step < b->step ? -1 : 1;
	return a->rep < b->rep ? -1 : a->rep > b->rep;
}

/* ---- saying it ---- */

static struct str reason_of(struct work *w, const struct due_step *d)
{
	static const char *const of_time[] = {
		[STEP_PERCENT] = "of the target is used", [STEP_BEFORE_DUE] = "the due time is near",
		[STEP_BREACH] = "not stopped by its due time", [STEP_AFTER_BREACH] = "still not stopped",
	};
	static const char *const of_change[EVENT_N_TYPES] = {
		[EVENT_OPENED] = "; it arrived late", [EVENT_CHANGED] = "; the ticket changed", [EVENT_REOPENED] = "; the ticket was reopened",
		[EVENT_EXTENDED] = "; the target was extended",
	};
	const char *change = "";

	if (w->fr->cause == CAUSE_RULES)
		change = "; the configuration changed";
	else if (w->fr->cause == CAUSE_EVENT)
		change = of_change[w->fr->event->type] != NULL ? of_change[w->fr->event->type] : "; a late event came in";
	return str_of(arena_printf(w->fx->arena, "%s: %s, target %s%s", d->step->text, of_time[d->step->kind],
				   w->c->target != NULL ? w->c->target->text : "none", change));
}

static void set_receivers(struct work *w, struct alert *al, const struct step *s, bool tell, bool breach)
{
	struct str *v = arena_array(w->fx->arena, s->n_receivers, sizeof(*v));

	for (size_t i = 0; i < s->n_receivers; i++) {
		v[i] = arena_str(w->fx->arena, str_of(s->receivers[i]));
		if (tell)
			fired_tell(&w->o->fired, entry(w), str_of(s->receivers[i]), breach);
	}
	al->receivers = v;
	al->n_receivers = s->n_receivers;
}

static void say(struct work *w, const struct due_step *d, enum alert_unsent unsent)
{
	static const enum alert_type types[] = {
		[STEP_PERCENT] = ALERT_WARNING, [STEP_BEFORE_DUE] = ALERT_WARNING, [STEP_BREACH] = ALERT_BREACH,
		[STEP_AFTER_BREACH] = ALERT_ESCALATION,
	};
	struct wall at = w->fr->cause == CAUSE_TIME ? d->at : wall_max(d->at, w->fr->moved_at);
	struct alert *al = effects_alert(w->fx, w->en, w->o, w->c, at);
	struct fired_step *fs = fired_step(&w->o->fired, entry(w), str_of(d->step->text));

	al->type = types[d->step->kind];
	al->step = arena_str(w->fx->arena, str_of(d->step->text));
	al->occurrence = ++fs->count;
	al->unsent = w->c->waived ? ALERT_WAIVED : unsent;
	al->late_ms = w->fr->cause == CAUSE_EVENT ? w->fr->now.ms - at.ms : 0;
	al->reason = reason_of(w, d);
	set_receivers(w, al, d->step, al->unsent == ALERT_TO_SEND, d->step->kind >= STEP_BREACH);
	alert_set_id(al);
	if (al->unsent == ALERT_TO_SEND)
		w->en->stats.n_fired[al->type]++;
}

/* A new breach: the steps after it count from it anew. */
static void begin_breach(struct work *w)
{
	struct fired_clock *fc = entry(w);

	w->o->fired.changed = true;
	fc->breach_spent = true;
	for (size_t i = 0; w->esc != NULL && i < w->esc->n_steps; i++) {
		const struct step *s = &w->esc->steps[i];
		struct fired_step *fs = s->kind == STEP_AFTER_BREACH ? fired_find_step(fc, str_of(s->text)) : NULL;

		if (fs != NULL)
			fs->rep = 0;
	}
}

static void fire(struct work *w, const struct due_step *d, enum alert_unsent unsent)
{
	/* An event that puts a thousand repeats into the past must not cost a thousand rows. */
	bool counted = unsent != ALERT_TO_SEND && d->repeated;
	struct fired_step *fs;

	if (kind_of(d) == STEP_BREACH)
		begin_breach(w);
	if (d->step == NULL)
		return;
	if (!d->skip && !counted)
		say(w, d, unsent);
	fs = fired_step(&w->o->fired, entry(w), str_of(d->step->text));
	fs->count += counted && !d->skip;
	w->o->fired.changed = true;
	if (d->step->kind == STEP_AFTER_BREACH)
		fs->rep = d->rep + 1;
	else
		fs->spent = true;
}

/* After the breach was told a warning is old news, whatever brings it: time, too, where a target was over before it began. */
static enum alert_unsent why_outrun(const struct due_step *d, bool breached)
{
	return breached && kind_of(d) < STEP_BREACH ? ALERT_OUTRUN : ALERT_TO_SEND;
}

/* What a change has put into the past: what of it is only recorded. */
static enum alert_unsent why_unsent(struct work *w, const struct due_step *d, bool highest, bool breached)
{
	if (w->fr->cause == CAUSE_EVENT && w->fr->event->quiet)
		return ALERT_IMPORTED;
	/* What is over without a breach by the time it is known of worries nobody any more. */
	if (!clock_is_live(w->c) && wall_is_never(instant_find(&w->breach)))
		return ALERT_OVER;
	if (!highest)
		return ALERT_SUPERSEDED;
	return why_outrun(d, breached);
}

static void fire_due(struct work *w)
{
	bool changed = w->fr->cause != CAUSE_TIME, breached = breach_spent(w->fc);
	uint32_t highest = 0;

	qsort(w->due, w->n_due, sizeof(*w->due), by_instant);
	for (uint32_t i = 0; i < w->n_due; i++)
		if (w->due[i].step != NULL && !w->due[i].skip)
			highest = i;
	for (uint32_t i = 0; i < w->n_due; i++)
		fire(w, &w->due[i], changed ? why_unsent(w, &w->due[i], i == highest, breached) : why_outrun(&w->due[i], breached));
}

/* ---- when the history changed ---- */

static void say_again(struct work *w, enum alert_type type, struct wall at, const char *step, uint32_t occurrence, const char *reason,
		      const struct str *receivers, size_t n)
{
	struct alert *al = effects_alert(w->fx, w->en, w->o, w->c, at);

	al->type = type;
	al->step = str_of(step);
	al->occurrence = occurrence;
	al->receivers = receivers;
	al->n_receivers = n;
	al->reason = arena_str(w->fx->arena, str_of(reason));
	al->late_ms = w->fr->now.ms - at.ms;
	alert_set_id(al);
}

/*
 * That it is over is for those who have not heard so, a retraction for all who were told of the breach. Those are who all its steps told, maybe more
 * than one alert may name: then there are several, with one id.
 */
static void tell_again(struct work *w, enum alert_type type, struct wall at, const char *step, uint32_t occurrence, const char *reason)
{
	struct fired_clock *fc = w->fc;
	struct str *v = arena_array(w->fx->arena, fc->n_told + 1, sizeof(*v));
	size_t n = 0;

	for (uint32_t i = 0; i < fc->n_told; i++)
		if (type == ALERT_CLEARED ? i >= fc->n_over : fc->told[i].breach)
			v[n++] = arena_str(w->fx->arena, fc->told[i].receiver);
	for (size_t i = 0; i < n; i += ALERT_MAX_RECEIVERS)
		say_again(w, type, at, step, occurrence, reason, v + i, n - i < ALERT_MAX_RECEIVERS ? n - i : ALERT_MAX_RECEIVERS);
	w->en->stats.n_fired[type] += n > 0;
}

static bool told_of_breach(const struct fired_clock *fc)
{
	for (uint32_t i = 0; i < fc->n_told; i++)
		if (fc->told[i].breach)
			return true;
	return false;
}

/* A breach that was seen and is no longer there: moved away, or never was (rule 14). */
static void look_at_breach(struct work *w)
{
	struct fired_clock *fc = w->fc;

	if (fc == NULL || instant_before(&w->breach, w->fr->now) || !wall_is_never(w->c->breach_at))
		return;
	w->o->fired.changed = w->o->fired.changed || fc->breach_spent;
	fc->breach_spent = false;
	/* One that an extension had moved away may never have been, too. */
	if (w->c->breached || !told_of_breach(fc))
		return;
	tell_again(w, ALERT_RETRACTED, w->fr->now, "breach", ++fc->n_retracted, "a late event shows that the target was not breached");
	fired_retract(&w->o->fired, fc);
}

/* Steps whose instant moved into the future may come again. */
static void look_at_steps(struct work *w)
{
	for (size_t i = 0; w->fc != NULL && w->esc != NULL && i < w->esc->n_steps; i++) {
		const struct step *s = &w->esc->steps[i];
		struct fired_step *fs = fired_find_step(w->fc, str_of(s->text));
		bool skip;
		struct instant at;

		if (fs == NULL || !fs->spent || s->kind == STEP_AFTER_BREACH)
			continue;
		clock_step(w->c, s, 0, &skip, &at);
		if (instant_before(&at, w->fr->now) || wall_is_never(instant_find(&at)))
			continue;
		w->o->fired.changed = true;
		fs->spent = false;
	}
}

static const char *why_cleared(const struct work *w)
{
	if (w->c->waived)
		return ALERT_REASON_WAIVED;
	if (w->c->phase != PHASE_STOPPED || w->c->target == NULL)
		return ALERT_REASON_CANCELLED;
	return instant_before(&w->c->due, w->c->stopped) ? "stopped after its due time" : "stopped in time";
}

static void clear_if_over(struct work *w)
{
	struct fired_clock *fc = w->fc;
	struct wall at = w->c->stopped;

	if (fc == NULL || fc->n_told == fc->n_over || (clock_is_live(w->c) && !w->c->waived))
		return;
	if (wall_is_never(at))
		at = wall_min(w->c->none_since, w->fr->moved_at);
	tell_again(w, ALERT_CLEARED, at, "cleared", ++fc->n_cleared, why_cleared(w));
	fired_over(&w->o->fired, fc);
}

/* ---- verdicts ---- */

static bool has_verdict(const struct work *w)
{
	return !clock_is_live(w->c) || breach_spent(w->fc);
}

/* Of all that a verdict says; never 0. */
static uint32_t fingerprint(const struct work *w)
{
	struct clock *c = w->c;
	const int64_t facts[] = {
		(int64_t)clock_state(c, w->fr->now)[0], c->breached || breach_spent(w->fc), c->waived, c->stopped.ms, instant_find(&c->due).ms,
		c->stopped.ms == INT64_MAX ? 0 : clock_idle(c, c->stopped),
	};

	uint64_t h = 0;

	/* Nobody gains by a collision: the finalizer of splitmix64 is enough. */
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		h = (h ^ (uint64_t)facts[i]) * UINT64_C(0xbf58476d1ce4e5b9);
		h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
		h ^= h >> 31;
	}
	return (uint32_t)h | 1;
}

static void judge(struct work *w)
{
	struct clock *c = w->c;
	struct arena *a = w->fx->arena;
	struct wall now = w->fr->now;
	uint32_t print;
	struct verdict *v;

	if (!has_verdict(w))
		return;
	print = fingerprint(w);
	if (w->fc != NULL && w->fc->verdict == print)
		return;
	w->o->fired.changed = true;
	entry(w)->verdict = print;
	v = effects_verdict(w->fx);
	v->ns = arena_str(a, ticket_ns(w->en, w->o->t));
	v->ticket = arena_str(a, ticket_id(w->o->t));
	v->contract = arena_str(a, str_of(w->o->facts.promised->id));
	v->metric = arena_str(a, metric_of(c));
	v->agreement = str_of(agreement_names[c->metric->agreement]);
	v->priority = arena_str(a, w->o->facts.attr[ATTR_PRIORITY]);
	v->target = arena_str(a, str_of(c->target != NULL ? c->target->text : ""));
	v->cycle = c->cycle;
	v->state = str_of(clock_state(c, now));
	v->breached = c->breached || breach_spent(w->fc);
	v->waived = c->waived;
	v->started = c->started;
	v->stopped = c->stopped;
	v->due = instant_find(&c->due);
	v->elapsed_ms = clock_used(c, now);
	v->paused_ms = clock_idle(c, now);
}

/* The event is the last one, and of those that change nothing of a clock that is over. */
static bool comes_after_all(const struct work *w)
{
	const struct history *h = &w->o->history;

	return w->fr->cause == CAUSE_EVENT && h->v[h->n - 1].order == h->n - 1 && (1u << w->fr->event->type & PLAIN_TYPES);
}

/* A clock that is over has nothing more to say when its verdict stands as it was given; and a new revision asks it nothing (rule 16). */
static bool is_settled(const struct work *w)
{
	const struct fired_clock *fc = w->fc;

	if (clock_is_live(w->c))
		return false;
	if (w->fr->cause == CAUSE_RULES && clock_is_over(w->c))
		return true;
	if (fc == NULL || fc->n_told > fc->n_over || fc->breach_spent != !wall_is_never(w->c->breach_at))
		return false;
	/* Time changes nothing of it either. */
	if (fc->verdict != 0 && (w->fr->cause == CAUSE_TIME || (w->c->was_over && comes_after_all(w))))
		return true;
	return fc->verdict == fingerprint(w);
}

static void work_on(struct work *w)
{
	bool changed = w->fr->cause != CAUSE_TIME;

	if (changed) {
		look_at_breach(w);
		look_at_steps(w);
	}
	work_find_due(w);
	if (w->n_due > 0) {
		fire_due(w);
		w->next = instant_of(escalate_next(w->o, w->c, NULL));
	}
	if (changed)
		clear_if_over(w);
	judge(w);
}

void escalate(struct engine *en, struct opened *o, const struct firing *fr, struct effects *fx)
{
	struct work w = { .en = en, .o = o, .fr = fr, .fx = fx };
	struct instant next = INSTANT_NEVER;

	work_escalate(&w, contract_escalation(o->facts.promised, o->facts.attr));
	for (uint32_t i = 0; i < o->facts.n_clocks; i++) {
		w.c = o->facts.clocks[i];
		if (!w.c->shown)
			continue;
		w.n_due = 0;
		w.breach = clock_breach(w.c);
		w.fc = o->fired.n > 0 ? fired_find(&o->fired, metric_of(w.c), w.c->cycle) : NULL;
		if (is_settled(&w))
			continue;
		if (!work_is_quiet(&w))
			work_on(&w);
		next = *instant_first(&next, &w.next);
	}
	o->next = instant_find(&next);
}
