/*
 * Knows bytes, order and time; what commands mean is its owner's. All replies are made in one arena, in turn: the memory of one is still in the
 * processor's cache when the next one comes.
 */
#include "stream_link.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/buf.h"
#include "base/now.h"
#include "base/xalloc.h"
#include "stream_dial.h"
#include "stream_tls.h"

#define READ_SIZE  (64u << 10)
#define READ_TURNS 16                 /* reads in one turn of the loop: others wait meanwhile */
#define UNREAD_MAX (64u << 20)        /* of one text on its way, which hiredis keeps whole; Redis' own limit is 512 MiB */
#define SCRATCH_MAX (1u << 20)        /* the link's arena is emptied with each reply, and made anew above this */
#define TLS_AGAIN_MS 10
#define HEAD_MAX   (1 + 20 + 2)       /* of a command or an argument */

struct waiting {
	struct waiting  *next;
	struct link_call call;
};

struct link {
	struct event_base  *base;
	struct link_handler handler;
	char               *host, *ca_file;
	bool                tls;
	struct dial        *dial;             /* until it is up */
	redisContext       *c;                /* from then on */
	struct event       *rev, *wev;
	struct event       *timer;            /* of the call whose turn it is; of down() once there is a fault */
	struct event       *tls_timer;        /* writes again: a TLS handshake waits for the other side */
	struct waiting     *first, *last, *spare;
	size_t              n;
	struct reply_maker  maker;
	struct arena       *scratch;
	struct buf          command;          /* the one being put */
	bool                is_busy;          /* in a callback: destroying waits */
	bool                is_doomed;
	bool                is_down;
	enum link_fault     fault;
	char                why[DIAG_LEN];
	char                buf[READ_SIZE];
};

void args_put(struct link_args *a, struct str s)
{
	assert(a->n < LINK_MAX_ARGS);
	a->v[a->n] = s.len > 0 ? s.p : "";
	a->len[a->n++] = s.len;
}

void args_puts(struct link_args *a, const char *z)
{
	args_put(a, str_of(z));
}

void args_put_all(struct link_args *a, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		args_puts(a, v[i]);
}

/* ---- the end ---- */

static void drop_events(struct link *l)
{
	struct event **all[] = { &l->rev, &l->wev, &l->tls_timer };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (*all[i] != NULL)
			event_free(*all[i]);
		*all[i] = NULL;
	}
}

void link_destroy(struct link *l)
{
	struct waiting *w;

	if (l == NULL)
		return;
	if (l->is_busy) {
		l->is_doomed = true;
		return;
	}
	dial_cancel(l->dial);
	drop_events(l);
	event_free(l->timer);
	if (l->c != NULL)
		redisFree(l->c);
	while ((w = l->first != NULL ? l->first : l->spare) != NULL) {
		*(l->first != NULL ? &l->first : &l->spare) = w->next;
		free(w);
	}
	arena_destroy(l->scratch);
	buf_finish(&l->command);
	free(l->host);
	free(l->ca_file);
	free(l);
}

/* The owner hears of it from the loop: it may be in the middle of something now. */
static void fail(struct link *l, enum link_fault fault, const char *why)
{
	struct timeval now = { 0 };

	if (l->is_down)
		return;
	l->is_down = true;
	l->fault = fault;
	snprintf(l->why, sizeof l->why, "%s", why);
	drop_events(l);
	event_add(l->timer, &now);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	(void)fd, (void)what;
	if (!l->is_down) {
		l->is_down = true;
		drop_events(l);
		l->fault = LINK_SILENT;
		snprintf(l->why, sizeof l->why, "the server has not answered for %lld seconds",
			 l->first != NULL ? (long long)(l->first->call.ms / 1000) : 0LL);
	}
	l->is_busy = true;
	l->handler.down(l->handler.ctx, l->fault, l->why);
	l->is_busy = false;
	if (l->is_doomed)
		link_destroy(l);
}

static void arm_timer(struct link *l)
{
	struct timeval tv;

	if (l->is_down)
		return;
	if (l->first == NULL) {
		event_del(l->timer);
		return;
	}
	tv = timeval_of(l->first->call.ms);
	event_add(l->timer, &tv);
}

/* ---- out ---- */

void link_flush(struct link *l)
{
	struct timeval tv = timeval_of(TLS_AGAIN_MS);
	int done = 0;

	if (l->is_down || l->c == NULL)
		return;
	if (redisBufferWrite(l->c, &done) != REDIS_OK) {
		fail(l, LINK_LOST, l->tls ? tls_why(l->c) : l->c->errstr);
		return;
	}
	if (done)
		return;
	/* Under TLS a write may wait for a read, and the socket would be called writable for ever. */
	event_add(l->tls ? l->tls_timer : l->wev, l->tls ? &tv : NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	link_flush(arg);
}

static char *write_end(char *p)
{
	*p++ = '\r';
	*p++ = '\n';
	return p;
}

/* "*3\r\n" or "$8\r\n". */
static char *write_head(char *p, char kind, size_t n)
{
	char digits[20];
	size_t i = sizeof digits;

	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	*p++ = kind;
	memcpy(p, digits + i, sizeof digits - i);
	return write_end(p + sizeof digits - i);
}

/* hiredis would call sprintf for each argument, of which an XACK has a thousand. */
static struct str format(struct link *l, const struct link_args *args)
{
	size_t room = HEAD_MAX;
	char *begin, *p;

	for (int i = 0; i < args->n; i++)
		room += HEAD_MAX + args->len[i] + 2;
	buf_reset(&l->command);
	begin = p = buf_room(&l->command, room);
	assert(p != NULL);
	p = write_head(p, '*', (size_t)args->n);
	for (int i = 0; i < args->n; i++) {
		p = write_head(p, '$', args->len[i]);
		memcpy(p, args->v[i], args->len[i]);
		p = write_end(p + args->len[i]);
	}
	return (struct str){ begin, (size_t)(p - begin) };
}

void link_call(struct link *l, const struct link_args *args, const struct link_call *call)
{
	struct waiting *w = l->spare;
	struct str command;

	if (l->is_down || l->c == NULL)
		return;
	command = format(l, args);
	if (redisAppendFormattedCommand(l->c, command.p, command.len) != REDIS_OK) {
		fail(l, LINK_LOST, "memory is out");
		return;
	}
	if (w != NULL)
		l->spare = w->next;
	else
		w = xmalloc(sizeof *w);
	*w = (struct waiting){ .call = *call };
	if (l->first == NULL)
		l->first = w;
	else
		l->last->next = w;
	l->last = w;
	l->n++;
	if (l->first == w)
		arm_timer(l);
}

size_t link_waiting(const struct link *l)
{
	return l->n;
}

size_t link_reply_size(const struct link *l)
{
	return l->maker.size;
}

/* ---- in ---- */

static void answer(struct link *l, const redisReply *r)
{
	struct waiting *w = l->first;
	struct link_call call;

	if (w == NULL) {
		fail(l, LINK_TOLD, r->str != NULL ? r->str : "");
		return;
	}
	call = w->call;
	l->first = w->next;
	l->n--;
	w->next = l->spare;
	l->spare = w;
	arm_timer(l);
	call.fn(call.ctx, r, call.tag);
	if (arena_used(l->scratch) > SCRATCH_MAX) {
		arena_destroy(l->scratch);
		l->scratch = arena_create();
	} else {
		arena_reset(l->scratch);
	}
	l->maker.size = 0;
}

/* Answers all replies that are whole. */
static void read_replies(struct link *l)
{
	void *reply = NULL;

	while (!l->is_down && !l->is_doomed) {
		l->maker.expected = l->first != NULL;
		l->maker.arena = l->scratch;
		if (redisReaderGetReply(l->c->reader, &reply) != REDIS_OK) {
			fail(l, l->maker.is_too_large ? LINK_TOO_LARGE : LINK_GARBLED, l->maker.fault != NULL ? l->maker.fault : l->c->reader->errstr);
			return;
		}
		if (reply == NULL)
			break;
		answer(l, reply);
	}
	if (!l->is_down && !l->is_doomed && l->c->reader->len - l->c->reader->pos > UNREAD_MAX)
		fail(l, LINK_GARBLED, "a text of more than 64 MiB: an entry so large cannot be read, it must be deleted (XDEL)");
}

/* False when there is nothing more now. */
static bool fill(struct link *l)
{
	ssize_t n;

	if (l->tls) {
		if (redisBufferRead(l->c) != REDIS_OK)
			fail(l, LINK_LOST, tls_why(l->c));
		return false;
	}
	n = read(l->c->fd, l->buf, sizeof l->buf);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		fail(l, LINK_LOST, n == 0 ? "the server closed the connection" : strerror(errno));
		return false;
	}
	if (redisReaderFeed(l->c->reader, l->buf, (size_t)n) != REDIS_OK)
		fail(l, LINK_GARBLED, l->c->reader->errstr);
	return n == (ssize_t)sizeof l->buf;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	bool more = true;

	(void)fd, (void)what;
	l->is_busy = true;
	for (int i = 0; i < READ_TURNS && more && !l->is_down && !l->is_doomed; i++) {
		more = fill(l);
		if (!l->is_down)
			read_replies(l);
	}
	l->is_busy = false;
	if (l->is_doomed)
		link_destroy(l);
}

/* ---- the beginning ---- */

/* NULL, with the fault told, when there is no context to be had. */
static redisContext *make_context(struct link *l, int fd)
{
	redisContext *c = redisConnectFd(fd);
	redisReader *reader = c != NULL && c->err == 0 ? reply_reader_create(&l->maker) : NULL;
	struct diag d = { 0 };

	if (reader == NULL) {
		if (c != NULL)
			redisFree(c);
		else
			close(fd);
		fail(l, LINK_LOST, "memory is out");
		return NULL;
	}
	c->flags &= ~REDIS_BLOCK;
	redisReaderFree(c->reader);
	c->reader = reader;
	if (l->tls && tls_begin(c, l->host, l->ca_file, &d) != ERR_OK) {
		redisFree(c);
		fail(l, LINK_LOST, d.msg);
		return NULL;
	}
	return c;
}

static void on_dialled(void *ctx, int fd, const char *why)
{
	struct link *l = ctx;

	l->dial = NULL;
	if (fd < 0) {
		fail(l, LINK_LOST, why);
		return;
	}
	l->c = make_context(l, fd);
	if (l->c == NULL)
		return;
	l->rev = event_new(l->base, fd, EV_READ | EV_PERSIST, on_readable, l);
	l->wev = event_new(l->base, fd, EV_WRITE, on_writable, l);
	l->tls_timer = evtimer_new(l->base, on_writable, l);
	event_add(l->rev, NULL);
	l->is_busy = true;
	l->handler.up(l->handler.ctx);
	l->is_busy = false;
	if (l->is_doomed)
		link_destroy(l);
}

struct link *link_create(struct event_base *base, const struct link_to *to, int64_t ms, const struct link_handler *handler)
{
	struct link *l = xcalloc(1, sizeof *l);

	l->base = base;
	l->handler = *handler;
	l->host = xstrdup(to->host != NULL ? to->host : "localhost");
	l->ca_file = to->ca_file != NULL ? xstrdup(to->ca_file) : NULL;
	l->tls = to->tls;
	l->scratch = arena_create();
	buf_init(&l->command, BUF_NO_MAX);
	l->timer = evtimer_new(base, on_timer, l);
	l->dial = dial_start(base, to->host, to->port, to->path, ms, on_dialled, l);
	return l;
}
