/*
 * The way of an event: into the journal, and once it is on disk, into the engine, in the order of the journal. Holds the tickets
 * of events that are under way in memory, and holds time back so that no step fires past an event that came before it.
 */
#ifndef PLAZO_SRC_DAEMON_JOURNAL_H
#define PLAZO_SRC_DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/engine.h"
#include "daemon/underway.h"
#include "ingest/intake.h"
#include "store/store.h"

struct daemon;

struct journal {
	struct underway underway;           /* queued and not committed */
	struct buf      record;             /* of what goes into the store next, reused */
	struct intake_batch **done;         /* answered at the end of the turn */
	size_t          n_done, cap_done;
	uint64_t        seq;                /* of the last event that the engine took */
	uint64_t        n_events[EVENT_N_TYPES];
};

void journal_init(struct journal *j);
void journal_finish(struct journal *j);

/* Queues one event, whose `received` is daemon_now(). fn is called, once, from journal_committed() unless this fails: ERR_FULL or ERR_IO. */
MUST_CHECK enum err journal_append(struct daemon *d, const struct event *e, journal_done_fn *fn, void *ctx, size_t index);

/* A store_done of STORE_APPENDED. */
void journal_committed(struct daemon *d, const struct store_done *done);

/*
 * A journaled event into the engine, at the start and after a commit: time is advanced to when it was received, fully. `ticket` is the
 * engine's number of its ticket, or ENGINE_NO_TICKET: it is then looked for, and its number goes there.
 */
enum apply journal_apply(struct daemon *d, uint64_t seq, uint32_t *ticket, const struct event *e);

/* How far time may be advanced: `now`, or the `received` of the oldest event under way. */
struct wall journal_horizon(const struct daemon *d, struct wall now);

/*
 * An intake_sink_fn; ctx is the daemon. A batch is over when its events, what was refused of it and its cursors are on disk, in this order
 * and as far as possible in one commit; `failed` when something of it is not. There is no room for one whose source a reload has taken away.
 */
bool journal_sink(void *ctx, struct intake_batch *b);

/* A store_done of STORE_REFUSAL and STORE_CURSOR: a part of a batch is on disk, or is not. */
void journal_kept(struct daemon *d, const struct store_done *done);

/* Answers the batches that are through. */
void journal_answer(struct daemon *d);

#endif
