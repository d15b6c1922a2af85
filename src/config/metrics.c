/*
 * Metrics. The built-in ones are data: conditions in YAML that are put into the tree wherever the user gave none, and are then
 * read like anybody's. So what `config show` prints is what runs.
 */
#include "base/limits.h"
#include "model.h"

#define AGENT_REPLY "{type: replied, actor: agent, public: true, automated: false}"
#define CUSTOMER_REPLY "{type: replied, actor: customer, public: true, automated: false}"
#define RESOLVED "type: [resolved, closed]"

/* NULL: as `defaults.pause`. */
static const struct builtin {
	const char *start, *stop, *cancel, *pause;
} builtins[METRIC_N_KINDS] = {
	[METRIC_CUSTOM] = { "{type: opened}", "{" RESOLVED "}", "[]", NULL },
	[METRIC_RESPONSE] = { "{type: opened}", "[" AGENT_REPLY ", {" RESOLVED ", actor: [agent, system]}]",
			      "{" RESOLVED ", actor: customer}",
			      "[]" },
	[METRIC_ACKNOWLEDGE] = { "{type: opened}",
				 "[{type: acknowledged}, " AGENT_REPLY ", {" RESOLVED ", actor: [agent, system]}]",
				 "{" RESOLVED ", actor: customer}", "[]" },
	[METRIC_ATTENDANCE] = { "{type: opened}", "{type: attended}", "{" RESOLVED "}", NULL },
	[METRIC_NEXT_RESPONSE] = { CUSTOMER_REPLY, "[" AGENT_REPLY ", {" RESOLVED "}]", "[]", NULL },
	[METRIC_UPDATE] = { "[{type: opened}, " AGENT_REPLY "]", "[" AGENT_REPLY ", {" RESOLVED "}]", "[]", NULL },
	[METRIC_RESOLUTION] = { "{type: opened}", "{" RESOLVED "}", "[]", NULL },
};

void put_node(struct load *l, struct node *map, const char *key, struct node *value)
{
	value->key = str_of(key);
	node_append(map, value);
	(void)node_index(l->arena, map);
}

void put_default(struct load *l, struct node *map, const char *key, const char *yaml)
{
	if (node_is_map(map) && node_getz(map, key) == NULL)
		put_node(l, map, key, yaml_builtin(l->arena, yaml));
}

struct node *section(struct load *l, const char *name)
{
	struct node *s = node_getz(l->root, name);

	if (s == NULL && node_is_map(l->root)) {
		s = node_make(l->arena, NODE_MAP);
		put_node(l, l->root, name, s);
		(void)node_index(l->arena, s);
	}
	return node_is_map(s) && !s->bad ? s : NULL;
}

static void put_pause(struct load *l, struct node *metric)
{
	struct node *pause = good(section(l, "defaults"), "pause");

	if (node_getz(metric, "pause") != NULL)
		return;
	if (pause == NULL)
		put_default(l, metric, "pause", "[]");
	else
		put_node(l, metric, "pause", node_copy(l->arena, pause));
}

/* `mode: remote` is short for a stop that asks for it. */
static const char *default_stop(struct load *l, struct node *metric, enum metric_kind kind)
{
	const struct node *mode = good(metric, "mode");

	if (kind == METRIC_ATTENDANCE && mode != NULL && !str_eqz(mode->text, "any"))
		return arena_printf(l->arena, "{type: attended, mode: " STR_FMT "}", STR_ARG(mode->text));
	return builtins[kind].stop;
}

static void expand(struct load *l, struct node *metric, enum metric_kind kind)
{
	const struct builtin *b = &builtins[kind];
	struct node *mode = node_getz(metric, "mode");

	if (mode != NULL && kind != METRIC_ATTENDANCE)
		load_error_key(l, mode, "'mode' is for the metric attendance; elsewhere it is a key of a condition");
	/* What holds a clock starts it: without a `start`, at `opened`, like any custom metric. */
	put_default(l, metric, "start", b->start);
	put_default(l, metric, "stop", default_stop(l, metric, kind));
	put_default(l, metric, "cancel", b->cancel);
	if (b->pause != NULL)
		put_default(l, metric, "pause", b->pause);
	else
		put_pause(l, metric);
}

/* Closed without being resolved counts as resolved everywhere (rule 18), also where the user only wrote resolved. */
static struct conds ending(struct load *l, struct node *n)
{
	struct conds cs = conds_build(l, n);
	struct cond *v = arena_array(l->arena, cs.n + 1, sizeof *v);

	for (size_t i = 0; i < cs.n; i++) {
		v[i] = cs.v[i];
		if (v[i].types & UINT32_C(1) << EVENT_RESOLVED)
			v[i].types |= UINT32_C(1) << EVENT_CLOSED;
	}
	return (struct conds){ v, cs.n };
}

static bool is_resuming(enum metric_kind kind)
{
	return kind == METRIC_UPDATE || kind == METRIC_RESOLUTION || kind == METRIC_CUSTOM;
}

static void metric_build(struct load *l, struct node *n, struct metric *m, struct targets *targets)
{
	int kind = name_index(metric_kind_names, n->key);

	m->name = n->key.p;
	m->kind = kind > 0 ? (enum metric_kind)kind : METRIC_CUSTOM;
	expand(l, n, m->kind);
	const struct node *agreement = good(n, "agreement");
	int a = agreement != NULL ? name_index(agreement_names, agreement->text) : 0;

	m->agreement = a > 0 ? (enum agreement)a : AGREEMENT_SLA;
	m->start = conds_build(l, good(n, "start"));
	m->stop = ending(l, good(n, "stop"));
	m->cancel = ending(l, good(n, "cancel"));
	m->pause = conds_build(l, good(n, "pause"));
	m->hold = conds_build(l, good(n, "while"));
	m->only_open = m->kind == METRIC_NEXT_RESPONSE || m->kind == METRIC_UPDATE;
	m->after_response = m->kind == METRIC_NEXT_RESPONSE;
	m->resumes = is_resuming(m->kind);
	m->calendar = calendar_ref(l, good(n, "calendar"));
	*targets = targets_build(l, good(n, "target"));
	struct node *start = node_getz(n, "start");

	if (m->start.n == 0 && start != NULL && !start->bad)
		load_error_key(l, start, "a metric that nothing starts");
}

void metrics_build(struct load *l, struct policy *p)
{
	struct node *map = good(p->node, "metrics");

	if (!node_is_map(map))
		return;
	p->metrics = arena_array(l->arena, map->n + 1, sizeof *p->metrics);
	p->targets = arena_array(l->arena, map->n + 1, sizeof *p->targets);
	for (struct node *c = map->first; c != NULL; c = c->next) {
		if (p->n_metrics == CONFIG_MAX_METRICS) {
			load_error_key(l, c, "more than %d metrics", CONFIG_MAX_METRICS);
			break;
		}
		if (c->bad || c->kind != NODE_MAP)
			continue;
		metric_build(l, c, &p->metrics[p->n_metrics], &p->targets[p->n_metrics]);
		p->n_metrics++;
	}
}
