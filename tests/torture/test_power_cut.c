/*
 * The power is cut after every operation on the disk that a life of the store makes. What the two files may look like then is opened by the
 * store, which must take it without complaint and hold a prefix of what it was given, in order, that goes at least as far as what it had
 * acknowledged: every event, alert, ticket, cursor and revision whole, none but the last ones missing. Now and then the power fails again
 * while it recovers.
 *
 * PLAZO_CUTS is how many cuts are tried in each case, evenly spread; 0: all there are, each with every luck.
 */
#include "../unit/store_rig.h"

#include "../prop.h"
#include "store/streams.h"

/* One program a test: the shim has no library of its own. */
#include "../faults/disk.c"
#include "../faults/faultvfs.c"

#define CASE(f) cmocka_unit_test_setup_teardown(f, make, rig_drop)

#define ROUNDS    60
#define TICKETS   12
#define FAR       INT64_C(9000000000000)
#define MAX_KINDS 4096

enum kind { EVENT, ALERT, SAVE, CURSOR, REFUSAL, REVISION, N_KINDS };
static const char *const kind_names[N_KINDS] = { "events", "alerts", "saves", "cursor", "refusals", "revisions" };

/* What the store was given: job[k][i] is the place of the i-th of a kind among all jobs, mark[k][i] how far the disk was when it was acknowledged. */
struct ledger {
	size_t jobs, n[N_KINDS], acked[N_KINDS];
	size_t job[N_KINDS][MAX_KINDS], mark[N_KINDS][MAX_KINDS];
	size_t n_trims, n_sweeps;
	struct { size_t mark; uint64_t upto; } trims[ROUNDS], sweeps[ROUNDS];
};

/* What was found after a cut. */
struct found {
	const struct ledger *l;
	size_t   n[N_KINDS];
	uint64_t first_event;
	size_t   version[TICKETS];   /* of its row; 0: there is none */
	bool     over[TICKETS];
};

static int make(void **state)
{
	faultvfs_register();
	faultvfs_disarm();
	rig_make(state);
	((struct rig *)*state)->opt.vfs = FAULTVFS;
	return 0;
}

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

static bool is_whole(struct str s, enum kind k, size_t i)
{
	return str_eqz(s, text_of(k, i));
}

/* ---- the life ---- */

static size_t given(struct ledger *l, enum kind k)
{
	assert_true(l->n[k] + 1 < MAX_KINDS);
	l->job[k][++l->n[k]] = ++l->jobs;
	return l->n[k];
}

static void give_events(struct rig *r, struct ledger *l, struct prop *rnd)
{
	for (size_t n = 1 + prop_below(rnd, 6); n > 0; n--)
		assert_int_equal(rig_append(r, text_of(EVENT, given(l, EVENT)), NULL, 1), ERR_OK);
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
		l->trims[l->n_trims].mark = disk_count(d);
		l->trims[l->n_trims++].upto = upto;
		assert_int_equal(store_trim(r->st, upto, (struct wall){ (int64_t)round }, 0), ERR_OK);
	}
	if (round % 17 == 0) {
		l->jobs++;
		l->sweeps[l->n_sweeps].mark = disk_count(d);
		l->sweeps[l->n_sweeps++].upto = round - 8;
		assert_int_equal(store_sweep(r->st, (struct wall){ (int64_t)(round - 8) * 1000 }, 0), ERR_OK);
	}
}

/* Writes down what was answered since `from`. */
static void take_answers(struct rig *r, struct ledger *l, struct disk *d, size_t from)
{
	static const enum kind kind_of[STORE_N_WHATS] = {
		[STORE_APPENDED] = EVENT, [STORE_PUT] = ALERT, [STORE_SAVED] = SAVE, [STORE_CURSOR] = CURSOR, [STORE_REFUSAL] = REFUSAL,
		[STORE_REVISED] = REVISION,
	};
	size_t mark = disk_count(d);

	for (size_t i = from; i < r->n; i++) {
		enum kind k = kind_of[r->heard[i].what];

		assert_int_equal(r->heard[i].err, ERR_OK);
		l->mark[k][++l->acked[k]] = mark;
	}
}

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
		give_ticket(r, l);
		give_rest(r, l, round, epoch);
		give_trim_and_sweep(r, l, d, round);
		store_push(r->st);
		/* Sometimes the next round is given before this one is on disk. */
		if (prop_chance(rnd, 70) || round == to)
			rig_wait(r, promised(l) - before);
		take_answers(r, l, d, heard);
	}
	assert_int_equal(rig_close(r), ERR_OK);
}

/* ---- what is there after a cut ---- */

static enum err see_event(void *ctx, uint64_t seq, struct str record, struct diag *diag)
{
	struct found *f = ctx;

	(void)diag;
	if (f->first_event == 0) {
		f->first_event = seq;
		f->n[EVENT] = seq - 1;
	}
	assert_int_equal(seq, f->n[EVENT] + 1);
	assert_true(seq <= f->l->n[EVENT] && is_whole(record, EVENT, seq));
	f->n[EVENT] = seq;
	return ERR_OK;
}

static enum err see_revision(void *ctx, const struct store_revision *v, struct diag *diag)
{
	struct found *f = ctx;
	size_t i = ++f->n[REVISION];

	(void)diag;
	assert_true(v->digest == i && is_whole(v->text, REVISION, i));
	return ERR_OK;
}

static enum err see_cursor(void *ctx, const struct store_cursor *c, struct diag *diag)
{
	struct found *f = ctx;

	(void)diag;
	f->n[CURSOR] = strtoul(c->value.p, NULL, 10);
	return ERR_OK;
}

static void see_row(struct found *f, struct str row, bool over)
{
	size_t i = row.len > strlen("saves-") ? strtoul(row.p + strlen("saves-"), NULL, 10) : 0;

	assert_true(i > 0 && i <= f->l->n[SAVE] && is_whole(row, SAVE, i));
	assert_int_equal(f->version[i % TICKETS], 0);
	f->version[i % TICKETS] = i;
	f->over[i % TICKETS] = over;
	assert_int_equal(over, i % 5 == 0);
	if (i > f->n[SAVE])
		f->n[SAVE] = i;
}

static enum err see_ticket(void *ctx, const struct ticket_row *v, struct diag *diag)
{
	(void)diag;
	see_row(ctx, v->row, false);
	return ERR_OK;
}

/* The tables that the store does not load at a start, looked at from outside. */
static void see_tables(struct rig *r, struct found *f)
{
	sqlite3 *h;
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_open(r->path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h, "SELECT 0, body FROM outbox ORDER BY no", -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW) {
		struct str body = { sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1) };

		f->n[ALERT]++;
		assert_true(is_whole(body, ALERT, f->n[ALERT]));
	}
	sqlite3_finalize(s);
	assert_int_equal(sqlite3_prepare_v2(h, "SELECT 0, body FROM refused ORDER BY no", -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW) {
		struct str body = { sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1) };

		f->n[REFUSAL]++;
		assert_true(is_whole(body, REFUSAL, f->n[REFUSAL]));
	}
	sqlite3_finalize(s);
	assert_int_equal(sqlite3_prepare_v2(h, "SELECT 0, row FROM closed", -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW)
		see_row(f, (struct str){ sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1) }, true);
	sqlite3_finalize(s);
	assert_int_equal(sqlite3_prepare_v2(h, "PRAGMA integrity_check(1)", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(s, 0), "ok");
	sqlite3_finalize(s);
	sqlite3_close(h);
}

/* Opened by the store as after any start; it must serve, and stop cleanly. */
static void look(struct rig *r, struct found *f)
{
	const struct store_loader loader = { f, see_revision, see_ticket, see_event, NULL };

	rig_open(r);
	if (store_load(r->st, &loader, &r->diag) != ERR_OK || store_load_cursors(r->st, see_cursor, f, &r->diag) != ERR_OK)
		fail_msg("%s", r->diag.msg);
	assert_int_equal(rig_close(r), ERR_OK);
	see_tables(r, f);
}

/* Acknowledged by the time that the disk had made `point` operations. */
static size_t acked_by(const struct ledger *l, enum kind k, size_t point)
{
	size_t n = 0;

	while (n < l->acked[k] && l->mark[k][n + 1] <= point)
		n++;
	return n;
}

static uint64_t asked_by(const struct ledger *l, bool trims, size_t point)
{
	uint64_t upto = 0;

	for (size_t i = 0; i < (trims ? l->n_trims : l->n_sweeps); i++)
		if ((trims ? l->trims[i].mark : l->sweeps[i].mark) <= point)
			upto = trims ? l->trims[i].upto : l->sweeps[i].upto;
	return upto;
}

static void check_tickets(const struct found *f, size_t point)
{
	uint64_t swept = asked_by(f->l, false, point);

	for (size_t t = 0; t < TICKETS; t++) {
		size_t latest = f->n[SAVE] - (f->n[SAVE] + TICKETS - t) % TICKETS;

		if (f->n[SAVE] < (t != 0 ? t : TICKETS))
			latest = 0;
		if (f->version[t] == latest)
			continue;
		/* Gone by a sweep, or it was not yet there. */
		if (f->version[t] != 0 || latest % 5 != 0 || latest >= swept)
			fail_msg("ticket %zu has version %zu, not %zu (point %zu, swept %zu)", t, f->version[t], latest, point, (size_t)swept);
	}
}

static void check_found(struct found *f, size_t point)
{
	const struct ledger *l = f->l;
	uint64_t trimmed = asked_by(l, true, point);
	size_t last = 0;

	/* A journal that was trimmed to nothing would say nothing; this one never is. */
	if (f->first_event > trimmed + 1)
		fail_msg("the journal begins with %zu, trimmed to %zu", (size_t)f->first_event, (size_t)trimmed);
	for (size_t k = 0; k < N_KINDS; k++)
		if (f->n[k] != 0 && l->job[k][f->n[k]] > last)
			last = l->job[k][f->n[k]];
	for (size_t k = 0; k < N_KINDS; k++) {
		size_t least = acked_by(l, (enum kind)k, point);

		if (f->n[k] < least)
			fail_msg("point %zu: %zu %s of %zu that were acknowledged", point, f->n[k], kind_names[k], least);
		if (f->n[k] < l->n[k] && l->job[k][f->n[k] + 1] < last)
			fail_msg("point %zu: %zu %s, but something later is there", point, f->n[k], kind_names[k]);
	}
	check_tickets(f, point);
}

/* ---- cuts ---- */

struct cuts { size_t step, n; struct prop rnd; };

static struct cuts cuts_of(const char *name, size_t points)
{
	const char *z = getenv("PLAZO_CUTS");
	size_t n = z != NULL ? strtoul(z, NULL, 10) : 150;

	return (struct cuts){ .step = n == 0 || n > points ? 1 : points / n, .rnd = prop_begin(name) };
}

/* The power fails again while the store recovers: what lies in the files then is the next cut. */
static void cut_again(struct rig *r, struct prop *rnd)
{
	struct disk *d = disk_watch(r->path);

	rig_open(r);
	assert_int_equal(store_start(r->st, &r->diag), ERR_OK);
	assert_int_equal(rig_close(r), ERR_OK);
	disk_rest(d);
	disk_cut(d, prop_below(rnd, disk_count(d) + 1), DISK_SOME, rnd, r->path);
	disk_free(d);
}

static void try_cut(struct rig *r, const struct ledger *l, const struct disk *d, size_t point, enum disk_luck luck, struct cuts *c)
{
	struct found f = { .l = l };

	disk_cut(d, point, luck, &c->rnd, r->path);
	for (c->n++; prop_chance(&c->rnd, 20); c->n++)
		cut_again(r, &c->rnd);
	look(r, &f);
	check_found(&f, point);
	rig_remove_files(r);
}

static void every_moment_of_a_life(void **state)
{
	struct rig *r = *state;
	struct ledger *l = calloc(1, sizeof *l);
	struct prop rnd = { 1 };

	assert_non_null(l);
	/* Made and closed first: how a new one comes to be is tested elsewhere. */
	rig_open(r);
	assert_int_equal(rig_close(r), ERR_OK);

	struct disk *d = disk_watch(r->path);

	live(r, l, d, &rnd, 1, ROUNDS / 2);
	live(r, l, d, &rnd, ROUNDS / 2 + 1, ROUNDS);
	disk_rest(d);

	struct cuts c = cuts_of("every_moment_of_a_life", disk_count(d));
	size_t n = disk_count(d);

	for (size_t point = 0; point <= n; point += c.step)
		for (int luck = 0; luck < DISK_N_LUCKS; luck++)
			if (c.step == 1 || luck == DISK_SOME || prop_chance(&c.rnd, 20))
				try_cut(r, l, d, point, (enum disk_luck)luck, &c);
	fprintf(stderr, "%zu operations, %zu cuts\n", n, c.n);
	disk_free(d);
	free(l);
}

/* ---- a migration ---- */

static void old_database(struct rig *r)
{
	struct buf sql;
	char piece[4096];
	size_t got;
	FILE *f = fopen("tests/unit/data/v1.sql", "r");

	assert_non_null(f);
	buf_init(&sql, 1 << 20);
	while ((got = fread(piece, 1, sizeof piece, f)) > 0)
		buf_append(&sql, piece, got);
	fclose(f);
	rig_sql(r, buf_cstr(&sql));
	buf_finish(&sql);
}

static void load_all(struct rig *r, struct buf *out)
{
	buf_reset(out);
	rig_open(r);
	if (rig_load(r, out) != ERR_OK)
		fail_msg("%s", r->diag.msg);
	assert_int_equal(rig_close(r), ERR_OK);
}

/* The old one or the new one, never something between: opened, both say the same. */
static void every_moment_of_a_migration(void **state)
{
	struct rig *r = *state;
	struct buf want, got;
	char kept[128];

	buf_init(&want, 1 << 20);
	buf_init(&got, 1 << 20);
	snprintf(kept, sizeof kept, "%s.v1.bak", r->path);
	old_database(r);

	struct disk *d = disk_watch(r->path);

	load_all(r, &want);
	assert_non_null(strstr(buf_cstr(&want), " e:11="));
	rig_start(r);
	assert_int_equal(rig_close(r), ERR_OK);
	disk_rest(d);

	struct cuts c = cuts_of("every_moment_of_a_migration", disk_count(d) * DISK_N_LUCKS);

	for (size_t i = 0; i <= disk_count(d) * DISK_N_LUCKS; i += c.step, c.n++) {
		disk_cut(d, i / DISK_N_LUCKS, (enum disk_luck)(i % DISK_N_LUCKS), &c.rnd, r->path);
		load_all(r, &got);
		assert_string_equal(buf_cstr(&got), buf_cstr(&want));
	}
	fprintf(stderr, "%zu operations, %zu cuts\n", disk_count(d), c.n);
	unlink(kept);
	disk_free(d);
	buf_finish(&want);
	buf_finish(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_moment_of_a_life),
		CASE(every_moment_of_a_migration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
