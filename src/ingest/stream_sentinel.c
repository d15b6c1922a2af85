/* One sentinel after another, each with a link of its own. Knows how to ask; whether the answer holds is its caller's to check. */
#include "stream_sentinel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "stream_link.h"
#include "stream_words.h"

#define ASK_MS        2000       /* connecting, and again each answer */
#define DEFAULT_PORT  26379
#define HOST_LEN      256

enum { TAG_AUTH, TAG_MASTER };

struct sentinels {
	struct event_base          *base;
	const struct stream_server *server;
	sentinels_done_fn          *done;
	void                       *ctx;
	size_t                      first, n_asked;
	struct link                *link;
	char                        host[HOST_LEN];      /* of the sentinel that is asked now */
	int                         port;
	char                        why[DIAG_LEN];
};

static void ask_next(struct sentinels *s);

void sentinels_cancel(struct sentinels *s)
{
	if (s == NULL)
		return;
	link_destroy(s->link);
	free(s);
}

static void finish(struct sentinels *s, const char *host, int port)
{
	sentinels_done_fn *done = s->done;
	void *ctx = s->ctx;
	char why[DIAG_LEN];

	memcpy(why, s->why, sizeof why);
	sentinels_cancel(s);
	done(ctx, host, port, why);
}

static void say(struct sentinels *s, const char *why)
{
	snprintf(s->why, sizeof s->why, "sentinel %.80s:%d: %.200s", s->host, s->port, why);
	link_destroy(s->link);
	s->link = NULL;
	ask_next(s);
}

static void on_reply(void *ctx, const redisReply *r, unsigned tag)
{
	struct sentinels *s = ctx;
	struct str host = reply_text(reply_at(r, 0));
	int64_t port = reply_int(reply_at(r, 1), 0);
	char copy[HOST_LEN];

	if (reply_is_error(r)) {
		snprintf(copy, sizeof copy, STR_FMT, STR_ARG(stream_words(reply_text(r))));
		say(s, copy);
	} else if (tag == TAG_MASTER && (host.len == 0 || host.len >= sizeof copy || port < 1 || port > 65535)) {
		char why[DIAG_LEN];

		snprintf(why, sizeof why, "knows no master `%s`", s->server->master);
		say(s, why);
	} else if (tag == TAG_MASTER) {
		memcpy(copy, host.p, host.len);
		copy[host.len] = '\0';
		finish(s, copy, (int)port);
	}
}

static void on_up(void *ctx)
{
	struct sentinels *s = ctx;
	const struct stream_server *server = s->server;
	struct link_call call = { .fn = on_reply, .ctx = s, .tag = TAG_AUTH, .ms = ASK_MS };
	struct link_args args = { .n = 0 };

	if (server->sentinel_password.len > 0) {
		args_puts(&args, "AUTH");
		if (server->sentinel_user.len > 0)
			args_put(&args, server->sentinel_user);
		args_put(&args, server->sentinel_password);
		link_call(s->link, &args, &call);
	}
	args.n = 0;
	args_puts(&args, "SENTINEL");
	args_puts(&args, "get-master-addr-by-name");
	args_puts(&args, server->master);
	call.tag = TAG_MASTER;
	link_call(s->link, &args, &call);
	link_flush(s->link);
}

static void on_down(void *ctx, enum link_fault fault, const char *why)
{
	(void)fault;
	say(ctx, why);
}

/* "host:port", "[::1]:port", or a host alone. */
static void split(const char *text, char host[HOST_LEN], int *port)
{
	const char *colon = strrchr(text, ':'), *from = text;
	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
	int64_t n;

	*port = DEFAULT_PORT;
	if (colon != NULL && str_to_i64(str_of(colon + 1), 1, 65535, &n) == ERR_OK)
		*port = (int)n;
	if (len >= 2 && from[0] == '[' && from[len - 1] == ']') {
		from++;
		len -= 2;
	}
	snprintf(host, HOST_LEN, "%.*s", (int)len, from);
}

static void ask_next(struct sentinels *s)
{
	const struct stream_server *server = s->server;
	struct link_handler handler = { .up = on_up, .down = on_down, .ctx = s };
	struct link_to to = { .host = s->host, .tls = server->tls, .ca_file = server->ca_file };

	if (s->n_asked == server->n_sentinels) {
		finish(s, NULL, 0);
		return;
	}
	split(server->sentinels[(s->first + s->n_asked++) % server->n_sentinels], s->host, &s->port);
	to.port = s->port;
	s->link = link_create(s->base, &to, ASK_MS, &handler);
}

struct sentinels *sentinels_ask(struct event_base *base, const struct stream_server *server, size_t first, sentinels_done_fn *done,
				void *ctx)
{
	struct sentinels *s = xcalloc(1, sizeof *s);

	*s = (struct sentinels){ .base = base, .server = server, .done = done, .ctx = ctx, .first = first };
	ask_next(s);
	return s;
}
