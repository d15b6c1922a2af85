/*
 * Knows names, addresses and sockets; nothing of Redis. getaddrinfo_a() is asked rather than a resolver of libevent's, since it
 * answers what the rest of the system does (hosts, mDNS, systemd-resolved), and looked at by a timer: its signals are not for libraries.
 */
#include "stream_dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/now.h"
#include "base/xalloc.h"

#define LOOK_MS 5

/* Outlives a dial that is cancelled: the thread writes here until it is through. */
struct question {
	struct gaicb    cb;
	struct addrinfo hints;
	char           *host;
	char            port[8];
	bool            is_orphan;
	struct event   *timer;         /* looks at it every LOOK_MS */
	struct dial    *dial;
};

struct dial {
	struct event_base  *base;
	dial_done_fn       *done;
	void               *ctx;
	int64_t             until_ms;          /* mono */
	struct question    *question;
	struct addrinfo    *list, *at;         /* `list` is the question's */
	struct sockaddr_un  un;
	struct addrinfo     one;               /* of a unix socket */
	int                 fd;
	struct event       *event;             /* of the socket, and before of the first turn */
	char                why[160];
};

static struct timeval timeval_of(int64_t ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };
}

static void question_free(struct question *q)
{
	if (q->cb.ar_result != NULL)
		freeaddrinfo(q->cb.ar_result);
	event_free(q->timer);
	free(q->host);
	free(q);
}

void dial_cancel(struct dial *d)
{
	if (d == NULL)
		return;
	if (d->question != NULL) {
		d->question->dial = NULL;
		if (gai_error(&d->question->cb) == EAI_INPROGRESS && gai_cancel(&d->question->cb) == EAI_NOTCANCELED)
			d->question->is_orphan = true;
		else
			question_free(d->question);
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

static void on_question(evutil_socket_t fd, short what, void *arg)
{
	struct question *q = arg;
	struct dial *d = q->dial;
	struct timeval tv = timeval_of(LOOK_MS);
	int error = gai_error(&q->cb);

	(void)fd, (void)what;
	if (error == EAI_INPROGRESS && (d == NULL || mono_now().ms < d->until_ms)) {
		event_add(q->timer, &tv);
		return;
	}
	if (q->is_orphan) {
		question_free(q);
		return;
	}
	if (error != 0) {
		snprintf(d->why, sizeof d->why, "the name %s is not resolved: %s", q->host,
			 error == EAI_INPROGRESS ? "no answer in time" : gai_strerror(error));
		finish(d, -1);
		return;
	}
	d->list = d->at = q->cb.ar_result;
	try_next(d);
}

static bool ask(struct dial *d, const char *host, int port)
{
	struct question *q = xcalloc(1, sizeof *q);
	struct gaicb *list[1] = { &q->cb };
	struct timeval tv = timeval_of(LOOK_MS);

	q->hints = (struct addrinfo){ .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	q->host = xstrdup(host);
	snprintf(q->port, sizeof q->port, "%d", port & 0xffff);
	q->cb = (struct gaicb){ .ar_name = q->host, .ar_service = q->port, .ar_request = &q->hints };
	q->timer = evtimer_new(d->base, on_question, q);
	q->dial = d;
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) != 0) {
		question_free(q);
		return false;
	}
	d->question = q;
	event_add(q->timer, &tv);
	return true;
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
