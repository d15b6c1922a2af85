/* A copy of the database while it is in use. */
#ifndef PLAZO_STORE_BACKUP_H
#define PLAZO_STORE_BACKUP_H

#include <stdint.h>

#include "base/err.h"

struct store;

/*
 * Copies the database in slices between commits; what is committed meanwhile is in the copy, too. One answer, STORE_COPIED with `last`: `fd`
 * is open for reading on a whole database that was stopped cleanly, in a file that has no name any more. ERR_FULL there: no room for it
 * beside the database; ERR_IO: it could not be made, the log says why, and the store goes on. One at a time: a second one spoils the first.
 */
MUST_CHECK enum err store_copy(struct store *st, uint64_t cookie);

#endif
