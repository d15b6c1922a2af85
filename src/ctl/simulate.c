/*
 * plazoctl simulate: the engine of the daemon with time as an input. Events are applied in order of `received`, which is `at` where it is not
 * given; the engine advances to each before it is applied, and in the end to --until or until nothing is left to fire.
 */
#include <stdlib.h>

#include "base/json_member.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "ctl.h"
#include "ingest/event_json.h"

#define BEYOND_MS (400 * MS_PER_DAY)       /* how far past the last event a simulation runs */
#define MAX_INPUT ((size_t)1 << 30)

struct simulation {
	struct config   *cfg;
	struct engine   *engine;
	struct effects   fx;
	struct json_doc *doc;
	struct arena    *arena;          /* what the events borrow from */
	char            *text;
	struct event    *events;
	size_t           n, cap;
	struct bad_events bad;
	const char      *name;           /* of the input */
	struct str       ns;
	const struct source *source;
	bool             with_ns;
	struct wall      now;
	on_alert_fn     *fn;
	void            *ctx;
};

static bool take_event(void *arg, size_t index, const struct event *e, const struct problem *p)
{
	struct simulation *s = arg;

	if (e == NULL) {
		ctl_bad_event(&s->bad, s->name, index + 1, p->status, str_of(p->pointer), str_of(p->detail));
		return true;
	}
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->events = xreallocarray(s->events, s->cap, sizeof(*s->events));
	}
	s->events[s->n++] = *e;
	return true;
}

static int read_events(struct simulation *s, size_t len)
{
	struct str text = { s->text, len };
	struct event_context ec = {
		.ns = s->ns, .source = s->source != NULL ? str_of(s->source->name) : (struct str){ NULL, 0 },
		.allow_received = true, .allow_operator_types = true, .arena = s->arena,
	};
	struct events_found found;
	struct problem p = { 0 };

	if (events_read(s->doc, text, ctl_is_array(text) ? EVENT_FORM_JSON : EVENT_FORM_NDJSON, &ec, take_event, s, &found, &p) != ERR_OK)
		return ctl_fail(EXIT_BAD_EVENTS, "%s: %s", s->name, p.detail);
	ctl_bad_events_end(&s->bad, s->name, s->n);
	return s->bad.n > 0 ? EXIT_BAD_EVENTS : EXIT_FINE;
}

/* Stable: events that arrived together keep the order of the file. */
static void merge_sort(struct event *v, struct event *spare, size_t n)
{
	size_t half = n / 2, i = 0, j = half, k = 0;

	if (n < 2)
		return;
	merge_sort(v, spare, half);
	merge_sort(v + half, spare, n - half);
	while (i < half || j < n)
		spare[k++] = j == n || (i < half && v[i].received.ms <= v[j].received.ms) ? v[i++] : v[j++];
	memcpy(v, spare, n * sizeof(*v));
}

static void sort_events(struct simulation *s)
{
	struct event *spare;
	bool sorted = true;

	for (size_t i = 1; i < s->n && sorted; i++)
		sorted = s->events[i - 1].received.ms <= s->events[i].received.ms;
	if (sorted)
		return;
	spare = xreallocarray(NULL, s->n, sizeof(*spare));
	merge_sort(s->events, spare, s->n);
	free(spare);
}

static void drain(struct simulation *s)
{
	for (size_t i = 0; i < s->fx.n_alerts; i++)
		if (s->fx.alerts[i].unsent == ALERT_TO_SEND && s->fn != NULL)
			s->fn(s->ctx, &s->fx.alerts[i], s->with_ns);
	effects_reset(&s->fx);
}

static void advance(struct simulation *s, struct wall until)
{
	struct wall next;

	while ((next = engine_next(s->engine)).ms <= until.ms) {
		engine_advance(s->engine, next, SIZE_MAX, &s->fx);
		s->now = wall_max(s->now, wall_plus(next, -1));
		drain(s);
	}
}

static int apply_one(struct simulation *s, const struct event *e, uint64_t seq)
{
	enum apply a;

	/* Steps before the instant fire first, events of the same instant come before its steps: engine_next() is 1 ms past them. */
	advance(s, e->received);
	s->now = wall_max(s->now, e->received);
	a = engine_apply(s->engine, e, seq, s->source != NULL ? source_allows : NULL, s->source, &s->fx);
	drain(s);
	if (a == APPLY_CONFLICT)
		return ctl_fail(EXIT_BAD_EVENTS, "%s: event " STR_FMT " of ticket " STR_FMT " comes twice with different content", s->name,
				STR_ARG(e->id), STR_ARG(e->ticket));
	if (a == APPLY_FORBIDDEN)
		return ctl_fail(EXIT_BAD_EVENTS, "%s: event " STR_FMT ": the source may not touch this contract", s->name, STR_ARG(e->id));
	if (a == APPLY_FULL)
		return ctl_fail(EXIT_BAD_EVENTS, "%s: ticket " STR_FMT " has more than %d events", s->name, STR_ARG(e->ticket), TICKET_MAX_EVENTS);
	return EXIT_FINE;
}

static int run(struct simulation *s, struct wall until)
{
	int status = EXIT_FINE;

	for (size_t i = 0; i < s->n && status == EXIT_FINE; i++) {
		if (wall_before(until, s->events[i].received))
			break;
		status = apply_one(s, &s->events[i], i + 1);
	}
	if (status != EXIT_FINE)
		return status;
	advance(s, wall_is_never(until) ? wall_plus(s->now, BEYOND_MS) : wall_plus(until, 1));
	if (!wall_is_never(until))
		s->now = until;
	return EXIT_FINE;
}

static size_t count_namespaces(const struct config *cfg)
{
	size_t n = 0;

	for (size_t i = 0; i < cfg->n_sources; i++) {
		size_t k = 0;

		while (k < i && strcmp(cfg->sources[k].ns, cfg->sources[i].ns) != 0)
			k++;
		n += k == i;
	}
	return n;
}

/* The source that the events are taken to come from: the one that is named, or the only one. Its namespace is part of the alerts' ids. */
static int choose_source(struct simulation *s, const char *name)
{
	if (name != NULL) {
		s->source = config_source(s->cfg, str_of(name));
		if (s->source == NULL)
			return ctl_fail(EXIT_USAGE, "there is no source `%s` in %s", name, s->cfg->path);
	}
	if (s->source != NULL)
		s->ns = str_of(s->source->ns);
	else if (s->cfg->n_sources > 0 && count_namespaces(s->cfg) == 1)
		s->ns = str_of(s->cfg->sources[0].ns);
	s->with_ns = count_namespaces(s->cfg) > 1;
	return EXIT_FINE;
}

static int start(struct simulation *s, const struct ctl *ctl, const char *events, struct wall *until)
{
	struct engine_options opt = { .key = { 0x706c617a6f, 0x73696d }, .max_skew_ms = s->cfg->server.max_skew_ms };
	struct diag d = { 0 };
	int status = EXIT_FINE;
	size_t len;

	*until = WALL_NEVER;
	if (ctl->value[OPT_UNTIL] != NULL && wall_parse(str_of(ctl->value[OPT_UNTIL]), until, &d) != ERR_OK)
		return ctl_fail(EXIT_USAGE, "--until %s: %s", ctl->value[OPT_UNTIL], d.msg);
	status = choose_source(s, ctl->value[OPT_SOURCE]);
	if (status != EXIT_FINE)
		return status;
	s->text = ctl_read_all(events, MAX_INPUT, &len, &status);
	if (s->text == NULL)
		return status;
	status = read_events(s, len);
	if (status != EXIT_FINE)
		return status;
	sort_events(s);
	s->engine = engine_create(&opt);
	s->cfg->rules->from = WALL_PAST;
	engine_revise(s->engine, s->cfg->rules);
	return EXIT_FINE;
}

struct simulation *simulation_run(const struct ctl *ctl, const char *events, on_alert_fn *fn, void *ctx, int *status)
{
	struct simulation *s = xcalloc(1, sizeof(*s));
	struct wall until;

	s->fn = fn;
	s->ctx = ctx;
	s->now = WALL_MIN;
	s->name = ctl_input_name(events);
	effects_init(&s->fx);
	s->doc = json_create();
	s->arena = arena_create();
	s->cfg = ctl_config(ctl, status);
	if (s->cfg != NULL)
		*status = start(s, ctl, events, &until);
	if (s->engine != NULL)
		*status = run(s, until);
	if (s->engine != NULL && *status == EXIT_FINE)
		return s;
	simulation_free(s);
	return NULL;
}

void simulation_free(struct simulation *s)
{
	if (s == NULL)
		return;
	engine_destroy(s->engine);
	effects_finish(&s->fx);
	json_destroy(s->doc);
	arena_destroy(s->arena);
	config_unref(s->cfg);
	free(s->events);
	free(s->text);
	free(s);
}

struct engine *simulation_engine(struct simulation *s)
{
	return s->engine;
}

struct wall simulation_now(const struct simulation *s)
{
	return s->now;
}

struct str simulation_ns(const struct simulation *s)
{
	return s->ns;
}

/* ---- the command ---- */

static void print_alert(void *ctx, const struct alert *al, bool with_ns)
{
	struct buf *b = ctx;

	buf_reset(b);
	alert_write(al, with_ns, b);
	buf_putc(b, '\n');
	fwrite(b->p, 1, b->len, stdout);
}

static void print_clock(const struct ticket_view *tv, const struct clock_view *c, struct buf *b)
{
	struct json_out o;

	buf_reset(b);
	o = json_out(b);
	json_begin_object(&o);
	json_put_text(&o, "ticket", tv->ticket);
	json_put_text(&o, "contract", tv->contract);
	json_put_text(&o, "metric", c->metric);
	json_put_number(&o, "cycle", c->cycle);
	json_put_text(&o, "state", c->state);
	json_put_text(&o, "target", c->target);
	json_put_instant(&o, "started", c->started);
	json_put_instant(&o, "stopped", c->stopped);
	json_put_instant(&o, "due", c->due);
	json_put_seconds(&o, "elapsed_s", c->elapsed_ms);
	json_put_seconds(&o, "paused_s", c->paused_ms);
	json_put_flag(&o, "breached", c->breached);
	json_put_flag(&o, "waived", c->waived);
	json_end_object(&o);
	buf_putc(b, '\n');
	fwrite(b->p, 1, b->len, stdout);
}

struct clocks_of { struct simulation *s; struct buf *b; };

static bool print_ticket(void *ctx, struct str ns, struct str ticket)
{
	struct clocks_of *co = ctx;
	struct arena *a = arena_create();
	struct ticket_view tv;

	if (engine_view(co->s->engine, ns, ticket, co->s->now, a, &tv))
		for (size_t i = 0; i < tv.n_clocks; i++)
			print_clock(&tv, &tv.clocks[i], co->b);
	arena_destroy(a);
	return true;
}

int cmd_simulate(struct ctl *ctl)
{
	bool clocks = ctl->value[OPT_CLOCKS] != NULL;
	int status = EXIT_FINE;
	struct simulation *s;
	struct buf b;

	buf_init(&b, 1u << 20);
	s = simulation_run(ctl, ctl->n_args > 0 ? ctl->args[0] : "-", clocks ? NULL : print_alert, &b, &status);
	if (s != NULL && clocks)
		engine_each(s->engine, print_ticket, &(struct clocks_of){ s, &b });
	simulation_free(s);
	buf_finish(&b);
	return status;
}
