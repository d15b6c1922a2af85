/* The engine as a keeper of tickets: rows, holds, limits, scopes, revisions, what it gives back. What alerts it sends is tests/simulate's. */
#include "../config_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/xalloc.h"
#include "core/engine.h"
#include "core/engine_private.h"

#define START INT64_C(1774861200000)    /* 2026-03-30T09:00Z, a Monday */

static const char base_text[] =
	"calendars: {always: 24x7}\n"
	"defaults: {calendar: always, notify: [ops]}\n"
	"policies:\n"
	"  p: {EFFECTIVE metrics: {response: {target: 1h}, resolution: {target: TARGET}}, escalation: s}\n"
	"  q: {metrics: {resolution: {target: 1h}}, escalation: often}\n"
	"contracts: {acme: {customer: ACME, policy: p, match: {domain: [acme.example]}}, beta: {customer: Beta, policy: p}, gamma: {customer: C, policy: q}}\n"
	"escalations:\n"
	"  s: [{at: 50%, notify: [ops]}, {at: breach, notify: [ops]}, {at: breach+30m, notify: [ops]}]\n"
	"  often: [{at: breach, notify: [ops]}, {at: breach+1m, every: 1m, times: 1000, notify: [ops]}, {at: breach+20h, notify: [ops]}]\n"
	"receivers: {ops: {log: {}}}\n";

struct fixture {
	struct config *cfg;
	struct engine *en;
	struct effects fx;
	uint64_t       seq;
};

/* The text with its two marks filled in. */
static struct config *load(const char *effective, const char *target)
{
	struct config *cfg;
	struct buf b;
	const char *e = strstr(base_text, "EFFECTIVE"), *t = strstr(base_text, "TARGET");

	buf_init(&b, 1 << 16);
	buf_append(&b, base_text, (size_t)(e - base_text));
	buf_puts(&b, effective);
	buf_append(&b, e + 9, (size_t)(t - e - 9));
	buf_puts(&b, target);
	buf_puts(&b, t + 6);
	cfg = config_of_text(buf_str(&b), (struct wall){ START });
	buf_finish(&b);
	return cfg;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct engine_options opt = { .key = { 3, 4 }, .max_skew_ms = 300000 };

	f->cfg = load("", "2h");
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

static struct event event(const char *id, const char *ticket, enum event_type type, int64_t minutes)
{
	struct event e = {
		.id = str_of(id), .ns = STR("desk"), .ticket = str_of(ticket), .type = type, .at = { START + minutes * MS_PER_MIN },
		.received = { START + minutes * MS_PER_MIN }, .role = ROLE_AGENT,
	};

	if (type == EVENT_OPENED) {
		e.set = 1u << ATTR_CONTRACT;
		e.attr[ATTR_CONTRACT] = STR("acme");
	}
	e.body = event_body(&e);
	return e;
}

static enum apply apply(struct fixture *f, struct event e)
{
	while (engine_advance(f->en, e.received, 10, &f->fx))
		;
	return engine_apply(f->en, &e, ++f->seq, NULL, NULL, &f->fx);
}

static struct ticket_view view(struct fixture *f, const char *ticket, int64_t minutes)
{
	struct ticket_view v;

	assert_true(engine_view(f->en, STR("desk"), str_of(ticket), (struct wall){ START + minutes * MS_PER_MIN }, f->fx.arena, &v));
	return v;
}

/* What became of the three alerts from number `from` on. */
static void assert_why(struct fixture *f, size_t from, enum alert_unsent a, enum alert_unsent b, enum alert_unsent c)
{
	const enum alert_unsent want[] = { a, b, c };

	assert_true(from + 3 <= f->fx.n_alerts);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(f->fx.alerts[from + i].unsent, want[i]);
}

static void test_duplicates(void **state)
{
	struct fixture *f = *state;
	struct event other = event("e1", "T1", EVENT_CHANGED, 0);

	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DUPLICATE);
	assert_int_equal(apply(f, other), APPLY_CONFLICT);
	/* The same id of another ticket is another event. */
	assert_int_equal(apply(f, event("e1", "T2", EVENT_OPENED, 0)), APPLY_DONE);
	assert_int_equal(view(f, "T1", 1).n_events, 1);
}

/* Sealed on the way in or read back from the journal: the same ticket, the same event. */
static void test_sealed_is_for_the_same_ticket(void **state)
{
	struct fixture *f = *state;
	struct event opened = event("e1", "T1", EVENT_OPENED, 0), changed = event("e2", "T1", EVENT_CHANGED, 1), other = event("e3", "T2", EVENT_OPENED, 1);
	struct event *const all[] = { &opened, &changed, &other };
	uint32_t found[3];

	for (int round = 0; round < 2; round++) {
		assert_int_equal(apply(f, opened), round == 0 ? APPLY_DONE : APPLY_DUPLICATE);
		for (size_t i = 0; i < 3 && round == 0; i++)
			event_seal(all[i], (struct sipkey){ 3, 4 }, f->fx.arena);
		assert_int_equal(apply(f, changed), round == 0 ? APPLY_DONE : APPLY_DUPLICATE);
		assert_int_equal(apply(f, other), round == 0 ? APPLY_DONE : APPLY_DUPLICATE);
	}
	assert_int_equal(apply(f, event("e2", "T1", EVENT_CHANGED, 1)), APPLY_DUPLICATE);
	assert_int_equal(apply(f, event("e3", "T2", EVENT_OPENED, 1)), APPLY_DUPLICATE);
	engine_find_all(f->en, (struct event[]){ opened, changed, other }, 3, found);
	assert_int_equal(found[0], engine_find(f->en, STR("desk"), STR("T1")));
	assert_int_equal(found[1], found[0]);
	assert_int_equal(found[2], engine_find(f->en, STR("desk"), STR("T2")));
	assert_int_not_equal(found[2], found[0]);
}

static void test_sequence_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct event a = event("a", "T1", EVENT_OPENED, 0), b = event("b", "T1", EVENT_RESOLVED, 5);

	assert_int_equal(engine_apply(f->en, &a, 7, NULL, NULL, &f->fx), APPLY_DONE);
	/* What the journal numbered earlier is in the row already, whatever it says. */
	assert_int_equal(engine_apply(f->en, &b, 7, NULL, NULL, &f->fx), APPLY_DUPLICATE);
	assert_int_equal(engine_apply(f->en, &b, 8, NULL, NULL, &f->fx), APPLY_DONE);
}

static void test_a_ticket_is_full(void **state)
{
	struct fixture *f = *state;
	char id[32];

	assert_int_equal(apply(f, event("e", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	for (int i = 1; i < TICKET_MAX_EVENTS; i++) {
		struct event e;

		snprintf(id, sizeof(id), "e%d", i);
		e = event(id, "T1", EVENT_REPLIED, 0);
		e.is_private = true;
		e.body = event_body(&e);
		assert_int_equal(engine_apply(f->en, &e, ++f->seq, NULL, NULL, &f->fx), APPLY_DONE);
		effects_reset(&f->fx);
	}
	assert_int_equal(apply(f, event("one more", "T1", EVENT_CHANGED, 0)), APPLY_FULL);
	assert_int_equal(apply(f, event("e", "T1", EVENT_OPENED, 0)), APPLY_DUPLICATE);
}

static bool only_beta(const void *ctx, struct str contract)
{
	(void)ctx;
	return str_eqz(contract, "beta");
}

static void test_sources_touch_their_contracts_alone(void **state)
{
	struct fixture *f = *state;
	struct event open = event("e1", "T1", EVENT_OPENED, 0), reply = event("e2", "T1", EVENT_REPLIED, 1);
	struct event foreign = event("e3", "T3", EVENT_OPENED, 0), move = event("e4", "T4", EVENT_CHANGED, 0);

	assert_int_equal(engine_apply(f->en, &open, 1, only_beta, NULL, &f->fx), APPLY_FORBIDDEN);
	assert_false(engine_has(f->en, STR("desk"), STR("T1")));
	assert_int_equal(engine_apply(f->en, &open, 2, NULL, NULL, &f->fx), APPLY_DONE);
	/* Its ticket belongs to a contract that the source may not touch, though the event does not name it. */
	assert_int_equal(engine_apply(f->en, &reply, 3, only_beta, NULL, &f->fx), APPLY_FORBIDDEN);
	/* A match finds only what the source may touch. */
	foreign.set = 1u << ATTR_DOMAIN;
	foreign.attr[ATTR_DOMAIN] = STR("acme.example");
	assert_int_equal(engine_apply(f->en, &foreign, 4, only_beta, NULL, &f->fx), APPLY_DONE);
	assert_true(view(f, "T3", 1).unmatched);
	assert_int_equal(engine_apply(f->en, &move, 5, only_beta, NULL, &f->fx), APPLY_DONE);
	move.id = STR("e5");
	move.set = 1u << ATTR_CONTRACT;
	move.attr[ATTR_CONTRACT] = STR("acme");
	assert_int_equal(engine_apply(f->en, &move, 6, only_beta, NULL, &f->fx), APPLY_FORBIDDEN);
}

static void test_match_is_kept(void **state)
{
	struct fixture *f = *state;
	struct event e = event("e1", "T1", EVENT_OPENED, 0);

	e.set = 1u << ATTR_REQUESTER;
	e.attr[ATTR_REQUESTER] = STR("ana@ACME.example");
	assert_int_equal(apply(f, e), APPLY_DONE);
	assert_true(str_eqz(view(f, "T1", 1).contract, "acme"));
	assert_int_equal(f->fx.n_alerts, 0);
}

/* What an event before it said finds the contract, too: this one may come by a source that may touch it, or after a reload. */
static void test_match_by_what_was_said_before(void **state)
{
	static const struct { enum attr attr; const char *value; } by[] = { { ATTR_DOMAIN, "acme.example" }, { ATTR_REQUESTER, "ana@acme.example" } };
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		const char *ticket = i == 0 ? "T1" : "T2";
		struct event e = event("e1", ticket, EVENT_OPENED, 0), cleared = event("e3", "T3", EVENT_CHANGED, 1);

		e.set = 1u << by[i].attr;
		e.attr[by[i].attr] = str_of(by[i].value);
		assert_int_equal(engine_apply(f->en, &e, ++f->seq, only_beta, NULL, &f->fx), APPLY_DONE);
		assert_true(view(f, ticket, 0).unmatched);
		assert_int_equal(apply(f, event("e2", ticket, EVENT_REPLIED, 1)), APPLY_DONE);
		assert_str(view(f, ticket, 1).contract, "acme");
		/* But what the event itself says holds, also that there is none. */
		e.ticket = cleared.ticket = i == 0 ? STR("T3") : STR("T4");
		assert_int_equal(engine_apply(f->en, &e, ++f->seq, only_beta, NULL, &f->fx), APPLY_DONE);
		cleared.set = 1u << by[i].attr;
		assert_int_equal(apply(f, cleared), APPLY_DONE);
		assert_true(view(f, i == 0 ? "T3" : "T4", 1).unmatched);
	}
}

/* It goes to another contract and comes back: what the other one measured counts no longer. */
static void test_a_contract_comes_back(void **state)
{
	static const char *const contracts[] = { "gamma", "acme", "gamma" }, *const states[] = { NULL, "running", "cancelled" };
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		struct event e = event((const char *const[]){ "e1", "e2", "e3" }[i], "T1", i == 0 ? EVENT_OPENED : EVENT_CHANGED, 10 * i);
		struct ticket_view v;

		e.set = 1u << ATTR_CONTRACT;
		e.attr[ATTR_CONTRACT] = str_of(contracts[i]);
		assert_int_equal(apply(f, e), APPLY_DONE);
		v = view(f, "T1", 10 * i + 1);
		assert_int_equal(v.n_clocks, i == 0 ? 1 : 2);
		for (size_t k = 0; k < v.n_clocks; k++)
			if (str_eqz(v.clocks[k].metric, "response"))
				assert_true(str_eqz(v.clocks[k].state, states[i]));
	}
}

static void test_unmatched_is_told_once(void **state)
{
	struct fixture *f = *state;
	struct event e = event("e1", "T1", EVENT_OPENED, 0);
	struct engine_stats st;

	e.attr[ATTR_CONTRACT] = STR("nobody");
	assert_int_equal(apply(f, e), APPLY_DONE);
	assert_int_equal(f->fx.n_alerts, 1);
	assert_int_equal(f->fx.alerts[0].type, ALERT_DAEMON_UNMATCHED);
	assert_int_equal(f->fx.alerts[0].n_receivers, 1);
	assert_int_equal(apply(f, event("e2", "T1", EVENT_REPLIED, 1)), APPLY_DONE);
	assert_int_equal(f->fx.n_alerts, 1);
	engine_stats(f->en, &st);
	assert_int_equal(st.n_unmatched, 1);
	/* The contract found later: the clocks count from the start, and the ticket is no longer unmatched. */
	e = event("e3", "T1", EVENT_CHANGED, 5);
	e.set = 1u << ATTR_CONTRACT;
	e.attr[ATTR_CONTRACT] = STR("acme");
	assert_int_equal(apply(f, e), APPLY_DONE);
	assert_int_equal(view(f, "T1", 5).n_clocks, 1);
	assert_int_equal(view(f, "T1", 5).clocks[0].elapsed_ms, 5 * MS_PER_MIN);
	engine_stats(f->en, &st);
	assert_int_equal(st.n_unmatched, 0);
}

/* ---- rows ---- */

static void test_row_round_trip(void **state)
{
	struct fixture *f = *state;
	struct event e = event("e1", "T1", EVENT_OPENED, 0);
	struct buf a, b;
	struct diag d;

	e.set |= 1u << ATTR_SUBJECT | 1u << ATTR_PRIORITY;
	e.attr[ATTR_SUBJECT] = STR("Impresora añil");
	e.attr[ATTR_PRIORITY] = STR("P1");
	assert_int_equal(apply(f, e), APPLY_DONE);
	assert_int_equal(apply(f, event("e2", "T1", EVENT_CHANGED, 70)), APPLY_DONE);
	buf_init(&a, 1 << 16);
	buf_init(&b, 1 << 16);
	assert_true(engine_save(f->en, STR("desk"), STR("T1"), &a));
	assert_int_equal(engine_load(f->en, buf_str(&a), &d), ERR_CONFLICT);
	assert_true(engine_drop(f->en, STR("desk"), STR("T1")));
	assert_false(engine_has(f->en, STR("desk"), STR("T1")));
	assert_true(wall_is_never(engine_next(f->en)));
	assert_int_equal(engine_load(f->en, buf_str(&a), &d), ERR_OK);
	assert_true(engine_save(f->en, STR("desk"), STR("T1"), &b));
	assert_true(str_eq(buf_str(&a), buf_str(&b)));
	assert_int_equal(engine_next(f->en).ms, START + 90 * MS_PER_MIN + 1);
	assert_true(str_eqz(view(f, "T1", 71).attr[ATTR_SUBJECT], "Impresora añil"));
	assert_int_equal(apply(f, event("e2", "T1", EVENT_CHANGED, 70)), APPLY_DUPLICATE);
	e = event("e3", "T1", EVENT_CHANGED, 71);
	e.set = 1u << ATTR_URL;
	e.attr[ATTR_URL] = STR("https://desk.example/T1");
	assert_int_equal(apply(f, e), APPLY_DONE);
	assert_str(view(f, "T1", 71).attr[ATTR_URL], "https://desk.example/T1");
	assert_str(view(f, "T1", 71).attr[ATTR_SUBJECT], "Impresora añil");
	buf_finish(&a);
	buf_finish(&b);
}

/* Rows come from a disk: whatever they hold is refused or taken, and costs no memory that is not given back. */
static void test_hostile_rows(void **state)
{
	struct fixture *f = *state;
	struct buf row;
	size_t taken = 0, symbols;
	struct diag d;

	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	assert_int_equal(apply(f, event("e2", "T1", EVENT_CHANGED, 200)), APPLY_DONE);
	buf_init(&row, 1 << 16);
	assert_true(engine_save(f->en, STR("desk"), STR("T1"), &row));
	assert_true(engine_drop(f->en, STR("desk"), STR("T1")));
	symbols = symbols_count(f->en->symbols);
	for (size_t len = 0; len < row.len; len++) {
		assert_int_equal(engine_load(f->en, (struct str){ row.p, len }, &d), ERR_SYNTAX);
		assert_int_equal(symbols_count(f->en->symbols), symbols);
	}
	for (size_t i = 0; i < row.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			char *copy = xmalloc(row.len);     /* its end is the end of the memory: the sanitizer sees a read past it */

			memcpy(copy, row.p, row.len);
			copy[i] = (char)(copy[i] ^ 1 << bit);
			if (engine_load(f->en, (struct str){ copy, row.len }, &d) == ERR_OK) {
				taken++;
				while (engine_advance(f->en, (struct wall){ START + 1000 * MS_PER_MIN }, 3, &f->fx))
					effects_reset(&f->fx);
				table_remove(f->en, table_at(f->en, 0)->flags & TICKET_USED ? 0 : 1);
			}
			assert_int_equal(symbols_count(f->en->symbols), symbols);
			free(copy);
		}
	/* Most flips change a text or a number, which the checksum of the store is there to see. */
	assert_true(taken > 0 && taken < row.len * 8);
	buf_finish(&row);
}

static void test_symbols_are_given_back(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 500; i++) {
		char name[32], text[32];
		struct event e;

		snprintf(name, sizeof(name), "T%d", i);
		snprintf(text, sizeof(text), "category %d", i);
		e = event("e1", name, EVENT_OPENED, i);
		e.set |= 1u << ATTR_CATEGORY;
		e.attr[ATTR_CATEGORY] = str_of(text);
		assert_int_equal(apply(f, e), APPLY_DONE);
	}
	while (engine_advance(f->en, (struct wall){ START + 10000 * MS_PER_MIN }, 100, &f->fx))
		effects_reset(&f->fx);
	assert_true(symbols_count(f->en->symbols) >= 500);
	for (int i = 0; i < 500; i++) {
		char name[32];

		snprintf(name, sizeof(name), "T%d", i);
		assert_true(engine_drop(f->en, STR("desk"), str_of(name)));
	}
	assert_int_equal(symbols_count(f->en->symbols), 0);
	assert_int_equal(f->en->block_bytes, 0);
}

/* ---- leaving memory ---- */

struct rows { size_t n, over; };

static void count_row(void *ctx, const struct ticket_row *row)
{
	struct rows *r = ctx;

	r->n++;
	r->over += row->over;
	assert_true(row->row.len > 0);
}

static size_t take(struct fixture *f, size_t n, struct rows *r)
{
	struct engine_round round = engine_round(f->en);

	return engine_take_changed(f->en, &round, n, count_row, r);
}

static void test_over_tickets_leave(void **state)
{
	struct fixture *f = *state;
	struct rows r = { 0 };

	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	assert_int_equal(apply(f, event("e1", "T2", EVENT_OPENED, 0)), APPLY_DONE);
	assert_int_equal(take(f, 10, &r), 2);
	assert_int_equal(r.over, 0);
	assert_int_equal(take(f, 10, &r), 0);
	assert_int_equal(apply(f, event("e2", "T1", EVENT_RESOLVED, 1)), APPLY_DONE);
	engine_hold(f->en, engine_find(f->en, STR("desk"), STR("T1")));
	assert_int_equal(take(f, 10, &r), 1);
	assert_int_equal(r.over, 1);
	assert_true(engine_has(f->en, STR("desk"), STR("T1")));        /* held: an event is under way */
	engine_release(f->en, engine_find(f->en, STR("desk"), STR("T1")));
	assert_int_equal(take(f, 10, &r), 1);
	assert_false(engine_has(f->en, STR("desk"), STR("T1")));
	assert_true(engine_has(f->en, STR("desk"), STR("T2")));
}

/* A number names a ticket for as long as it is there, and that one alone. */
static void test_a_number_is_of_one_ticket(void **state)
{
	struct fixture *f = *state;
	uint32_t n;

	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	n = engine_find(f->en, STR("desk"), STR("T1"));
	assert_true(engine_is(f->en, n, STR("desk"), STR("T1")));
	assert_false(engine_is(f->en, n, STR("desk"), STR("T2")));
	assert_false(engine_is(f->en, n, STR("disk"), STR("T1")));
	assert_false(engine_is(f->en, n + 1, STR("desk"), STR("T1")));
	assert_true(engine_drop(f->en, STR("desk"), STR("T1")));
	assert_false(engine_is(f->en, n, STR("desk"), STR("T1")));
}

/* More holds than can be counted: it stays. */
static void test_a_ticket_held_too_often(void **state)
{
	struct fixture *f = *state;
	struct rows r = { 0 };
	uint32_t n;

	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	n = engine_find(f->en, STR("desk"), STR("T1"));
	for (int i = 0; i < UINT16_MAX + 2; i++)
		engine_hold(f->en, n);
	assert_int_equal(apply(f, event("e2", "T1", EVENT_RESOLVED, 1)), APPLY_DONE);
	for (int i = 0; i < UINT16_MAX + 1; i++)
		engine_release(f->en, n);
	assert_int_equal(take(f, 10, &r), 1);
	assert_int_equal(r.over, 1);
	assert_true(engine_is(f->en, n, STR("desk"), STR("T1")));
}

static void test_list_of_changed(void **state)
{
	struct fixture *f = *state;
	struct rows r = { 0 };
	char name[16];

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "T%d", i);
		assert_int_equal(apply(f, event("e", name, EVENT_OPENED, 0)), APPLY_DONE);
	}
	/* From the middle, the end and the beginning. */
	assert_true(engine_drop(f->en, STR("desk"), STR("T5")));
	assert_true(engine_drop(f->en, STR("desk"), STR("T9")));
	assert_true(engine_drop(f->en, STR("desk"), STR("T0")));
	assert_int_equal(engine_changed(f->en), 7);
	assert_int_equal(take(f, 3, &r), 3);
	assert_int_equal(engine_changed(f->en), 4);
	assert_int_equal(apply(f, event("e", "T11", EVENT_OPENED, 0)), APPLY_DONE);
	assert_int_equal(take(f, 100, &r), 5);
}

static void note_name(void *ctx, const struct ticket_row *row)
{
	struct buf *names = ctx;

	buf_put(names, row->ticket);
	buf_putc(names, ' ');
}

/* What is opened while a round is under way is not its business, what changes again before it has come there is; places are left and taken in turn. */
static void test_a_round_goes_by_places(void **state)
{
	struct fixture *f = *state;
	struct engine_round round;
	struct buf names;
	char name[16];

	buf_init(&names, 1 << 16);
	for (int i = 100; i < 300; i++) {
		snprintf(name, sizeof(name), "T%d", i);
		assert_int_equal(apply(f, event("e", name, EVENT_OPENED, 0)), APPLY_DONE);
	}
	round = engine_round(f->en);
	assert_int_equal(engine_take_changed(f->en, &round, 200, note_name, &names), 200);
	assert_int_equal(round.at, round.end);
	assert_memory_equal(names.p + 5 * 63, "T163 T164 T165 ", 15);
	round = engine_round(f->en);
	assert_int_equal(apply(f, event("f", "T299", EVENT_CHANGED, 1)), APPLY_DONE);
	assert_int_equal(apply(f, event("f", "T101", EVENT_CHANGED, 1)), APPLY_DONE);
	buf_reset(&names);
	assert_int_equal(engine_take_changed(f->en, &round, 1, note_name, &names), 1);
	assert_int_equal(apply(f, event("g", "T100", EVENT_CHANGED, 2)), APPLY_DONE);
	assert_int_equal(apply(f, event("g", "T200", EVENT_CHANGED, 2)), APPLY_DONE);
	assert_int_equal(apply(f, event("g", "T300", EVENT_OPENED, 2)), APPLY_DONE);
	assert_int_equal(engine_take_changed(f->en, &round, 10, note_name, &names), 2);
	assert_string_equal(buf_cstr(&names), "T101 T200 T299 ");
	assert_int_equal(engine_changed(f->en), 2);
	assert_true(engine_drop(f->en, STR("desk"), STR("T150")) && engine_drop(f->en, STR("desk"), STR("T120")));
	assert_int_equal(apply(f, event("g", "new", EVENT_OPENED, 2)), APPLY_DONE);
	assert_int_equal(apply(f, event("g", "newer", EVENT_OPENED, 2)), APPLY_DONE);
	buf_reset(&names);
	round = engine_round(f->en);
	assert_int_equal(engine_take_changed(f->en, &round, 10, note_name, &names), 4);
	assert_string_equal(buf_cstr(&names), "T100 newer new T300 ");
	buf_finish(&names);
}

static void test_a_thousand_repeats_in_the_past_are_one(void **state)
{
	struct fixture *f = *state;
	struct event e = event("e1", "T1", EVENT_OPENED, 0);

	e.attr[ATTR_CONTRACT] = STR("gamma");
	e.body = event_body(&e);
	e.received.ms += 3 * MS_PER_DAY;
	assert_int_equal(apply(f, e), APPLY_DONE);
	assert_int_equal(f->fx.n_alerts, 3);
	assert_why(f, 0, ALERT_SUPERSEDED, ALERT_SUPERSEDED, ALERT_TO_SEND);
	/* The one that is recorded has the number that it would have had. */
	assert_true(str_eqz(f->fx.alerts[1].step, "breach+1m"));
	assert_int_equal(f->fx.alerts[1].occurrence, 1000);
	assert_true(str_eqz(f->fx.alerts[2].step, "breach+20h"));
}

/* Every step that is not sent says why: nobody shall read that a later one took its place where there was none. */
static void test_why_it_is_not_sent(void **state)
{
	struct fixture *f = *state;
	struct event waived = event("e2", "T1", EVENT_WAIVED, 1), imported = event("e3", "T2", EVENT_OPENED, 0), late = event("e5", "T3", EVENT_OPENED, 0);

	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	waived.metric = STR("response");
	assert_int_equal(apply(f, waived), APPLY_DONE);
	/* The response has three steps in this time, at 30, 60 and 90 minutes; at 60 the resolution has one. */
	assert_int_equal(apply(f, event("e4", "T1", EVENT_CANCELLED, 100)), APPLY_DONE);
	assert_true(f->fx.n_alerts >= 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(f->fx.alerts[i].unsent, str_eqz(f->fx.alerts[i].metric, "response") ? ALERT_WAIVED : ALERT_TO_SEND);
	effects_reset(&f->fx);
	imported.received.ms += 100 * MS_PER_MIN;
	imported.quiet = true;
	assert_int_equal(apply(f, imported), APPLY_DONE);
	assert_why(f, 0, ALERT_IMPORTED, ALERT_IMPORTED, ALERT_IMPORTED);
	effects_reset(&f->fx);
	/* An answer, and then, late, the opening before it: half of the time had gone by, which worries nobody now. */
	assert_int_equal(apply(f, event("e6", "T3", EVENT_REPLIED, 40)), APPLY_DONE);
	effects_reset(&f->fx);
	late.received.ms += 50 * MS_PER_MIN;
	assert_int_equal(apply(f, late), APPLY_DONE);
	assert_int_equal(f->fx.n_alerts, 1);
	assert_int_equal(f->fx.alerts[0].unsent, ALERT_OVER);
}

/* ---- revisions ---- */

static void revise(struct fixture *f, struct config *cfg, int64_t minutes)
{
	cfg->rules->from.ms = START + minutes * MS_PER_MIN + 1;
	while (engine_advance(f->en, cfg->rules->from, 10, &f->fx))
		;
	engine_revise(f->en, cfg->rules);
	while (engine_replan(f->en, 1, cfg->rules->from, &f->fx))
		;
}

static void test_reload_moves_running_clocks(void **state)
{
	struct fixture *f = *state;
	struct config *shorter = load("", "30m");
	size_t n;

	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	assert_int_equal(apply(f, event("e2", "T1", EVENT_REPLIED, 1)), APPLY_DONE);
	n = f->fx.n_alerts;
	revise(f, shorter, 45);
	/* One breach at the moment of the change, and the warning before it superseded. */
	assert_int_equal(f->fx.n_alerts, n + 2);
	assert_int_equal(f->fx.alerts[n].unsent, ALERT_SUPERSEDED);
	assert_int_equal(f->fx.alerts[n + 1].type, ALERT_BREACH);
	assert_int_equal(f->fx.alerts[n + 1].at.ms, START + 45 * MS_PER_MIN + 1);
	/* The response was met before: it stays as it was. */
	assert_true(str_eqz(view(f, "T1", 50).clocks[0].state, "met"));
	assert_true(str_eqz(view(f, "T1", 50).clocks[1].target, "30m"));
	config_unref(shorter);
}

static void test_reload_for_new_tickets_alone(void **state)
{
	struct fixture *f = *state;
	struct config *shorter = load("effective: new-tickets,", "30m");

	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	revise(f, shorter, 45);
	assert_int_equal(apply(f, event("e1", "T2", EVENT_OPENED, 46)), APPLY_DONE);
	assert_true(str_eqz(view(f, "T1", 50).clocks[1].target, "2h"));
	assert_true(str_eqz(view(f, "T2", 50).clocks[1].target, "30m"));
	config_unref(shorter);
}

static void test_reload_that_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct config *same = load("", "2h");
	struct wall next;

	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	next = engine_next(f->en);
	revise(f, same, 10);
	assert_int_equal(engine_next(f->en).ms, next.ms);
	assert_int_equal(f->fx.n_alerts, 0);
	config_unref(same);
}

/* To pass those that are planned already takes its time, too: it stops among them, and goes on from there. */
static void test_reload_passes_what_is_planned(void **state)
{
	struct fixture *f = *state;
	struct config *tighter = load("", "20m");
	struct wall now = { START + 15 * MS_PER_MIN };
	char ticket[16];

	tighter->rules->from = (struct wall){ START + 5 * MS_PER_MIN };
	for (int i = 0; i < 5000; i++) {
		struct event e;

		/* Those of minute 10 are opened under the new rules; the last one is in a place behind them, and is from before. */
		snprintf(ticket, sizeof(ticket), "T%d", i);
		e = event("e1", ticket, EVENT_OPENED, i < 4999 ? 10 : 0);
		if (i == 0)
			engine_revise(f->en, tighter->rules);
		assert_int_equal(engine_apply(f->en, &e, ++f->seq, NULL, NULL, &f->fx), APPLY_DONE);
		effects_reset(&f->fx);
	}
	assert_true(engine_replan(f->en, 10, now, &f->fx));
	assert_int_equal(f->fx.n_alerts, 0);
	assert_false(engine_replan(f->en, 10, now, &f->fx));
	assert_int_equal(f->fx.n_alerts, 1);
	assert_str(f->fx.alerts[0].ticket, "T4999");
	config_unref(tighter);
}

/* ---- looking ---- */

struct sum { int64_t counted, all; struct wall last; };

static void add_stretch(void *ctx, const struct stretch *s)
{
	struct sum *sum = ctx;

	if (!str_eqz(s->metric, "resolution"))
		return;
	if (sum->all > 0)
		assert_int_equal(s->from.ms, sum->last.ms);      /* no gap and no overlap */
	sum->counted += s->counted_ms;
	sum->all += s->to.ms - s->from.ms;
	sum->last = s->to;
}

/* The row was planned by other rules than those under which it is read: a time zone has changed in between. What is behind is said at once, once. */
static void test_a_row_planned_too_late(void **state)
{
	struct fixture *f = *state, g = { .cfg = load("", "20m"), .en = engine_create(&(struct engine_options){ .key = { 3, 4 }, .max_skew_ms = 300000 }) };
	struct buf row;

	buf_init(&row, 1 << 16);
	effects_init(&g.fx);
	g.cfg->rules->from = WALL_PAST;
	engine_revise(g.en, g.cfg->rules);
	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	assert_true(engine_save(f->en, STR("desk"), STR("T1"), &row));
	assert_int_equal(engine_load(g.en, buf_str(&row), NULL), ERR_OK);
	/* In the row the first step is after 30 minutes (half of an hour's response); now the resolution is breached by then. */
	assert_false(engine_advance(g.en, (struct wall){ START + 45 * MS_PER_MIN }, 10, &g.fx));
	assert_int_equal(g.fx.n_alerts, 3);
	assert_str(g.fx.alerts[0].metric, "response");
	assert_str(g.fx.alerts[1].step, "50%");
	assert_int_equal(g.fx.alerts[1].unsent, ALERT_SUPERSEDED);
	assert_int_equal(g.fx.alerts[2].type, ALERT_BREACH);
	assert_int_equal(g.fx.alerts[2].unsent, ALERT_TO_SEND);
	assert_int_equal(engine_next(g.en).ms, START + 50 * MS_PER_MIN + 1);
	effects_finish(&g.fx);
	engine_destroy(g.en);
	config_unref(g.cfg);
	buf_finish(&row);
}

static void test_explain_adds_up(void **state)
{
	struct fixture *f = *state;
	struct sum sum = { 0 };

	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	assert_int_equal(apply(f, event("e2", "T1", EVENT_RESOLVED, 10)), APPLY_DONE);
	assert_int_equal(apply(f, event("e3", "T1", EVENT_REOPENED, 30)), APPLY_DONE);
	assert_true(engine_explain(f->en, STR("desk"), STR("T1"), (struct wall){ START + 45 * MS_PER_MIN }, add_stretch, &sum));
	assert_int_equal(sum.counted, 25 * MS_PER_MIN);
	assert_int_equal(sum.all, 45 * MS_PER_MIN);
	assert_int_equal(view(f, "T1", 45).clocks[1].elapsed_ms, 25 * MS_PER_MIN);
	assert_int_equal(view(f, "T1", 45).clocks[1].paused_ms, 20 * MS_PER_MIN);
	assert_false(engine_explain(f->en, STR("desk"), STR("T2"), (struct wall){ START }, add_stretch, &sum));
}

static void test_view_of_what_comes_next(void **state)
{
	struct fixture *f = *state;
	struct clock_view c;

	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	c = view(f, "T1", 0).clocks[1];
	assert_true(str_eqz(c.next_step, "50%"));
	assert_int_equal(c.next_at.ms, START + 60 * MS_PER_MIN);
	assert_false(engine_view(f->en, STR("desk"), STR("T2"), (struct wall){ START }, f->fx.arena, &(struct ticket_view){ 0 }));
}

/* Other steps hold for what is over, some of which never fired: they do not come any more. */
static void test_nothing_comes_of_what_is_over(void **state)
{
	struct fixture *f = *state;
	struct event opened = event("e1", "T1", EVENT_OPENED, 0), moved = event("e3", "T1", EVENT_CHANGED, 80);
	struct clock_view c;

	opened.attr[ATTR_CONTRACT] = STR("gamma");
	moved.set = 1u << ATTR_CONTRACT;
	moved.attr[ATTR_CONTRACT] = STR("beta");
	assert_int_equal(apply(f, opened), APPLY_DONE);
	assert_int_equal(apply(f, event("e2", "T1", EVENT_RESOLVED, 50)), APPLY_DONE);
	assert_int_equal(apply(f, moved), APPLY_DONE);
	c = view(f, "T1", 80).clocks[0];
	assert_true(str_eqz(c.metric, "resolution") && str_eqz(c.state, "met"));
	assert_true(wall_is_never(c.next_at) && c.next_step.len == 0);
	assert_true(wall_is_never(engine_next(f->en)));
}

/*
 * As many receivers as an escalation can have. What is kept of them is read back, and that it is over is told in alerts of one id, none of which names more
 * than can be read back.
 */
static void test_a_crowd_is_told(void **state)
{
	enum { STEPS = CONFIG_MAX_STEPS, EACH_TIME = ALERT_MAX_RECEIVERS };
	struct fixture *f = *state;
	struct config *cfg;
	struct buf b, row;
	struct diag d;
	size_t from, n_told = 0;

	buf_init(&b, 1 << 20);
	buf_init(&row, 1 << 20);
	buf_puts(&b, "calendars: {always: 24x7}\ndefaults: {calendar: always, notify: [r0_0]}\n"
		     "policies: {p: {metrics: {resolution: {target: 1h}}, escalation: s}}\ncontracts: {acme: {customer: ACME, policy: p}}\n"
		     "escalations:\n  s:\n    - {at: breach, notify: [r0_0]}\n");
	for (int i = 0; i < STEPS - 1; i++) {
		buf_printf(&b, "    - {at: breach+%dm, notify: [r%d_0", i + 1, i);
		for (int k = 1; k < EACH_TIME; k++)
			buf_printf(&b, ", r%d_%d", i, k);
		buf_puts(&b, "]}\n");
	}
	buf_puts(&b, "receivers:\n");
	for (int i = 0; i < (STEPS - 1) * EACH_TIME; i++)
		buf_printf(&b, "  r%d_%d: {log: {}}\n", i / EACH_TIME, i % EACH_TIME);
	cfg = config_of_text(buf_str(&b), (struct wall){ START });
	cfg->rules->from = WALL_PAST;
	engine_revise(f->en, cfg->rules);
	assert_int_equal(apply(f, event("e1", "T1", EVENT_OPENED, 0)), APPLY_DONE);
	assert_int_equal(apply(f, event("e2", "T1", EVENT_REPLIED, 200)), APPLY_DONE);
	assert_true(engine_save(f->en, STR("desk"), STR("T1"), &row));
	assert_true(engine_drop(f->en, STR("desk"), STR("T1")));
	assert_int_equal(engine_load(f->en, buf_str(&row), &d), ERR_OK);
	from = f->fx.n_alerts;
	assert_int_equal(from, STEPS);
	assert_int_equal(apply(f, event("e3", "T1", EVENT_RESOLVED, 210)), APPLY_DONE);
	for (size_t i = from; i < f->fx.n_alerts; i++) {
		assert_int_equal(f->fx.alerts[i].type, ALERT_CLEARED);
		assert_memory_equal(f->fx.alerts[i].id, f->fx.alerts[from].id, ALERT_ID_LEN);
		assert_true(f->fx.alerts[i].n_receivers <= ALERT_MAX_RECEIVERS);
		n_told += f->fx.alerts[i].n_receivers;
	}
	assert_int_equal(n_told, (STEPS - 1) * EACH_TIME);
	engine_destroy(f->en);
	f->en = engine_create(&(struct engine_options){ .key = { 3, 4 }, .max_skew_ms = 300000 });
	config_unref(cfg);
	buf_finish(&b);
	buf_finish(&row);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_duplicates), TEST(test_sealed_is_for_the_same_ticket),
		TEST(test_sequence_is_remembered), TEST(test_a_ticket_is_full), TEST(test_sources_touch_their_contracts_alone),
		TEST(test_match_is_kept), TEST(test_match_by_what_was_said_before), TEST(test_a_contract_comes_back), TEST(test_unmatched_is_told_once),
		TEST(test_row_round_trip), TEST(test_hostile_rows), TEST(test_a_number_is_of_one_ticket), TEST(test_a_ticket_held_too_often),
		TEST(test_symbols_are_given_back), TEST(test_over_tickets_leave), TEST(test_list_of_changed), TEST(test_a_round_goes_by_places),
		TEST(test_a_thousand_repeats_in_the_past_are_one), TEST(test_why_it_is_not_sent), TEST(test_reload_moves_running_clocks),
		TEST(test_reload_for_new_tickets_alone), TEST(test_reload_that_changes_nothing), TEST(test_reload_passes_what_is_planned),
		TEST(test_a_row_planned_too_late),
		TEST(test_explain_adds_up), TEST(test_a_crowd_is_told),
		TEST(test_view_of_what_comes_next), TEST(test_nothing_comes_of_what_is_over),
	};

	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
