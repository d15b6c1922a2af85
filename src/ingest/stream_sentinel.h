/* Who is the master? Sentinels are asked in turn; the first that knows is believed, and its master asked by ROLE afterwards. */
#ifndef PLAZO_INGEST_STREAM_SENTINEL_H
#define PLAZO_INGEST_STREAM_SENTINEL_H

#include "ingest/stream.h"

struct sentinels;

/* `host` NULL: none of them knew, `why` is what the last one said. Both borrowed. The search is gone by then. */
typedef void sentinels_done_fn(void *ctx, const char *host, int port, const char *why);

/* Keeps `server`. Begins with sentinel number `first` (modulo their number). `done` is called once, from the loop. */
struct sentinels *sentinels_ask(struct event_base *base, const struct stream_server *server, size_t first, sentinels_done_fn *done,
				void *ctx);

void sentinels_cancel(struct sentinels *s);    /* NULL is fine; `done` is not called any more */

#endif
