#include "http_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <event2/event.h>

#define READ_SMALL 4095              /* at a time: with it an idle connection holds 4 KiB */
#define READ_LARGE (256u << 10)      /* of a body that was admitted; others wait meanwhile */
#define LARGE      (64u << 10)       /* room above which it is one */
#define KEEP       4096              /* memory kept while nothing waits */
#define KEEP_SOME  (4 * KEEP)        /* ... while less than KEEP does */

/* ---- bytes ---- */

/* One that pipelines need never let it be empty. */
static void shrink(struct http_bytes *y)
{
	struct buf small;

	buf_init(&small, y->b.max);
	buf_append(&small, y->b.p + y->used, y->b.len - y->used);
	buf_finish(&y->b);
	*y = (struct http_bytes){ .b = small };
}

static void bytes_use(struct http_bytes *y, size_t len)
{
	y->used += len;
	if (y->used < y->b.len) {
		if (y->b.cap > KEEP_SOME && y->b.len - y->used < KEEP)
			shrink(y);
		return;
	}
	y->used = 0;
	if (y->b.cap > KEEP)
		buf_finish(&y->b);
	else
		buf_reset(&y->b);
}

/* Room for `len` more. What waits goes to the front only when it is the lesser part, so that no byte moves often. */
static char *bytes_room(struct http_bytes *y, size_t len)
{
	if (y->b.cap - y->b.len <= len && y->used > y->b.len / 2) {
		y->b.len -= y->used;
		memcpy(y->b.p, y->b.p + y->used, y->b.len);
		y->used = 0;
	}
	return buf_room(&y->b, len);
}

void http_socket_use(struct http_socket *s, size_t len)
{
	bytes_use(&s->in, len);
}

struct str http_socket_take(struct http_socket *s, size_t len, struct buf *into)
{
	struct str bytes = http_socket_in(s);
	struct buf had = *into;

	if (len < bytes.len) {
		buf_append(into, bytes.p, len);
		bytes_use(&s->in, len);
		return buf_str(into);
	}
	*into = s->in.b;
	into->max = had.max;
	s->in = (struct http_bytes){ .b = { .p = had.p, .cap = had.cap, .max = BUF_NO_MAX } };
	return bytes;
}

/* ---- in ---- */

static void rest(struct http_socket *s)
{
	if (s->is_reading)
		event_del(s->readable);
	s->is_reading = false;
}

void http_socket_read_on(struct http_socket *s)
{
	if (!s->is_reading && !s->is_over && s->fd >= 0 && http_socket_waits_in(s) < s->room)
		s->is_reading = event_add(s->readable, NULL) == 0;
}

void http_socket_set_room(struct http_socket *s, size_t room)
{
	s->room = room;
	if (http_socket_waits_in(s) >= room)
		rest(s);
	else
		http_socket_read_on(s);
}

static ssize_t read_some(struct http_socket *s, size_t len)
{
	ssize_t n = recv(s->fd, bytes_room(&s->in, len), len, 0);

	if (n > 0)
		buf_took(&s->in.b, (size_t)n);
	return n;
}

/* What may be read now. The end of a large body comes in one piece, too. */
static size_t at_once(const struct http_socket *s)
{
	size_t missing = s->room - http_socket_waits_in(s), most = s->room > LARGE ? READ_LARGE : READ_SMALL;

	return missing < most ? missing : most;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct http_socket *s = arg;
	ssize_t n = read_some(s, at_once(s));

	(void)fd;
	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	s->is_over = n <= 0;
	if (s->is_over || http_socket_waits_in(s) >= s->room)
		rest(s);
	if (n > 0)
		s->fn->came(s->ctx);
	else
		s->fn->over(s->ctx, n < 0);
}

/* ---- out ---- */

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct http_socket *s = arg;
	ssize_t n = send(fd, s->out.b.p + s->out.used, http_socket_waits_out(s), MSG_NOSIGNAL);

	(void)what;
	if (n > 0)
		bytes_use(&s->out, (size_t)n);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		rest(s);
		event_del(s->writable);
		s->is_over = true;
		s->fn->over(s->ctx, true);
	} else if (http_socket_waits_out(s) == 0) {
		event_del(s->writable);
		s->fn->taken(s->ctx);
	}
}

static ssize_t to_kernel(struct http_socket *s, struct str head, struct str body)
{
	struct iovec parts[2] = { { .iov_len = head.len }, { .iov_len = body.len } };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };

	if (body.len == 0)
		return send(s->fd, head.p, head.len, MSG_NOSIGNAL);
	/* An iovec has no const; sendmsg() only reads. */
	memcpy(&parts[0].iov_base, &head.p, sizeof head.p);
	memcpy(&parts[1].iov_base, &body.p, sizeof body.p);
	return sendmsg(s->fd, &msg, MSG_NOSIGNAL);
}

bool http_socket_send(struct http_socket *s, struct str head, struct str body)
{
	size_t done = 0;

	if (s->fd < 0)
		return false;
	if (http_socket_waits_out(s) == 0) {
		ssize_t n = to_kernel(s, head, body);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		done = n > 0 ? (size_t)n : 0;
	}
	if (done == head.len + body.len)
		return true;
	if (done < head.len) {
		buf_append(&s->out.b, head.p + done, head.len - done);
		done = head.len;
	}
	if (done - head.len < body.len)
		buf_append(&s->out.b, body.p + (done - head.len), body.len - (done - head.len));
	event_add(s->writable, NULL);
	return true;
}

/* ---- life ---- */

void http_socket_open(struct http_socket *s, struct event_base *base, int fd, size_t room, const struct http_socket_fns *fn, void *ctx)
{
	*s = (struct http_socket){ .fd = fd, .room = room, .fn = fn, .ctx = ctx };
	buf_init(&s->in.b, BUF_NO_MAX);
	buf_init(&s->out.b, BUF_NO_MAX);
	s->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, s);
	s->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, s);
	if (s->readable == NULL || s->writable == NULL)
		abort();
	http_socket_read_on(s);
}

void http_socket_close(struct http_socket *s)
{
	if (s->fd < 0)
		return;
	/* A reply that is still out keeps the rest, maybe for longer than there is a loop. */
	event_free(s->readable);
	event_free(s->writable);
	s->readable = s->writable = NULL;
	s->is_reading = false;
	close(s->fd);
	s->fd = -1;
}

void http_socket_finish(struct http_socket *s)
{
	http_socket_close(s);
	buf_finish(&s->in.b);
	buf_finish(&s->out.b);
}
