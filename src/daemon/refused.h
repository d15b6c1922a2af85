/*
 * An event that is refused and whose sender does not hear of it: the sender of a webhook gets an answer, a stream has nobody to tell. It is kept for
 * people, the same after a replay.
 */
#ifndef PLAZO_SRC_DAEMON_REFUSED_H
#define PLAZO_SRC_DAEMON_REFUSED_H

#include <stdbool.h>

#include "base/buf.h"
#include "ingest/batch.h"
#include "store/streams.h"

struct source;

/* `src` is its source, NULL where that is no longer configured. */
bool refused_unheard(const struct source *src, const struct event *e);

/* What is to be kept of it; the slices are those of the event and of `place` and `body`, which it begins and the caller finishes. */
struct refusal refused_event(const struct event *e, enum intake_result result, struct buf *place, struct buf *body);

#endif
