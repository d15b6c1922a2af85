/*
 * A copy of the database in use, taken page by page through its one connection. What is committed between two steps is in the copy, too: SQLite
 * writes the pages that were copied before once more. The copy is a database that was stopped cleanly, without a log.
 */
#ifndef PLAZO_STORE_COPY_H
#define PLAZO_STORE_COPY_H

#include "store/db.h"

struct copy;

/* Begins the new file `path`, which must not be there (ERR_CONFLICT). Keeps `db` until the copy is over. */
MUST_CHECK enum err copy_begin(struct db *db, const char *path, struct copy **out, struct diag *d);

/* Up to `pages` more; all that are left when negative. A copy that failed stays to be dropped. */
MUST_CHECK enum err copy_step(struct copy *c, int pages, bool *finished_out, struct diag *d);

/* Makes the copy whole and brings it to the disk: then the file is the caller's. Takes the copy; what failed is removed. */
MUST_CHECK enum err copy_finish(struct copy *c, struct diag *d);

/*
 * For a copy that is read once and never found again: beside the database, without a sync, and the file has lost its name when its
 * descriptor is given. It says that it is a backup (DB_BACKUP_ID). ERR_FULL when it would leave the database too little room.
 */
MUST_CHECK enum err copy_begin_passing(struct db *db, struct copy **out, struct diag *d);
MUST_CHECK enum err copy_finish_passing(struct copy *c, int *fd_out, struct diag *d);

#define COPY_PASSING ".copying"      /* behind the name of the database */

void copy_remove(const char *path);  /* the file, and what SQLite puts beside it */
void copy_drop(struct copy *c);      /* and removes its file; NULL is fine */

#endif
