#include "store/queue.h"

#include <assert.h>
#include <stdlib.h>

#include "base/now.h"
#include "base/reader.h"
#include "base/xalloc.h"

/* What is queued is bounded by the store's options; this is only so that offsets never overflow. */
#define MAX_BYTES ((size_t)1 << 40)

/* Memory that one burst needed is given back once the burst is over. */
#define KEEP_BYTES ((size_t)4 << 20)

static void shrink(struct buf *b)
{
	if (b->cap > KEEP_BYTES)
		buf_finish(b);
	else
		buf_reset(b);
}

/* ---- jobs ---- */

void batch_init(struct batch *b)
{
	*b = (struct batch){ .n = 0 };
	buf_init(&b->bytes, MAX_BYTES);
	buf_init(&b->records, MAX_BYTES);
}

void batch_finish(struct batch *b)
{
	free(b->jobs);
	buf_finish(&b->bytes);
	buf_finish(&b->records);
}

void batch_reset(struct batch *b)
{
	b->n = 0;
	shrink(&b->bytes);
	shrink(&b->records);
	if (b->cap * sizeof *b->jobs > KEEP_BYTES) {
		free(b->jobs);
		b->jobs = NULL;
		b->cap = 0;
	}
}

struct job *batch_add(struct batch *b, enum store_what what, uint64_t cookie)
{
	if (b->n == b->cap) {
		b->cap = b->cap != 0 ? b->cap * 2 : 64;
		b->jobs = xreallocarray(b->jobs, b->cap, sizeof *b->jobs);
	}

	struct job *job = &b->jobs[b->n++];

	*job = (struct job){ .what = what, .cookie = cookie, .at = b->bytes.len, .rec = b->records.len };
	return job;
}

void batch_seal(struct batch *b)
{
	struct job *job = &b->jobs[b->n - 1];

	assert(buf_ok(&b->bytes) && buf_ok(&b->records));
	job->len = b->bytes.len - job->at;
}

void batch_copy(struct batch *b, const struct batch *from, const struct job *job)
{
	struct job *copy = batch_add(b, job->what, job->cookie);
	struct str packed = job_packed(from, job);

	copy->shadowed = job->shadowed;
	buf_append(&b->bytes, packed.p, packed.len);
	batch_seal(b);
}

size_t job_bytes(const struct job *job)
{
	return sizeof *job + job->len + job->rec_len;
}

struct str job_packed(const struct batch *b, const struct job *job)
{
	return (struct str){ job->len != 0 ? b->bytes.p + job->at : NULL, job->len };
}

struct str job_record(const struct batch *b, const struct job *job)
{
	return (struct str){ job->rec_len != 0 ? b->records.p + job->rec : NULL, job->rec_len };
}

/* ---- answers ---- */

void answers_init(struct answers *a)
{
	*a = (struct answers){ .n = 0 };
	buf_init(&a->bytes, MAX_BYTES);
}

void answers_finish(struct answers *a)
{
	free(a->v);
	buf_finish(&a->bytes);
}

void answers_reset(struct answers *a)
{
	a->n = 0;
	shrink(&a->bytes);
	if (a->cap * sizeof *a->v > KEEP_BYTES) {
		free(a->v);
		a->v = NULL;
		a->cap = 0;
	}
}

static void answers_reserve(struct answers *a, size_t n)
{
	size_t cap = a->cap != 0 ? a->cap : 64;

	while (cap < n)
		cap *= 2;
	if (cap != a->cap)
		a->v = xreallocarray(a->v, cap, sizeof *a->v);
	a->cap = cap;
}

struct answer *answers_add(struct answers *a, enum store_what what, uint64_t cookie, enum err err)
{
	answers_reserve(a, a->n + 1);

	struct answer *x = &a->v[a->n++];

	*x = (struct answer){ .done = { .what = what, .cookie = cookie, .err = err } };
	return x;
}

void answers_set_record(struct answers *a, struct answer *x, struct str record)
{
	x->rec = a->bytes.len;
	x->rec_len = record.len;
	buf_append(&a->bytes, record.p, record.len);
}

void answers_set_ticket(struct answers *a, struct answer *x, const struct ticket_row *row)
{
	x->at = a->bytes.len;
	pack_ticket(&a->bytes, row);
	x->len = a->bytes.len - x->at;
}

void answers_set_delivery(struct answers *a, struct answer *x, const struct delivery *row)
{
	x->at = a->bytes.len;
	pack_delivery(&a->bytes, row);
	x->len = a->bytes.len - x->at;
}

void answers_set_refusal(struct answers *a, struct answer *x, const struct refusal *row)
{
	x->at = a->bytes.len;
	pack_refusal(&a->bytes, row);
	x->len = a->bytes.len - x->at;
}

void answers_cut(struct answers *a, size_t n, size_t len)
{
	a->n = n;
	a->bytes.len = len;
}

void answers_move(struct answers *to, struct answers *from)
{
	if (to->n == 0) {
		struct answers empty = *to;

		*to = *from;
		*from = empty;
	} else {
		size_t base = to->bytes.len;

		answers_reserve(to, to->n + from->n);
		for (size_t i = 0; i < from->n; i++) {
			struct answer x = from->v[i];

			x.at += base;
			x.rec += base;
			to->v[to->n++] = x;
		}
		buf_append(&to->bytes, from->bytes.p, from->bytes.len);
	}
	answers_reset(from);
}

static void tell(const struct answers *a, const struct answer *x, store_done_fn *fn, void *ctx)
{
	struct store_done done = x->done;
	struct ticket_row ticket;
	struct delivery delivery;
	struct refusal refusal;

	if (x->rec_len != 0)
		done.record = (struct str){ a->bytes.p + x->rec, x->rec_len };
	if (x->len != 0) {
		struct reader r = reader_of((struct str){ a->bytes.p + x->at, x->len });

		if (done.what == STORE_DELIVERIES) {
			unpack_delivery(&r, &delivery);
			done.delivery = &delivery;
		} else if (done.what == STORE_REFUSALS) {
			unpack_refusal(&r, &refusal);
			done.refusal = &refusal;
		} else {
			unpack_ticket(&r, &ticket);
			done.ticket = &ticket;
		}
		assert(!r.bad);
	}
	fn(ctx, &done);
}

size_t answers_tell(const struct answers *a, size_t from, int64_t ms, store_done_fn *fn, void *ctx)
{
	struct mono began = mono_now();
	size_t i = from;
	uint32_t told = 0;

	for (; i < a->n; i++) {
		/* Most cost a microsecond, some a thousand. */
		if (told >= 8 && mono_now().ms - began.ms >= ms)
			break;
		told = told % 8 + (a->v[i].done.n > 1 ? a->v[i].done.n : 1);
		tell(a, &a->v[i], fn, ctx);
	}
	return i;
}
