/*
 * Requests of every kind of body one behind the other, in pieces of any size, some of them answered later: each body arrives as it was
 * sent, and the answers come in the order of the requests.
 */
#include "../http_loop.h"
#include "../prop.h"

#include <errno.h>

#include "base/buf.h"
#include "ingest/http_private.h"

#define BODY_MAX  (400u << 10)
#define REQUESTS  40
#define LATER_MS  3

static char bytes[2 * BODY_MAX];
static int n_later;

struct later { struct event *ev; struct http_request *r; };

static void echo(struct http_request *r)
{
	http_reply(r, &(struct http_reply){ .status = 200, .content_type = "text/plain", .body = r->body });
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct later *l = arg;

	(void)fd;
	(void)what;
	echo(l->r);
	event_free(l->ev);
	free(l);
	n_later--;
}

static void request(void *ctx, struct http_request *r)
{
	struct http_loop *loop = ctx;
	struct timeval tv = { .tv_usec = LATER_MS * 1000 };
	struct later *l;

	if (!str_eqz(r->path, "/later")) {
		echo(r);
		return;
	}
	l = calloc(1, sizeof *l);
	l->r = r;
	l->ev = event_new(loop->base, -1, 0, on_later, l);
	event_add(l->ev, &tv);
	n_later++;
}

/* ---- what is sent ---- */

struct life {
	int           fd;
	struct prop   p;
	struct buf    all;                /* every request */
	struct str    body[REQUESTS];
};

/* Around the sizes at which something is done in another way. */
static size_t some_len(struct prop *p)
{
	static const size_t edges[] = { 1, 255, 1024, 4095, 4096, 16384, 65535, 65536, 65537, 131072, 262144 };

	switch (prop_below(p, 4)) {
	case 0:
		return prop_below(p, 200);
	case 1:
		return edges[prop_below(p, sizeof edges / sizeof *edges)] + prop_below(p, 200) - (prop_chance(p, 50) ? 1 : 0);
	case 2:
		return prop_below(p, 10000);
	default:
		return prop_chance(p, 20) ? prop_below(p, BODY_MAX) : 0;
	}
}

static void put_chunks(struct life *l, struct str body)
{
	for (size_t at = 0, n; at < body.len; at += n) {
		n = 1 + prop_below(&l->p, prop_chance(&l->p, 50) ? 300 : 70000);
		n = n < body.len - at ? n : body.len - at;
		buf_printf(&l->all, "%zx\r\n", n);
		buf_append(&l->all, body.p + at, n);
		buf_puts(&l->all, "\r\n");
	}
	buf_puts(&l->all, prop_chance(&l->p, 30) ? "0\r\nX-Sum: 1\r\n\r\n" : "0\r\n\r\n");
}

static void put_request(struct life *l, struct str *body)
{
	const char *path = prop_chance(&l->p, 20) ? "/later" : "/";
	size_t len = some_len(&l->p);

	*body = (struct str){ bytes + prop_below(&l->p, BODY_MAX), len };
	if (prop_chance(&l->p, 10))
		buf_puts(&l->all, "\r\n");
	if (prop_chance(&l->p, 30)) {
		buf_printf(&l->all, "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", path);
		put_chunks(l, *body);
		return;
	}
	buf_printf(&l->all, "POST %s HTTP/1.1\r\nHost: x\r\nX: %.*s\r\nContent-Length: %zu\r\n\r\n", path, (int)prop_below(&l->p, 3000), bytes, len);
	buf_put(&l->all, *body);
}

static void *send_all(void *arg)
{
	struct life *l = arg;

	for (size_t at = 0, n; at < l->all.len; at += n) {
		n = 1 + prop_below(&l->p, prop_chance(&l->p, 30) ? 30 : prop_chance(&l->p, 50) ? 5000 : 200000);
		n = n < l->all.len - at ? n : l->all.len - at;
		client_send(l->fd, l->all.p + at, n);
		if (prop_chance(&l->p, 5))
			usleep((useconds_t)prop_below(&l->p, 2000));
	}
	if (prop_chance(&l->p, 50))
		shutdown(l->fd, SHUT_WR);
	return NULL;
}

static void live(struct http_loop *loop, struct prop *p)
{
	struct life l = { .fd = client_open(loop->port), .p = { prop_u64(p) } };
	pthread_t sender;

	buf_init(&l.all, 64u << 20);
	for (size_t i = 0; i < REQUESTS; i++)
		put_request(&l, &l.body[i]);
	assert_int_equal(pthread_create(&sender, NULL, send_all, &l), 0);
	for (size_t i = 0; i < REQUESTS; i++) {
		struct answer a = client_answer(l.fd, 0);

		assert_int_equal(a.status, 200);
		assert_int_equal(a.body_len, l.body[i].len);
		assert_memory_equal(a.body, l.body[i].p, l.body[i].len);
		free(a.body);
	}
	pthread_join(sender, NULL);
	close(l.fd);
	buf_finish(&l.all);
}

static void every_body_arrives_as_it_was_sent(void **state)
{
	(void)state;
	struct prop p = prop_begin("bodies");
	struct http_loop loop = { 0 };
	struct http_stats stats;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)('a' + prop_below(&p, 26));
	loop_init(&loop, NULL, &(struct http_handler){ .request = request, .ctx = &loop }, 10);
	loop_start(&loop);
	for (size_t round = prop_rounds(15); round > 0; round--)
		live(&loop, &p);
	for (int i = 0; i < 100; i++) {
		usleep(10000);
		loop_stop(&loop);
		http_server_stats(loop.server, &stats);
		if (stats.n_connections == 0)
			break;
		loop_start(&loop);
	}
	assert_int_equal(n_later, 0);
	assert_int_equal(stats.n_connections, 0);
	assert_int_equal(stats.bodies_len, 0);
	assert_int_equal(stats.n_refused, 0);
	loop_finish(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_body_arrives_as_it_was_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
