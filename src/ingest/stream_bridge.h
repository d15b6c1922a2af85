/*
 * A stream runs on a thread of its own, from the socket to batches of events that are ready to be journaled: the loop is what limits plazod,
 * and a turn of it would lie between each reply and the next read. This is all that crosses: batches to the loop, where the sink is, and back;
 * orders to the thread; how it is doing, to whoever asks. The sink's "no room" is known here alone: batches wait on the loop's side, and
 * come back unread when they may not go in any more.
 */
#ifndef PLAZO_INGEST_STREAM_BRIDGE_H
#define PLAZO_INGEST_STREAM_BRIDGE_H

#include <stdbool.h>

#include "base/arena.h"
#include "ingest/stream.h"

struct bridge;
struct stream_batch;

/* Options with what the loop alone knows of them; a copy, which wipes its passwords when it goes. */
struct stream_settings {
	struct stream_options opt;
	const char  *cursors[STREAM_MAX_KEYS];     /* of `own`: the last id of each key that was on disk when this was made */
	struct arena *arena;                       /* all of it lies here */
};

struct stream_settings *settings_make(const struct stream_options *opt);      /* on the loop: asks opt->cursor */
void settings_destroy(struct stream_settings *set);                           /* NULL is fine */

/* ---- the thread's ---- */

/* Takes the batch until read_on_back(): to the sink, after all that went before. */
void bridge_put(struct stream *s, struct stream_batch *b);

/* What waits for room on the other side comes back with is_bounced, and so does what is on its way there. */
void bridge_recall(struct stream *s);

/* What stream_stats() and stream_is_over() tell from now on. */
void bridge_publish(struct stream *s);

#endif
