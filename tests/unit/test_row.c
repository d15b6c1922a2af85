/* Rows of tickets with much in them: their table of texts names each text once, and what does not hang together is refused, or is a ticket. */
#include "../config_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "base/xalloc.h"
#include "core/engine_private.h"
#include "core/engine_row.h"

#define START INT64_C(1774861200000)    /* 2026-03-30T09:00Z, a Monday */
#define END   (START + 100 * MS_PER_DAY)

static const char config_text[] =
	"calendars: {always: 24x7}\n"
	"defaults: {calendar: always, notify: [ops], escalation: s}\n"
	"policies: {p: {metrics: {response: {target: 1h}, resolution: {target: 2h}}}}\n"
	"contracts: {acme: {customer: ACME, policy: p}}\n"
	"escalations: {s: [{at: 50%, notify: [ops]}, {at: breach, notify: [ops]}]}\n"
	"receivers: {ops: {log: {}}}\n";

struct rig {
	struct config *cfg;
	struct engine *en;
	struct effects fx;
	struct buf     row;
	uint64_t       seq;
};

static struct config *load_config(const char *text, struct wall from)
{
	struct config *cfg = config_of_text(str_of(text), (struct wall){ START });

	cfg->rules->from = from;
	return cfg;
}

static int setup(void **state)
{
	static struct rig rig;

	rig = (struct rig){ .en = engine_create(&(struct engine_options){ .key = { 3, 4 }, .max_skew_ms = 300000 }) };
	rig.cfg = load_config(config_text, WALL_PAST);
	engine_revise(rig.en, rig.cfg->rules);
	effects_init(&rig.fx);
	buf_init(&rig.row, BUF_NO_MAX);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	buf_finish(&r->row);
	effects_finish(&r->fx);
	engine_destroy(r->en);
	config_unref(r->cfg);
	return 0;
}

/* An event, a minute after the one before, of a team whose name nothing else has. */
static void add(struct rig *r, enum event_type type, const char *contract, unsigned team)
{
	char id[16], name[16];
	struct wall at = { START + (int64_t)r->seq * MS_PER_MIN };
	struct event e = { .ns = STR("desk"), .ticket = STR("T"), .type = type, .at = at, .received = at, .set = 1u << ATTR_TEAM };

	snprintf(id, sizeof(id), "e%u", (unsigned)r->seq);
	snprintf(name, sizeof(name), "team %u", team);
	e.id = str_of(id);
	e.attr[ATTR_TEAM] = str_of(name);
	if (contract != NULL) {
		e.set |= 1u << ATTR_CONTRACT;
		e.attr[ATTR_CONTRACT] = str_of(contract);
	}
	while (engine_advance(r->en, at, 10, &r->fx))
		;
	assert_int_equal(engine_apply(r->en, &e, ++r->seq, NULL, NULL, &r->fx), APPLY_DONE);
	effects_reset(&r->fx);
}

/* Gives what is behind its head. */
static struct reader save(struct rig *r, struct row *row)
{
	struct reader rest;

	buf_reset(&r->row);
	assert_true(engine_save(r->en, STR("desk"), STR("T"), &r->row));
	rest = reader_of(buf_str(&r->row));
	assert_true(row_read_head(&rest, row));
	return rest;
}

static enum err load(struct rig *r, struct str bytes)
{
	struct diag d;

	return engine_load(r->en, bytes, &d);
}

/* Out of memory and back, as it was. */
static void save_and_load(struct rig *r)
{
	struct row row = { 0 };
	struct buf first;

	(void)save(r, &row);
	buf_init(&first, BUF_NO_MAX);
	buf_put(&first, buf_str(&r->row));
	assert_true(engine_drop(r->en, STR("desk"), STR("T")));
	assert_int_equal(symbols_count(r->en->symbols), 0);
	assert_int_equal(load(r, buf_str(&first)), ERR_OK);
	(void)save(r, &row);
	assert_true(str_eq(buf_str(&first), buf_str(&r->row)));
	buf_finish(&first);
}

static void texts_differ(struct rig *r, unsigned n_least)
{
	struct row row = { 0 };
	struct reader rest = save(r, &row);
	struct str v[100];

	assert_true(row.n_texts >= n_least && row.n_texts < 100);
	for (size_t i = 0; i < row.n_texts; i++) {
		v[i] = reader_bytes(&rest);
		for (size_t k = 0; k < i; k++)
			assert_false(str_eq(v[i], v[k]));
	}
}

/* Twice the same texts, so that each is looked for where it was put: the first few in a list, the rest in a map. */
static void each_text_is_there_once(void **state)
{
	struct rig *r = *state;

	add(r, EVENT_OPENED, "acme", 0);
	for (unsigned n = 1; n < 50; n++) {
		for (unsigned again = 0; again < 2; again++)
			add(r, EVENT_CHANGED, NULL, n);
		add(r, EVENT_CHANGED, NULL, 0);
		texts_differ(r, n + 2);
		save_and_load(r);
	}
}

static void use(struct rig *r)
{
	struct arena *a = arena_create();
	struct ticket_view v;
	struct str ns, id;

	assert_int_not_equal(engine_walk(r->en, 0, &ns, &id), ENGINE_NO_TICKET);
	/* They lie in the ticket, which moves. */
	ns = arena_str(a, ns);
	id = arena_str(a, id);
	assert_true(engine_view(r->en, ns, id, (struct wall){ END }, a, &v));
	while (engine_advance(r->en, (struct wall){ END }, 10, &r->fx))
		effects_reset(&r->fx);
	effects_reset(&r->fx);
	assert_true(engine_drop(r->en, ns, id));
	arena_destroy(a);
}

/* Whatever is taken can be looked at and lives on. */
static void flip_each_bit(struct rig *r)
{
	size_t taken = 0;

	for (size_t i = 0; i < r->row.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			char *copy = memcpy(xmalloc(r->row.len), r->row.p, r->row.len);

			copy[i] = (char)(copy[i] ^ 1 << bit);
			if (load(r, (struct str){ copy, r->row.len }) == ERR_OK) {
				use(r);
				taken++;
			}
			assert_int_equal(symbols_count(r->en->symbols), 0);
			free(copy);
		}
	assert_true(taken > 0 && taken < r->row.len * 8);
}

static void any_bit_may_be_wrong(void **state)
{
	struct rig *r = *state;
	struct row row = { 0 };

	add(r, EVENT_OPENED, "acme", 0);
	for (unsigned n = 1; n < 70; n++)
		add(r, n % 10 == 0 ? EVENT_REPLIED : EVENT_CHANGED, NULL, n % 20);
	(void)save(r, &row);
	assert_int_equal(row.n_events, 70);
	assert_true(engine_drop(r->en, STR("desk"), STR("T")));
	flip_each_bit(r);
}

/* The row with another number of events, contract or table, and with more behind it. */
static void what_does_not_hang_together(void **state)
{
	struct rig *r = *state;
	struct row row = { 0 }, other;
	struct buf bytes;
	struct reader rest;

	add(r, EVENT_OPENED, "acme", 0);
	add(r, EVENT_CHANGED, NULL, 1);
	rest = save(r, &row);
	assert_true(engine_drop(r->en, STR("desk"), STR("T")));
	buf_init(&bytes, BUF_NO_MAX);
	for (int wrong = 0; wrong < 6; wrong++) {
		other = row;
		other.n_events += wrong == 1;
		other.n_events -= wrong == 2;
		other.contract = wrong == 3 ? row.n_texts + 1 : row.contract;
		other.n_texts -= wrong == 4;
		buf_reset(&bytes);
		row_write_head(&other, &bytes);
		buf_append(&bytes, rest.p, (size_t)(rest.end - rest.p));
		if (wrong == 5)
			buf_putc(&bytes, 0);
		assert_int_equal(load(r, buf_str(&bytes)), wrong == 0 ? ERR_OK : ERR_SYNTAX);
		if (wrong == 0)
			use(r);
		assert_int_equal(symbols_count(r->en->symbols), 0);
	}
	buf_finish(&bytes);
}

/* Histories and what has fired may name texts that the table has not. */
static void a_text_that_is_not_there(void **state)
{
	struct rig *r = *state;
	struct row row = { 0 };
	char *at;

	add(r, EVENT_OPENED, "acme", 0);
	(void)save(r, &row);
	assert_true(engine_drop(r->en, STR("desk"), STR("T")));
	/* The one record ends with the team; behind it is only the length of what has fired. */
	assert_int_equal(row.n_texts, 2);
	at = r->row.p + r->row.len - 2;
	assert_int_equal((uint8_t)*at, (2 << 4 | ATTR_TEAM));
	*at = (char)(3 << 4 | ATTR_TEAM);
	assert_int_equal(load(r, buf_str(&r->row)), ERR_SYNTAX);
	assert_int_equal(symbols_count(r->en->symbols), 0);
	*at = (char)(1 << 4 | ATTR_TEAM);
	assert_int_equal(load(r, buf_str(&r->row)), ERR_OK);
	use(r);
}

static void it_is_counted_as_it_was(void **state)
{
	struct rig *r = *state;
	struct engine_stats before, after;
	struct row row = { 0 };

	add(r, EVENT_OPENED, "nobody", 0);
	engine_stats(r->en, &before);
	assert_int_equal(before.n_unmatched, 1);
	(void)save(r, &row);
	assert_true(engine_drop(r->en, STR("desk"), STR("T")));
	engine_stats(r->en, &after);
	assert_int_equal(after.n_unmatched, 0);
	assert_int_equal(load(r, buf_str(&r->row)), ERR_OK);
	engine_stats(r->en, &after);
	assert_int_equal(after.n_unmatched, 1);
	assert_int_equal(after.bytes, before.bytes);
}

/* Closed tickets come back long after the reload by which the others were planned anew. */
static void it_is_planned_anew(void **state)
{
	struct rig *r = *state;
	char *text = xstrdup(config_text);
	struct wall now = { START + 2 * MS_PER_MIN };
	struct config *cfg;
	struct row row = { 0 };

	add(r, EVENT_OPENED, "acme", 0);
	assert_int_equal(engine_next(r->en).ms, START + 30 * MS_PER_MIN + 1);
	(void)save(r, &row);
	assert_true(engine_drop(r->en, STR("desk"), STR("T")));
	memcpy(strstr(text, "target: 1h"), "target: 8m", 10);
	cfg = load_config(text, (struct wall){ START + MS_PER_MIN });
	engine_revise(r->en, cfg->rules);
	while (engine_replan(r->en, 1, now, &r->fx))
		;
	assert_int_equal(load(r, buf_str(&r->row)), ERR_OK);
	while (engine_replan(r->en, 1, now, &r->fx))
		;
	assert_int_equal(engine_next(r->en).ms, START + 4 * MS_PER_MIN + 1);
	config_unref(cfg);
	free(text);
}

static void resolve(struct rig *r, const char *id, struct wall at, struct wall received)
{
	struct event e = { .ns = STR("desk"), .id = str_of(id), .ticket = STR("T"), .type = EVENT_RESOLVED, .at = at, .received = received, .role = ROLE_AGENT };

	while (engine_advance(r->en, received, 10, &r->fx))
		;
	effects_reset(&r->fx);
	assert_int_equal(engine_apply(r->en, &e, ++r->seq, NULL, NULL, &r->fx), APPLY_DONE);
}

/* Rule 14, of a ticket whose row was written when all was over. */
static void who_was_told_is_kept_for_a_retraction(void **state)
{
	struct rig *r = *state;

	add(r, EVENT_OPENED, "acme", 0);
	resolve(r, "in the end", (struct wall){ START + 180 * MS_PER_MIN }, (struct wall){ START + 180 * MS_PER_MIN });
	assert_int_equal(r->fx.n_alerts, 2);
	effects_reset(&r->fx);
	save_and_load(r);
	resolve(r, "long before", (struct wall){ START + 90 * MS_PER_MIN }, (struct wall){ START + 200 * MS_PER_MIN });
	assert_int_equal(r->fx.n_alerts, 1);
	assert_int_equal(r->fx.alerts[0].type, ALERT_RETRACTED);
	assert_true(str_eq(r->fx.alerts[0].metric, STR("resolution")));
	assert_int_equal(r->fx.alerts[0].n_receivers, 1);
	assert_true(str_eqz(r->fx.alerts[0].receivers[0], "ops"));
	assert_true(engine_drop(r->en, STR("desk"), STR("T")));
	assert_int_equal(symbols_count(r->en->symbols), 0);
	flip_each_bit(r);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(each_text_is_there_once),
		CASE(any_bit_may_be_wrong),
		CASE(what_does_not_hang_together),
		CASE(a_text_that_is_not_there),
		CASE(it_is_counted_as_it_was),
		CASE(it_is_planned_anew),
		CASE(who_was_told_is_kept_for_a_retraction),
	};

	return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
