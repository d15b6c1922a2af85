/* Contracts: a policy with its overrides merged in, the calendars that may apply, and who is meant. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "digest.h"
#include "model.h"
#include "scalar.h"

/* ---- overrides ---- */

static void check_overrides(struct load *l, const struct policy *p, struct node *overrides)
{
	for (struct node *c = overrides != NULL ? overrides->first : NULL; c != NULL; c = c->next) {
		const struct node *metrics = node_getz(p->node, "metrics");

		if (!c->bad && node_get(metrics, c->key) == NULL)
			load_error_key(l, c, "policy '%s' has no metric '" STR_FMT "' to override%s", p->name, STR_ARG(c->key),
				       load_hint(l, c->key, metrics));
	}
}

static const struct calendar **calendars_of(struct load *l, const struct contract *c, const struct metric *m, size_t *n_out)
{
	const struct calendar **v = arena_array(l->arena, c->n_sites + 1, sizeof(struct calendar *));
	size_t n = 0;

	if (m->calendar != NULL) {
		v[n++] = m->calendar;
	} else {
		v[n++] = c->calendar;
		for (size_t i = 0; i < c->n_sites; i++)
			v[n++] = c->sites[i].calendar;
	}
	*n_out = n;
	return v;
}

static void metrics_fold(struct load *l, struct contract *c, const struct policy *p, struct node *overrides)
{
	struct metric *v = arena_array(l->arena, p->n_metrics + 1, sizeof *v);

	check_overrides(l, p, overrides);
	for (size_t i = 0; i < p->n_metrics; i++) {
		struct node *by = good(overrides, p->metrics[i].name);
		struct targets t = by != NULL ? targets_override(l, &p->targets[i], by) : p->targets[i];
		size_t n_cals;
		const struct calendar **cals = calendars_of(l, c, &p->metrics[i], &n_cals);

		v[i] = p->metrics[i];
		v[i].targets = t.v;
		v[i].n_targets = t.n;
		metric_watch(&v[i]);
		targets_check(l, &t, cals, n_cals);
	}
	c->metrics = v;
	c->n_metrics = p->n_metrics;
}

/* ---- the rest ---- */

static void sites_build(struct load *l, struct contract *c, struct node *map)
{
	if (!node_is_map(map))
		return;
	struct site *v = arena_array(l->arena, map->n + 1, sizeof *v);

	for (struct node *s = map->first; s != NULL; s = s->next) {
		const struct calendar *cal = s->bad ? NULL : calendar_ref(l, good(s, "calendar"));

		if (cal != NULL)
			v[c->n_sites++] = (struct site){ s->key.p, cal };
	}
	c->sites = v;
}

/* Midnight of the local date in the contract's own calendar; `next` for the day after. */
static struct wall midnight(const struct contract *c, const struct node *date, int32_t next)
{
	struct civil day = scalar_holiday(date->text);
	int64_t local = (int64_t)(civil_to_days(day) + next) * MS_PER_DAY;

	return c->calendar != NULL ? zone_instant(calendar_zone(c->calendar), local) : (struct wall){ local };
}

static void term_build(struct load *l, struct contract *c, struct node *n)
{
	struct node *starts = good(n, "starts"), *ends = good(n, "ends");

	c->starts = starts != NULL ? midnight(c, starts, 0) : WALL_PAST;
	c->ends = ends != NULL ? midnight(c, ends, 1) : WALL_NEVER;
	if (ends != NULL && starts != NULL && !wall_before(c->starts, c->ends))
		load_error(l, ends, "the contract ends before it starts");
	else if (ends != NULL && c->ends.ms <= l->opt->now.ms)
		load_warn(l, ends, "contract '%s' ended on " STR_FMT, c->id, STR_ARG(ends->text));
}

static const struct str *strs_of(struct load *l, struct node *n, size_t *n_out)
{
	size_t count;
	const char *const *z = texts_of(l, n, &count);
	struct str *v = arena_array(l->arena, count + 1, sizeof *v);

	for (size_t i = 0; i < count; i++)
		v[i] = str_of(z[i]);
	*n_out = count;
	return v;
}

static void contract_build(struct load *l, struct node *n, struct contract *c)
{
	struct policy *p = policy_ref(l, good(n, "policy"));
	struct node *match = good(n, "match");

	if (p == NULL)
		return;
	p->used = true;
	*c = (struct contract){ .id = n->key.p, .customer = text_of(l, n, "customer", n->key.p), .policy = p->name,
				.calendar = p->calendar,
				.reopen = p->reopen, .on_change = p->on_change, .new_tickets_only = p->new_tickets_only,
				.boundary = l->whole->pub.boundary };
	if (node_getz(n, "calendar") != NULL)
		c->calendar = calendar_ref(l, good(n, "calendar"));
	sites_build(l, c, good(n, "sites"));
	struct choices esc = node_getz(n, "escalation") != NULL ? choices_build(l, good(n, "escalation")) : p->escalations;

	c->escalations = esc.v;
	c->n_escalations = esc.n;
	metrics_fold(l, c, p, good(n, "targets"));
	term_build(l, c, n);
	c->organizations = strs_of(l, good(match, "organization"), &c->n_organizations);
	c->domains = strs_of(l, good(match, "domain"), &c->n_domains);
}

/* A policy that no contract uses is still read by people: it is held to its own calendar. */
static void check_unused(struct load *l)
{
	struct node *map = node_getz(l->root, "policies");

	for (struct node *n = node_is_map(map) ? map->first : NULL; n != NULL; n = n->next) {
		const struct policy *p = n->built;

		for (size_t i = 0; p != NULL && !p->used && i < p->n_metrics; i++) {
			const struct calendar *cal = p->metrics[i].calendar != NULL ? p->metrics[i].calendar : p->calendar;

			targets_check(l, &p->targets[i], &cal, 1);
		}
	}
}

/* ---- match ---- */

/* One name that a contract is found by. */
struct claim {
	struct str         text;       /* a domain folded to small letters */
	struct node       *at;
	const char        *contract;
	size_t             order;
};

static int by_claim(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int c = str_cmp(x->text, y->text);

	return c != 0 ? c : x->order < y->order ? -1 : x->order > y->order;
}

static void claim(struct load *l, struct claim *v, size_t *n, struct node *at, const char *contract, bool fold)
{
	struct str text = arena_str(l->arena, at->text);

	if (fold) {
		char *z = arena_strdup(l->arena, text.p);

		for (size_t i = 0; z[i] != '\0'; i++)
			z[i] = (char)tolower((unsigned char)z[i]);
		text.p = z;
	}
	v[*n] = (struct claim){ text, at, contract, *n };
	(*n)++;
}

static size_t count_claims(const struct node *map, const char *key)
{
	size_t n = 0;

	for (const struct node *c = map->first; c != NULL; c = c->next) {
		const struct node *list = node_getz(node_getz(c, "match"), key);

		n += list != NULL ? list->n + 1 : 0;
	}
	return n;
}

static void check_claims(struct load *l, struct node *map, const char *key, bool fold)
{
	struct claim *v = arena_array(l->arena, count_claims(map, key) + 1, sizeof *v);
	size_t n = 0;

	for (struct node *c = map->first; c != NULL; c = c->next) {
		struct node *list = good(good(c, "match"), key);

		if (node_is_scalar(list))
			claim(l, v, &n, list, c->key.p, fold);
		for (struct node *e = list != NULL ? list->first : NULL; e != NULL; e = e->next) {
			if (node_is_scalar(e))
				claim(l, v, &n, e, c->key.p, fold);
		}
	}
	qsort(v, n, sizeof *v, by_claim);
	for (size_t i = 1; i < n; i++) {
		if (str_eq(v[i].text, v[i - 1].text) && v[i].contract != v[i - 1].contract)
			load_warn(l, v[i].at,
				  "%s '" STR_FMT "' belongs to contract '%s' as well: events of neither will be matched by it", key,
				  STR_ARG(v[i].at->text), v[i - 1].contract);
	}
}

void contracts_build(struct load *l)
{
	struct node *map = node_getz(l->root, "contracts");
	struct rules *rules = &l->whole->rules;

	if (node_is_map(map) && !map->bad) {
		struct contract *v = arena_array(l->arena, map->n + 1, sizeof *v);
		size_t n = 0;

		for (size_t i = 0; i < map->n; i++) {
			struct node *c = map->index[i];

			if (c->bad || c->kind != NODE_MAP)
				continue;
			contract_build(l, c, &v[n]);
			if (v[n].id != NULL && l->problems->n_errors == 0) {
				v[n].digest = digest_contract(l, &v[n]);
				v[n].form = digest_form(&v[n]);
			}
			n += v[n].id != NULL;
		}
		rules->contracts = v;
		rules->n_contracts = n;
		check_claims(l, map, "organization", false);
		check_claims(l, map, "domain", true);
	}
	check_unused(l);
}
