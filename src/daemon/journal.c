#include "daemon/journal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/expect.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reader.h"
#include "base/xalloc.h"
#include "daemon/daemon.h"
#include "daemon/refused.h"
#include "store/streams.h"

#define RUN_BYTES 16384      /* of events that go into the store together: few are this large */

void journal_init(struct journal *j)
{
	*j = (struct journal){ 0 };
	underway_init(&j->underway);
	buf_init(&j->record, EVENT_MAX_SIZE * 2 + RUN_BYTES);
}

void journal_finish(struct journal *j)
{
	underway_finish(&j->underway);
	free(j->done);
	buf_finish(&j->record);
}

struct wall journal_horizon(const struct daemon *d, struct wall now)
{
	if (d->journal.underway.n > 0)
		now = wall_min(now, underway_at(&d->journal.underway, 0)->received);
	return d->reload.pending ? wall_min(now, d->reload.pending_from) : now;
}

/* ---- in ---- */

static uint64_t hash_of(const struct daemon *d, const struct event *e)
{
	return e->sealed.len != 0 ? e->ticket_hash : event_ticket_hash(store_key(d->store), e->ns, e->ticket);
}

/* An event that the store has taken. */
static void put_underway(struct daemon *d, const struct moving *m, const struct event *e)
{
	bool is_stranger = m->ticket == ENGINE_NO_TICKET;

	underway_put(&d->journal.underway, *m, is_stranger ? hash_of(d, e) : 0);
	engine_hold(d->engine, m->ticket);
}

/* Where a stranger may have been closed, its row is wanted with the answer. */
static bool may_be_closed(const struct daemon *d, uint32_t ticket, const struct event *e)
{
	return ticket == ENGINE_NO_TICKET && store_may_have(d->store, e->ns, e->ticket);
}

/* What will be told of the next one. */
static uint64_t next_cookie(const struct underway *u)
{
	return u->n_gone + u->n;
}

/* Alone, with whatever is wanted with its answer. */
static enum err append_one(struct daemon *d, const struct moving *m, const struct event *e)
{
	struct journal *j = &d->journal;
	struct store_append job = { .ns = e->ns, .ticket = e->ticket, .echo = m->event == NULL, .fetch = may_be_closed(d, m->ticket, e),
				    .cookie = next_cookie(&j->underway) };
	enum err err;

	buf_reset(&j->record);
	event_encode(e, &j->record);
	job.record = buf_str(&j->record);
	err = buf_ok(&j->record) ? store_append(d->store, &job) : ERR_LIMIT;
	if (err == ERR_OK)
		put_underway(d, m, e);
	return err;
}

enum err journal_append(struct daemon *d, const struct event *e, journal_done_fn *fn, void *ctx, size_t index)
{
	struct moving m = { .ticket = engine_find(d->engine, e->ns, e->ticket), .received = e->received, .fn = fn, .ctx = ctx, .index = index };

	/* A ticket that has left memory while its row waits for room would not be found. */
	return writer_is_behind(d) ? ERR_FULL : append_one(d, &m, e);
}

/* Events of a batch that go into the store together; their records lie one behind the other in the journal's buffer. */
struct run {
	struct moving v[STORE_RUN];
	size_t        end[STORE_RUN];
	uint32_t      n;
};

static void run_add(struct daemon *d, struct run *r, const struct moving *m)
{
	struct buf *b = &d->journal.record;

	if (r->n == 0)
		buf_reset(b);
	event_encode(m->event, b);
	r->end[r->n] = b->len;
	r->v[r->n++] = *m;
}

static bool run_is_full(const struct daemon *d, const struct run *r)
{
	return r->n == STORE_RUN || d->journal.record.len >= RUN_BYTES;
}

/* Empties the run, which goes as a whole or not at all. */
static enum err run_append(struct daemon *d, struct run *r)
{
	struct journal *j = &d->journal;
	struct str records[STORE_RUN];
	uint32_t n = r->n;
	enum err err = ERR_OK;

	r->n = 0;
	for (size_t i = 0, at = 0; i < n; at = r->end[i++])
		records[i] = (struct str){ j->record.p + at, r->end[i] - at };
	if (n > 0)
		err = buf_ok(&j->record) ? store_append_run(d->store, records, n, next_cookie(&j->underway)) : ERR_LIMIT;
	for (uint32_t i = 0; i < n && err == ERR_OK; i++)
		put_underway(d, &r->v[i], r->v[i].event);
	return err;
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

static void keep_refusal(struct daemon *d, const struct event *e, enum intake_result result)
{
	struct buf place, body;
	struct refusal r = refused_event(e, result, &place, &body);

	writer_refusal(d, &r);
	buf_finish(&place);
	buf_finish(&body);
}

enum apply journal_apply(struct daemon *d, uint64_t seq, uint32_t *ticket, const struct event *e)
{
	const struct source *then;
	struct rules *rules;
	enum apply result;

	/* Fully: what is due by then comes before the event, however much it is. */
	while (engine_advance(d->engine, e->received, 1000, &d->fx))
		;
	/* What its source was allowed when it came: a replay under another configuration decides the same. */
	rules = rules_ref(engine_rules_at(d->engine, e->received));
	then = config_source_then(rules, e->source);
	result = engine_apply_to(d->engine, ticket, e, seq, then != NULL ? source_allows : NULL, then, &d->fx);
	rules_unref(rules);
	d->journal.seq = seq;
	d->journal.n_events[e->type] += result == APPLY_DONE;
	if (is_refusal(results[result]) && refused_unheard(config_source(d->cfg, e->source), e))
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

/* Applies a committed event of a ticket that was in memory when it came. */
static enum apply apply_known(struct daemon *d, const struct moving *m, const struct event *e, uint64_t seq)
{
	uint32_t ticket = m->ticket;
	enum apply result = journal_apply(d, seq, &ticket, e);

	engine_release(d->engine, m->ticket);
	return result;
}

/*
 * Of one that was not. Who brings it into memory has it held for all that were under way by then. Of two tickets of one hash the other one may
 * be held: then this one is looked for, and one of them stays in memory for longer than it must.
 */
static enum apply apply_stranger(struct daemon *d, const struct moving *m, const struct store_done *done, const struct event *e, uint64_t seq)
{
	struct stranger s = underway_arrived(&d->journal.underway, m->stranger);
	bool is_held = engine_is(d->engine, s.ticket, e->ns, e->ticket);
	uint32_t ticket = is_held ? s.ticket : ENGINE_NO_TICKET;
	enum apply result;

	if (!is_held && done->fetched && done->ticket != NULL)
		load_fetched(d, done->ticket);
	result = journal_apply(d, seq, &ticket, e);
	for (uint32_t i = 0; i < s.n && !is_held; i++)
		engine_hold(d->engine, ticket);
	if (s.n > 1 && !is_held)
		underway_found(&d->journal.underway, m->stranger, ticket);
	/* One that was fetched and that the event did not change leaves memory again by this. */
	engine_release(d->engine, ticket);
	return result;
}

/* An event that did not reach the disk, or cannot be read: its ticket is held for it, if it is in memory. */
static void let_go(struct daemon *d, const struct moving *m)
{
	engine_release(d->engine, m->ticket != ENGINE_NO_TICKET ? m->ticket : underway_arrived(&d->journal.underway, m->stranger).ticket);
}

/* The event of an answer, or NULL; `*space` is for one that must be read. */
static const struct event *event_of(const struct moving *m, const struct store_done *done, struct event *space)
{
	struct reader r = reader_of(done->record);

	if (m->event != NULL || done->err != ERR_OK)
		return m->event;
	if (event_decode(&r, space))
		return space;
	log_error("journal", "decode", "seq=%llu error=\"an event that was just written cannot be read\"", (unsigned long long)done->seq);
	return NULL;
}

static enum apply settle(struct daemon *d, const struct moving *m, const struct store_done *done, uint64_t seq)
{
	struct event space;
	const struct event *e = event_of(m, done, &space);

	if (e != NULL && done->err == ERR_OK)
		return m->ticket != ENGINE_NO_TICKET ? apply_known(d, m, e, seq) : apply_stranger(d, m, done, e, seq);
	let_go(d, m);
	return APPLY_DUPLICATE;
}

/* Thousands of events lie between the two times that an event and its ticket are looked at: without this, each waits for memory. */
static void expect_next(const struct daemon *d)
{
	const struct underway *u = &d->journal.underway;
	const struct moving *next = underway_at(u, 0), *after = underway_at(u, 1);

	if (after != NULL && after->event != NULL)
		event_expect(after->event);
	if (next != NULL && next->event != NULL)
		event_expect_texts(next->event);
	if (next != NULL && next->stranger != NO_STRANGER)
		engine_expect_new(d->engine, u->strangers[next->stranger].hash);
	engine_expect(d->engine, next != NULL ? underway_ticket(u, next) : ENGINE_NO_TICKET,
		      after != NULL ? underway_ticket(u, after) : ENGINE_NO_TICKET);
}

void journal_committed(struct daemon *d, const struct store_done *done)
{
	struct underway *u = &d->journal.underway;

	assert(done->cookie == u->n_gone);
	for (uint32_t i = 0; i < done->n; i++) {
		struct moving m = underway_take(u);
		enum apply result;

		expect_next(d);
		result = settle(d, &m, done, done->seq + i);
		m.fn(d, m.ctx, m.index, done->err, result);
	}
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

	return (e->set >> ATTR_CONTRACT & 1) && id.len > 0 && !source_allows(src, id);
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

/* The run goes, or what is in it finds no room. */
static enum err put_run(struct daemon *d, struct run *r, struct intake_batch *b, size_t *n)
{
	uint32_t n_run = r->n;
	enum err e = run_append(d, r);

	for (uint32_t i = 0; i < n_run && e != ERR_OK; i++)
		b->results[r->v[i].index] = INTAKE_FAILED;
	*n += e == ERR_OK ? n_run : 0;
	return e;
}

static enum err put_event(struct daemon *d, struct run *r, const struct moving *m, struct intake_batch *b, size_t *n)
{
	enum err e;

	if (!may_be_closed(d, m->ticket, m->event)) {
		run_add(d, r, m);
		return run_is_full(d, r) ? put_run(d, r, b, n) : ERR_OK;
	}
	e = put_run(d, r, b, n);
	if (e == ERR_OK)
		e = append_one(d, m, m->event);
	*n += e == ERR_OK;
	return e;
}

static enum err put_events(struct daemon *d, const struct source *src, struct intake_batch *b, size_t *n)
{
	uint32_t tickets[FOUND_AT_ONCE];
	struct run run = { .n = 0 };
	enum err e = ERR_OK, rest;

	for (size_t i = 0; i < b->n; i++) {
		if (i % FOUND_AT_ONCE == 0)
			engine_find_all(d->engine, &b->events[i], b->n - i < FOUND_AT_ONCE ? b->n - i : FOUND_AT_ONCE, tickets);
		/* A batch that found no room before may say otherwise: a reload lies between. */
		b->results[i] = is_foreign(src, &b->events[i]) ? INTAKE_FORBIDDEN : INTAKE_DONE;
		if (b->results[i] == INTAKE_FORBIDDEN)
			continue;
		if (i + 2 < b->n)
			event_expect_texts(&b->events[i + 2]);
		if (e == ERR_OK)
			e = put_event(d, &run, &(struct moving){ .ticket = tickets[i % FOUND_AT_ONCE], .received = b->received, .event = &b->events[i],
								 .fn = one_done, .ctx = b, .index = i }, b, n);
		if (e != ERR_OK)
			b->results[i] = INTAKE_FAILED;
	}
	rest = put_run(d, &run, b, n);
	return e != ERR_OK ? e : rest;
}

static enum err put_foreign(struct daemon *d, const struct source *src, struct intake_batch *b, size_t *n)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < b->n && e == ERR_OK; i++) {
		struct buf place, body;
		struct refusal r;

		if (b->results[i] != INTAKE_FORBIDDEN || !refused_unheard(src, &b->events[i]))
			continue;
		r = refused_event(&b->events[i], INTAKE_FORBIDDEN, &place, &body);
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

	/* Without a source nothing says what it may touch. */
	if (d->phase != PHASE_RUNNING || src == NULL || writer_is_behind(d))
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
