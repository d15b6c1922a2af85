#include "notify/receiver.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "notify/smtp.h"

const double notify_buckets_s[NOTIFY_N_BUCKETS] = { 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300 };

/* ---- life ---- */

struct receiver *receiver_create(struct sipkey key)
{
	struct receiver *r = xcalloc(1, sizeof(*r));

	queue_init(&r->queue, key);
	return r;
}

void receiver_destroy(struct receiver *r)
{
	if (r == NULL)
		return;
	queue_finish(&r->queue);
	endpoint_unref(r->endpoint);
	arena_destroy(r->mem);
	free(r);
}

static bool same_recipients(const struct receiver *r, const struct notify_receiver *c)
{
	bool same = r->n_to == c->n_to;

	for (size_t i = 0; same && i < c->n_to; i++)
		same = strcmp(r->to[i], c->to[i]) == 0;
	return same;
}

static const char *copy(struct arena *mem, const char *z)
{
	return z != NULL ? arena_strdup(mem, z) : NULL;
}

static void copy_recipients(struct receiver *r, struct arena *mem, const struct notify_receiver *c)
{
	if (!same_recipients(r, c)) {
		r->generation++;
		for (size_t i = 0; i < r->queue.n_slots; i++)
			if (r->queue.slots[i] != NULL)
				r->queue.slots[i]->done = r->queue.slots[i]->refused = 0;
	}
	r->to = arena_array(mem, c->n_to, sizeof(*r->to));
	r->n_to = c->n_to;
	for (size_t i = 0; i < c->n_to; i++)
		r->to[i] = arena_strdup(mem, c->to[i]);
}

void receiver_configure(struct receiver *r, const struct notify_receiver *c, struct endpoint *endpoint)
{
	struct arena *mem = arena_create();

	copy_recipients(r, mem, c);
	endpoint_unref(r->endpoint);
	r->endpoint = endpoint;
	r->name = arena_strdup(mem, c->name);
	r->kind = c->kind;
	r->fallback = copy(mem, c->fallback);
	r->language = c->language;
	r->zone = c->zone;
	arena_destroy(r->mem);
	r->mem = mem;
	r->configured = true;
	r->disabled = r->failing = false;
	r->hold_until = (struct mono){ INT64_MIN };
	r->window = c->kind == NOTIFY_EMAIL ? SMTP_THREADS : NOTIFY_MAX_FLIGHTS;
}

/* ---- how it does ---- */

void receiver_arrived(struct receiver *r, int64_t latency_ms)
{
	unsigned most = r->kind == NOTIFY_EMAIL ? SMTP_THREADS : NOTIFY_MAX_FLIGHTS;
	double s = latency_ms > 0 ? (double)latency_ms / 1000 : 0;
	size_t i = 0;

	while (i < NOTIFY_N_BUCKETS && s > notify_buckets_s[i])
		i++;
	r->latency[i]++;
	r->latency_sum_s += s;
	r->n_sent++;
	r->failing = false;
	if (r->window < most)
		r->window++;
}

void receiver_failed(struct receiver *r, struct mono now)
{
	r->n_failed++;
	if (!r->failing)
		r->failing_since = now;
	r->failing = true;
	if (r->window > 1)
		r->window /= 2;
}
