/*
 * An HTTP server in a thread, and clients that speak raw bytes to it: for tests of what is on the wire. Everything is bounded in
 * time: a read that gets nothing for twenty seconds (with a sanitizer, a minute) fails the test.
 */
#ifndef PLAZO_TESTS_HTTP_LOOP_H
#define PLAZO_TESTS_HTTP_LOOP_H

#include "cmocka_plazo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "ingest/http.h"

struct http_loop {
	struct event_base  *base;
	struct http_server *server;
	pthread_t           thread;
	int                 port;
	int                 wake[2];         /* a byte to [1] is a command to the loop */
	void              (*command)(struct http_loop *, char);
	void               *user;
};

static inline int loop_bind(int *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

static inline void loop_on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct http_loop *l = arg;
	char c;

	(void)what;
	if (read(fd, &c, 1) != 1 || c == 'q')
		event_base_loopbreak(l->base);
	else if (l->command != NULL)
		l->command(l, c);
}

static inline void *loop_run(void *arg)
{
	struct http_loop *l = arg;
	struct event *ev = event_new(l->base, l->wake[0], EV_READ | EV_PERSIST, loop_on_wake, l);

	event_add(ev, NULL);
	event_base_dispatch(l->base);
	event_free(ev);
	return NULL;
}

/* Makes base and server; the caller may listen on more before loop_start(). */
static inline void loop_init(struct http_loop *l, const struct http_limits *limits, const struct http_handler *handler, size_t connections)
{
	struct diag d = { 0 };
	int fd;

	l->base = event_base_new();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, l->wake), 0);
	l->server = http_server_create(l->base, limits, handler);
	fd = loop_bind(&l->port);
	assert_int_equal(http_server_listen(l->server, fd, LISTEN_PUBLIC, connections, &d), ERR_OK);
}

static inline void loop_start(struct http_loop *l)
{
	assert_int_equal(pthread_create(&l->thread, NULL, loop_run, l), 0);
}

static inline void loop_command(struct http_loop *l, char c)
{
	assert_int_equal(write(l->wake[1], &c, 1), 1);
}

/* Ends the thread; the server can then be looked at, before loop_finish(). */
static inline void loop_stop(struct http_loop *l)
{
	loop_command(l, 'q');
	pthread_join(l->thread, NULL);
}

/* Until what it counts is as `is` says, or ten seconds have passed: a client knows what it sent, and not what has been read of that. */
static inline void loop_until(struct http_loop *l, bool (*is)(const struct http_server *))
{
	for (int i = 0; i < 2000; i++) {
		bool done;

		loop_stop(l);
		done = is(l->server);
		loop_start(l);
		if (done)
			return;
		usleep(5000);
	}
	fail_msg("the server does not come to that");
}

static inline void loop_finish(struct http_loop *l)
{
	http_server_destroy(l->server);
	event_base_free(l->base);
	close(l->wake[0]);
	close(l->wake[1]);
}

/* A sanitizer makes the server slow, and valgrind very. */
static inline int client_patience_s(void)
{
	const char *z = getenv("PLAZO_SAN");

	return z != NULL && *z != '\0' ? 60 : 20;
}

static inline int client_open(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct timeval tv = { .tv_sec = client_patience_s() };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	return fd;
}

/* A call with a timeout is interrupted where this process was stopped and goes on, also by no signal that was caught. */
static inline ssize_t client_recv(int fd, void *p, size_t len)
{
	ssize_t n;

	do
		n = recv(fd, p, len, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

static inline void client_send(int fd, const void *p, size_t len)
{
	const char *at = p;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;      /* refused and closed: the answer tells */
		at += n;
		len -= (size_t)n;
	}
}

static inline void client_puts(int fd, const char *z)
{
	client_send(fd, z, strlen(z));
}

/* One answer as it came, NUL-terminated. */
struct answer {
	int    status;       /* 0: the connection was closed without one; -1: nothing came in time */
	char   head[4096];
	char  *body;         /* to free() */
	size_t body_len;
};

/* `method_is_head`: no body follows whatever Content-Length says. */
static inline struct answer client_answer(int fd, int method_is_head)
{
	struct answer a = { 0 };
	size_t len = 0;
	const char *cl;

	while (len < 4 || memcmp(a.head + len - 4, "\r\n\r\n", 4) != 0) {
		ssize_t n = len < sizeof a.head - 1 ? client_recv(fd, a.head + len, 1) : -1;

		if (n <= 0) {
			a.status = n == 0 ? 0 : -1;
			return a;
		}
		len++;
	}
	a.head[len] = '\0';
	a.status = atoi(a.head + 9);
	cl = strstr(a.head, "Content-Length: ");
	a.body_len = cl != NULL && !method_is_head ? strtoul(cl + 16, NULL, 10) : 0;
	a.body = calloc(1, a.body_len + 1);
	for (size_t got = 0; got < a.body_len;) {
		ssize_t n = client_recv(fd, a.body + got, a.body_len - got);

		if (n <= 0) {
			a.status = -1;
			break;
		}
		got += (size_t)n;
	}
	return a;
}

/* Has the server closed the connection, or will it soon? */
static inline int client_is_closed(int fd)
{
	char c;

	return client_recv(fd, &c, 1) == 0;
}

#endif
