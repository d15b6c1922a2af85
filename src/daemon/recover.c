#include <inttypes.h>

#include "base/log.h"
#include "base/now.h"
#include "base/reader.h"
#include "daemon/daemon.h"

#define EXTEND_EVERY 20000           /* events between two words to systemd */
#define EXTEND_MS    INT64_C(30000)

struct recovery {
	struct daemon *d;
	uint64_t       digest;              /* of the last revision */
	size_t         n_revisions, n_tickets, n_events, n_deliveries;
	struct wall    latest;              /* no time of the past is after it */
};

/* ---- revisions ---- */

/* All come into force before the first ticket: each event and each row finds by its time the rules that held. */
static enum err on_revision(void *ctx, const struct store_revision *r, struct diag *d)
{
	struct recovery *rc = ctx;
	struct config_options opt = { .now = rc->d->now, .secrets = SECRETS_SKIP };
	struct diag why = { 0 };
	struct rules *rules = NULL;
	enum err e = config_load_canonical(r->text, &opt, &rules, &why);

	if (e != ERR_OK) {
		diag_set(d, "a revision of the configuration cannot be read back: %s", why.msg);
		return e;
	}
	rules->from = r->from;
	past_revise(rc->d, rules, r->text);
	rules_unref(rules);
	rc->n_revisions++;
	rc->digest = r->digest;
	rc->latest = wall_max(rc->latest, r->from);
	return ERR_OK;
}

/* ---- tickets and events ---- */

static enum err on_ticket(void *ctx, const struct ticket_row *row, struct diag *d)
{
	struct recovery *rc = ctx;

	rc->n_tickets++;
	return engine_load(rc->d->engine, row->row, d);
}

/* Brings the ticket of an event into memory when it is closed and on disk; *fetched_out tells whether it did. */
static enum err fetch_closed(struct daemon *d, const struct event *e, bool *fetched_out, struct diag *diag)
{
	struct buf row;
	enum err err;

	if (!store_may_have(d->store, e->ns, e->ticket) || engine_find(d->engine, e->ns, e->ticket) != ENGINE_NO_TICKET)
		return ERR_OK;
	buf_init(&row, SIZE_MAX / 4);
	err = store_fetch(d->store, e->ns, e->ticket, &row, diag);
	if (err == ERR_OK)
		err = engine_load(d->engine, buf_str(&row), diag);
	*fetched_out = err == ERR_OK;
	if (err == ERR_ABSENT)
		err = ERR_OK;
	buf_finish(&row);
	return err;
}

static enum err on_event(void *ctx, uint64_t seq, struct str record, struct diag *diag)
{
	struct recovery *rc = ctx;
	struct daemon *d = rc->d;
	struct reader r = reader_of(record);
	struct event e;
	uint32_t ticket = ENGINE_NO_TICKET;
	bool fetched = false;
	enum err err;

	if (!event_decode(&r, &e)) {
		diag_set(diag, "event %" PRIu64 " of the journal cannot be read", seq);
		return ERR_SYNTAX;
	}
	err = fetch_closed(d, &e, &fetched, diag);
	if (err != ERR_OK)
		return err;
	rc->latest = wall_max(rc->latest, e.received);
	(void)journal_apply(d, seq, &ticket, &e);
	/* A fetched ticket that the event did not change leaves memory with the next snapshot. */
	if (fetched)
		engine_release(d->engine, ticket);
	outbox_take_effects(d);
	if (++rc->n_events % EXTEND_EVERY == 0)
		systemd_extend(EXTEND_MS);
	return ERR_OK;
}

static enum err on_delivery(void *ctx, const struct delivery *row, struct diag *d)
{
	struct recovery *rc = ctx;

	(void)d;
	rc->n_deliveries++;
	outbox_resume(rc->d, row);
	return ERR_OK;
}

/* ---- in all ---- */

static enum err load(struct recovery *rc, struct diag *diag)
{
	struct daemon *d = rc->d;
	struct store_loader revisions = { .ctx = rc, .revision = on_revision };
	struct store_loader rest = { .ctx = rc, .ticket = on_ticket, .event = on_event, .delivery = on_delivery };
	enum err e = store_load(d->store, &revisions, diag);

	if (e != ERR_OK)
		return e;
	e = store_load(d->store, &rest, diag);
	d->reload.replanning = true;
	outbox_take_effects(d);
	return e;
}

enum err recover(struct daemon *d, struct diag *diag)
{
	struct recovery rc = { .d = d, .latest = store_latest(d->store) };
	struct mono began = mono_now();
	struct store_health h;
	enum err e;

	systemd_extend(EXTEND_MS);
	e = load(&rc, diag);
	if (e == ERR_OK)
		e = streams_load(d, diag);
	if (e == ERR_OK) {
		store_health(d->store, &h);
		d->journal.seq = h.seq;
		if (wall_before(wall_plus(d->now, CLOCK_JUMP_MS), rc.latest))
			log_warn("clock", "behind", "behind_ms=%" PRId64 " time stands still until the system's clock has caught up with the journal",
				 rc.latest.ms - d->now.ms);
		d->now = clockwatch_resume(&d->clock, rc.latest, d->boot);
		e = reload_first(d, rc.n_revisions > 0, rc.digest, diag);
	}
	log_notice("recover", e == ERR_OK ? "done" : "failed", "revisions=%zu tickets=%zu events=%zu deliveries=%zu ms=%" PRId64, rc.n_revisions,
		   rc.n_tickets, rc.n_events, rc.n_deliveries, mono_now().ms - began.ms);
	return e;
}
