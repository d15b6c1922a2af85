/* GET /metrics. Series are there from the start, at 0, so that rates work; no ticket and no customer is a label. */
#include "base/now.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "web/metrics.h"

#define LABEL(name, value) &(struct metrics_label){ name, value }, 1

static void ignore(void *ctx, const char *name, const char *why, const char *note)
{
	(void)ctx;
	(void)name;
	(void)why;
	(void)note;
}

static void put_daemon(struct daemon *d, struct buf *b)
{
	metrics_family(b, "plazod_build_info", "gauge", "Version of plazod.");
	metrics_gauge(b, "plazod_build_info", LABEL("version", PLAZO_VERSION), 1);
	metrics_one_gauge(b, "plazod_ready", "1 when every check of /readyz is well.", api_checks(d, ignore, NULL));
	metrics_one_gauge(b, "plazod_start_time_seconds", "When this process started.", (double)d->started.ms / 1000);
	metrics_one_gauge(b, "plazod_config_last_reload_successful", "1 when the last reload was accepted.", d->reload.last_ok);
	metrics_one_gauge(b, "plazod_config_last_reload_success_timestamp_seconds", "When the configuration in force was loaded.",
			  (double)d->reload.since.ms / 1000);
	metrics_one_gauge(b, "plazod_config_hash", "The first 48 bits of the digest of the configuration in force.",
			  (double)(d->reload.digest >> 16));
	metrics_family(b, "plazod_config_reloads_total", "counter", "Reloads, by what became of them.");
	metrics_count(b, "plazod_config_reloads_total", LABEL("result", "accepted"), d->reload.n_ok);
	metrics_count(b, "plazod_config_reloads_total", LABEL("result", "refused"), d->reload.n_refused);
	metrics_one_gauge(b, "plazod_config_replanning", "1 while open tickets are planned anew after a reload.", d->reload.replanning);
	pace_metrics(&d->pace, b);
	metrics_one_count(b, "plazod_clock_jumps_total", "Jumps of the system's clock that were noticed.", d->clock.n_jumps);
}

static void put_events(struct daemon *d, struct buf *b)
{
	struct intake_stats is;
	struct engine_stats es;

	intake_stats(d->intake, &is);
	engine_stats(d->engine, &es);
	metrics_family(b, "plazod_events_received_total", "counter", "Events that changed a ticket, by type.");
	for (int i = 0; i < EVENT_N_TYPES; i++)
		metrics_count(b, "plazod_events_received_total", LABEL("type", event_type_names[i]), d->journal.n_events[i]);
	metrics_family(b, "plazod_events_rejected_total", "counter", "Events and requests that were refused, by reason.");
	metrics_count(b, "plazod_events_rejected_total", LABEL("reason", "refused"), is.n_refused);
	metrics_count(b, "plazod_events_rejected_total", LABEL("reason", "unverified"), is.n_unverified);
	metrics_count(b, "plazod_events_rejected_total", LABEL("reason", "malformed"), is.n_malformed);
	metrics_count(b, "plazod_events_rejected_total", LABEL("reason", "full"), is.n_full);
	metrics_one_count(b, "plazod_events_duplicate_total", "Events that were known already.", es.n_duplicates);
	metrics_one_count(b, "plazod_events_conflict_total", "Events whose id was known with other content (refused).", es.n_conflicts);
}

static void put_clocks(struct daemon *d, struct buf *b)
{
	static const double bounds_s[] = { 0.01, 0.05, 0.1, 0.25, 0.5, 1, 5 };
	struct engine_stats es;

	engine_stats(d->engine, &es);
	metrics_family(b, "plazod_tickets", "gauge", "Tickets in memory.");
	metrics_gauge(b, "plazod_tickets", LABEL("state", "watched"), (double)(es.n_tickets - es.n_unmatched));
	metrics_gauge(b, "plazod_tickets", LABEL("state", "unmatched"), (double)es.n_unmatched);
	metrics_family(b, "plazod_clocks", "gauge", "Clocks that have not stopped.");
	metrics_gauge(b, "plazod_clocks", LABEL("state", "running"), (double)es.n_running);
	metrics_gauge(b, "plazod_clocks", LABEL("state", "paused"), (double)es.n_paused);
	metrics_gauge(b, "plazod_clocks", LABEL("state", "breached"), (double)es.n_breached);
	metrics_one_gauge(b, "plazod_timers", "Tickets with a step to come.", (double)es.n_timers);
	metrics_one_gauge(b, "plazod_engine_bytes", "Memory that holds the tickets.", (double)es.bytes);
	metrics_family(b, "plazod_timer_lateness_seconds", "histogram", "How long after its instant the earliest step of a turn fired.");
	metrics_histogram(b, "plazod_timer_lateness_seconds", NULL, 0, bounds_s, d->n_late, sizeof(bounds_s) / sizeof(bounds_s[0]),
			  d->late_sum_s);
	metrics_family(b, "plazod_alerts_total", "counter", "Alerts that were decided, by type.");
	for (int i = 0; i < ALERT_N_TYPES; i++)
		metrics_count(b, "plazod_alerts_total", LABEL("type", alert_type_names[i]), d->outbox.n_decided[i]);
	metrics_family(b, "plazod_alerts_unsent_total", "counter", "Steps that were recorded and not sent, by why.");
	for (int i = ALERT_TO_SEND + 1; i < ALERT_N_UNSENT; i++)
		metrics_count(b, "plazod_alerts_unsent_total", LABEL("why", alert_unsent_texts[i]), d->outbox.n_unsent[i]);
}

/* ---- receivers: a family at a time, since its samples must stand together ---- */

static uint64_t get_sent(const struct notify_stats *s) { return s->n_sent; }
static uint64_t get_failed(const struct notify_stats *s) { return s->n_failed; }
static uint64_t get_suppressed(const struct notify_stats *s) { return s->n_suppressed; }
static uint64_t get_dead(const struct notify_stats *s) { return s->n_dead; }
static uint64_t get_pending(const struct notify_stats *s) { return s->n_pending; }
static uint64_t get_disabled(const struct notify_stats *s) { return s->disabled; }

static const struct {
	const char *name, *type, *help;
	uint64_t  (*get)(const struct notify_stats *s);
} receiver_families[] = {
	{ "plazod_notifications_total", "counter", "Deliveries that arrived.", get_sent },
	{ "plazod_notification_attempts_failed_total", "counter", "Attempts that did not arrive.", get_failed },
	{ "plazod_notifications_suppressed_total", "counter", "Deliveries that were decided not to be made.", get_suppressed },
	{ "plazod_dead_letters_total", "counter", "Deliveries that were given up.", get_dead },
	{ "plazod_outbox_depth", "gauge", "Deliveries that wait, in memory or on disk.", get_pending },
	{ "plazod_receiver_disabled", "gauge", "1 when the receiver answered 410 and is not tried any more.", get_disabled },
};

static void put_receivers(struct daemon *d, struct buf *b)
{
	struct notify_stats s;

	for (size_t f = 0; f < sizeof(receiver_families) / sizeof(receiver_families[0]); f++) {
		metrics_family(b, receiver_families[f].name, receiver_families[f].type, receiver_families[f].help);
		for (size_t i = 0; outbox_receiver(d, i, &s); i++)
			metrics_count(b, receiver_families[f].name, LABEL("receiver", s.receiver), receiver_families[f].get(&s));
	}
	metrics_family(b, "plazod_outbox_oldest_seconds", "gauge", "Age of the oldest delivery that waits.");
	for (size_t i = 0; outbox_receiver(d, i, &s); i++)
		metrics_gauge(b, "plazod_outbox_oldest_seconds", LABEL("receiver", s.receiver),
			      wall_is_never(s.oldest) ? 0 : (double)(d->now.ms - s.oldest.ms) / 1000);
	metrics_family(b, "plazod_notification_latency_seconds", "histogram", "From when an alert could be sent to its arrival.");
	for (size_t i = 0; outbox_receiver(d, i, &s); i++)
		metrics_histogram(b, "plazod_notification_latency_seconds", LABEL("receiver", s.receiver), notify_buckets_s, s.latency,
				  NOTIFY_N_BUCKETS, s.latency_sum_s);
	metrics_one_gauge(b, "plazod_outbox_uncommitted", "Deliveries that are not on disk yet.", (double)d->outbox.n);
}

static void put_store(struct daemon *d, struct buf *b)
{
	struct store_health h;

	store_health(d->store, &h);
	metrics_one_gauge(b, "plazod_store_well", "1 while the disk takes what it is given.", h.state == STORE_WELL);
	metrics_one_count(b, "plazod_store_commits_total", "Commits.", h.n_commits);
	metrics_one_count(b, "plazod_store_events_total", "Events journaled.", h.n_events);
	metrics_one_gauge(b, "plazod_store_queue", "Jobs that wait for the store.", (double)(h.n_queued + d->writer.n));
	metrics_one_gauge(b, "plazod_store_wal_bytes", "Size of the write-ahead log.", (double)h.wal_bytes);
	metrics_one_gauge(b, "plazod_snapshot_duration_seconds", "How long the last pass over changed tickets took.", (double)d->snapshot.last_ms / 1000);
	metrics_one_gauge(b, "plazod_snapshot_pending", "Tickets that have changed and are not saved yet.", (double)engine_changed(d->engine));
	metrics_one_count(b, "plazod_snapshot_rows_total", "Tickets saved.", d->snapshot.n_rows);
}

static void put_http(struct daemon *d, struct buf *b)
{
	static const char *const classes[6] = { "", "1xx", "2xx", "3xx", "4xx", "5xx" };
	struct http_stats hs;

	http_server_stats(d->http, &hs);
	metrics_one_gauge(b, "plazod_http_connections", "Connections.", (double)hs.n_connections);
	metrics_one_count(b, "plazod_http_accepted_total", "Connections ever.", hs.n_accepted);
	metrics_one_count(b, "plazod_http_at_cap_total", "Times that accepting was stopped at the cap.", hs.n_at_cap);
	metrics_one_count(b, "plazod_http_timeouts_total", "Connections cut for being slow.", hs.n_timeouts);
	metrics_family(b, "plazod_http_replies_total", "counter", "Answers, by class of status.");
	for (int i = 2; i < 6; i++)
		metrics_count(b, "plazod_http_replies_total", LABEL("status", classes[i]), hs.n_replies[i]);
	metrics_one_gauge(b, "plazod_http_requests_in_flight", "Requests that are not answered yet.", (double)hs.n_busy);
}

void api_metrics(struct daemon *d, const struct api_call *c)
{
	struct buf b;

	buf_init(&b, 4u << 20);
	put_daemon(d, &b);
	put_events(d, &b);
	put_clocks(d, &b);
	put_receivers(d, &b);
	api_put_stream_metrics(d, &b);
	put_store(d, &b);
	put_http(d, &b);
	if (buf_ok(&b))
		http_reply(c->r, &(struct http_reply){ .status = 200, .content_type = METRICS_TYPE, .body = buf_str(&b) });
	else
		api_refuse(c->r, 500, "There are too many receivers for one page of metrics.");
	buf_finish(&b);
}
