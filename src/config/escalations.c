/* Escalations, and which clock has which. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/xalloc.h"
#include "core/alert.h"
#include "model.h"
#include "scalar.h"

const char *receiver_ref(struct load *l, struct node *name)
{
	const struct node *map = node_getz(l->root, "receivers");

	if (name == NULL || name->bad || name->kind != NODE_SCALAR)
		return NULL;
	const struct node *r = node_get(map, name->text);

	if (r == NULL) {
		load_error(l, name, "there is no receiver '" STR_FMT "'%s", STR_ARG(name->text), load_hint(l, name->text, map));
		return NULL;
	}
	return r->key.p;
}

const char *const *receivers_ref(struct load *l, struct node *names, size_t *n_out)
{
	size_t n = 0;

	*n_out = 0;
	if (names == NULL || names->bad)
		return NULL;
	const char **v = arena_array(l->arena, names->n + 1, sizeof(char *));

	for (struct node *c = node_item(names); c != NULL; c = node_next_item(names, c)) {
		const char *r = receiver_ref(l, c);

		if (r == NULL)
			continue;
		for (size_t i = 0; i < n && r != NULL; i++) {
			if (strcmp(v[i], r) == 0) {
				load_error(l, c, "receiver '%s' stands twice", r);
				r = NULL;
			}
		}
		if (n == ALERT_MAX_RECEIVERS && r != NULL)
			load_error(l, c, "more than %d receivers", ALERT_MAX_RECEIVERS);
		else if (r != NULL)
			v[n++] = r;
	}
	*n_out = n;
	return v;
}

/* ---- steps ---- */

static void read_at(struct load *l, struct str at, struct step *s)
{
	int64_t percent = 0;

	s->text = arena_str(l->arena, at).p;
	if (at.p[at.len - 1] == '%') {
		s->kind = STEP_PERCENT;
		if (str_to_i64((struct str){ at.p, at.len - 1 }, 1, 99, &percent) == ERR_OK)
			s->percent = (int32_t)percent;
	} else if (str_starts(at, STR("due-"))) {
		s->kind = STEP_BEFORE_DUE;
		s->offset_ms = scalar_ms((struct str){ at.p + 4, at.len - 4 });
	} else if (at.len > 7) {
		s->kind = STEP_AFTER_BREACH;
		s->offset_ms = scalar_ms((struct str){ at.p + 7, at.len - 7 });
	} else {
		s->kind = STEP_BREACH;
	}
}

static void read_repeat(struct load *l, struct node *n, struct step *s)
{
	struct node *every = node_getz(n, "every"), *times = node_getz(n, "times");

	s->times = 1;
	if (every == NULL && times == NULL)
		return;
	if (every == NULL)
		load_error_key(l, times, "'times' goes with 'every'");
	else if (times == NULL)
		load_error_key(l, every, "'every' without 'times' would never end: say how often in all");
	else if (s->kind != STEP_AFTER_BREACH)
		load_error_key(l, every, "only steps after the breach (breach+30m) repeat");
	else if (!every->bad && !times->bad) {
		int64_t v = scalar_count(times->text);

		if (v > CONFIG_MAX_TIMES)
			load_error(l, times, "more than %d times", CONFIG_MAX_TIMES);
		s->every_ms = scalar_ms(every->text);
		s->times = (uint32_t)v;
	}
}

static void step_build(struct load *l, struct node *n, struct step *s)
{
	struct node *by = good(n, "by");

	read_at(l, node_getz(n, "at")->text, s);
	read_repeat(l, n, s);
	s->by_wall = by != NULL && str_eqz(by->text, "wall");
	if (s->by_wall && (s->kind == STEP_PERCENT || s->kind == STEP_BREACH))
		load_error_key(l, by, "'by: wall' is for due-… and breach+…: '%s' is an instant already", s->text);
	s->receivers = receivers_ref(l, good(n, "notify"), &s->n_receivers);
}

static bool same_at(const struct step *a, const struct step *b)
{
	return a->kind == b->kind && a->percent == b->percent && a->offset_ms == b->offset_ms;
}

static void escalation_build(struct load *l, struct node *n)
{
	struct esc *e = arena_alloc(l->arena, sizeof *e);
	struct step *v = arena_array(l->arena, CONFIG_MAX_STEPS, sizeof *v);
	size_t count = 0;

	e->at = arena_array(l->arena, CONFIG_MAX_STEPS, sizeof(struct node *));
	for (struct node *c = n->first; c != NULL; c = c->next) {
		if (good(c, "at") == NULL)
			continue;
		if (count == CONFIG_MAX_STEPS) {
			load_error(l, c, "more than %d steps", CONFIG_MAX_STEPS);
			break;
		}
		step_build(l, c, &v[count]);
		for (size_t i = 0; i < count; i++) {
			if (same_at(&v[i], &v[count]))
				load_error(l, node_getz(c, "at"), "the step at '%s' stands twice", v[i].text);
		}
		e->at[count++] = c;
	}
	e->node = n;
	e->pub = (struct escalation){ n->key.p, v, count };
	n->built = e;
	l->whole->pub.n_escalations++;
}

void escalations_build(struct load *l)
{
	struct node *map = node_getz(l->root, "escalations");

	for (struct node *c = node_is_map(map) ? map->first : NULL; c != NULL; c = c->next) {
		if (str_eqz(c->key, "none"))
			load_error_key(l, c, "'none' means no escalation: it cannot be the name of one");
		else if (!c->bad && c->kind == NODE_LIST)
			escalation_build(l, c);
	}
}

/* ---- choices ---- */

struct esc *escalation_ref(struct load *l, struct node *name)
{
	struct node *map = node_getz(l->root, "escalations");

	if (name == NULL || name->bad || name->kind != NODE_SCALAR || str_eqz(name->text, "none"))
		return NULL;
	const struct node *e = node_get(map, name->text);

	if (e == NULL) {
		load_error(l, name, "there is no escalation '" STR_FMT "'%s", STR_ARG(name->text), load_hint(l, name->text, map));
		return NULL;
	}
	struct esc *esc = e->built;

	if (esc != NULL)
		esc->used = true;
	return esc;
}

static void add_choice(struct load *l, struct choices *out, bool always, struct cond when, struct node *name)
{
	const struct esc *e = escalation_ref(l, name);

	if (name != NULL && !name->bad)
		out->v[out->n++] = (struct escalation_choice){ always, when, e != NULL ? &e->pub : NULL };
}

struct choices choices_build(struct load *l, struct node *n)
{
	struct choices out = { arena_array(l->arena, n != NULL ? n->n + 1 : 1, sizeof(struct escalation_choice)), 0 };
	struct cond any = { 0 };

	if (n == NULL || n->bad)
		return out;
	if (n->kind == NODE_SCALAR)
		add_choice(l, &out, true, any, n);
	for (struct node *c = n->first; c != NULL; c = c->next) {
		struct node *when = node_getz(c, "when");

		if (n->kind == NODE_LIST && !c->bad && (when == NULL || !when->bad))
			add_choice(l, &out, when == NULL, cond_build(l, when), node_getz(c, "escalation"));
		else if (n->kind == NODE_MAP && !str_eqz(c->key, "default"))
			add_choice(l, &out, false, cond_priority(l, c->key), c);
	}
	if (n->kind == NODE_MAP)
		add_choice(l, &out, true, any, node_getz(n, "default"));
	return out;
}
