/* What was kept, read by one thread while another makes tickets of it. */
#ifndef PLAZO_STORE_LOAD_H
#define PLAZO_STORE_LOAD_H

#include <pthread.h>

#include "store/db.h"
#include "store/store.h"

/* As store_load(), on the caller's thread from end to end. (load.c) */
MUST_CHECK enum err load_walk(struct db *db, const struct store_loader *l, struct diag *d);

/*
 * As store_load(): rows are read and their checksums looked at by a thread of its own, some chunks ahead of the callbacks, which run on the
 * caller's. `reading` is held while the connection is used; a callback that uses it takes it, too. Without a thread, as load_walk(). (ahead.c)
 */
MUST_CHECK enum err load_ahead(struct db *db, pthread_mutex_t *reading, const struct store_loader *l, struct diag *d);

#endif
