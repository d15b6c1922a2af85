/*
 * The socket of one connection, and its two buffers: what has come and is not used, what is to go and was not taken. Not a
 * bufferevent, which reads 4 KiB a time, asks the kernel how much there is before each, and takes two epoll_ctl() for an answer.
 */
#ifndef PLAZO_INGEST_HTTP_SOCKET_H
#define PLAZO_INGEST_HTTP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

struct event;
struct event_base;

/* Each may close and free the socket; none is called from within a function of this header. */
struct http_socket_fns {
	void (*came)(void *ctx);                     /* more lies in `in` */
	void (*taken)(void *ctx);                    /* nothing is left in `out`, where something was */
	void (*over)(void *ctx, bool is_broken);     /* the client sends no more; broken: and takes no more */
};

/* Bytes on their way: those of `b` from `used` on. */
struct http_bytes {
	struct buf b;
	size_t     used;
};

struct http_socket {
	int               fd;            /* -1: closed */
	struct http_bytes in, out;
	struct event     *readable, *writable;
	size_t            room;          /* reading rests while so much lies in `in` */
	bool              is_reading, is_over;
	const struct http_socket_fns *fn;
	void             *ctx;
};

/* Takes `fd`, which is non-blocking; reads at once, up to `room`. `fn` is borrowed for as long as it is open, `ctx` kept. */
void http_socket_open(struct http_socket *s, struct event_base *base, int fd, size_t room, const struct http_socket_fns *fn, void *ctx);

/* Nothing comes or goes from here on; what lies in `in` stays. May be called again. */
void http_socket_close(struct http_socket *s);

/* Closes and frees what it has. */
void http_socket_finish(struct http_socket *s);

/* From now on `room` bytes may lie in `in`; reads on where there is room again. */
void http_socket_set_room(struct http_socket *s, size_t room);

/* The same, after something of `in` was used. */
void http_socket_read_on(struct http_socket *s);

/* What has come and is not used: borrowed until more comes or is used. */
static inline struct str http_socket_in(const struct http_socket *s)
{
	return (struct str){ s->in.b.p + s->in.used, s->in.b.len - s->in.used };
}

/* The first `len` bytes of `in` are not wanted any more. */
void http_socket_use(struct http_socket *s, size_t len);

/* Moves them into `into`, which is empty, without a copy where nothing lies behind them. Gives them; borrowed until `into` changes. */
struct str http_socket_take(struct http_socket *s, size_t len, struct buf *into);

/* Straight to the kernel while nothing waits before it, the rest when it can. False when the connection is broken. */
MUST_CHECK bool http_socket_send(struct http_socket *s, struct str head, struct str body);

static inline size_t http_socket_waits_in(const struct http_socket *s)     /* bytes */
{
	return s->in.b.len - s->in.used;
}

static inline size_t http_socket_waits_out(const struct http_socket *s)
{
	return s->out.b.len - s->out.used;
}

#endif
