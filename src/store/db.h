/*
 * The SQLite database behind the store: one connection, its statements, and the meaning of its errors. Used by one thread at a time.
 */
#ifndef PLAZO_STORE_DB_H
#define PLAZO_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/siphash.h"
#include "base/str.h"
#include "base/wall.h"

#define DB_APPLICATION_ID 0x706c7a6f     /* "plzo" */
#define DB_BACKUP_ID      0x706c7a62     /* "plzb": a backup that was not opened since: no log belongs to it */
#define DB_VERSION        5              /* user_version of the schema: the number of steps in schema.c */
#define DB_PAGE_SIZE      16384
#define DB_LOG_HEADER     32             /* of the log: before the first frame */
#define DB_LOG_FRAME      (DB_PAGE_SIZE + 24)
#define DB_ID_LEN         32
#define DB_FORGET_WALK    "DELETE FROM meta WHERE key = 'rewrite' OR key GLOB 'scrub.*'"     /* of rewrite.c */

enum query {
	Q_BEGIN, Q_COMMIT, Q_ROLLBACK,
	Q_META_PUT, Q_META_GET,
	Q_JOURNAL_PUT, Q_JOURNAL_TRIM, Q_JOURNAL_ALL,
	Q_REVISION_PUT, Q_REVISION_ALL,
	Q_OPEN_PUT, Q_OPEN_DEL, Q_OPEN_GET, Q_OPEN_ALL,
	Q_CLOSED_PUT, Q_CLOSED_DEL, Q_CLOSED_GET, Q_CLOSED_ALL, Q_CLOSED_KEYS, Q_CLOSED_FIRST, Q_CLOSED_PAGE,
	Q_VERDICTS_PUT, Q_VERDICTS_SWEEP,
	Q_OUTBOX_PUT, Q_OUTBOX_HAS, Q_OUTBOX_SETTLE, Q_OUTBOX_DEL, Q_OUTBOX_SWEEP, Q_OUTBOX_PENDING,
	Q_OUTBOX_ALL, Q_OUTBOX_TICKET, Q_OUTBOX_ID, Q_OUTBOX_DEAD, Q_OUTBOX_FAILED, Q_OUTBOX_ROW,
	Q_CURSOR_PUT, Q_CURSOR_ALL,
	Q_REFUSED_PUT, Q_REFUSED_CAP, Q_REFUSED_SWEEP, Q_REFUSED_ALL, Q_REFUSED_SOURCE, Q_REFUSED_ONE,
	Q_REWRITE_OPEN_NEXT, Q_REWRITE_OPEN_PUT, Q_REWRITE_CLOSED_NEXT, Q_REWRITE_CLOSED_PUT, Q_REWRITE_JOURNAL_NEXT, Q_REWRITE_JOURNAL_PUT,
	Q_REWRITE_OUTBOX_NEXT, Q_REWRITE_OUTBOX_PUT, Q_REWRITE_DETAIL_NEXT, Q_REWRITE_REFUSED_NEXT, Q_REWRITE_REFUSED_PUT, Q_SCRUB_LEFT, Q_SCRUB_PUT, Q_SCRUB_DEL,
	Q_N
};

struct db {
	sqlite3      *handle;
	sqlite3_stmt *stmt[Q_N];
	char         *path;
	struct sipkey key;
	char          id[DB_ID_LEN + 1];
	uint64_t      seq;            /* number of the last event on disk */
	struct wall   latest;         /* no trimmed event was received after that; as of the opening */
	int64_t       version;        /* of the schema that was found */
	int           wal_pages;      /* in the log since it was last started anew */
	int           wal_grown;      /* by how many the last commit made it longer */
	int64_t       log_bytes;      /* the log's file is no shorter than this; 0: not known */
	struct buf    scratch;        /* what is being summed */
	bool          was_clean;      /* the last stop was clean */
	bool          is_backup;      /* found as a backup */
	bool          tidy;           /* closing may take the log away */
	bool          moving;         /* the last thing done was moving the log into the database */
	bool          scrub;          /* the log has what must not be kept: it is cut to nothing when it is moved */
};

/* As store_open(). Gives the db. (db_open.c) */
MUST_CHECK enum err db_open(const char *path, const char *vfs, struct db **out, struct diag *d);

/* Notes that the database is in use, on disk; the other way round by db_finish(). */
MUST_CHECK enum err db_mark_used(struct db *db, struct diag *d);

/* Makes the database whole: everything into the one file, marked as cleanly stopped. */
MUST_CHECK enum err db_finish(struct db *db, struct diag *d);
void db_close(struct db *db);                        /* NULL is fine */

/* Prepares what is not prepared yet: one statement, or each that this version has. SQLITE_OK or the extended code. */
int db_prepare(struct db *db, enum query q);
int db_prepare_all(struct db *db);

/* The statement, reset and ready for binding. */
sqlite3_stmt *db_stmt(struct db *db, enum query q);

/* Steps a statement that gives no rows, and resets it. SQLITE_OK or the extended code. */
int db_run(struct db *db, enum query q);

/* Moves the log into the database as far as it goes. SQLITE_OK or the extended code. */
int db_checkpoint(struct db *db, int mode);

/*
 * Makes the log's file longer than it must be, with zeros, before its end is reached: a commit that overwrites costs the file system half of
 * one that appends, which has to note the new length as well. Where that fails, commits find it out.
 */
void db_lengthen_log(struct db *db);

/* Is this a failure to write that may pass (disk full, quota, no permission)? Everything else is the end. Call it right after the failure. */
bool db_may_retry(struct db *db, int rc);

/* A sentence about the failure `rc`, right after it. */
void db_explain(struct db *db, int rc, struct diag *d);
enum err db_err(int rc);                             /* for opening and loading: what the caller is told */

int db_meta_put(struct db *db, const char *key, struct str value);
int db_meta_put_i64(struct db *db, const char *key, int64_t value);

void bind_str(sqlite3_stmt *s, int i, struct str v);
void bind_blob(sqlite3_stmt *s, int i, struct str v);
void bind_i64(sqlite3_stmt *s, int i, int64_t v);
void bind_wall(sqlite3_stmt *s, int i, struct wall v);      /* WALL_NEVER is NULL */
struct str column_str(sqlite3_stmt *s, int i);              /* text or blob; valid until the next step */
struct wall column_wall(sqlite3_stmt *s, int i);

/* The checksum of bytes that stand in row `no` (or of a key). */
int64_t db_sum(const struct db *db, uint64_t no, struct str bytes);
uint64_t db_hash_key(struct sipkey key, struct str ns, struct str ticket);

/* ---- db_file.c: files, before and around SQLite ---- */

/* Looks at the file without touching it: ERR_OK, ERR_ABSENT when there is none and one may be made, or the refusal. */
MUST_CHECK enum err db_file_check(const char *path, struct diag *d);

/*
 * Makes a whole new database beside `path`, then gives it that name; one that appeared meanwhile is left alone. Takes away what processes that
 * are no more had begun.
 */
MUST_CHECK enum err db_file_create(const char *path, const char *vfs, struct diag *d);

bool db_file_has(const char *path, const char *suffix);

/* A name that was made or changed beside `path` is on disk when this returns. */
MUST_CHECK enum err db_file_sync_directory(const char *path, struct diag *d);

#endif
