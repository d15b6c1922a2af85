/* Answers: one write where the socket takes it, the rest when it can. */
#include "http_private.h"

#include <stdio.h>
#include <time.h>

#include "base/now.h"

#define PROBLEM_TEXT_MAX 8192
#define SMALL_BODY       1024

void server_put_date(struct http_server *s)
{
	int64_t now_s = wall_lately().ms / 1000;

	if (now_s != s->date_s || s->date[0] == '\0') {
		time_t t = (time_t)now_s;
		struct tm tm;

		/* The C locale is the only one here: nobody calls setlocale(). */
		gmtime_r(&t, &tm);
		strftime(s->date, sizeof s->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
		s->date_s = now_s;
	}
	buf_puts(&s->out, s->date);
}

static void compose_head(struct http_conn *c, const struct http_reply *r)
{
	struct buf *b = &c->server->out;

	buf_reset(b);
	buf_puts(b, "HTTP/1.1 ");
	buf_put_decimal(b, r->status);
	buf_putc(b, ' ');
	buf_puts(b, http_reason(r->status));
	buf_puts(b, "\r\n");
	server_put_date(c->server);
	if (r->content_type != NULL) {
		buf_puts(b, "Content-Type: ");
		buf_puts(b, r->content_type);
		buf_puts(b, "\r\n");
	}
	if (r->status != 204 && r->status != 304) {
		buf_puts(b, "Content-Length: ");
		buf_put_decimal(b, (int64_t)r->body.len);
		buf_puts(b, "\r\n");
	}
	if (r->headers != NULL)
		buf_puts(b, r->headers);
	if (c->must_close)
		buf_puts(b, "Connection: close\r\n");
	else if (c->head.is_10)
		buf_puts(b, "Connection: keep-alive\r\n");
	buf_puts(b, "\r\n");
}

bool conn_send(struct http_conn *c, struct str head, struct str body)
{
	c->server->stats.bytes_out += head.len + body.len;
	return http_socket_send(&c->socket, head, body);
}

static void answer(struct http_conn *c, const struct http_reply *r)
{
	struct http_server *s = c->server;
	struct str body = r->body;

	compose_head(c, r);
	s->stats.n_replies[r->status / 100 < 6 ? r->status / 100 : 5]++;
	if (c->req.method == METHOD_HEAD || r->status == 204 || r->status == 304)
		body.len = 0;
	/* One piece is cheaper for the kernel than two. */
	if (body.len <= SMALL_BODY) {
		buf_put(&s->out, body);
		body.len = 0;
	}
	if (!conn_send(c, buf_str(&s->out), body)) {
		c->state = CONN_OVER;
		return;
	}
	c->unsent = http_socket_waits_out(&c->socket);
	if (c->unsent == 0) {
		conn_written(c);
		return;
	}
	c->state = CONN_WRITE;
	c->since = mono_lately();
}

static bool is_worn_out(const struct http_conn *c)
{
	const struct http_server *s = c->server;

	return s->is_stopping || mono_lately().ms - c->accepted.ms > s->limits.life_ms;
}

void http_reply(struct http_request *r, const struct http_reply *reply)
{
	struct http_conn *c = (struct http_conn *)r;
	struct http_server *s = c->server;

	if (s != NULL)
		s->stats.n_busy--;
	if (s == NULL || c->socket.fd < 0) {
		c->state = CONN_OVER;
		if (!c->in_turn)
			conn_free(c);
		return;
	}
	c->must_close = reply->close || !c->head.keep_alive || is_worn_out(c);
	c->must_linger = reply->close || http_socket_waits_in(&c->socket) > 0;
	answer(c, reply);
	if (c->in_turn)
		return;
	if (c->state == CONN_OVER) {
		conn_free(c);
		return;
	}
	/*
	 * A request that waits in the input is not begun from here: the caller is a handler in the middle of something. It gets
	 * its turn from the loop.
	 */
	if (c->eof || http_socket_waits_in(&c->socket) > 0)
		server_ready(c);
}

void http_reply_problem(struct http_request *r, const struct problem *p, const char *headers)
{
	struct buf b;

	buf_init(&b, PROBLEM_TEXT_MAX);
	problem_write(p, &b);
	http_reply(r, &(struct http_reply){ .status = p->status, .content_type = PROBLEM_TYPE, .headers = headers, .body = buf_str(&b) });
	buf_finish(&b);
}

void conn_refuse(struct http_conn *c, const struct problem *p, const char *headers, enum conn_after after)
{
	struct http_server *s = c->server;
	struct buf b;

	s->stats.n_refused++;
	buf_init(&b, PROBLEM_TEXT_MAX);
	problem_write(p, &b);
	c->must_close = after == CONN_ENDS || !c->head.keep_alive || is_worn_out(c);
	c->must_linger = after == CONN_ENDS;
	answer(c, &(struct http_reply){ .status = p->status, .content_type = PROBLEM_TYPE, .headers = headers, .body = buf_str(&b) });
	buf_finish(&b);
}

void conn_send_continue(struct http_conn *c)
{
	if (!conn_send(c, STR("HTTP/1.1 100 Continue\r\n\r\n"), (struct str){ 0 }))
		c->state = CONN_OVER;
}
