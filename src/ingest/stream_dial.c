/*
 * Knows names, addresses and sockets; nothing of Redis. getaddrinfo() is asked rather than a resolver of libevent's, since it answers
 * what the rest of the system does (hosts, mDNS, systemd-resolved), by a thread of the question's own: it may take as long as it likes.
 */
#include "stream_dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/now.h"
#include "base/thread.h"
#include "base/xalloc.h"

/* Outlives a dial that is cancelled: the thread writes here until it is through. */
struct question {
	atomic_int       n_refs;        /* the dial's and the thread's */
	char            *host;
	char             port[8];
	int              error;         /* of getaddrinfo(), with the result: the thread's until `efd` is readable */
	struct addrinfo *result;
	int              efd;
	struct event    *event;         /* the dial's */
};

struct dial {
	struct event_base  *base;
	dial_done_fn       *done;
	void               *ctx;
	int64_t             until_ms;          /* mono */
	struct question    *question;
	struct addrinfo    *at;                /* to be tried next; of the question, or `one` */
	struct sockaddr_un  un;
	struct addrinfo     one;               /* of a unix socket */
	int                 fd;
	struct event       *event;             /* of the socket, and before of the first turn */
	char                why[160];
};

static void question_drop(struct question *q)
{
	if (atomic_fetch_sub(&q->n_refs, 1) != 1)
		return;
	if (q->result != NULL)
		freeaddrinfo(q->result);
	if (q->efd >= 0)
		close(q->efd);
	free(q->host);
	free(q);
}

void dial_cancel(struct dial *d)
{
	if (d == NULL)
		return;
	if (d->question != NULL) {
		if (d->question->event != NULL)
			event_free(d->question->event);
		question_drop(d->question);
	}
	if (d->event != NULL)
		event_free(d->event);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

static void finish(struct dial *d, int fd)
{
	dial_done_fn *done = d->done;
	void *ctx = d->ctx;
	char why[sizeof d->why];

	memcpy(why, d->why, sizeof why);
	d->fd = -1;
	dial_cancel(d);
	done(ctx, fd, why);
}

static void try_next(struct dial *d);

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;
	int error = 0;
	socklen_t len = sizeof error;

	if (what & EV_TIMEOUT)
		error = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	event_free(d->event);
	d->event = NULL;
	if (error == 0) {
		finish(d, d->fd);
		return;
	}
	snprintf(d->why, sizeof d->why, "%s", strerror(error));
	close(d->fd);
	d->fd = -1;
	d->at = d->at->ai_next;
	try_next(d);
}

static bool open_socket(struct dial *d)
{
	int one = 1;

	d->fd = socket(d->at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return false;
	if (d->at->ai_family != AF_UNIX) {
		setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		setsockopt(d->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	}
	if (connect(d->fd, d->at->ai_addr, d->at->ai_addrlen) == 0 || errno == EINPROGRESS)
		return true;
	return false;
}

static void try_next(struct dial *d)
{
	for (; d->at != NULL; d->at = d->at->ai_next) {
		int64_t left = d->until_ms - mono_now().ms;
		struct timeval tv = timeval_of(left > 1 ? left : 1);

		if (open_socket(d)) {
			d->event = event_new(d->base, d->fd, EV_WRITE, on_socket, d);
			event_add(d->event, &tv);
			return;
		}
		snprintf(d->why, sizeof d->why, "%s", strerror(errno));
		if (d->fd >= 0)
			close(d->fd);
		d->fd = -1;
	}
	finish(d, -1);
}

/* ---- names ---- */

static int look_up(struct question *q, int flags)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags };

	return getaddrinfo(q->host, q->port, &hints, &q->result);
}

static void *run(void *arg)
{
	struct question *q = arg;
	uint64_t one = 1;

	q->error = look_up(q, 0);
	if (write(q->efd, &one, sizeof one) < 0)
		q->error = EAI_SYSTEM;
	question_drop(q);
	return NULL;
}

static bool start_thread(struct question *q)
{
	pthread_t thread;

	atomic_fetch_add(&q->n_refs, 1);
	if (thread_start(&thread, run, q) == 0) {
		pthread_detach(thread);
		return true;
	}
	atomic_fetch_sub(&q->n_refs, 1);
	return false;
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;
	struct question *q = d->question;
	uint64_t n;
	bool is_late = (what & EV_TIMEOUT) != 0 || read(fd, &n, sizeof n) < 0;

	if (is_late || q->error != 0) {
		snprintf(d->why, sizeof d->why, "the name %s is not resolved: %s", q->host, is_late ? "no answer in time" : gai_strerror(q->error));
		finish(d, -1);
		return;
	}
	d->at = q->result;
	try_next(d);
}

static void on_first_turn(evutil_socket_t fd, short what, void *arg);

/* An address is known at once. */
static bool ask(struct dial *d, const char *host, int port)
{
	struct question *q = xcalloc(1, sizeof *q);
	struct timeval tv = timeval_of(d->until_ms - mono_now().ms);

	atomic_init(&q->n_refs, 1);
	q->efd = -1;
	q->host = xstrdup(host);
	snprintf(q->port, sizeof q->port, "%d", port & 0xffff);
	d->question = q;
	if (look_up(q, AI_NUMERICHOST) == 0) {
		d->at = q->result;
		return false;
	}
	q->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	q->event = q->efd >= 0 ? event_new(d->base, q->efd, EV_READ, on_answer, d) : NULL;
	return q->event != NULL && event_add(q->event, &tv) == 0 && start_thread(q);
}

static void on_first_turn(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;

	(void)fd, (void)what;
	event_free(d->event);
	d->event = NULL;
	try_next(d);
}

struct dial *dial_start(struct event_base *base, const char *host, int port, const char *path, int64_t ms, dial_done_fn *done, void *ctx)
{
	struct dial *d = xcalloc(1, sizeof *d);
	struct timeval now = { 0 };

	*d = (struct dial){ .base = base, .done = done, .ctx = ctx, .until_ms = mono_now().ms + ms, .fd = -1 };
	if (path == NULL && ask(d, host, port))
		return d;
	snprintf(d->why, sizeof d->why, "%s", path == NULL ? "names cannot be resolved now" : "the path of the socket is too long");
	if (path != NULL && strlen(path) < sizeof d->un.sun_path) {
		d->un.sun_family = AF_UNIX;
		memcpy(d->un.sun_path, path, strlen(path) + 1);
		d->one = (struct addrinfo){ .ai_family = AF_UNIX, .ai_addr = (struct sockaddr *)&d->un, .ai_addrlen = sizeof d->un };
		d->at = &d->one;
	}
	d->event = evtimer_new(base, on_first_turn, d);
	event_add(d->event, &now);
	return d;
}
