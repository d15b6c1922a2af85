#include "notify/notify_private.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/xalloc.h"

const char *const notify_state_names[NOTIFY_N_STATES + 1] = { "sent", "pending", "suppressed", "dead", NULL };

#define LONGEST_SLEEP_MS 30000      /* a wall clock that is set meanwhile, a suspend: looked at again by then */

struct now notify_now(const struct notify *n)
{
	struct now now;

	n->ops->now(n->ctx, &now.wall, &now.mono);
	return now;
}

struct receiver *notify_receiver_of(const struct notify *n, const char *name)
{
	for (size_t i = 0; i < n->n_receivers; i++)
		if (strcmp(n->receivers[i]->name, name) == 0)
			return n->receivers[i];
	return NULL;
}

/* ---- turns ---- */

void notify_wake(struct notify *n)
{
	static const struct timeval at_once = { 0, 0 };

	event_add(n->timer, &at_once);
}

static void drop_gone(struct notify *n)
{
	size_t kept = n->n_configured;

	for (size_t i = n->n_configured; i < n->n_receivers; i++) {
		struct receiver *r = n->receivers[i];

		if (r->n_flights == 0 && r->queue.n == 0 && !r->spilled)
			receiver_destroy(r);
		else
			n->receivers[kept++] = r;
	}
	n->n_receivers = kept;
}

static void sleep_until_next(struct notify *n, struct now now, bool more)
{
	struct mono at = { now.mono.ms + LONGEST_SLEEP_MS };
	struct timeval tv;
	int64_t ms;

	for (size_t i = 0; i < n->n_configured && !n->stopping; i++) {
		struct mono next = dispatch_next(n->receivers[i], now);

		/* With every flight taken, the end of one of them wakes us. */
		if (next.ms <= now.mono.ms && n->n_attempts >= NOTIFY_MAX_ALL_FLIGHTS)
			continue;
		at = next.ms < at.ms ? next : at;
	}
	ms = more ? 0 : at.ms - now.mono.ms;
	ms = ms > 0 ? ms : 0;
	tv = timeval_of(ms);
	event_add(n->timer, &tv);
}

void notify_tick(struct notify *n)
{
	struct now now = notify_now(n);
	unsigned budget = NOTIFY_TURN;

	attempt_turn(n);
	for (size_t i = 0; i < n->n_receivers; i++)
		dispatch_receiver(n, n->receivers[i], now, &budget);
	webhooks_go(n->webhooks);
	drop_gone(n);
	sleep_until_next(n, now, budget == 0);
	if (n->stopping && n->n_attempts == 0 && n->stop_timer != NULL) {
		event_free(n->stop_timer);
		n->stop_timer = NULL;
		n->ops->idle(n->ctx);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	notify_tick(ctx);
}

/* ---- life ---- */

struct notify *notify_create(struct event_base *base, const struct notify_ops *ops, void *ctx, uint64_t seed)
{
	struct notify *n = xcalloc(1, sizeof(*n));

	n->ops = ops;
	n->ctx = ctx;
	n->random = seed;
	n->key = (struct sipkey){ retry_random(&n->random), retry_random(&n->random) };
	n->mem = arena_create();
	n->settings.timeout_ms = WEBHOOK_TIMEOUT_MS;
	n->timer = evtimer_new(base, on_timer, n);
	n->webhooks = webhooks_create(base);
	n->smtp = smtp_create(base);
	if (n->timer == NULL || n->webhooks == NULL || n->smtp == NULL) {
		notify_destroy(n);
		return NULL;
	}
	return n;
}

void notify_destroy(struct notify *n)
{
	if (n == NULL)
		return;
	while (n->attempts != NULL)
		attempt_cancel(n->attempts);
	smtp_destroy(n->smtp);
	webhooks_destroy(n->webhooks);
	for (size_t i = 0; i < n->n_receivers; i++)
		receiver_destroy(n->receivers[i]);
	free(n->receivers);
	if (n->timer != NULL)
		event_free(n->timer);
	if (n->stop_timer != NULL)
		event_free(n->stop_timer);
	arena_destroy(n->mem);
	free(n);
}

/* ---- configuration ---- */

static const char *copy(struct arena *mem, const char *z)
{
	return z != NULL ? arena_strdup(mem, z) : NULL;
}

static void copy_settings(struct notify *n, const struct notify_settings *s)
{
	struct arena *mem = arena_create();
	const char **defaults = arena_array(mem, s->n_defaults > 0 ? s->n_defaults : 1, sizeof(*defaults));

	for (size_t i = 0; i < s->n_defaults; i++)
		defaults[i] = arena_strdup(mem, s->defaults[i]);
	n->settings = (struct notify_settings){
		.defaults = defaults, .n_defaults = s->n_defaults, .public_url = copy(mem, s->public_url), .with_ns = s->with_ns,
		.timeout_ms = s->timeout_ms > 0 ? s->timeout_ms : WEBHOOK_TIMEOUT_MS,
		.email = {
			.smtp = copy(mem, s->email.smtp), .from = copy(mem, s->email.from), .tls = s->email.tls, .user = copy(mem, s->email.user),
			.password = copy(mem, s->email.password), .ca_file = copy(mem, s->email.ca_file),
		},
	};
	arena_destroy(n->mem);
	n->mem = mem;
}

/* The configured ones in the order of the settings, then those that are gone. */
static void match_receivers(struct notify *n, const struct notify_settings *s)
{
	struct receiver **v = xcalloc(s->n_receivers + n->n_receivers + 1, sizeof(struct receiver *));
	size_t k = 0;

	for (size_t i = 0; i < n->n_receivers; i++)
		n->receivers[i]->configured = false;
	for (size_t i = 0; i < s->n_receivers; i++) {
		const struct notify_receiver *c = &s->receivers[i];
		struct receiver *r = notify_receiver_of(n, c->name);

		if (r == NULL)
			r = receiver_create(n->key);
		receiver_configure(r, c, c->kind == NOTIFY_WEBHOOK ? endpoint_create(c, n->settings.timeout_ms, ++n->n_endpoints) : NULL);
		v[k++] = r;
	}
	n->n_configured = k;
	for (size_t i = 0; i < n->n_receivers; i++)
		if (!n->receivers[i]->configured)
			v[k++] = n->receivers[i];
	free(n->receivers);
	n->receivers = v;
	n->n_receivers = k;
}

static void orphan_all(struct notify *n, struct receiver *r)
{
	for (size_t i = 0; i < r->queue.n_slots; i++)
		if (r->queue.slots[i] != NULL && r->queue.slots[i]->state != DELIVERY_FLYING)
			dispatch_orphan(n, r, r->queue.slots[i]);
}

enum err notify_configure(struct notify *n, const struct notify_settings *s, struct diag *d)
{
	enum err e = notify_settings_check(s, d);

	if (e != ERR_OK)
		return e;
	copy_settings(n, s);
	match_receivers(n, s);
	for (size_t i = n->n_configured; i < n->n_receivers; i++)
		orphan_all(n, n->receivers[i]);
	notify_wake(n);
	return ERR_OK;
}

/* ---- deliveries ---- */

/* Nobody's queue: so that what cannot be delivered is settled like everything else. */
static void put_orphan(struct notify *n, const struct notify_delivery *d)
{
	struct receiver r = { .name = d->receiver };
	struct delivery *p;

	queue_init(&r.queue, n->key);
	p = queue_put(&r.queue, d->alert, (struct mono){ 0 });
	if (p != NULL) {
		p->attempts = d->attempts;
		dispatch_orphan(n, &r, p);
	}
	queue_finish(&r.queue);
}

static struct mono due_of(const struct notify_delivery *d, struct now now)
{
	int64_t wait = wall_before(now.wall, d->next_at) ? d->next_at.ms - now.wall.ms : 0;

	/* A wall clock that was set back must not put an alert off for a year; dispatch.c looks again. */
	return (struct mono){ now.mono.ms + (wait < RETRY_AFTER_MAX_MS ? wait : RETRY_AFTER_MAX_MS) };
}

/* `next_at` is the end of the grace only while nothing has been tried. */
static struct wall could_of(const struct notify_delivery *d, struct now now)
{
	if (d->attempts > 0)
		return d->alert->at;
	return d->next_at.ms == WALL_PAST.ms ? wall_min(d->alert->at, now.wall) : d->next_at;
}

static struct mono until_of(const struct notify_delivery *d, struct now now)
{
	int64_t age = wall_before(d->created, now.wall) && d->created.ms >= 0 ? now.wall.ms - d->created.ms : 0;
	int64_t left = NOTIFY_AGE_MS - age;

	return (struct mono){ now.mono.ms + (left > NOTIFY_LEAST_MS ? left : NOTIFY_LEAST_MS) };
}

enum err notify_put(struct notify *n, const struct notify_delivery *in)
{
	struct receiver *r = notify_receiver_of(n, in->receiver);
	struct now now = notify_now(n);
	struct delivery *d;

	if (r == NULL || !r->configured) {
		put_orphan(n, in);
		return ERR_OK;
	}
	if (queue_find(&r->queue, in->alert->id) != NULL)
		return ERR_CONFLICT;
	d = queue_put(&r->queue, in->alert, due_of(in, now));
	if (d == NULL) {
		r->spilled = true;
		return ERR_FULL;
	}
	d->attempts = in->attempts;
	d->created = in->created;
	d->asked = in->asked;
	d->until = until_of(in, now);
	d->could = could_of(in, now);
	if (r->disabled && !d->asked)
		dispatch_dead(n, r, d, 410, "endpoint is disabled (410)");
	else if (in->alert->type == ALERT_BREACH || in->alert->type == ALERT_ESCALATION)
		dispatch_breached(n, r, in->alert);
	notify_wake(n);
	return ERR_OK;
}

bool notify_has_room(struct notify *n, const char *receiver, enum alert_type type)
{
	struct receiver *r = notify_receiver_of(n, receiver);

	if (r == NULL || !r->configured || queue_room(&r->queue, alert_is_mild(type)) > 0)
		return true;
	r->spilled = true;
	return false;
}

bool notify_forget(struct notify *n, const char *alert_id, const char *receiver)
{
	struct receiver *r = notify_receiver_of(n, receiver);
	struct delivery *d = r != NULL ? queue_find(&r->queue, alert_id) : NULL;

	if (d == NULL)
		return false;
	if (d->state == DELIVERY_FLYING) {
		d->forgotten = true;
	} else {
		queue_take(&r->queue, d);
		delivery_destroy(d);
	}
	return true;
}

void notify_walk(struct notify *n, void (*fn)(void *ctx, struct alert *a), void *ctx)
{
	for (size_t i = 0; i < n->n_receivers; i++) {
		const struct queue *q = &n->receivers[i]->queue;

		for (size_t k = 0; k < q->n_slots; k++)
			if (q->slots[k] != NULL)
				fn(ctx, &q->slots[k]->alert);
	}
}

/* ---- stopping ---- */

static void on_grace_over(evutil_socket_t fd, short what, void *ctx)
{
	struct notify *n = ctx;

	(void)fd;
	(void)what;
	while (n->attempts != NULL) {
		struct attempt *a = n->attempts;
		struct receiver *r = a->r;
		struct delivery *d = a->d;
		notify_test_fn *fn = a->test_fn;
		void *fn_ctx = a->test_ctx;

		attempt_cancel(a);
		if (d == NULL) {
			fn(fn_ctx, false, 0, "plazo is stopping");
			continue;
		}
		d->attempts++;
		/* It may have arrived: it will be sent again, with the same id. */
		if (!d->forgotten)
			n->ops->settle(n->ctx, &(struct notify_result){
				.alert_id = d->alert.id, .receiver = r->name, .state = NOTIFY_PENDING, .attempts = d->attempts, .next_at = notify_now(n).wall,
				.detail = "stopped in flight",
			});
		queue_take(&r->queue, d);
		delivery_destroy(d);
	}
	notify_wake(n);
}

void notify_stop(struct notify *n, int64_t grace_ms)
{
	struct timeval tv = timeval_of(grace_ms);

	if (n->stopping)
		return;
	n->stopping = true;
	if (n->n_attempts == 0) {
		n->ops->idle(n->ctx);
		return;
	}
	n->stop_timer = evtimer_new(event_get_base(n->timer), on_grace_over, n);
	event_add(n->stop_timer, &tv);
}

/* ---- tests and figures ---- */

enum err notify_test(struct notify *n, const char *receiver, notify_test_fn *fn, void *fn_ctx)
{
	struct receiver *r = notify_receiver_of(n, receiver);

	if (r == NULL || !r->configured)
		return ERR_ABSENT;
	if (n->stopping || n->n_attempts >= NOTIFY_MAX_ALL_FLIGHTS)
		return ERR_FULL;
	attempt_start_test(n, r, fn, fn_ctx, notify_now(n));
	return ERR_OK;
}

int64_t notify_busy_ms(const struct notify *n)
{
	return webhooks_busy_ms(n->webhooks);
}

bool notify_stats(const struct notify *n, size_t i, struct notify_stats *out)
{
	if (i >= n->n_configured)
		return false;
	const struct receiver *r = n->receivers[i];
	*out = (struct notify_stats){
		.receiver = r->name, .kind = r->kind, .n_sent = r->n_sent, .n_failed = r->n_failed, .n_dead = r->n_dead, .n_suppressed = r->n_suppressed,
		.n_pending = r->queue.n, .n_flights = r->n_flights, .oldest = WALL_NEVER, .latency_sum_s = r->latency_sum_s, .disabled = r->disabled,
	};
	memcpy(out->latency, r->latency, sizeof(out->latency));
	for (size_t k = 0; k < r->queue.n_slots; k++)
		if (r->queue.slots[k] != NULL)
			out->oldest = wall_min(out->oldest, r->queue.slots[k]->created);
	return true;
}
