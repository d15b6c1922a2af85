/* plazoctl explain TICKET: every counted minute, from a file of events or from the daemon. */
#include "core/span.h"
#include "ctl.h"
#include "web/ticket_json.h"

#define JSON_MAX ((size_t)256 << 20)

struct telling {
	struct str metric;
	uint32_t   cycle;
	bool       any;
	const struct ticket_view *view;
};

static const struct clock_view *find_clock(const struct ticket_view *v, struct str metric, uint32_t cycle)
{
	for (size_t i = 0; i < v->n_clocks; i++)
		if (str_eq(v->clocks[i].metric, metric) && v->clocks[i].cycle == cycle)
			return &v->clocks[i];
	return NULL;
}

/* A clock that stands is due when it runs again, so nobody knows when. */
static const char *due_of(const struct clock_view *c, char text[WALL_TEXT_LEN])
{
	if (!wall_is_never(c->due))
		return wall_format(c->due, text);
	return str_eqz(c->state, "running") ? "never (its calendar has not so many hours before 2200)" : "unknown";
}

static void print_heading(const struct telling *t)
{
	const struct clock_view *c = find_clock(t->view, t->metric, t->cycle);
	char due[WALL_TEXT_LEN], used[SPAN_TEXT_LEN], idle[SPAN_TEXT_LEN];

	printf(STR_FMT " of " STR_FMT ", cycle %u", STR_ARG(t->metric), STR_ARG(t->view->ticket), t->cycle);
	if (c != NULL)
		printf(": " STR_FMT ", target " STR_FMT ", due %s, counted %s, paused %s", STR_ARG(c->state), STR_ARG(c->target),
		       due_of(c, due), span_format_ms(c->elapsed_ms, used), span_format_ms(c->paused_ms, idle));
	printf("\n");
}

static void print_stretch(void *ctx, const struct stretch *s)
{
	struct telling *t = ctx;
	char from[WALL_TEXT_LEN], to[WALL_TEXT_LEN], counted[SPAN_TEXT_LEN];

	if (!t->any || !str_eq(t->metric, s->metric) || t->cycle != s->cycle) {
		t->metric = s->metric;
		t->cycle = s->cycle;
		t->any = true;
		print_heading(t);
	}
	printf("  %s  %s  %10s  " STR_FMT "\n", wall_format(s->from, from), wall_format(s->to, to), s->counts ? span_format_ms(s->counted_ms, counted) : "-",
	       STR_ARG(s->why));
}

static void print_acts(const struct ticket_view *v)
{
	for (size_t i = 0; i < v->n_acts; i++) {
		const struct act_view *a = &v->acts[i];
		char at[WALL_TEXT_LEN], by[SPAN_TEXT_LEN];

		printf(STR_FMT " of " STR_FMT ", cycle %u: %s%s at %s", STR_ARG(a->metric), STR_ARG(v->ticket), a->cycle,
		       a->extends ? "extended by " : "waived", a->extends ? span_format_ms(a->by_ms, by) : "", wall_format(a->at, at));
		printf(" by " STR_FMT ": " STR_FMT "%s\n", STR_ARG(a->who.len > 0 ? a->who : STR("somebody")), STR_ARG(a->reason),
		       a->applied ? "" : " (it changed nothing)");
	}
}

static void put_stretch(void *ctx, const struct stretch *s)
{
	stretch_json(ctx, s);
}

/* As the daemon gives it. */
static void print_json(struct simulation *s, const struct ticket_view *view)
{
	struct buf b;
	struct json_out o = json_out(&b);

	buf_init(&b, JSON_MAX);
	json_begin_object(&o);
	json_put_text(&o, "namespace", view->ns);
	json_put_text(&o, "ticket", view->ticket);
	json_put_key(&o, "stretches");
	json_begin_array(&o);
	engine_explain(simulation_engine(s), view->ns, view->ticket, simulation_now(s), put_stretch, &o);
	json_end_array(&o);
	acts_json(&o, view);
	json_end_object(&o);
	puts(buf_cstr(&b));
	buf_finish(&b);
}

static void print_text(struct simulation *s, const struct ticket_view *view)
{
	struct telling t = { .view = view };

	engine_explain(simulation_engine(s), view->ns, view->ticket, simulation_now(s), print_stretch, &t);
	print_acts(view);
}

int cmd_explain(struct ctl *ctl)
{
	int status = EXIT_FINE;
	struct simulation *s;
	struct str ticket = str_of(ctl->args[0]);
	struct ticket_view view;
	struct arena *a;

	/* What one of them takes would be passed over by the other, and something else explained than was meant. */
	if (ctl->n_args < 2 && (ctl->value[OPT_CONFIG] != NULL || ctl->value[OPT_UNTIL] != NULL || ctl->value[OPT_SOURCE] != NULL))
		return ctl_usage(ctl, "-c, --until and --source go with a file of events, or - for standard input; without one the daemon is asked");
	if (ctl->n_args == 2 && (ctl->value[OPT_SOCKET] != NULL || ctl->value[OPT_URL] != NULL))
		return ctl_usage(ctl, "of a file of events no daemon is asked: --socket and --url go without one");
	if (ctl->n_args < 2)
		return explain_remote(ctl);
	s = simulation_run(ctl, ctl->args[1], NULL, NULL, &status);
	if (s == NULL)
		return status;
	a = arena_create();
	if (!engine_view(simulation_engine(s), simulation_ns(s), ticket, simulation_now(s), a, &view))
		status = ctl_fail(EXIT_NO, "there is no ticket `%s` in %s", ctl->args[0], ctl->args[1]);
	else if (ctl->value[OPT_JSON] != NULL)
		print_json(s, &view);
	else
		print_text(s, &view);
	arena_destroy(a);
	simulation_free(s);
	return status;
}
