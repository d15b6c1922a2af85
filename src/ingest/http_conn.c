/*
 * One connection: head, body, request, answer, again. It reads on while a request is out, up to the high-water mark, so a client that
 * leaves is noticed and nothing is re-registered per request; what has been read waits.
 *
 * Slices of a request point into memory of the connection (head_text, body), never into the input, which moves.
 */
#include "http_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/now.h"
#include "base/xalloc.h"

#define INPUT_HIGH    (64u << 10)     /* read ahead at most, but for a body that was admitted */
#define TURN_ANSWERS  32              /* of pipelined requests, refused ones too, that one connection gets before others have a turn … */
#define TURN_BYTES    8192            /* … or fewer, of so many bytes together: a long answer takes long to make */
#define KEEP          4096            /* memory for a head, and for a body, that an idle connection keeps */
#define SMALL_BODY    (16u << 10)     /* never refused for want of memory: bounded by the number of connections */

static void on_came(void *arg);
static void on_taken(void *arg);
static void on_over(void *arg, bool is_broken);

static const struct http_socket_fns socket_fns = { on_came, on_taken, on_over };

void conn_create(struct http_listener *l, int fd, const struct http_peer *peer)
{
	struct http_server *s = l->server;
	struct http_conn *c = xcalloc(1, sizeof *c);

	c->server = s;
	c->listener = l;
	c->req.peer = *peer;
	c->req.tag = l->tag;
	c->accepted = c->since = mono_lately();
	http_head_init(&c->head, &s->limits);
	buf_init(&c->head_text, s->limits.head_len + 1);
	buf_init(&c->body, 0);
	c->next = s->conns;
	if (s->conns != NULL)
		s->conns->prev = c;
	s->conns = c;
	l->n++;
	s->stats.n_connections++;
	http_socket_open(&c->socket, s->base, fd, INPUT_HIGH, &socket_fns, c);
}

void conn_free(struct http_conn *c)
{
	if (c->server != NULL)
		server_forget(c);
	http_socket_finish(&c->socket);
	http_head_finish(&c->head);
	buf_finish(&c->head_text);
	buf_finish(&c->body);
	free(c);
}

void conn_close(struct http_conn *c)
{
	if (c->state == CONN_BUSY) {
		/* The handler holds the request: it must find it as it was. The socket need not wait. */
		http_socket_close(&c->socket);
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
	c->since = mono_lately();
	c->body.max = adm.body_len;
	if (c->head.chunked) {
		c->chunk = (struct http_chunk){ 0 };
	} else if (c->head.content_length > INPUT_HIGH) {
		http_socket_set_room(&c->socket, (size_t)c->head.content_length);
	}
	if (c->head.expects_continue && http_socket_waits_in(&c->socket) == 0)
		conn_send_continue(c);
}

/* RFC 9112 section 2.2: one empty line before a request line is forgiven. Gives the bytes that are left to read now. */
static size_t skip_empty_line(struct http_conn *c)
{
	struct str in = http_socket_in(&c->socket);

	if (c->has_skipped || in.p[0] != '\r')
		return in.len;
	if (in.len == 1)
		return 0;
	if (in.p[1] == '\n') {
		http_socket_use(&c->socket, 2);
		c->has_skipped = true;
	}
	return http_socket_waits_in(&c->socket);
}

/* True when something went on. */
static bool turn_head(struct http_conn *c)
{
	struct http_server *s = c->server;
	size_t len = http_socket_waits_in(&c->socket), head_len;
	struct str bytes;
	struct problem p;

	if (len == 0)
		return false;
	if (!c->has_begun) {
		len = skip_empty_line(c);
		if (len == 0)
			return false;
		c->has_begun = true;
		c->req.method = METHOD_GET;
		c->since = mono_lately();
	}
	bytes = http_socket_in(&c->socket);
	if (bytes.len > s->limits.head_len + 4)
		bytes.len = s->limits.head_len + 4;
	if (!http_head_end(bytes, &s->limits, &c->scanned, &head_len, &p)) {
		conn_refuse(c, &p, NULL, CONN_ENDS);
		return true;
	}
	if (head_len == 0)
		return false;
	buf_reset(&c->head_text);
	buf_append(&c->head_text, bytes.p, head_len);
	http_socket_use(&c->socket, head_len);
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

static bool turn_known(struct http_conn *c)
{
	size_t len = (size_t)c->head.content_length;
	struct str body;

	if (http_socket_waits_in(&c->socket) < len)
		return false;
	body = http_socket_take(&c->socket, len, &c->body);
	if (len > INPUT_HIGH)
		http_socket_set_room(&c->socket, INPUT_HIGH);
	c->server->stats.bytes_in += len;
	hand_over(c, body);
	return true;
}

static bool turn_chunked(struct http_conn *c)
{
	struct problem p;
	size_t used;

	if (http_socket_waits_in(&c->socket) == 0)
		return false;
	used = http_chunk_read(&c->chunk, http_socket_in(&c->socket), &c->body);
	http_socket_use(&c->socket, used);
	c->server->stats.bytes_in += used;
	if (c->chunk.state == CHUNK_BAD) {
		problem_set(&p, 400, NULL, "The chunks of the body are malformed.");
		conn_refuse(c, &p, NULL, CONN_ENDS);
	} else if (!buf_ok(&c->body)) {
		refuse_for_size(c);
	} else if (!charge(c, c->body.len)) {
		refuse_for_memory(c);
	} else if (c->chunk.state == CHUNK_FINISHED) {
		hand_over(c, buf_str(&c->body));
	}
	return true;
}

/* ---- turns ---- */

/* After an answer has gone out: ready for the next request. */
static void start_over(struct http_conn *c)
{
	buf_reset(&c->body);
	if (c->body.cap > KEEP)
		buf_finish(&c->body);
	if (c->head_text.cap > KEEP)
		buf_finish(&c->head_text);
	uncharge(c);
	c->state = CONN_HEAD;
	c->has_begun = c->has_skipped = false;
	c->has_answered = true;
	c->since = mono_lately();
}

static void linger(struct http_conn *c)
{
	shutdown(c->socket.fd, SHUT_WR);
	c->state = CONN_LINGER;
	c->since = mono_lately();
	http_socket_set_room(&c->socket, INPUT_HIGH);
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
	switch (c->state) {
	case CONN_HEAD:
		return turn_head(c);
	case CONN_BODY:
		return c->head.chunked ? turn_chunked(c) : turn_known(c);
	case CONN_LINGER:
		http_socket_use(&c->socket, http_socket_waits_in(&c->socket));
		return false;
	case CONN_BUSY:
	case CONN_WRITE:
	case CONN_OVER:
		break;
	}
	return false;
}

static uint64_t n_begun(const struct http_server *s)
{
	return s->stats.n_requests + s->stats.n_refused;
}

void conn_turn(struct http_conn *c)
{
	uint64_t n_before = n_begun(c->server), bytes_before = c->server->stats.bytes_out;
	bool more;

	if (c->in_turn || c->socket.fd < 0)
		return;
	c->in_turn = true;
	do {
		more = go_on(c);
	} while (more && n_begun(c->server) - n_before < TURN_ANSWERS && c->server->stats.bytes_out - bytes_before < TURN_BYTES);
	c->in_turn = false;
	/* Nothing more will come for what is unfinished. */
	if (!more && c->eof && (c->state == CONN_HEAD || c->state == CONN_BODY || c->state == CONN_LINGER))
		c->state = CONN_OVER;
	if (c->state == CONN_OVER)
		conn_free(c);
	else if (more)
		server_ready(c);
	else
		http_socket_read_on(&c->socket);
}

static void on_came(void *arg)
{
	struct http_conn *c = arg;

	/* The server was destroyed under a request: http_reply() is all that is left to come. */
	if (c->server != NULL)
		conn_turn(c);
}

static void on_taken(void *arg)
{
	struct http_conn *c = arg;

	if (c->server == NULL || c->state != CONN_WRITE)
		return;
	conn_written(c);
	conn_turn(c);
}

static void on_over(void *arg, bool is_broken)
{
	struct http_conn *c = arg;

	if (c->server == NULL)
		return;
	c->eof = true;
	/* A client may close its half and still wait for the answer. */
	if (is_broken)
		conn_close(c);
	else
		conn_turn(c);
}
