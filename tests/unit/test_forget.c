/* Forgetting a person: what goes, what stays, and that a ticket in memory and its row on disk lose the same. */
#include "../cmocka_plazo.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "config/config.h"
#include "core/engine.h"
#include "core/engine_private.h"
#include "core/forget.h"

#define START INT64_C(1774861200000)    /* 2026-03-30T09:00Z, a Monday */
#define EVA   STR("eva@acme.example")

static const char text[] =
	"calendars: {always: 24x7}\n"
	"defaults: {calendar: always, notify: [ops]}\n"
	"policies: {p: {metrics: {response: {target: 1h}, resolution: {target: 2h}}, escalation: s}}\n"
	"contracts: {acme: {customer: ACME, policy: p}}\n"
	"escalations: {s: [{at: breach, notify: [ops]}]}\n"
	"receivers: {ops: {log: {}}}\n";

struct fixture {
	struct config *cfg;
	struct engine *en;
	struct effects fx;
	uint64_t       seq;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct engine_options opt = { .key = { 3, 4 }, .max_skew_ms = 300000 };
	struct config_options copt = { .now = { START }, .secrets = SECRETS_SKIP };
	struct problems p;

	problems_init(&p);
	assert_int_equal(config_load_text("t.yaml", str_of(text), &copt, &f->cfg, &p), ERR_OK);
	problems_finish(&p);
	f->en = engine_create(&opt);
	f->cfg->rules->from = WALL_PAST;
	engine_revise(f->en, f->cfg->rules);
	effects_init(&f->fx);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	effects_finish(&f->fx);
	engine_destroy(f->en);
	config_unref(f->cfg);
	free(f);
	return 0;
}

/* Hers: opened, answered by an agent, and breached. `team` is a text that may be her name, too. */
static void open_hers(struct fixture *f, struct str team)
{
	struct event e = { .id = STR("e1"), .ns = STR("desk"), .ticket = STR("T1"), .type = EVENT_OPENED, .at = { START }, .received = { START },
		.set = 1u << ATTR_CONTRACT | 1u << ATTR_REQUESTER | 1u << ATTR_SUBJECT | 1u << ATTR_URL | 1u << ATTR_TEAM };

	e.attr[ATTR_CONTRACT] = STR("acme");
	e.attr[ATTR_REQUESTER] = EVA;
	e.attr[ATTR_SUBJECT] = STR("Her printer");
	e.attr[ATTR_URL] = STR("https://desk.example.com/1");
	e.attr[ATTR_TEAM] = team;
	e.body = event_body(&e);
	assert_int_equal(engine_apply(f->en, &e, ++f->seq, NULL, NULL, &f->fx), APPLY_DONE);
	e = (struct event){ .id = STR("e2"), .ns = STR("desk"), .ticket = STR("T1"), .type = EVENT_REPLIED, .at = { START + 1000 },
		.received = { START + 1000 }, .role = ROLE_AGENT, .actor = EVA };
	e.body = event_body(&e);
	assert_int_equal(engine_apply(f->en, &e, ++f->seq, NULL, NULL, &f->fx), APPLY_DONE);
	while (engine_advance(f->en, (struct wall){ START + 3 * MS_PER_H }, 10, &f->fx))
		;
}

static struct ticket_view view(struct fixture *f)
{
	struct ticket_view v;

	assert_true(engine_view(f->en, STR("desk"), STR("T1"), (struct wall){ START + 4 * MS_PER_H }, f->fx.arena, &v));
	return v;
}

static void same_clocks(const struct ticket_view *a, const struct ticket_view *b)
{
	assert_int_equal(a->n_clocks, b->n_clocks);
	for (size_t i = 0; i < a->n_clocks; i++) {
		assert_true(str_eq(a->clocks[i].metric, b->clocks[i].metric) && str_eq(a->clocks[i].state, b->clocks[i].state));
		assert_int_equal(a->clocks[i].due.ms, b->clocks[i].due.ms);
		assert_int_equal(a->clocks[i].elapsed_ms, b->clocks[i].elapsed_ms);
		assert_int_equal(a->clocks[i].breached, b->clocks[i].breached);
	}
}

static void forgotten(struct fixture *f, const struct ticket_view *before, struct str team)
{
	struct ticket_view v = view(f);

	assert_int_equal(v.attr[ATTR_REQUESTER].len + v.attr[ATTR_SUBJECT].len + v.attr[ATTR_URL].len, 0);
	assert_true(str_eqz(v.contract, "acme") && str_eq(v.attr[ATTR_TEAM], team));
	assert_int_equal(v.n_events, before->n_events);
	same_clocks(&v, before);
}

static void in_memory_and_on_disk(void **state, struct str team)
{
	struct fixture *f = *state;
	struct buf row, texts, names;
	uint32_t n;
	struct ticket_view before;
	struct diag d;

	buf_init(&row, 1 << 16);
	buf_init(&texts, 1 << 16);
	buf_init(&names, 1 << 16);
	open_hers(f, team);
	before = view(f);
	assert_true(engine_save(f->en, STR("desk"), STR("T1"), &row));
	assert_int_equal(engine_forget(f->en, 0, STR("somebody else"), FORGET_NAMES, &n), FORGOT_NOTHING);
	assert_int_equal(n, 0);
	assert_int_equal(engine_forget(f->en, 0, EVA, FORGET_TEXTS, &n), FORGOT_REQUESTER);
	assert_int_equal(n, 2);
	assert_true(str_eq(view(f).attr[ATTR_REQUESTER], EVA));
	assert_int_equal(engine_forget(f->en, 0, EVA, FORGET_NAMES, &n), FORGOT_REQUESTER);
	assert_int_equal(n, 2);
	assert_int_equal(engine_forget(f->en, 0, EVA, FORGET_NAMES, &n), FORGOT_NOTHING);
	assert_int_equal(n, 0);
	forgotten(f, &before, team);
	assert_true(engine_drop(f->en, STR("desk"), STR("T1")));
	assert_int_equal(symbols_count(f->en->symbols), 0);
	/* The row, in the same two rounds. */
	assert_int_equal(row_forget(buf_str(&row), EVA, FORGET_TEXTS, &texts, &n), FORGOT_REQUESTER);
	assert_int_equal(n, 2);
	assert_int_equal(row_forget(buf_str(&texts), EVA, FORGET_NAMES, &names, &n), FORGOT_REQUESTER);
	assert_int_equal(n, 2);
	assert_null(memmem(names.p, names.len, "printer", 7));
	if (!str_eq(team, EVA))
		assert_null(memmem(names.p, names.len, "eva", 3));
	assert_int_equal(engine_load(f->en, buf_str(&names), &d), ERR_OK);
	forgotten(f, &before, team);
	assert_true(engine_drop(f->en, STR("desk"), STR("T1")));
	/* And while somebody is being forgotten, a row that still has the name loses it on its way. */
	engine_forget_on_load(f->en, EVA, FORGET_NAMES);
	assert_int_equal(engine_load(f->en, buf_str(&row), &d), ERR_OK);
	forgotten(f, &before, team);
	assert_true(engine_drop(f->en, STR("desk"), STR("T1")));
	assert_int_equal(symbols_count(f->en->symbols), 0);
	buf_finish(&row);
	buf_finish(&texts);
	buf_finish(&names);
}

static void test_a_person(void **state)
{
	in_memory_and_on_disk(state, STR("desk"));
}

/* A team of the same name decides something, and stays. */
static void test_a_name_that_is_something_else(void **state)
{
	in_memory_and_on_disk(state, EVA);
}

static void test_hostile_rows(void **state)
{
	struct fixture *f = *state;
	struct buf row, out;
	uint32_t n;

	buf_init(&row, 1 << 16);
	buf_init(&out, 1 << 16);
	open_hers(f, STR("desk"));
	assert_true(engine_save(f->en, STR("desk"), STR("T1"), &row));
	for (size_t len = 0; len < row.len; len++) {
		char *copy = xmalloc(len + 1);     /* its end is the end of the memory: the sanitizer sees a read past it */

		memcpy(copy, row.p, len);
		buf_reset(&out);
		assert_int_equal(row_forget((struct str){ copy, len }, EVA, FORGET_NAMES, &out, &n), FORGOT_NOTHING);
		assert_int_equal(out.len, 0);
		free(copy);
	}
	for (size_t i = 0; i < row.len * 8; i++) {
		row.p[i / 8] = (char)(row.p[i / 8] ^ 1 << i % 8);
		buf_reset(&out);
		(void)row_forget(buf_str(&row), EVA, FORGET_NAMES, &out, &n);
		row.p[i / 8] = (char)(row.p[i / 8] ^ 1 << i % 8);
	}
	buf_finish(&row);
	buf_finish(&out);
}

static void test_events(void **state)
{
	struct event e = { .id = STR("e1"), .ticket = STR("T1"), .role = ROLE_CUSTOMER, .actor = STR("Eva Ruiz"), .set = 1u << ATTR_SUBJECT, .body = 7 };
	struct event other = e;

	(void)state;
	e.attr[ATTR_SUBJECT] = other.attr[ATTR_SUBJECT] = STR("Her printer");
	assert_int_equal(event_forget(&other, EVA, false), FORGOT_NOTHING);
	assert_true(str_eqz(other.actor, "Eva Ruiz"));
	assert_int_equal(event_forget(&e, EVA, true), FORGOT_ACTOR);
	assert_int_equal(e.actor.len + e.attr[ATTR_SUBJECT].len, 0);
	assert_true(e.set == 1u << ATTR_SUBJECT && e.body == 7);
	assert_int_equal(event_forget(&e, EVA, true), FORGOT_NOTHING);
	/* Who answered her is somebody else. */
	e.role = ROLE_AGENT;
	e.actor = STR("Ana");
	assert_int_equal(event_forget(&e, EVA, true), FORGOT_NOTHING);
	assert_true(str_eqz(e.actor, "Ana"));
}

/* A form that was made ahead goes with what it says. */
static void test_sealed_events(void **state)
{
	struct fixture *f = *state;
	struct event e = { .id = STR("e1"), .ticket = STR("T1"), .set = 1u << ATTR_REQUESTER };
	struct buf form;

	e.attr[ATTR_REQUESTER] = EVA;
	event_seal(&e, (struct sipkey){ 3, 4 }, f->fx.arena);
	buf_init(&form, 1 << 16);
	event_encode(&e, &form);
	assert_non_null(memmem(form.p, form.len, EVA.p, EVA.len));
	assert_int_equal(event_forget(&e, EVA, false), FORGOT_REQUESTER);
	buf_reset(&form);
	event_encode(&e, &form);
	assert_null(memmem(form.p, form.len, EVA.p, EVA.len));
	buf_finish(&form);
}

static void test_alerts(void **state)
{
	struct alert a = { .ticket = STR("T1"), .reason = STR("target 1h"), .customer = STR("ACME") };

	(void)state;
	assert_false(alert_forget(&a, EVA));
	assert_true(str_eqz(a.reason, "target 1h"));
	a.reason = STR("mail of eva@acme.example came late");
	assert_true(alert_forget(&a, EVA));
	assert_int_equal(a.reason.len, 0);
	a.subject = a.url = STR("x");
	assert_true(alert_forget(&a, EVA));
	assert_int_equal(a.subject.len + a.url.len, 0);
	assert_true(str_eqz(a.customer, "ACME"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_person, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_name_that_is_something_else, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_rows, setup, teardown),
		cmocka_unit_test(test_events), cmocka_unit_test_setup_teardown(test_sealed_events, setup, teardown),
		cmocka_unit_test(test_alerts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
