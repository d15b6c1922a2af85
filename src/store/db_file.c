/*
 * The database as a file: what it must look like before SQLite may touch it, and how a new one comes to be. SQLite repairs, converts
 * and creates as it opens; so everything that can be told from the outside is told here, and a new database gets its name only when whole.
 */
#include "store/db.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "store/schema.h"

#define HEADER_LEN 100
#define NEW        ".making-"        /* and a process's number: a database that is being made; nobody else calls a file so */

static bool stat_beside(const char *path, const char *suffix, struct stat *st)
{
	struct buf name;

	buf_init(&name, 1 << 16);
	buf_printf(&name, "%s%s", path, suffix);

	bool has = lstat(buf_cstr(&name), st) == 0;

	buf_finish(&name);
	return has;
}

bool db_file_has(const char *path, const char *suffix)
{
	struct stat st;

	return stat_beside(path, suffix, &st);
}

static enum err check_directory(const char *path, struct diag *d)
{
	char *copy = xstrdup(path);
	const char *dir = dirname(copy);
	struct stat st;
	enum err e = ERR_OK;

	if (stat(dir, &st) != 0) {
		diag_set(d, "%s: the directory of the database: %s", dir, strerror(errno));
		e = ERR_IO;
	}
	free(copy);
	return e;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The first 100 bytes as https://www.sqlite.org/fileformat.html section 1.3 has them. */
static enum err check_header(const char *path, const uint8_t *h, uint64_t size, struct diag *d)
{
	uint64_t page = (uint64_t)h[16] << 8 | h[17];
	struct stat wal;

	if (memcmp(h, "SQLite format 3", 16) != 0) {
		diag_set(d, "%s is not a database; it was left as it is", path);
		return ERR_SYNTAX;
	}
	if (be32(h + 68) != DB_APPLICATION_ID && be32(h + 68) != DB_BACKUP_ID) {
		diag_set(d, "%s is a database of another program; it was left as it is", path);
		return ERR_SYNTAX;
	}
	/* SQLite would take the log's pages for the backup's: neither the old database nor the backup would come of it. */
	if (be32(h + 68) == DB_BACKUP_ID && stat_beside(path, "-wal", &wal) && wal.st_size > 0) {
		diag_set(d, "%s is a backup, and %s-wal the log of the database that it replaces: take the log away, then start again", path, path);
		return ERR_SYNTAX;
	}
	/* SQLite would only read the one, and not open the other. */
	if (h[18] > 2 || h[19] > 2) {
		diag_set(d, "%s is damaged and was left as it is: its header names the formats %u and %u", path, h[18], h[19]);
		return ERR_SYNTAX;
	}
	if (be32(h + 60) > DB_VERSION) {
		diag_set(d, "%s was written by a newer plazo (schema %u, this one knows %d)", path, be32(h + 60), DB_VERSION);
		return ERR_RANGE;
	}
	/* While there is a log, the file may rightly be shorter than its first page says. */
	if (!db_file_has(path, "-wal") && size < page * be32(h + 28)) {
		diag_set(d, "%s is cut short: %ju bytes of %ju", path, (uintmax_t)size, (uintmax_t)(page * be32(h + 28)));
		return ERR_SYNTAX;
	}
	return ERR_OK;
}

static enum err check_open_file(const char *path, int fd, struct diag *d)
{
	uint8_t header[HEADER_LEN];
	struct stat st;

	if (fstat(fd, &st) != 0) {
		diag_set(d, "%s: %s", path, strerror(errno));
		return ERR_IO;
	}
	if (!S_ISREG(st.st_mode)) {
		diag_set(d, "%s is not a regular file", path);
		return ERR_IO;
	}

	ssize_t got = pread(fd, header, sizeof header, 0);

	if (got < 0) {
		diag_set(d, "%s: %s", path, strerror(errno));
		return ERR_IO;
	}
	if (got < HEADER_LEN) {
		diag_set(d, "%s is %s; it was left as it is: move it away to begin anew", path, got == 0 ? "empty" : "not a database");
		return ERR_SYNTAX;
	}
	return check_header(path, header, (uint64_t)st.st_size, d);
}

enum err db_file_check(const char *path, struct diag *d)
{
	/* For writing, too: SQLite makes do with reading, and then says what nobody understands. Not to block on a pipe that somebody put there. */
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0) {
		enum err e = check_open_file(path, fd, d);

		close(fd);
		if (e == ERR_OK && db_file_has(path, "-journal")) {
			diag_set(d, "%s-journal is there, which plazo never leaves: the database was changed by something else", path);
			return ERR_SYNTAX;
		}
		return e;
	}
	if (errno != ENOENT) {
		diag_set(d, "%s: %s", path, strerror(errno));
		return ERR_IO;
	}

	enum err e = check_directory(path, d);

	if (e != ERR_OK)
		return e;
	/* A dangling symbolic link, too, is somebody's wish that is not ours to guess. */
	if (db_file_has(path, "")) {
		diag_set(d, "%s is a link to a file that is not there", path);
		return ERR_IO;
	}
	if (db_file_has(path, "-wal")) {
		diag_set(d, "%s is gone, but its log %s-wal is there: put the database back, or move the log away to begin anew", path, path);
		return ERR_SYNTAX;
	}
	return ERR_ABSENT;
}

/* What is in a new database of any version but the tables. */
static void put_meta(struct buf *sql, const uint8_t random[32])
{
	buf_printf(sql, "INSERT INTO meta VALUES('clean', 1), ('seq', 0), ('latest', %" PRId64 "), ('key', x'", WALL_PAST.ms);
	for (size_t i = 0; i < 16; i++)
		buf_printf(sql, "%02x", random[i]);
	buf_puts(sql, "'), ('id', '");
	for (size_t i = 16; i < 32; i++)
		buf_printf(sql, "%02x", random[i]);
	buf_puts(sql, "');");
}

static int fill(sqlite3 *h)
{
	struct buf sql;
	uint8_t random[32];
	int rc;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return SQLITE_IOERR;
	buf_init(&sql, 1 << 16);
	buf_printf(&sql, "PRAGMA page_size = %d; PRAGMA application_id = %d; PRAGMA journal_mode = WAL;"
		"PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;", DB_PAGE_SIZE, DB_APPLICATION_ID);
	rc = sqlite3_exec(h, buf_cstr(&sql), NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = schema_climb(h, schema_steps, 0, DB_VERSION);
	buf_reset(&sql);
	put_meta(&sql, random);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h, buf_cstr(&sql), NULL, NULL, NULL);
	buf_finish(&sql);
	/* Closing does this too, but keeps silent when it fails. */
	return rc == SQLITE_OK ? sqlite3_wal_checkpoint_v2(h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) : rc;
}

static enum err make(const char *path, const char *vfs, struct diag *d)
{
	sqlite3 *h = NULL;
	/* SQLite would make it with whatever the umask leaves. */
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0) {
		diag_set(d, "%s: %s", path, strerror(errno));
		return ERR_IO;
	}
	close(fd);

	int rc = sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);

	if (rc == SQLITE_OK)
		rc = fill(h);
	if (rc != SQLITE_OK)
		diag_set(d, "%s: cannot make a new database: %s", path, h != NULL ? sqlite3_errmsg(h) : sqlite3_errstr(rc));
	sqlite3_close(h);
	return rc == SQLITE_OK ? ERR_OK : ERR_IO;
}

enum err db_file_sync_directory(const char *path, struct diag *d)
{
	char *copy = xstrdup(path);
	const char *dir = dirname(copy);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e = ERR_OK;

	if (fd < 0 || fsync(fd) != 0) {
		diag_set(d, "%s: %s", dir, strerror(errno));
		e = ERR_IO;
	}
	if (fd >= 0)
		close(fd);
	free(copy);
	return e;
}

static const char *const suffixes[] = { "", "-wal", "-journal", "-shm" };
#define N_SUFFIXES (sizeof suffixes / sizeof *suffixes)

/* "PID", or with a suffix of SQLite's, of a process that is no more. */
static bool is_left_behind(const char *tail)
{
	char *end;
	long pid = strtol(tail, &end, 10);
	size_t i = 0;

	while (i < N_SUFFIXES && strcmp(end, suffixes[i]) != 0)
		i++;
	if (*tail < '1' || *tail > '9' || i == N_SUFFIXES || pid > INT_MAX)
		return false;
	return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* What a power cut left of databases that others were about to make. */
static void remove_left_behind(const char *path)
{
	char *copy = xstrdup(path), *copy2 = xstrdup(path);
	const char *base = basename(copy2);
	size_t len = strlen(base);
	DIR *dir = opendir(dirname(copy));
	const struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, base, len) == 0 && strncmp(e->d_name + len, NEW, strlen(NEW)) == 0 && is_left_behind(e->d_name + len + strlen(NEW)))
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	free(copy);
	free(copy2);
}

enum err db_file_create(const char *path, const char *vfs, struct diag *d)
{
	struct buf name;
	enum err e;

	buf_init(&name, 1 << 16);
	buf_printf(&name, "%s" NEW "%d", path, (int)getpid());

	size_t len = name.len;

	remove_left_behind(path);
	unlink(buf_cstr(&name));
	e = make(buf_cstr(&name), vfs, d);
	/* link() and not rename(): it never replaces what another process made meanwhile. */
	if (e == ERR_OK && link(buf_cstr(&name), path) != 0 && errno != EEXIST) {
		diag_set(d, "%s: %s", path, strerror(errno));
		e = ERR_IO;
	}
	for (size_t i = 0; i < N_SUFFIXES; i++) {
		name.len = len;
		buf_puts(&name, suffixes[i]);
		unlink(buf_cstr(&name));
	}
	buf_finish(&name);
	return e == ERR_OK ? db_file_sync_directory(path, d) : e;
}
