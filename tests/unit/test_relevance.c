/*
 * Events that are passed over because they change nothing: each line of the table is a life in which one more rule of that must hold. It
 * is lived twice, by an engine that passes over what it can and by one that decides on every event in full: alerts, verdicts, clocks and
 * timers must be the same.
 */
#include "../config_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"

#define START INT64_C(1774861200000)    /* 2026-03-30T09:00Z, a Monday */
#define MAX_SAID 8

/* An event of the one ticket, minutes from the start; `attrs` as "status=open team=l2". The first one is `opened` and names acme. */
struct said {
	int             at, received;
	enum event_type type;
	const char     *attrs;
};

struct life {
	const char *name;
	const char *policy;          /* of acme; NULL: the plain one */
	const char *revised;         /* from minute 60 on; NULL: no other */
	struct said said[MAX_SAID];  /* until type and attrs are 0 */
};

#define PLAIN "{metrics: {resolution: {target: {P1: 1h, default: 4h}}}}"
#define NOTE { 10, 10, EVENT_CHANGED, "team=x" }

static const struct life lives[] = {
	{ "nothing", NULL, NULL,
	  { { 0, 0, EVENT_OPENED, "" }, NOTE, { 20, 20, EVENT_CHANGED, "status=open" }, { 30, 30, EVENT_REPLIED, "" } } },
	{ "it pauses", NULL, NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_CHANGED, "status=pending" }, { 30, 30, EVENT_CHANGED, "status=open" } } },
	{ "another target", NULL, NULL, { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_CHANGED, "priority=P1" } } },
	{ "another calendar", NULL, NULL, { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_CHANGED, "site=ny" } } },
	{ "the last of several holds", NULL, NULL,
	  { { 0, 0, EVENT_OPENED, "status=open" }, { 10, 10, EVENT_CHANGED, "status=pending" }, { 30, 30, EVENT_CHANGED, "status=open" } } },
	{ "it ends the ticket", NULL, NULL, { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_CANCELLED, "" } } },
	{ "other steps", NULL, NULL, { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_CHANGED, "service=mail" } } },
	{ "other steps, late", NULL, NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 20, 20, EVENT_CHANGED, "team=x" }, { 10, 21, EVENT_CHANGED, "service=mail" } } },
	{ "from the future", NULL, NULL, { { 0, 0, EVENT_OPENED, "" }, { 40, 10, EVENT_CHANGED, "team=x" } } },
	{ "it starts a clock", "{metrics: {m: {start: {team: l2}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_CHANGED, "team=l2" } } },
	{ "it starts a clock, late", "{metrics: {m: {start: {team: l2}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 20, 20, EVENT_CHANGED, "status=open" }, { 10, 21, EVENT_CHANGED, "team=l2" } } },
	{ "it starts a clock by its type, late", "{metrics: {m: {start: {type: acknowledged}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 20, 20, EVENT_CHANGED, "team=x" }, { 10, 21, EVENT_ACKNOWLEDGED, "" } } },
	{ "it stops a clock", "{metrics: {m: {stop: {type: attended}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_ATTENDED, "" } } },
	{ "what stops held when it started", "{metrics: {m: {start: {type: opened}, stop: {tags: done}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "tags=done" }, NOTE } },
	{ "what cancels held when it started", "{metrics: {m: {start: {type: opened}, cancel: {tags: done}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "tags=done" }, NOTE } },
	{ "it cancels", "{metrics: {m: {start: {type: opened}, cancel: {team: x}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "" }, NOTE } },
	{ "late, the same as now", NULL, NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_CHANGED, "status=pending" }, { 90, 90, EVENT_CHANGED, "status=open" },
	    { 20, 91, EVENT_CHANGED, "status=open" } } },
	{ "late, it paused", NULL, NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 20, 20, EVENT_CHANGED, "team=x" }, { 10, 21, EVENT_CHANGED, "status=pending" } } },
	{ "late, it stopped", "{metrics: {m: {stop: {type: attended}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 20, 20, EVENT_CHANGED, "team=x" }, { 10, 21, EVENT_ATTENDED, "" } } },
	{ "late, so that an event behind it starts", "{metrics: {m: {start: {type: replied, team: l2}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 20, 20, EVENT_REPLIED, "" }, { 10, 21, EVENT_CHANGED, "team=l2" } } },
	{ "late, so that an event behind it stops", "{metrics: {m: {start: {type: opened}, stop: {type: attended, team: l2}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 20, 20, EVENT_ATTENDED, "" }, { 10, 21, EVENT_CHANGED, "team=l2" } } },
	{ "late, so that an event behind it cancels", "{metrics: {m: {start: {type: opened}, cancel: {type: attended, team: l2}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 20, 20, EVENT_ATTENDED, "" }, { 10, 21, EVENT_CHANGED, "team=l2" } } },
	{ "late, the first answer: what came after it begins a cycle",
	  "{metrics: {next-response: {start: {type: attended}, stop: {type: resolved}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 60, 60, EVENT_ATTENDED, "" }, { 30, 70, EVENT_REPLIED, "" } } },
	{ "late ones before: the last to come is not what holds", NULL, NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 20, 20, EVENT_CHANGED, "status=pending" }, { 10, 21, EVENT_CHANGED, "status=open" },
	    { 30, 30, EVENT_CHANGED, "status=open" } } },
	{ "it moves", NULL, NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_CHANGED, "contract=beta" }, { 20, 20, EVENT_CHANGED, "contract=beta" } } },
	{ "it has moved", "{metrics: {m: {stop: {type: attended}, target: 2h}}}", NULL,
	  { { 0, 0, EVENT_OPENED, "" }, { 10, 10, EVENT_CHANGED, "contract=beta" }, { 20, 20, EVENT_ATTENDED, "" } } },
	{ "of another revision's time", "{metrics: {m: {start: {type: opened}, pause: {team: x}, target: 4h}}}", PLAIN,
	  { { 0, 0, EVENT_OPENED, "" }, { 10, 70, EVENT_CHANGED, "team=x" } } },
	{ "another revision's clock", "{metrics: {m: {start: {type: opened}, stop: {type: attended}, target: 4h}}}", PLAIN,
	  { { 0, 0, EVENT_OPENED, "" }, { 70, 70, EVENT_ATTENDED, "" } } },
	{ "the revision is for new tickets alone", "{effective: new-tickets, metrics: {m: {start: {type: opened}, pause: {team: x}, target: 4h}}}",
	  "{effective: new-tickets, metrics: {m: {start: {type: opened}, pause: {team: y}, target: 4h}}}",
	  { { 0, 0, EVENT_OPENED, "" }, { 70, 70, EVENT_CHANGED, "team=x" } } },
	{ "its contract is unknown", NULL, NULL,
	  { { 0, 0, EVENT_OPENED, "contract=nobody" }, NOTE, { 20, 20, EVENT_CHANGED, "contract=acme" }, { 30, 30, EVENT_CHANGED, "status=pending" } } },
	{ "it is not opened yet", NULL, NULL,
	  { { 0, 0, EVENT_CHANGED, "contract=acme" }, NOTE, { 20, 20, EVENT_OPENED, "" }, { 30, 30, EVENT_CHANGED, "team=y" } } },
};

static struct config *load(const char *policy)
{
	struct config *cfg;
	struct buf text;

	buf_init(&text, 1 << 16);
	buf_printf(&text,
		   "calendars: {always: 24x7, office: {zone: Europe/Madrid, hours: {mon-fri: '08:00-12:00'}}}\n"
		   "defaults: {calendar: always, pause: {status: [pending]}, notify: [ops]}\n"
		   "policies: {p: %s, q: {metrics: {response: {target: 3h}}}}\n"
		   "contracts:\n"
		   "  acme: {customer: ACME, policy: p, sites: {ny: {calendar: office}},\n"
		   "         escalation: [{when: {service: mail}, escalation: few}, {escalation: s}]}\n"
		   "  beta: {customer: Beta, policy: q, escalation: s}\n"
		   "escalations: {s: [{at: 50%%, notify: [ops]}, {at: breach, notify: [ops]}], few: [{at: 75%%, notify: [ops]}]}\n"
		   "receivers: {ops: {log: {}}}\n", policy != NULL ? policy : PLAIN);
	cfg = config_of_text(buf_str(&text), (struct wall){ START });
	buf_finish(&text);
	return cfg;
}

static struct wall minute(int m)
{
	return (struct wall){ START + m * MS_PER_MIN };
}

/* `text` in place of the strings of the event. */
static struct event event_of(const struct said *s, unsigned i, char id[8], char text[64])
{
	struct event e = {
		.ns = STR("desk"), .ticket = STR("T"), .type = s->type, .at = minute(s->at), .received = minute(s->received), .role = ROLE_AGENT,
	};
	struct str rest, pair, value;

	snprintf(text, 64, "%s", s->attrs);
	rest = str_of(text);
	snprintf(id, 8, "e%u", i);
	e.id = str_of(id);
	if (i == 0) {
		e.set = 1u << ATTR_CONTRACT;
		e.attr[ATTR_CONTRACT] = STR("acme");
	}
	while (rest.len > 0) {
		int a;

		str_cut(&rest, ' ', &pair);
		value = pair;
		str_cut(&value, '=', &pair);
		a = name_index(attr_names, pair);
		assert_true(a >= 0);
		e.set |= 1u << a;
		e.attr[a] = value;
	}
	e.body = event_body(&e);
	return e;
}

static void tell(struct engine *en, struct effects *fx, struct buf *out)
{
	for (size_t i = 0; i < fx->n_alerts; i++) {
		alert_write(&fx->alerts[i], true, out);
		buf_printf(out, " %s\n", fx->alerts[i].unsent != ALERT_TO_SEND ? alert_unsent_texts[fx->alerts[i].unsent] : "sent");
	}
	for (size_t i = 0; i < fx->n_verdicts; i++) {
		const struct verdict *v = &fx->verdicts[i];

		buf_printf(out, "verdict " STR_FMT " " STR_FMT " %lld\n", STR_ARG(v->metric), STR_ARG(v->state), (long long)v->stopped.ms);
	}
	buf_printf(out, "next %lld\n", (long long)engine_next(en).ms);
	effects_reset(fx);
}

static void tell_clocks(struct engine *en, struct effects *fx, struct buf *out)
{
	struct ticket_view v;

	assert_true(engine_view(en, STR("desk"), STR("T"), minute(2000), fx->arena, &v));
	for (size_t i = 0; i < v.n_clocks; i++)
		buf_printf(out, STR_FMT " " STR_FMT " %lld %lld\n", STR_ARG(v.clocks[i].metric), STR_ARG(v.clocks[i].state),
			   (long long)v.clocks[i].due.ms, (long long)v.clocks[i].paused_ms);
}

static void advance(struct engine *en, struct wall now, struct effects *fx)
{
	while (engine_advance(en, now, 100, fx))
		;
}

static void live(const struct life *l, struct rules *rules[2], bool thorough, struct buf *out)
{
	struct engine_options opt = { .key = { 3, 4 }, .max_skew_ms = 5 * MS_PER_MIN, .thorough = thorough };
	struct engine *en = engine_create(&opt);
	struct effects fx;

	effects_init(&fx);
	rules[0]->from = WALL_PAST;
	engine_revise(en, rules[0]);
	for (unsigned i = 0; i < MAX_SAID && l->said[i].attrs != NULL; i++) {
		char id[8], text[64];
		struct event e = event_of(&l->said[i], i, id, text);

		if (l->revised != NULL && engine_rules(en) == rules[0] && l->said[i].received > 60) {
			rules[1]->from = minute(60);
			advance(en, rules[1]->from, &fx);
			engine_revise(en, rules[1]);
			while (engine_replan(en, 1, rules[1]->from, &fx))
				;
		}
		advance(en, e.received, &fx);
		assert_int_equal(engine_apply(en, &e, i + 1, NULL, NULL, &fx), APPLY_DONE);
		tell(en, &fx, out);
	}
	advance(en, minute(2000), &fx);
	tell(en, &fx, out);
	tell_clocks(en, &fx, out);
	effects_finish(&fx);
	engine_destroy(en);
}

static void test_lives(void **state)
{
	struct buf full, quick;

	(void)state;
	buf_init(&full, 1 << 16);
	buf_init(&quick, 1 << 16);
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		struct config *cfg[2] = { load(lives[i].policy), load(lives[i].revised) };
		struct rules *rules[2] = { cfg[0]->rules, cfg[1]->rules };

		buf_reset(&full);
		buf_reset(&quick);
		live(&lives[i], rules, true, &full);
		live(&lives[i], rules, false, &quick);
		if (!str_eq(buf_str(&full), buf_str(&quick)))
			print_error("%s\n", lives[i].name);
		assert_string_equal(buf_cstr(&full), buf_cstr(&quick));
		config_unref(cfg[0]);
		config_unref(cfg[1]);
	}
	buf_finish(&full);
	buf_finish(&quick);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lives) };

	return cmocka_run_group_tests_name("events that change nothing", tests, NULL, NULL);
}
