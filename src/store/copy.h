/*
 * A copy of the database in use, taken page by page through its one connection. What is committed between two steps is in the copy, too: SQLite
 * writes the pages that were copied before once more. The copy is a database that was stopped cleanly, without a log.
 */
#ifndef PLAZO_STORE_COPY_H
#define PLAZO_STORE_COPY_H

#include "store/db.h"

struct copy;

/* Begins the new file `path`, which must not be there (ERR_CONFLICT). Keeps `db` until the copy is over. */
MUST_CHECK enum err copy_begin(struct db *db, const char *path, const char *vfs, struct copy **out, struct diag *d);

/* Up to `pages` more; all that are left when negative. A copy that failed stays to be dropped. */
MUST_CHECK enum err copy_step(struct copy *c, int pages, bool *finished_out, struct diag *d);

/* Makes the copy whole and brings it to the disk: then the file is the caller's. Takes the copy; what failed is removed. */
MUST_CHECK enum err copy_finish(struct copy *c, struct diag *d);

void copy_drop(struct copy *c);      /* and removes its file; NULL is fine */

#endif
