/* The connection stays busy while its stream lasts, and is good for nothing else afterwards: its end is the stream's. */
#include "ingest/http_stream.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/now.h"
#include "http_private.h"

static void begin(struct http_request *r, const char *content_type, const char *length)
{
	struct http_conn *c = (struct http_conn *)r;
	struct buf *b;

	c->must_close = true;
	if (!http_stream_is_alive(r))
		return;
	b = &c->server->out;
	buf_reset(b);
	buf_puts(b, "HTTP/1.1 200 OK\r\n");
	server_put_date(c->server);
	buf_printf(b, "Content-Type: %s\r\n%sCache-Control: no-store\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\n", content_type, length);
	c->server->stats.n_replies[2]++;
	/* A connection that breaks here is seen by the next look at it. */
	(void)conn_send(c, buf_str(b), (struct str){ 0 });
}

void http_stream_begin(struct http_request *r, const char *content_type)
{
	begin(r, content_type, "");
}

void http_stream_begin_sized(struct http_request *r, const char *content_type, uint64_t len)
{
	char header[64];

	snprintf(header, sizeof header, "Content-Length: %" PRIu64 "\r\n", len);
	begin(r, content_type, header);
}

size_t http_stream_room(const struct http_request *r)
{
	const struct http_conn *c = (const struct http_conn *)r;
	size_t waits = http_stream_is_alive(r) ? http_socket_waits_out(&c->socket) : HTTP_STREAM_BEHIND;

	return waits < HTTP_STREAM_BEHIND ? HTTP_STREAM_BEHIND - waits : 0;
}

bool http_stream_is_alive(const struct http_request *r)
{
	const struct http_conn *c = (const struct http_conn *)r;

	return c->server != NULL && c->socket.fd >= 0 && !c->eof;
}

bool http_stream_put(struct http_request *r, struct str piece)
{
	struct http_conn *c = (struct http_conn *)r;

	if (!http_stream_is_alive(r) || http_socket_waits_out(&c->socket) > HTTP_STREAM_BEHIND)
		return false;
	return c->req.method == METHOD_HEAD || conn_send(c, piece, (struct str){ 0 });
}

void http_stream_end(struct http_request *r)
{
	struct http_conn *c = (struct http_conn *)r;

	if (c->server != NULL)
		c->server->stats.n_busy--;
	if (c->server == NULL || c->socket.fd < 0 || c->eof) {
		c->state = CONN_OVER;
	} else {
		c->must_linger = false;
		c->unsent = http_socket_waits_out(&c->socket);
		c->state = c->unsent > 0 && c->unsent <= HTTP_STREAM_BEHIND ? CONN_WRITE : CONN_OVER;
		c->since = mono_lately();
	}
	if (c->state == CONN_OVER && !c->in_turn)
		conn_free(c);
}
