#include "notify/notify_private.h"

#include <stdio.h>

#include "base/log.h"

/* ---- settling ---- */

static void settle(struct notify *n, struct receiver *r, const struct delivery *d, enum notify_state state, struct wall next_at, int status, const char *detail)
{
	struct notify_result res = {
		.alert_id = d->alert.id, .receiver = r->name, .state = state, .attempts = d->attempts, .next_at = next_at, .status = status, .detail = detail,
	};

	n->ops->settle(n->ctx, &res);
}

void dispatch_final(struct notify *n, struct receiver *r, struct delivery *d, enum notify_state state, int status, const char *detail)
{
	/* Out of the queue first: the owner may put the next delivery from inside the call. */
	queue_take(&r->queue, d);
	r->n_dead += state == NOTIFY_DEAD;
	r->n_suppressed += state == NOTIFY_SUPPRESSED;
	settle(n, r, d, state, WALL_NEVER, status, detail);
	delivery_destroy(d);
	notify_wake(n);
}

static void give_fallback(struct notify *n, struct receiver *r, struct delivery *d, const char *why)
{
	if (d->fallback_given || r->fallback == NULL)
		return;
	d->fallback_given = true;
	log_notice("notify", "fallback", "alert=%s receiver=%s fallback=%s why=\"%s\"", d->alert.id, r->name, r->fallback, why);
	n->ops->also(n->ctx, &d->alert, r->fallback, why);
}

void dispatch_dead(struct notify *n, struct receiver *r, struct delivery *d, int status, const char *detail)
{
	log_error("notify", "given-up", "alert=%s ticket=\"" STR_FMT "\" receiver=%s attempts=%u status=%d detail=\"%s\"", d->alert.id,
	          STR_ARG(d->alert.ticket), r->name, d->attempts, status, detail);
	give_fallback(n, r, d, detail);
	own_dead(n, r, &d->alert, status);
	dispatch_final(n, r, d, NOTIFY_DEAD, status, detail);
}

void dispatch_orphan(struct notify *n, struct receiver *r, struct delivery *d)
{
	for (size_t i = 0; i < n->settings.n_defaults; i++)
		if (strcmp(n->settings.defaults[i], r->name) != 0)
			n->ops->also(n->ctx, &d->alert, n->settings.defaults[i], "receiver is not configured");
	log_error("notify", "no-receiver", "alert=%s ticket=\"" STR_FMT "\" receiver=%s", d->alert.id, STR_ARG(d->alert.ticket), r->name);
	dispatch_final(n, r, d, NOTIFY_DEAD, 0, "receiver is not configured");
}

/* ---- what makes a delivery pointless ---- */

static int rank(const struct alert *a)
{
	return a->type == ALERT_WARNING ? 1 : a->type == ALERT_BREACH ? 2 : a->type == ALERT_ESCALATION ? 3 : 0;
}

static bool is_late(const struct delivery *d, struct now now)
{
	return d->attempts > 0 || now.wall.ms - d->could.ms >= NOTIFY_LATE_MS;
}

/* Why `d` need not be sent because of what stands behind it, or NULL. Steps of the same instant are all sent. */
static const char *overtaken(const struct receiver *r, const struct delivery *d, struct now now)
{
	int mine = rank(&d->alert);

	if (mine == 0)
		return NULL;
	for (const struct delivery *e = queue_next(&r->queue, d); e != NULL; e = queue_next(&r->queue, e)) {
		int other = rank(&e->alert);

		if (!alert_same_clock(&d->alert, &e->alert) || e->due.ms > now.mono.ms)
			continue;
		if (mine == 1 && other > 1)
			return "breached meanwhile";
		if (other >= mine && d->alert.at.ms < e->alert.at.ms && is_late(d, now))
			return "superseded";
	}
	return NULL;
}

void dispatch_breached(struct notify *n, struct receiver *r, const struct alert *a)
{
	struct delivery *d = queue_first(&r->queue, a), *next;

	while (d != NULL) {
		next = queue_next(&r->queue, d);
		if (d->alert.type == ALERT_WARNING && !d->asked && d->state != DELIVERY_FLYING && alert_same_clock(&d->alert, a)) {
			dispatch_final(n, r, d, NOTIFY_SUPPRESSED, 0, "breached meanwhile");
			/* The owner may have put or forgotten others meanwhile: begin anew. */
			next = queue_first(&r->queue, a);
		}
		d = next;
	}
}

/* ---- beginning ---- */

/*
 * By the clock on the wall. Of one whose instant is hours ahead that clock was set back, and it may yet be met; of one that is more than a day ahead
 * nobody knows what that clock was, and it goes.
 */
static bool must_wait(struct receiver *r, struct delivery *d, struct now now)
{
	int64_t wait = d->could.ms - now.wall.ms;

	if (d->attempts > 0 || d->asked || wait <= 0 || wait > MS_PER_DAY)
		return false;
	queue_wait(&r->queue, d, (struct mono){ now.mono.ms + (wait < RETRY_AFTER_MAX_MS ? wait : RETRY_AFTER_MAX_MS) });
	return true;
}

static void begin(struct notify *n, struct receiver *r, struct delivery *d, struct now now)
{
	const char *reason = NULL;

	if (must_wait(r, d, now))
		return;
	if (!d->asked)
		reason = overtaken(r, d, now);
	if (d->asked)
		attempt_start(n, r, d, now);
	else if (reason == NULL && n->ops->look(n->ctx, &d->alert, &reason) == NOTIFY_SEND)
		attempt_start(n, r, d, now);
	else
		dispatch_final(n, r, d, NOTIFY_SUPPRESSED, 0, reason != NULL ? reason : "dropped");
}

/* Urgent alerts do not wait for a receiver that has failed for long, or has asked for a long break. */
static void sweep(struct notify *n, struct receiver *r, struct now now)
{
	bool held = r->hold_until.ms > now.mono.ms + RETRY_PATIENCE_MS;
	bool failing = r->failing && now.mono.ms - r->failing_since.ms >= RETRY_PATIENCE_MS;

	if (r->fallback == NULL || !(held || failing) || now.mono.ms - r->swept.ms < NOTIFY_SWEEP_MS)
		return;
	r->swept = now.mono;
	for (size_t i = 0; i < r->queue.n_slots; i++) {
		struct delivery *d = r->queue.slots[i];

		if (d == NULL || d->fallback_given || alert_is_mild(d->alert.type) || wall_before(now.wall, d->could))
			continue;
		if (held || now.wall.ms - d->could.ms >= RETRY_PATIENCE_MS)
			give_fallback(n, r, d, held ? "receiver asked for a break" : "receiver is failing");
	}
}

static void refill(struct notify *n, struct receiver *r)
{
	size_t room = queue_room(&r->queue, true);

	if (!r->spilled || room < NOTIFY_MAX_WARNINGS / 4)
		return;
	r->spilled = n->ops->refill(n->ctx, r->name, r->queue.n, room);
}

void dispatch_receiver(struct notify *n, struct receiver *r, struct now now, unsigned *budget)
{
	struct delivery *d;

	queue_wake(&r->queue, now.mono);
	while (!n->stopping && r->configured && r->hold_until.ms <= now.mono.ms && r->n_flights < r->window && n->n_attempts < NOTIFY_MAX_ALL_FLIGHTS &&
	       *budget > 0 && (d = queue_pop(&r->queue)) != NULL) {
		--*budget;
		begin(n, r, d, now);
	}
	if (n->stopping)
		return;
	own_turn(n, r, now);
	if (r->configured)
		sweep(n, r, now);
	/* Of one that is gone, too: what waits for it must be told to others. */
	refill(n, r);
}

static struct mono sooner(struct mono a, int64_t ms)
{
	return a.ms < ms ? a : (struct mono){ ms };
}

struct mono dispatch_next(const struct receiver *r, struct now now)
{
	struct mono at = { INT64_MAX }, due;

	if (r->queue.n == 0)
		return at;
	if (r->fallback != NULL && (r->failing || r->hold_until.ms > now.mono.ms))
		at = sooner(at, now.mono.ms + NOTIFY_SWEEP_MS);
	if (r->hold_until.ms > now.mono.ms)
		return sooner(at, r->hold_until.ms);
	if (heap_top(&r->queue.ready) != NULL && r->n_flights < r->window)
		return now.mono;
	return queue_next_due(&r->queue, &due) ? sooner(at, due.ms) : at;
}

/* ---- ending ---- */

static void disable(struct notify *n, struct receiver *r, struct now now)
{
	if (r->disabled || !r->configured)
		return;
	r->disabled = true;
	log_error("notify", "endpoint-gone", "receiver=%s status=410 detail=\"disabled until the next reload\"", r->name);
	own_endpoint(n, r, now);
	/* What the owner puts meanwhile is dead by itself, so one pass finds all. */
	for (size_t i = 0; i < r->queue.n_slots; i++)
		if (r->queue.slots[i] != NULL && r->queue.slots[i]->state != DELIVERY_FLYING)
			dispatch_dead(n, r, r->queue.slots[i], 410, "endpoint is disabled (410)");
}

static bool too_old(const struct delivery *d, struct now now, int64_t delay)
{
	if (d->alert.type == ALERT_WARNING && !wall_before(wall_plus(now.wall, delay), d->alert.due))
		return true;
	return now.mono.ms + delay >= d->until.ms;
}

static void after_failure(struct notify *n, struct receiver *r, struct delivery *d, const struct ending *e, struct now now)
{
	int64_t delay = retry_delay_ms(e->outcome, d->attempts, e->retry_after_ms, retry_random(&n->random));
	struct wall next = wall_plus(now.wall, delay > 0 ? delay : 0);
	const char *reason = d->asked ? NULL : overtaken(r, d, now);
	char detail[256];

	log_warn("notify", "attempt-failed", "alert=%s receiver=%s attempts=%u status=%d detail=\"%s\"", d->alert.id, r->name, d->attempts, e->status, e->detail);
	if (reason != NULL) {
		dispatch_final(n, r, d, NOTIFY_SUPPRESSED, e->status, reason);
		return;
	}
	if (delay == RETRY_GIVE_UP || r->disabled) {
		dispatch_dead(n, r, d, e->status, e->detail);
		return;
	}
	if (too_old(d, now, delay)) {
		snprintf(detail, sizeof(detail), "too old for another attempt: %s", e->detail);
		dispatch_dead(n, r, d, e->status, detail);
		return;
	}
	if (retry_wants_fallback(e->outcome, e->retry_after_ms))
		give_fallback(n, r, d, e->detail);
	queue_wait(&r->queue, d, (struct mono){ now.mono.ms + delay });
	/* Nothing of `d` after this: the owner may put a breach that sweeps it away. */
	settle(n, r, d, NOTIFY_PENDING, next, e->status, e->detail);
}

/* A receiver that is back gets what waits for it now, in its order, not each by the end of its own wait. */
static void hurry(struct receiver *r, struct now now)
{
	for (size_t i = 0; i < r->queue.n_slots; i++) {
		struct delivery *d = r->queue.slots[i];

		if (d != NULL && d->state == DELIVERY_WAITING && d->attempts > 0 && d->due.ms - now.mono.ms <= 2 * RETRY_PATIENCE_MS)
			queue_wait(&r->queue, d, now.mono);
	}
}

void dispatch_ended(struct notify *n, struct receiver *r, struct delivery *d, const struct ending *e)
{
	struct now now = notify_now(n);

	d->attempts++;
	notify_wake(n);
	/* Only after a long failure: one bad alert among good ones must not be tried again at each success. */
	if (e->outcome == OUTCOME_SENT && r->failing && now.mono.ms - r->failing_since.ms >= RETRY_PATIENCE_MS)
		hurry(r, now);
	if (e->outcome == OUTCOME_SENT)
		receiver_arrived(r, now.wall.ms - d->could.ms);
	else
		receiver_failed(r, now.mono);
	if ((e->status == 429 || e->status == 503) && e->retry_after_ms > 0 && r->hold_until.ms < now.mono.ms + e->retry_after_ms)
		r->hold_until = (struct mono){ now.mono.ms + e->retry_after_ms };
	if (e->outcome == OUTCOME_GONE)
		disable(n, r, now);
	if (d->forgotten) {
		queue_take(&r->queue, d);
		delivery_destroy(d);
	} else if (e->outcome == OUTCOME_SENT) {
		dispatch_final(n, r, d, NOTIFY_SENT, e->status, e->detail);
	} else if (!r->configured) {
		dispatch_orphan(n, r, d);
	} else {
		after_failure(n, r, d, e, now);
	}
}
