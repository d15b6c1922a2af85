/* Files that the store must not take, nor change. */
#include "store_rig.h"

#include "store/db.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_make, rig_drop)

static void write_file(const char *path, const void *p, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, len), (ssize_t)len);
	close(fd);
}

static char *read_file(const char *path, size_t *len_out)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);

	char *p = malloc((size_t)st.st_size + 1);

	assert_non_null(p);
	assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
	close(fd);
	*len_out = (size_t)st.st_size;
	return p;
}

/* Opening gives `want` with these words, and leaves every byte of the file, and no other file. */
static void refused(struct rig *r, enum err want, const char *words)
{
	size_t len, len_after;
	char *before = read_file(r->path, &len), wal[128];
	struct store *st = NULL;
	struct stat sb;

	snprintf(wal, sizeof wal, "%s-wal", r->path);

	bool had_wal = stat(wal, &sb) == 0;

	r->diag.msg[0] = '\0';
	assert_int_equal(store_open(&r->opt, &st, &r->diag), want);
	assert_null(st);
	if (strstr(r->diag.msg, words) == NULL || strstr(r->diag.msg, r->path) == NULL)
		fail_msg("\"%s\" says not \"%s\"", r->diag.msg, words);

	char *after = read_file(r->path, &len_after);

	assert_int_equal(len, len_after);
	assert_memory_equal(before, after, len);
	assert_int_equal(stat(wal, &sb) == 0, had_wal);
	free(before);
	free(after);
}

/* A whole database with two commits and a ticket. */
static void make(struct rig *r)
{
	rig_start(r);
	assert_int_equal(rig_append(r, "one", NULL, 1), ERR_OK);
	rig_wait(r, r->n + 1);
	assert_int_equal(rig_append(r, "two", NULL, 1), ERR_OK);
	assert_int_equal(rig_save(r, "T-1", "row", 0, 1), ERR_OK);
	rig_wait(r, r->n + 2);
	assert_int_equal(rig_close(r), ERR_OK);
}

static void what_is_no_database(void **state)
{
	struct rig *r = *state;
	char text[400];

	write_file(r->path, "", 0);
	refused(r, ERR_SYNTAX, "is empty");
	write_file(r->path, "hello\n", 6);
	refused(r, ERR_SYNTAX, "not a database");
	memset(text, 'x', sizeof text);
	write_file(r->path, text, sizeof text);
	refused(r, ERR_SYNTAX, "not a database");
}

static void what_is_not_ours(void **state)
{
	struct rig *r = *state;

	rig_sql(r, "CREATE TABLE t(a); INSERT INTO t VALUES(1);");
	refused(r, ERR_SYNTAX, "another program");
}

/* By somebody who may read alone: a backup that root put in place, say. */
static void what_may_not_be_written(void **state)
{
	struct rig *r = *state;
	uid_t me = geteuid(), nobody = me == 0 ? 65534 : me;

	make(r);
	assert_int_equal(chmod(r->dir, 0755), 0);
	assert_int_equal(chmod(r->path, 0444), 0);
	assert_int_equal(seteuid(nobody), 0);
	refused(r, ERR_IO, "Permission denied");
	assert_int_equal(seteuid(me), 0);
	assert_int_equal(chmod(r->path, 0644), 0);
	assert_int_equal(chown(r->path, nobody, (gid_t)-1), 0);
	assert_int_equal(chmod(r->dir, 0555), 0);
	assert_int_equal(seteuid(nobody), 0);
	refused(r, ERR_IO, "its directory may not be written");
	assert_int_equal(seteuid(me), 0);
	assert_int_equal(chmod(r->dir, 0700), 0);
}

static void what_is_newer(void **state)
{
	struct rig *r = *state;

	make(r);
	rig_sql(r, "PRAGMA user_version = 1000");
	refused(r, ERR_RANGE, "newer plazo");
}

/* Written in the log alone: the file says that it is ours. */
static void what_is_not_ours_by_its_log(void **state)
{
	struct rig *r = *state;
	static const struct { const char *sql, *words; enum err want; } v[] = {
		{ "PRAGMA user_version = 1000", "newer plazo", ERR_RANGE },
		{ "PRAGMA user_version = 0", "another program", ERR_SYNTAX },
		{ "PRAGMA application_id = 5", "another program", ERR_SYNTAX },
	};
	sqlite3 *h;

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		r->n = 0;
		make(r);
		assert_int_equal(sqlite3_open(r->path, &h), SQLITE_OK);
		assert_int_equal(sqlite3_db_config(h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_exec(h, v[i].sql, NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(h);
		refused(r, v[i].want, v[i].words);
		rig_remove_files(r);
	}
}

/* A log that holds nothing is in nobody's way. */
static void a_backup_and_the_log_of_what_it_replaces(void **state)
{
	struct rig *r = *state;
	struct buf text;
	char wal[128], sql[64];

	snprintf(wal, sizeof wal, "%s-wal", r->path);
	snprintf(sql, sizeof sql, "PRAGMA application_id = %d", DB_BACKUP_ID);
	make(r);
	rig_sql(r, sql);
	write_file(wal, "x", 1);
	refused(r, ERR_SYNTAX, "is a backup, and");
	write_file(wal, "", 0);
	buf_init(&text, 1 << 20);
	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	assert_string_equal(buf_cstr(&text), "t:desk/T-1/acme=row:7 e:1=one e:2=two ");
	assert_int_equal(rig_close(r), ERR_OK);
	buf_finish(&text);
}

static void what_is_cut_short(void **state)
{
	struct rig *r = *state;
	size_t len;

	make(r);

	char *whole = read_file(r->path, &len);
	size_t step = len / 37;

	for (size_t n = 100; n < len; n += step) {
		write_file(r->path, whole, n);
		refused(r, ERR_SYNTAX, "cut short");
	}
	write_file(r->path, whole, len);
	rig_open(r);
	free(whole);
}

/* SQLite would take it for one that may only be read. */
static void formats_that_are_none(void **state)
{
	struct rig *r = *state;
	size_t len;

	make(r);

	char *whole = read_file(r->path, &len);

	for (size_t at = 18; at < 20; at++)
		for (unsigned bit = 2; bit < 8; bit++) {
			whole[at] = (char)(whole[at] ^ 1 << bit);
			write_file(r->path, whole, len);
			refused(r, ERR_SYNTAX, "is damaged and was left as it is: its header names the formats");
			whole[at] = (char)(whole[at] ^ 1 << bit);
		}
	write_file(r->path, whole, len);
	rig_open(r);
	free(whole);
}

static void what_lacks_a_table(void **state)
{
	struct rig *r = *state;

	make(r);
	rig_sql(r, "DROP TABLE judged");
	refused(r, ERR_SYNTAX, "judged");
}

static void what_lacks_its_key(void **state)
{
	struct rig *r = *state;

	make(r);
	rig_sql(r, "DELETE FROM meta WHERE key = 'key'");
	refused(r, ERR_SYNTAX, "damaged");
}

/* Pages overwritten with rubbish: seen at once, or by the checksum of the row. Never a crash, never other data. */
static void what_has_bad_pages(void **state)
{
	struct rig *r = *state;
	struct buf good, text;
	size_t len, n_refused = 0;

	buf_init(&good, 1 << 20);
	buf_init(&text, 1 << 20);
	make(r);
	rig_open(r);
	assert_int_equal(rig_load(r, &good), ERR_OK);
	rig_close(r);

	char *whole = read_file(r->path, &len);

	for (size_t at = 50; at < len; at += 211) {
		char *bad = malloc(len);

		assert_non_null(bad);
		memcpy(bad, whole, len);
		for (size_t i = at; i < at + 64 && i < len; i++)
			bad[i] = (char)(bad[i] ^ 0x5a);
		write_file(r->path, bad, len);
		free(bad);
		buf_reset(&text);

		enum err e = store_open(&r->opt, &r->st, &r->diag);

		if (e == ERR_OK)
			e = rig_load(r, &text);
		if (e == ERR_OK)
			assert_string_equal(buf_cstr(&text), buf_cstr(&good));
		else
			n_refused++;
		assert_true(e == ERR_OK || ((e == ERR_SYNTAX || e == ERR_RANGE) && r->diag.msg[0] != '\0'));
		store_close(r->st, NULL);
		r->st = NULL;
		rig_remove_files(r);
	}
	assert_true(n_refused > 10);
	free(whole);
	buf_finish(&good);
	buf_finish(&text);
}

static void a_row_that_was_changed(void **state)
{
	struct rig *r = *state;
	struct buf text;
	static const struct { const char *sql, *words; } v[] = {
		{ "UPDATE journal SET records = x'0374776f6f' WHERE seq = 2", "row 2 of table journal" },
		{ "UPDATE journal SET n = 2 WHERE seq = 2", "row 2 of table journal" },
		{ "UPDATE journal SET n = 0 WHERE seq = 2", "row 2 of table journal" },
		{ "UPDATE tickets SET row = x'00'", "ticket desk/T-1" },
	};

	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		make(r);
		rig_sql(r, v[i].sql);
		rig_open(r);
		assert_int_equal(rig_load(r, &text), ERR_SYNTAX);
		if (strstr(r->diag.msg, v[i].words) == NULL)
			fail_msg("%s", r->diag.msg);
		rig_close(r);
		rig_remove_files(r);
	}
	buf_finish(&text);
}

static void what_is_not_there(void **state)
{
	struct rig *r = *state;
	struct store_options opt = r->opt;
	char name[160];

	snprintf(name, sizeof name, "%s/no/plazo.db", r->dir);
	opt.path = name;
	assert_int_equal(store_open(&opt, &r->st, &r->diag), ERR_IO);
	assert_non_null(strstr(r->diag.msg, "/no: the directory of the database: No such file"));
	opt.path = r->dir;
	assert_int_equal(store_open(&opt, &r->st, &r->diag), ERR_IO);
	assert_non_null(strstr(r->diag.msg, "Is a directory"));
	assert_int_equal(symlink("nowhere", r->path), 0);
	assert_int_equal(store_open(&r->opt, &r->st, &r->diag), ERR_IO);
	assert_non_null(strstr(r->diag.msg, "link"));
	unlink(r->path);
	assert_int_equal(mkfifo(r->path, 0600), 0);
	assert_int_equal(store_open(&r->opt, &r->st, &r->diag), ERR_IO);
}

static void what_may_not_be_used(void **state)
{
	struct rig *r = *state;
	int status;

	make(r);
	assert_int_equal(chmod(r->path, 0400), 0);
	/* Root may write everything. */
	pid_t child = fork();

	if (child == 0) {
		struct store *st = NULL;
		struct diag d;

		if (geteuid() == 0 && (chown(r->path, 65534, 65534) != 0 || chmod(r->dir, 0755) != 0 || setuid(65534) != 0))
			_exit(2);
		_exit(store_open(&r->opt, &st, &d) == ERR_IO ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_log_without_its_database(void **state)
{
	struct rig *r = *state;
	struct store *st = NULL;
	char wal[128];

	snprintf(wal, sizeof wal, "%s-wal", r->path);
	write_file(wal, "x", 1);
	assert_int_equal(store_open(&r->opt, &st, &r->diag), ERR_SYNTAX);
	assert_non_null(strstr(r->diag.msg, "is gone, but its log"));
}

/* A child that uses the store until its pipe is closed; ready when this returns. */
static pid_t use_in_child(struct rig *r, int *hold_out)
{
	int ready[2], hold[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(hold), 0);

	pid_t child = fork();

	if (child == 0) {
		struct store_append a = { .record = STR("kept"), .cookie = 1 };
		size_t n = 0;

		close(hold[1]);
		close(ready[0]);
		if (store_open(&r->opt, &r->st, &r->diag) != ERR_OK || store_start(r->st, &r->diag) != ERR_OK || store_append(r->st, &a) != ERR_OK)
			_exit(1);
		store_push(r->st);
		while (r->n == n)
			store_poll(r->st, hear, r);
		if (write(ready[1], "r", 1) != 1 || read(hold[0], &c, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(hold[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	*hold_out = hold[1];
	return child;
}

static void what_is_in_use(void **state)
{
	struct rig *r = *state;
	int hold, status;
	pid_t child = use_in_child(r, &hold);
	struct mono from = mono_now();

	refused(r, ERR_CONFLICT, "in use");
	refused(r, ERR_CONFLICT, "in use");
	assert_true(mono_now().ms - from.ms < 1000);
	close(hold);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* It did not close it: what it was promised is there all the same. */
	struct buf text;

	buf_init(&text, 1 << 20);
	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	assert_string_equal(buf_cstr(&text), "e:1=kept ");
	buf_finish(&text);
}

static void what_lost_its_log(void **state)
{
	struct rig *r = *state;
	int hold, status;
	pid_t child = use_in_child(r, &hold);
	char wal[128];

	close(hold);
	assert_int_equal(waitpid(child, &status, 0), child);
	snprintf(wal, sizeof wal, "%s-wal", r->path);
	assert_int_equal(unlink(wal), 0);
	refused(r, ERR_SYNTAX, "its log");
}

/* Ten commits in the log of a database that was not stopped. */
static void leave_a_log(struct rig *r)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		rig_start(r);
		for (size_t i = 1; i <= 10; i++) {
			(void)!rig_append(r, "x", NULL, i);
			rig_wait(r, i);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* A bit in the midst of its log: SQLite would take what comes before it, and be silent about the rest. */
static void a_log_with_a_bad_bit(void **state)
{
	struct rig *r = *state;
	/* Of the header the magic number, the size of a page, a salt; of frames the page's number, the mark of a commit, both salts, the checksum, the page. */
	static const struct { size_t frame, at; } places[] = {
		{ 0, 0 }, { 0, 9 }, { 0, 17 }, { 3, 3 }, { 3, 7 }, { 4, 9 }, { 4, 13 }, { 5, 20 }, { 6, 2000 },
	};
	char wal[128];
	size_t len;

	leave_a_log(r);
	snprintf(wal, sizeof wal, "%s-wal", r->path);

	char *bytes = read_file(wal, &len);

	assert_true(len > DB_LOG_HEADER + 10 * DB_LOG_FRAME);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		size_t frame = places[i].frame, at = frame != 0 ? DB_LOG_HEADER + frame * DB_LOG_FRAME + places[i].at : places[i].at;

		bytes[at] ^= 4;
		write_file(wal, bytes, len);
		refused(r, ERR_SYNTAX, frame == 0 ? "damaged in its first bytes" : "is damaged at byte");
		bytes[at] ^= 4;
	}
	write_file(wal, bytes, len);
	rig_open(r);
	rig_close(r);
	free(bytes);
}

/* Its log cut at any place: the first events, in order and without a gap, and never fewer of a longer log. */
static void a_log_that_is_cut(void **state)
{
	struct rig *r = *state;
	struct buf text, all;
	size_t db_len, wal_len, most = 0;
	char wal[128];

	leave_a_log(r);
	snprintf(wal, sizeof wal, "%s-wal", r->path);

	char *db_bytes = read_file(r->path, &db_len), *wal_bytes = read_file(wal, &wal_len);

	buf_init(&text, 1 << 20);
	buf_init(&all, 1 << 20);
	for (int i = 1; i <= 10; i++)
		buf_printf(&all, "e:%d=x ", i);
	for (size_t n = 0; n <= wal_len; n = n < wal_len && n + 2048 > wal_len ? wal_len : n + 2048) {
		write_file(r->path, db_bytes, db_len);
		write_file(wal, wal_bytes, n);
		rig_open(r);
		buf_reset(&text);
		assert_int_equal(rig_load(r, &text), ERR_OK);
		assert_true(text.len >= most && str_starts(buf_str(&all), buf_str(&text)));
		most = text.len;
		rig_close(r);
		rig_remove_files(r);
	}
	assert_int_equal(most, all.len);
	free(db_bytes);
	free(wal_bytes);
	buf_finish(&text);
	buf_finish(&all);
}

/* A cut while others were about to make it; the first of them no longer runs. */
static void a_new_one_takes_away_what_was_left_of_others(void **state)
{
	static const struct { const char *before, *after; bool runs, stays; } files[] = {
		{ ".making-", "", false, false }, { ".making-", "-wal", false, false }, { ".making-", "-journal", false, false },
		{ ".making-", "", true, true }, { ".making-", ".old", false, true }, { ".making-x", "", false, true },
		{ ".making--", "", false, true }, { ".making-9999999999", "", false, true },
		{ ".old.making-", "", false, true }, { ".new-", "", false, true },
	};
	struct rig *r = *state;
	pid_t gone = fork();
	char name[200];

	if (gone == 0)
		_exit(0);
	assert_int_equal(waitpid(gone, NULL, 0), gone);
	for (int after = 0; after < 2; after++) {
		for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
			snprintf(name, sizeof name, "%s%s%d%s", r->path, files[i].before, files[i].runs ? (int)getppid() : (int)gone, files[i].after);
			if (after == 0)
				write_file(name, "x", 1);
			else
				assert_int_equal(unlink(name) == 0, files[i].stays);
		}
		if (after == 0)
			make(r);
	}
}

static void a_new_one_is_ours_alone(void **state)
{
	struct rig *r = *state;
	struct stat st;
	mode_t mask = umask(0);

	rig_open(r);
	umask(mask);
	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	rig_close(r);
	/* A link to a file that is there is fine. */
	char real[128];

	snprintf(real, sizeof real, "%s.copy", r->path);
	assert_int_equal(rename(r->path, real), 0);
	assert_int_equal(symlink(real, r->path), 0);
	make(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_no_database),
		CASE(what_is_not_ours),
		CASE(what_may_not_be_written), CASE(what_is_newer),
		CASE(what_is_not_ours_by_its_log),
		CASE(a_backup_and_the_log_of_what_it_replaces),
		CASE(what_is_cut_short),
		CASE(formats_that_are_none),
		CASE(what_lacks_a_table),
		CASE(what_lacks_its_key),
		CASE(what_has_bad_pages),
		CASE(a_row_that_was_changed),
		CASE(what_is_not_there),
		CASE(what_may_not_be_used),
		CASE(a_log_without_its_database),
		CASE(what_is_in_use),
		CASE(what_lost_its_log),
		CASE(a_log_that_is_cut),
		CASE(a_log_with_a_bad_bit),
		CASE(a_new_one_is_ours_alone),
		CASE(a_new_one_takes_away_what_was_left_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
