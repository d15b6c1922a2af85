/*
 * The life of a stream: connecting and coming again, its states and what is said of them, reload and stop. Every way in which a
 * connection can end leads through stream_retreat(), and every way back begins with a new one.
 */
#include "ingest/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/now.h"
#include "base/xalloc.h"
#include "stream_private.h"

const char *const stream_state_names[STREAM_N_STATES] = {
	[STREAM_CONNECTING] = "connecting", [STREAM_READING] = "reading", [STREAM_FULL] = "full", [STREAM_WAITING] = "waiting",
	[STREAM_REFUSED] = "refused", [STREAM_TROUBLED] = "troubled", [STREAM_STOPPED] = "stopped",
};

/* A journal without room is told by the journal's owner, and may come and go within a second. */
static const enum log_level levels[STREAM_N_STATES] = {
	[STREAM_CONNECTING] = LOG_LEVEL_WARN, [STREAM_READING] = LOG_LEVEL_INFO, [STREAM_FULL] = LOG_LEVEL_DEBUG,
	[STREAM_WAITING] = LOG_LEVEL_ERROR, [STREAM_REFUSED] = LOG_LEVEL_ERROR, [STREAM_TROUBLED] = LOG_LEVEL_WARN,
	[STREAM_STOPPED] = LOG_LEVEL_INFO,
};

/* Words of a server's, on their way to terminals and files. */
static void tidy(char *z)
{
	bool is_utf8 = str_is_utf8(str_of(z));

	for (; *z != '\0'; z++)
		if ((unsigned char)*z < 0x20 || *z == 0x7f || (!is_utf8 && (unsigned char)*z >= 0x80))
			*z = '?';
}

void stream_set_state(struct stream *s, enum stream_state state, const char *fmt, ...)
{
	enum log_level level = levels[state];
	enum stream_state before = s->stats.state;
	char why[DIAG_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	tidy(why);
	if (state == before && strcmp(why, s->stats.why) == 0)
		return;
	memcpy(s->stats.why, why, sizeof why);
	if (state != before)
		s->stats.since_ms = mono_now().ms;
	s->stats.state = state;
	if (state == STREAM_READING && before == STREAM_FULL)
		level = LOG_LEVEL_DEBUG;
	log_line(level, "stream", stream_state_names[state], "source=" STR_FMT " server=\"%s\"%s%s", STR_ARG(s->opt.name), s->stats.peer,
		 why[0] != '\0' ? " why=" : "", why);
}

/* ---- connecting ---- */

void stream_after(struct stream *s, int64_t ms)
{
	struct timeval tv = timeval_of(ms);

	event_add(s->timer, &tv);
}

void stream_call(struct stream *s, const struct link_args *args, link_reply_fn *fn, unsigned tag)
{
	struct link_call call = { .fn = fn, .ctx = s, .tag = tag, .ms = STREAM_COMMAND_MS };

	link_call(s->link, args, &call);
}

/* Between half and the whole of a time that doubles: many that lost the same server do not come back at once. */
static int64_t backoff(struct stream *s, enum stream_state state)
{
	unsigned n = s->n_attempts < 6 ? s->n_attempts++ : 6;
	int64_t ms = STREAM_BACKOFF_MS << n;

	if (state == STREAM_REFUSED || ms > STREAM_BACKOFF_MAX_MS)
		ms = STREAM_BACKOFF_MAX_MS;
	return ms / 2 + (int64_t)arc4random_uniform((uint32_t)(ms / 2));
}

void stream_retreat(struct stream *s, enum stream_state state, const char *why)
{
	link_destroy(s->link);
	s->link = NULL;
	read_abandon(s);
	watch_end(s);
	s->stats.n_failures++;
	stream_set_state(s, state, "%s", why);
	if (s->leaving == LEAVING_NOT)
		stream_after(s, backoff(s, state));
	else
		read_pump(s);
}

void stream_trouble(struct stream *s, const redisReply *error)
{
	struct str text = stream_words(reply_text(error));
	char why[DIAG_LEN];

	if (text.len > 200)
		text.len = 200;
	snprintf(why, sizeof why, "the server says: " STR_FMT, STR_ARG(text));
	switch (stream_word(text)) {
	case WORD_NO_GROUP:
	case WORD_NO_KEY:
		/* One that is gone again at once (an eviction, somebody's script) is not made as fast as the server can forget it. */
		if (s->opt.own || s->leaving != LEAVING_NOT || s->is_regrouped) {
			stream_retreat(s, STREAM_TROUBLED, why);
			return;
		}
		log_error("stream", "group_gone", "source=" STR_FMT " group=%s: %s", STR_ARG(s->opt.name), s->opt.group, why);
		s->is_regrouped = true;
		handshake_group(s);
		return;
	case WORD_REFUSED:
		stream_retreat(s, STREAM_REFUSED, why);
		return;
	default:
		stream_retreat(s, STREAM_TROUBLED, why);
	}
}

void stream_garbled(struct stream *s, const char *why)
{
	stream_retreat(s, STREAM_TROUBLED, why);
}

static void on_up(void *ctx)
{
	struct stream *s = ctx;

	s->stats.n_connects++;
	watch_begin(s);
	handshake_begin(s);
}

/* Fewer at once, and at once; a single entry that is too large is beyond us. */
static const char *ask_for_fewer(struct stream *s)
{
	if (s->count == 1)
		return "an entry of more than 160 MiB cannot be read, it must be deleted (XDEL)";
	s->count /= 2;
	s->n_attempts = 0;
	return "a reply of more than 160 MiB: fewer entries are asked for";
}

static void on_down(void *ctx, enum link_fault fault, const char *why)
{
	struct stream *s = ctx;
	enum stream_state state = fault == LINK_LOST ? STREAM_CONNECTING : STREAM_TROUBLED;
	char copy[DIAG_LEN];

	if (fault == LINK_TOLD && stream_word(str_of(why)) == WORD_REFUSED)
		state = STREAM_REFUSED;
	/* `why` is the link's, which goes. */
	snprintf(copy, sizeof copy, "%s", fault == LINK_TOO_LARGE ? ask_for_fewer(s) : why);
	stream_retreat(s, state, copy);
}

static void link_up(struct stream *s, const char *host, int port)
{
	const struct stream_server *server = &s->opt.server;
	struct link_handler handler = { .up = on_up, .down = on_down, .ctx = s };
	struct link_to to = { .host = host, .port = port, .path = server->path, .tls = server->tls, .ca_file = server->ca_file };

	options_peer(s, s->stats.peer, sizeof s->stats.peer);
	s->link = link_create(s->base, &to, STREAM_CONNECT_MS, &handler);
}

static void on_master(void *ctx, const char *host, int port, const char *why)
{
	struct stream *s = ctx;

	s->sentinels = NULL;
	if (host == NULL) {
		stream_retreat(s, STREAM_CONNECTING, why);
		return;
	}
	snprintf(s->host, sizeof s->host, "%s", host);
	s->port = port;
	link_up(s, s->host, s->port);
}

static void connect_now(struct stream *s)
{
	const struct stream_server *server = &s->opt.server;

	if (server->n_sentinels > 0)
		s->sentinels = sentinels_ask(s->base, server, s->n_asked++, on_master, s);
	else
		link_up(s, server->host, server->port);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd, (void)what;
	if (s->is_over)
		return;
	if (s->link == NULL && s->sentinels == NULL && s->leaving == LEAVING_NOT)
		connect_now(s);
	else if (s->stats.state == STREAM_WAITING && s->leaving == LEAVING_NOT)
		handshake_rival(s);
	else
		read_pump(s);
}

/* ---- life ---- */

/* A key that was read before goes on behind what of it is on disk by now, which the loop may not have known when it made the settings. */
static void take_positions(struct stream *s, const struct stream_settings *next)
{
	const struct stream_settings *last = s->settings;
	struct stream_position at[STREAM_MAX_KEYS] = { 0 };

	for (size_t i = 0; i < next->opt.n_keys && next->opt.own; i++) {
		snprintf(at[i].kept, sizeof at[i].kept, "%s", next->cursors[i]);
		for (size_t k = 0; last != NULL && last->opt.own && k < last->opt.n_keys; k++)
			if (strcmp(last->opt.keys[k], next->opt.keys[i]) == 0)
				at[i] = s->at[k];
	}
	memcpy(s->at, at, sizeof s->at);
}

static void take_settings(struct stream *s, struct stream_settings *next)
{
	take_positions(s, next);
	settings_destroy(s->settings);
	s->settings = next;
	s->opt = next->opt;
	options_peer(s, s->stats.peer, sizeof s->stats.peer);
}

struct stream *stream_make(struct stream_settings *set, struct bridge *br)
{
	struct stream *s = xcalloc(1, sizeof *s);

	s->bridge = br;
	take_settings(s, set);
	s->doc = json_create();
	s->count = STREAM_COUNT;
	s->stats.lag = s->stats.pending = -1;
	s->stats.since_ms = mono_now().ms;
	return s;
}

void stream_live(struct stream *s, struct event_base *base)
{
	s->base = base;
	s->timer = evtimer_new(base, on_timer, s);
	stream_after(s, 0);
}

void stream_depart(struct stream *s)
{
	enum stream_leaving leaving = s->leaving;

	link_destroy(s->link);
	s->link = NULL;
	sentinels_cancel(s->sentinels);
	s->sentinels = NULL;
	read_finish(s);
	watch_end(s);
	if (s->timer != NULL)
		event_del(s->timer);
	s->leaving = LEAVING_NOT;
	if (leaving == LEAVING_FOR_GOOD) {
		s->is_over = true;
		stream_set_state(s, STREAM_STOPPED, "%s", "");
		return;
	}
	s->host[0] = '\0';
	s->port = 0;
	take_settings(s, s->next);
	s->next = NULL;
	s->n_attempts = 0;
	s->is_again = s->is_dry = false;
	s->claims = 0;
	if (s->timer == NULL)
		return;
	stream_set_state(s, STREAM_CONNECTING, "the configuration was changed");
	stream_after(s, 0);
}

void stream_follow(struct stream *s, struct stream_settings *next)
{
	if (s->is_over) {
		settings_destroy(next);
		return;
	}
	/* One that waits is overtaken. */
	settings_destroy(s->next);
	s->next = NULL;
	if (options_same_place(&s->opt, &next->opt)) {
		/* What waited for room was called back when it was to leave. */
		if (s->leaving == LEAVING_FOR_RESET) {
			s->leaving = LEAVING_NOT;
			settle_again_later(s);
			/* Who was to leave did not come again when the connection was lost. */
			if (s->link == NULL && s->sentinels == NULL)
				stream_after(s, 0);
		}
		take_settings(s, next);
		read_pump(s);
		return;
	}
	s->next = next;
	if (s->leaving == LEAVING_NOT)
		s->leaving = LEAVING_FOR_RESET;
	bridge_recall(s);
	read_pump(s);
}

void stream_leave(struct stream *s)
{
	if (s->is_over || s->leaving == LEAVING_FOR_GOOD)
		return;
	s->leaving = LEAVING_FOR_GOOD;
	bridge_recall(s);
	read_pump(s);
}

void stream_free(struct stream *s)
{
	link_destroy(s->link);
	sentinels_cancel(s->sentinels);
	read_finish(s);
	watch_end(s);
	batch_free_spare(s);
	if (s->timer != NULL)
		event_free(s->timer);
	json_destroy(s->doc);
	settings_destroy(s->settings);
	settings_destroy(s->next);
	free(s);
}

void stream_copy_rival(const struct stream *s, char out[STREAM_NAME_LEN])
{
	memcpy(out, s->rival, STREAM_NAME_LEN);
	tidy(out);
}
