/*
 * A receiver of webhooks that costs next to nothing: answers 204 to every POST of a kept-alive connection, and notes when each arrived
 * and what instant ("at") its alert is of. hook PORT COUNT SECONDS: ends after that many or that long, and prints one line of JSON; of
 * lateness in microseconds, from `at` to the arrival of the last byte.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/wall.h"
#include "base/xalloc.h"
#include "bench.h"

#define REQUEST_MAX 16384
#define MAX_FD      65536
#define MAX_CONNS   1024

static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";

struct conn { int fd; size_t got; char in[REQUEST_MAX + 1]; };

struct hook {
	struct conn *conns[MAX_FD];      /* by descriptor; owned */
	int      listener, epoll;
	size_t   n, max, n_conns, n_bytes;
	int64_t *late_us;
	double   first_ns, last_ns;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t real_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* One whole request at the start of the buffer: its length, or 0. */
static size_t whole(const struct conn *c, const char **body)
{
	const char *end = memmem(c->in, c->got, "\r\n\r\n", 4), *len;
	size_t all;

	if (end == NULL)
		return 0;
	len = memmem(c->in, (size_t)(end - c->in), "\r\nContent-Length:", 17);
	*body = end + 4;
	all = (size_t)(*body - c->in) + (len != NULL ? strtoul(len + 17, NULL, 10) : 0);
	return c->got >= all ? all : 0;
}

static void note(struct hook *h, const char *body, size_t len)
{
	static const char key[] = "\"at\":\"";
	const char *at = memmem(body, len, key, sizeof key - 1), *end;
	struct wall t;

	h->last_ns = bench_now_ns();
	if (h->n == 0)
		h->first_ns = h->last_ns;
	h->n_bytes += len;
	h->late_us[h->n] = 0;
	if (at != NULL && (end = memchr(at + sizeof key - 1, '"', len - (size_t)(at + sizeof key - 1 - body))) != NULL &&
	    wall_parse((struct str){ at + sizeof key - 1, (size_t)(end - at) - (sizeof key - 1) }, &t, NULL) == ERR_OK)
		h->late_us[h->n] = real_us() - t.ms * 1000;
	h->n++;
}

static void on_bytes(struct hook *h, struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->got, REQUEST_MAX - c->got, 0);
	const char *body;
	size_t len;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		h->conns[c->fd] = NULL;
		close(c->fd);
		free(c);
		return;
	}
	c->got += (size_t)n;
	while (h->n < h->max && (len = whole(c, &body)) > 0) {
		note(h, body, len - (size_t)(body - c->in));
		memmove(c->in, c->in + len, c->got -= len);
		if (send(c->fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0)
			return;
	}
}

static void on_connection(struct hook *h)
{
	struct conn *c = xcalloc(1, sizeof *c);
	int yes = 1;

	c->fd = accept4(h->listener, NULL, NULL, SOCK_NONBLOCK);
	if (c->fd < 0 || epoll_ctl(h->epoll, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = c }) != 0)
		fail("accept");
	if (c->fd >= MAX_FD)
		fail("too many connections");
	h->conns[c->fd] = c;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	h->n_conns++;
}

static void serve(struct hook *h, double seconds)
{
	double until = bench_now_ns() + seconds * 1e9;
	struct epoll_event ev[64];

	while (h->n < h->max && bench_now_ns() < until) {
		int n = epoll_wait(h->epoll, ev, 64, 50);

		for (int i = 0; i < n; i++)
			if (ev[i].data.ptr == NULL)
				on_connection(h);
			else
				on_bytes(h, ev[i].data.ptr);
	}
}

static void listen_at(struct hook *h, const char *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int yes = 1;

	h->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(h->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	h->epoll = epoll_create1(0);
	if (bind(h->listener, (struct sockaddr *)&sa, sizeof sa) != 0 || listen(h->listener, MAX_CONNS) != 0 ||
	    epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->listener, &(struct epoll_event){ .events = EPOLLIN }) != 0)
		fail("listen");
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void tell(struct hook *h)
{
	double seconds = (h->last_ns - h->first_ns) / 1e9;
	size_t n = h->n > 0 ? h->n : 1, early = 0;

	qsort(h->late_us, h->n, sizeof *h->late_us, by_value);
	while (early < h->n && h->late_us[early] < 0)
		early++;
	printf("{\"requests\": %zu, \"connections\": %zu, \"seconds\": %.4f, \"requests_s\": %.0f, \"early\": %zu, \"p50_us\": %lld, \"p99_us\": %lld, "
	       "\"max_us\": %lld, \"bytes\": %zu}\n", h->n, h->n_conns, seconds, seconds > 0 ? (double)h->n / seconds : 0, early, (long long)h->late_us[n / 2],
	       (long long)h->late_us[n * 99 / 100], (long long)h->late_us[n - 1], h->n_bytes / n);
}

int main(int argc, char **argv)
{
	static struct hook h;

	if (argc != 4) {
		fputs("hook PORT COUNT SECONDS\n", stderr);
		return 64;
	}
	h.max = strtoul(argv[2], NULL, 10);
	h.late_us = xcalloc(h.max + 1, sizeof *h.late_us);
	listen_at(&h, argv[1]);
	serve(&h, strtod(argv[3], NULL));
	tell(&h);
	for (size_t i = 0; i < MAX_FD; i++)
		free(h.conns[i]);
	free(h.late_us);
	return h.n == h.max ? 0 : 1;
}
