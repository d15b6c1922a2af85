/* Databases of earlier versions, the way up from one version to the next, and copies of a database in use. */
#include "store_rig.h"

#include "store/copy.h"
#include "store/schema.h"
#include "store/streams.h"
#include "store/verdicts.h"

/* One program a test: the shim has no library of its own. */
#include "../faults/faultvfs.c"
#include "base/reader.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, make, rig_drop)

static int make(void **state)
{
	faultvfs_register();
	faultvfs_disarm();
	return rig_make(state);
}

static void remove_named(const struct rig *r, const char *suffix)
{
	char name[128];

	snprintf(name, sizeof name, "%s%s", r->path, suffix);
	unlink(name);
}

static bool is_there(const struct rig *r, const char *suffix)
{
	char name[128];
	struct stat st;

	snprintf(name, sizeof name, "%s%s", r->path, suffix);
	return stat(name, &st) == 0;
}

/* Makes the database from the SQL text of one, as tests/unit/data has them. */
static void restore_text(struct rig *r, const char *file)
{
	struct buf sql;
	char piece[4096];
	size_t got;
	FILE *f = fopen(file, "r");

	assert_non_null(f);
	buf_init(&sql, 1 << 20);
	while ((got = fread(piece, 1, sizeof piece, f)) > 0)
		buf_append(&sql, piece, got);
	fclose(f);
	rig_sql(r, buf_cstr(&sql));
	buf_finish(&sql);
}

static int64_t ask(const char *path, const char *vfs, const char *text)
{
	sqlite3 *h;
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE, vfs), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h, text, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);

	int64_t value = sqlite3_column_int64(s, 0);

	sqlite3_finalize(s);
	sqlite3_close(h);
	return value;
}

/* ---- earlier versions ---- */

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what)) != NULL) {
		n++;
		text++;
	}
	return n;
}

/* Each of its verdicts was a row of numbers and texts, and is a record now. */
static void verdicts_of_version_1(const struct rig *r)
{
	struct verdict v;
	struct reader rd;
	sqlite3 *h;
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_open(r->path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h, "SELECT records FROM judged ORDER BY no LIMIT 1", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	rd = reader_of((struct str){ sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0) });
	assert_true(store_verdicts_next(&rd, &v));
	assert_true(str_eqz(v.ticket, "INC-1") && str_eqz(v.metric, "response") && str_eqz(v.state, "breached") && str_eqz(v.target, "1s"));
	assert_true(v.breached && v.waived && v.cycle == 1 && v.elapsed_ms == 1013 && v.paused_ms == 0);
	assert_true(v.started.ms == 1760770027195 && v.stopped.ms == 1760770028208 && v.due.ms == 1760770028195);
	assert_false(store_verdicts_next(&rd, &v));
	assert_false(rd.bad);
	sqlite3_finalize(s);
	sqlite3_close(h);
}

/* What a plazo of that schema left: three open tickets, a closed one, events that no ticket's row has yet, verdicts, alerts of all kinds. */
struct old {
	const char *version, *id, *ns, *first_event, *last_event, *cursor;
	int64_t     refused;
};

static const struct old olds[] = {
	{ "v1", "fcc4613203c9a4f97a5e1761335fa924", "helpdesk", " e:10=", " e:11=", "", 0 },
	{ "v2", "07856172edb485d338a1a0fdc9d46b16", "desk", " e:8=", " e:9=", "1795341437780-0", 2 },
	{ "v3", "9c44543dfbe8262e532ba8fa622d3460", "desk", " e:8=", " e:9=", "1795341899329-0", 2 },
	{ "v4", "9c44543dfbe8262e532ba8fa622d3460", "desk", " e:8=", " e:9=", "1795341899329-0", 2 },
};
#define N_OLDS (sizeof olds / sizeof *olds)

static void restore_old(struct rig *r, const struct old *o)
{
	char file[64];

	snprintf(file, sizeof file, "tests/unit/data/%s.sql", o->version);
	restore_text(r, file);
}

/* The copy of what it was, which lies beside it when it has been opened. */
static void remove_kept(const struct rig *r, const struct old *o)
{
	char suffix[32];

	snprintf(suffix, sizeof suffix, ".%s.bak.new", o->version);
	assert_false(is_there(r, suffix));
	suffix[strlen(suffix) - strlen(".new")] = '\0';
	assert_true(is_there(r, suffix));
	remove_named(r, suffix);
}

static enum err see_cursor(void *ctx, const struct store_cursor *c, struct diag *d)
{
	(void)d;
	assert_true(str_eqz(c->source, "bus") && str_eqz(c->key, "tickets"));
	buf_put(ctx, c->value);
	return ERR_OK;
}

/* It opens, and all of it is there. */
static void old_is_there(struct rig *r, const struct old *o)
{
	struct buf text, row, name, cursor;

	buf_init(&cursor, 64);
	buf_init(&text, 1 << 20);
	buf_init(&row, 1 << 16);
	buf_init(&name, 64);
	buf_printf(&name, "t:%s/INC-", o->ns);
	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	assert_int_equal(occurrences(buf_cstr(&text), buf_cstr(&name)), 3);
	assert_non_null(strstr(buf_cstr(&text), o->first_event));
	assert_non_null(strstr(buf_cstr(&text), o->last_event));
	assert_non_null(strstr(buf_cstr(&text), "policies:"));
	assert_int_equal(store_fetch(r->st, str_of(o->ns), STR("INC-4"), &row, &r->diag), ERR_OK);
	assert_int_equal(store_load_cursors(r->st, see_cursor, &cursor, &r->diag), ERR_OK);
	assert_string_equal(buf_cstr(&cursor), o->cursor);
	assert_string_equal(store_id(r->st), o->id);
	assert_int_equal(rig_close(r), ERR_OK);
	assert_int_equal(ask(r->path, NULL, "PRAGMA user_version"), DB_VERSION);
	assert_int_equal(ask(r->path, NULL, "SELECT count(*) FROM outbox"), 11);
	assert_int_equal(ask(r->path, NULL, "SELECT sum(n) FROM judged"), 3);
	assert_int_equal(ask(r->path, NULL, "SELECT count(*) FROM refused"), o->refused);
	buf_finish(&text);
	buf_finish(&row);
	buf_finish(&name);
	buf_finish(&cursor);
}

/* Its alerts are found as those of a new database are: by their id, by their ticket, and when one is put that is there. */
static void alerts_are_found(struct rig *r, const struct old *o)
{
	struct store_filter by_id = { .limit = 9 }, by_ticket = { .ns = str_of(o->ns), .ticket = STR("INC-1"), .limit = 99 };
	struct delivery again = rig_delivery("", "", "INC-1");
	int64_t n = ask(r->path, NULL, "SELECT count(*) FROM outbox WHERE ticket = 'INC-1'");
	sqlite3 *h;
	sqlite3_stmt *s;
	char id[64], receiver[64];

	assert_true(n > 0);
	assert_int_equal(sqlite3_open(r->path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h, "SELECT id, receiver FROM outbox WHERE ticket = 'INC-1' LIMIT 1", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	snprintf(id, sizeof id, "%s", (const char *)sqlite3_column_text(s, 0));
	snprintf(receiver, sizeof receiver, "%s", (const char *)sqlite3_column_text(s, 1));
	sqlite3_finalize(s);
	sqlite3_close(h);
	by_id.id = again.id = str_of(id);
	again.receiver = str_of(receiver);
	rig_start(r);
	r->n = 0;
	assert_int_equal(store_put_delivery(r->st, &again, 1), ERR_OK);
	rig_wait(r, 1);
	assert_false(r->heard[0].fresh);
	assert_int_equal(store_list_deliveries(r->st, &by_id, 2), ERR_OK);
	rig_wait(r, 3);
	assert_string_equal(r->heard[1].ticket, "INC-1");
	assert_int_equal(store_list_deliveries(r->st, &by_ticket, 3), ERR_OK);
	rig_wait(r, 4 + (size_t)n);
	assert_true(r->heard[3 + n].last);
	assert_int_equal(rig_close(r), ERR_OK);
}

/* And a copy of what it was lies beside it. */
static void old_opens(struct rig *r, const struct old *o)
{
	restore_old(r, o);
	old_is_there(r, o);
	if (o == olds)
		verdicts_of_version_1(r);
	alerts_are_found(r, o);
	remove_kept(r, o);
	rig_remove_files(r);
}

static void old_versions(void **state)
{
	/* One of each version that there was. */
	assert_int_equal(N_OLDS, DB_VERSION - 1);
	for (size_t i = 0; i < N_OLDS; i++)
		old_opens(*state, &olds[i]);
}

/* What a verdict has no time of, it has none of as a record either; and it grows old from its end on, else from its due time, else from its start. */
static void verdicts_without_times(void **state)
{
	static const char *const rows[] = {
		"('a', 'T', 'm', 1, 'c', 'sla', '', 'met', 0, 0, 100, 300, 900, 0, 0, '')",
		"('b', 'T', 'm', 1, 'c', 'sla', '', 'breached', 1, 0, 100, NULL, 200, 0, 0, '')",
		"('c', 'T', 'm', 1, 'c', 'sla', '', 'cancelled', 0, 0, 100, NULL, NULL, 0, 0, '')",
	};
	static const int64_t times[][3] = { { 300, 900, 300 }, { INT64_MAX, 200, 200 }, { INT64_MAX, INT64_MAX, 100 } };
	struct rig *r = *state;
	struct verdict v;
	sqlite3 *h;
	sqlite3_stmt *s;
	char text[256];

	restore_old(r, &olds[2]);
	rig_sql(r, "DELETE FROM verdicts");
	for (size_t i = 0; i < 3; i++) {
		snprintf(text, sizeof text, "INSERT INTO verdicts VALUES%s", rows[i]);
		rig_sql(r, text);
	}
	rig_open(r);
	assert_int_equal(rig_close(r), ERR_OK);
	assert_int_equal(sqlite3_open(r->path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h, "SELECT records, latest_ms FROM judged ORDER BY no", -1, &s, NULL), SQLITE_OK);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(sqlite3_step(s), SQLITE_ROW);

		struct reader rd = reader_of((struct str){ sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0) });

		assert_true(store_verdicts_next(&rd, &v));
		assert_true(v.started.ms == 100 && v.stopped.ms == times[i][0] && v.due.ms == times[i][1]);
		assert_int_equal(sqlite3_column_int64(s, 1), times[i][2]);
	}
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
	sqlite3_close(h);
	remove_kept(r, &olds[2]);
}

static void are_alike(struct rig *r, const struct old *o)
{
	static const char tables[] = "SELECT count(*) FROM main.sqlite_schema WHERE (type, name, sql) NOT IN (SELECT type, name, sql FROM new.sqlite_schema)";
	char attach[200], fresh[128];
	sqlite3 *h;
	sqlite3_stmt *s;

	rig_open(r);
	rig_close(r);
	snprintf(fresh, sizeof fresh, "%s.copy", r->path);
	assert_int_equal(rename(r->path, fresh), 0);
	restore_old(r, o);
	rig_open(r);
	rig_close(r);
	assert_int_equal(sqlite3_open(r->path, &h), SQLITE_OK);
	snprintf(attach, sizeof attach, "ATTACH '%s' AS new", fresh);
	assert_int_equal(sqlite3_exec(h, attach, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h, tables, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(s, 0), 0);
	sqlite3_finalize(s);
	sqlite3_close(h);
	remove_kept(r, o);
	rig_remove_files(r);
}

/* What is made new and what has come up from an older version have the same tables. */
static void old_and_new_are_alike(void **state)
{
	for (size_t i = 0; i < N_OLDS; i++)
		are_alike(*state, &olds[i]);
}

/* The disk fails once, at each operation of a start that has to migrate: that start is refused with a sentence, or did without; the next one finds all. */
static long fail_migration(struct rig *r, const struct old *o, enum fault_op op, int error)
{
	long nth = 0, n_refused = 0;
	bool struck = true;

	r->opt.vfs = FAULTVFS;
	while (struck) {
		char suffix[32];

		restore_old(r, o);
		r->diag.msg[0] = '\0';
		faultvfs_arm(op, ++nth, error, FAULT_ONCE);

		enum err e = store_open(&r->opt, &r->st, &r->diag);

		struck = faultvfs_failed() != 0;
		faultvfs_disarm();
		n_refused += e != ERR_OK;
		assert_true(e == ERR_OK || r->diag.msg[0] != '\0');
		if (e == ERR_OK)
			assert_int_equal(rig_close(r), ERR_OK);
		old_is_there(r, o);
		/* From each version at which a start may have found it. */
		for (size_t i = 0; i < N_OLDS; i++) {
			snprintf(suffix, sizeof suffix, ".%s.bak.new", olds[i].version);
			assert_false(is_there(r, suffix));
			suffix[strlen(suffix) - strlen(".new")] = '\0';
			remove_named(r, suffix);
		}
		rig_remove_files(r);
	}
	r->opt.vfs = NULL;
	return n_refused;
}

static void a_migration_that_fails(void **state)
{
	static const int errors[] = { EIO, ENOSPC };

	for (int op = 0; op < FAULT_N; op++)
		for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
			assert_true(fail_migration(*state, &olds[1], (enum fault_op)op, errors[i]) > 0);
}

/* ---- a step ---- */

static const char *const ladder[] = {
	"CREATE TABLE a(x INTEGER); INSERT INTO a VALUES(1), (2), (3)",
	"CREATE TABLE b(y INTEGER); INSERT INTO b SELECT x * 10 FROM a; DROP TABLE a",
	"ALTER TABLE b ADD COLUMN z INTEGER NOT NULL DEFAULT 7; CREATE INDEX b_z ON b(z)",
	"UPDATE b SET z = 8; INSERT INTO nowhere VALUES(1)",
	"UPDATE b SET z = 9",
};

/* The version that the file has, after a look at what belongs to it. */
static int64_t look(const char *path)
{
	static const struct { const char *text; int64_t want; } whole[] = {
		{ "SELECT count(*) FROM sqlite_schema", 0 },
		{ "SELECT sum(x) FROM a", 6 },
		{ "SELECT sum(y) FROM b", 60 },
		{ "SELECT sum(y + z) FROM b", 81 },
	};
	int64_t version = ask(path, NULL, "PRAGMA user_version");

	assert_in_range(version, 0, 3);
	assert_int_equal(ask(path, NULL, whole[version].text), whole[version].want);
	if (version >= 2)
		assert_int_equal(ask(path, NULL, "SELECT count(*) FROM sqlite_schema WHERE name = 'a'"), 0);
	return version;
}

static int climb(const char *path, const char *vfs, int from, int to)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs), SQLITE_OK);

	int rc = sqlite3_exec(h, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = schema_climb(h, ladder, from, to);
	/* As it is when the process ends here. */
	sqlite3_db_config(h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(h);
	return rc;
}

static void a_step_that_fails_leaves_the_version_before(void **state)
{
	struct rig *r = *state;

	assert_int_equal(climb(r->path, NULL, 0, 2), SQLITE_OK);
	assert_int_equal(look(r->path), 2);
	assert_int_equal(climb(r->path, NULL, 2, 5), SQLITE_ERROR);
	assert_int_equal(look(r->path), 3);
}

/* At every write and every sync of the way from 1 to 3 the disk fails for good: what is found later is 1, 2 or 3, and whole. */
static void a_step_is_whole_or_nothing(void **state)
{
	struct rig *r = *state;
	size_t seen[4] = { 0 };

	for (int op = FAULT_WRITE; op <= FAULT_SYNC; op++) {
		bool struck = true;

		for (long n = 1; struck; n++) {
			assert_int_equal(climb(r->path, NULL, 0, 1), SQLITE_OK);
			faultvfs_arm((enum fault_op)op, n, EIO, FAULT_FROM_THEN_ON);

			int rc = climb(r->path, FAULTVFS, 1, 3);

			struck = faultvfs_failed() != 0;
			faultvfs_disarm();

			int64_t version = look(r->path);

			seen[version]++;
			if (rc == SQLITE_OK)
				assert_int_equal(version, 3);
			assert_int_equal(climb(r->path, NULL, (int)version, 3), SQLITE_OK);
			assert_int_equal(look(r->path), 3);
			rig_remove_files(r);
		}
	}
	assert_true(seen[1] > 2 && seen[2] > 2 && seen[3] >= 2);
}

/* Killed between any two statements of a step. */
static int end_here(void *left)
{
	if (--*(int *)left == 0)
		_exit(0);
	return 0;
}

static void a_step_survives_a_kill(void **state)
{
	struct rig *r = *state;
	size_t seen[4] = { 0 };
	int status = 0;

	for (int n = 1; n < 4000 && seen[3] == 0; n += 7) {
		assert_int_equal(climb(r->path, NULL, 0, 1), SQLITE_OK);

		pid_t child = fork();

		if (child == 0) {
			sqlite3 *h;
			int left = n;

			if (sqlite3_open(r->path, &h) != SQLITE_OK)
				_exit(2);
			sqlite3_progress_handler(h, 1, end_here, &left);
			_exit(schema_climb(h, ladder, 1, 3) == SQLITE_OK ? 0 : 3);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		seen[look(r->path)]++;
		rig_remove_files(r);
	}
	assert_true(seen[1] > 2 && seen[2] > 2 && seen[3] == 1);
}

/* ---- copies ---- */

/* Opens `path` as a store and gives what it loads. */
static void load_file(const char *path, struct buf *text)
{
	struct rig other = { .opt = { .path = path, .retry_ms = 20 } };

	rig_open(&other);
	assert_int_equal(rig_load(&other, text), ERR_OK);
	assert_int_equal(rig_close(&other), ERR_OK);
}

/* Commits go on between its steps, and all that was committed before its end is in the copy. */
static void a_copy_under_way_sees_commits(void **state)
{
	struct rig *r = *state;
	struct buf text;
	struct db *db = NULL;
	struct copy *c = NULL;
	char path[128], want[48];
	bool finished = false;
	static char records[200000];
	int n = 0;

	buf_init(&text, 1 << 24);
	snprintf(path, sizeof path, "%s.copy", r->path);
	rig_open(r);
	rig_close(r);
	assert_int_equal(db_open(r->path, NULL, &db, &r->diag), ERR_OK);
	assert_int_equal(db_mark_used(db, &r->diag), ERR_OK);
	for (int i = 0; i < 20; i++)
		assert_int_equal(db_meta_put(db, "filler", (struct str){ records, sizeof records }), SQLITE_OK);
	assert_int_equal(copy_begin(db, path, &c, &r->diag), ERR_OK);
	while (!finished) {
		assert_int_equal(copy_step(c, 1, &finished, &r->diag), ERR_OK);
		assert_int_equal(db_run(db, Q_BEGIN), SQLITE_OK);
		assert_int_equal(db_meta_put_i64(db, "tally", ++n), SQLITE_OK);
		assert_int_equal(db_run(db, n == 3 ? Q_ROLLBACK : Q_COMMIT), SQLITE_OK);
		if (n % 5 == 0)
			assert_int_equal(db_checkpoint(db, SQLITE_CHECKPOINT_PASSIVE), SQLITE_OK);
	}
	assert_true(n > 10);
	assert_int_equal(copy_finish(c, &r->diag), ERR_OK);
	assert_int_equal(db_finish(db, &r->diag), ERR_OK);
	db_close(db);
	load_file(path, &text);
	snprintf(want, sizeof want, "%d", n);
	assert_in_range(ask(path, NULL, "SELECT value FROM meta WHERE key = 'tally'"), n - 1, n);
	assert_int_equal(ask(path, NULL, "SELECT value FROM meta WHERE key = 'clean'"), 1);
	unlink(path);
	buf_finish(&text);
}

/* A disk that fails under the copy leaves no file, and the database as it was. */
static void a_copy_that_fails_leaves_nothing(void **state)
{
	struct rig *r = *state;
	struct db *db = NULL;
	char path[128];

	snprintf(path, sizeof path, "%s.copy", r->path);
	rig_open(r);
	rig_close(r);
	assert_int_equal(db_open(r->path, FAULTVFS, &db, &r->diag), ERR_OK);
	for (int op = FAULT_WRITE; op <= FAULT_SYNC; op++) {
		bool struck = true;

		for (long n = 1; struck; n++) {
			struct copy *c = NULL;
			bool finished;

			faultvfs_arm((enum fault_op)op, n, ENOSPC, FAULT_ONCE);

			enum err e = copy_begin(db, path, &c, &r->diag);

			if (e == ERR_OK && (e = copy_step(c, -1, &finished, &r->diag)) != ERR_OK)
				copy_drop(c);
			else if (e == ERR_OK)
				e = copy_finish(c, &r->diag);
			struck = faultvfs_failed() != 0;
			assert_int_equal(is_there(r, ".copy"), e == ERR_OK);
			assert_false(is_there(r, ".copy-wal"));
			assert_false(is_there(r, ".copy-journal"));
			/* A failure may strike where SQLite can do without: what it said is whole must be. */
			if (e == ERR_OK)
				assert_int_equal(ask(path, NULL, "SELECT count(*) FROM meta WHERE key = 'clean' AND value = 1"), 1);
			unlink(path);
		}
	}

	struct copy *c = NULL;

	assert_int_equal(copy_begin(db, r->path, &c, &r->diag), ERR_CONFLICT);
	db_close(db);
	rig_open(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(old_versions),
		CASE(verdicts_without_times),
		CASE(old_and_new_are_alike),
		CASE(a_migration_that_fails),
		CASE(a_step_that_fails_leaves_the_version_before),
		CASE(a_step_is_whole_or_nothing),
		CASE(a_step_survives_a_kill),
		CASE(a_copy_under_way_sees_commits),
		CASE(a_copy_that_fails_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
