#include <pthread.h>

#include "base/reader.h"
#include "base/thread.h"
#include "store/load.h"
#include "store/queue.h"

#define CHUNK_BYTES ((size_t)128 << 10)
#define N_CHUNKS    4

enum item { ITEM_REVISION, ITEM_TICKET, ITEM_EVENT, ITEM_DELIVERY, N_ITEMS };

struct ahead {
	struct db                 *db;
	pthread_mutex_t           *reading;
	const struct store_loader *want;
	pthread_mutex_t            lock;
	pthread_cond_t             moved;
	struct buf                 chunk[N_CHUNKS];    /* a ring: `n_full` from `head` on are to be told, the one behind them is being filled */
	size_t                     head, n_full;
	bool                       ended, stopped;     /* nothing more comes; nothing more is wanted */
	/* the thread's until it ended */
	size_t                     filling;
	enum err                   err;
	struct diag                diag;
};

/* ---- the thread that reads ---- */

/* False when nothing more is wanted. */
static bool hand_over(struct ahead *a)
{
	bool stopped;

	/* Who waits for room must not keep a callback from the connection. */
	pthread_mutex_unlock(a->reading);
	pthread_mutex_lock(&a->lock);
	a->n_full++;
	pthread_cond_signal(&a->moved);
	while (a->n_full == N_CHUNKS && !a->stopped)
		pthread_cond_wait(&a->moved, &a->lock);
	stopped = a->stopped;
	pthread_mutex_unlock(&a->lock);
	pthread_mutex_lock(a->reading);
	a->filling = (a->filling + 1) % N_CHUNKS;
	buf_reset(&a->chunk[a->filling]);
	return !stopped;
}

static struct buf *begin(struct ahead *a, enum item item)
{
	struct buf *b = &a->chunk[a->filling];

	buf_putc(b, (char)item);
	return b;
}

static enum err end(struct ahead *a)
{
	return a->chunk[a->filling].len < CHUNK_BYTES || hand_over(a) ? ERR_OK : ERR_CONFLICT;
}

static enum err put_revision(void *ctx, const struct store_revision *r, struct diag *d)
{
	struct buf *b = begin(ctx, ITEM_REVISION);

	(void)d;
	buf_put_zigzag(b, r->from.ms);
	buf_put_u64le(b, r->digest);
	buf_put_varint(b, r->seq);
	pack_str(b, r->text);
	return end(ctx);
}

static enum err put_ticket(void *ctx, const struct ticket_row *row, struct diag *d)
{
	(void)d;
	pack_ticket(begin(ctx, ITEM_TICKET), row);
	return end(ctx);
}

static enum err put_event(void *ctx, uint64_t seq, struct str record, struct diag *d)
{
	struct buf *b = begin(ctx, ITEM_EVENT);

	(void)d;
	buf_put_varint(b, seq);
	pack_str(b, record);
	return end(ctx);
}

static enum err put_delivery(void *ctx, const struct delivery *row, struct diag *d)
{
	(void)d;
	pack_delivery(begin(ctx, ITEM_DELIVERY), row);
	return end(ctx);
}

static void *read_ahead(void *ctx)
{
	struct ahead *a = ctx;
	const struct store_loader *want = a->want;
	struct store_loader put = {
		.ctx = a,
		.revision = want->revision != NULL ? put_revision : NULL,
		.ticket = want->ticket != NULL ? put_ticket : NULL,
		.event = want->event != NULL ? put_event : NULL,
		.delivery = want->delivery != NULL ? put_delivery : NULL,
	};

	pthread_mutex_lock(a->reading);
	a->err = load_walk(a->db, &put, &a->diag);
	pthread_mutex_unlock(a->reading);
	pthread_mutex_lock(&a->lock);
	a->n_full += a->chunk[a->filling].len > 0 && !a->stopped;
	a->ended = true;
	pthread_cond_signal(&a->moved);
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* ---- the caller's ---- */

static enum err tell_revision(const struct store_loader *l, struct reader *r, struct diag *d)
{
	struct store_revision rev = { .from.ms = reader_zigzag(r) };

	rev.digest = reader_u64le(r);
	rev.seq = reader_varint(r);
	rev.text = reader_bytes(r);
	return l->revision(l->ctx, &rev, d);
}

static enum err tell_ticket(const struct store_loader *l, struct reader *r, struct diag *d)
{
	struct ticket_row row;

	unpack_ticket(r, &row);
	return l->ticket(l->ctx, &row, d);
}

static enum err tell_event(const struct store_loader *l, struct reader *r, struct diag *d)
{
	uint64_t seq = reader_varint(r);

	return l->event(l->ctx, seq, reader_bytes(r), d);
}

static enum err tell_delivery(const struct store_loader *l, struct reader *r, struct diag *d)
{
	struct delivery row;

	unpack_delivery(r, &row);
	return l->delivery(l->ctx, &row, d);
}

static enum err tell_chunk(const struct store_loader *l, struct str bytes, struct diag *d)
{
	static enum err (*const tell[N_ITEMS])(const struct store_loader *, struct reader *, struct diag *) = {
		[ITEM_REVISION] = tell_revision, [ITEM_TICKET] = tell_ticket, [ITEM_EVENT] = tell_event, [ITEM_DELIVERY] = tell_delivery,
	};
	struct reader r = reader_of(bytes);
	enum err e = ERR_OK;

	while (e == ERR_OK && r.p < r.end)
		e = tell[reader_byte(&r)](l, &r, d);
	return e;
}

/* False when there is none and none will come. */
static bool await_chunk(struct ahead *a)
{
	bool any;

	pthread_mutex_lock(&a->lock);
	while (a->n_full == 0 && !a->ended)
		pthread_cond_wait(&a->moved, &a->lock);
	any = a->n_full > 0;
	pthread_mutex_unlock(&a->lock);
	return any;
}

static void release_chunk(struct ahead *a, bool stop)
{
	pthread_mutex_lock(&a->lock);
	a->head = (a->head + 1) % N_CHUNKS;
	a->n_full--;
	a->stopped = stop;
	pthread_cond_signal(&a->moved);
	pthread_mutex_unlock(&a->lock);
}

enum err load_ahead(struct db *db, pthread_mutex_t *reading, const struct store_loader *l, struct diag *d)
{
	struct ahead a = { .db = db, .reading = reading, .want = l };
	pthread_t thread;
	enum err e = ERR_OK;

	for (size_t i = 0; i < N_CHUNKS; i++)
		buf_init(&a.chunk[i], BUF_NO_MAX);
	pthread_mutex_init(&a.lock, NULL);
	pthread_cond_init(&a.moved, NULL);
	if (thread_start(&thread, read_ahead, &a) == 0) {
		while (e == ERR_OK && await_chunk(&a)) {
			e = tell_chunk(l, buf_str(&a.chunk[a.head]), d);
			release_chunk(&a, e != ERR_OK);
		}
		pthread_join(thread, NULL);
		/* A row that was told came before the one that could not be read. */
		if (e == ERR_OK && (e = a.err) != ERR_OK)
			*d = a.diag;
	} else {
		e = load_walk(db, l, d);
	}
	pthread_cond_destroy(&a.moved);
	pthread_mutex_destroy(&a.lock);
	for (size_t i = 0; i < N_CHUNKS; i++)
		buf_finish(&a.chunk[i]);
	return e;
}
