/*
 * One connection: head, body, request, answer, again. It reads on while a request is out, up to the high-water mark, so a client that
 * leaves is noticed and nothing is re-registered per request; what has been read waits.
 *
 * Slices of a request point into memory of the connection (head_text, body, chunked), never into the input, which moves.
 */
#include "http_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "base/now.h"
#include "base/xalloc.h"

#define INPUT_HIGH    (64u << 10)     /* read ahead at most, but for a body that was admitted */
#define TURN_REQUESTS 32              /* pipelined requests that one connection gets before others have a turn */
#define HEAD_KEEP     4096            /* memory for a head that an idle connection keeps */
#define SMALL_BODY    (16u << 10)     /* never refused for want of memory: bounded by the number of connections */

static void on_read(struct bufferevent *bev, void *arg);
static void on_written(struct bufferevent *bev, void *arg);
static void on_event(struct bufferevent *bev, short what, void *arg);

void conn_create(struct http_listener *l, int fd, const struct http_peer *peer)
{
	struct http_server *s = l->server;
	struct http_conn *c = xcalloc(1, sizeof *c);

	c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->body = evbuffer_new();
	if (c->bev == NULL || c->body == NULL)
		abort();
	c->server = s;
	c->listener = l;
	c->req.peer = *peer;
	c->req.tag = l->tag;
	c->accepted = c->since = mono_now();
	http_head_init(&c->head, &s->limits);
	buf_init(&c->head_text, s->limits.head_len + 1);
	buf_init(&c->chunked, 0);
	c->next = s->conns;
	if (s->conns != NULL)
		s->conns->prev = c;
	s->conns = c;
	l->n++;
	s->stats.n_connections++;
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_HIGH);
	bufferevent_enable(c->bev, EV_READ);
}

void conn_free(struct http_conn *c)
{
	if (c->server != NULL)
		server_forget(c);
	if (c->bev != NULL)
		bufferevent_free(c->bev);
	evbuffer_free(c->body);
	http_head_finish(&c->head);
	buf_finish(&c->head_text);
	buf_finish(&c->chunked);
	free(c);
}

void conn_close(struct http_conn *c)
{
	if (c->state == CONN_BUSY) {
		/* The handler holds the request: it must find it as it was. The socket need not wait. */
		if (c->bev != NULL) {
			/* libevent closes in a later turn, which may never come. */
			shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
			bufferevent_free(c->bev);
		}
		c->bev = NULL;
		return;
	}
	c->state = CONN_OVER;
	if (!c->in_turn)
		conn_free(c);
}

static void uncharge(struct http_conn *c)
{
	c->server->stats.bodies_len -= c->charged;
	c->charged = 0;
}

/* Counts `len` bytes of body against what all bodies may take together. */
static bool charge(struct http_conn *c, size_t len)
{
	struct http_server *s = c->server;

	if (len > c->charged) {
		size_t more = len - c->charged;

		if (len > SMALL_BODY && s->stats.bodies_len + more > s->limits.bodies_len)
			return false;
		s->stats.bodies_len += more;
		c->charged = len;
	}
	return true;
}

static void refuse_for_memory(struct http_conn *c)
{
	struct problem p;

	problem_set(&p, 503, NULL, "Other requests take all the memory that is set aside for bodies; try again.");
	conn_refuse(c, &p, "Retry-After: 1\r\n", CONN_ENDS);
}

static void refuse_for_size(struct http_conn *c)
{
	struct problem p;

	problem_set(&p, 413, NULL, "The body is larger than the %zu bytes that are taken here.", c->body_len);
	conn_refuse(c, &p, NULL, CONN_ENDS);
}

static void hand_over(struct http_conn *c, struct str body)
{
	struct http_server *s = c->server;

	c->req.body = body;
	c->state = CONN_BUSY;
	s->stats.n_requests++;
	s->stats.n_busy++;
	s->handler.request(s->handler.ctx, &c->req);
}

/* ---- head ---- */

static void fill_request(struct http_conn *c)
{
	c->req.method = c->head.method;
	c->req.path = c->head.path;
	c->req.raw_path = c->head.raw_path;
	c->req.query = c->head.query;
	c->req.headers = (struct http_headers){ c->head.headers, c->head.n_headers };
	c->req.body = (struct str){ 0 };
	c->req.user = NULL;
}

static bool has_body(const struct http_head *h)
{
	return h->chunked || h->content_length > 0;
}

/* The head is fine as such: is the request wanted, and is its body? */
static void admit(struct http_conn *c)
{
	struct http_server *s = c->server;
	struct http_admission adm = { .body_len = s->limits.body_len };

	fill_request(c);
	if (s->handler.head != NULL)
		s->handler.head(s->handler.ctx, &c->req, &adm);
	if (adm.refusal.status != 0) {
		char allow[128] = "";

		if (adm.allow != NULL)
			snprintf(allow, sizeof allow, "Allow: %s\r\n", adm.allow);
		conn_refuse(c, &adm.refusal, allow, has_body(&c->head) ? CONN_ENDS : CONN_STAYS);
		return;
	}
	c->body_len = adm.body_len;
	if (!has_body(&c->head)) {
		hand_over(c, (struct str){ 0 });
		return;
	}
	if (c->head.content_length > adm.body_len) {
		refuse_for_size(c);
		return;
	}
	if (!charge(c, (size_t)c->head.content_length)) {
		refuse_for_memory(c);
		return;
	}
	c->state = CONN_BODY;
	c->since = mono_now();
	if (c->head.chunked) {
		c->chunk = (struct http_chunk){ 0 };
		c->chunked.max = adm.body_len;
	} else if (c->head.content_length > INPUT_HIGH) {
		/* Called once it is all there; reading stops there too. */
		bufferevent_setwatermark(c->bev, EV_READ, (size_t)c->head.content_length, (size_t)c->head.content_length);
	}
	if (c->head.expects_continue && evbuffer_get_length(bufferevent_get_input(c->bev)) == 0)
		conn_send_continue(c);
}

/* RFC 9112 section 2.2: one empty line before a request line is forgiven. Gives the bytes that are left to read now. */
static size_t skip_empty_line(struct http_conn *c, struct evbuffer *in)
{
	char two[2];
	ev_ssize_t n = evbuffer_copyout(in, two, 2);

	if (c->has_skipped)
		return evbuffer_get_length(in);
	if (n == 2 && two[0] == '\r' && two[1] == '\n') {
		evbuffer_drain(in, 2);
		c->has_skipped = true;
	}
	return n == 1 && two[0] == '\r' ? 0 : evbuffer_get_length(in);
}

/* True when something went on. */
static bool turn_head(struct http_conn *c)
{
	struct http_server *s = c->server;
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t len = evbuffer_get_length(in), head_len;
	struct str bytes;
	struct problem p;

	if (len == 0)
		return false;
	if (!c->has_begun) {
		len = skip_empty_line(c, in);
		if (len == 0)
			return false;
		c->has_begun = true;
		c->req.method = METHOD_GET;
		c->since = mono_now();
	}
	if (len > s->limits.head_len + 4)
		len = s->limits.head_len + 4;
	bytes = (struct str){ (const char *)evbuffer_pullup(in, (ev_ssize_t)len), len };
	if (!http_head_end(bytes, &s->limits, &c->scanned, &head_len, &p)) {
		conn_refuse(c, &p, NULL, CONN_ENDS);
		return true;
	}
	if (head_len == 0)
		return false;
	buf_reset(&c->head_text);
	buf_append(&c->head_text, bytes.p, head_len);
	evbuffer_drain(in, head_len);
	s->stats.bytes_in += head_len;
	c->scanned = 0;
	if (!http_head_parse(&c->head, buf_str(&c->head_text), &s->limits, &p)) {
		conn_refuse(c, &p, NULL, CONN_ENDS);
		return true;
	}
	admit(c);
	return true;
}

/* ---- body ---- */

static bool turn_known(struct http_conn *c, struct evbuffer *in)
{
	size_t len = (size_t)c->head.content_length;

	if (evbuffer_get_length(in) < len)
		return false;
	if (evbuffer_remove_buffer(in, c->body, len) != (int)len)
		abort();
	if (len > INPUT_HIGH)
		bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_HIGH);
	c->server->stats.bytes_in += len;
	hand_over(c, (struct str){ (const char *)evbuffer_pullup(c->body, -1), len });
	return true;
}

static bool turn_chunked(struct http_conn *c, struct evbuffer *in)
{
	size_t len = evbuffer_get_contiguous_space(in);
	struct problem p;
	size_t used;

	if (len == 0)
		return false;
	used = http_chunk_read(&c->chunk, (struct str){ (const char *)evbuffer_pullup(in, (ev_ssize_t)len), len }, &c->chunked);
	evbuffer_drain(in, used);
	c->server->stats.bytes_in += used;
	if (c->chunk.state == CHUNK_BAD) {
		problem_set(&p, 400, NULL, "The chunks of the body are malformed.");
		conn_refuse(c, &p, NULL, CONN_ENDS);
	} else if (!buf_ok(&c->chunked)) {
		refuse_for_size(c);
	} else if (!charge(c, c->chunked.len)) {
		refuse_for_memory(c);
	} else if (c->chunk.state == CHUNK_FINISHED) {
		hand_over(c, buf_str(&c->chunked));
	}
	return true;
}

/* ---- turns ---- */

/*
 * Where the input is full and nothing of it can be used before an answer is out, libevent would call again at once, for ever, and
 * event_base_loop() would not return to let the answer come.
 */
static void hold_when_full(struct http_conn *c)
{
	if ((c->state == CONN_BUSY || c->state == CONN_WRITE) && c->bev != NULL &&
	    evbuffer_get_length(bufferevent_get_input(c->bev)) >= INPUT_HIGH)
		bufferevent_disable(c->bev, EV_READ);
}

static void read_again(struct http_conn *c)
{
	if ((bufferevent_get_enabled(c->bev) & EV_READ) == 0)
		bufferevent_enable(c->bev, EV_READ);
}

/* After an answer has gone out: ready for the next request. */
static void start_over(struct http_conn *c)
{
	evbuffer_drain(c->body, evbuffer_get_length(c->body));
	if (c->chunked.cap > 0)
		buf_finish(&c->chunked);
	if (c->head_text.cap > HEAD_KEEP)
		buf_finish(&c->head_text);
	uncharge(c);
	c->state = CONN_HEAD;
	c->has_begun = c->has_skipped = false;
	c->has_answered = true;
	c->since = mono_now();
	read_again(c);
}

static void linger(struct http_conn *c)
{
	shutdown(bufferevent_getfd(c->bev), SHUT_WR);
	c->state = CONN_LINGER;
	c->since = mono_now();
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_HIGH);
	read_again(c);
}

void conn_written(struct http_conn *c)
{
	if (c->must_close && (!c->must_linger || c->eof))
		c->state = CONN_OVER;
	else if (c->must_close)
		linger(c);
	else
		start_over(c);
}

static bool go_on(struct http_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	switch (c->state) {
	case CONN_HEAD:
		return turn_head(c);
	case CONN_BODY:
		return c->head.chunked ? turn_chunked(c, in) : turn_known(c, in);
	case CONN_LINGER:
		evbuffer_drain(in, evbuffer_get_length(in));
		return false;
	case CONN_BUSY:
	case CONN_WRITE:
	case CONN_OVER:
		break;
	}
	return false;
}

void conn_turn(struct http_conn *c)
{
	uint64_t n_before = c->server->stats.n_requests;
	bool more;

	if (c->in_turn || c->bev == NULL)
		return;
	c->in_turn = true;
	do {
		more = go_on(c);
	} while (more && c->server->stats.n_requests - n_before < TURN_REQUESTS);
	c->in_turn = false;
	/* Nothing more will come for what is unfinished. */
	if (!more && c->eof && (c->state == CONN_HEAD || c->state == CONN_BODY || c->state == CONN_LINGER))
		c->state = CONN_OVER;
	if (c->state == CONN_OVER)
		conn_free(c);
	else if (more)
		server_ready(c);
	else
		hold_when_full(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct http_conn *c = arg;

	(void)bev;
	/* The server was destroyed under a request: http_reply() is all that is left to come. */
	if (c->server != NULL)
		conn_turn(c);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct http_conn *c = arg;

	(void)bev;
	if (c->server == NULL || c->state != CONN_WRITE)
		return;
	conn_written(c);
	conn_turn(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct http_conn *c = arg;

	(void)bev;
	if (c->server == NULL)
		return;
	if ((what & BEV_EVENT_EOF) != 0 && (what & BEV_EVENT_WRITING) == 0) {
		/* A client may close its half and still wait for the answer. */
		c->eof = true;
		conn_turn(c);
	} else {
		c->eof = true;
		conn_close(c);
	}
}
