#include "daemon/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "daemon/daemon.h"

#define BACKLOG          1024
#define SPARE_FDS        48
#define METRICS_CAP      32
#define CONTROL_CAP      64

size_t listen_cap(unsigned configured)
{
	struct rlimit lim = { 1024, 1024 };
	rlim_t room;

	(void)getrlimit(RLIMIT_NOFILE, &lim);
	/* A quarter at least is for receivers and the rest, a handful of connections always. */
	room = lim.rlim_cur - lim.rlim_cur / 4;
	room = room > SPARE_FDS + 4 ? room - SPARE_FDS : 4;
	return configured < room ? configured : (size_t)room;
}

/* ---- sockets of our own ---- */

static enum err refuse(struct diag *d, const char *what, const char *where)
{
	diag_set(d, "%s %s: %s", what, where, strerror(errno));
	return ERR_IO;
}

/* A socket file that nobody answers on is what a killed process left behind. */
static bool is_stale(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool stale;

	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) != 0 && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

/* The file is ours to take away. */
static void made(struct daemon *d, enum http_listener_tag tag, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return;
	d->listeners.made[tag].path = xstrdup(path);
	d->listeners.made[tag].ino = st.st_ino;
	/* A directory with the setgid bit gives its group to the file. */
	if (tag == LISTEN_CONTROL)
		d->listeners.control_gid = st.st_gid;
}

static enum err bind_unix(const char *path, int *fd_out, struct diag *d)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, rc;

	if (strlen(path) >= sizeof(sa.sun_path)) {
		errno = ENAMETOOLONG;
		return refuse(d, "listen on", path);
	}
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if (is_stale(&sa))
		(void)unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refuse(d, "listen on", path);
	/* For the owner and the group, from its first moment on. */
	mask = umask(0117);
	rc = bind(fd, (const struct sockaddr *)&sa, sizeof(sa));
	umask(mask);
	if (rc != 0 || listen(fd, BACKLOG) != 0) {
		enum err e = refuse(d, "listen on", path);

		close(fd);
		return e;
	}
	*fd_out = fd;
	return ERR_OK;
}

static int bind_one(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

static enum err accept_on(struct daemon *d, int fd, enum http_listener_tag tag, struct diag *diag)
{
	size_t caps[] = { [LISTEN_PUBLIC] = listen_cap(d->cfg->server.max_connections), [LISTEN_METRICS] = METRICS_CAP, [LISTEN_CONTROL] = CONTROL_CAP };

	return http_server_listen(d->http, fd, tag, caps[tag], diag);
}

/* All addresses of the name; one that works is enough, since many machines have no ::1. */
static enum err listen_tcp(struct daemon *d, const struct address *a, enum http_listener_tag tag, struct diag *diag)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *list = NULL;
	char port[8];
	enum err e = ERR_OK;
	int n = 0, rc;

	snprintf(port, sizeof(port), "%u", a->port);
	rc = getaddrinfo(a->host, port, &hints, &list);
	if (rc != 0) {
		diag_set(diag, "listen on %s: %s", a->text, gai_strerror(rc));
		return ERR_IO;
	}
	for (const struct addrinfo *ai = list; ai != NULL && e == ERR_OK; ai = ai->ai_next) {
		int fd = bind_one(ai);

		if (fd < 0)
			continue;
		e = accept_on(d, fd, tag, diag);
		n++;
	}
	if (n == 0)
		e = refuse(diag, "listen on", a->text);
	freeaddrinfo(list);
	return e;
}

static enum err listen_unix(struct daemon *d, const char *path, enum http_listener_tag tag, struct diag *diag)
{
	enum err e;
	int fd;

	e = bind_unix(path, &fd, diag);
	if (e != ERR_OK)
		return e;
	made(d, tag, path);
	return accept_on(d, fd, tag, diag);
}

static enum err listen_address(struct daemon *d, const struct address *a, enum http_listener_tag tag, struct diag *diag)
{
	if (a->text == NULL)
		return ERR_OK;
	if (a->path == NULL)
		return listen_tcp(d, a, tag, diag);
	return listen_unix(d, a->path, tag, diag);
}

/* ---- sockets of systemd ---- */

static enum http_listener_tag tag_of(int fd, const char *name)
{
	static const struct { const char *name; enum http_listener_tag tag; } names[] = {
		{ "http", LISTEN_PUBLIC }, { "metrics", LISTEN_METRICS }, { "control", LISTEN_CONTROL },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name != NULL && strcmp(name, names[i].name) == 0)
			return names[i].tag;
	return sd_is_socket(fd, AF_UNIX, SOCK_STREAM, -1) > 0 ? LISTEN_CONTROL : LISTEN_PUBLIC;
}

static enum err take_activated(struct daemon *d, bool given[3], struct diag *diag)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);
	enum err e = ERR_OK;

	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		enum http_listener_tag tag = tag_of(fd, names != NULL ? names[i] : NULL);
		struct stat st;

		if (tag == LISTEN_CONTROL && fstat(fd, &st) == 0)
			d->listeners.control_gid = st.st_gid;
		if (e == ERR_OK)
			e = accept_on(d, fd, tag, diag);
		given[tag] = true;
		free(names != NULL ? names[i] : NULL);
	}
	free(names);
	return e;
}

static void remember(struct daemon *d, const bool given[3])
{
	restart_remember(&d->restart, d->cfg, (const bool[RESTART_N]){
		[RESTART_LISTEN] = !given[LISTEN_PUBLIC], [RESTART_METRICS] = !given[LISTEN_METRICS],
		[RESTART_SOCKET] = !given[LISTEN_CONTROL] && d->opt.socket == NULL, [RESTART_STORE] = true,
	});
}

enum err listen_all(struct daemon *d, struct diag *diag)
{
	bool given[3] = { false };
	enum err e;

	d->listeners.control_gid = getegid();
	e = take_activated(d, given, diag);
	if (e == ERR_OK && !given[LISTEN_CONTROL])
		e = listen_unix(d, d->opt.socket != NULL ? d->opt.socket : d->cfg->server.socket, LISTEN_CONTROL, diag);
	if (e == ERR_OK && !given[LISTEN_METRICS])
		e = listen_address(d, &d->cfg->server.metrics, LISTEN_METRICS, diag);
	if (e == ERR_OK && !given[LISTEN_PUBLIC])
		e = listen_address(d, &d->cfg->server.listen, LISTEN_PUBLIC, diag);
	remember(d, given);
	return e;
}

void listen_finish(struct daemon *d)
{
	for (size_t i = 0; i < LISTEN_N; i++) {
		struct made_socket *m = &d->listeners.made[i];
		struct stat st;

		/* Another plazod may have taken the place meanwhile. */
		if (m->path != NULL && stat(m->path, &st) == 0 && st.st_ino == m->ino)
			(void)unlink(m->path);
		free(m->path);
		m->path = NULL;
	}
	restart_finish(&d->restart);
}
