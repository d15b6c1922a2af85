/*
 * The power is cut after every operation on the disk that a life of the store makes. What the two files may look like then is opened by the
 * store, which must take it without complaint and hold a prefix of what it was given, in order, that goes at least as far as what it had
 * acknowledged: every event, alert, ticket, verdict, cursor and revision whole, none but the last ones missing. Now and then the power fails
 * again while it recovers.
 *
 * PLAZO_CUTS is how many cuts are tried in each case, evenly spread; 0: all there are, each with every luck.
 */
#include "life.h"

#include "store/db.h"
#include "base/reader.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, make, rig_drop)

static int make(void **state)
{
	faultvfs_register();
	faultvfs_disarm();
	rig_make(state);
	((struct rig *)*state)->opt.vfs = FAULTVFS;
	return 0;
}

/* What was found after a cut. */
struct found {
	const struct ledger *l;
	size_t   n[N_KINDS];
	uint64_t first_event;
	size_t   version[TICKETS];   /* of its row; 0: there is none */
	bool     over[TICKETS];
};


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

static void see_verdicts(struct found *f, struct str records, uint64_t n)
{
	struct reader r = reader_of(records);
	struct verdict v;

	f->n[VERDICT]++;
	for (; store_verdicts_next(&r, &v); n--) {
		assert_true(is_whole(v.ticket, VERDICT, f->n[VERDICT]));
		assert_int_equal(v.cycle, n);
	}
	assert_true(n == 0 && !r.bad);
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
	assert_int_equal(sqlite3_prepare_v2(h, "SELECT n, records FROM judged ORDER BY no", -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW)
		see_verdicts(f, (struct str){ sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1) }, (uint64_t)sqlite3_column_int64(s, 0));
	sqlite3_finalize(s);
	assert_int_equal(sqlite3_prepare_v2(h, "SELECT 0, row FROM closed", -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW)
		see_row(f, (struct str){ sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1) }, true);
	sqlite3_finalize(s);
	sqlite3_close(h);
}

/* Of what the store does not look at as it opens. */
static void check_indexes(struct rig *r)
{
	sqlite3 *h;
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_open(r->path, &h), SQLITE_OK);
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
	check_indexes(r);
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

/* ---- a birth ---- */

/* A new database is made under another name: what a cut leaves of that does not keep the next start from making one. */
static void begin_anew(struct rig *r, const char *leftover)
{
	rig_start(r);
	r->n = 0;
	assert_int_equal(rig_append(r, "first", NULL, 1), ERR_OK);
	rig_wait(r, 1);
	assert_int_equal(r->heard[0].err, ERR_OK);
	assert_int_equal(rig_close(r), ERR_OK);
	assert_int_not_equal(access(leftover, F_OK), 0);
	rig_remove_files(r);
}

static void every_moment_of_a_birth(void **state)
{
	struct rig *r = *state;
	char making[136];

	snprintf(making, sizeof making - 8, "%s.making-%d", r->path, (int)getpid());

	struct disk *d = disk_watch(making);

	rig_open(r);
	assert_int_equal(rig_close(r), ERR_OK);
	disk_rest(d);
	rig_remove_files(r);

	struct cuts c = cuts_of("every_moment_of_a_birth", disk_count(d) * DISK_N_LUCKS);

	assert_true(disk_count(d) > 10);
	for (size_t i = 0; i <= disk_count(d) * DISK_N_LUCKS; i += c.step, c.n++) {
		disk_cut(d, i / DISK_N_LUCKS, (enum disk_luck)(i % DISK_N_LUCKS), &c.rnd, making);
		begin_anew(r, making);
	}
	/* It gets its name when all of it is on the disk, whatever of the rest is not. */
	disk_cut(d, disk_count(d), DISK_NONE, &c.rnd, making);
	assert_int_equal(rename(making, r->path), 0);
	strcat(making, "-wal");
	unlink(making);
	begin_anew(r, making);
	fprintf(stderr, "%zu operations, %zu cuts\n", disk_count(d), c.n);
	disk_free(d);
}

/* ---- a migration ---- */

static void old_database(struct rig *r, int version)
{
	struct buf sql;
	char piece[4096];
	size_t got;

	snprintf(piece, sizeof piece, "tests/unit/data/v%d.sql", version);

	FILE *f = fopen(piece, "r");

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
static void cut_migration(struct rig *r, int version)
{
	struct buf want, got;

	buf_init(&want, 1 << 20);
	buf_init(&got, 1 << 20);
	old_database(r, version);

	struct disk *d = disk_watch(r->path);

	load_all(r, &want);
	assert_non_null(strstr(buf_cstr(&want), version == 1 ? " e:11=" : " e:9="));
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
	/* From each version at which a start may have found it. */
	for (int v = 1; v < DB_VERSION; v++) {
		char kept[128];

		snprintf(kept, sizeof kept, "%s.v%d.bak", r->path, v);
		unlink(kept);
	}
	disk_free(d);
	rig_remove_files(r);
	buf_finish(&want);
	buf_finish(&got);
}

static void every_moment_of_a_migration(void **state)
{
	for (int version = 1; version < DB_VERSION; version++)
		cut_migration(*state, version);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_moment_of_a_life),
		CASE(every_moment_of_a_birth),
		CASE(every_moment_of_a_migration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
