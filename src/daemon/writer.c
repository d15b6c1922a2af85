#include "daemon/writer.h"

#include <string.h>

#include "core/engine.h"
#include "daemon/daemon.h"
#include "store/streams.h"

struct late {
	struct late    *next;
	enum store_what what;
	uint64_t        cookie;
	union {
		struct delivery   delivery;
		struct ticket_row ticket;
		struct refusal    refusal;
		struct store_verdicts verdicts;     /* the records are borrowed */
	};
};

#define HELD_MAX 8192         /* verdicts: half a megabyte */

void writer_init(struct writer *w)
{
	*w = (struct writer){ .arena = arena_create() };
	store_verdicts_init(&w->held);
}

void writer_finish(struct writer *w)
{
	arena_destroy(w->arena);
	store_verdicts_finish(&w->held);
	*w = (struct writer){ 0 };
}

bool writer_is_behind(const struct daemon *d)
{
	return d->writer.n > 0;
}

static enum err queue(struct store *st, const struct late *l)
{
	switch (l->what) {
	case STORE_PUT:     return store_put_delivery(st, &l->delivery, l->cookie);
	case STORE_SETTLED: return store_settle(st, &l->delivery, l->cookie);
	case STORE_JUDGED:  return store_put_verdicts(st, &l->verdicts, l->cookie);
	case STORE_SAVED:   return store_save(st, &l->ticket, l->cookie);
	case STORE_REFUSAL: return store_put_refusal(st, &l->refusal, l->cookie);
	default:            return ERR_RANGE;
	}
}

static void keep(struct arena *a, struct str *s)
{
	*s = arena_str(a, *s);
}

static void keep_delivery(struct arena *a, struct delivery *v)
{
	struct str *all[] = { &v->id, &v->receiver, &v->type, &v->ns, &v->ticket, &v->body, &v->detail };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		keep(a, all[i]);
}

static void keep_verdicts(struct arena *a, struct store_verdicts *v)
{
	v->records.p = memcpy(arena_alloc(a, v->records.len), v->records.p, v->records.len);
}

static void keep_ticket(struct arena *a, struct ticket_row *v)
{
	struct str *all[] = { &v->ns, &v->ticket, &v->contract, &v->row };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		keep(a, all[i]);
}

static void keep_refusal(struct arena *a, struct refusal *v)
{
	struct str *all[] = { &v->source, &v->place, &v->why, &v->body };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		keep(a, all[i]);
}

static void write_or_wait(struct daemon *d, const struct late *job)
{
	struct writer *w = &d->writer;
	struct late *l;

	/* ERR_IO: the store is dead, and the daemon about to leave; what is not on disk is made again by the replay. */
	if (w->n == 0 && queue(d->store, job) != ERR_FULL)
		return;
	l = arena_alloc(w->arena, sizeof(*l));
	*l = *job;
	l->next = NULL;
	if (l->what == STORE_JUDGED)
		keep_verdicts(w->arena, &l->verdicts);
	else if (l->what == STORE_SAVED)
		keep_ticket(w->arena, &l->ticket);
	else if (l->what == STORE_REFUSAL)
		keep_refusal(w->arena, &l->refusal);
	else
		keep_delivery(w->arena, &l->delivery);
	if (w->last != NULL)
		w->last->next = l;
	else
		w->first = l;
	w->last = l;
	w->n++;
}

void writer_put(struct daemon *d, const struct delivery *row, uint64_t cookie)
{
	write_or_wait(d, &(struct late){ .what = STORE_PUT, .cookie = cookie, .delivery = *row });
}

void writer_settle(struct daemon *d, const struct delivery *row)
{
	write_or_wait(d, &(struct late){ .what = STORE_SETTLED, .delivery = *row });
}

void writer_refusal(struct daemon *d, const struct refusal *r)
{
	write_or_wait(d, &(struct late){ .what = STORE_REFUSAL, .refusal = *r });
}

static void release_verdicts(struct daemon *d)
{
	struct writer *w = &d->writer;

	write_or_wait(d, &(struct late){ .what = STORE_JUDGED, .verdicts = w->held });
	store_verdicts_reset(&w->held);
}

void writer_verdict(struct daemon *d, const struct verdict *v)
{
	store_verdicts_add(&d->writer.held, v);
	if (d->writer.held.n == HELD_MAX)
		release_verdicts(d);
}

void writer_save(struct daemon *d, const struct ticket_row *row)
{
	/* A ticket's row says that its verdict was given: it must not come before it. */
	if (d->writer.held.n > 0)
		release_verdicts(d);
	write_or_wait(d, &(struct late){ .what = STORE_SAVED, .ticket = *row });
}

void writer_flush(struct daemon *d)
{
	struct writer *w = &d->writer;

	while (w->first != NULL && queue(d->store, w->first) != ERR_FULL) {
		w->first = w->first->next;
		w->n--;
	}
	if (w->first == NULL && w->last != NULL) {
		w->last = NULL;
		arena_reset(w->arena);
	}
}
