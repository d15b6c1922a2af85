#include "notify/queue.h"

#include <stdlib.h>

#include "base/xalloc.h"

bool alert_same_clock(const struct alert *a, const struct alert *b)
{
	return a->metric.len > 0 && str_eq(a->ns, b->ns) && str_eq(a->ticket, b->ticket) && str_eq(a->metric, b->metric) && a->cycle == b->cycle;
}

void delivery_destroy(struct delivery *d)
{
	free(d->texts);
	free(d);
}

/* ---- finding ---- */

static uint64_t id_hash(const struct queue *q, const char *id)
{
	return siphash64(q->key, id, strlen(id));
}

static uint64_t ticket_hash(const struct queue *q, const struct alert *a)
{
	uint64_t h = a->ns.len > 0 ? siphash64(q->key, a->ns.p, a->ns.len) : 0;
	struct sipkey k = { q->key.k0 ^ h, q->key.k1 };

	return siphash64(k, a->ticket.len > 0 ? a->ticket.p : "", a->ticket.len);
}

static bool id_eq(const void *ctx, const void *key, uint32_t value)
{
	const struct queue *q = ctx;

	return strcmp(q->slots[value]->alert.id, key) == 0;
}

static bool ticket_eq(const void *ctx, const void *key, uint32_t value)
{
	const struct queue *q = ctx;
	const struct alert *a = key, *b = &q->slots[value]->alert;

	return str_eq(a->ticket, b->ticket) && str_eq(a->ns, b->ns);
}

static struct delivery *at_slot(const struct queue *q, uint32_t slot)
{
	return slot == MAP_ABSENT ? NULL : q->slots[slot];
}

struct delivery *queue_find(const struct queue *q, const char *alert_id)
{
	return at_slot(q, map_find(&q->ids, id_hash(q, alert_id), id_eq, q, alert_id));
}

struct delivery *queue_first(const struct queue *q, const struct alert *a)
{
	return at_slot(q, map_find(&q->tickets, ticket_hash(q, a), ticket_eq, q, a));
}

struct delivery *queue_next(const struct queue *q, const struct delivery *d)
{
	return at_slot(q, d->next);
}

/* ---- life ---- */

void queue_init(struct queue *q, struct sipkey key)
{
	*q = (struct queue){ .key = key };
	map_init(&q->ids);
	map_init(&q->tickets);
	heap_init(&q->waiting);
	heap_init(&q->ready);
}

void queue_finish(struct queue *q)
{
	for (size_t i = 0; i < q->n_slots; i++)
		if (q->slots[i] != NULL)
			delivery_destroy(q->slots[i]);
	free(q->slots);
	free(q->free);
	map_finish(&q->ids);
	map_finish(&q->tickets);
	heap_finish(&q->waiting);
	heap_finish(&q->ready);
}

static uint32_t take_slot(struct queue *q)
{
	if (q->n_free > 0)
		return q->free[--q->n_free];
	if (q->n_slots == q->cap) {
		q->cap = q->cap > 0 ? 2 * q->cap : 16;
		q->slots = xreallocarray(q->slots, q->cap, sizeof(*q->slots));
		q->free = xreallocarray(q->free, q->cap, sizeof(*q->free));
	}
	return (uint32_t)q->n_slots++;
}

size_t queue_room(const struct queue *q, bool mild)
{
	size_t all = q->n < NOTIFY_MAX_QUEUE ? NOTIFY_MAX_QUEUE - q->n : 0;
	size_t of_mild = q->n_mild < NOTIFY_MAX_WARNINGS ? NOTIFY_MAX_WARNINGS - q->n_mild : 0;

	return mild && of_mild < all ? of_mild : all;
}

/* ---- order ---- */

/* A ticket's first is as urgent as the most urgent that stands behind it: else a flood of warnings would hold up a breach. */
static int64_t urgency(const struct queue *q, const struct delivery *first)
{
	const struct delivery *best = first;

	for (const struct delivery *d = first; d != NULL; d = queue_next(q, d))
		if (!alert_is_mild(d->alert.type)) {
			best = d;
			break;
		}
	/* `created` is under 2^43 ms; the bit above it parts the two classes. */
	return (alert_is_mild(best->alert.type) ? INT64_C(1) << 44 : 0) + best->created.ms;
}

void queue_wait(struct queue *q, struct delivery *d, struct mono due)
{
	d->state = DELIVERY_WAITING;
	d->due = due;
	heap_set(&q->waiting, d->slot, due.ms, d->seq);
}

static void make_ready(struct queue *q, struct delivery *d)
{
	d->state = DELIVERY_READY;
	heap_set(&q->ready, d->slot, urgency(q, d), d->seq);
}

struct delivery *queue_put(struct queue *q, const struct alert *a, struct mono due)
{
	bool mild = alert_is_mild(a->type);
	struct delivery *d, *first;

	if (queue_room(q, mild) == 0)
		return NULL;
	d = xcalloc(1, sizeof(*d));
	d->texts = alert_copy(&d->alert, a);
	d->slot = take_slot(q);
	d->next = QUEUE_NONE;
	d->seq = q->seq++;
	d->due = due;
	first = queue_first(q, a);
	q->slots[d->slot] = d;
	q->n++;
	q->n_mild += mild;
	map_insert(&q->ids, id_hash(q, d->alert.id), d->slot);
	if (first == NULL) {
		map_insert(&q->tickets, ticket_hash(q, a), d->slot);
		queue_wait(q, d, due);
		return d;
	}
	d->state = DELIVERY_BEHIND;
	struct delivery *last = first;
	while (last->next != QUEUE_NONE)
		last = q->slots[last->next];
	last->next = d->slot;
	if (first->state == DELIVERY_READY)
		make_ready(q, first);
	return d;
}

void queue_wake(struct queue *q, struct mono now)
{
	const struct heap_entry *top;

	while ((top = heap_top(&q->waiting)) != NULL && top->due <= now.ms) {
		struct delivery *d = q->slots[top->id];

		heap_remove(&q->waiting, d->slot);
		make_ready(q, d);
	}
}

bool queue_next_due(const struct queue *q, struct mono *due_out)
{
	const struct heap_entry *top = heap_top(&q->waiting);

	if (top == NULL)
		return false;
	due_out->ms = top->due;
	return true;
}

struct delivery *queue_pop(struct queue *q)
{
	const struct heap_entry *top = heap_top(&q->ready);

	if (top == NULL)
		return NULL;
	struct delivery *d = q->slots[top->id];
	heap_remove(&q->ready, d->slot);
	d->state = DELIVERY_FLYING;
	return d;
}

static void unlink_delivery(struct queue *q, struct delivery *d)
{
	struct delivery *first = queue_first(q, &d->alert), *before = first;

	if (first != d) {
		while (before->next != d->slot)
			before = q->slots[before->next];
		before->next = d->next;
		if (first->state == DELIVERY_READY)
			make_ready(q, first);
		return;
	}
	map_remove(&q->tickets, ticket_hash(q, &d->alert), d->slot);
	if (d->next != QUEUE_NONE) {
		struct delivery *next = q->slots[d->next];

		map_insert(&q->tickets, ticket_hash(q, &next->alert), next->slot);
		queue_wait(q, next, next->due);
	}
}

void queue_take(struct queue *q, struct delivery *d)
{
	unlink_delivery(q, d);
	heap_remove(&q->waiting, d->slot);
	heap_remove(&q->ready, d->slot);
	map_remove(&q->ids, id_hash(q, d->alert.id), d->slot);
	q->n--;
	q->n_mild -= alert_is_mild(d->alert.type);
	q->slots[d->slot] = NULL;
	q->free[q->n_free++] = d->slot;
}

/* ---- for tests ---- */

static const char *check_one(const struct queue *q, const struct delivery *d)
{
	const struct delivery *first = queue_first(q, &d->alert);
	bool found = false;

	for (const struct delivery *p = first; p != NULL; p = queue_next(q, p))
		found = found || p == d;
	if (!found)
		return "a delivery is not in the line of its ticket";
	if ((d == first) != (d->state != DELIVERY_BEHIND))
		return "a delivery that is not the first of its ticket may be tried";
	if (heap_has(&q->waiting, d->slot) != (d->state == DELIVERY_WAITING) || heap_has(&q->ready, d->slot) != (d->state == DELIVERY_READY))
		return "a heap disagrees with a state";
	return queue_find(q, d->alert.id) == d ? NULL : "a delivery is not found by its id";
}

const char *queue_check(const struct queue *q)
{
	size_t n = 0, n_mild = 0;

	for (size_t i = 0; i < q->n_slots; i++) {
		const struct delivery *d = q->slots[i];
		const char *wrong = d != NULL ? check_one(q, d) : NULL;

		if (wrong != NULL)
			return wrong;
		n += d != NULL;
		n_mild += d != NULL && alert_is_mild(d->alert.type);
	}
	if (n != q->n || n_mild != q->n_mild || n + q->n_free != q->n_slots)
		return "counts are off";
	return heap_check(&q->ready) != NULL ? heap_check(&q->ready) : heap_check(&q->waiting);
}
