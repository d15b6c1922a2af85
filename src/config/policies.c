/* Defaults and policies. */
#include "model.h"
#include "scalar.h"

static enum reopen_how how_of(const struct node *n, const char *key, enum reopen_how otherwise)
{
	static const char *const names[] = { "resume", "new-cycle", "ignore", NULL };
	const struct node *v = good(n, key);
	int i = v != NULL ? name_index(names, v->text) : -1;

	return i >= 0 ? (enum reopen_how)i : otherwise;
}

struct reopen reopen_build(const struct node *n, struct reopen otherwise)
{
	const struct node *within = good(n, "within");
	struct reopen r = otherwise;

	r.after = how_of(n, "after", otherwise.after);
	r.later = how_of(n, "later", otherwise.later);
	if (within != NULL)
		r.within_ms = scalar_ms(within->text);
	return r;
}

static bool says(const struct node *map, const char *key, const char *word)
{
	const struct node *n = good(map, key);

	return node_is_scalar(n) && str_eqz(n->text, word);
}

static enum on_change on_change_of(const struct node *map, enum on_change otherwise)
{
	if (good(map, "on_change") == NULL)
		return otherwise;
	return says(map, "on_change", "from-change") ? CHANGE_FROM_CHANGE : CHANGE_RETROACTIVE;
}

struct policy *policy_ref(struct load *l, struct node *name)
{
	struct node *map = node_getz(l->root, "policies");

	if (name == NULL || name->bad || name->kind != NODE_SCALAR)
		return NULL;
	const struct node *p = node_get(map, name->text);

	if (p == NULL) {
		load_error(l, name, "there is no policy '" STR_FMT "'%s", STR_ARG(name->text), load_hint(l, name->text, map));
		return NULL;
	}
	return p->built;
}

static void policy_build(struct load *l, struct node *n, const struct policy *defaults)
{
	struct policy *p = arena_alloc(l->arena, sizeof *p);
	struct node *calendar = node_getz(n, "calendar");

	p->node = n;
	p->name = n->key.p;
	p->calendar = calendar != NULL ? calendar_ref(l, good(n, "calendar")) : defaults->calendar;
	if (calendar == NULL && node_getz(node_getz(l->root, "defaults"), "calendar") == NULL)
		load_error_key(l, n, "policies." STR_FMT " has no calendar, here or in defaults", STR_ARG(n->key));
	p->reopen = reopen_build(good(n, "reopen"), defaults->reopen);
	p->on_change = on_change_of(n, defaults->on_change);
	p->new_tickets_only = says(n, "effective", "new-tickets");
	p->escalations = node_getz(n, "escalation") != NULL ? choices_build(l, good(n, "escalation")) : defaults->escalations;
	metrics_build(l, p);
	n->built = p;
	l->whole->pub.n_policies++;
}

/* Everything that is said nowhere is put into the tree, so that `config show` tells it. */
static void defaults_build(struct load *l, struct policy *out)
{
	struct node *n = section(l, "defaults");
	struct rules *rules = &l->whole->rules;

	put_default(l, n, "boundary", "close");
	put_default(l, n, "on_change", "retroactive");
	put_default(l, n, "reopen", "{after: resume, within: 14d, later: new-cycle}");
	out->calendar = calendar_ref(l, good(n, "calendar"));
	out->escalations = choices_build(l, good(n, "escalation"));
	out->on_change = on_change_of(n, CHANGE_RETROACTIVE);
	out->reopen = reopen_build(good(n, "reopen"), (struct reopen){ REOPEN_RESUME, REOPEN_NEW_CYCLE, 14 * MS_PER_DAY });
	rules->notify = receivers_ref(l, good(n, "notify"), &rules->n_notify);
	l->whole->pub.boundary = says(n, "boundary", "next-open") ? BOUNDARY_NEXT_OPEN : BOUNDARY_CLOSE;
	l->whole->pub.calendar = out->calendar;
}

void policies_build(struct load *l)
{
	struct node *map = node_getz(l->root, "policies");
	struct policy defaults = { 0 };

	defaults_build(l, &defaults);
	for (struct node *c = node_is_map(map) ? map->first : NULL; c != NULL; c = c->next) {
		if (!c->bad && c->kind == NODE_MAP)
			policy_build(l, c, &defaults);
	}
}
