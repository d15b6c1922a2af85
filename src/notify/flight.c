#include "notify/flight.h"

#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/xalloc.h"

/* Each receiver has a bound of its own, so this one is but a net: several receivers may share a host, and a dead one of them must not use up the others' connections. */
#define MAX_HOST_CONNECTIONS 128L
#define MAX_KEPT_CONNECTIONS 64L

struct flight {
	struct flights *of;
	flight_done_fn *fn;
	void           *ctx;
	CURL           *easy;
	struct flight  *prev, *next;
};

struct flights {
	struct event_base *base;
	CURLM             *multi;
	struct event      *timer;
	struct flight     *first;        /* all transfers under way */
};

/* ---- harvesting ---- */

static void unlink_flight(struct flight *fl)
{
	if (fl->prev != NULL)
		fl->prev->next = fl->next;
	else
		fl->of->first = fl->next;
	if (fl->next != NULL)
		fl->next->prev = fl->prev;
}

static void harvest(struct flights *f)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
		struct flight *fl = NULL;
		CURL *easy = m->easy_handle;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE || curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&fl) != CURLE_OK || fl == NULL)
			continue;
		/* The message dies with the removal, and fn may start the next transfer. */
		curl_multi_remove_handle(f->multi, easy);
		flight_done_fn *fn = fl->fn;
		void *ctx = fl->ctx;
		unlink_flight(fl);
		free(fl);
		fn(ctx, code);
	}
}

/* ---- libevent to libcurl ---- */

static void on_socket(evutil_socket_t fd, short what, void *ctx)
{
	struct flights *f = ctx;
	int running, action = ((what & EV_READ) ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(f->multi, fd, action, &running);
	harvest(f);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct flights *f = ctx;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	harvest(f);
}

/* ---- libcurl to libevent: no call of libcurl but curl_multi_assign in here ---- */

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	struct flights *f = ctx;
	struct event *ev = socket_ctx;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (ev != NULL)
			event_free(ev);
		curl_multi_assign(f->multi, fd, NULL);
		return 0;
	}
	short want = (short)(((what & CURL_POLL_IN) ? EV_READ : 0) | ((what & CURL_POLL_OUT) ? EV_WRITE : 0) | EV_PERSIST);
	if (ev == NULL) {
		ev = event_new(f->base, fd, want, on_socket, f);
		curl_multi_assign(f->multi, fd, ev);
	} else {
		event_del(ev);
		event_assign(ev, f->base, fd, want, on_socket, f);
	}
	/* A socket that cannot be watched ends by its timeout: -1 from here would break every other transfer too. */
	if (ev != NULL)
		event_add(ev, NULL);
	return 0;
}

static int timer_wanted(CURLM *multi, long ms, void *ctx)
{
	struct flights *f = ctx;
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	(void)multi;
	if (ms < 0)
		event_del(f->timer);
	else
		event_add(f->timer, &tv);
	return 0;
}

/* ---- life ---- */

struct flights *flights_create(struct event_base *base)
{
	struct flights *f = xcalloc(1, sizeof(*f));
	bool ok;

	f->base = base;
	f->multi = curl_multi_init();
	f->timer = event_new(base, -1, 0, on_timer, f);
	ok = f->multi != NULL && f->timer != NULL &&
	     curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted) == CURLM_OK &&
	     curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f) == CURLM_OK &&
	     curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, timer_wanted) == CURLM_OK &&
	     curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f) == CURLM_OK &&
	     curl_multi_setopt(f->multi, CURLMOPT_MAX_HOST_CONNECTIONS, MAX_HOST_CONNECTIONS) == CURLM_OK &&
	     curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, MAX_KEPT_CONNECTIONS) == CURLM_OK &&
	     curl_multi_setopt(f->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) == CURLM_OK;
	if (!ok) {
		flights_destroy(f);
		return NULL;
	}
	return f;
}

void flights_destroy(struct flights *f)
{
	if (f == NULL)
		return;
	while (f->first != NULL)
		flights_cancel(f, f->first->easy);
	if (f->multi != NULL)
		curl_multi_cleanup(f->multi);
	if (f->timer != NULL)
		event_free(f->timer);
	free(f);
}

bool flights_start(struct flights *f, CURL *easy, flight_done_fn *fn, void *ctx)
{
	struct flight *fl = xcalloc(1, sizeof(*fl));

	*fl = (struct flight){ .of = f, .fn = fn, .ctx = ctx, .easy = easy, .next = f->first };
	if (curl_easy_setopt(easy, CURLOPT_PRIVATE, fl) != CURLE_OK || curl_multi_add_handle(f->multi, easy) != CURLM_OK) {
		free(fl);
		return false;
	}
	if (f->first != NULL)
		f->first->prev = fl;
	f->first = fl;
	return true;
}

void flights_cancel(struct flights *f, CURL *easy)
{
	struct flight *fl = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&fl) != CURLE_OK || fl == NULL)
		return;
	curl_multi_remove_handle(f->multi, easy);
	unlink_flight(fl);
	free(fl);
}

/* ---- what every handle has ---- */

static bool is_link_local4(const uint8_t *a)
{
	return a[0] == 169 && a[1] == 254;
}

/* 169.254/16 and fe80::/10, also where IPv6 wraps an IPv4 address: mapped, compatible (::/96) and NAT64 (64:ff9b::/96). */
static bool is_link_local(const struct sockaddr *sa)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	static const uint8_t compatible[12] = { 0 };
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		return is_link_local4((const uint8_t *)&in.sin_addr);
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		const uint8_t *a = in6.sin6_addr.s6_addr;

		memcpy(&in6, sa, sizeof(in6));
		if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
			return true;
		return (memcmp(a, mapped, 12) == 0 || memcmp(a, compatible, 12) == 0 || memcmp(a, nat64, 12) == 0) && is_link_local4(a + 12);
	}
	return true;     /* neither of the two: not a place of the configuration's */
}

/* Asked with the address that is about to be connected to, so a name that resolves differently the second time gains nothing. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	bool *refused = ctx;

	if (purpose != CURLSOCKTYPE_IPCXN || is_link_local(&a->addr)) {
		*refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

CURLcode flight_common(CURL *easy, const char *protocols, const char *ca_file, long timeout_ms, bool *refused)
{
	CURLcode e = CURLE_OK;

#define SET(option, value) do { if (e == CURLE_OK) e = curl_easy_setopt(easy, (option), (value)); } while (0)
	SET(CURLOPT_PROTOCOLS_STR, protocols);
	SET(CURLOPT_REDIR_PROTOCOLS_STR, protocols);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < 5000 ? timeout_ms : 5000L);
	SET(CURLOPT_TIMEOUT_MS, timeout_ms);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (ca_file != NULL)
		SET(CURLOPT_CAINFO, ca_file);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, refused);
	/* A cancelled transfer must not wait for its name to be resolved: the resolver's thread is left to end by itself. */
	SET(CURLOPT_QUICK_EXIT, 1L);
#undef SET
	return e;
}

bool flight_untrusted(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
}
