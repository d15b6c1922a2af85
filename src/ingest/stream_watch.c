/*
 * A look at the server every few seconds: how far behind we are, who else is there, whose entries were left behind, and whether ids
 * went back. The one who reads says meanwhile that it is alive: on a stream where nothing happens, reads alone do not tell (Redis 7.0).
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/now.h"
#include "stream_private.h"

#define WATCH_MS      5000
#define WATCH_SOON_MS 1000    /* after the first look: much was there to be read */

enum watch_what { WATCH_GROUPS, WATCH_CONSUMERS, WATCH_TOUCH, WATCH_POSITION };
#define TAG_OF(what, key) ((unsigned)(what) << 8 | (key))

int64_t watch_find_rival(struct stream *s, const redisReply *r, unsigned key)
{
	for (size_t i = 0; reply_at(r, i) != NULL; i++) {
		const redisReply *c = reply_at(r, i);
		struct str name = reply_text(reply_field(c, "name"));
		int64_t idle = reply_int(reply_field(c, "idle"), 0), pending = reply_int(reply_field(c, "pending"), 0);

		if (str_eqz(name, s->opt.consumer))
			continue;
		if (idle < s->opt.takeover_ms) {
			snprintf(s->rival, sizeof s->rival, STR_FMT, STR_ARG(name));
			return idle;
		}
		if (pending > 0)
			s->claims |= UINT32_C(1) << key;
	}
	return -1;
}

/* Adds; what is not known of one stream is not known of all. */
static int64_t sum(int64_t a, int64_t b)
{
	return a < 0 || b < 0 ? -1 : a + b;
}

static void note_group(struct stream *s, const redisReply *r)
{
	for (size_t i = 0; reply_at(r, i) != NULL; i++) {
		const redisReply *g = reply_at(r, i);

		if (!str_eqz(reply_text(reply_field(g, "name")), s->opt.group))
			continue;
		s->lag = sum(s->lag, reply_int(reply_field(g, "lag"), -1));
		s->pending = sum(s->pending, reply_int(reply_field(g, "pending"), -1));
		return;
	}
	s->lag = s->pending = -1;
}

/* How many entries of a stream are behind an id, where that can be told: none, or all that there are. */
static int64_t entries_behind(const redisReply *r, struct str id)
{
	struct str first = reply_text(reply_at(reply_field(r, "first-entry"), 0)), last = reply_text(reply_at(reply_field(r, "last-entry"), 0));
	int64_t length = reply_int(reply_field(r, "length"), -1);

	if (length <= 0 || entry_id_cmp(last, id) <= 0)
		return length < 0 ? -1 : 0;
	return entry_id_cmp(first, id) > 0 ? length : -1;
}

static void note_position(struct stream *s, const redisReply *r, unsigned key)
{
	if (reply_is_error(r))      /* there is no such stream */
		return;
	s->lag = sum(s->lag, entries_behind(r, str_of(s->at[key].kept)));
	s->added = sum(s->added, reply_int(reply_field(r, "entries-added"), -1));
}

/* In the middle of a stream the server cannot say how far behind an id is; but from Redis 7.0 on it counts what was ever added, and we what came in since. */
static void note_lag(struct stream *s)
{
	if (s->lag < 0 && s->counted >= 0 && s->added >= 0)
		s->lag = s->added > s->counted ? s->added - s->counted : 0;
	else if (s->lag >= 0)
		s->counted = s->added >= s->lag ? s->added - s->lag : -1;
}

/*
 * A read that was held up on its way may have been answered to a connection that is gone: its entries are pending under our name, and
 * nobody would ask for them before the next start. What is pending while nothing is under way here are such.
 */
static void find_strays(struct stream *s, const redisReply *r)
{
	int64_t pending = 0;

	if (s->phase != PHASE_NEW || s->n_out + s->held.n + s->n_acks > 0 || s->settled.first != NULL || s->is_again)
		return;
	for (size_t i = 0; reply_at(r, i) != NULL; i++)
		if (str_eqz(reply_text(reply_field(reply_at(r, i), "name")), s->opt.consumer))
			pending = reply_int(reply_field(reply_at(r, i), "pending"), 0);
	if (pending <= 0)
		return;
	log_warn("stream", "strays", "source=" STR_FMT " entries=%lld: they were read in our name and never came here; they are read again",
		 STR_ARG(s->opt.name), (long long)pending);
	s->phase = PHASE_OWN_PENDING;
}

static void note_consumers(struct stream *s, const redisReply *r, unsigned key)
{
	char before[sizeof s->rival];

	find_strays(s, r);
	memcpy(before, s->rival, sizeof before);
	if (key == 0)
		s->has_rival = false;
	if (watch_find_rival(s, r, key) < 0) {
		if (key + 1 == s->opt.n_keys && !s->has_rival)
			s->rival[0] = '\0';
		return;
	}
	s->has_rival = true;
	/* Who reads goes on: the other one is told to wait, or is no plazod. */
	if (strcmp(before, s->rival) != 0)
		log_error("stream", "rival", "source=" STR_FMT " group=%s consumer=%s: another consumer of the group is alive; a ticket whose "
			  "events it takes is seen in part by each", STR_ARG(s->opt.name), s->opt.group, s->rival);
}

static void on_watch(void *ctx, const redisReply *r, unsigned tag)
{
	struct stream *s = ctx;
	enum watch_what what = (enum watch_what)(tag >> 8);

	s->n_watches--;
	/* Asked before a handshake began anew. */
	if (s->phase == PHASE_APART && s->stats.state != STREAM_WAITING)
		return;
	if (what == WATCH_POSITION) {
		if (!handshake_position(s, r, tag & 0xff))
			return;
	} else if (reply_is_error(r)) {
		stream_trouble(s, r);
		return;
	}
	switch (what) {
	case WATCH_GROUPS:
		note_group(s, r);
		break;
	case WATCH_CONSUMERS:
		if (s->phase != PHASE_APART)
			note_consumers(s, r, tag & 0xff);
		break;
	case WATCH_TOUCH:
		/* Late, it does not give a right back that is lost. */
		if (!read_is_out_of_touch(s))
			s->touched_ms = boot_now().ms;
		break;
	case WATCH_POSITION:
		note_position(s, r, tag & 0xff);
		break;
	}
	if (s->n_watches > 0)
		return;
	if (s->opt.own)
		note_lag(s);
	s->stats.lag = s->lag;
	s->stats.pending = s->pending;
	read_pump(s);
}

static void ask(struct stream *s, const char *what, unsigned key, enum watch_what tag)
{
	struct link_args args = { .n = 0 };

	args_puts(&args, "XINFO");
	args_puts(&args, what);
	args_puts(&args, s->opt.keys[key]);
	if (tag == WATCH_CONSUMERS)
		args_puts(&args, s->opt.group);
	s->n_watches++;
	stream_call(s, &args, on_watch, TAG_OF(tag, key));
}

static void look(struct stream *s)
{
	struct link_args args = { .n = 0 };

	s->lag = s->added = 0;
	s->pending = s->opt.own ? -1 : 0;      /* there is no group, and so no list of what is pending */
	for (unsigned key = 0; key < s->opt.n_keys; key++) {
		if (s->opt.own) {
			ask(s, "STREAM", key, WATCH_POSITION);
			continue;
		}
		ask(s, "GROUPS", key, WATCH_GROUPS);
		ask(s, "CONSUMERS", key, WATCH_CONSUMERS);
	}
	if (!s->opt.own && s->phase != PHASE_APART) {
		args_put_touch(&args, s);
		s->n_watches++;
		stream_call(s, &args, on_watch, TAG_OF(WATCH_TOUCH, 0));
	}
	link_flush(s->link);
}

static void arm(struct stream *s, int64_t max_ms)
{
	int64_t ms = s->opt.takeover_ms / 4;
	struct timeval tv;

	if (s->opt.own || ms > max_ms)
		ms = max_ms;
	tv = timeval_of(ms);
	event_add(s->watch, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd, (void)what;
	arm(s, WATCH_MS);
	if (s->phase != PHASE_APART && read_is_out_of_touch(s))
		read_pump(s);
	else if (s->n_watches == 0 && s->leaving == LEAVING_NOT && (s->phase != PHASE_APART || s->stats.state == STREAM_WAITING))
		look(s);
}

void watch_begin(struct stream *s)
{
	if (s->watch == NULL)
		s->watch = evtimer_new(s->base, on_timer, s);
	s->n_watches = 0;
	arm(s, WATCH_MS);
}

void watch_now(struct stream *s)
{
	if (s->phase == PHASE_APART || s->leaving != LEAVING_NOT || s->n_watches > 0)
		return;
	look(s);
	arm(s, WATCH_SOON_MS);
}

void watch_end(struct stream *s)
{
	if (s->watch != NULL)
		event_free(s->watch);
	s->watch = NULL;
	s->n_watches = 0;
	s->stats.lag = s->stats.pending = -1;
}
