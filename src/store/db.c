#include "store/db.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"

/* A whole look at every page takes about a second for each GiB that is in memory, and much longer from a disk. */
#define CHECK_IF_CLEAN   (INT64_C(256) << 20)
#define CHECK_IF_UNCLEAN (INT64_C(1024) << 20)

#define TICKET_COLUMNS "ns, ticket, contract, seq, row, sum"
#define OUTBOX_COLUMNS "no, id, receiver, type, ns, ticket, body, created_ms, at_ms, due_ms, state, attempts, next_ms, status, detail, settled_ms"

static const char *const sql[Q_N] = {
	[Q_BEGIN]          = "BEGIN IMMEDIATE",
	[Q_COMMIT]         = "COMMIT",
	[Q_ROLLBACK]       = "ROLLBACK",
	[Q_META_PUT]       = "INSERT INTO meta VALUES(?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
	[Q_META_GET]       = "SELECT value FROM meta WHERE key = ?1",
	[Q_JOURNAL_PUT]    = "INSERT INTO journal VALUES(?1, ?2, ?3, ?4)",
	[Q_JOURNAL_TRIM]   = "DELETE FROM journal WHERE seq IN (SELECT seq FROM journal WHERE seq <= ?1 AND seq + n - 1 <= ?1 ORDER BY seq LIMIT ?2)",
	[Q_JOURNAL_ALL]    = "SELECT seq, n, records, sum FROM journal ORDER BY seq",
	[Q_REVISION_PUT]   = "INSERT INTO revisions(from_ms, digest, seq, text, sum) VALUES(?1, ?2, ?3, ?4, ?5)",
	[Q_REVISION_ALL]   = "SELECT no, from_ms, digest, seq, text, sum FROM revisions ORDER BY no",
	[Q_OPEN_PUT]       = "INSERT OR REPLACE INTO tickets(" TICKET_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	[Q_OPEN_DEL]       = "DELETE FROM tickets WHERE ns = ?1 AND ticket = ?2",
	[Q_OPEN_GET]       = "SELECT " TICKET_COLUMNS ", NULL FROM tickets WHERE ns = ?1 AND ticket = ?2",
	[Q_OPEN_ALL]       = "SELECT " TICKET_COLUMNS ", NULL FROM tickets",
	[Q_CLOSED_PUT]     = "INSERT OR REPLACE INTO closed(" TICKET_COLUMNS ", over_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[Q_CLOSED_DEL]     = "DELETE FROM closed WHERE ns = ?1 AND ticket = ?2",
	[Q_CLOSED_GET]     = "SELECT " TICKET_COLUMNS ", over_ms FROM closed WHERE ns = ?1 AND ticket = ?2",
	[Q_CLOSED_KEYS]    = "SELECT ns, ticket FROM closed INDEXED BY closed_over",
	[Q_CLOSED_FIRST]   = "SELECT ns, ticket FROM closed INDEXED BY closed_over WHERE over_ms < ?1 ORDER BY over_ms LIMIT ?2",
	[Q_CLOSED_PAGE]    = "SELECT " TICKET_COLUMNS ", over_ms FROM closed INDEXED BY closed_over WHERE (over_ms, ns, ticket) < (?1, ?2, ?3)"
	                     " ORDER BY over_ms DESC, ns DESC, ticket DESC LIMIT ?4",
	[Q_VERDICT_PUT]    = "INSERT OR REPLACE INTO verdicts(ns, ticket, metric, cycle, contract, agreement, priority, state, breached, waived,"
	                     " started_ms, stopped_ms, due_ms, elapsed_ms, paused_ms, target)"
	                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
	[Q_VERDICT_DEL]    = "DELETE FROM verdicts WHERE ns = ?1 AND ticket = ?2",
	[Q_OUTBOX_PUT]     = "INSERT INTO outbox(id, receiver, type, ns, ticket, body, created_ms, at_ms, due_ms, state, attempts, next_ms, status,"
	                     " detail, settled_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
	                     " ON CONFLICT(id, receiver) DO NOTHING",
	[Q_OUTBOX_SETTLE]  = "UPDATE outbox SET state = ?3, attempts = ?4, next_ms = ?5, status = ?6, detail = ?7, settled_ms = ?8"
	                     " WHERE id = ?1 AND receiver = ?2",
	[Q_OUTBOX_DEL]     = "DELETE FROM outbox WHERE ns = ?1 AND ticket = ?2",
	[Q_OUTBOX_SWEEP]   = "DELETE FROM outbox WHERE no IN (SELECT no FROM outbox INDEXED BY outbox_ticket WHERE ns = '' AND ticket = ''"
	                     " AND state <> 0 AND created_ms < ?1 LIMIT ?2)",
	[Q_OUTBOX_PENDING] = "SELECT " OUTBOX_COLUMNS " FROM outbox INDEXED BY outbox_pending WHERE state = 0 ORDER BY no",
	[Q_OUTBOX_ALL]     = "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE no < ?1 ORDER BY no DESC LIMIT ?2",
	[Q_OUTBOX_TICKET]  = "SELECT " OUTBOX_COLUMNS " FROM outbox INDEXED BY outbox_ticket WHERE no < ?1 AND ns = ?3 AND ticket = ?4"
	                     " ORDER BY no DESC LIMIT ?2",
	[Q_OUTBOX_ID]      = "SELECT " OUTBOX_COLUMNS " FROM outbox INDEXED BY outbox_key WHERE no < ?1 AND id = ?3 ORDER BY no DESC LIMIT ?2",
	[Q_OUTBOX_DEAD]    = "SELECT " OUTBOX_COLUMNS " FROM outbox INDEXED BY outbox_dead WHERE no < ?1 AND state = 3 ORDER BY no DESC LIMIT ?2",
};

/* ---- errors ---- */

/*
 * Which system error made the last write fail. sqlite3_system_errno() does not know when it was a commit that failed; the file that
 * failed does: the log, or the database while the log is moved into it.
 */
static int write_errno(struct db *db)
{
	sqlite3_file *f = NULL;
	int sys = 0;

	sqlite3_file_control(db->handle, "main", db->moving ? SQLITE_FCNTL_FILE_POINTER : SQLITE_FCNTL_JOURNAL_POINTER, &f);
	if (f != NULL && f->pMethods != NULL)
		f->pMethods->xFileControl(f, SQLITE_FCNTL_LAST_ERRNO, &sys);
	return sys;
}

void db_explain(struct db *db, int rc, struct diag *d)
{
	int sys = rc == SQLITE_IOERR_WRITE ? write_errno(db) : sqlite3_system_errno(db->handle);
	bool os = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;

	diag_set(d, "%s: %s (%d)%s%s", db->path, sqlite3_errstr(rc), rc, os && sys != 0 ? ": " : "", os && sys != 0 ? strerror(sys) : "");
}

enum err db_err(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
		return ERR_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_CONFLICT;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
	case SQLITE_ERROR:      /* a table or a column is missing */
	case SQLITE_SCHEMA:
	case SQLITE_FORMAT:
		return ERR_SYNTAX;
	case SQLITE_FULL:
		return ERR_FULL;
	default:
		return ERR_IO;
	}
}

bool db_may_retry(struct db *db, int rc)
{
	static const int passing[] = { ENOSPC, EDQUOT, EFBIG, EACCES, EPERM, EROFS };
	int sys;

	switch (rc & 0xff) {
	case SQLITE_FULL:
	case SQLITE_NOMEM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return true;
	case SQLITE_IOERR:
		break;
	default:
		return false;
	}
	if (rc == SQLITE_IOERR_NOMEM)
		return true;
	/* SQLite calls only ENOSPC "full"; the others come as a failed write, which they are no more than that. */
	if (rc != SQLITE_IOERR_WRITE)
		return false;
	sys = write_errno(db);
	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		if (sys == passing[i])
			return true;
	return false;
}

/* ---- statements ---- */

sqlite3_stmt *db_stmt(struct db *db, enum query q)
{
	sqlite3_reset(db->stmt[q]);
	return db->stmt[q];
}

int db_run(struct db *db, enum query q)
{
	int rc = sqlite3_step(db->stmt[q]);

	db->moving = false;
	if (rc == SQLITE_ROW)
		rc = SQLITE_DONE;
	sqlite3_reset(db->stmt[q]);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

void bind_str(sqlite3_stmt *s, int i, struct str v)
{
	sqlite3_bind_text64(s, i, v.len != 0 ? v.p : "", v.len, SQLITE_STATIC, SQLITE_UTF8);
}

void bind_blob(sqlite3_stmt *s, int i, struct str v)
{
	sqlite3_bind_blob64(s, i, v.len != 0 ? v.p : "", v.len, SQLITE_STATIC);
}

void bind_i64(sqlite3_stmt *s, int i, int64_t v)
{
	sqlite3_bind_int64(s, i, v);
}

void bind_wall(sqlite3_stmt *s, int i, struct wall v)
{
	if (wall_is_never(v))
		sqlite3_bind_null(s, i);
	else
		sqlite3_bind_int64(s, i, v.ms);
}

struct str column_str(sqlite3_stmt *s, int i)
{
	const char *p = sqlite3_column_blob(s, i);

	return (struct str){ p, (size_t)sqlite3_column_bytes(s, i) };
}

struct wall column_wall(sqlite3_stmt *s, int i)
{
	if (sqlite3_column_type(s, i) == SQLITE_NULL)
		return WALL_NEVER;
	return (struct wall){ sqlite3_column_int64(s, i) };
}

int64_t db_sum(const struct db *db, uint64_t no, struct str bytes)
{
	struct sipkey key = { db->key.k0 ^ no, db->key.k1 };

	return (int64_t)siphash64(key, bytes.p, bytes.len);
}

uint64_t db_hash_key(struct sipkey key, struct str ns, struct str ticket)
{
	key.k0 ^= siphash64(key, ns.p, ns.len);
	return siphash64(key, ticket.p, ticket.len);
}

int db_meta_put(struct db *db, const char *key, struct str value)
{
	sqlite3_stmt *s = db_stmt(db, Q_META_PUT);

	bind_str(s, 1, str_of(key));
	bind_blob(s, 2, value);
	return db_run(db, Q_META_PUT);
}

int db_meta_put_i64(struct db *db, const char *key, int64_t value)
{
	sqlite3_stmt *s = db_stmt(db, Q_META_PUT);

	bind_str(s, 1, str_of(key));
	bind_i64(s, 2, value);
	return db_run(db, Q_META_PUT);
}

/* ---- opening ---- */

static int on_wal(void *ctx, sqlite3 *handle, const char *name, int pages)
{
	struct db *db = ctx;

	(void)handle;
	(void)name;
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
	/* The lock must be exclusive before the log is looked at: then its index is kept in memory, and nobody else gets in. */
	return sqlite3_exec(h, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
		"PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768; PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL;"
		"PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;", NULL, NULL, NULL);
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

static int prepare(struct db *db)
{
	for (size_t i = 0; i < Q_N; i++) {
		int rc = sqlite3_prepare_v3(db->handle, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db->stmt[i], NULL);

		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
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
	int rc;

	if ((rc = meta_get(db, "key", &value, NULL)) != SQLITE_OK)
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
	return e;
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
	if (application != DB_APPLICATION_ID || version > DB_VERSION) {
		diag_set(d, "%s was written by %s (schema %" PRIi64 ")", db->path,
			application != DB_APPLICATION_ID ? "another program" : "a newer plazo", version);
		return application != DB_APPLICATION_ID ? ERR_SYNTAX : ERR_RANGE;
	}
	if ((rc = prepare(db)) != SQLITE_OK || (rc = read_meta(db)) != SQLITE_OK)
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

enum err db_open(const char *path, const char *vfs, struct db **out, struct diag *d)
{
	enum err e = db_file_check(path, d);

	if (e == ERR_ABSENT)
		e = db_file_create(path, vfs, d);
	if (e != ERR_OK)
		return e;

	struct db *db = xcalloc(1, sizeof *db);
	bool had_wal;

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
	/* A refusal that found no log has none to move, but an empty one to take away, which opening made. */
	db->tidy = e == ERR_OK ? db->was_clean : !had_wal;
	if (e != ERR_OK) {
		db_close(db);
		return e;
	}
	*out = db;
	return ERR_OK;
}

/* ---- use ---- */

int db_checkpoint(struct db *db, int mode)
{
	int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, NULL, NULL);

	db->moving = true;
	if (rc == SQLITE_OK)
		db->wal_pages = 0;
	return rc;
}

static enum err mark(struct db *db, int64_t clean, struct diag *d)
{
	int rc = db_meta_put_i64(db, "clean", clean);

	/* Into the database itself: the mark is about the log, and must be there when the log is not. */
	if (rc == SQLITE_OK)
		rc = db_checkpoint(db, SQLITE_CHECKPOINT_TRUNCATE);
	if (rc == SQLITE_OK)
		return ERR_OK;
	db_explain(db, rc, d);
	return db_may_retry(db, rc) ? ERR_FULL : ERR_IO;
}

enum err db_mark_used(struct db *db, struct diag *d)
{
	db->tidy = false;
	return mark(db, 0, d);
}

enum err db_finish(struct db *db, struct diag *d)
{
	enum err e = mark(db, 1, d);

	db->tidy = e == ERR_OK;
	return e;
}

void db_close(struct db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < Q_N; i++)
		sqlite3_finalize(db->stmt[i]);
	if (db->tidy)
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	sqlite3_close(db->handle);
	free(db->path);
	free(db);
}
