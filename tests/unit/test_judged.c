/*
 * What is judged, when, and when anew: each line of the table is a life of one ticket and the verdicts that come of it, in order. A
 * verdict is given when a clock ends or is breached, and again when what it says has changed; otherwise not.
 */
#include "../config_text.h"

#include <stdio.h>
#include <string.h>

#include "core/engine.h"

#define START INT64_C(1774861200000)    /* 2026-03-30T09:00Z, a Monday */
#define MAX_SAID 6
#define NEVER (-1)

static const char config_text[] =
	"calendars: {always: 24x7}\n"
	"defaults: {calendar: always, pause: {status: pending}, notify: [ops], escalation: s}\n"
	"policies: {p: {metrics: {resolution: {target: {P1: 1h, P4: none, default: 4h}}}}, q: {metrics: {resolution: {target: 2h}}},\n"
	"  r: {metrics: {m: {start: {type: attended}, stop: {type: resolved}, target: 3h}, resolution: {target: 4h, pause: {status: hold}}}},\n"
	"  t: {metrics: {a: {start: {type: opened}, stop: {type: attended}, target: 2h}}},\n"
	"  u: {metrics: {response: {stop: {type: acknowledged}, target: 2h}, next-response: {target: 1h}}}}\n"
	"contracts: {acme: {customer: ACME, policy: p}, beta: {customer: Beta, policy: q}, gamma: {customer: C, policy: r},\n"
	"  delta: {customer: D, policy: t, escalation: late}, epsilon: {customer: E, policy: u}}\n"
	"escalations: {s: [{at: 50%, notify: [ops]}, {at: breach, notify: [ops]}], late: [{at: breach+20h, notify: [ops]}]}\n"
	"receivers: {ops: {log: {}}}\n";

/* An event of the one ticket, minutes from the start; the first is `opened` and names acme. */
struct said {
	int             at, received;
	enum event_type type;
	const char     *attr;        /* one that it sets, as "team=l2", or "", or "customer": it is by one, and not by an agent */
};

struct judged {
	const char *state;
	bool        breached, waived;
	int         stopped, due, elapsed, paused;     /* minutes */
	const char *target, *contract;
	const char *metric;          /* NULL: resolution */
};

static const struct {
	const char   *name;
	struct said   said[MAX_SAID];
	struct judged judged[MAX_SAID];
} lives[] = {
	{ "in time, and nothing changes it",
	  { { 0, 0, EVENT_OPENED, "" }, { 30, 30, EVENT_RESOLVED, "" }, { 40, 40, EVENT_CHANGED, "team=l2" } },
	  { { "met", false, false, 30, 240, 30, 0, "4h", "acme", NULL } } },
	{ "when it is breached, and when it stops",
	  { { 0, 0, EVENT_OPENED, "" }, { 300, 300, EVENT_RESOLVED, "" } },
	  { { "breached", true, false, NEVER, 240, 240, 0, "4h", "acme", NULL }, { "breached", true, false, 300, 240, 300, 0, "4h", "acme", NULL } } },
	{ "a late event moves its end",
	  { { 0, 0, EVENT_OPENED, "" }, { 30, 30, EVENT_RESOLVED, "" }, { 20, 40, EVENT_RESOLVED, "" } },
	  { { "met", false, false, 30, 240, 30, 0, "4h", "acme", NULL }, { "met", false, false, 20, 240, 20, 0, "4h", "acme", NULL } } },
	{ "a late event moves its end, and the last one is another",
	  { { 0, 0, EVENT_OPENED, "contract=delta" }, { 60, 60, EVENT_ATTENDED, "" }, { 90, 90, EVENT_CHANGED, "team=l2" },
	    { 30, 100, EVENT_ATTENDED, "" } },
	  { { "met", false, false, 60, 120, 60, 0, "2h", "delta", "a" }, { "met", false, false, 30, 120, 30, 0, "2h", "delta", "a" } } },
	{ "when it is breached without a word, and when an answer stops it",
	  { { 0, 0, EVENT_OPENED, "contract=delta" }, { 150, 150, EVENT_ATTENDED, "" }, { 160, 160, EVENT_ATTENDED, "" } },
	  { { "breached", true, false, NEVER, 120, 120, 0, "2h", "delta", "a" },
	    { "breached", true, false, 150, 120, 150, 0, "2h", "delta", "a" } } },
	{ "a late event moves its due time",
	  { { 0, 0, EVENT_OPENED, "" }, { 70, 70, EVENT_RESOLVED, "" }, { 20, 80, EVENT_CHANGED, "priority=P1" } },
	  { { "met", false, false, 70, 240, 70, 0, "4h", "acme", NULL }, { "breached", true, false, 70, 60, 70, 0, "1h", "acme", NULL } } },
	{ "a late event undoes a breach",
	  { { 0, 0, EVENT_OPENED, "" }, { 100, 250, EVENT_RESOLVED, "" } },
	  { { "breached", true, false, NEVER, 240, 240, 0, "4h", "acme", NULL }, { "met", false, false, 100, 240, 100, 0, "4h", "acme", NULL } } },
	{ "a late pause",
	  { { 0, 0, EVENT_OPENED, "" }, { 50, 50, EVENT_CHANGED, "status=open" }, { 60, 60, EVENT_RESOLVED, "" },
	    { 20, 70, EVENT_CHANGED, "status=pending" } },
	  { { "met", false, false, 60, 240, 60, 0, "4h", "acme", NULL }, { "met", false, false, 60, 270, 30, 30, "4h", "acme", NULL } } },
	{ "waived once it is over",
	  { { 0, 0, EVENT_OPENED, "" }, { 300, 300, EVENT_RESOLVED, "" }, { 310, 310, EVENT_WAIVED, "" } },
	  { { "breached", true, false, NEVER, 240, 240, 0, "4h", "acme", NULL }, { "breached", true, false, 300, 240, 300, 0, "4h", "acme", NULL },
	    { "breached", true, true, 300, 240, 300, 0, "4h", "acme", NULL } } },
	{ "waived before it is over",
	  { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_WAIVED, "" }, { 30, 30, EVENT_RESOLVED, "" } },
	  { { "met", false, true, 30, 240, 30, 0, "4h", "acme", NULL } } },
	{ "extended after the breach",
	  { { 0, 0, EVENT_OPENED, "" }, { 250, 250, EVENT_EXTENDED, "" }, { 260, 260, EVENT_RESOLVED, "" } },
	  { { "breached", true, false, NEVER, 240, 240, 0, "4h", "acme", NULL }, { "met", true, false, 260, 300, 260, 0, "4h", "acme", NULL } } },
	{ "resumed",
	  { { 0, 0, EVENT_OPENED, "" }, { 30, 30, EVENT_RESOLVED, "" }, { 60, 60, EVENT_REOPENED, "" }, { 90, 90, EVENT_RESOLVED, "" } },
	  { { "met", false, false, 30, 240, 30, 0, "4h", "acme", NULL }, { "met", false, false, 90, 270, 60, 30, "4h", "acme", NULL } } },
	{ "reopened while it is paused",
	  { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_CHANGED, "status=pending" }, { 30, 30, EVENT_RESOLVED, "" }, { 60, 60, EVENT_REOPENED, "" },
	    { 90, 90, EVENT_CHANGED, "status=open" }, { 100, 100, EVENT_RESOLVED, "" } },
	  { { "met", false, false, 30, 260, 10, 20, "4h", "acme", NULL }, { "met", false, false, 100, 320, 20, 80, "4h", "acme", NULL } } },
	{ "cancelled",
	  { { 0, 0, EVENT_OPENED, "" }, { 30, 30, EVENT_CANCELLED, "" } },
	  { { "cancelled", false, false, 30, 240, 30, 0, "4h", "acme", NULL } } },
	{ "without a target, and with one again",
	  { { 0, 0, EVENT_OPENED, "" }, { 30, 30, EVENT_CHANGED, "priority=P4" },
	    { 40, 40, EVENT_CHANGED, "priority=P1" }, { 50, 50, EVENT_RESOLVED, "" } },
	  { { "cancelled", false, false, NEVER, NEVER, 30, 0, "", "acme", NULL }, { "met", false, false, 50, 60, 50, 0, "1h", "acme", NULL } } },
	{ "a late event undoes the breach of what lost its target since",
	  { { 0, 0, EVENT_OPENED, "priority=P1" }, { 70, 70, EVENT_CHANGED, "priority=P4" }, { 30, 80, EVENT_CHANGED, "priority=P4" } },
	  { { "breached", true, false, NEVER, 60, 60, 0, "1h", "acme", NULL }, { "cancelled", true, false, NEVER, NEVER, 70, 0, "", "acme", NULL },
	    { "cancelled", false, false, NEVER, NEVER, 30, 0, "", "acme", NULL } } },
	{ "under a contract that nobody knows it is still that of the last",
	  { { 0, 0, EVENT_OPENED, "" }, { 30, 30, EVENT_CHANGED, "contract=nobody" },
	    { 300, 300, EVENT_RESOLVED, "" } },
	  { { "breached", true, false, NEVER, 240, 240, 0, "4h", "acme", NULL }, { "breached", true, false, 300, 240, 300, 0, "4h", "acme", NULL } } },
	{ "the customer waits for an answer",
	  { { 0, 0, EVENT_OPENED, "contract=epsilon" }, { 10, 10, EVENT_ACKNOWLEDGED, "" }, { 30, 30, EVENT_REPLIED, "customer" } },
	  { { "met", false, false, 10, 120, 10, 0, "2h", "epsilon", "response" },
	    { "breached", true, false, NEVER, 90, 60, 0, "1h", "epsilon", "next-response" } } },
	{ "under a contract that nobody knows a reply starts nothing, though a response was promised before and given",
	  { { 0, 0, EVENT_OPENED, "contract=epsilon" }, { 10, 10, EVENT_ACKNOWLEDGED, "" }, { 20, 20, EVENT_CHANGED, "contract=nobody" },
	    { 30, 30, EVENT_REPLIED, "customer" }, { 40, 40, EVENT_CHANGED, "contract=epsilon" } },
	  { { "met", false, false, 10, 120, 10, 0, "2h", "epsilon", "response" } } },
	{ "under another contract",
	  { { 0, 0, EVENT_OPENED, "" }, { 30, 30, EVENT_CHANGED, "contract=beta" }, { 60, 60, EVENT_RESOLVED, "" } },
	  { { "met", false, false, 60, 120, 60, 0, "2h", "beta", NULL } } },
	{ "paused for another contract alone",
	  { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_CHANGED, "status=pending" }, { 40, 40, EVENT_CHANGED, "contract=gamma" },
	    { 100, 100, EVENT_RESOLVED, "" } },
	  { { "met", false, false, 100, 270, 70, 30, "4h", "gamma", NULL } } },
	{ "paused for the other contract",
	  { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_CHANGED, "status=hold" }, { 40, 40, EVENT_CHANGED, "contract=gamma" },
	    { 100, 100, EVENT_RESOLVED, "" } },
	  { { "met", false, false, 100, 300, 40, 60, "4h", "gamma", NULL } } },
	{ "it starts while it is paused, and goes before what started earlier",
	  { { 0, 0, EVENT_OPENED, "contract=gamma" }, { 10, 10, EVENT_CHANGED, "status=pending" }, { 20, 20, EVENT_ATTENDED, "" },
	    { 50, 50, EVENT_CHANGED, "status=open" }, { 100, 100, EVENT_RESOLVED, "" } },
	  { { "met", false, false, 100, 230, 50, 30, "3h", "gamma", "m" }, { "met", false, false, 100, 240, 100, 0, "4h", "gamma", NULL } } },
};

static struct config *load(const char *text, struct wall from)
{
	struct config *cfg = config_of_text(str_of(text), (struct wall){ START });

	cfg->rules->from = from;
	return cfg;
}

static int setup(void **state)
{
	*state = load(config_text, WALL_PAST);
	return 0;
}

static int teardown(void **state)
{
	config_unref(*state);
	return 0;
}

static struct wall minute(int m)
{
	return m == NEVER ? WALL_NEVER : (struct wall){ START + m * MS_PER_MIN };
}

static struct event event_of(const struct said *s, size_t i, char id[8])
{
	struct event e = {
		.ns = STR("desk"), .ticket = STR("T"), .type = s->type, .at = minute(s->at), .received = minute(s->received),
		.role = strcmp(s->attr, "customer") == 0 ? ROLE_CUSTOMER : ROLE_AGENT,
		.metric = STR("resolution"), .reason = STR("agreed"), .by_ms = 60 * MS_PER_MIN,
	};

	struct str value = str_of(s->attr), name;

	snprintf(id, 8, "e%zu", i);
	e.id = str_of(id);
	if (i == 0) {
		e.set = 1u << ATTR_CONTRACT;
		e.attr[ATTR_CONTRACT] = STR("acme");
	}
	if (str_cut(&value, '=', &name)) {
		e.set |= 1u << name_index(attr_names, name);
		e.attr[name_index(attr_names, name)] = value;
	}
	e.body = event_body(&e);
	return e;
}

static void put(struct buf *b, unsigned cycle, const struct judged *j)
{
	const char *metric = j->metric != NULL ? j->metric : "resolution";

	buf_printf(b, "%s %u: %s%s%s, stopped %d, due %d, %d counted, %d not, target %s of %s\n", metric, cycle, j->state,
		   j->breached ? " (breached)" : "", j->waived ? " (waived)" : "", j->stopped, j->due, j->elapsed, j->paused, j->target, j->contract);
}

static int minutes_of(struct wall t)
{
	return wall_is_never(t) ? NEVER : (int)((t.ms - START) / MS_PER_MIN);
}

static void tell(struct effects *fx, struct buf *out)
{
	for (size_t i = 0; i < fx->n_verdicts; i++) {
		const struct verdict *v = &fx->verdicts[i];
		struct judged j = {
			.state = v->state.p, .breached = v->breached, .waived = v->waived, .stopped = minutes_of(v->stopped), .due = minutes_of(v->due),
			.elapsed = (int)(v->elapsed_ms / MS_PER_MIN), .paused = (int)(v->paused_ms / MS_PER_MIN), .target = v->target.p,
			.contract = v->contract.p, .metric = v->metric.p,
		};

		put(out, v->cycle, &j);
	}
	effects_reset(fx);
}

static void advance(struct engine *en, struct wall now, struct effects *fx)
{
	while (engine_advance(en, now, 100, fx))
		;
}

static void revise(struct engine *en, struct rules *rules, struct effects *fx)
{
	advance(en, rules->from, fx);
	engine_revise(en, rules);
	while (engine_replan(en, 10, rules->from, fx))
		;
}

/* Gives how many alerts there were; `other` may be NULL. */
static size_t live(struct rules *rules, struct rules *other, const struct said *said, struct buf *out)
{
	struct engine *en = engine_create(&(struct engine_options){ .key = { 3, 4 }, .max_skew_ms = 5 * MS_PER_MIN });
	struct effects fx;
	size_t n = 0;
	char id[8];

	effects_init(&fx);
	engine_revise(en, rules);
	for (size_t i = 0; i < MAX_SAID && (i == 0 || said[i].at != 0); i++) {
		struct event e = event_of(&said[i], i, id);

		if (other != NULL && engine_rules(en) == rules && wall_before(other->from, e.received))
			revise(en, other, &fx);
		advance(en, e.received, &fx);
		assert_int_equal(engine_apply(en, &e, i + 1, NULL, NULL, &fx), APPLY_DONE);
		n += fx.n_alerts;
		tell(&fx, out);
	}
	advance(en, minute(10000), &fx);
	n += fx.n_alerts;
	tell(&fx, out);
	effects_finish(&fx);
	engine_destroy(en);
	return n;
}

static void first_difference(const char *got, const char *want)
{
	while (*got != '\0' && *want != '\0') {
		int n = (int)strcspn(got, "\n") + 1, m = (int)strcspn(want, "\n") + 1;

		if (n != m || memcmp(got, want, (size_t)n) != 0)
			fail_msg("%.*s is not %.*s", n - 1, got, m - 1, want);
		got += n;
		want += m;
	}
	assert_string_equal(got, want);
}

static void test_lives(void **state)
{
	struct config *cfg = *state;
	struct buf got, want;

	buf_init(&got, 1 << 16);
	buf_init(&want, 1 << 16);
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		buf_printf(&got, "-- %s\n", lives[i].name);
		buf_printf(&want, "-- %s\n", lives[i].name);
		(void)live(cfg->rules, NULL, lives[i].said, &got);
		for (size_t k = 0; k < MAX_SAID && lives[i].judged[k].state != NULL; k++)
			put(&want, 1, &lives[i].judged[k]);
	}
	first_difference(buf_cstr(&got), buf_cstr(&want));
	buf_finish(&got);
	buf_finish(&want);
}

/* The configuration with `was` written as `is`, in force from minute 200 on. */
static struct config *revised(const char *was, const char *is)
{
	const char *at = strstr(config_text, was);
	struct config *cfg;
	struct buf text;

	buf_init(&text, 1 << 16);
	buf_printf(&text, "%.*s%s%s", (int)(at - config_text), config_text, is, at + strlen(was));
	cfg = load(buf_cstr(&text), minute(200));
	buf_finish(&text);
	return cfg;
}

static void with_a_revision(struct config *cfg, const char *was, const char *is, const struct said *said, const char *want, size_t n_alerts)
{
	struct config *other = revised(was, is);
	struct buf got;

	buf_init(&got, 1 << 16);
	assert_int_equal(live(cfg->rules, other->rules, said, &got), n_alerts);
	first_difference(buf_cstr(&got), want);
	buf_finish(&got);
	config_unref(other);
}

/* Rule 16: a step that it has reached, too, is for clocks that run. */
static void test_a_revision_asks_nothing_of_what_is_over(void **state)
{
	static const struct said said[MAX_SAID] = {
		{ 0, 0, EVENT_OPENED, "priority=P1" }, { 150, 150, EVENT_RESOLVED, "" }, { 210, 210, EVENT_CHANGED, "team=x" },
	};

	with_a_revision(*state, "{at: 50%, notify", "{at: breach+30m, notify: [ops]}, {at: 50%, notify", said,
			"resolution 1: breached (breached), stopped -1, due 60, 60 counted, 0 not, target 1h of acme\n"
			"resolution 1: breached (breached), stopped 150, due 60, 150 counted, 0 not, target 1h of acme\n", 3);
}

static void test_a_revision_leaves_its_contract_out(void **state)
{
	static const struct said said[MAX_SAID] = {
		{ 0, 0, EVENT_OPENED, "" }, { 210, 210, EVENT_CHANGED, "team=x" }, { 230, 230, EVENT_RESOLVED, "" },
	};

	with_a_revision(*state, "acme: {", "other: {", said,
			"resolution 1: met, stopped 230, due 240, 230 counted, 0 not, target 4h of acme\n", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_revision_asks_nothing_of_what_is_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_revision_leaves_its_contract_out, setup, teardown),
	};

	return cmocka_run_group_tests_name("verdicts of the engine", tests, NULL, NULL);
}
