/* Targets: three ways to write one list, the overrides of contracts, and what a duration means on a calendar. */
#include "base/limits.h"
#include "model.h"

static void add(struct targets *t, struct target target, struct node *at)
{
	t->v[t->n] = target;
	t->at[t->n++] = at;
}

static struct targets make(struct load *l, size_t n)
{
	return (struct targets){ arena_array(l->arena, n + 1, sizeof(struct target)), arena_array(l->arena, n + 1,
												  sizeof(struct node *)), 0 };
}

/* False for a node that was complained about. */
static bool read_span(struct load *l, const struct node *n, struct target *t)
{
	char text[SPAN_TEXT_LEN];

	if (n == NULL || n->bad || n->kind != NODE_SCALAR || span_parse(n->text, &t->span, NULL) != ERR_OK)
		return false;
	/* A target in days of 24 hours is told as it was written; others in the one shortest way. */
	t->text = t->span.calendar_days ? n->text.p : arena_strdup(l->arena, span_format(&t->span, text));
	return true;
}

static void add_by_priority(struct load *l, struct targets *out, struct node *map)
{
	struct target t = { .always = true };
	struct node *otherwise = good(map, "default");

	for (struct node *c = map->first; c != NULL; c = c->next) {
		struct target one = { .when = cond_priority(l, c->key) };

		if (!str_eqz(c->key, "default") && read_span(l, c, &one))
			add(out, one, c);
	}
	if (read_span(l, otherwise, &t))
		add(out, t, otherwise);
}

static void add_entry(struct load *l, struct targets *out, struct node *entry)
{
	struct node *when = node_getz(entry, "when");
	struct target t = { .always = when == NULL };

	if (entry->bad || entry->kind != NODE_MAP || (when != NULL && when->bad))
		return;
	t.when = cond_build(l, when);
	t.calendar = calendar_ref(l, good(entry, "calendar"));
	if (read_span(l, good(entry, "target"), &t))
		add(out, t, node_getz(entry, "target"));
}

struct targets targets_build(struct load *l, struct node *n)
{
	struct targets out = make(l, n != NULL ? n->n + 1 : 0);
	struct target t = { .always = true };

	if (n == NULL || n->bad)
		return out;
	if (n->n > CONFIG_MAX_TARGETS) {
		load_error(l, n, "more than %d targets", CONFIG_MAX_TARGETS);
		return out;
	}
	if (n->kind == NODE_SCALAR && read_span(l, n, &t))
		add(&out, t, n);
	else if (n->kind == NODE_MAP)
		add_by_priority(l, &out, n);
	for (struct node *c = n->kind == NODE_LIST ? n->first : NULL; c != NULL; c = c->next) {
		if (out.n > 0 && out.v[out.n - 1].always)
			load_warn(l, c, "never reached: the entry before it has no `when` and fits every ticket");
		add_entry(l, &out, c);
	}
	return out;
}

static bool same_when(const struct target *a, const struct target *b)
{
	return a->always == b->always && (a->always || cond_equal(&a->when, &b->when));
}

/* The calendar of what `t` overrides: of the first entry that holds wherever `t` does. */
static const struct calendar *calendar_overridden(const struct targets *base, const struct target *t)
{
	for (size_t i = 0; i < base->n; i++) {
		if (base->v[i].always || (!t->always && cond_implies(&t->when, &base->v[i].when)))
			return base->v[i].calendar;
	}
	return NULL;
}

/* Behind the leading entries that are more specific than `t`, in front of all others. */
static void insert(struct targets *out, struct target t, struct node *at)
{
	size_t place = 0;

	if (t.always)
		place = out->n;
	while (place < out->n && !out->v[place].always && cond_implies(&out->v[place].when, &t.when))
		place++;
	for (size_t i = out->n; i > place; i--) {
		out->v[i] = out->v[i - 1];
		out->at[i] = out->at[i - 1];
	}
	out->v[place] = t;
	out->at[place] = at;
	out->n++;
}

static void replace(struct target *entry, const struct target *by)
{
	entry->span = by->span;
	entry->text = by->text;
	if (by->calendar != NULL)
		entry->calendar = by->calendar;
}

static void override(struct targets *out, const struct targets *base, struct target t, struct node *at)
{
	for (size_t i = 0; i < out->n; i++) {
		if (same_when(&out->v[i], &t)) {
			replace(&out->v[i], &t);
			out->at[i] = at;
			return;
		}
	}
	if (t.calendar == NULL)
		t.calendar = calendar_overridden(base, &t);
	insert(out, t, at);
}

struct targets targets_override(struct load *l, const struct targets *base, struct node *n)
{
	struct targets by = targets_build(l, n), out = make(l, base->n + by.n);

	for (size_t i = 0; i < base->n; i++)
		add(&out, base->v[i], base->at[i]);
	if (n->kind == NODE_SCALAR && by.n == 1 && base->n > 0) {
		for (size_t i = 0; i < out.n; i++) {
			replace(&out.v[i], &by.v[0]);
			out.at[i] = n;
		}
		return out;
	}
	/* From the last to the first: each goes in front, and so they end in the order in which they are written. */
	for (size_t i = by.n; i > 0; i--)
		override(&out, base, by.v[i - 1], by.at[i - 1]);
	return out;
}

/* ---- what it means on a calendar ---- */

/* A clock of this target would run for ever and tell nobody: the calendar has only some dates, and they are over or too few. */
static bool is_never_due(const struct load *l, const struct span *s, const struct calendar *c)
{
	if (s->kind == SPAN_DAYS)
		return wall_is_never(calendar_add_days(c, l->opt->now, s->days, s->eod ? DAY_END : DAY_SAME_TIME));
	return s->kind == SPAN_TIME && wall_is_never(calendar_add(c, l->opt->now, s->ms, BOUNDARY_CLOSE));
}

static void check_on(struct load *l, const struct target *t, struct node *at, const struct calendar *c)
{
	char hours[SPAN_TEXT_LEN];

	if (c == NULL || at->bad || calendar_is_always(c))
		return;
	if (t->span.kind == SPAN_TIME && t->span.calendar_days) {
		int64_t days = t->span.ms / MS_PER_DAY;

		load_error(l, at, "'" STR_FMT "' counts whole days, but calendar '%s' is not always open: did you mean '%lldbd'?",
			   STR_ARG(at->text), calendar_name(c), (long long)(days > 0 ? days : 1));
		return;
	}
	/* Told once, although several calendars may apply. */
	if (at->built == l)
		return;
	if (l->problems->n_errors == 0 && is_never_due(l, &t->span, c)) {
		at->built = l;
		load_warn(l, at, "calendar '%s' has not so many hours from now on: a clock of %s is never due", calendar_name(c), t->text);
	} else if (t->span.kind == SPAN_TIME && t->span.ms > 0 && t->span.ms % MS_PER_DAY == 0) {
		at->built = l;
		load_warn(l, at, "%s of opening hours of calendar '%s' take several days: business days are written as 1bd",
			  span_format_ms(t->span.ms, hours), calendar_name(c));
	}
}

void targets_check(struct load *l, const struct targets *t, const struct calendar *const *cals, size_t n_cals)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i].calendar != NULL) {
			check_on(l, &t->v[i], t->at[i], t->v[i].calendar);
			continue;
		}
		for (size_t k = 0; k < n_cals; k++)
			check_on(l, &t->v[i], t->at[i], cals[k]);
	}
}
