#include "daemon/streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/now.h"
#include "base/reader.h"
#include "base/xalloc.h"
#include "daemon/daemon.h"
#include "daemon/operator.h"
#include "store/streams.h"

_Static_assert(CONFIG_MAX_STREAMS == STREAM_MAX_KEYS && CONFIG_MAX_SENTINELS == STREAM_MAX_SENTINELS, "the same limits");

#define GRACE_MS  INT64_C(10000)     /* a server that restarts, or fails over, is back by then */
#define LOOK_MS   INT64_C(250)
#define ID_DIGITS 12

struct reader_slot {
	char          *source;          /* owned */
	struct stream *stream;
	bool           ending;
	struct mono    looked;
	int64_t        lost_ms;         /* loop time at which it was first seen not reading; -1: it reads */
	struct stream_plight plight;
};

struct cursor_slot {
	char *source, *key, *value;     /* owned */
};

void streams_init(struct streams *ss)
{
	*ss = (struct streams){ .n = 0 };
}

void streams_finish(struct streams *ss)
{
	for (size_t i = 0; i < ss->n; i++) {
		/* One whose batches did not come back, since the disk is dead, cannot be taken apart; the process ends. */
		if (stream_is_over(ss->v[i].stream))
			stream_destroy(ss->v[i].stream);
		else
			stream_halt(ss->v[i].stream);
		free(ss->v[i].source);
	}
	for (size_t i = 0; i < ss->n_cursors; i++) {
		free(ss->cursors[i].source);
		free(ss->cursors[i].key);
		free(ss->cursors[i].value);
	}
	free(ss->v);
	free(ss->cursors);
	streams_init(ss);
}

/* ---- cursors ---- */

static char *text_of(struct str s)
{
	char *z = xmalloc(s.len + 1);

	if (s.len > 0)
		memcpy(z, s.p, s.len);
	z[s.len] = '\0';
	return z;
}

static struct cursor_slot *find_cursor(const struct streams *ss, struct str source, struct str key)
{
	for (size_t i = 0; i < ss->n_cursors; i++)
		if (str_eqz(source, ss->cursors[i].source) && str_eqz(key, ss->cursors[i].key))
			return &ss->cursors[i];
	return NULL;
}

static void set_cursor(struct streams *ss, struct str source, struct str key, struct str value)
{
	struct cursor_slot *c = find_cursor(ss, source, key);

	if (c == NULL) {
		ss->cursors = xreallocarray(ss->cursors, ss->n_cursors + 1, sizeof(*ss->cursors));
		c = &ss->cursors[ss->n_cursors++];
		*c = (struct cursor_slot){ .source = text_of(source), .key = text_of(key) };
	}
	free(c->value);
	c->value = text_of(value);
}

static enum err on_cursor(void *ctx, const struct store_cursor *c, struct diag *diag)
{
	(void)diag;
	set_cursor(ctx, c->source, c->key, c->value);
	return ERR_OK;
}

enum err streams_load(struct daemon *d, struct diag *diag)
{
	snprintf(d->streams.consumer, sizeof(d->streams.consumer), "plazo-%.*s", ID_DIGITS, store_id(d->store));
	return store_load_cursors(d->store, on_cursor, &d->streams, diag);
}

void streams_moved(struct daemon *d, const struct intake_batch *b)
{
	for (size_t i = 0; i < b->n_cursors && !b->failed; i++)
		set_cursor(&d->streams, b->source, b->cursors[i].key, b->cursors[i].value);
}

static struct str cursor_of(void *ctx, struct str source, struct str key)
{
	const struct daemon *d = ctx;
	const struct cursor_slot *c = find_cursor(&d->streams, source, key);

	return str_of(c != NULL ? c->value : NULL);
}

/* ---- from the configuration ---- */

static struct wall now_of(void *ctx)
{
	return daemon_now(ctx);
}

static struct stream_server server_of(const struct redis_config *r)
{
	return (struct stream_server){
		.host = r->host, .port = r->port, .path = r->path, .sentinels = r->sentinels, .n_sentinels = r->n_sentinels, .master = r->master,
		.db = r->db, .user = str_of(r->user), .password = r->password.bytes, .sentinel_user = str_of(r->sentinel_user),
		.sentinel_password = r->sentinel_password.bytes, .tls = r->tls, .ca_file = r->ca_file,
	};
}

/* `d` may be NULL: then only what a check looks at is there. */
static struct stream_options options_of(struct daemon *d, const struct config *cfg, const struct source *s)
{
	const struct redis_config *r = &s->redis;

	return (struct stream_options){
		.base = d != NULL ? d->base : NULL, .name = str_of(s->name), .ns = str_of(s->ns), .server = server_of(r),
		.keys = r->streams, .n_keys = r->n_streams, .group = r->group, .consumer = d != NULL ? d->streams.consumer : "plazo",
		.key = d != NULL ? store_key(d->store) : (struct sipkey){ 0 },
		.own = r->own, .takeover_ms = r->takeover_ms, .event_len = cfg->server.max_body,
		.sink = journal_sink, .now = now_of, .cursor = cursor_of, .ctx = d,
	};
}

/* Foreign maps are not active yet: the configuration has said so in a warning, and nothing is read for them. */
static bool is_wanted(const struct source *s)
{
	return s != NULL && !s->webhook && s->map == NULL;
}

enum err streams_check(const struct config *cfg, struct diag *diag)
{
	for (size_t i = 0; i < cfg->n_sources; i++) {
		const struct source *s = &cfg->sources[i];
		struct stream_options opt = options_of(NULL, cfg, s);
		struct diag why = { 0 };
		enum err e = is_wanted(s) ? stream_check(&opt, &why) : ERR_OK;

		if (e != ERR_OK) {
			diag_set(diag, "source %s: %s", s->name, why.msg);
			return e;
		}
	}
	return ERR_OK;
}

static struct reader_slot *find_slot(const struct streams *ss, const char *source)
{
	for (size_t i = 0; i < ss->n; i++)
		if (strcmp(ss->v[i].source, source) == 0)
			return &ss->v[i];
	return NULL;
}

/* Sources are sorted by name, and so are their slots. */
static void add_slot(struct daemon *d, const struct stream_options *opt, const char *source)
{
	struct streams *ss = &d->streams;
	size_t at = ss->n;

	ss->v = xreallocarray(ss->v, ss->n + 1, sizeof(*ss->v));
	while (at > 0 && strcmp(ss->v[at - 1].source, source) > 0)
		at--;
	memmove(&ss->v[at + 1], &ss->v[at], (ss->n - at) * sizeof(*ss->v));
	ss->n++;
	ss->v[at] = (struct reader_slot){ .source = xstrdup(source), .stream = stream_create(opt), .lost_ms = mono_now().ms };
}

static void end_slot(struct reader_slot *slot)
{
	if (!slot->ending)
		stream_stop(slot->stream);
	slot->ending = true;
}

static void say_dry_run(const struct config *cfg)
{
	for (size_t i = 0; i < cfg->n_sources; i++)
		if (is_wanted(&cfg->sources[i]))
			log_notice("stream", "dry_run", "source=%s: nothing is read from it", cfg->sources[i].name);
}

void streams_configure(struct daemon *d, const struct config *cfg)
{
	struct streams *ss = &d->streams;

	if (d->phase != PHASE_RUNNING || ss->ending)
		return;
	/* A read in a group takes the entries away from the plazod that counts. */
	if (d->opt.dry_run) {
		say_dry_run(cfg);
		return;
	}
	for (size_t i = 0; i < ss->n; i++)
		if (!is_wanted(config_source(cfg, str_of(ss->v[i].source))))
			end_slot(&ss->v[i]);
	for (size_t i = 0; i < cfg->n_sources; i++) {
		const struct source *s = &cfg->sources[i];
		struct stream_options opt = options_of(d, cfg, s);
		struct reader_slot *slot = find_slot(ss, s->name);

		if (!is_wanted(s))
			continue;
		if (slot == NULL)
			add_slot(d, &opt, s->name);
		else if (!slot->ending)
			stream_reset(slot->stream, &opt);
		/* One that is ending makes room first: see streams_turn(). */
	}
}

/* ---- how they are ---- */

static void look(struct reader_slot *slot, struct mono now)
{
	struct stream_stats st;

	slot->looked = now;
	stream_stats(slot->stream, &st);
	if (st.state == STREAM_READING)
		slot->lost_ms = -1;
	else if (slot->lost_ms < 0)
		slot->lost_ms = now.ms;
}

/* A refusal needs somebody, and a rival is news, at once; everything else may pass. */
static bool is_well(const struct reader_slot *slot, const struct stream_stats *st, struct mono now)
{
	if (st->state == STREAM_READING)
		return true;
	return st->state != STREAM_REFUSED && st->state != STREAM_WAITING && now.ms - slot->lost_ms < GRACE_MS;
}

static void say_trouble(struct stream_view *v)
{
	const struct stream_stats *st = &v->stats;
	const char *why = st->why[0] != '\0' ? st->why : stream_state_names[st->state];

	if (st->state == STREAM_WAITING && st->rival[0] != '\0' && strstr(why, st->rival) == NULL)
		snprintf(v->trouble, sizeof(v->trouble), "%s (%s)", why, st->rival);
	else
		snprintf(v->trouble, sizeof(v->trouble), "%s", why);
}

bool streams_view(struct daemon *d, size_t i, struct stream_view *out)
{
	const struct streams *ss = &d->streams;
	struct mono now = mono_now();

	if (i >= ss->n)
		return false;
	look(&ss->v[i], now);
	*out = (struct stream_view){ .source = ss->v[i].source };
	stream_stats(ss->v[i].stream, &out->stats);
	out->since = wall_plus(d->now, out->stats.since_ms - now.ms);
	out->is_well = ss->v[i].ending || is_well(&ss->v[i], &out->stats, now);
	if (!out->is_well)
		say_trouble(out);
	return true;
}

/* ---- at work ---- */

static void look_and_tell(struct daemon *d, size_t i, struct mono now)
{
	struct stream_view v;

	if (streams_view(d, i, &v))
		operator_look_at_stream(d, &d->streams.v[i].plight, &v, now);
}

void streams_turn(struct daemon *d)
{
	struct streams *ss = &d->streams;
	struct mono now = mono_now();
	bool freed = false;

	for (size_t i = 0; i < ss->n; i++) {
		struct reader_slot *slot = &ss->v[i];

		if (now.ms - slot->looked.ms >= LOOK_MS)
			look_and_tell(d, i, now);
		if (!slot->ending || !stream_is_over(slot->stream))
			continue;
		stream_destroy(slot->stream);
		free(slot->source);
		ss->n--;
		memmove(slot, slot + 1, (ss->n - i) * sizeof(*slot));
		i--;
		freed = true;
	}
	if (freed)
		streams_configure(d, d->cfg);
}

void streams_stop(struct daemon *d)
{
	d->streams.ending = true;
	for (size_t i = 0; i < d->streams.n; i++)
		end_slot(&d->streams.v[i]);
}

bool streams_are_over(const struct daemon *d)
{
	for (size_t i = 0; i < d->streams.n; i++)
		if (!stream_is_over(d->streams.v[i].stream))
			return false;
	return true;
}
