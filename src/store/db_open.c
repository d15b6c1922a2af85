/*
 * Opening a database: what it must say of itself before it is used, the log that the last use left, and the way up from an older schema. A
 * file that is refused is left as it was.
 */
#include "store/db.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "store/copy.h"
#include "store/db_log.h"
#include "store/exec.h"
#include "store/schema.h"

/* A whole look at every page takes about a second for each GiB that is in memory, and much longer from a disk. */
#define CHECK_IF_CLEAN   (INT64_C(256) << 20)
#define CHECK_IF_UNCLEAN (INT64_C(1024) << 20)

static int on_wal(void *ctx, sqlite3 *handle, const char *name, int pages)
{
	struct db *db = ctx;

	(void)handle;
	(void)name;
	db->wal_grown = pages > db->wal_pages ? pages - db->wal_pages : pages;
	db->wal_pages = pages;
	return SQLITE_OK;
}

static int configure(struct db *db)
{
	sqlite3 *h = db->handle;

	sqlite3_db_config(h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(h, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	/* A refusal must not move the log into a database that is not ours to change. */
	sqlite3_db_config(h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	/* What is deleted inside a page that is written anyway is overwritten with it: that costs nothing, and forgetting relies on it. */
	/* The lock must be exclusive before the log is looked at: then its index is kept in memory, and nobody else gets in. */
	return sqlite3_exec(h, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
		"PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768; PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL;"
		"PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = FAST;", NULL, NULL, NULL);
}

/* The first value of a statement without parameters, as a number. */
static int ask_i64(struct db *db, const char *text, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->handle, text, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		*out = sqlite3_column_int64(s, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return rc;
}

static int meta_get(struct db *db, const char *key, struct str *value_out, int64_t *number_out)
{
	sqlite3_stmt *s = db_stmt(db, Q_META_GET);

	bind_str(s, 1, str_of(key));

	int rc = sqlite3_step(s);

	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
	if (number_out != NULL)
		*number_out = sqlite3_column_int64(s, 0);
	if (value_out != NULL)
		*value_out = column_str(s, 0);
	return SQLITE_OK;
}

static int read_meta(struct db *db)
{
	struct str value;
	int64_t clean, seq, latest, last = 0;
	int rc = db_prepare(db, Q_META_GET);

	if (rc != SQLITE_OK || (rc = meta_get(db, "key", &value, NULL)) != SQLITE_OK)
		return rc;
	if (value.len != sizeof db->key)
		return SQLITE_CORRUPT;
	memcpy(&db->key, value.p, sizeof db->key);
	if ((rc = meta_get(db, "id", &value, NULL)) != SQLITE_OK)
		return rc;
	if (value.len != DB_ID_LEN)
		return SQLITE_CORRUPT;
	memcpy(db->id, value.p, DB_ID_LEN);
	if ((rc = meta_get(db, "clean", NULL, &clean)) != SQLITE_OK || (rc = meta_get(db, "seq", NULL, &seq)) != SQLITE_OK)
		return rc;
	if ((rc = meta_get(db, "latest", NULL, &latest)) != SQLITE_OK)
		return rc;
	sqlite3_reset(db->stmt[Q_META_GET]);
	if ((rc = ask_i64(db, "SELECT coalesce((SELECT seq + n - 1 FROM journal ORDER BY seq DESC LIMIT 1), 0)", &last)) != SQLITE_OK)
		return rc;
	db->was_clean = clean != 0;
	db->latest = (struct wall){ latest };
	/* The journal may have been trimmed down to nothing; its numbers must not be given again. */
	db->seq = (uint64_t)(last > seq ? last : seq);
	return SQLITE_OK;
}

/*
 * Open tickets are all read at a start, closed ones when somebody names them: under a name of which a bit is wrong, one would not be
 * found, and nobody would hear that it had been there.
 */
static enum err check_closed(struct db *db, struct diag *d)
{
	struct ticket_row row;
	sqlite3_stmt *s = db_stmt(db, Q_CLOSED_ALL);
	enum err e = ERR_OK;
	int rc = SQLITE_DONE;

	while (e == ERR_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
		if (!exec_read_ticket(db, s, &row)) {
			diag_set(d, "%s is damaged and was left as it is: closed ticket " STR_FMT "/" STR_FMT " does not fit its checksum", db->path,
				STR_ARG(row.ns), STR_ARG(row.ticket));
			e = ERR_SYNTAX;
		}
	if (e == ERR_OK && rc != SQLITE_DONE) {
		db_explain(db, rc, d);
		e = db_err(rc);
	}
	sqlite3_reset(s);
	return e;
}

static enum err check_pages(struct db *db, struct diag *d)
{
	sqlite3_stmt *s = NULL;
	struct stat st;
	enum err e = ERR_OK;

	if (stat(db->path, &st) != 0 || st.st_size > (db->was_clean ? CHECK_IF_CLEAN : CHECK_IF_UNCLEAN))
		return ERR_OK;

	int rc = sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc != SQLITE_ROW) {
		db_explain(db, rc, d);
		e = db_err(rc);
	} else if (!str_eqz(column_str(s, 0), "ok")) {
		diag_set(d, "%s is damaged and was left as it is: " STR_FMT, db->path, STR_ARG(column_str(s, 0)));
		e = ERR_SYNTAX;
	}
	sqlite3_finalize(s);
	return e == ERR_OK && db->version == DB_VERSION ? check_closed(db, d) : e;
}

static enum err refuse(struct db *db, int rc, struct diag *d)
{
	enum err e = db_err(rc);

	if (e == ERR_CONFLICT)
		diag_set(d, "%s is in use by another process", db->path);
	else if (e == ERR_SYNTAX)
		diag_set(d, "%s is damaged and was left as it is: %s", db->path, sqlite3_errmsg(db->handle));
	else
		db_explain(db, rc, d);
	return e;
}

/* Everything that can be told by reading. */
static enum err examine(struct db *db, bool had_wal, struct diag *d)
{
	int64_t application = 0, version = 0;
	int rc = configure(db);
	enum err e = rc == SQLITE_OK && had_wal ? db_log_check(db->path, d) : ERR_OK;

	if (e != ERR_OK)
		return e;
	if (rc == SQLITE_OK)
		rc = ask_i64(db, "PRAGMA application_id", &application);
	if (rc == SQLITE_OK)
		rc = ask_i64(db, "PRAGMA user_version", &version);
	if (rc != SQLITE_OK)
		return refuse(db, rc, d);
	if (sqlite3_db_readonly(db->handle, "main") != 0) {
		diag_set(d, "%s may not be written", db->path);
		return ERR_IO;
	}
	/* Once more: the log may have changed what the header said. */
	bool ours = application == DB_APPLICATION_ID || application == DB_BACKUP_ID;

	if (!ours || version < 1 || version > DB_VERSION) {
		bool newer = ours && version > DB_VERSION;

		diag_set(d, "%s was written by %s (schema %" PRIi64 ")", db->path, newer ? "a newer plazo" : "another program", version);
		return newer ? ERR_RANGE : ERR_SYNTAX;
	}
	db->version = version;
	db->is_backup = application == DB_BACKUP_ID;
	if (version == DB_VERSION)
		rc = db_prepare_all(db);
	if (rc != SQLITE_OK || (rc = read_meta(db)) != SQLITE_OK)
		return refuse(db, rc, d);
	/* The log of a database in use is never taken away but by us: without it, what was promised may be gone. */
	if (!db->was_clean && !had_wal) {
		diag_set(d, "%s was not stopped cleanly, and its log %s-wal is gone: events may be missing; put the log back", db->path, db->path);
		return ERR_SYNTAX;
	}
	return check_pages(db, d);
}

/*
 * After a sync that failed, the kernel may show us pages that never reached the disk. So nothing that a log says counts as kept before
 * it was written anew, into the database, and synced there.
 */
static enum err settle_log(struct db *db, struct diag *d)
{
	int rc = db_checkpoint(db, SQLITE_CHECKPOINT_TRUNCATE);

	if (rc == SQLITE_OK)
		return ERR_OK;
	if (db_may_retry(db, rc)) {
		log_warn("store", "checkpoint", "path=%s error=\"%s\"", db->path, sqlite3_errstr(rc));
		return ERR_OK;
	}
	return refuse(db, rc, d);
}

/* From now on it has a log of its own. One that is cut off between the two steps is refused, but the log then holds nothing: it may be taken away. */
static enum err adopt_backup(struct db *db, struct diag *d)
{
	char text[64];

	snprintf(text, sizeof text, "PRAGMA application_id = %d", DB_APPLICATION_ID);

	int rc = sqlite3_exec(db->handle, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? settle_log(db, d) : refuse(db, rc, d);
}

/* ---- an older schema ---- */

/* A whole copy beside the database, in the place of the one that an earlier start from this version left. */
static enum err keep_old(struct db *db, const char *name, struct diag *d)
{
	struct copy *c = NULL;
	struct buf temp;
	bool finished;

	buf_init(&temp, 1 << 16);
	buf_printf(&temp, "%s.new", name);
	copy_remove(buf_cstr(&temp));

	enum err e = copy_begin(db, buf_cstr(&temp), &c, d);

	if (e == ERR_OK && (e = copy_step(c, -1, &finished, d)) != ERR_OK)
		copy_drop(c);
	else if (e == ERR_OK)
		e = copy_finish(c, d);
	if (e == ERR_OK && rename(buf_cstr(&temp), name) != 0) {
		diag_set(d, "%s: %s", name, strerror(errno));
		unlink(buf_cstr(&temp));
		e = ERR_IO;
	}
	buf_finish(&temp);
	return e == ERR_OK ? db_file_sync_directory(name, d) : e;
}

/* To the present schema, with a copy of what was before it. */
static enum err upgrade(struct db *db, struct diag *d)
{
	struct buf name;

	buf_init(&name, 1 << 16);
	buf_printf(&name, "%s.v%" PRIi64 ".bak", db->path, db->version);

	enum err e = keep_old(db, buf_cstr(&name), d);
	int rc = e == ERR_OK ? schema_climb(db->handle, schema_steps, (int)db->version, DB_VERSION) : SQLITE_OK;

	if (e == ERR_OK && rc == SQLITE_OK)
		rc = db_prepare_all(db);
	if (e == ERR_OK && rc != SQLITE_OK)
		e = refuse(db, rc, d);
	if (e == ERR_OK)
		e = settle_log(db, d);
	if (e == ERR_OK)
		log_notice("store", "migrated", "path=%s from=%" PRIi64 " to=%d kept=%s", db->path, db->version, DB_VERSION, buf_cstr(&name));
	buf_finish(&name);
	return e;
}

enum err db_open(const char *path, const char *vfs, struct db **out, struct diag *d)
{
	enum err e = db_file_check(path, d);

	/* Before SQLite is first used: each of its allocations would take a lock, for figures that nobody asks for. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (e == ERR_ABSENT)
		e = db_file_create(path, vfs, d);
	if (e != ERR_OK)
		return e;

	struct db *db = xcalloc(1, sizeof *db);
	bool had_wal;

	buf_init(&db->scratch, 1 << 10);

	/* SQLite keeps the log beside the file that a symbolic link names. */
	db->path = realpath(path, NULL);
	if (db->path == NULL)
		db->path = xstrdup(path);
	had_wal = db_file_has(db->path, "-wal");

	int rc = sqlite3_open_v2(db->path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);

	e = rc == SQLITE_OK ? examine(db, had_wal, d) : refuse(db, rc, d);
	if (e == ERR_OK) {
		sqlite3_wal_hook(db->handle, on_wal, db);
		e = settle_log(db, d);
	}
	if (e == ERR_OK && db->is_backup)
		e = adopt_backup(db, d);
	if (e == ERR_OK && db->version < DB_VERSION)
		e = upgrade(db, d);
	/* A refusal that found no log has none to move, but an empty one to take away, which opening made. */
	db->tidy = e == ERR_OK ? db->was_clean : !had_wal;
	if (e != ERR_OK) {
		db_close(db);
		return e;
	}
	*out = db;
	return ERR_OK;
}

