#include "daemon/journal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reader.h"
#include "base/xalloc.h"
#include "daemon/daemon.h"
#include "ingest/event_json.h"
#include "store/streams.h"

struct append {
	struct append   *next;
	uint32_t         ticket;       /* the engine's number, held; ENGINE_NO_TICKET: it was not in memory */
	uint64_t         hash;         /* of its ticket, where that has no number */
	struct wall      received;
	const struct event *event;     /* where whoever waits keeps it until the answer; NULL: it is read back from its record */
	journal_done_fn *fn;
	void            *ctx;
	size_t           index;
};

struct waiting {
	uint64_t hash;
	uint32_t n;                    /* events under way; 0: free, `next` is the next free one */
	uint32_t next;
};

void journal_init(struct journal *j)
{
	*j = (struct journal){ .free_waiting = MAP_ABSENT };
	map_init(&j->index);
	buf_init(&j->record, EVENT_MAX_SIZE * 2);
}

void journal_finish(struct journal *j)
{
	struct append *a;

	while ((a = j->first != NULL ? j->first : j->spare) != NULL) {
		if (a == j->first)
			j->first = a->next;
		else
			j->spare = a->next;
		free(a);
	}
	map_finish(&j->index);
	free(j->waiting);
	free(j->done);
	buf_finish(&j->record);
}

/* ---- what is under way ---- */

/* Two tickets of one hash are counted together, which only keeps one of them in memory for a moment longer. */
static uint64_t hash_of(const struct daemon *d, const struct event *e)
{
	return e->sealed.len != 0 ? e->ticket_hash : event_ticket_hash(store_key(d->store), e->ns, e->ticket);
}

static bool same_hash(const void *ctx, const void *key, uint32_t value)
{
	const struct journal *j = ctx;

	return j->waiting[value].hash == *(const uint64_t *)key;
}

static void under_way(struct journal *j, uint64_t hash)
{
	uint32_t i = map_find(&j->index, hash, same_hash, j, &hash);

	if (i != MAP_ABSENT) {
		j->waiting[i].n++;
		return;
	}
	i = j->free_waiting;
	if (i != MAP_ABSENT) {
		j->free_waiting = j->waiting[i].next;
	} else {
		if (j->n_waiting == j->cap_waiting) {
			j->cap_waiting = j->cap_waiting ? j->cap_waiting * 2 : 256;
			j->waiting = xreallocarray(j->waiting, j->cap_waiting, sizeof(*j->waiting));
		}
		i = j->n_waiting++;
	}
	j->waiting[i] = (struct waiting){ .hash = hash, .n = 1 };
	map_insert(&j->index, hash, i);
}

/* One less; returns how many there were. */
static uint32_t arrived(struct journal *j, uint64_t hash)
{
	uint32_t i = map_find(&j->index, hash, same_hash, j, &hash), n;

	assert(i != MAP_ABSENT);
	n = j->waiting[i].n--;
	if (n == 1) {
		map_remove(&j->index, hash, i);
		j->waiting[i].next = j->free_waiting;
		j->free_waiting = i;
	}
	return n;
}

struct wall journal_horizon(const struct daemon *d, struct wall now)
{
	if (d->journal.first != NULL)
		now = wall_min(now, d->journal.first->received);
	return d->reload.pending ? wall_min(now, d->reload.pending_from) : now;
}

/* ---- in ---- */

/* `ticket` is the engine's number of its ticket, `kept` the event itself if it stays until it is answered. */
static enum err append_to(struct daemon *d, uint32_t ticket, const struct event *e, const struct event *kept, journal_done_fn *fn, void *ctx,
			  size_t index)
{
	struct journal *j = &d->journal;
	struct append *a = j->spare != NULL ? j->spare : xmalloc(sizeof(*a));
	struct store_append job = { .ns = e->ns, .ticket = e->ticket, .echo = kept == NULL, .cookie = (uint64_t)(uintptr_t)a };
	enum err err;

	if (a == j->spare)
		j->spare = a->next;
	buf_reset(&j->record);
	event_encode(e, &j->record);
	job.record = buf_str(&j->record);
	job.fetch = ticket == ENGINE_NO_TICKET && store_may_have(d->store, e->ns, e->ticket);
	err = buf_ok(&j->record) ? store_append(d->store, &job) : ERR_LIMIT;
	if (err != ERR_OK) {
		a->next = j->spare;
		j->spare = a;
		return err;
	}
	*a = (struct append){ .ticket = ticket, .received = e->received, .event = kept, .fn = fn, .ctx = ctx, .index = index };
	if (j->last != NULL)
		j->last->next = a;
	else
		j->first = a;
	j->last = a;
	j->n++;
	if (ticket == ENGINE_NO_TICKET) {
		a->hash = hash_of(d, e);
		under_way(j, a->hash);
	}
	engine_hold(d->engine, ticket);
	return ERR_OK;
}

enum err journal_append(struct daemon *d, const struct event *e, journal_done_fn *fn, void *ctx, size_t index)
{
	return append_to(d, engine_find(d->engine, e->ns, e->ticket), e, NULL, fn, ctx, index);
}

/* ---- out ---- */

static const uint8_t results[] = {
	[APPLY_DONE] = INTAKE_DONE,
	[APPLY_DUPLICATE] = INTAKE_DUPLICATE,
	[APPLY_CONFLICT] = INTAKE_CONFLICT,
	[APPLY_FULL] = INTAKE_TICKET_FULL,
	[APPLY_FORBIDDEN] = INTAKE_FORBIDDEN,
};

static bool is_refusal(enum intake_result r)
{
	return r == INTAKE_CONFLICT || r == INTAKE_TICKET_FULL || r == INTAKE_FORBIDDEN;
}

/* The sender of a webhook hears of a refusal. A stream has nobody to tell: it is kept for people, the same after a replay. */
static bool hears_nothing(const struct source *src, const struct event *e)
{
	return e->source.len > 0 && (src == NULL || !src->webhook);
}

/* Writes what is to be kept of it; the slices are those of the event and of `place` and `body`. */
static struct refusal refusal_of(const struct event *e, enum intake_result result, struct buf *place, struct buf *body)
{
	struct json_out o = json_out(body);

	buf_init(place, EVENT_MAX_ID + 16);
	buf_init(body, EVENT_MAX_SIZE * 2);
	buf_printf(place, "event " STR_FMT, STR_ARG(e->id));
	event_to_json(e, false, &o);
	return (struct refusal){ .source = e->source, .place = buf_str(place), .at = e->received, .why = str_of(intake_result_why(result)),
				 .body = buf_str(body) };
}

static void keep_refusal(struct daemon *d, const struct event *e, enum intake_result result)
{
	struct buf place, body;
	struct refusal r = refusal_of(e, result, &place, &body);

	writer_refusal(d, &r);
	buf_finish(&place);
	buf_finish(&body);
}

enum apply journal_apply(struct daemon *d, uint64_t seq, uint32_t *ticket, const struct event *e)
{
	const struct source *src = config_source(d->cfg, e->source);
	enum apply result;

	/* Fully: what is due by then comes before the event, however much it is. */
	while (engine_advance(d->engine, e->received, 1000, &d->fx))
		;
	/* A source that is no longer configured was asked when its event was answered. */
	result = engine_apply_to(d->engine, ticket, e, seq, src != NULL ? source_allows : NULL, src, &d->fx);
	d->journal.seq = seq;
	d->journal.n_events[e->type] += result == APPLY_DONE;
	if (is_refusal(results[result]) && hears_nothing(src, e))
		keep_refusal(d, e, results[result]);
	return result;
}

static void load_fetched(struct daemon *d, const struct ticket_row *row)
{
	struct diag diag = { 0 };
	enum err e = engine_load(d->engine, row->row, &diag);

	/* Without its history the event begins the ticket anew: better watched from here on than not at all. */
	if (e != ERR_OK && e != ERR_CONFLICT)
		log_error("journal", "load", "ticket=" STR_FMT "/" STR_FMT " error=\"%s\"", STR_ARG(row->ns), STR_ARG(row->ticket), diag.msg);
}

/* Applies a committed event. A ticket that it brings into memory is held once for each of the events that came before there was one to hold. */
static enum apply apply_committed(struct daemon *d, const struct store_done *done, uint32_t ticket, const struct event *e, uint32_t n_waiting)
{
	enum apply result;
	bool had;

	if (ticket == ENGINE_NO_TICKET)
		ticket = engine_find(d->engine, e->ns, e->ticket);
	had = ticket != ENGINE_NO_TICKET;
	if (!had && done->fetched && done->ticket != NULL)
		load_fetched(d, done->ticket);
	result = journal_apply(d, done->seq, &ticket, e);
	for (uint32_t i = 0; i < n_waiting && !had; i++)
		engine_hold(d->engine, ticket);
	engine_release(d->engine, ticket);
	return result;
}

/* An event that did not reach the disk: the ticket is held for it, if it is in memory. */
static void let_go(struct daemon *d, uint32_t ticket, const struct event *e)
{
	engine_release(d->engine, ticket != ENGINE_NO_TICKET ? ticket : engine_find(d->engine, e->ns, e->ticket));
}

/* The event of an answer, or NULL; `*space` is for one that must be read. */
static const struct event *event_of(const struct append *a, const struct store_done *done, struct event *space)
{
	struct reader r = reader_of(done->record);

	if (a->event != NULL)
		return a->event;
	if (event_decode(&r, space))
		return space;
	log_error("journal", "decode", "seq=%llu", (unsigned long long)done->seq);
	return NULL;
}

static enum apply settle(struct daemon *d, const struct append *a, const struct store_done *done, uint32_t n_waiting)
{
	struct event space;
	const struct event *e = event_of(a, done, &space);

	if (e == NULL)
		engine_release(d->engine, a->ticket);
	else if (done->err == ERR_OK)
		return apply_committed(d, done, a->ticket, e, n_waiting);
	else
		let_go(d, a->ticket, e);
	return APPLY_DUPLICATE;
}

/* Thousands of events lie between the two times that a ticket is looked at: without this, each waits for memory. */
static void expect_next(const struct daemon *d, const struct append *a)
{
	const struct append *next = a->next, *after = next != NULL ? next->next : NULL;

	/* That one is looked at by the next call. */
	if (after != NULL)
		__builtin_prefetch(after->next);
	engine_expect(d->engine, next != NULL ? next->ticket : ENGINE_NO_TICKET, after != NULL ? after->ticket : ENGINE_NO_TICKET);
}

void journal_committed(struct daemon *d, const struct store_done *done)
{
	struct journal *j = &d->journal;
	struct append *a = j->first;
	enum apply result;
	uint32_t n = 0;

	assert(a != NULL && done->cookie == (uint64_t)(uintptr_t)a);
	j->first = a->next;
	if (j->first == NULL)
		j->last = NULL;
	j->n--;
	expect_next(d, a);
	if (a->ticket == ENGINE_NO_TICKET)
		n = arrived(j, a->hash);
	result = settle(d, a, done, n);
	a->fn(d, a->ctx, a->index, done->err, result);
	a->next = j->spare;
	j->spare = a;
}

/* ---- batches of sources ---- */

static void batch_over(struct daemon *d, struct intake_batch *b)
{
	struct journal *j = &d->journal;

	if (j->n_done == j->cap_done) {
		j->cap_done = j->cap_done ? j->cap_done * 2 : 64;
		j->done = xreallocarray(j->done, j->cap_done, sizeof(struct intake_batch *));
	}
	j->done[j->n_done++] = b;
}

/* `user` counts what is under way. */
static size_t count_of(const struct intake_batch *b)
{
	return (size_t)(uintptr_t)b->user;
}

static void set_count(struct intake_batch *b, size_t n)
{
	b->user = (void *)(uintptr_t)n;
}

static void part_done(struct daemon *d, struct intake_batch *b)
{
	set_count(b, count_of(b) - 1);
	if (count_of(b) == 0)
		batch_over(d, b);
}

static void one_done(struct daemon *d, void *ctx, size_t index, enum err err, enum apply result)
{
	struct intake_batch *b = ctx;

	b->results[index] = err == ERR_OK ? results[result] : INTAKE_FAILED;
	b->failed |= err != ERR_OK;
	part_done(d, b);
}

void journal_kept(struct daemon *d, const struct store_done *done)
{
	struct intake_batch *b = (struct intake_batch *)(uintptr_t)done->cookie;

	if (b == NULL)
		return;
	b->failed |= done->err != ERR_OK;
	part_done(d, b);
}

/* What is plainly not the source's is refused before it is journaled; the engine looks again, at the ticket's own contract. */
static bool is_foreign(const struct source *src, const struct event *e)
{
	struct str id = e->attr[ATTR_CONTRACT];

	return src != NULL && (e->set >> ATTR_CONTRACT & 1) && id.len > 0 && !source_allows(src, id);
}

/* A batch that waited for room is younger than it was: `received` never goes back from one journaled event to the next. */
static void stamp(const struct daemon *d, struct intake_batch *b)
{
	if (b->received.ms == d->now.ms)
		return;
	b->received = d->now;
	for (size_t i = 0; i < b->n; i++)
		b->events[i].received = d->now;
}

#define FOUND_AT_ONCE 256

/* Each of these queues a part, counts what is under way, and stops at what finds no room. */

static enum err put_events(struct daemon *d, const struct source *src, struct intake_batch *b, size_t *n)
{
	uint32_t tickets[FOUND_AT_ONCE];
	enum err e = ERR_OK;

	for (size_t i = 0; i < b->n; i++) {
		if (i % FOUND_AT_ONCE == 0)
			engine_find_all(d->engine, &b->events[i], b->n - i < FOUND_AT_ONCE ? b->n - i : FOUND_AT_ONCE, tickets);
		if (is_foreign(src, &b->events[i])) {
			b->results[i] = INTAKE_FORBIDDEN;
			continue;
		}
		/* A batch that found no room before may say otherwise: a reload lies between. */
		b->results[i] = INTAKE_DONE;
		if (e == ERR_OK)
			e = append_to(d, tickets[i % FOUND_AT_ONCE], &b->events[i], &b->events[i], one_done, b, i);
		if (e == ERR_OK)
			++*n;
		else
			b->results[i] = INTAKE_FAILED;
	}
	return e;
}

static enum err put_foreign(struct daemon *d, const struct source *src, struct intake_batch *b, size_t *n)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < b->n && e == ERR_OK; i++) {
		struct buf place, body;
		struct refusal r;

		if (b->results[i] != INTAKE_FORBIDDEN || !hears_nothing(src, &b->events[i]))
			continue;
		r = refusal_of(&b->events[i], INTAKE_FORBIDDEN, &place, &body);
		e = store_put_refusal(d->store, &r, (uint64_t)(uintptr_t)b);
		*n += e == ERR_OK;
		buf_finish(&place);
		buf_finish(&body);
	}
	return e;
}

static enum err put_refused(struct daemon *d, const struct intake_batch *b, size_t *n)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < b->n_refused && e == ERR_OK; i++) {
		const struct intake_refused *r = &b->refused[i];

		e = store_put_refusal(d->store, &(struct refusal){ .source = b->source, .place = r->place, .at = b->received, .why = r->why,
								   .body = r->body }, (uint64_t)(uintptr_t)b);
		*n += e == ERR_OK;
	}
	return e;
}

static enum err put_cursors(struct daemon *d, const struct intake_batch *b, size_t *n)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < b->n_cursors && e == ERR_OK; i++) {
		e = store_put_cursor(d->store, &(struct store_cursor){ b->source, b->cursors[i].key, b->cursors[i].value }, b->epoch, (uint64_t)(uintptr_t)b);
		*n += e == ERR_OK;
	}
	return e;
}

bool journal_sink(void *ctx, struct intake_batch *b)
{
	struct daemon *d = ctx;
	const struct source *src = config_source(d->cfg, b->source);
	enum err e;
	size_t n = 0;

	if (d->phase != PHASE_RUNNING || writer_is_behind(d))
		return false;
	b->epoch = b->after != NULL ? b->after->epoch : store_epoch(d->store);
	stamp(d, b);
	e = put_events(d, src, b, &n);
	if (e == ERR_OK)
		e = put_foreign(d, src, b, &n);
	if (e == ERR_OK)
		e = put_refused(d, b, &n);
	if (e == ERR_OK)
		e = put_cursors(d, b, &n);
	/* What came before the one that found no room is on its way: the batch fails as a whole once that is through. */
	if (e != ERR_OK && n == 0)
		return false;
	b->failed = e != ERR_OK;
	set_count(b, n);
	if (n == 0)
		batch_over(d, b);
	return true;
}

void journal_answer(struct daemon *d)
{
	struct journal *j = &d->journal;

	/* Answering may bring the next batch, and that one may be over at once. */
	for (size_t i = 0; i < j->n_done; i++) {
		streams_moved(d, j->done[i]);
		j->done[i]->done(j->done[i]);
	}
	j->n_done = 0;
}
