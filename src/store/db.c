#include "store/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define TICKET_COLUMNS "ns, ticket, contract, seq, row, sum"
#define REFUSED_COLUMNS "no, source, place, at_ms, why, length(body)"
#define OUTBOX_COLUMNS "no, id, receiver, type, ns, ticket, body, created_ms, at_ms, due_ms, state, attempts, next_ms, status, detail, settled_ms," \
                       " head_sum, body_sum, fate_sum, id_hash, ticket_hash"

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
	[Q_CLOSED_ALL]     = "SELECT " TICKET_COLUMNS ", over_ms FROM closed",
	[Q_CLOSED_KEYS]    = "SELECT ns, ticket FROM closed INDEXED BY closed_over",
	[Q_CLOSED_FIRST]   = "SELECT ns, ticket FROM closed INDEXED BY closed_over WHERE over_ms < ?1 ORDER BY over_ms LIMIT ?2",
	[Q_CLOSED_PAGE]    = "SELECT " TICKET_COLUMNS ", over_ms FROM closed INDEXED BY closed_over WHERE (over_ms, ns, ticket) < (?1, ?2, ?3)"
	                     " ORDER BY over_ms DESC, ns DESC, ticket DESC LIMIT ?4",
	[Q_VERDICTS_PUT]   = "INSERT INTO judged(n, latest_ms, records) VALUES(?1, ?2, ?3)",
	[Q_VERDICTS_SWEEP] = "WITH first AS (SELECT no, latest_ms FROM judged ORDER BY no LIMIT ?2) DELETE FROM judged"
	                     " WHERE no IN (SELECT no FROM first) AND no < ifnull((SELECT min(no) FROM first WHERE latest_ms >= ?1), 9223372036854775807)",
	[Q_OUTBOX_PUT]     = "INSERT INTO outbox(id, receiver, type, ns, ticket, body, created_ms, at_ms, due_ms, state, attempts, next_ms, status,"
	                     " detail, settled_ms, head_sum, body_sum, fate_sum, id_hash, ticket_hash)"
	                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)"
	                     " ON CONFLICT(id_hash, receiver) DO NOTHING",
	[Q_OUTBOX_HAS]     = "SELECT 1 FROM outbox INDEXED BY outbox_key WHERE id_hash = ?1 AND receiver = ?2 AND id = ?3",
	[Q_OUTBOX_SETTLE]  = "UPDATE outbox SET state = ?3, attempts = ?4, next_ms = ?5, status = ?6, detail = ?7, settled_ms = ?8,"
	                     " fate_sum = ?9"
	                     " WHERE id_hash = ?10 AND receiver = ?2 AND id = ?1",
	[Q_OUTBOX_DEL]     = "DELETE FROM outbox INDEXED BY outbox_ticket WHERE ticket_hash = ?3 AND ns = ?1 AND ticket = ?2",
	[Q_OUTBOX_SWEEP]   = "DELETE FROM outbox WHERE no IN (SELECT no FROM outbox INDEXED BY outbox_ticket WHERE ticket_hash = ?3"
	                     " AND ns = '' AND ticket = '' AND state <> 0 AND created_ms < ?1 LIMIT ?2)",
	[Q_OUTBOX_PENDING] = "SELECT " OUTBOX_COLUMNS " FROM outbox INDEXED BY outbox_pending WHERE state = 0 ORDER BY no",
	[Q_OUTBOX_ALL]     = "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE no < ?1 ORDER BY no DESC LIMIT ?2",
	[Q_OUTBOX_TICKET]  = "SELECT " OUTBOX_COLUMNS " FROM outbox INDEXED BY outbox_ticket WHERE no < ?1 AND ticket_hash = ?5 AND ns = ?3 AND ticket = ?4"
	                     " ORDER BY no DESC LIMIT ?2",
	[Q_OUTBOX_ID]      = "SELECT " OUTBOX_COLUMNS " FROM outbox INDEXED BY outbox_key WHERE no < ?1 AND id_hash IN (?4, ?5) AND id = ?3 ORDER BY no DESC LIMIT ?2",
	[Q_OUTBOX_DEAD]    = "SELECT " OUTBOX_COLUMNS " FROM outbox INDEXED BY outbox_dead WHERE no < ?1 AND state = 3 ORDER BY no DESC LIMIT ?2",
	[Q_OUTBOX_FAILED]  = "SELECT " OUTBOX_COLUMNS " FROM outbox INDEXED BY outbox_dead WHERE no < ?1 AND state = 3 UNION ALL "
	                     "SELECT " OUTBOX_COLUMNS " FROM outbox INDEXED BY outbox_pending WHERE no < ?1 AND state = 0 ORDER BY no DESC LIMIT ?2",
	[Q_OUTBOX_ROW]     = "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE no = ?1",
	[Q_CURSOR_PUT]     = "INSERT OR REPLACE INTO cursors VALUES(?1, ?2, ?3, ?4)",
	[Q_CURSOR_ALL]     = "SELECT source, key, value, sum FROM cursors",
	[Q_REFUSED_PUT]    = "INSERT INTO refused(digest, source, place, at_ms, why, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(digest) DO NOTHING",
	[Q_REFUSED_CAP]    = "DELETE FROM refused WHERE no <= ?1",
	[Q_REFUSED_SWEEP]  = "DELETE FROM refused WHERE no IN (SELECT no FROM refused INDEXED BY refused_at WHERE at_ms < ?1 LIMIT ?2)",
	[Q_REFUSED_ALL]    = "SELECT " REFUSED_COLUMNS ", NULL FROM refused WHERE no < ?1 ORDER BY no DESC LIMIT ?2",
	[Q_REFUSED_SOURCE] = "SELECT " REFUSED_COLUMNS ", NULL FROM refused INDEXED BY refused_source WHERE no < ?1 AND source = ?3 ORDER BY no DESC LIMIT ?2",
	[Q_REFUSED_ONE]    = "SELECT " REFUSED_COLUMNS ", body FROM refused WHERE no = ?3 AND no < ?1 LIMIT ?2",
	/* Each of these gives or takes (number, ns, ticket, seq or number of events, bytes, sum), as far as its table has them. */
	[Q_REWRITE_OPEN_NEXT]    = "SELECT 0, ns, ticket, seq, row FROM tickets WHERE (ns, ticket) > (?2, ?3) AND ?1 >= 0 ORDER BY ns, ticket LIMIT 1",
	[Q_REWRITE_OPEN_PUT]     = "UPDATE tickets SET row = ?4, sum = ?5 WHERE ns = ?2 AND ticket = ?3 AND ?1 = 0",
	[Q_REWRITE_CLOSED_NEXT]  = "SELECT 0, ns, ticket, seq, row FROM closed WHERE (ns, ticket) > (?2, ?3) AND ?1 >= 0 ORDER BY ns, ticket LIMIT 1",
	[Q_REWRITE_CLOSED_PUT]   = "UPDATE closed SET row = ?4, sum = ?5 WHERE ns = ?2 AND ticket = ?3 AND ?1 = 0",
	[Q_REWRITE_JOURNAL_NEXT] = "SELECT seq, '', '', n, records, sum FROM journal WHERE seq > ?1 ORDER BY seq LIMIT 1",
	[Q_REWRITE_JOURNAL_PUT]  = "UPDATE journal SET records = ?4, sum = ?5 WHERE seq = ?1",
	[Q_REWRITE_OUTBOX_NEXT]  = "SELECT no, ns, ticket, 0, body, body_sum FROM outbox WHERE no > ?1 ORDER BY no LIMIT 1",
	[Q_REWRITE_OUTBOX_PUT]   = "UPDATE outbox SET body = ?4, body_sum = ?5 WHERE no = ?1",
	[Q_REWRITE_DETAIL_NEXT]  = "SELECT no, ns, ticket, 0, detail FROM outbox WHERE no > ?1 ORDER BY no LIMIT 1",
	[Q_REWRITE_REFUSED_NEXT] = "SELECT no, source, place, 0, body FROM refused WHERE no > ?1 ORDER BY no LIMIT 1",
	[Q_REWRITE_REFUSED_PUT]  = "UPDATE refused SET body = ?4 WHERE no = ?1",
	[Q_SCRUB_LEFT]           = "SELECT freelist_count FROM pragma_freelist_count",
	[Q_SCRUB_PUT]            = "INSERT OR REPLACE INTO meta VALUES('scrub.' || ?1, zeroblob(?2))",
	[Q_SCRUB_DEL]            = "DELETE FROM meta WHERE key = (SELECT key FROM meta WHERE key GLOB 'scrub.*' LIMIT 1)",
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

	if (rc == SQLITE_READONLY_DIRECTORY)
		diag_set(d, "%s: its directory may not be written, and the log belongs there", db->path);
	else
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

int db_prepare(struct db *db, enum query q)
{
	if (db->stmt[q] != NULL)
		return SQLITE_OK;
	return sqlite3_prepare_v3(db->handle, sql[q], -1, SQLITE_PREPARE_PERSISTENT, &db->stmt[q], NULL);
}

int db_prepare_all(struct db *db)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < Q_N && rc == SQLITE_OK; i++)
		rc = db_prepare(db, (enum query)i);
	return rc;
}

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

/* ---- use ---- */

int db_checkpoint(struct db *db, int mode)
{
	int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, NULL, NULL);

	db->moving = true;
	if (rc == SQLITE_OK)
		db->wal_pages = 0;
	if (mode == SQLITE_CHECKPOINT_TRUNCATE)
		db->log_bytes = 0;
	return rc;
}

#define LOG_STEP   64      /* frames that the log is made longer by, a megabyte … */
#define LOG_NEAR   32      /* … when so many are left … */
#define LOG_SMALL  8       /* … and commits are small: larger ones spend little on the length of a file */

void db_lengthen_log(struct db *db)
{
	static const char zeros[DB_LOG_FRAME];
	int64_t want = DB_LOG_HEADER + (int64_t)(db->wal_pages + LOG_NEAR) * DB_LOG_FRAME;
	sqlite3_int64 size;
	sqlite3_file *f = NULL;

	if (want <= db->log_bytes || db->wal_pages == 0 || db->wal_grown > LOG_SMALL)
		return;
	db->log_bytes = want;
	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &f);
	if (f == NULL || f->pMethods == NULL || f->pMethods->xFileSize(f, &size) != SQLITE_OK)
		return;
	if (size < want) {
		/* Whole frames, so that a look at the log finds none that is cut off; one by one, since SQLite writes less than 128 KiB at once. */
		size -= (size - DB_LOG_HEADER) % DB_LOG_FRAME;
		for (int i = 0; i < LOG_STEP && f->pMethods->xWrite(f, zeros, DB_LOG_FRAME, size) == SQLITE_OK; i++)
			size += DB_LOG_FRAME;
	}
	db->log_bytes = size > want ? size : want;
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
	/* What another process had begun is begun anew. A disk that is full now is found by the mark. */
	sqlite3_exec(db->handle, DB_FORGET_WALK, NULL, NULL, NULL);
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
	/* There is no handle where memory was out. */
	if (db->tidy && db->handle != NULL)
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	sqlite3_close(db->handle);
	buf_finish(&db->scratch);
	free(db->path);
	free(db);
}
