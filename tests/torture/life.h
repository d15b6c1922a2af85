/*
 * A life of a store that anything can be checked against: events in groups, alerts, tickets that close and come back, verdicts, cursors,
 * refusals, revisions, trims and sweeps, with a ledger of what was given and what was acknowledged. Every text tells whether it is whole.
 */
#ifndef PLAZO_TESTS_LIFE_H
#define PLAZO_TESTS_LIFE_H

#include "../unit/store_rig.h"

#include "../prop.h"
#include "core/effects.h"
#include "store/streams.h"
#include "store/verdicts.h"

/* One program a test: the shim has no library of its own. */
#include "../faults/disk.c"
#include "../faults/faultvfs.c"

#define ROUNDS    60
#define TICKETS   12
#define FAR       INT64_C(9000000000000)
#define MAX_KINDS 4096

enum kind { EVENT, ALERT, SAVE, CURSOR, REFUSAL, REVISION, VERDICT, N_KINDS };
static const char *const kind_names[N_KINDS] = { "events", "alerts", "saves", "cursor", "refusals", "revisions", "verdicts" };

/* What the store was given: job[k][i] is the place of the i-th of a kind among all jobs, mark[k][i] how far the disk was when it was acknowledged. */
struct ledger {
	size_t jobs, n[N_KINDS], acked[N_KINDS];
	size_t job[N_KINDS][MAX_KINDS], mark[N_KINDS][MAX_KINDS];
	size_t n_trims, n_sweeps;
	struct { size_t mark; uint64_t upto; } trims[ROUNDS], sweeps[ROUNDS];
};

/* ---- texts that tell whether they are whole ---- */

/* From 1 to some thousand bytes, so that rows share pages and take several. */
static const char *text_of(enum kind k, size_t i)
{
	static char text[8192];
	size_t len = 1 + (i * 2654435761u >> 7) % (i % 9 == 0 ? 6000 : 300);
	int n = snprintf(text, sizeof text, "%s-%zu-", kind_names[k], i);

	for (size_t j = 0; j < len; j++)
		text[(size_t)n + j] = (char)('a' + (i + j) % 26);
	text[(size_t)n + len] = '\0';
	return text;
}

static inline bool is_whole(struct str s, enum kind k, size_t i)
{
	return str_eqz(s, text_of(k, i));
}

/* ---- the life ---- */

/* How far the disk is; a life that nobody watches has no moments. */
static size_t moment(struct disk *d)
{
	return d != NULL ? disk_count(d) : 0;
}

static size_t given(struct ledger *l, enum kind k)
{
	assert_true(l->n[k] + 1 < MAX_KINDS);
	l->job[k][++l->n[k]] = ++l->jobs;
	return l->n[k];
}

/* One by one, or together. */
static void give_events(struct rig *r, struct ledger *l, struct prop *rnd)
{
	uint32_t n = 1 + (uint32_t)prop_below(rnd, 6);
	bool together = prop_chance(rnd, 50);
	struct str records[6];

	for (uint32_t i = 0; i < n; i++) {
		const char *text = text_of(EVENT, given(l, EVENT));

		if (!together)
			assert_int_equal(rig_append(r, text, NULL, 1), ERR_OK);
		records[i] = str_of(strdup(text));
	}
	if (together)
		assert_int_equal(store_append_run(r->st, records, n, 1), ERR_OK);
	for (uint32_t i = 0; i < n; i++)
		free((char *)(uintptr_t)records[i].p);
}

static void give_alert(struct rig *r, struct ledger *l)
{
	size_t i = given(l, ALERT);
	char id[24];

	snprintf(id, sizeof id, "d%06zu", i);

	struct delivery v = rig_delivery(id, "l1", "never-over");

	v.body = str_of(text_of(ALERT, i));
	assert_int_equal(store_put_delivery(r->st, &v, 1), ERR_OK);
	if (i > 3 && i % 2 == 0) {
		snprintf(id, sizeof id, "d%06zu", i - 3);
		v.id = str_of(id);
		v.state = DELIVERY_SENT;
		v.settled = (struct wall){ 5000 };
		v.detail = STR("sent");
		l->jobs++;
		assert_int_equal(store_settle(r->st, &v, 0), ERR_OK);
	}
}

/* Some at once, which are one row; the cycle counts them down to 1. */
static void give_verdicts(struct rig *r, struct ledger *l, struct prop *rnd)
{
	struct verdict v = { .ns = STR("desk"), .started = { 1 }, .stopped = { FAR }, .due = WALL_NEVER };
	struct store_verdicts all;

	store_verdicts_init(&all);
	v.ticket = str_of(text_of(VERDICT, given(l, VERDICT)));
	for (size_t n = 1 + prop_below(rnd, 6); n > 0; n--) {
		v.cycle = (uint32_t)n;
		store_verdicts_add(&all, &v);
	}
	assert_int_equal(store_put_verdicts(r->st, &all, 1), ERR_OK);
	store_verdicts_finish(&all);
}

/* The version of a row tells the ticket: i % TICKETS. Every fifth closes its ticket, and reopens it when it comes round again. */
static void give_ticket(struct rig *r, struct ledger *l)
{
	size_t i = given(l, SAVE);
	char name[24];

	snprintf(name, sizeof name, "t%zu", i % TICKETS);
	assert_int_equal(rig_save(r, name, text_of(SAVE, i), i % 5 == 0 ? (int64_t)i * 1000 : 0, 1), ERR_OK);
}

static void give_rest(struct rig *r, struct ledger *l, size_t round, uint64_t epoch)
{
	char value[24];

	if (round % 7 == 0) {
		struct refusal f = { .source = STR("bus"), .place = str_of(kind_names[round % N_KINDS]), .at = { FAR }, .why = STR("no event") };

		f.body = str_of(text_of(REFUSAL, given(l, REFUSAL)));
		assert_int_equal(store_put_refusal(r->st, &f, 1), ERR_OK);
	}
	if (round % 11 == 0) {
		size_t i = given(l, REVISION);
		struct store_revision v = { .from = { (int64_t)i }, .digest = i, .text = str_of(text_of(REVISION, i)) };

		assert_int_equal(store_put_revision(r->st, &v, 1), ERR_OK);
	}
	snprintf(value, sizeof value, "%zu", given(l, CURSOR));

	struct store_cursor c = { STR("bus"), STR("tickets"), str_of(value) };

	assert_int_equal(store_put_cursor(r->st, &c, epoch, 1), ERR_OK);
}

static void give_trim_and_sweep(struct rig *r, struct ledger *l, struct disk *d, size_t round)
{
	if (round % 13 == 0) {
		uint64_t upto = l->n[EVENT] - l->n[EVENT] / 4;

		l->jobs++;
		l->trims[l->n_trims].mark = moment(d);
		l->trims[l->n_trims++].upto = upto;
		assert_int_equal(store_trim(r->st, upto, (struct wall){ (int64_t)round }, 0), ERR_OK);
	}
	if (round % 17 == 0) {
		l->jobs++;
		l->sweeps[l->n_sweeps].mark = moment(d);
		l->sweeps[l->n_sweeps++].upto = round - 8;
		assert_int_equal(store_sweep(r->st, (struct wall){ (int64_t)(round - 8) * 1000 }, 0), ERR_OK);
	}
}

/* Writes down what was answered since `from`. */
static void take_answers(struct rig *r, struct ledger *l, struct disk *d, size_t from)
{
	static const enum kind kind_of[STORE_N_WHATS] = {
		[STORE_APPENDED] = EVENT, [STORE_PUT] = ALERT, [STORE_SAVED] = SAVE, [STORE_CURSOR] = CURSOR, [STORE_REFUSAL] = REFUSAL,
		[STORE_REVISED] = REVISION, [STORE_JUDGED] = VERDICT,
	};
	size_t mark = moment(d);

	for (size_t i = from; i < r->n; i++) {
		enum kind k = kind_of[r->heard[i].what];

		assert_int_equal(r->heard[i].err, ERR_OK);
		l->mark[k][++l->acked[k]] = mark;
	}
}

/* Acknowledged by the time that the disk had made `point` operations. */
static inline size_t acked_by(const struct ledger *l, enum kind k, size_t point)
{
	size_t n = 0;

	while (n < l->acked[k] && l->mark[k][n + 1] <= point)
		n++;
	return n;
}

/* How a life ends: the store is closed, or left as it is. */
static bool life_ends_open;

static size_t promised(const struct ledger *l)
{
	size_t n = 0;

	for (size_t k = 0; k < N_KINDS; k++)
		n += l->n[k];
	return n;
}

static void live(struct rig *r, struct ledger *l, struct disk *d, struct prop *rnd, size_t from, size_t to)
{
	size_t before = promised(l);

	r->n = 0;
	rig_start(r);
	for (size_t round = from; round <= to; round++) {
		uint64_t epoch = store_epoch(r->st);
		size_t heard = r->n;

		give_events(r, l, rnd);
		give_alert(r, l);
		give_verdicts(r, l, rnd);
		give_ticket(r, l);
		give_rest(r, l, round, epoch);
		give_trim_and_sweep(r, l, d, round);
		store_push(r->st);
		/* Sometimes the next round is given before this one is on disk. */
		if (prop_chance(rnd, 70) || round == to)
			rig_wait(r, promised(l) - before);
		take_answers(r, l, d, heard);
	}
	if (!life_ends_open)
		assert_int_equal(rig_close(r), ERR_OK);
}

#endif
