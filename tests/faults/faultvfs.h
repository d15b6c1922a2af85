/*
 * A SQLite VFS that does as the system's does, but for the one operation that a test has chosen: that one fails with an error number.
 * The counters are shared by all files of all connections; the store's thread may be at work while they are read.
 */
#ifndef PLAZO_TESTS_FAULTVFS_H
#define PLAZO_TESTS_FAULTVFS_H

#include <stddef.h>
#include <stdint.h>

#define FAULTVFS "faults"

enum fault_op { FAULT_WRITE, FAULT_SYNC, FAULT_READ, FAULT_OPEN, FAULT_N };
enum fault_length { FAULT_ONCE, FAULT_FROM_THEN_ON };

void faultvfs_register(void);

/* The `nth` operation from now on (1 is the next) fails with `error`, and all after it for FAULT_FROM_THEN_ON. */
void faultvfs_arm(enum fault_op op, long nth, int error, enum fault_length length);
void faultvfs_disarm(void);

/* Operations since the last call of faultvfs_arm() or faultvfs_disarm(). */
long faultvfs_count(enum fault_op op);

/*
 * From now on fn sees what is about to be done to files that have a name; NULL ends it. Not while a store is at work. It is called from
 * the thread that does it, with slices that are borrowed.
 */
enum fault_deed { DEED_CREATE, DEED_WRITE, DEED_TRUNCATE, DEED_SYNC, DEED_DELETE };
struct fault_seen { enum fault_deed deed; const char *name; const void *p; size_t n; int64_t at; };
typedef void faultvfs_watch_fn(void *ctx, const struct fault_seen *seen);
void faultvfs_watch(faultvfs_watch_fn *fn, void *ctx);

/* How many were made to fail. */
long faultvfs_failed(void);

#endif
