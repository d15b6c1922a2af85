/* How the sources in Redis are, as checks, as JSON and as metrics. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/json_member.h"
#include "base/limits.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "web/metrics.h"
#include "web/ticket_json.h"

bool api_stream_checks(struct daemon *d, api_check_fn *fn, void *ctx)
{
	struct stream_view v;
	bool well = true;
	char name[CONFIG_MAX_NAME + 16], note[48];

	for (size_t i = 0; streams_view(d, i, &v); i++) {
		snprintf(name, sizeof(name), "stream %s", v.source);
		snprintf(note, sizeof(note), "lag %" PRId64, v.stats.lag);
		fn(ctx, name, v.is_well ? NULL : v.trouble, v.stats.lag < 0 ? NULL : note);
		well = well && v.is_well;
	}
	return well;
}

/* ---- status ---- */

/* -1 is what is not known. */
static void put_known(struct json_out *o, const char *key, int64_t v)
{
	json_put_key(o, key);
	if (v < 0)
		json_put_null(o);
	else
		json_put_i64(o, v);
}

static const struct counter {
	const char *key, *name, *help;
	size_t      at;                /* of a uint64_t in struct stream_stats */
} counters[] = {
#define COUNTER(key, metric, help) { #key, "plazod_stream_" metric "_total", help, offsetof(struct stream_stats, n_##key) }
	COUNTER(entries, "entries", "Entries that were read, the same one again included."),
	COUNTER(events, "events", "Events that were journaled for the first time."),
	COUNTER(duplicates, "duplicates", "Events that were known already."),
	COUNTER(refused, "refused", "Entries that were no events, and events that no ticket took; plazoctl refused shows them."),
	COUNTER(trimmed, "trimmed", "Entries that the server had deleted before they were read."),
	COUNTER(claimed, "claimed", "Entries that were taken over from consumers that are gone."),
	COUNTER(acked, "acked", "Entries that were acknowledged."),
	COUNTER(ack_lost, "ack_lost", "Entries that were acknowledged, and of which the server knew nothing any more."),
	COUNTER(connects, "connects", "Connections that came about."),
	COUNTER(failures, "failures", "Connections that failed or were lost, and errors of the server."),
	COUNTER(groups_made, "groups_made", "Times that the consumer group was missing and was made."),
#undef COUNTER
};

#define N_COUNTERS (sizeof(counters) / sizeof(counters[0]))

static uint64_t count_of(const struct stream_stats *st, const struct counter *c)
{
	uint64_t v;

	memcpy(&v, (const char *)st + c->at, sizeof(v));
	return v;
}

static void put_stream(struct json_out *o, const struct stream_view *v)
{
	const struct stream_stats *st = &v->stats;

	json_begin_object(o);
	json_put_text(o, "source", str_of(v->source));
	json_put_text(o, "state", str_of(stream_state_names[st->state]));
	json_put_flag(o, "ok", v->is_well);
	json_put_instant(o, "since", v->since);
	json_put_text(o, "peer", str_of(st->peer));
	json_put_text(o, "why", str_of(st->why));
	json_put_text(o, "rival", str_of(st->rival));
	put_known(o, "lag", st->lag);
	put_known(o, "pending", st->pending);
	for (size_t i = 0; i < N_COUNTERS; i++)
		json_put_number(o, counters[i].key, (int64_t)count_of(st, &counters[i]));
	json_end_object(o);
}

void api_put_streams(struct daemon *d, struct json_out *o)
{
	struct stream_view v;

	json_put_key(o, "streams");
	json_begin_array(o);
	for (size_t i = 0; streams_view(d, i, &v); i++)
		put_stream(o, &v);
	json_end_array(o);
}

/* ---- metrics: a family at a time, since its samples must stand together ---- */

static double get_up(const struct stream_stats *s) { return s->state == STREAM_READING || s->state == STREAM_FULL; }
static double get_lag(const struct stream_stats *s) { return s->lag < 0 ? NAN : (double)s->lag; }
static double get_pending(const struct stream_stats *s) { return s->pending < 0 ? NAN : (double)s->pending; }

static const struct {
	const char *name, *help;
	double    (*get)(const struct stream_stats *s);
} gauges[] = {
	{ "plazod_stream_up", "1 when the stream is read, or only waits for the journal.", get_up },
	{ "plazod_stream_lag", "Entries that were not read yet, with an own cursor: that are not on disk yet; NaN when that is not known.", get_lag },
	{ "plazod_stream_pending", "Entries that were read and are not acknowledged, of all consumers of the group; NaN when not known, or without a group.", get_pending },
};

static void put_states(struct buf *b, const struct stream_view *v)
{
	for (int k = 0; k < STREAM_N_STATES; k++) {
		const struct metrics_label labels[] = { { "source", v->source }, { "state", stream_state_names[k] } };

		metrics_gauge(b, "plazod_stream_state", labels, 2, (int)v->stats.state == k);
	}
}

void api_put_stream_metrics(struct daemon *d, struct buf *b)
{
	struct stream_view v;

	if (!streams_view(d, 0, &v))
		return;
	for (size_t f = 0; f < sizeof(gauges) / sizeof(gauges[0]); f++) {
		metrics_family(b, gauges[f].name, "gauge", gauges[f].help);
		for (size_t i = 0; streams_view(d, i, &v); i++)
			metrics_gauge(b, gauges[f].name, &(struct metrics_label){ "source", v.source }, 1, gauges[f].get(&v.stats));
	}
	metrics_family(b, "plazod_stream_state", "gauge", "1 of the state that the stream is in.");
	for (size_t i = 0; streams_view(d, i, &v); i++)
		put_states(b, &v);
	for (size_t f = 0; f < N_COUNTERS; f++) {
		metrics_family(b, counters[f].name, "counter", counters[f].help);
		for (size_t i = 0; streams_view(d, i, &v); i++)
			metrics_count(b, counters[f].name, &(struct metrics_label){ "source", v.source }, 1, count_of(&v.stats, &counters[f]));
	}
}
