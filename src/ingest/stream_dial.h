/* A connected socket from a name, without blocking: names are resolved on a thread of their own, addresses tried in turn. */
#ifndef PLAZO_INGEST_STREAM_DIAL_H
#define PLAZO_INGEST_STREAM_DIAL_H

#include <stdint.h>

struct event_base;
struct dial;

/* `fd` is the callee's; -1: `why` says what went wrong, borrowed. */
typedef void dial_done_fn(void *ctx, int fd, const char *why);

/* Borrows the texts; `path` wins over host and port. `done` is called once, from the loop, within `ms`; the dial is gone by then. */
struct dial *dial_start(struct event_base *base, const char *host, int port, const char *path, int64_t ms, dial_done_fn *done, void *ctx);

void dial_cancel(struct dial *d);     /* NULL is fine; `done` is not called any more */

#endif
