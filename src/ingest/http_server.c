/* Listeners, the list of connections, and what time does to them. */
#include "http_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/now.h"
#include "base/xalloc.h"

#define ACCEPTS_A_TURN 64
#define RETRY_MS       250         /* between attempts to accept while there are no descriptors */
#define SWEEP_MAX_MS   1000
#define SWEEP_MIN_MS   10
#define BACKLOG        1024
#define ANSWER_HEAD_MAX (64u << 10)

static void on_sweep(evutil_socket_t fd, short what, void *arg);
static void on_retry(evutil_socket_t fd, short what, void *arg);
static void on_again(evutil_socket_t fd, short what, void *arg);
static void on_drained(evutil_socket_t fd, short what, void *arg);

static void fill_defaults(struct http_limits *l)
{
	static const struct http_limits usual = {
		.head_len = HTTP_MAX_HEAD, .target_len = HTTP_MAX_TARGET, .n_headers = HTTP_MAX_HEADERS, .body_len = HTTP_MAX_BODY,
		.bodies_len = HTTP_MAX_BODIES,
		.head_ms = 10000, .idle_ms = 60000, .body_ms = 120000, .body_grace_ms = 5000, .body_rate = 4096,
		.write_ms = 30000, .linger_ms = 1000, .life_ms = 3600000, .crowded_ms = 1000,
	};

#define DEFAULT(field) if (l->field == 0) l->field = usual.field
	DEFAULT(head_len);
	DEFAULT(target_len);
	DEFAULT(n_headers);
	DEFAULT(body_len);
	DEFAULT(bodies_len);
	DEFAULT(head_ms);
	DEFAULT(idle_ms);
	DEFAULT(body_ms);
	DEFAULT(body_grace_ms);
	DEFAULT(body_rate);
	DEFAULT(write_ms);
	DEFAULT(linger_ms);
	DEFAULT(life_ms);
	DEFAULT(crowded_ms);
#undef DEFAULT
}

struct http_server *http_server_create(struct event_base *base, const struct http_limits *limits, const struct http_handler *handler)
{
	struct http_server *s = xcalloc(1, sizeof *s);

	s->base = base;
	s->handler = *handler;
	if (limits != NULL)
		s->limits = *limits;
	fill_defaults(&s->limits);
	s->sweep = event_new(base, -1, 0, on_sweep, s);
	s->again = event_new(base, -1, 0, on_again, s);
	s->retry = event_new(base, -1, 0, on_retry, s);
	s->drained = event_new(base, -1, 0, on_drained, s);
	TAILQ_INIT(&s->ready);
	if (s->sweep == NULL || s->again == NULL || s->retry == NULL || s->drained == NULL)
		abort();
	buf_init(&s->out, ANSWER_HEAD_MAX);
	return s;
}

static void close_listeners(struct http_server *s)
{
	struct http_listener *l;

	for (struct http_conn *c = s->conns; c != NULL; c = c->next)
		c->listener = NULL;
	while ((l = s->listeners) != NULL) {
		s->listeners = l->next;
		event_free(l->ev);
		close(l->fd);
		free(l);
	}
	event_del(s->retry);
}

void http_server_destroy(struct http_server *s)
{
	struct http_conn *next;

	if (s == NULL)
		return;
	close_listeners(s);
	for (struct http_conn *c = s->conns; c != NULL; c = next) {
		next = c->next;
		c->server = NULL;
		conn_close(c);
	}
	event_free(s->sweep);
	event_free(s->again);
	event_free(s->retry);
	event_free(s->drained);
	buf_finish(&s->out);
	free(s);
}

void http_server_stats(const struct http_server *s, struct http_stats *out)
{
	*out = s->stats;
}

/* ---- listening ---- */

static void listener_pause(struct http_listener *l)
{
	if (l->is_on)
		event_del(l->ev);
	l->is_on = false;
}

static void listener_resume(struct http_listener *l)
{
	if (!l->is_on && l->n < l->cap && !l->server->is_starved)
		l->is_on = event_add(l->ev, NULL) == 0;
}

static void describe_peer(struct http_listener *l, int fd, const struct sockaddr_storage *sa, struct http_peer *peer)
{
	char text[INET6_ADDRSTRLEN];
	struct ucred cred;
	socklen_t len = sizeof cred;

	*peer = (struct http_peer){ .is_unix = l->is_unix, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	if (l->is_unix) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0) {
			peer->uid = cred.uid;
			peer->gid = cred.gid;
			peer->pid = cred.pid;
		}
		snprintf(peer->addr, sizeof peer->addr, "unix");
	} else if (sa->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
		snprintf(peer->addr, sizeof peer->addr, "[%s]:%u", text, ntohs(in6->sin6_port));
	} else {
		const struct sockaddr_in *in = (const void *)sa;

		inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
		snprintf(peer->addr, sizeof peer->addr, "%s:%u", text, ntohs(in->sin_port));
	}
}

/* Out of descriptors or memory: the kernel keeps telling of the connection it cannot give us, so stop listening for a while. */
static void starve(struct http_server *s, int error)
{
	struct timeval tv = timeval_of(RETRY_MS);

	s->stats.n_accept_errors++;
	if (!s->is_starved)
		log_warn("http", "accept", "error=\"%s\" connections=%zu", strerror(error), s->stats.n_connections);
	s->is_starved = true;
	for (struct http_listener *l = s->listeners; l != NULL; l = l->next)
		listener_pause(l);
	event_add(s->retry, &tv);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;

	(void)fd;
	(void)what;
	for (struct http_listener *l = s->listeners; l != NULL; l = l->next)
		if (!l->is_on && l->n < l->cap)
			l->is_on = event_add(l->ev, NULL) == 0;
}

static void arm_sweep(struct http_server *s)
{
	const struct http_limits *l = &s->limits;
	const int64_t all[] = { l->head_ms, l->idle_ms, l->body_ms, l->body_grace_ms, l->write_ms, l->linger_ms, l->life_ms };
	int64_t ms = SWEEP_MAX_MS;
	struct timeval tv;

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (all[i] / 4 < ms)
			ms = all[i] / 4 > SWEEP_MIN_MS ? all[i] / 4 : SWEEP_MIN_MS;
	for (const struct http_listener *at = s->listeners; at != NULL; at = at->next)
		if (at->n >= at->cap && l->crowded_ms / 4 < ms)
			ms = l->crowded_ms / 4 > SWEEP_MIN_MS ? l->crowded_ms / 4 : SWEEP_MIN_MS;
	tv = timeval_of(ms);
	event_add(s->sweep, &tv);
}

/* At the cap nothing is accepted, so it must be asked whether anybody waits. */
static void look_for_crowds(struct http_server *s)
{
	for (struct http_listener *l = s->listeners; l != NULL; l = l->next) {
		struct pollfd waiting = { .fd = l->fd, .events = POLLIN };

		l->is_crowded = l->n >= l->cap && poll(&waiting, 1, 0) == 1;
	}
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct http_listener *l = arg;
	struct http_server *s = l->server;

	(void)what;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage sa;
		socklen_t len = sizeof sa;
		struct http_peer peer;
		int client;

		if (l->n >= l->cap) {
			s->stats.n_at_cap++;
			listener_pause(l);
			return;
		}
		client = accept4(fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
				starve(s, errno);
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			return;
		}
		s->is_starved = false;
		s->stats.n_accepted++;
		describe_peer(l, client, &sa, &peer);
		conn_create(l, client, &peer);
		if (s->stats.n_connections == 1)
			arm_sweep(s);
	}
}

enum err http_server_listen(struct http_server *s, int fd, enum http_listener_tag tag, size_t connections, struct diag *d)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof sa;
	struct http_listener *l;
	int one = 1;

	/* A socket from systemd is blocking: the second accept() of a turn would stop every timer. */
	if (evutil_make_socket_nonblocking(fd) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) != 0) {
		diag_set(d, "cannot listen: %s", strerror(errno));
		close(fd);
		return ERR_IO;
	}
	/* Linux passes it on to the connections. */
	if (sa.ss_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	l = xcalloc(1, sizeof *l);
	*l = (struct http_listener){ .server = s, .next = s->listeners, .fd = fd, .tag = tag,
				     .is_unix = sa.ss_family == AF_UNIX, .cap = connections };
	l->ev = event_new(s->base, fd, EV_READ | EV_PERSIST, on_accept, l);
	if (l->ev == NULL)
		abort();
	s->listeners = l;
	listener_resume(l);
	return ERR_OK;
}

void http_server_set_connections(struct http_server *s, enum http_listener_tag tag, size_t connections)
{
	for (struct http_listener *l = s->listeners; l != NULL; l = l->next) {
		if (l->tag != tag)
			continue;
		l->cap = connections;
		listener_resume(l);
	}
}

/* ---- connections ---- */

static void unready(struct http_conn *c)
{
	TAILQ_REMOVE(&c->server->ready, c, ready);
	c->server->n_ready--;
	c->is_ready = false;
}

void server_forget(struct http_conn *c)
{
	struct http_server *s = c->server;
	struct http_listener *l = c->listener;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	if (c->is_ready)
		unready(c);
	s->stats.n_connections--;
	s->stats.bodies_len -= c->charged;
	if (l != NULL) {
		l->n--;
		listener_resume(l);
	}
	if (s->stats.n_connections == 0)
		event_del(s->sweep);
	if (s->stats.n_connections == 0 && s->drain_fn != NULL)
		event_active(s->drained, EV_TIMEOUT, 1);
}

void server_ready(struct http_conn *c)
{
	struct http_server *s = c->server;

	if (c->is_ready)
		return;
	if (TAILQ_EMPTY(&s->ready))
		event_add(s->again, &(struct timeval){ 0 });
	TAILQ_INSERT_TAIL(&s->ready, c, ready);
	s->n_ready++;
	c->is_ready = true;
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;
	struct http_conn *c;
	size_t n = s->n_ready;

	(void)fd;
	(void)what;
	/* Who asks again meanwhile has his turn the next time. */
	for (; n > 0 && (c = TAILQ_FIRST(&s->ready)) != NULL; n--) {
		unready(c);
		conn_turn(c);
	}
	if (!TAILQ_EMPTY(&s->ready))
		event_add(s->again, &(struct timeval){ 0 });
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;
	struct mono now = mono_now();
	struct http_conn *next;

	(void)fd;
	(void)what;
	look_for_crowds(s);
	for (struct http_conn *c = s->conns; c != NULL; c = next) {
		next = c->next;
		conn_sweep(c, now);
	}
	if (s->conns != NULL)
		arm_sweep(s);
}

/* ---- stopping ---- */

void http_stop_accepting(struct http_server *s)
{
	close_listeners(s);
}

static void on_drained(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;
	http_drained_fn *fn = s->drain_fn;
	struct http_conn *next;

	(void)fd;
	(void)what;
	if (fn == NULL)
		return;
	s->drain_fn = NULL;
	for (struct http_conn *c = s->conns; c != NULL; c = next) {
		next = c->next;
		conn_close(c);
	}
	/* Last: it may destroy the server. */
	fn(s->drain_ctx);
}

void http_drain(struct http_server *s, int64_t deadline_ms, http_drained_fn *done, void *ctx)
{
	struct timeval tv = timeval_of(deadline_ms);
	struct mono now = mono_now();
	struct http_conn *next;

	close_listeners(s);
	s->is_stopping = true;
	s->drain_fn = done;
	s->drain_ctx = ctx;
	for (struct http_conn *c = s->conns; c != NULL; c = next) {
		next = c->next;
		conn_sweep(c, now);
	}
	if (s->conns == NULL)
		tv = timeval_of(0);
	event_add(s->drained, &tv);
}
