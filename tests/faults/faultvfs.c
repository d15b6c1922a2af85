#include "faultvfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

static atomic_long count[FAULT_N], fail_at[FAULT_N], n_failed;
static atomic_int fail_error, fail_on;

static sqlite3_vfs *real;
static sqlite3_vfs shim;

static faultvfs_watch_fn *watcher;
static void *watcher_ctx;

struct file {
	sqlite3_file  base;
	sqlite3_file *below;    /* lies behind this struct */
	const char   *name;     /* SQLite's, valid until it is closed; NULL: a temporary file */
	int           error;    /* number of the last failure that was made */
};

static void tell(enum fault_deed deed, const char *name, const void *p, size_t n, int64_t at)
{
	if (watcher != NULL && name != NULL)
		watcher(watcher_ctx, &(struct fault_seen){ deed, name, p, n, at });
}

static const char *name_of(sqlite3_file *f)
{
	return ((struct file *)(void *)f)->name;
}

static sqlite3_file *below(sqlite3_file *f)
{
	return ((struct file *)(void *)f)->below;
}

/* Says whether this operation is the one, and sets errno if so. */
static int strikes(enum fault_op op)
{
	long n = atomic_fetch_add(&count[op], 1) + 1, at = atomic_load(&fail_at[op]);

	if (at == 0 || n < at || (n > at && !atomic_load(&fail_on)))
		return 0;
	atomic_fetch_add(&n_failed, 1);
	errno = atomic_load(&fail_error);
	return 1;
}

static int on_close(sqlite3_file *f) { return below(f)->pMethods->xClose(below(f)); }

static int on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return strikes(FAULT_READ) ? SQLITE_IOERR_READ : below(f)->pMethods->xRead(below(f), p, n, at);
}

static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	if (!strikes(FAULT_WRITE)) {
		tell(DEED_WRITE, name_of(f), p, (size_t)n, at);
		return below(f)->pMethods->xWrite(below(f), p, n, at);
	}
	/* As a disk that fills up does: a part is written. */
	if (n > 1)
		(void)below(f)->pMethods->xWrite(below(f), p, n / 2, at);
	((struct file *)(void *)f)->error = errno = atomic_load(&fail_error);
	return errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	tell(DEED_TRUNCATE, name_of(f), NULL, 0, n);
	return below(f)->pMethods->xTruncate(below(f), n);
}

static int on_sync(sqlite3_file *f, int flags)
{
	if (strikes(FAULT_SYNC))
		return SQLITE_IOERR_FSYNC;
	tell(DEED_SYNC, name_of(f), NULL, 0, 0);
	return below(f)->pMethods->xSync(below(f), flags);
}

static int on_size(sqlite3_file *f, sqlite3_int64 *n) { return below(f)->pMethods->xFileSize(below(f), n); }
static int on_lock(sqlite3_file *f, int k) { return below(f)->pMethods->xLock(below(f), k); }
static int on_unlock(sqlite3_file *f, int k) { return below(f)->pMethods->xUnlock(below(f), k); }
static int on_reserved(sqlite3_file *f, int *k) { return below(f)->pMethods->xCheckReservedLock(below(f), k); }

static int on_control(sqlite3_file *f, int op, void *p)
{
	if (op == SQLITE_FCNTL_LAST_ERRNO) {
		*(int *)p = ((struct file *)(void *)f)->error;
		return SQLITE_OK;
	}
	return below(f)->pMethods->xFileControl(below(f), op, p);
}

static int on_sector(sqlite3_file *f) { return below(f)->pMethods->xSectorSize(below(f)); }
static int on_character(sqlite3_file *f) { return below(f)->pMethods->xDeviceCharacteristics(below(f)); }

static int on_map(sqlite3_file *f, int a, int b, int c, void volatile **p)
{
	return below(f)->pMethods->xShmMap(below(f), a, b, c, p);
}

static int on_shm_lock(sqlite3_file *f, int a, int b, int c) { return below(f)->pMethods->xShmLock(below(f), a, b, c); }
static void on_barrier(sqlite3_file *f) { below(f)->pMethods->xShmBarrier(below(f)); }
static int on_unmap(sqlite3_file *f, int del) { return below(f)->pMethods->xShmUnmap(below(f), del); }

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = on_close, .xRead = on_read, .xWrite = on_write, .xTruncate = on_truncate, .xSync = on_sync, .xFileSize = on_size,
	.xLock = on_lock, .xUnlock = on_unlock, .xCheckReservedLock = on_reserved, .xFileControl = on_control, .xSectorSize = on_sector,
	.xDeviceCharacteristics = on_character, .xShmMap = on_map, .xShmLock = on_shm_lock, .xShmBarrier = on_barrier, .xShmUnmap = on_unmap,
};

static int on_open(sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *f, int flags, int *flags_out)
{
	struct file *file = (struct file *)(void *)f;

	(void)v;
	file->below = (sqlite3_file *)(void *)(file + 1);
	file->base.pMethods = NULL;
	file->name = name;
	file->error = 0;
	if (strikes(FAULT_OPEN))
		return SQLITE_CANTOPEN;
	if (name != NULL && (flags & SQLITE_OPEN_CREATE) != 0 && access(name, F_OK) != 0)
		tell(DEED_CREATE, name, NULL, 0, 0);

	int rc = real->xOpen(real, name, file->below, flags, flags_out);

	if (file->below->pMethods != NULL)
		file->base.pMethods = &methods;
	return rc;
}

static int on_delete(sqlite3_vfs *v, const char *name, int sync)
{
	(void)v;
	tell(DEED_DELETE, name, NULL, 0, 0);
	return real->xDelete(real, name, sync);
}

static int on_access(sqlite3_vfs *v, const char *name, int flags, int *out) { (void)v; return real->xAccess(real, name, flags, out); }
static int on_full(sqlite3_vfs *v, const char *name, int n, char *out) { (void)v; return real->xFullPathname(real, name, n, out); }

/* The last error is errno, for the system's VFS too; SQLite asks before anything else can change it. */
static int on_last(sqlite3_vfs *v, int n, char *out) { (void)v; (void)n; (void)out; return errno; }

void faultvfs_register(void)
{
	if (real != NULL)
		return;
	real = sqlite3_vfs_find(NULL);
	shim = *real;
	shim.zName = FAULTVFS;
	shim.pNext = NULL;
	shim.szOsFile = (int)sizeof(struct file) + real->szOsFile;
	shim.xOpen = on_open;
	shim.xDelete = on_delete;
	shim.xAccess = on_access;
	shim.xFullPathname = on_full;
	shim.xGetLastError = on_last;
	sqlite3_vfs_register(&shim, 0);
}

void faultvfs_disarm(void)
{
	for (int i = 0; i < FAULT_N; i++) {
		atomic_store(&fail_at[i], 0);
		atomic_store(&count[i], 0);
	}
	atomic_store(&n_failed, 0);
}

void faultvfs_arm(enum fault_op op, long nth, int error, enum fault_length length)
{
	faultvfs_disarm();
	atomic_store(&fail_error, error);
	atomic_store(&fail_on, length == FAULT_FROM_THEN_ON);
	atomic_store(&fail_at[op], nth);
}

long faultvfs_count(enum fault_op op)
{
	return atomic_load(&count[op]);
}

long faultvfs_failed(void)
{
	return atomic_load(&n_failed);
}

void faultvfs_watch(faultvfs_watch_fn *fn, void *ctx)
{
	watcher_ctx = ctx;
	watcher = fn;
}
