/*
 * Right configurations: what comes out of them for the engine and for the edges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

#define CALENDARS "calendars: {always: 24x7, c: {zone: Europe/Madrid, hours: {mon-fri: \"09:00-17:00\"}}}\n"
#define RECEIVERS "receivers: {r: {log: {}}, s: {log: {}}}\n"
#define BASE CALENDARS RECEIVERS

static const struct config_options options = { .now = { INT64_C(1795305600000) }, .secrets = SECRETS_SKIP };   /* 2026-11-22 */

static void print_problems(const struct problems *p)
{
	struct buf b;

	buf_init(&b, 65536);
	problems_write(p, &b);
	fputs(buf_cstr(&b), stderr);
	buf_finish(&b);
}

static struct config *load_with(const char *text, const struct config_options *opt, struct problems *p)
{
	struct config *cfg = NULL;

	problems_init(p);
	enum err e = config_load_text("c.yaml", str_of(text), opt, &cfg, p);

	if (e != ERR_OK)
		print_problems(p);
	assert_int_equal(e, ERR_OK);
	return cfg;
}

static struct config *load(const char *text)
{
	struct problems p;
	struct config *cfg = load_with(text, &options, &p);

	problems_finish(&p);
	return cfg;
}

static const struct contract *contract(const struct config *cfg, const char *id)
{
	const struct contract *c = rules_contract(cfg->rules, str_of(id));

	assert_non_null(c);
	return c;
}

static const struct metric *metric(const struct contract *c, const char *name)
{
	for (size_t i = 0; i < c->n_metrics; i++) {
		if (strcmp(c->metrics[i].name, name) == 0)
			return &c->metrics[i];
	}
	fail_msg("no metric %s", name);
	return NULL;
}

static struct wall at(const char *text)
{
	struct wall t = { 0 };

	assert_int_equal(wall_parse(str_of(text), &t, NULL), ERR_OK);
	return t;
}

#define T(x) (UINT32_C(1) << EVENT_##x)
#define ROLE(x) (1u << ROLE_##x)

/* ---- metrics ---- */

#define METRICS(list) BASE "defaults: {calendar: c, pause: {status: [pending, hold]}}\npolicies: {p: {metrics: {" list "}}}\ncontracts: {k: {policy: p}}\n"

static void assert_reply(const struct cond *c, unsigned roles)
{
	assert_int_equal(c->types, T(REPLIED));
	assert_int_equal(c->roles, roles);
	assert_int_equal(c->is_public, 2);
	assert_int_equal(c->automated, 1);
}

static void test_response(void **state)
{
	struct config *cfg = load(METRICS("response: {target: 1h}, acknowledge: {target: 1h}"));
	const struct metric *m = metric(contract(cfg, "k"), "response"), *ack = metric(contract(cfg, "k"), "acknowledge");

	(void)state;
	assert_int_equal(m->kind, METRIC_RESPONSE);
	assert_int_equal(m->start.n, 1);
	assert_int_equal(m->start.v[0].types, T(OPENED));
	assert_int_equal(m->stop.n, 2);
	assert_reply(&m->stop.v[0], ROLE(AGENT));
	assert_int_equal(m->stop.v[1].types, T(RESOLVED) | T(CLOSED));
	assert_int_equal(m->stop.v[1].roles, ROLE(AGENT) | ROLE(SYSTEM));
	assert_int_equal(m->cancel.n, 1);
	assert_int_equal(m->cancel.v[0].roles, ROLE(CUSTOMER));
	assert_int_equal(m->pause.n, 0);
	assert_false(m->resumes || m->only_open || m->after_response);
	assert_int_equal(ack->stop.n, 3);
	assert_int_equal(ack->stop.v[0].types, T(ACKNOWLEDGED));
	config_unref(cfg);
}

static void test_other_builtins(void **state)
{
	struct config *cfg = load(METRICS("attendance: {target: 2h, mode: onsite}, next-response: {target: 1h}, update: {target: 8h}, resolution: {target: 4h}"));
	const struct contract *k = contract(cfg, "k");
	const struct metric *a = metric(k, "attendance"), *n = metric(k, "next-response"), *u = metric(k, "update"), *r = metric(k, "resolution");

	(void)state;
	assert_int_equal(a->stop.v[0].types, T(ATTENDED));
	assert_int_equal(a->stop.v[0].modes, 1u << MODE_ONSITE);
	assert_int_equal(a->cancel.v[0].types, T(RESOLVED) | T(CLOSED));
	assert_int_equal(a->pause.n, 1);
	assert_int_equal(a->pause.v[0].attrs[0].attr, ATTR_STATUS);
	assert_int_equal(a->pause.v[0].attrs[0].n_values, 2);
	assert_true(str_eqz(a->pause.v[0].attrs[0].values[0], "hold"));
	assert_false(a->resumes);
	assert_reply(&n->start.v[0], ROLE(CUSTOMER));
	assert_true(n->only_open && n->after_response && !n->resumes);
	assert_int_equal(u->start.n, 2);
	assert_reply(&u->start.v[1], ROLE(AGENT));
	assert_true(u->only_open && u->resumes && !u->after_response);
	assert_int_equal(r->stop.n, 1);
	assert_true(r->resumes && !r->only_open);
	config_unref(cfg);
}

static void test_custom(void **state)
{
	struct config *cfg = load(METRICS("l2: {agreement: ola, while: {team: l2}, stop: {type: resolved}, target: 8h}, "
					  "plain: {target: 1h}, never: {target: 1h, pause: []}, "
					  "resolution: {target: 1h, stop: {type: closed}}, "
					  "tags: {target: 1h, start: [{type: [opened, reopened]}, {type: changed, tags: [b, a, b]}]}"));
	const struct contract *k = contract(cfg, "k");
	const struct metric *m = metric(k, "l2"), *t = metric(k, "tags");

	(void)state;
	assert_int_equal(m->kind, METRIC_CUSTOM);
	assert_int_equal(m->agreement, AGREEMENT_OLA);
	assert_int_equal(m->hold.n, 1);
	assert_int_equal(m->hold.v[0].attrs[0].attr, ATTR_TEAM);
	assert_int_equal(m->start.v[0].types, T(OPENED));
	assert_int_equal(m->stop.v[0].types, T(RESOLVED) | T(CLOSED));
	assert_int_equal(m->pause.n, 1);
	assert_true(m->resumes);
	assert_int_equal(metric(k, "plain")->stop.v[0].types, T(RESOLVED) | T(CLOSED));
	assert_int_equal(metric(k, "never")->pause.n, 0);
	assert_int_equal(metric(k, "resolution")->stop.v[0].types, T(CLOSED));
	assert_int_equal(metric(k, "resolution")->kind, METRIC_RESOLUTION);
	assert_int_equal(t->start.v[1].attrs[0].n_values, 2);
	assert_true(str_eqz(t->start.v[1].attrs[0].values[0], "a"));
	config_unref(cfg);
}

/* ---- targets ---- */

#define TARGETS(target, override) \
	BASE "defaults: {calendar: c}\npolicies: {p: {metrics: {resolution: {target: " target "}}}}\n" \
	"contracts: {k: {policy: p, targets: {resolution: " override "}}}\n"

/* "1h@always{priority=P1} 16h": the list as text. */
static void assert_targets(const char *text, const char *want)
{
	struct config *cfg = load(text);
	const struct metric *m = metric(contract(cfg, "k"), "resolution");
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < m->n_targets; i++) {
		const struct target *t = &m->targets[i];

		buf_printf(&b, "%s%s", i > 0 ? " " : "", t->text);
		if (t->calendar != NULL)
			buf_printf(&b, "@%s", calendar_name(t->calendar));
		assert_int_equal(t->always, t->when.n_attrs == 0);
		for (size_t k = 0; k < t->when.n_attrs; k++) {
			buf_printf(&b, "{%s=", attr_names[t->when.attrs[k].attr]);
			for (size_t v = 0; v < t->when.attrs[k].n_values; v++)
				buf_printf(&b, "%s" STR_FMT, v > 0 ? "," : "", STR_ARG(t->when.attrs[k].values[v]));
			buf_putc(&b, '}');
		}
	}
	assert_string_equal(buf_cstr(&b), want);
	buf_finish(&b);
	config_unref(cfg);
}

#define LIST "[{when: {kind: incident, priority: P1}, target: 1h, calendar: always}, {when: {priority: P1}, target: 4h, calendar: always}, {target: 16h}]"

static void test_targets(void **state)
{
	(void)state;
	assert_targets(TARGETS("4h", "5h"), "5h");
	assert_targets(TARGETS("{default: 4h, P2: 2h, P1: 1h}", "{P2: 3h}"), "3h{priority=P2} 1h{priority=P1} 4h");
	assert_targets(TARGETS("{P1: none}", "{P2: 3h}"), "3h{priority=P2} none{priority=P1}");
}

static void test_overrides(void **state)
{
	(void)state;
	/* A bare duration for the metric: every span, calendars kept. */
	assert_targets(TARGETS(LIST, "2h"), "2h@always{priority=P1}{kind=incident} 2h@always{priority=P1} 2h");
	assert_targets(TARGETS("{P1: 1h, default: 4h}", "90m"), "1h30m{priority=P1} 1h30m");
	/* The same `when`: in its place, with its calendar. */
	assert_targets(TARGETS(LIST, "{P1: 2h}"), "1h@always{priority=P1}{kind=incident} 2h@always{priority=P1} 16h");
	assert_targets(TARGETS(LIST, "[{when: {priority: P1}, target: 2h, calendar: c}]"),
		       "1h@always{priority=P1}{kind=incident} 2h@c{priority=P1} 16h");
	assert_targets(TARGETS(LIST, "{default: none}"), "1h@always{priority=P1}{kind=incident} 4h@always{priority=P1} none");
	/* Another one: in front of what is less specific, in the order in which they are written. */
	assert_targets(TARGETS(LIST, "{P2: 8h, P3: 3bd eod}"),
		       "8h{priority=P2} 3bd eod{priority=P3} 1h@always{priority=P1}{kind=incident} 4h@always{priority=P1} 16h");
	assert_targets(TARGETS("[{when: {priority: P1, kind: incident}, target: 1h}, {target: 16h, calendar: always}]", "{P1: 2h}"),
		       "1h{priority=P1}{kind=incident} 2h@always{priority=P1} 16h@always");
	assert_targets(TARGETS("{P1: 1h}", "{default: 9h}"), "1h{priority=P1} 9h");
	/* Order and number of values do not matter. */
	assert_targets(TARGETS("[{when: {priority: [P2, P1]}, target: 1h}]", "[{when: {priority: [P1, P2]}, target: 2h}]"), "2h{priority=P1,P2}");
}

static void test_days(void **state)
{
	struct config *cfg = load(BASE "defaults: {calendar: always}\npolicies: {p: {metrics: {resolution: {target: 3d}, response: {target: 3bd eod}}}}\n"
				  "contracts: {k: {policy: p}}\n");
	const struct contract *k = contract(cfg, "k");

	(void)state;
	assert_int_equal(metric(k, "resolution")->targets[0].span.ms, 3 * MS_PER_DAY);
	assert_int_equal(metric(k, "response")->targets[0].span.kind, SPAN_DAYS);
	config_unref(cfg);
}

/* ---- calendars ---- */

static void test_calendar(void **state)
{
	struct config *cfg = load("calendars:\n"
				  "  always: 24x7\n"
				  "  m:\n"
				  "    zone: Europe/Madrid\n"
				  "    hours: {mon-thu: [\"15:00-18:30\", \"09:00-14:00\"], fri: \"08:00-15:00\", sat-sun: []}\n"
				  "    holidays: [2026-11-23, \"-12-25\", \"-02-29\"]\n"
				  "    breaks: {2026-11-24: [\"12:00-13:00\"]}\n"
				  "    shifts: {2026-11-28: [\"10:00-14:00\"]}\n"
				  "  n: {zone: UTC, hours: {\"sat,sun\": \"22:00-06:00\"}}\n"
				  "defaults: {calendar: m, boundary: next-open}\n");
	const struct calendar *m = config_calendar(cfg, STR("m")), *n = config_calendar(cfg, STR("n"));

	(void)state;
	assert_int_equal(cfg->n_calendars, 3);
	assert_int_equal(cfg->boundary, BOUNDARY_NEXT_OPEN);
	assert_ptr_equal(cfg->calendar, m);
	assert_null(config_calendar(cfg, STR("x")));
	assert_true(calendar_is_always(config_calendar(cfg, STR("always"))));
	assert_string_equal(zone_name(calendar_zone(m)), "Europe/Madrid");
	assert_false(calendar_is_open(m, at("2026-11-23T10:00:00Z")));
	assert_true(calendar_is_open(m, at("2026-11-24T10:00:00Z")));
	assert_false(calendar_is_open(m, at("2026-11-24T11:30:00Z")));
	assert_true(calendar_is_open(m, at("2026-11-28T10:00:00Z")));
	assert_false(calendar_is_open(m, at("2030-12-25T10:00:00Z")));
	assert_true(calendar_is_open(n, at("2026-11-23T05:00:00Z")));
	assert_false(calendar_is_open(n, at("2026-11-24T05:00:00Z")));
	config_unref(cfg);
}

/* ---- contracts and escalations ---- */

static void test_contract(void **state)
{
	struct config *cfg = load(
		BASE "defaults: {calendar: c, escalation: e, notify: [r, s], on_change: from-change}\n"
		"policies: {p: {metrics: {resolution: {target: 4h}}, effective: new-tickets, reopen: {within: 2d}}}\n"
		"contracts:\n"
		"  a: {policy: p}\n"
		"  b: {customer: B, policy: p, calendar: always, sites: {x: {calendar: c}}, starts: 2026-07-01, ends: 2027-12-31,\n"
		"      match: {organization: [B, BB], domain: b.example}, escalation: {P1: f, P4: none, default: e}}\n"
		"escalations:\n"
		"  e: [{at: 75%, notify: r}, {at: due-30m, by: wall, notify: [r]}, {at: breach, notify: [s, r]}]\n"
		"  f: [{at: breach+30m, every: 15m, times: 4, notify: s}]\n");
	const struct contract *a = contract(cfg, "a"), *b = contract(cfg, "b");
	const struct step *e = a->escalations[0].escalation->steps;
	struct event ev = { .set = 1u << ATTR_DOMAIN, .attr = { [ATTR_DOMAIN] = STR("B.Example") } };
	size_t n = 0;

	(void)state;
	assert_int_equal(cfg->rules->n_contracts, 2);
	assert_int_equal(cfg->rules->n_notify, 2);
	assert_int_equal(cfg->n_policies, 1);
	assert_int_equal(cfg->n_escalations, 2);
	assert_string_equal(a->customer, "a");
	assert_true(a->new_tickets_only);
	assert_int_equal(a->on_change, CHANGE_FROM_CHANGE);
	assert_int_equal(a->reopen.within_ms, 2 * MS_PER_DAY);
	assert_int_equal(a->reopen.later, REOPEN_NEW_CYCLE);
	assert_true(wall_eq(a->starts, WALL_PAST) && wall_is_never(a->ends));
	assert_int_equal(e[0].percent, 75);
	assert_true(e[1].by_wall && e[1].kind == STEP_BEFORE_DUE && e[1].offset_ms == 30 * MS_PER_MIN);
	assert_int_equal(e[2].n_receivers, 2);
	assert_string_equal(e[2].receivers[0], "s");
	assert_string_equal(calendar_name(b->calendar), "always");
	assert_string_equal(b->sites[0].name, "x");
	assert_true(wall_eq(b->starts, at("2026-07-01T00:00:00Z")) && wall_eq(b->ends, at("2028-01-01T00:00:00Z")));
	assert_int_equal(b->n_escalations, 3);
	assert_int_equal(b->escalations[0].escalation->steps[0].times, 4);
	assert_null(b->escalations[1].escalation);
	assert_true(b->escalations[2].always);
	assert_ptr_equal(rules_match(cfg->rules, &ev, NULL, NULL, &n), b);
	config_unref(cfg);
}

static void test_digest(void **state)
{
	static const char *const same[] = {
		BASE "defaults: {calendar: c}\npolicies: {p: {metrics: {resolution: {target: {P1: 60m, default: 4h}}}}}\ncontracts: {k: {policy: p}}\n",
		"# other words\ncontracts: {k: {customer: K, policy: q}}\n" BASE
		"policies: {q: {calendar: c, metrics: {resolution: {target: [{when: {priority: [P1]}, target: 1h}, {target: 240m}]}}}}\n",
	};
	static const char *const other[] = {
		BASE "defaults: {calendar: always}\npolicies: {p: {metrics: {resolution: {target: {P1: 1h, default: 4h}}}}}\ncontracts: {k: {policy: p}}\n",
		BASE "defaults: {calendar: c}\npolicies: {p: {metrics: {resolution: {target: {P1: 1h, default: 5h}}}}}\ncontracts: {k: {policy: p}}\n",
		BASE "defaults: {calendar: c, pause: {status: x}}\npolicies: {p: {metrics: {resolution: {target: {P1: 1h, default: 4h}}}}}\n"
		"contracts: {k: {policy: p}}\n",
	};
	struct config *a = load(same[0]), *b = load(same[1]);
	uint64_t digest = contract(a, "k")->digest;

	(void)state;
	assert_true(digest == contract(b, "k")->digest);
	assert_false(a->rules->digest == b->rules->digest);
	for (size_t i = 0; i < 3; i++) {
		struct config *c = load(other[i]);

		assert_false(digest == contract(c, "k")->digest);
		config_unref(c);
	}
	config_unref(a);
	config_unref(b);
}

static void test_references(void **state)
{
	struct config *cfg = load(METRICS("resolution: {target: 1h}"));
	struct rules *rules = rules_ref(cfg->rules);

	(void)state;
	assert_ptr_equal(config_ref(cfg), cfg);
	config_unref(cfg);
	config_unref(cfg);
	config_unref(NULL);
	assert_non_null(rules_contract(rules, STR("k")));
	rules_unref(rules);
}

/* ---- JSON ---- */

static void test_json(void **state)
{
	struct config *cfg = load("{\"calendars\":{\"c\":{\"zone\":\"Europe\\/Madrid\",\"hours\":\"24x7\"}},\n"
				  "\t\"defaults\":{\"calendar\":\"c\"},\"policies\":{\"p\":{\"metrics\":{\"resolution\":{\"target\":\"1h\"}}}},"
				  "\"contracts\":{\"k\":{\"customer\":\"\\ud83d\\ude00 \\u00e9 \\\\ud83d\\\\ude00\",\"policy\":\"p\"}}}");

	(void)state;
	assert_string_equal(contract(cfg, "k")->customer, "\xf0\x9f\x98\x80 \xc3\xa9 \\ud83d\\ude00");
	config_unref(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_other_builtins),
		cmocka_unit_test(test_custom),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_contract),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
