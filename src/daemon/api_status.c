/* Is it alive, is it ready, what does it know of itself. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/now.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "web/ticket_json.h"

/* ---- checks ---- */

static const char *why_starting(const struct daemon *d)
{
	if (d->phase == PHASE_STARTING)
		return "still catching up with the journal";
	return d->phase == PHASE_RUNNING ? NULL : "stopping";
}

bool api_checks(struct daemon *d, api_check_fn *fn, void *ctx)
{
	const char *starting = why_starting(d), *store = NULL, *clock = NULL;
	struct store_health h;

	store_health(d->store, &h);
	if (h.state != STORE_WELL)
		store = h.why[0] != '\0' ? h.why : "not well";
	/* A suspect clock goes on by the boot clock, and is fine; one that stands still for long is not. */
	if (clockwatch_ahead_ms(&d->clock, boot_now()) > CLOCK_JUMP_MS)
		clock = "the system's clock is behind what was journaled: time stands still until it has caught up";
	fn(ctx, "recovered", starting, NULL);
	fn(ctx, "store", store, NULL);
	fn(ctx, "clock", clock, NULL);
	return api_stream_checks(d, fn, ctx) && starting == NULL && store == NULL && clock == NULL;
}

void api_healthz(struct daemon *d, const struct api_call *c)
{
	(void)d;
	http_reply(c->r, &(struct http_reply){ .status = 200, .content_type = "text/plain; charset=utf-8", .body = STR("ok\n") });
}

static void put_line(void *ctx, const char *name, const char *why, const char *note)
{
	buf_printf(ctx, "%s %s", why == NULL ? "ok" : "fail", name);
	if (why != NULL)
		buf_printf(ctx, ": %s", why);
	if (note != NULL)
		buf_printf(ctx, "%s%s", why == NULL ? ": " : "; ", note);
	buf_putc(ctx, '\n');
}

void api_readyz(struct daemon *d, const struct api_call *c)
{
	struct buf b;
	bool ready;

	buf_init(&b, 4096);
	ready = api_checks(d, put_line, &b);
	http_reply(c->r, &(struct http_reply){ .status = ready ? 200 : 503, .content_type = "text/plain; charset=utf-8",
					       .headers = ready ? NULL : "Retry-After: 5\r\n", .body = buf_str(&b) });
	buf_finish(&b);
}

/* ---- status ---- */

static void put_check(void *ctx, const char *name, const char *why, const char *note)
{
	struct json_out *o = ctx;

	(void)note;                         /* is elsewhere in the answer */
	json_begin_object(o);
	json_put_text(o, "name", str_of(name));
	json_put_flag(o, "ok", why == NULL);
	json_put_text(o, "why", str_of(why));
	json_end_object(o);
}

static void put_checks(struct daemon *d, struct json_out *o)
{
	bool ready;

	json_put_key(o, "checks");
	json_begin_array(o);
	ready = api_checks(d, put_check, o);
	json_end_array(o);
	json_put_flag(o, "ready", ready);
}

static void put_engine(struct daemon *d, struct json_out *o)
{
	struct engine_stats es;
	struct wall next = engine_next(d->engine);

	engine_stats(d->engine, &es);
	json_put_number(o, "tickets", (int64_t)es.n_tickets);
	json_put_number(o, "unmatched", (int64_t)es.n_unmatched);
	json_put_key(o, "clocks");
	json_begin_object(o);
	json_put_number(o, "running", (int64_t)es.n_running);
	json_put_number(o, "paused", (int64_t)es.n_paused);
	json_put_number(o, "breached", (int64_t)es.n_breached);
	json_end_object(o);
	json_put_instant(o, "next", next);
	json_put_number(o, "events", (int64_t)es.n_events);
	json_put_number(o, "duplicates", (int64_t)es.n_duplicates);
	json_put_number(o, "seq", (int64_t)d->journal.seq);
	json_put_number(o, "memory", (int64_t)es.bytes);
}

static void put_config(struct daemon *d, struct json_out *o)
{
	char digest[20];

	snprintf(digest, sizeof(digest), "%016" PRIx64, d->reload.digest);
	json_put_key(o, "config");
	json_begin_object(o);
	json_put_text(o, "path", str_of(d->cfg->path));
	json_put_text(o, "digest", str_of(digest));
	json_put_instant(o, "since", d->reload.since);
	json_put_instant(o, "reloaded", d->reload.tried);
	json_put_flag(o, "reload_ok", d->reload.last_ok);
	json_put_number(o, "contracts", (int64_t)d->cfg->rules->n_contracts);
	json_put_text(o, "tzdata", str_of(d->cfg->tzdata));
	json_end_object(o);
}

static void put_store(struct daemon *d, struct json_out *o)
{
	static const char *const states[] = { [STORE_WELL] = "well", [STORE_STALLED] = "stalled", [STORE_DEAD] = "dead" };
	struct store_health h;

	store_health(d->store, &h);
	json_put_key(o, "store");
	json_begin_object(o);
	json_put_text(o, "path", str_of(d->cfg->store.path));
	json_put_text(o, "state", str_of(states[h.state]));
	json_put_text(o, "why", str_of(h.why));
	json_put_number(o, "queued", (int64_t)(h.n_queued + d->writer.n));
	json_put_number(o, "commits", (int64_t)h.n_commits);
	json_put_number(o, "wal_bytes", (int64_t)h.wal_bytes);
	json_end_object(o);
}

static void put_receivers(struct daemon *d, struct json_out *o)
{
	struct notify_stats ns;

	json_put_key(o, "receivers");
	json_begin_array(o);
	for (size_t i = 0; outbox_receiver(d, i, &ns); i++) {
		const struct receiver *r = config_receiver(d->cfg, str_of(ns.receiver));

		json_begin_object(o);
		json_put_text(o, "name", str_of(ns.receiver));
		json_put_text(o, "kind", str_of(r != NULL ? r->service : ""));
		json_put_flag(o, "active", r != NULL && r->kind != RECEIVER_LATER);
		json_put_number(o, "pending", (int64_t)ns.n_pending);
		json_put_number(o, "sent", (int64_t)ns.n_sent);
		json_put_number(o, "failed", (int64_t)ns.n_failed);
		json_put_number(o, "suppressed", (int64_t)ns.n_suppressed);
		json_put_number(o, "dead", (int64_t)ns.n_dead);
		json_put_instant(o, "oldest", ns.oldest);
		json_put_flag(o, "disabled", ns.disabled);
		json_end_object(o);
	}
	json_end_array(o);
}

void api_status(struct daemon *d, const struct api_call *c)
{
	struct buf b;
	struct json_out o = json_out(&b);

	buf_init(&b, API_BODY_MAX);
	json_begin_object(&o);
	json_put_text(&o, "version", str_of(PLAZO_VERSION));
	put_checks(d, &o);
	json_put_instant(&o, "now", d->now);
	json_put_instant(&o, "started", d->started);
	json_put_flag(&o, "dry_run", d->opt.dry_run);
	put_engine(d, &o);
	put_config(d, &o);
	put_store(d, &o);
	put_receivers(d, &o);
	api_put_streams(d, &o);
	json_end_object(&o);
	api_reply_json(c->r, 200, &b);
	buf_finish(&b);
}
