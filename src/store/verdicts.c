/*
 * A verdict as bytes: a byte of HAS_x, its texts, its cycle, and its times; those that others come after are told by the distance.
 */
#include "store/verdicts.h"

#include "core/effects.h"
#include "store/worker.h"
#include "base/reader.h"

#define HAS_BREACHED 1
#define HAS_WAIVED   2
#define HAS_STARTED  4
#define HAS_STOPPED  8
#define HAS_DUE      16
#define HAS_ALL      31

void store_verdicts_init(struct store_verdicts *v)
{
	*v = (struct store_verdicts){ .latest = WALL_PAST };
	buf_init(&v->records, BUF_NO_MAX);
}

void store_verdicts_finish(struct store_verdicts *v)
{
	buf_finish(&v->records);
	store_verdicts_init(v);
}

void store_verdicts_reset(struct store_verdicts *v)
{
	buf_reset(&v->records);
	v->n = 0;
	v->latest = WALL_PAST;
}

/* What a verdict is about: after that it grows old. */
static struct wall end_of(const struct verdict *v)
{
	if (!wall_is_never(v->stopped))
		return v->stopped;
	return wall_is_never(v->due) ? v->started : v->due;
}

/* Unsigned, so that no two times are too far apart. */
static void put_wall(struct buf *b, struct wall t, struct wall from)
{
	if (!wall_is_never(t))
		buf_put_zigzag(b, (int64_t)((uint64_t)t.ms - (uint64_t)from.ms));
}

void store_verdicts_add(struct store_verdicts *v, const struct verdict *one)
{
	const struct str *texts[] = { &one->ns, &one->ticket, &one->contract, &one->metric, &one->agreement, &one->priority, &one->state, &one->target };
	struct wall start = wall_is_never(one->started) ? (struct wall){ 0 } : one->started, end = end_of(one);
	struct buf *b = &v->records;

	buf_putc(b, (char)((one->breached ? HAS_BREACHED : 0) | (one->waived ? HAS_WAIVED : 0) | (wall_is_never(one->started) ? 0 : HAS_STARTED) |
		(wall_is_never(one->stopped) ? 0 : HAS_STOPPED) | (wall_is_never(one->due) ? 0 : HAS_DUE)));
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		buf_put_bytes(b, *texts[i]);
	buf_put_varint(b, one->cycle);
	put_wall(b, one->started, (struct wall){ 0 });
	put_wall(b, one->stopped, start);
	put_wall(b, one->due, start);
	buf_put_zigzag(b, one->elapsed_ms);
	buf_put_zigzag(b, one->paused_ms);
	v->n++;
	if (!wall_is_never(end))
		v->latest = wall_max(v->latest, end);
}

static struct wall get_wall(struct reader *r, bool there, struct wall from)
{
	return there ? (struct wall){ (int64_t)((uint64_t)reader_zigzag(r) + (uint64_t)from.ms) } : WALL_NEVER;
}

bool store_verdicts_next(struct reader *r, struct verdict *out)
{
	struct str *texts[] = { &out->ns, &out->ticket, &out->contract, &out->metric, &out->agreement, &out->priority, &out->state, &out->target };
	struct wall start = { 0 };
	uint8_t has;

	if (r->p == r->end)
		return false;
	has = reader_byte(r);
	r->bad = r->bad || has > HAS_ALL;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i] = reader_bytes(r);
	out->cycle = (uint32_t)reader_varint(r);
	out->breached = (has & HAS_BREACHED) != 0;
	out->waived = (has & HAS_WAIVED) != 0;
	out->started = get_wall(r, has & HAS_STARTED, start);
	if (!wall_is_never(out->started))
		start = out->started;
	out->stopped = get_wall(r, has & HAS_STOPPED, start);
	out->due = get_wall(r, has & HAS_DUE, start);
	out->elapsed_ms = reader_zigzag(r);
	out->paused_ms = reader_zigzag(r);
	return !r->bad;
}

enum err store_put_verdicts(struct store *st, const struct store_verdicts *v, uint64_t cookie)
{
	struct str records = buf_str(&v->records);
	struct job *job;
	enum err e = job_begin(st, STORE_JUDGED, records.len + 256, cookie, &job);

	if (e != ERR_OK)
		return e;
	buf_put_varint(&st->queue.bytes, v->n);
	buf_put_zigzag(&st->queue.bytes, v->latest.ms);
	pack_str(&st->queue.bytes, records);
	return job_end(st);
}
