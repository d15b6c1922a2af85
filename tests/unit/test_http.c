#include "../http_loop.h"
#include "../prop.h"

#include <errno.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"
#include "base/now.h"
#include "ingest/http_head.h"
#include "ingest/http_private.h"

#define BIG_LEN (6u << 20)

static struct http_request *_Atomic parked;       /* of /park: replied to by a command */
static char big[BIG_LEN];
static int n_drained;

/* ---- the handler under test ---- */

struct later { struct event *ev; struct http_request *r; };

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct later *l = arg;

	(void)fd;
	(void)what;
	http_reply(l->r, &(struct http_reply){ .status = 200, .content_type = "text/plain", .body = l->r->body });
	event_free(l->ev);
	free(l);
}

static void head(void *ctx, struct http_request *r, struct http_admission *adm)
{
	(void)ctx;
	if (str_eqz(r->path, "/small")) {
		adm->body_len = 10;
	} else if (str_eqz(r->path, "/large")) {
		adm->body_len = 4u << 20;
	} else if (str_eqz(r->path, "/post") && r->method != METHOD_POST) {
		problem_set(&adm->refusal, 405, NULL, "POST it.");
		adm->allow = "POST";
	} else if (str_eqz(r->path, "/nowhere")) {
		problem_set(&adm->refusal, 404, NULL, "There is nothing.");
	}
}

static void request(void *ctx, struct http_request *r)
{
	struct http_loop *loop = ctx;
	struct http_reply text = { .status = 200, .content_type = "text/plain", .body = r->body };
	struct timeval tv = { .tv_usec = 30000 };

	if (str_eqz(r->path, "/later")) {
		struct later *l = calloc(1, sizeof *l);

		l->r = r;
		l->ev = event_new(loop->base, -1, 0, on_later, l);
		event_add(l->ev, &tv);
		return;
	}
	if (str_eqz(r->path, "/park")) {
		parked = r;
		return;
	}
	if (str_eqz(r->path, "/path"))
		text.body = r->query;
	else if (str_eqz(r->path, "/a b/\xc3\xa9"))
		text.body = r->raw_path;
	else if (str_eqz(r->path, "/peer"))
		text.body = str_of(r->peer.addr);
	else if (str_eqz(r->path, "/big"))
		text.body = (struct str){ big, sizeof big };
	else if (str_eqz(r->path, "/page"))
		text.body = (struct str){ big, 12000 };
	else if (str_eqz(r->path, "/close"))
		text.close = true;
	else if (str_eqz(r->path, "/none"))
		text = (struct http_reply){ .status = 204 };
	http_reply(r, &text);
}

static void on_drained(void *ctx)
{
	struct http_loop *l = ctx;

	n_drained++;
	event_base_loopbreak(l->base);
}

static void command(struct http_loop *l, char c)
{
	struct http_request *r = parked;

	if (c == 'p' && r != NULL) {
		http_reply(r, &(struct http_reply){ .status = 200, .content_type = "text/plain", .body = STR("late") });
		parked = NULL;
	} else if (c == 'd') {
		http_drain(l->server, 3000, on_drained, l);
	} else if (c == 'D') {
		http_drain(l->server, 100, on_drained, l);
	}
}

/* ---- what loop_until() waits for ---- */

static struct http_stats stats_of(const struct http_server *s)
{
	struct http_stats stats;

	http_server_stats(s, &stats);
	return stats;
}

static bool one_is_parked(const struct http_server *s)
{
	(void)s;
	return parked != NULL;
}

static bool none_is_parked(const struct http_server *s)
{
	return !one_is_parked(s);
}

static bool nobody_is_there(const struct http_server *s)
{
	return stats_of(s).n_connections == 0;
}

static bool five_are_there(const struct http_server *s)
{
	return stats_of(s).n_connections == 5;
}

static bool a_body_comes(const struct http_server *s)
{
	return stats_of(s).bodies_len != 0;
}

static bool no_body_comes(const struct http_server *s)
{
	return !a_body_comes(s);
}

static void start(struct http_loop *l, const struct http_limits *limits, size_t connections)
{
	*l = (struct http_loop){ .command = command };
	parked = NULL;
	n_drained = 0;
	loop_init(l, limits, &(struct http_handler){ head, request, l }, connections);
	loop_start(l);
}

static void stop(struct http_loop *l)
{
	loop_stop(l);
	loop_finish(l);
}

/* ---- a table of requests ---- */

#define HOST "Host: x\r\n"

enum after { STAYS, ENDS };

static const struct raw { const char *bytes; int status; enum after after; const char *body; } raws[] = {
	/* fine */
	{ "GET / HTTP/1.1\r\n" HOST "\r\n", 200, STAYS, "" },
	{ "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 200, STAYS, "" },
	{ "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", 200, STAYS, "" },
	{ "GET / HTTP/1.1\r\nhOST: \t[::1]:8970 \t\r\n\r\n", 200, STAYS, "" },
	{ "GET / HTTP/1.0\r\n\r\n", 200, ENDS, "" },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, STAYS, "" },
	{ "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200, ENDS, "" },
	{ "GET / HTTP/1.1\r\n" HOST "Connection: foo, Close\r\n\r\n", 200, ENDS, "" },
	{ "GET / HTTP/1.1\r\n" HOST "X: \xff\xfe\r\nY:\r\nZ: a\tb\r\n\r\n", 200, STAYS, "" },
	{ "GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 200, STAYS, "" },
	{ "GET / HTTP/1.1\r\n" HOST "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n", 200, STAYS, "" },
	{ "GET /path?a=1&b=%20 HTTP/1.1\r\n" HOST "\r\n", 200, STAYS, "a=1&b=%20" },
	{ "GET /path?a?b HTTP/1.1\r\n" HOST "\r\n", 200, STAYS, "a?b" },
	{ "GET /a%20b/%C3%a9 HTTP/1.1\r\n" HOST "\r\n", 200, STAYS, "/a%20b/%C3%a9" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", 200, STAYS, "hello" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 200, STAYS, "" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 0005\r\n\r\nhello", 200, STAYS, "hello" },
	{ "POST / HTTP/1.1\r\n" HOST "\r\n", 200, STAYS, "" },
	{ "PUT / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", 200, STAYS, "hi" },
	{ "PATCH / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", 200, STAYS, "hi" },
	{ "DELETE / HTTP/1.1\r\n" HOST "\r\n", 200, STAYS, "" },
	{ "OPTIONS / HTTP/1.1\r\n" HOST "\r\n", 200, STAYS, "" },
	{ "GET /none HTTP/1.1\r\n" HOST "\r\n", 204, STAYS, NULL },
	{ "GET /close HTTP/1.1\r\n" HOST "\r\n", 200, ENDS, "" },
	{ "POST /later HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nwait", 200, STAYS, "wait" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", 200, STAYS, "x" },
	/* chunks */
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 200, STAYS, "hello world" },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 200, STAYS, "" },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n00000005;a=b;c=\"d\"\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", 200, STAYS, "hello" },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", 200, STAYS, "0123456789" },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n 1\r\nx\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nx\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n;a\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFF\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: 1\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nX\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n: 1\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nX : 1\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n y\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nGET / HTTP/1.1\r\n\r\n", 400, ENDS, NULL },
	{ "POST /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nB\r\n01234567890\r\n0\r\n\r\n", 413, ENDS, NULL },
	{ "POST /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", 200, STAYS, "0123456789" },
	/* framing */
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\nhello", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nhello", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\nhello", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\nhello", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\nhello", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", 413, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n", 413, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: pigeons\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\x0b" "chunked\r\n\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ENDS, NULL },
	/* request line */
	{ "GET / HTTP/2.0\r\n" HOST "\r\n", 505, ENDS, NULL },
	{ "GET / HTTP/1.2\r\n" HOST "\r\n", 505, ENDS, NULL },
	{ "GET / HTTP/0.9\r\n\r\n", 505, ENDS, NULL },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, ENDS, NULL },
	{ "GET /\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1 \r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET  / HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET /  HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET\t/\tHTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ " GET / HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET / http/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.10\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/01.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET / ICE/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET / RTSP/1.0\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "get / HTTP/1.1\r\n" HOST "\r\n", 501, ENDS, NULL },
	{ "BREW / HTTP/1.1\r\n" HOST "\r\n", 501, ENDS, NULL },
	{ "TRACE / HTTP/1.1\r\n" HOST "\r\n", 501, ENDS, NULL },
	{ "CONNECT x:80 HTTP/1.1\r\n" HOST "\r\n", 501, ENDS, NULL },
	{ "G(T / HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET http://x/ HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET x HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET /#a HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET /%00 HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET /%0a HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET /%zz HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET /%2 HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET /% HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET /%ff HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET /a/../b HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET /%2e%2e/b HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET /. HTTP/1.1\r\n" HOST "\r\n", 400, ENDS, NULL },
	/* headers */
	{ "GET / HTTP/1.1\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\nHost: x#y\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n X: a\r\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X : a\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X[]: a\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X\xc3\xa9: a\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\r\r\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\n" HOST "\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\nHost: x\n\r\n", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "\n", 400, ENDS, NULL },
	{ "\x16\x03\x01\x02", 400, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415, ENDS, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n", 417, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n", 400, ENDS, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Authorization: a\r\nauthorization: b\r\n\r\n", 400, ENDS, NULL },
	/* what the handler refuses by the head */
	{ "GET /post HTTP/1.1\r\n" HOST "\r\n", 405, STAYS, NULL },
	{ "GET /nowhere HTTP/1.1\r\n" HOST "\r\n", 404, STAYS, NULL },
	{ "POST /nowhere HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 404, ENDS, NULL },
	{ "POST /small HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n01234567890", 413, ENDS, NULL },
	{ "POST /nowhere HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", 404, ENDS, NULL },
	{ "POST /small HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 11\r\n\r\n", 413, ENDS, NULL },
	{ "POST /small HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", 100, STAYS, NULL },
	{ "POST /small HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", 200, STAYS, "abc" },
};

static void check_answer(const struct raw *r, const struct answer *a)
{
	if (a->status != r->status)
		fail_msg("%s: %d instead of %d\n%s%s", r->bytes, a->status, r->status, a->head, a->body != NULL ? a->body : "");
	if (r->body != NULL && strcmp(a->body, r->body) != 0)
		fail_msg("%s: body \"%s\"", r->bytes, a->body);
	if (a->status == 204 && strstr(a->head, "Content-Length") != NULL)
		fail_msg("a length where there is no body");
	if (a->status >= 400 && (strstr(a->head, "Content-Type: application/problem+json\r\n") == NULL ||
				 strstr(a->body, "\"status\":") == NULL || strstr(a->body, "\"detail\":") == NULL))
		fail_msg("%s: not a problem: %s%s", r->bytes, a->head, a->body);
	if (a->status != 100 && strstr(a->head, "\r\nDate: ") == NULL)
		fail_msg("no date: %s", a->head);
}

/* At once, and byte by byte: the same verdict. */
static void table(void **state)
{
	(void)state;
	struct http_loop l;
	struct answer a;

	start(&l, NULL, 64);
	for (size_t i = 0; i < sizeof raws / sizeof raws[0]; i++) {
		for (int slow = 0; slow < 2; slow++) {
			int fd = client_open(l.port);

			for (size_t j = 0; slow && j < strlen(raws[i].bytes); j++) {
				client_send(fd, raws[i].bytes + j, 1);
				if (j % 8 == 7)
					usleep(50);
			}
			/* A body that comes after the head meets a 100 before the answer. */
			if (!slow)
				client_puts(fd, raws[i].bytes);
			a = client_answer(fd, 0);
			if (slow && a.status == 100 && raws[i].status != 100) {
				free(a.body);
				a = client_answer(fd, 0);
			}
			check_answer(&raws[i], &a);
			if ((raws[i].after == ENDS) != (strstr(a.head, "Connection: close\r\n") != NULL))
				fail_msg("%s: %s", raws[i].bytes, a.head);
			free(a.body);
			if (raws[i].after == ENDS) {
				shutdown(fd, SHUT_WR);
				if (!client_is_closed(fd))
					fail_msg("%s: stays open", raws[i].bytes);
			} else if (raws[i].status != 100) {
				client_puts(fd, "GET /path?again HTTP/1.1\r\n" HOST "\r\n");
				a = client_answer(fd, 0);
				if (a.status != 200 || strcmp(a.body, "again") != 0)
					fail_msg("%s: then %d %s", raws[i].bytes, a.status, a.body != NULL ? a.body : "");
				free(a.body);
			}
			close(fd);
		}
	}
	stop(&l);
}

static void nul_bytes(void **state)
{
	(void)state;
	static const char in_value[] = "GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n";
	static const char in_target[] = "GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char in_name[] = "GET / HTTP/1.1\r\nHost: x\r\nX\0: b\r\n\r\n";
	const struct str all[] = { { in_value, sizeof in_value - 1 }, { in_target, sizeof in_target - 1 }, { in_name, sizeof in_name - 1 } };
	struct http_loop l;

	start(&l, NULL, 64);
	for (size_t i = 0; i < 3; i++) {
		int fd = client_open(l.port);
		struct answer a;

		client_send(fd, all[i].p, all[i].len);
		a = client_answer(fd, 0);
		assert_int_equal(a.status, 400);
		free(a.body);
		close(fd);
	}
	stop(&l);
}

/*
 * Heads with bytes changed, lost and doubled: never more than a refusal; and what is accepted has no byte that another program
 * could read otherwise. The same in one piece and in two.
 */
static void mutations(void **state)
{
	(void)state;
	static const char alphabet[] = "\r\n\r\n :\t\0%./?#,;=aGP01\x7f\x80\xff";
	struct http_limits limits = { .head_len = 512, .target_len = 100, .n_headers = 4 };
	struct prop p = prop_begin("mutations");
	size_t n_good = 0;
	struct http_head h;

	http_head_init(&h, &limits);
	for (size_t round = prop_rounds(100000); round > 0; round--) {
		const char *from = raws[prop_below(&p, 40)].bytes;
		char text[256];
		size_t len = strlen(from) < 200 ? strlen(from) : 200, end, end_two, scanned = 0, first;
		struct problem said;

		memcpy(text, from, len);
		for (uint64_t n = prop_below(&p, 4); n > 0 && len > 1; n--) {
			size_t at = (size_t)prop_below(&p, len);

			switch (prop_below(&p, 3)) {
			case 0:
				text[at] = alphabet[prop_below(&p, sizeof alphabet - 1)];
				break;
			case 1:
				memmove(text + at, text + at + 1, --len - at);
				break;
			default:
				memmove(text + at + 1, text + at, len++ - at);
				break;
			}
		}
		if (!http_head_end((struct str){ text, len }, &limits, &scanned, &end, &said) || end == 0)
			continue;
		scanned = 0;
		first = (size_t)prop_below(&p, end);
		assert_true(http_head_end((struct str){ text, first }, &limits, &scanned, &end_two, &said));
		assert_int_equal(end_two, 0);
		assert_true(http_head_end((struct str){ text, len }, &limits, &scanned, &end_two, &said));
		assert_int_equal(end, end_two);
		if (!http_head_parse(&h, (struct str){ text, end }, &limits, &said)) {
			assert_in_range(said.status, 400, 505);
			continue;
		}
		n_good++;
		for (size_t i = 0; i < end; i++) {
			unsigned char c = (unsigned char)text[i];

			if (c == '\r' || c == '\n')
				assert_true(c == '\r' ? text[i + 1] == '\n' : text[i - 1] == '\r');
			else
				assert_true((c >= 0x20 && c != 0x7f) || c == '\t');
		}
	}
	assert_true(n_good > 0);
	http_head_finish(&h);
}

/* ---- sizes ---- */

static int status_of(int port, const char *bytes, size_t len)
{
	int fd = client_open(port);
	struct answer a;

	client_send(fd, bytes, len);
	a = client_answer(fd, 0);
	free(a.body);
	close(fd);
	return a.status;
}

static void sizes(void **state)
{
	(void)state;
	struct http_limits limits = { .head_len = 2000, .target_len = 200, .n_headers = 5 };
	struct http_loop l;
	struct buf b;

	start(&l, &limits, 64);
	buf_init(&b, 1u << 20);
	for (int n = 4; n <= 5; n++) {
		buf_reset(&b);
		buf_puts(&b, "GET / HTTP/1.1\r\n" HOST);
		for (int i = 0; i < n; i++)
			buf_puts(&b, "X: y\r\n");
		buf_puts(&b, "\r\n");
		assert_int_equal(status_of(l.port, b.p, b.len), n == 4 ? 200 : 431);
	}
	for (size_t n = 200; n <= 201; n++) {
		buf_reset(&b);
		buf_puts(&b, "GET /");
		while (b.len < 4 + n)
			buf_putc(&b, 'a');
		buf_puts(&b, " HTTP/1.1\r\n" HOST "\r\n");
		assert_int_equal(status_of(l.port, b.p, b.len), n == 200 ? 200 : 414);
	}
	for (size_t n = 2000; n <= 2001; n++) {
		buf_reset(&b);
		buf_puts(&b, "GET / HTTP/1.1\r\n" HOST "X: ");
		while (b.len < n - 4)
			buf_putc(&b, 'a');
		buf_puts(&b, "\r\n\r\n");
		assert_int_equal(b.len, n);
		assert_int_equal(status_of(l.port, b.p, b.len), n == 2000 ? 200 : 431);
	}
	/* Endless lines are refused before they end. */
	buf_reset(&b);
	buf_puts(&b, "GET /");
	while (b.len < 60000)
		buf_putc(&b, 'a');
	assert_int_equal(status_of(l.port, b.p, b.len), 414);
	buf_reset(&b);
	buf_puts(&b, "GET / HTTP/1.1\r\nX: ");
	while (b.len < 60000)
		buf_putc(&b, 'a');
	assert_int_equal(status_of(l.port, b.p, b.len), 431);
	buf_finish(&b);
	stop(&l);
}

/* A body far over the read-ahead, in known length and in chunks, byte for byte; and an answer that no socket takes at once. */
static void large_bodies(void **state)
{
	(void)state;
	size_t len = 3u << 20;
	char *body = malloc(len), line[128];
	struct http_loop l;
	struct answer a;
	int fd;

	for (size_t i = 0; i < len; i++)
		body[i] = (char)('a' + i * 7 % 26);
	start(&l, NULL, 64);
	fd = client_open(l.port);
	for (int round = 0; round < 2; round++) {
		snprintf(line, sizeof line, "POST /later?large HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", (size_t)1 << 20);
		client_puts(fd, line);
		client_send(fd, body, 1u << 20);
		a = client_answer(fd, 0);
		assert_int_equal(a.status, 200);
		assert_int_equal(a.body_len, 1u << 20);
		assert_memory_equal(a.body, body, a.body_len);
		free(a.body);
		client_puts(fd, "POST /large HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
		for (size_t at = 0; at < len;) {
			size_t n = len - at < 12345 ? len - at : 12345;

			snprintf(line, sizeof line, "%zx\r\n", n);
			client_puts(fd, line);
			client_send(fd, body + at, n);
			client_puts(fd, "\r\n");
			at += n;
		}
		client_puts(fd, "0\r\n\r\n");
		a = client_answer(fd, 0);
		assert_int_equal(a.status, 200);
		assert_int_equal(a.body_len, len);
		assert_memory_equal(a.body, body, len);
		free(a.body);
	}
	memset(big, 'z', sizeof big);
	client_puts(fd, "GET /big HTTP/1.1\r\n" HOST "\r\nGET /path?next HTTP/1.1\r\n" HOST "\r\n");
	usleep(50000);
	a = client_answer(fd, 0);
	assert_int_equal(a.body_len, BIG_LEN);
	assert_memory_equal(a.body, big, BIG_LEN);
	free(a.body);
	a = client_answer(fd, 0);
	assert_string_equal(a.body, "next");
	free(a.body);
	client_puts(fd, "HEAD /big HTTP/1.1\r\n" HOST "\r\nGET /path?after HTTP/1.1\r\n" HOST "\r\n");
	a = client_answer(fd, 1);
	assert_non_null(strstr(a.head, "Content-Length: 6291456\r\n"));
	free(a.body);
	a = client_answer(fd, 0);
	assert_string_equal(a.body, "after");
	free(a.body);
	close(fd);
	free(body);
	stop(&l);
}

/* Whatever came before: an idle connection holds a page of each. */
static void an_idle_connection_holds_little(void **state)
{
	(void)state;
	static const char *const heads[] = { "Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nF4240\r\n" };
	struct http_loop l;
	const struct http_conn *c;

	start(&l, NULL, 10);
	for (int i = 0; i < 2; i++) {
		int fd = client_open(l.port);
		struct answer a;

		client_puts(fd, "POST / HTTP/1.1\r\n" HOST "X: ");
		for (int k = 0; k < 10000; k++)
			client_puts(fd, "x");
		client_puts(fd, "\r\n");
		client_puts(fd, heads[i]);
		client_send(fd, big, 1000000);
		if (i == 1)
			client_puts(fd, "\r\n0\r\n\r\n");
		a = client_answer(fd, 0);
		assert_int_equal(a.body_len, 1000000);
		free(a.body);
		loop_stop(&l);
		c = l.server->conns;
		assert_true(c->body.cap <= 4096 && c->head_text.cap <= 4096 && c->socket.in.b.cap <= 4096 && c->socket.out.b.cap <= 4096);
		loop_start(&l);
		close(fd);
	}
	stop(&l);
}

/* A hundred requests in one go, some of them slow: answers in order. */
static void pipelining(void **state)
{
	(void)state;
	struct http_loop l;
	struct buf b;
	int fd;

	start(&l, NULL, 64);
	buf_init(&b, 1u << 20);
	for (int i = 0; i < 100; i++) {
		char body[16];

		snprintf(body, sizeof body, "n%d", i);
		buf_printf(&b, "POST /%s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n%s", i % 10 == 3 ? "later" : "", strlen(body), body);
	}
	fd = client_open(l.port);
	client_send(fd, b.p, b.len);
	/* Half closed: all answers still come, then the end. */
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 100; i++) {
		struct answer a = client_answer(fd, 0);
		char body[16];

		snprintf(body, sizeof body, "n%d", i);
		assert_int_equal(a.status, 200);
		assert_string_equal(a.body, body);
		free(a.body);
	}
	assert_true(client_is_closed(fd));
	close(fd);
	buf_finish(&b);
	stop(&l);
}

/* What waits behind a slow request is answered a little at a time. */
static void take_turns(const char *path, int n, uint64_t most)
{
	struct http_loop l = { 0 };
	struct http_stats stats = { 0 };
	uint64_t before = 0;
	char seen[4096];
	struct buf b;
	int fd;

	loop_init(&l, NULL, &(struct http_handler){ head, request, &l }, 10);
	buf_init(&b, 1u << 20);
	buf_puts(&b, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < n; i++)
		buf_printf(&b, "GET %s HTTP/1.1\r\n" HOST "\r\n", path);
	fd = client_open(l.port);
	client_send(fd, b.p, b.len);
	for (int i = 0; i < 2000 && before < (uint64_t)n + 1; i++) {
		event_base_loop(l.base, EVLOOP_ONCE);
		http_server_stats(l.server, &stats);
		assert_true(stats.n_requests + stats.n_refused - before <= most);
		before = stats.n_requests + stats.n_refused;
		while (recv(fd, seen, sizeof seen, MSG_DONTWAIT) > 0)
			;
	}
	assert_int_equal(before, n + 1);
	close(fd);
	buf_finish(&b);
	loop_finish(&l);
}

static void pipelines_take_turns(void **state)
{
	(void)state;
	/* Refused ones, too; and of long answers, which take long to make, one at a time. */
	take_turns("/nowhere", 1000, 64);
	take_turns("/page", 30, 2);
}

/* While a request is out so much is read ahead and no more, also behind a body that was larger; and all of it is answered. */
static void reads_ahead_and_goes_on(void **state)
{
	(void)state;
	static const char one[] = "GET /none HTTP/1.1\r\n" HOST "\r\n";
	struct http_loop l;
	struct answer a;
	struct buf b;
	size_t waits = 0;
	int fd, n = 0;

	start(&l, NULL, 10);
	fd = client_open(l.port);
	client_puts(fd, "POST /park HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n\r\n");
	client_send(fd, big, 1000000);
	buf_init(&b, 1u << 20);
	for (; b.len < 300000; n++)
		buf_puts(&b, one);
	client_send(fd, b.p, b.len);
	for (int i = 0; i < 50 && waits < 64u << 10; i++) {
		usleep(100000);
		loop_stop(&l);
		if (l.server->conns->state == CONN_BUSY)
			waits = http_socket_waits_in(&l.server->conns->socket);
		loop_start(&l);
	}
	assert_int_equal(waits, 64u << 10);
	loop_command(&l, 'p');
	a = client_answer(fd, 0);
	assert_string_equal(a.body, "late");
	free(a.body);
	for (int i = 0; i < n; i++) {
		a = client_answer(fd, 0);
		assert_int_equal(a.status, 204);
		free(a.body);
	}
	close(fd);
	buf_finish(&b);
	stop(&l);
}

/* ---- time ---- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* One that goes on sending hears the answer and the end, not a reset, and need not close first. */
static void who_is_sent_away_is_told(void **state)
{
	(void)state;
	static const struct { const char *head; int status; } away[] = {
		{ "POST /nowhere HTTP/1.1\r\n" HOST "Content-Length: 3000000\r\n\r\n", 404 },
		{ "GET /close HTTP/1.1\r\n" HOST "\r\n", 200 },
		{ "GET /later HTTP/1.1\r\n" HOST "Connection: close\r\n\r\nmore", 200 },
	};
	struct http_limits limits = { .linger_ms = 15000 };
	struct http_loop l;
	struct answer a;
	int64_t from;

	start(&l, &limits, 10);
	for (size_t i = 0; i < sizeof away / sizeof *away; i++) {
		int fd = client_open(l.port);

		client_puts(fd, away[i].head);
		usleep(100000);
		client_send(fd, big, 1000000);
		a = client_answer(fd, 0);
		assert_int_equal(a.status, away[i].status);
		free(a.body);
		from = now_ms();
		assert_true(client_is_closed(fd));
		assert_true(now_ms() - from < 7000);
		client_send(fd, big, sizeof big);
		assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
		close(fd);
	}
	stop(&l);
}

/* Sends `prefix`, then a byte each 20 ms, until an answer comes. */
static struct answer drip(int port, const char *prefix, int64_t *ms)
{
	int fd = client_open(port);
	struct timeval tv = { .tv_usec = 20000 };
	int64_t from = now_ms();
	struct answer a = { 0 };
	char c;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	client_puts(fd, prefix);
	while (now_ms() - from < 20000) {
		ssize_t n = recv(fd, &c, 1, MSG_PEEK);

		if (n >= 0)
			break;
		client_send(fd, "a", 1);
	}
	*ms = now_ms() - from;
	tv.tv_sec = client_patience_s();
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	a = client_answer(fd, 0);
	close(fd);
	return a;
}

static void slow_clients(void **state)
{
	(void)state;
	/* Long enough that a client that is slow for want of a processor is not one of these. */
	struct http_limits limits = { .head_ms = 800, .idle_ms = 900, .body_ms = 1500, .body_grace_ms = 400, .body_rate = 4096, .linger_ms = 50 };
	struct http_loop l;
	struct http_stats stats;
	struct answer a;
	int64_t ms;
	int fd, n_late = 0;

	start(&l, &limits, 64);
	a = drip(l.port, "GET / HTTP/1.1\r\nX: ", &ms);
	assert_int_equal(a.status, 408);
	assert_in_range(ms, 600, 10000);
	free(a.body);
	a = drip(l.port, "POST / HTTP/1.1\r\n" HOST "Content-Length: 9999\r\n\r\n", &ms);
	assert_int_equal(a.status, 408);
	assert_in_range(ms, 300, 10000);
	free(a.body);
	a = drip(l.port, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nffff\r\n", &ms);
	assert_int_equal(a.status, 408);
	free(a.body);
	/* Nothing at all, at first and after an answer: closed without a word. */
	fd = client_open(l.port);
	assert_true(client_is_closed(fd));
	close(fd);
	fd = client_open(l.port);
	ms = now_ms();
	client_puts(fd, "GET / HTTP/1.1\r\n" HOST "\r\n");
	a = client_answer(fd, 0);
	/* We stood still before we asked. */
	for (; a.status == 0 && n_late < 5; n_late++) {
		close(fd);
		fd = client_open(l.port);
		ms = now_ms();
		client_puts(fd, "GET / HTTP/1.1\r\n" HOST "\r\n");
		a = client_answer(fd, 0);
	}
	assert_int_equal(a.status, 200);
	free(a.body);
	assert_true(client_is_closed(fd));
	assert_in_range(now_ms() - ms, 700, 10000);
	close(fd);
	loop_stop(&l);
	http_server_stats(l.server, &stats);
	assert_int_equal(stats.n_timeouts, 5 + n_late);
	assert_int_equal(stats.bodies_len, 0);
	loop_finish(&l);
}

static bool one_was_cut(const struct http_server *s)
{
	return s->stats.n_timeouts == 1;
}

static bool one_is_old(const struct http_server *s)
{
	return s->conns != NULL && s->conns->state == CONN_BODY && mono_lately().ms - s->conns->accepted.ms > s->limits.life_ms;
}

/* A client that takes no answer is cut; one whose connection is old is asked to come again. */
static void writes_and_lives(void **state)
{
	(void)state;
	struct http_limits limits = { .write_ms = 200, .life_ms = 250 };
	struct http_loop l;
	struct http_stats stats;
	struct answer a;
	int fd, one = 4096;

	start(&l, &limits, 64);
	fd = client_open(l.port);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof one);
	for (int i = 0; i < 4; i++)
		client_puts(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n");
	loop_until(&l, one_was_cut);
	close(fd);
	fd = client_open(l.port);
	client_puts(fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n");
	loop_until(&l, one_is_old);
	client_puts(fd, "hi");
	a = client_answer(fd, 0);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.head, "Connection: close\r\n"));
	free(a.body);
	assert_true(client_is_closed(fd));
	close(fd);
	loop_until(&l, nobody_is_there);
	loop_stop(&l);
	http_server_stats(l.server, &stats);
	assert_int_equal(stats.n_timeouts, 1);
	assert_int_equal(stats.n_connections, 0);
	loop_finish(&l);
}

/* ---- numbers of connections ---- */

static void connection_cap(void **state)
{
	(void)state;
	struct http_loop l;
	struct http_stats stats;
	struct timeval tv = { .tv_usec = 200000 };
	struct answer a;
	int fd[4];
	char c;

	start(&l, NULL, 3);
	for (int i = 0; i < 4; i++) {
		fd[i] = client_open(l.port);
		client_puts(fd[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
		if (i == 3)
			break;
		a = client_answer(fd[i], 0);
		assert_int_equal(a.status, 200);
		free(a.body);
	}
	/* The fourth waits in the kernel, and has its turn when another goes. */
	setsockopt(fd[3], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	assert_int_equal(recv(fd[3], &c, 1, 0), -1);
	close(fd[0]);
	tv.tv_sec = client_patience_s();
	setsockopt(fd[3], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	a = client_answer(fd[3], 0);
	assert_int_equal(a.status, 200);
	free(a.body);
	for (int i = 1; i < 4; i++)
		close(fd[i]);
	loop_stop(&l);
	http_server_stats(l.server, &stats);
	assert_true(stats.n_at_cap >= 1);
	assert_int_equal(stats.n_accepted, 4);
	loop_finish(&l);
}

/* Out of descriptors: no busy loop, and everybody is served when there are some again. */
/* Those who wait get the places of those who do nothing, and nobody else's. */
static void crowd(void **state)
{
	(void)state;
	static const char *const idle[] = { "", "\r", "GET / HT", "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nx",
					    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\n" };
	const struct http_limits limits = { .crowded_ms = 100 };
	struct http_loop l;
	struct http_stats stats;
	struct answer a;
	int held[5], fd;

	start(&l, &limits, 5);
	for (int i = 0; i < 5; i++) {
		held[i] = client_open(l.port);
		client_puts(held[i], idle[i]);
	}
	loop_until(&l, five_are_there);
	usleep(400000);
	loop_stop(&l);
	http_server_stats(l.server, &stats);
	/* At the cap, but nobody waits: all may go on idling. */
	assert_int_equal(stats.n_connections, 5);
	assert_int_equal(stats.n_timeouts, 0);
	loop_start(&l);
	fd = client_open(l.port);
	client_puts(fd, "GET / HTTP/1.1\r\n" HOST "\r\n");
	a = client_answer(fd, 0);
	assert_int_equal(a.status, 200);
	free(a.body);
	for (int i = 0; i < 5; i++) {
		/* A body has a second more. */
		if (i < 3)
			assert_true(client_is_closed(held[i]));
		close(held[i]);
	}
	close(fd);
	loop_stop(&l);
	loop_finish(&l);
}

/* valgrind keeps descriptors for itself and does not obey RLIMIT_NOFILE. */
static bool under_valgrind(void)
{
	const char *z = getenv("PLAZO_SAN");

	return z != NULL && strcmp(z, "valgrind") == 0;
}

static void no_descriptors(void **state)
{
	(void)state;
	if (under_valgrind())
		skip();

	struct rlimit old, few;
	struct http_loop l;
	struct http_stats stats;
	struct rusage before, after;
	struct answer a;
	int fd[40], n = 0, ballast;
	int64_t from = now_ms();

	start(&l, NULL, 100);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	ballast = dup(0);
	few = old;
	few.rlim_cur = (rlim_t)ballast + 21;
	close(ballast);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	getrusage(RUSAGE_SELF, &before);
	for (n = 0; n < 40; n++) {
		struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l.port), .sin_addr = { htonl(INADDR_LOOPBACK) } };

		fd[n] = socket(AF_INET, SOCK_STREAM, 0);
		if (fd[n] < 0)
			break;
		assert_int_equal(connect(fd[n], (struct sockaddr *)&sa, sizeof sa), 0);
		usleep(1000);
	}
	assert_true(n > 2 && n < 40);
	usleep(600000);
	getrusage(RUSAGE_SELF, &after);
	assert_true((after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + (after.ru_utime.tv_usec - before.ru_utime.tv_usec) < 200000);
	setrlimit(RLIMIT_NOFILE, &old);
	for (int i = 0; i < n; i++) {
		struct timeval tv = { .tv_sec = client_patience_s() };

		setsockopt(fd[i], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
		client_puts(fd[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
		a = client_answer(fd[i], 0);
		assert_int_equal(a.status, 200);
		free(a.body);
		close(fd[i]);
	}
	loop_stop(&l);
	http_server_stats(l.server, &stats);
	/* One in a quarter of a second. */
	assert_in_range(stats.n_accept_errors, 1, (now_ms() - from) / 250 + 3);
	loop_finish(&l);
}

/* Bodies that together ask for more memory than there is for them: refused, and nobody else is. */
static void memory_for_bodies(void **state)
{
	(void)state;
	struct http_limits limits = { .bodies_len = 300000 };
	struct http_loop l;
	struct http_stats stats;
	struct answer a;
	int first, second, third;

	start(&l, &limits, 10);
	first = client_open(l.port);
	client_puts(first, "POST / HTTP/1.1\r\n" HOST "Content-Length: 200000\r\n\r\n");
	loop_until(&l, a_body_comes);
	second = client_open(l.port);
	client_puts(second, "POST / HTTP/1.1\r\n" HOST "Content-Length: 200000\r\n\r\n");
	a = client_answer(second, 0);
	assert_int_equal(a.status, 503);
	assert_non_null(strstr(a.head, "Retry-After: "));
	free(a.body);
	third = client_open(l.port);
	client_puts(third, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
	a = client_answer(third, 0);
	assert_int_equal(a.status, 200);
	free(a.body);
	client_send(first, big, 200000);
	a = client_answer(first, 0);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body_len, 200000);
	free(a.body);
	/* It stays open, and its body is none any more. */
	close(second);
	second = client_open(l.port);
	client_puts(second, "POST / HTTP/1.1\r\n" HOST "Content-Length: 200000\r\n\r\n");
	client_send(second, big, 200000);
	a = client_answer(second, 0);
	assert_int_equal(a.status, 200);
	free(a.body);
	close(first);
	close(second);
	close(third);
	loop_until(&l, no_body_comes);
	loop_stop(&l);
	http_server_stats(l.server, &stats);
	assert_int_equal(stats.bodies_len, 0);
	loop_finish(&l);
}

/* ---- late replies, and stopping ---- */

static void gone_clients(void **state)
{
	(void)state;
	struct http_loop l;
	struct http_stats stats;
	struct linger hard = { .l_onoff = 1 };
	struct answer a;
	int fd;

	start(&l, NULL, 10);
	/* Reset while its request is out: the reply goes nowhere. */
	fd = client_open(l.port);
	client_puts(fd, "POST /park HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
	loop_until(&l, one_is_parked);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
	usleep(50000);
	assert_non_null(parked);
	assert_str(parked->body, "hi");
	loop_command(&l, 'p');
	loop_until(&l, none_is_parked);
	/* Half closed: the answer comes, and then the end. */
	fd = client_open(l.port);
	client_puts(fd, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	shutdown(fd, SHUT_WR);
	loop_until(&l, one_is_parked);
	loop_command(&l, 'p');
	a = client_answer(fd, 0);
	assert_string_equal(a.body, "late");
	free(a.body);
	assert_true(client_is_closed(fd));
	close(fd);
	/* Still out when the server is destroyed. */
	fd = client_open(l.port);
	client_puts(fd, "POST /park HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nho");
	loop_until(&l, one_is_parked);
	loop_stop(&l);
	http_server_stats(l.server, &stats);
	assert_int_equal(stats.n_connections, 1);
	assert_int_equal(stats.n_busy, 1);
	loop_finish(&l);
	assert_str(parked->body, "ho");
	command(&l, 'p');
	assert_true(client_is_closed(fd));
	close(fd);
}

static void draining(void **state)
{
	(void)state;
	struct http_loop l;
	struct answer a;
	int idle, busy, fd;

	start(&l, NULL, 10);
	idle = client_open(l.port);
	client_puts(idle, "GET / HTTP/1.1\r\n" HOST "\r\n");
	a = client_answer(idle, 0);
	free(a.body);
	busy = client_open(l.port);
	client_puts(busy, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	loop_until(&l, one_is_parked);
	loop_command(&l, 'd');
	assert_true(client_is_closed(idle));
	loop_command(&l, 'p');
	a = client_answer(busy, 0);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "late");
	assert_non_null(strstr(a.head, "Connection: close\r\n"));
	free(a.body);
	pthread_join(l.thread, NULL);
	assert_int_equal(n_drained, 1);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l.port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), -1);
	close(fd);
	close(idle);
	close(busy);
	loop_finish(&l);
	/* One that is never replied to is cut at the deadline. */
	start(&l, NULL, 10);
	busy = client_open(l.port);
	client_puts(busy, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	loop_until(&l, one_is_parked);
	loop_command(&l, 'D');
	pthread_join(l.thread, NULL);
	assert_int_equal(n_drained, 1);
	assert_true(client_is_closed(busy));
	close(busy);
	loop_finish(&l);
	command(&l, 'p');
}

static void unix_peers(void **state)
{
	(void)state;
	struct http_loop l = { .command = command };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct timeval tv = { .tv_sec = client_patience_s() };
	struct diag d;
	struct answer a;
	int fd;

	parked = NULL;
	loop_init(&l, NULL, &(struct http_handler){ head, request, &l }, 10);
	snprintf(sa.sun_path, sizeof sa.sun_path, "/tmp/plazo-test-%d.sock", (int)getpid());
	unlink(sa.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(http_server_listen(l.server, fd, LISTEN_CONTROL, 5, &d), ERR_OK);
	loop_start(&l);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	client_puts(fd, "POST /park HTTP/1.1\r\n" HOST "\r\n");
	loop_until(&l, one_is_parked);
	assert_true(parked->peer.is_unix);
	assert_int_equal(parked->peer.uid, getuid());
	assert_int_equal(parked->peer.gid, getgid());
	assert_int_equal(parked->peer.pid, getpid());
	assert_int_equal(parked->tag, LISTEN_CONTROL);
	loop_command(&l, 'p');
	a = client_answer(fd, 0);
	assert_string_equal(a.body, "late");
	free(a.body);
	client_puts(fd, "GET /peer HTTP/1.1\r\n" HOST "\r\n");
	a = client_answer(fd, 0);
	assert_string_equal(a.body, "unix");
	free(a.body);
	close(fd);
	fd = client_open(l.port);
	client_puts(fd, "GET /peer HTTP/1.1\r\n" HOST "\r\n");
	a = client_answer(fd, 0);
	assert_memory_equal(a.body, "127.0.0.1:", 10);
	free(a.body);
	close(fd);
	stop(&l);
	unlink(sa.sun_path);
}

/* Every byte in the name of a header and in Host, beside the sets as the RFCs write them. */
static void bytes_of_names_and_hosts(void **state)
{
	static const char alnum[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	struct http_limits limits = { .head_len = 4096, .target_len = 1024, .n_headers = 10 };
	struct http_head h;

	(void)state;
	http_head_init(&h, &limits);
	for (int c = 1; c < 256; c++) {
		bool is_alnum = strchr(alnum, c) != NULL;
		char name[64], host[64];
		struct problem p;

		assert_int_equal(http_is_token((unsigned char)c), is_alnum || strchr("!#$%&'*+-.^_`|~", c) != NULL);
		snprintf(name, sizeof name, "GET / HTTP/1.1\r\nHost: a\r\nx%cy: z\r\n\r\n", c);
		assert_int_equal(http_head_parse(&h, str_of(name), &limits, &p), c == ':' || http_is_token((unsigned char)c));
		snprintf(host, sizeof host, "GET / HTTP/1.1\r\nHost: a%cb\r\n\r\n", c);
		assert_int_equal(http_head_parse(&h, str_of(host), &limits, &p), is_alnum || strchr("-._~!$&'()*+,;=:[]%", c) != NULL);
	}
	http_head_finish(&h);
}

static void queries(void **state)
{
	(void)state;
	struct buf b;

	buf_init(&b, 100);
	assert_true(http_query_get(STR("a=1&period=2026-Q3&x=a%20b+c"), "period", &b));
	assert_string_equal(buf_cstr(&b), "2026-Q3");
	buf_reset(&b);
	assert_true(http_query_get(STR("x=a%20b+c"), "x", &b));
	assert_string_equal(buf_cstr(&b), "a b c");
	buf_reset(&b);
	assert_true(http_query_get(STR("flag&x="), "flag", &b));
	assert_string_equal(buf_cstr(&b), "");
	assert_false(http_query_get(STR("a=1&a=2"), "a", &b));
	assert_false(http_query_get(STR(""), "a", &b));
	assert_false(http_query_get(STR("b=1"), "a", &b));
	assert_false(http_query_get(STR("a=%0"), "a", &b));
	assert_false(http_query_get(STR("a=%00"), "a", &b));
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(nul_bytes),
		cmocka_unit_test(mutations),
		cmocka_unit_test(sizes),
		cmocka_unit_test(large_bodies),
		cmocka_unit_test(an_idle_connection_holds_little),
		cmocka_unit_test(pipelining),
		cmocka_unit_test(pipelines_take_turns),
		cmocka_unit_test(reads_ahead_and_goes_on),
		cmocka_unit_test(who_is_sent_away_is_told),
		cmocka_unit_test(slow_clients),
		cmocka_unit_test(writes_and_lives),
		cmocka_unit_test(connection_cap),
		cmocka_unit_test(crowd),
		cmocka_unit_test(no_descriptors),
		cmocka_unit_test(memory_for_bodies),
		cmocka_unit_test(gone_clients),
		cmocka_unit_test(draining),
		cmocka_unit_test(unix_peers),
		cmocka_unit_test(bytes_of_names_and_hosts),
		cmocka_unit_test(queries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
