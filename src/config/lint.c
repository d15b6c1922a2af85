/* What is legal but odd: warnings that need the whole to be seen. */
#include <string.h>

#include "model.h"

#define SOON_DAYS 60

static void check_holidays(struct load *l)
{
	const struct node *map = node_getz(l->root, "calendars");
	int32_t today = (int32_t)(l->opt->now.ms / MS_PER_DAY);

	for (const struct node *n = node_is_map(map) ? map->first : NULL; n != NULL; n = n->next) {
		const struct cal *cal = n->built;

		if (cal == NULL || cal->last_holiday == 0 || cal->last_holiday >= today + SOON_DAYS)
			continue;
		struct civil last = civil_from_days(cal->last_holiday);

		load_warn(l, cal->holidays,
			  "the holidays of calendar '" STR_FMT "' end on %04d-%02d-%02d: time to add those of next year",
			  STR_ARG(n->key), last.year, last.month, last.day);
	}
}

/* ---- steps against the targets that they serve ---- */

static void serve(struct load *l, const struct escalation_choice *choices, size_t n, const struct target *targets,
		  size_t n_targets)
{
	for (size_t i = 0; i < n; i++) {
		const struct escalation *of = choices[i].escalation;
		struct node *node = of != NULL ? node_getz(node_getz(l->root, "escalations"), of->name) : NULL;
		struct esc *e = node != NULL ? node->built : NULL;

		for (size_t k = 0; e != NULL && k < n_targets; k++) {
			if (targets[k].span.kind == SPAN_DAYS)
				e->endless = true;
			else if (targets[k].span.kind == SPAN_TIME && targets[k].span.ms > e->longest_ms)
				e->longest_ms = targets[k].span.ms;
		}
	}
}

static void gather(struct load *l)
{
	const struct rules *r = &l->whole->rules;
	const struct node *map = node_getz(l->root, "policies");

	for (size_t i = 0; i < r->n_contracts; i++) {
		const struct contract *c = &r->contracts[i];

		for (size_t k = 0; k < c->n_metrics; k++)
			serve(l, c->escalations, c->n_escalations, c->metrics[k].targets, c->metrics[k].n_targets);
	}
	for (const struct node *n = node_is_map(map) ? map->first : NULL; n != NULL; n = n->next) {
		const struct policy *p = n->built;

		for (size_t k = 0; p != NULL && k < p->n_metrics; k++)
			serve(l, p->escalations.v, p->escalations.n, p->targets[k].v, p->targets[k].n);
	}
}

static void check_steps(struct load *l, const struct esc *e)
{
	char longest[SPAN_TEXT_LEN];

	if (!e->used) {
		load_warn_key(l, e->node,
			      "escalation '%s' is used by no contract, policy or default: its steps are never reached", e->pub.name);
		return;
	}
	if (e->endless)
		return;
	if (e->longest_ms == 0) {
		load_warn_key(l, e->node, "escalation '%s' serves no target: its steps are never reached", e->pub.name);
		return;
	}
	for (size_t i = 0; i < e->pub.n_steps; i++) {
		const struct step *s = &e->pub.steps[i];

		if (s->kind == STEP_BEFORE_DUE && s->offset_ms >= e->longest_ms)
			load_warn(l, node_getz(e->at[i], "at"),
				  "%s is before every clock of this escalation starts (longest target: %s): it comes at "
				  "the start", s->text, span_format_ms(e->longest_ms, longest));
		else if (s->kind == STEP_PERCENT && e->longest_ms * s->percent < 100)
			load_warn(l, node_getz(e->at[i], "at"),
				  "%s of every target of this escalation is nothing: it comes at the start", s->text);
	}
}

static void check_escalations(struct load *l)
{
	const struct node *map = node_getz(l->root, "escalations");

	gather(l);
	for (const struct node *n = node_is_map(map) ? map->first : NULL; n != NULL; n = n->next) {
		if (n->built != NULL)
			check_steps(l, n->built);
	}
}

static void check_unused_policies(struct load *l)
{
	const struct node *map = node_getz(l->root, "policies");

	for (const struct node *n = node_is_map(map) ? map->first : NULL; n != NULL; n = n->next) {
		const struct policy *p = n->built;

		if (p != NULL && !p->used)
			load_warn_key(l, n, "policy '%s' is used by no contract", p->name);
	}
}

/* Clocks that run and tell nobody: somebody forgot a line. Whoever means it says `escalation: none`. */
static void check_silent_contracts(struct load *l)
{
	const struct rules *r = &l->whole->rules;
	const struct node *map = node_getz(l->root, "contracts");
	const char *first = NULL;
	size_t others = 0;

	for (size_t i = 0; i < r->n_contracts; i++) {
		if (r->contracts[i].n_escalations > 0)
			continue;
		others += first != NULL;
		first = first != NULL ? first : r->contracts[i].id;
	}
	if (first != NULL)
		load_warn_key(l, node_getz(map, first), "contract '%s'%s has no escalation, here, in its policy or in defaults: nobody is told of its clocks",
			      first, others > 0 ? arena_printf(l->arena, ", like %zu others,", others) : "");
}

static void check_notify(struct load *l)
{
	const struct node *defaults = node_getz(l->root, "defaults");

	if (l->whole->rules.n_notify == 0 && l->whole->rules.n_contracts > 0)
		load_warn_key(l, defaults, "defaults.notify names no receiver: nobody is told of tickets without a contract, nor what plazod says of itself");
}

/* A misspelt `resolution` is a metric of the user's own. */
static void check_metric_names(struct load *l)
{
	const struct node *map = node_getz(l->root, "policies");

	for (const struct node *n = node_is_map(map) ? map->first : NULL; n != NULL; n = n->next) {
		const struct policy *p = n->built;
		const struct node *metrics = node_getz(n, "metrics");

		for (size_t k = 0; p != NULL && k < p->n_metrics; k++) {
			const struct metric *m = &p->metrics[k];
			const char *near = str_nearest(str_of(m->name), metric_kind_names + 1, METRIC_N_KINDS - 1);

			if (m->kind == METRIC_CUSTOM && near != NULL)
				load_warn_key(l, node_getz(metrics, m->name), "'%s' is no built-in metric, but one of your own: did you mean '%s'?",
					      m->name, near);
		}
	}
}

static void check_open_sources(struct load *l)
{
	const struct config *c = &l->whole->pub;
	const struct node *map = node_getz(l->root, "sources");

	if (c->server.listen.path != NULL)
		return;
	for (size_t i = 0; i < c->n_sources; i++)
		if (c->sources[i].webhook && c->sources[i].verify == VERIFY_NONE && node_is_map(map))
			load_warn_key(l, node_getz(map, c->sources[i].name),
				      "verify by none is for unix sockets, and server.listen is none: nothing is taken from source '%s'",
				      c->sources[i].name);
}

void lint(struct load *l)
{
	check_holidays(l);
	/* Names that lead nowhere were told as errors: what they would have used is not known. */
	if (l->problems->n_errors > 0)
		return;
	check_escalations(l);
	check_silent_contracts(l);
	check_notify(l);
	check_unused_policies(l);
	check_metric_names(l);
	check_open_sources(l);
	redis_check(l);
}
