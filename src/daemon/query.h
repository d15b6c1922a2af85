/* A question to the store: its answers come back to `fn`, the last of them with done->last set or as the only one. */
#ifndef PLAZO_SRC_DAEMON_QUERY_H
#define PLAZO_SRC_DAEMON_QUERY_H

#include <stdint.h>

struct daemon;
struct store_done;
struct query;

typedef void query_fn(struct daemon *d, struct query *q, const struct store_done *done);

/* The first member of what asks; its address is the cookie. */
struct query {
	query_fn *fn;
};

static inline uint64_t query_cookie(struct query *q)
{
	return (uint64_t)(uintptr_t)q;
}

#endif
