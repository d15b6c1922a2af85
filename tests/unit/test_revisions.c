/*
 * Which rules stay in memory: those in force, and of older ones no more than tickets in memory need. What left comes back for who needs it, and decides
 * the same. That it does in any life whatever is tests/property/test_engine.c's.
 */
#include "../config_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/versions.h"
#include "base/xalloc.h"
#include "core/engine.h"
#include "core/engine_private.h"

#define START INT64_C(1774861200000)    /* 2026-03-30T09:00Z, a Monday */

#define MAX_GUESTS 2

struct fixture {
	struct engine   *en, *keeps;    /* the same lives, in an engine that lets go and in one that keeps all */
	struct versions *texts;
	struct effects   fx, fx_keeps;
	uint64_t         seq;
	int64_t          minute;
	unsigned         n_woken;
};

static struct config *load(struct str text)
{
	return config_of_text(text, (struct wall){ START });
}

static struct rules *wake(void *ctx, size_t revision)
{
	struct config_options opt = { .now = { START }, .secrets = SECRETS_SKIP, .first_year = 2026, .last_year = 2026 };
	struct fixture *f = ctx;
	struct rules *rules = NULL;
	struct diag d = { 0 };
	struct buf text;

	buf_init(&text, BUF_NO_MAX);
	versions_get(f->texts, revision, &text);
	assert_int_equal(config_load_canonical(buf_str(&text), &opt, &rules, &d), ERR_OK);
	buf_finish(&text);
	f->n_woken++;
	return rules;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->en = engine_create(&(struct engine_options){ .key = { 3, 4 }, .max_skew_ms = 300000, .wake = wake, .wake_ctx = f, .max_guests = MAX_GUESTS });
	f->keeps = engine_create(&(struct engine_options){ .key = { 3, 4 }, .max_skew_ms = 300000 });
	f->texts = versions_create();
	effects_init(&f->fx);
	effects_init(&f->fx_keeps);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	effects_finish(&f->fx);
	effects_finish(&f->fx_keeps);
	engine_destroy(f->en);
	engine_destroy(f->keeps);
	versions_destroy(f->texts);
	free(f);
	return 0;
}

/* ---- lives ---- */

static void same_effects(struct fixture *f)
{
	struct buf a, b;

	buf_init(&a, BUF_NO_MAX);
	buf_init(&b, BUF_NO_MAX);
	assert_int_equal(f->fx.n_alerts, f->fx_keeps.n_alerts);
	assert_int_equal(f->fx.n_verdicts, f->fx_keeps.n_verdicts);
	for (size_t i = 0; i < f->fx.n_alerts; i++) {
		alert_write(&f->fx.alerts[i], true, &a);
		alert_write(&f->fx_keeps.alerts[i], true, &b);
		assert_int_equal(f->fx.alerts[i].unsent, f->fx_keeps.alerts[i].unsent);
	}
	assert_string_equal(buf_cstr(&a), buf_cstr(&b));
	effects_reset(&f->fx);
	effects_reset(&f->fx_keeps);
	buf_finish(&a);
	buf_finish(&b);
}

static struct wall at(int64_t minute)
{
	return (struct wall){ START + minute * MS_PER_MIN };
}

static void advance(struct fixture *f)
{
	while (engine_advance(f->en, at(f->minute), 10, &f->fx))
		;
	while (engine_advance(f->keeps, at(f->minute), 10, &f->fx_keeps))
		;
	same_effects(f);
}

/* A minute later. Both targets in hours; `hours` of beta's alone is in its contract. */
static void revise(struct fixture *f, int acme, int beta)
{
	static const char text[] = "calendars: {office: {zone: Europe/Madrid, hours: {mon-sun: '00:00-24:00'}, breaks: {2026-06-30: '12:00-13:00'}}}\n"
		"defaults: {calendar: office, notify: [ops]}\n"
		"policies: {p: {metrics: {resolution: {target: %dh}}, escalation: s}, q: {metrics: {resolution: {target: %dh}}}}\n"
		"contracts: {acme: {customer: ACME, policy: p}, beta: {customer: Beta, policy: q}}\n"
		"escalations: {s: [{at: 50%%, notify: [ops]}, {at: breach, notify: [ops]}]}\nreceivers: {ops: {log: {}}}\n";
	struct config *cfg[2];
	struct buf b;

	f->minute++;
	advance(f);
	buf_init(&b, 1 << 16);
	buf_printf(&b, text, acme, beta);
	cfg[0] = load(buf_str(&b));
	cfg[1] = load(buf_str(&b));
	buf_reset(&b);
	config_canonical(cfg[0], &b);
	versions_add(f->texts, buf_str(&b));
	for (int i = 0; i < 2; i++) {
		cfg[i]->rules->from = at(f->minute);
		engine_revise(i == 0 ? f->en : f->keeps, cfg[i]->rules);
		config_unref(cfg[i]);
	}
	while (engine_replan(f->en, 10, at(f->minute), &f->fx))
		;
	while (engine_replan(f->keeps, 10, at(f->minute), &f->fx_keeps))
		;
	same_effects(f);
	buf_finish(&b);
}

static void apply_at(struct fixture *f, const char *ticket, enum event_type type, const char *contract, int64_t happened)
{
	char id[24];
	struct event e = { .ns = STR("desk"), .ticket = str_of(ticket), .type = type, .role = ROLE_AGENT };

	snprintf(id, sizeof(id), "e%u", (unsigned)++f->seq);
	e.id = str_of(id);
	f->minute++;
	e.received = at(f->minute);
	e.at = happened < 0 ? e.received : at(happened);
	if (contract != NULL) {
		e.set = 1u << ATTR_CONTRACT;
		e.attr[ATTR_CONTRACT] = str_of(contract);
	}
	e.body = event_body(&e);
	advance(f);
	assert_int_equal(engine_apply(f->en, &e, f->seq, NULL, NULL, &f->fx), APPLY_DONE);
	assert_int_equal(engine_apply(f->keeps, &e, f->seq, NULL, NULL, &f->fx_keeps), APPLY_DONE);
	same_effects(f);
}

static void apply(struct fixture *f, const char *ticket, enum event_type type, const char *contract)
{
	apply_at(f, ticket, type, contract, -1);
}

static size_t in_memory(const struct engine *en)
{
	struct engine_stats st;

	engine_stats(en, &st);
	return st.n_rules;
}

static void put_stretch(void *ctx, const struct stretch *s)
{
	buf_printf(ctx, STR_FMT " %u %lld %lld %lld " STR_FMT "\n", STR_ARG(s->metric), s->cycle, (long long)s->from.ms, (long long)s->to.ms,
		   (long long)s->counted_ms, STR_ARG(s->why));
}

static void put_all(struct fixture *f, struct engine *en, const char *ticket, struct buf *out)
{
	struct ticket_view v;
	struct arena *arena = arena_create();

	buf_reset(out);
	assert_true(engine_view(en, STR("desk"), str_of(ticket), at(f->minute), arena, &v));
	for (size_t i = 0; i < v.n_clocks; i++)
		buf_printf(out, STR_FMT " " STR_FMT " %lld\n", STR_ARG(v.clocks[i].target), STR_ARG(v.clocks[i].state), (long long)v.clocks[i].due.ms);
	assert_true(engine_explain(en, STR("desk"), str_of(ticket), at(f->minute), put_stretch, out));
	assert_true(engine_save(en, STR("desk"), str_of(ticket), out));
	arena_destroy(arena);
}

/* Clocks, what is told of them, and the row. */
static void same_ticket(struct fixture *f, const char *ticket)
{
	struct buf a, b;

	buf_init(&a, BUF_NO_MAX);
	buf_init(&b, BUF_NO_MAX);
	put_all(f, f->en, ticket, &a);
	put_all(f, f->keeps, ticket, &b);
	assert_true(str_eq(buf_str(&a), buf_str(&b)));
	buf_finish(&a);
	buf_finish(&b);
}

static void keep(void *ctx, const struct ticket_row *row)
{
	buf_reset(ctx);
	buf_put(ctx, row->row);
}

/* Both engines save what has changed; the row of the last is in `out`. */
static void save_all(struct fixture *f, struct buf *out)
{
	struct engine_round round = engine_round(f->en), other = engine_round(f->keeps);

	engine_take_changed(f->en, &round, SIZE_MAX, keep, out);
	engine_take_changed(f->keeps, &other, SIZE_MAX, keep, out);
}

/* ---- what stays ---- */

static void test_without_tickets_none_stays(void **state)
{
	struct fixture *f = *state;

	for (int i = 1; i < 20; i++) {
		revise(f, i, 1);
		assert_int_equal(in_memory(f->en), 1);
		assert_int_equal(in_memory(f->keeps), i);
	}
	assert_int_equal(f->n_woken, 0);
}

/* Whatever became of others, its contract is as it was when it was opened: the rules in force say so, too. */
static void test_a_contract_that_stays_needs_none(void **state)
{
	struct fixture *f = *state;

	revise(f, 4, 1);
	apply(f, "T1", EVENT_OPENED, "acme");
	for (int i = 0; i < 300; i++) {
		revise(f, 4, 2 + i % 9);
		assert_int_equal(in_memory(f->en), 1);
		if (i % 50 == 0)
			apply(f, "T1", EVENT_REPLIED, NULL);
	}
	same_ticket(f, "T1");
	assert_int_equal(f->n_woken, 0);
}

/* One form of it for each time that it has changed in the ticket's life, until the ticket is closed and saved. */
static void test_as_many_as_forms(void **state)
{
	struct fixture *f = *state;
	struct buf row;

	buf_init(&row, BUF_NO_MAX);
	revise(f, 4, 1);
	apply(f, "T1", EVENT_OPENED, "acme");
	for (int acme = 5; acme < 10; acme++)
		for (int beta = 1; beta < 30; beta++)
			revise(f, acme, beta);
	assert_int_equal(in_memory(f->en), 6);
	same_ticket(f, "T1");
	apply(f, "T2", EVENT_OPENED, "beta");
	apply(f, "T1", EVENT_CLOSED, NULL);
	save_all(f, &row);
	assert_false(engine_has(f->en, STR("desk"), STR("T1")));
	/* The one that is left was opened under what is in force. */
	revise(f, 9, 30);
	assert_int_equal(in_memory(f->en), 2);
	same_ticket(f, "T2");
	apply(f, "T2", EVENT_CANCELLED, NULL);
	save_all(f, &row);
	revise(f, 10, 30);
	assert_int_equal(in_memory(f->en), 1);
	assert_int_equal(f->n_woken, 0);
	buf_finish(&row);
}

static size_t table_bytes(const struct fixture *f, size_t revision)
{
	const struct rules *r = f->en->revisions.v[revision].rules;

	assert_non_null(r);
	return calendar_bytes(r->contracts[0].calendar);
}

/* Where each reload gives the contract another form, all are needed: most of them without what makes them quick. */
static void test_old_rules_are_slim(void **state)
{
	enum { N = 3 * REVISIONS_QUICK };
	struct fixture *f = *state;
	size_t whole;

	revise(f, 1, 1);
	apply(f, "T1", EVENT_OPENED, "acme");
	whole = table_bytes(f, 0);
	for (int i = 1; i < N; i++)
		revise(f, 1 + i, 1);
	assert_int_equal(in_memory(f->en), N);
	for (size_t i = 0; i < N; i++)
		if (i + REVISIONS_QUICK < N)
			assert_in_range(table_bytes(f, i), 1, whole / 2);
		else
			assert_int_equal(table_bytes(f, i), whole);
	same_ticket(f, "T1");
	apply(f, "T1", EVENT_REPLIED, NULL);
	assert_int_equal(f->n_woken, 0);
}

/* Two forms that take turns are two, however often; and what it takes does not grow. */
static void test_there_and_back(void **state)
{
	struct fixture *f = *state;

	revise(f, 4, 1);
	apply(f, "T1", EVENT_OPENED, "acme");
	for (int i = 0; i < 200; i++) {
		revise(f, 4 + i % 2, 1);
		assert_in_range(in_memory(f->en), 1, 3);
	}
	assert_int_equal(f->n_woken, 0);
	same_ticket(f, "T1");
}

/* ---- what comes back ---- */

/* A ticket that was closed long ago is reopened; another is told of late, when it was opened before others. */
static void test_rules_come_back(void **state)
{
	struct fixture *f = *state;
	struct buf row;
	struct diag d;
	unsigned woken;

	buf_init(&row, BUF_NO_MAX);
	revise(f, 4, 1);
	apply(f, "T1", EVENT_OPENED, "acme");
	revise(f, 5, 1);
	revise(f, 6, 2);
	apply(f, "T1", EVENT_CLOSED, NULL);
	save_all(f, &row);
	for (int i = 7; i < 12; i++)
		revise(f, i, i);
	assert_int_equal(in_memory(f->en), 1);
	assert_int_equal(engine_load(f->en, buf_str(&row), &d), ERR_OK);
	assert_int_equal(engine_load(f->keeps, buf_str(&row), &d), ERR_OK);
	apply(f, "T1", EVENT_REOPENED, NULL);
	assert_int_equal(f->n_woken, 7);
	same_ticket(f, "T1");
	apply_at(f, "T2", EVENT_OPENED, "beta", 2);
	same_ticket(f, "T2");
	same_ticket(f, "T1");
	/* The next replan finds which are needed; they stay, and are not made again. */
	revise(f, 12, 12);
	woken = f->n_woken;
	for (int i = 13; i < 30; i++) {
		revise(f, 12, i);
		same_ticket(f, "T1");
		same_ticket(f, "T2");
	}
	assert_int_equal(f->n_woken, woken);
	buf_finish(&row);
}

/* Who looks at one old ticket after the other, as it was long ago, does not fill the memory. */
static void test_guests_leave(void **state)
{
	enum { N = 20 };
	struct fixture *f = *state;
	struct buf rows[N];
	struct wall opened[N];
	char ticket[N][8];
	struct diag d;

	for (int i = 0; i < N; i++) {
		snprintf(ticket[i], sizeof(ticket[i]), "T%d", i);
		buf_init(&rows[i], BUF_NO_MAX);
		revise(f, i + 1, 1);
		apply(f, ticket[i], EVENT_OPENED, "acme");
		opened[i] = at(f->minute);
		apply(f, ticket[i], EVENT_CLOSED, NULL);
		save_all(f, &rows[i]);
	}
	revise(f, 30, 1);
	assert_int_equal(in_memory(f->en), 1);
	for (int i = 0; i < N; i++) {
		struct ticket_view v;

		assert_int_equal(engine_load(f->en, buf_str(&rows[i]), &d), ERR_OK);
		assert_true(engine_view(f->en, STR("desk"), str_of(ticket[i]), opened[i], f->fx.arena, &v));
		assert_int_equal(v.clocks[0].due.ms, opened[i].ms + (i + 1) * MS_PER_H);
		assert_in_range(in_memory(f->en), 2, 1 + MAX_GUESTS);
		assert_true(engine_drop(f->en, STR("desk"), str_of(ticket[i])));
		buf_finish(&rows[i]);
	}
	assert_int_equal(f->n_woken, N);
	revise(f, 31, 1);
	assert_int_equal(in_memory(f->en), 1);
}

static void count_stretch(void *ctx, const struct stretch *s)
{
	(void)s;
	++*(size_t *)ctx;
}

/* A calendar that a reload leaves alone is the same, wherever its hours lie in memory. */
static void test_a_reload_cuts_no_stretch(void **state)
{
	struct fixture *f = *state;
	size_t n = 0;

	revise(f, 4, 1);
	apply(f, "T1", EVENT_OPENED, "acme");
	for (int i = 5; i < 9; i++)
		revise(f, i, 1);
	assert_true(engine_explain(f->en, STR("desk"), STR("T1"), at(f->minute + 1), count_stretch, &n));
	assert_int_equal(n, 1);
}

/* A look at what would be, of a ticket whose first rules are not in memory. */
static void test_preview(void **state)
{
	struct fixture *f = *state;
	struct config *cfg = load(STR("calendars: {always: 24x7}\ndefaults: {calendar: always, notify: [ops]}\npolicies: {p: {metrics: {resolution: {target: 1h}}}}\n"
				      "contracts: {acme: {customer: ACME, policy: p}}\nreceivers: {ops: {log: {}}}\n"));
	struct buf row;
	struct diag d;

	buf_init(&row, BUF_NO_MAX);
	revise(f, 4, 1);
	apply(f, "T1", EVENT_OPENED, "acme");
	revise(f, 5, 1);
	assert_true(engine_save(f->en, STR("desk"), STR("T1"), &row));
	assert_true(engine_drop(f->en, STR("desk"), STR("T1")));
	revise(f, 6, 1);
	assert_int_equal(engine_load(f->en, buf_str(&row), &d), ERR_OK);
	cfg->rules->from = at(f->minute + 1);
	for (int i = 0; i < 3; i++) {
		struct ticket_view a, b;

		assert_true(engine_preview(f->en, cfg->rules, STR("desk"), STR("T1"), f->fx.arena, &a));
		assert_true(engine_preview(f->keeps, cfg->rules, STR("desk"), STR("T1"), f->fx.arena, &b));
		assert_str(a.clocks[0].target, "1h");
		assert_int_equal(a.clocks[0].due.ms, b.clocks[0].due.ms);
	}
	assert_int_equal(in_memory(f->en), 3);
	assert_int_equal(f->n_woken, 2);
	config_unref(cfg);
	revise(f, 6, 2);
	same_ticket(f, "T1");
	buf_finish(&row);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_tickets_none_stays), TEST(test_a_contract_that_stays_needs_none), TEST(test_as_many_as_forms), TEST(test_old_rules_are_slim), TEST(test_there_and_back),
		TEST(test_rules_come_back), TEST(test_guests_leave), TEST(test_a_reload_cuts_no_stretch), TEST(test_preview),
	};

	return cmocka_run_group_tests_name("revisions", tests, NULL, NULL);
}
