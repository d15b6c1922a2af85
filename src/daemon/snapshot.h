/* Tickets to their rows, a few at a time, so that the journal can be cut and a start need not replay much. Old rows go hourly. */
#ifndef PLAZO_SRC_DAEMON_SNAPSHOT_H
#define PLAZO_SRC_DAEMON_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wall.h"
#include "core/engine.h"

struct daemon;

struct snapshot {
	bool        running;          /* a pass is under way */
	uint64_t    seq;              /* what the pass covers when it is through: the engine's last event when it began */
	struct engine_round round;    /* where the pass has come to */
	uint64_t    trimmed;          /* up to here the journal was cut */
	uint64_t    commits;          /* of the store, when the last slice was taken */
	struct mono next;             /* not before */
	struct mono next_sweep;
	struct mono began;
	int64_t     last_ms;          /* how long the last pass took */
	uint64_t    n_rows, n_passes;
};

/* One slice, when there is room for it. True while more is at hand. */
bool snapshot_step(struct daemon *d);

/* The last pass, when nothing changes any more. True once every ticket is on its way to the disk and nothing waits for room. */
bool snapshot_last(struct daemon *d);

#endif
