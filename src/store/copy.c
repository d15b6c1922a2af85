#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xalloc.h"

#define ROOM_LEFT (UINT64_C(64) << 20)      /* that a copy leaves on the disk: it is the journal's */

struct copy {
	sqlite3        *to;
	sqlite3_backup *backup;     /* NULL before it began and after it ended */
	char           *path;       /* owned */
};

static enum err failed(const struct copy *c, int rc, struct diag *d)
{
	int sys = c->to != NULL ? sqlite3_system_errno(c->to) : 0;

	diag_set(d, "%s: the copy: %s%s%s", c->path, sqlite3_errstr(rc), sys != 0 ? ": " : "", sys != 0 ? strerror(sys) : "");
	return (rc & 0xff) == SQLITE_FULL ? ERR_FULL : ERR_IO;
}

static void release(struct copy *c)
{
	sqlite3_backup_finish(c->backup);
	sqlite3_close(c->to);
	free(c->path);
	free(c);
}

void copy_remove(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-journal" };
	struct buf name;

	buf_init(&name, 1 << 16);
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		buf_reset(&name);
		buf_printf(&name, "%s%s", path, suffixes[i]);
		unlink(buf_cstr(&name));
	}
	buf_finish(&name);
}

void copy_drop(struct copy *c)
{
	if (c == NULL)
		return;

	char *path = xstrdup(c->path);

	release(c);
	copy_remove(path);
	free(path);
}

enum err copy_begin(struct db *db, const char *path, struct copy **out, struct diag *d)
{
	sqlite3_vfs *vfs = NULL;
	/* SQLite would make it with whatever the umask leaves, and take one that is there. */
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0) {
		diag_set(d, "%s: %s", path, strerror(errno));
		return errno == EEXIST ? ERR_CONFLICT : errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
	}
	close(fd);

	struct copy *c = xcalloc(1, sizeof *c);

	c->path = xstrdup(path);

	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_VFS_POINTER, &vfs);

	int rc = sqlite3_open_v2(path, &c->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs != NULL ? vfs->zName : NULL);

	/* What is not whole is of no use to anybody: it is synced once, at the end. Alone with it, SQLite needs no file for the log's index. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->to, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA cache_size = -2048",
			NULL, NULL, NULL);
	if (rc == SQLITE_OK) {
		c->backup = sqlite3_backup_init(c->to, "main", db->handle, "main");
		rc = c->backup != NULL ? SQLITE_OK : sqlite3_extended_errcode(c->to);
	}
	if (rc != SQLITE_OK) {
		enum err e = failed(c, rc, d);

		copy_drop(c);
		return e;
	}
	*out = c;
	return ERR_OK;
}

enum err copy_step(struct copy *c, int pages, bool *finished_out, struct diag *d)
{
	int rc = sqlite3_backup_step(c->backup, pages);

	*finished_out = rc == SQLITE_DONE;
	return rc == SQLITE_OK || rc == SQLITE_DONE ? ERR_OK : failed(c, rc, d);
}

/* Its original is in use, and says so; nothing is using this one, and it has no log that could be missing. */
static enum err make_whole(struct copy *c, const char *pragmas, struct diag *d)
{
	int rc = sqlite3_backup_finish(c->backup);

	c->backup = NULL;
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->to, pragmas, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->to, "PRAGMA journal_mode = WAL; UPDATE meta SET value = 1 WHERE key = 'clean'", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_wal_checkpoint_v2(c->to, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	return rc == SQLITE_OK ? ERR_OK : failed(c, rc, d);
}

enum err copy_finish(struct copy *c, struct diag *d)
{
	enum err e = make_whole(c, "PRAGMA synchronous = FULL", d);

	if (e == ERR_OK)
		e = db_file_sync_directory(c->path, d);
	if (e == ERR_OK)
		release(c);
	else
		copy_drop(c);
	return e;
}

/* ---- for a reader who waits for it ---- */

static enum err check_room(struct db *db, struct diag *d)
{
	sqlite3_int64 pages = 0;
	sqlite3_stmt *s = NULL;
	struct statvfs v;
	char *copy = xstrdup(db->path);
	int rc = statvfs(dirname(copy), &v);

	free(copy);
	if (sqlite3_prepare_v2(db->handle, "PRAGMA page_count", -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		pages = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);

	uint64_t needed = (uint64_t)pages * DB_PAGE_SIZE + ROOM_LEFT, free_bytes = rc == 0 ? (uint64_t)v.f_bavail * v.f_frsize : UINT64_MAX;

	if (free_bytes >= needed)
		return ERR_OK;
	diag_set(d, "%s: a copy beside it needs %ju MiB, and there are %ju", db->path, (uintmax_t)(needed >> 20), (uintmax_t)(free_bytes >> 20));
	return ERR_FULL;
}

enum err copy_begin_passing(struct db *db, struct copy **out, struct diag *d)
{
	struct buf name;
	enum err e = check_room(db, d);

	if (e != ERR_OK)
		return e;
	buf_init(&name, 1 << 16);
	buf_printf(&name, "%s" COPY_PASSING, db->path);
	/* That of a process that was killed: there is one database, and one process that has it. */
	copy_remove(buf_cstr(&name));
	e = copy_begin(db, buf_cstr(&name), out, d);
	buf_finish(&name);
	return e;
}

enum err copy_finish_passing(struct copy *c, int *fd_out, struct diag *d)
{
	char pragmas[80];
	int fd = -1;

	snprintf(pragmas, sizeof pragmas, "PRAGMA synchronous = OFF; PRAGMA application_id = %d", DB_BACKUP_ID);

	enum err e = make_whole(c, pragmas, d);

	if (e == ERR_OK && (fd = open(c->path, O_RDONLY | O_CLOEXEC)) < 0) {
		diag_set(d, "%s: %s", c->path, strerror(errno));
		e = ERR_IO;
	}
	copy_drop(c);
	if (e == ERR_OK)
		*fd_out = fd;
	return e;
}
