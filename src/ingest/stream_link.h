/*
 * One connection to a Redis server: commands go out, replies come back in their order, and every command has its time. hiredis reads
 * the protocol in a non-blocking context; the events and timers are ours. Its async layer is not used: in 0.14 it has no
 * timeouts, ends the process by assert() at a reply that nobody asked for, and frees itself under its callbacks.
 *
 * A link lives once: after down() it is only good for link_destroy(), and the next connection is another link.
 */
#ifndef PLAZO_INGEST_STREAM_LINK_H
#define PLAZO_INGEST_STREAM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream_reply.h"

struct event_base;
struct link;

struct link_to {
	const char *host;          /* or `path` */
	int         port;
	const char *path;
	bool        tls;
	const char *ca_file;
};

enum link_fault {
	LINK_LOST,                 /* refused, reset, closed: nobody is there */
	LINK_SILENT,               /* no answer in its time */
	LINK_GARBLED,              /* an answer that is no Redis' */
	LINK_TOO_LARGE,            /* an answer of more than REPLY_MAX_SIZE */
	LINK_TOLD,                 /* the server said why, unasked: too many clients */
};

struct link_handler {
	void (*up)(void *ctx);
	void (*down)(void *ctx, enum link_fault fault, const char *why);   /* once; `why` is borrowed */
	void  *ctx;
};

/* Borrows `r`, which lives until the function returns. Never NULL. */
typedef void link_reply_fn(void *ctx, const redisReply *r, unsigned tag);

/* How a command is answered. */
struct link_call {
	link_reply_fn *fn;
	void          *ctx;
	unsigned       tag;        /* for fn */
	int64_t        ms;         /* for the answer, from when it is its turn */
};

/* A command as it is put together. */
#define LINK_MAX_ARGS 1100
struct link_args {
	const char *v[LINK_MAX_ARGS];
	size_t      len[LINK_MAX_ARGS];
	int         n;
};
void args_put(struct link_args *a, struct str s);      /* borrows; what does not fit any more is our mistake */
void args_puts(struct link_args *a, const char *z);
void args_put_all(struct link_args *a, const char *const *v, size_t n);

/* Connects within `ms`. Borrows `to`. up() or down() come from the loop, never from within a function of this face. */
struct link *link_create(struct event_base *base, const struct link_to *to, int64_t ms, const struct link_handler *handler);

/* NULL is fine; allowed from within callbacks. Calls nobody. */
void link_destroy(struct link *l);

/* Puts a command behind those before it. On a link that is down already nothing happens: down() has come or is on its way. */
void link_call(struct link *l, const struct link_args *args, const struct link_call *call);
void link_flush(struct link *l);                       /* what was put goes out now, in one write */

size_t link_waiting(const struct link *l);             /* commands not answered yet */
size_t link_reply_size(const struct link *l);          /* in memory, of the reply that is being answered */

#endif
