/*
 * The daemon's streams: one struct stream for each source in Redis, made when the journal is caught up with, changed by a reload, and
 * ended in order; and the cursors of those that keep their own. What a stream is doing is its own affair; whether that is well is decided here.
 */
#ifndef PLAZO_SRC_DAEMON_STREAMS_H
#define PLAZO_SRC_DAEMON_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/reader.h"
#include "base/str.h"
#include "base/wall.h"
#include "ingest/stream.h"

struct config;
struct daemon;
struct reader_slot;
struct cursor_slot;

struct streams {
	struct reader_slot *v;               /* owned, with those that are ending */
	size_t              n;
	struct cursor_slot *cursors;         /* owned: on disk */
	size_t              n_cursors;
	char                consumer[24];    /* our name in every group */
	bool                ending;          /* no further ones */
};

void streams_init(struct streams *ss);
void streams_finish(struct streams *ss);

/* At the start, from the store: the cursors, and the name of our consumer. */
MUST_CHECK enum err streams_load(struct daemon *d, struct diag *diag);

/* Can all of the configuration's be had? The sentence names the source that cannot. */
MUST_CHECK enum err streams_check(const struct config *cfg, struct diag *diag);

/* Makes, changes and ends streams until they are what `cfg` says; before the journal is caught up with, and in a dry run, there are none. */
void streams_configure(struct daemon *d, const struct config *cfg);

/* Once a turn: those that have ended go, and how the others are is looked at. */
void streams_turn(struct daemon *d);

/* No further reading; what is out is acknowledged. Then they are over. */
void streams_stop(struct daemon *d);
bool streams_are_over(const struct daemon *d);

/* A batch is over: unless it failed, its cursors are on disk. */
void streams_moved(struct daemon *d, const struct intake_batch *b);

/* How source `i` is, from 0, in the order of names; false past the last. */
struct stream_view {
	const char         *source;
	struct stream_stats stats;
	struct wall         since;           /* of the state */
	bool                is_well;         /* it reads, or has not been away from its server for long */
	char                trouble[DIAG_LEN + 160];   /* when it is not well: a sentence */
};
bool streams_view(struct daemon *d, size_t i, struct stream_view *out);

#endif
