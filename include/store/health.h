/* How the store is: whether the disk takes what it is given, and how much waits. */
#ifndef PLAZO_STORE_HEALTH_H
#define PLAZO_STORE_HEALTH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct store;

enum store_state { STORE_WELL, STORE_STALLED, STORE_DEAD };
struct store_health {
	enum store_state state;        /* stalled: the disk takes nothing now; dead: leave with an error */
	char             why[DIAG_LEN];/* "" when well */
	size_t           n_queued, queued_bytes;
	int64_t          busy_ms;      /* how long the store thread has been at its present piece of work; 0 when it waits */
	uint64_t         n_commits, n_events, seq;   /* seq: the last event on disk */
	uint64_t         wal_bytes;
};
void store_health(struct store *st, struct store_health *out);

#endif
