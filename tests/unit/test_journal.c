/*
 * The order in which a batch goes into the store, what becomes of one that finds no room, and for how long a ticket is held that was not in memory when
 * its events came.
 */
#include "../config_text.h"

#include "base/arena.h"
#include "base/buf.h"

/* They belong to plazod, whose objects tests are not linked with; store and engine are those below. */
#include "daemon/journal.c"
#include "daemon/refused.c"
#include "daemon/underway.c"

static struct buf order;         /* what the store took: the numbers of events that came together, F, R and C: one that is fetched for, refusals and cursors */
static uint64_t epoch_now, epoch_of_cursor;
static size_t room;              /* for so many more */
static size_t room_for_events;   /* for so many of those that are events */
static struct store_done taken[256];   /* the answers that they will have */
static size_t n_taken, n_over;
static uint64_t seq;
static const char *closed = "";  /* a ticket that may be on disk */
static bool behind;              /* rows wait for room in the store */
static size_t n_kept;            /* events that the engine refused, for people */

static enum err take(char what)
{
	bool is_event = what != 'R' && what != 'C';

	if (room == 0 || (is_event && room_for_events == 0))
		return ERR_FULL;
	room--;
	room_for_events -= is_event;
	buf_printf(&order, "%c", what);
	return ERR_OK;
}

static void append(uint32_t n, uint64_t cookie)
{
	taken[n_taken++] = (struct store_done){ .what = STORE_APPENDED, .n = n, .seq = seq + 1, .cookie = cookie };
	seq += n;
}

enum err store_append(struct store *st, const struct store_append *a)
{
	enum err e = take(a->fetch ? 'F' : 'A');

	(void)st;
	if (e == ERR_OK)
		append(1, a->cookie);
	return e;
}

enum err store_append_run(struct store *st, const struct str *records, uint32_t n, uint64_t cookie)
{
	enum err e = take((char)('0' + n));

	(void)st;
	for (uint32_t i = 0; i < n; i++) {
		struct reader r = reader_of(records[i]);
		struct event ev;

		assert_true(event_decode(&r, &ev));
		assert_int_equal(r.end - r.p, 0);
	}
	if (e == ERR_OK)
		append(n, cookie);
	return e;
}

enum err store_put_refusal(struct store *st, const struct refusal *r, uint64_t cookie)
{
	(void)st, (void)r, (void)cookie;
	return take('R');
}

enum err store_put_cursor(struct store *st, const struct store_cursor *c, uint64_t epoch, uint64_t cookie)
{
	(void)st, (void)cookie;
	assert_str(c->key, "tickets");
	epoch_of_cursor = epoch;
	return take('C');
}

uint64_t store_epoch(struct store *st)
{
	(void)st;
	/* Asked before anything of the batch is queued. */
	assert_string_equal(buf_cstr(&order), "");
	return epoch_now;
}

struct sipkey store_key(const struct store *st)
{
	(void)st;
	return (struct sipkey){ 1, 2 };
}

bool store_may_have(const struct store *st, struct str ns, struct str ticket)
{
	(void)st, (void)ns;
	return str_eqz(ticket, closed);
}

bool writer_is_behind(const struct daemon *d)
{
	(void)d;
	return behind;
}

void writer_refusal(struct daemon *d, const struct refusal *r)
{
	(void)d;
	n_kept++;
	assert_true(str_starts(r->place, STR("event ")));
}

void streams_moved(struct daemon *d, const struct intake_batch *b)
{
	(void)d, (void)b;
}

static void on_over(struct intake_batch *b)
{
	(void)b;
	n_over++;
}

#define START INT64_C(1774861200000)    /* 2026-03-30T09:00Z, a Monday */

static const char config_text[] =
	"calendars: {always: 24x7}\n"
	"defaults: {calendar: always, notify: [ops]}\n"
	"policies: {p: {metrics: {resolution: {target: 4h}}}}\n"
	"contracts: {acme: {customer: ACME, policy: p}}\n"
	"receivers: {ops: {log: {}}}\n"
	"sources: {bus: {redis: {url: \"redis://127.0.0.1:1/0\", stream: tickets, group: g}}}\n";

static const char foreign_text[] =
	"calendars: {always: 24x7}\n"
	"defaults: {calendar: always, notify: [ops]}\n"
	"policies: {p: {metrics: {resolution: {target: 4h}}}}\n"
	"contracts: {acme: {customer: ACME, policy: p}, beta: {customer: Beta, policy: p}}\n"
	"receivers: {ops: {log: {}}}\n"
	"sources: {bus: {redis: {url: \"redis://127.0.0.1:1/0\", stream: tickets, group: g}, contracts: [beta]}}\n";

static struct daemon *d;

static int setup(void **state)
{
	static const struct engine_options options = { .key = { 1, 2 } };

	(void)state;
	d = calloc(1, sizeof *d);
	d->phase = PHASE_RUNNING;
	d->cfg = config_of_text(STR(config_text), (struct wall){ START });
	d->engine = engine_create(&options);
	engine_revise(d->engine, d->cfg->rules);
	effects_init(&d->fx);
	d->now = (struct wall){ START };
	journal_init(&d->journal);
	buf_init(&order, 256);
	n_taken = n_over = 0;
	seq = 0;
	room = room_for_events = 16;
	closed = "";
	behind = false;
	n_kept = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	journal_finish(&d->journal);
	effects_finish(&d->fx);
	engine_destroy(d->engine);
	config_unref(d->cfg);
	buf_finish(&order);
	free(d);
	return 0;
}

#define N_EVENTS 20

static struct event events[N_EVENTS];
static uint8_t outcomes[N_EVENTS];
static const struct intake_refused no_event = { .place = { "tickets 1-2", 11 }, .why = { "No.", 3 }, .body = { "{", 1 } };
static const struct intake_cursor cursor = { .key = { "tickets", 7 }, .value = { "1-4", 3 } };

static struct intake_batch batch_of(size_t n)
{
	for (size_t i = 0; i < n; i++)
		events[i] = (struct event){ .source = STR("bus"), .ns = STR("bus"), .id = STR("e"), .ticket = STR("T") };
	memset(outcomes, 0, sizeof outcomes);
	return (struct intake_batch){ .source = STR("bus"), .ns = STR("bus"), .events = events, .results = outcomes, .n = n, .refused = &no_event,
				      .n_refused = 1, .cursors = &cursor, .n_cursors = 1, .done = on_over };
}

/* The first of those that the store has taken: it is on disk, or it is not. */
static void tell_first(enum err err)
{
	taken[0].err = err;
	journal_committed(d, &taken[0]);
	memmove(taken, taken + 1, --n_taken * sizeof *taken);
}

static void fail_events(void)
{
	while (n_taken > 0)
		tell_first(ERR_FULL);
}

static void a_cursor_comes_last(void **state)
{
	struct intake_batch b = batch_of(3);

	(void)state;
	assert_true(journal_sink(d, &b));
	assert_string_equal(buf_cstr(&order), "3RC");
	assert_false(b.failed);
	fail_events();
	assert_true(b.failed);
	assert_int_equal(outcomes[2], INTAKE_FAILED);
	journal_answer(d);
	assert_int_equal(n_over, 0);
	for (int i = 0; i < 2; i++)
		journal_kept(d, &(struct store_done){ .err = ERR_OK, .cookie = (uint64_t)(uintptr_t)&b });
	journal_answer(d);
	assert_int_equal(n_over, 1);
}

/* So is one of which a refusal or a cursor is not kept, though its events are. */
static void a_batch_is_kept_as_a_whole(void **state)
{
	(void)state;
	for (int bad = -1; bad < 2; bad++) {
		struct intake_batch b = batch_of(1);

		buf_reset(&order);
		assert_true(journal_sink(d, &b));
		tell_first(ERR_OK);
		for (int i = 0; i < 2; i++)
			journal_kept(d, &(struct store_done){ .err = i == bad ? ERR_FULL : ERR_OK, .cookie = (uint64_t)(uintptr_t)&b });
		assert_int_equal(b.failed, bad >= 0);
		journal_answer(d);
	}
	assert_int_equal(n_over, 3);
}

/* It is received when it goes to the journal: one that had to wait would have time go back. */
static void what_waited_is_younger(void **state)
{
	struct intake_batch b = batch_of(3);

	(void)state;
	b.received = (struct wall){ START - 5000 };
	room = 0;
	assert_false(journal_sink(d, &b));
	room = 16;
	d->now = (struct wall){ START + 7 };
	assert_true(journal_sink(d, &b));
	assert_int_equal(b.received.ms, START + 7);
	assert_int_equal(events[2].received.ms, START + 7);
	assert_int_equal(journal_horizon(d, (struct wall){ START + 9 }).ms, START + 7);
	fail_events();
}

/* Wherever the room ends: nothing is taken, or the batch fails as a whole, and never with its cursor in the store. */
static void room_ends_anywhere(void **state)
{
	(void)state;
	for (size_t n = 0; n < 5; n++) {
		struct intake_batch b = batch_of(N_EVENTS);

		room = n;
		n_over = 0;
		buf_reset(&order);
		assert_int_equal(journal_sink(d, &b), n > 0);
		assert_true(strncmp(buf_cstr(&order), "884RC", n) == 0);
		assert_int_equal(buf_str(&order).len, n);
		assert_int_equal(b.failed, n > 0);
		for (size_t i = 0; i < N_EVENTS; i++)
			assert_int_equal(outcomes[i], i < n * STORE_RUN ? INTAKE_DONE : INTAKE_FAILED);
		fail_events();
		for (size_t i = 3; i < n; i++)
			journal_kept(d, &(struct store_done){ .err = ERR_OK, .cookie = (uint64_t)(uintptr_t)&b });
		journal_answer(d);
		assert_int_equal(n_over, n > 0);
		assert_int_equal(d->journal.underway.n, 0);
	}
}

/* Events have a queue of their own: where that ends, even at the last of them, what is behind it stays behind. */
static void room_for_events_ends_anywhere(void **state)
{
	(void)state;
	for (size_t n = 0; n < 3; n++) {
		struct intake_batch b = batch_of(N_EVENTS);

		room = 16;
		room_for_events = n;
		buf_reset(&order);
		assert_int_equal(journal_sink(d, &b), n > 0);
		assert_int_equal(buf_str(&order).len, n);
		assert_int_equal(b.failed, n > 0);
		for (size_t i = 0; i < N_EVENTS; i++)
			assert_int_equal(outcomes[i], i < n * STORE_RUN ? INTAKE_DONE : INTAKE_FAILED);
		fail_events();
		journal_answer(d);
	}
}

/* What was not a source's when its batch found no room may be when it comes again: a reload lies between. */
static void what_was_foreign_is_looked_at_again(void **state)
{
	struct config *own = d->cfg, *foreign = config_of_text(STR(foreign_text), (struct wall){ START });
	struct intake_batch b = batch_of(3);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		events[i].set = 1u << ATTR_CONTRACT;
		events[i].attr[ATTR_CONTRACT] = STR("acme");
	}
	d->cfg = foreign;
	room = 0;
	assert_false(journal_sink(d, &b));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(outcomes[i], INTAKE_FORBIDDEN);
	d->cfg = own;
	room = 16;
	assert_true(journal_sink(d, &b));
	assert_string_equal(buf_cstr(&order), "3RC");
	fail_events();
	config_unref(foreign);
}

/* Events that went together have numbers of their own, and all of them count; as many as ever are under way, they arrive in their order. */
static void a_long_way(void **state)
{
	enum { EACH = 24, MOST = 40 };
	static struct event v[MOST * EACH];
	static uint8_t became[MOST * EACH];
	static char ids[MOST * EACH][8];
	struct intake_batch b[MOST];
	struct engine_stats es;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < MOST; i++) {
		/* Some arrive meanwhile, so that the ring begins anywhere when it grows. */
		for (size_t k = 0; k < EACH; k++, n++) {
			snprintf(ids[n], sizeof ids[n], "%zu", n);
			v[n] = (struct event){ .source = STR("bus"), .ns = STR("bus"), .id = str_of(ids[n]), .ticket = STR("T"), .type = EVENT_CHANGED,
					       .at = { START }, .received = { START } };
		}
		b[i] = (struct intake_batch){ .source = STR("bus"), .ns = STR("bus"), .events = v + n - EACH, .results = became + n - EACH, .n = EACH,
					      .received = { START }, .done = on_over };
		buf_reset(&order);
		room = room_for_events = 16;
		assert_true(journal_sink(d, &b[i]));
		for (size_t k = 0; k < 1 + i % 2; k++)
			tell_first(ERR_OK);
	}
	while (n_taken > 0)
		tell_first(ERR_OK);
	journal_answer(d);
	assert_int_equal(n_over, MOST);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(became[i], INTAKE_DONE);
	engine_stats(d->engine, &es);
	assert_int_equal(es.n_events, n);
	assert_int_equal(d->journal.seq, n);
}

/* Wherever the ring begins when it grows. */
static void the_ring_keeps_its_order(void **state)
{
	struct underway u;
	size_t in = 0, out = 0;

	(void)state;
	underway_init(&u);
	for (int round = 0; round < 12; round++) {
		for (int i = 0; i < 100 + 50 * round; i++)
			underway_put(&u, (struct moving){ .ticket = 1, .index = in++ }, 0);
		for (int i = 0; i < 70; i++) {
			assert_int_equal(underway_at(&u, 1)->index, out + 1);
			assert_int_equal(underway_take(&u).index, out++);
		}
	}
	while (u.n > 0)
		assert_int_equal(underway_take(&u).index, out++);
	assert_int_equal(out, in);
	assert_null(underway_at(&u, 0));
	underway_finish(&u);
}

/* With the answer comes the row of the one ticket that it is about. */
static void what_may_be_closed_goes_alone(void **state)
{
	struct intake_batch b = batch_of(12);

	(void)state;
	closed = "C";
	events[2].ticket = events[3].ticket = events[11].ticket = STR("C");
	assert_true(journal_sink(d, &b));
	assert_string_equal(buf_cstr(&order), "2FF7FRC");
	fail_events();
}

/* Records of many bytes do not wait for others. */
static void large_ones_go_earlier(void **state)
{
	static char text[9000];
	struct intake_batch b = batch_of(5);

	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < 5; i++) {
		events[i].set = 1u << ATTR_TAGS;
		events[i].attr[ATTR_TAGS] = (struct str){ text, sizeof text };
	}
	assert_true(journal_sink(d, &b));
	assert_string_equal(buf_cstr(&order), "221RC");
	fail_events();
}

/* The disk may have refused events of the first batch before the second one comes. */
static void a_cursor_stands_for_what_is_out_before_it(void **state)
{
	struct intake_batch first = batch_of(3), second = batch_of(3), third = batch_of(3);
	struct { struct intake_batch *b; const struct intake_batch *after; uint64_t epoch; } steps[] = {
		{ &first, NULL, 7 }, { &second, &first, 7 }, { &third, &second, 7 }, { &first, NULL, 10 },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		room = room_for_events = 16;
		epoch_now = 7 + i;
		buf_reset(&order);
		steps[i].b->after = steps[i].after;
		assert_true(journal_sink(d, steps[i].b));
		assert_int_equal(epoch_of_cursor, steps[i].epoch);
		fail_events();
	}
}

/* ---- tickets that are not in memory yet ---- */

/* One event, of a batch of its own. */
struct one {
	struct event        e;
	struct intake_batch b;
	uint8_t             outcome;
};

static void put_one(struct one *o, const char *id, const char *ticket, enum event_type type)
{
	o->e = (struct event){ .source = STR("bus"), .ns = STR("bus"), .id = str_of(id), .ticket = str_of(ticket), .type = type, .at = { START },
			       .received = { START } };
	if (type == EVENT_OPENED) {
		o->e.set = 1u << ATTR_CONTRACT;
		o->e.attr[ATTR_CONTRACT] = STR("acme");
	}
	o->b = (struct intake_batch){ .source = STR("bus"), .ns = STR("bus"), .events = &o->e, .results = &o->outcome, .n = 1, .received = { START },
				      .done = on_over };
	buf_reset(&order);
	assert_true(journal_sink(d, &o->b));
}

static void look_away(void *ctx, const struct ticket_row *row)
{
	(void)ctx, (void)row;
}

/* Those that are over and not held leave memory. */
static bool stays(const char *ticket)
{
	struct engine_round round = engine_round(d->engine);

	while (round.at < round.end)
		engine_take_changed(d->engine, &round, 100, look_away, NULL);
	return engine_has(d->engine, STR("bus"), str_of(ticket));
}

/* What is opened and closed stays until all that was under way for it has arrived, on disk or not, and no longer. */
static void a_stranger_is_held_for_all(void **state)
{
	static const enum err last[] = { ERR_OK, ERR_FULL };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct one v[4];

		put_one(&v[0], "1", "T", EVENT_OPENED);
		put_one(&v[1], "2", "T", EVENT_CLOSED);
		put_one(&v[2], "3", "T", EVENT_CHANGED);
		put_one(&v[3], "4", "T", EVENT_CHANGED);
		for (int k = 0; k < 3; k++) {
			tell_first(ERR_OK);
			assert_true(stays("T"));
		}
		tell_first(last[i]);
		assert_int_equal(v[2].outcome, INTAKE_DONE);
		assert_int_equal(v[3].outcome, last[i] == ERR_OK ? INTAKE_DONE : INTAKE_FAILED);
		assert_false(stays("T"));
		assert_int_equal(map_bytes(&d->journal.underway.index) > 0, true);
		assert_int_equal(d->journal.underway.index.n_used, 0);
		journal_answer(d);
	}
}

/* So does one that was in memory when they came; and no step fires past the first of them. */
static void a_known_one_is_held_for_all(void **state)
{
	static const enum err last[] = { ERR_OK, ERR_FULL };
	const struct wall later = { START + 5000 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct one v[4];

		put_one(&v[0], "1", "T", EVENT_OPENED);
		tell_first(ERR_OK);
		assert_int_equal(journal_horizon(d, later).ms, later.ms);
		put_one(&v[1], "2", "T", EVENT_CLOSED);
		assert_int_equal(journal_horizon(d, later).ms, START);
		put_one(&v[2], "3", "T", EVENT_CHANGED);
		put_one(&v[3], "4", "T", EVENT_CHANGED);
		for (int k = 1; k < 3; k++) {
			tell_first(ERR_OK);
			assert_true(stays("T"));
			assert_int_equal(journal_horizon(d, later).ms, START);
		}
		tell_first(last[i]);
		assert_int_equal(v[3].outcome, last[i] == ERR_OK ? INTAKE_DONE : INTAKE_FAILED);
		assert_false(stays("T"));
		journal_answer(d);
	}
}

/* The one that would have opened it did not reach the disk: the next one does. */
static void a_stranger_whose_first_event_fails(void **state)
{
	struct one v[3];

	(void)state;
	put_one(&v[0], "1", "T", EVENT_OPENED);
	put_one(&v[1], "1", "T", EVENT_OPENED);
	put_one(&v[2], "2", "T", EVENT_CLOSED);
	tell_first(ERR_FULL);
	assert_false(engine_has(d->engine, STR("bus"), STR("T")));
	tell_first(ERR_OK);
	assert_true(stays("T"));
	tell_first(ERR_OK);
	assert_int_equal(v[0].outcome, INTAKE_FAILED);
	assert_int_equal(v[1].outcome, INTAKE_DONE);
	assert_int_equal(v[2].outcome, INTAKE_DONE);
	assert_false(stays("T"));
}

static void on_one(struct daemon *dd, void *ctx, size_t index, enum err err, enum apply result)
{
	(void)dd, (void)ctx, (void)index, (void)err, (void)result;
}

/* The row of a ticket that has left memory may be among those that wait: whoever asked the disk for it would find an older one, or none. */
static void nothing_goes_past_rows_that_wait(void **state)
{
	struct intake_batch b = batch_of(1);

	(void)state;
	behind = true;
	assert_false(journal_sink(d, &b));
	assert_int_equal(journal_append(d, &events[0], on_one, NULL, 0), ERR_FULL);
	assert_string_equal(buf_cstr(&order), "");
	behind = false;
	assert_int_equal(journal_append(d, &events[0], on_one, NULL, 0), ERR_OK);
	assert_string_equal(buf_cstr(&order), "A");
	fail_events();
}

/* A reload took its source away meanwhile: nothing says any more what it may touch. */
static void what_has_no_source_any_more_does_not_go(void **state)
{
	struct intake_batch b = batch_of(1);

	(void)state;
	b.source = STR("gone");
	assert_false(journal_sink(d, &b));
	assert_string_equal(buf_cstr(&order), "");
}

/* One that comes from the disk for an event that changes nothing of it leaves memory again. */
static void what_was_fetched_in_vain_goes_again(void **state)
{
	struct ticket_row row = { .ns = STR("bus"), .ticket = STR("T") };
	struct one v[3];
	struct buf b;

	(void)state;
	put_one(&v[0], "1", "T", EVENT_OPENED);
	tell_first(ERR_OK);
	put_one(&v[1], "2", "T", EVENT_CLOSED);
	tell_first(ERR_OK);
	buf_init(&b, 1 << 16);
	assert_true(engine_save(d->engine, row.ns, row.ticket, &b));
	row.row = buf_str(&b);
	assert_false(stays("T"));
	closed = "T";
	put_one(&v[2], "1", "T", EVENT_OPENED);
	assert_string_equal(buf_cstr(&order), "F");
	taken[0].fetched = true;
	taken[0].ticket = &row;
	tell_first(ERR_OK);
	assert_int_equal(v[2].outcome, INTAKE_DUPLICATE);
	assert_false(stays("T"));
	buf_finish(&b);
}

/* What the engine refuses of a stream is kept: there is nobody to tell. */
static void what_the_engine_refuses_of_a_stream_is_kept(void **state)
{
	struct one v[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		put_one(&v[i], "1", "T", EVENT_OPENED);
		v[i].e.body = i < 2 ? 1 : 2;
		tell_first(ERR_OK);
		assert_int_equal(v[i].outcome, i == 0 ? INTAKE_DONE : i == 1 ? INTAKE_DUPLICATE : INTAKE_CONFLICT);
		assert_int_equal(n_kept, i == 2);
	}
}

/* A replay comes under another configuration: it decides by what the source was allowed when the event came. */
static void what_a_source_was_allowed_counts(void **state)
{
	struct config *own = d->cfg, *foreign = config_of_text(STR(foreign_text), (struct wall){ START });
	struct event e = { .source = STR("bus"), .ns = STR("bus"), .id = STR("1"), .ticket = STR("T"), .at = { START }, .received = { START },
			   .set = 1u << ATTR_CONTRACT };
	uint32_t ticket = ENGINE_NO_TICKET;

	(void)state;
	e.attr[ATTR_CONTRACT] = STR("acme");
	foreign->rules->from = (struct wall){ START + 10 };
	engine_revise(d->engine, foreign->rules);
	d->cfg = foreign;
	assert_int_equal(journal_apply(d, 1, &ticket, &e), APPLY_DONE);
	d->cfg = own;
	e.id = STR("2");
	e.at = e.received = foreign->rules->from;
	assert_int_equal(journal_apply(d, 2, &ticket, &e), APPLY_FORBIDDEN);
	config_unref(foreign);
}

/* Two tickets of one hash: each event finds its own. */
static void two_strangers_of_one_hash(void **state)
{
	struct arena *a = arena_create();
	struct engine_stats es;
	static const char *const names[] = { "X", "Y" };
	struct one v[6];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		static const char *const ids[] = { "1", "2", "3" };

		v[i].e = (struct event){ .source = STR("bus"), .ns = STR("bus"), .id = str_of(ids[i / 2]), .ticket = str_of(names[i % 2]),
					 .type = i < 2 ? EVENT_OPENED : EVENT_CHANGED, .at = { START }, .received = { START } };
		event_seal(&v[i].e, (struct sipkey){ 1, 2 }, a);
		v[i].e.ticket_hash = 7;
		v[i].b = (struct intake_batch){ .source = STR("bus"), .ns = STR("bus"), .events = &v[i].e, .results = &v[i].outcome, .n = 1,
						.received = { START }, .done = on_over };
		buf_reset(&order);
		assert_true(journal_sink(d, &v[i].b));
	}
	for (size_t i = 0; i < 6; i++) {
		tell_first(ERR_OK);
		assert_int_equal(v[i].outcome, INTAKE_DONE);
	}
	engine_stats(d->engine, &es);
	assert_int_equal(es.n_tickets, 2);
	assert_int_equal(es.n_events, 6);
	assert_int_equal(d->journal.underway.index.n_used, 0);
	arena_destroy(a);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_cursor_comes_last), TEST(a_batch_is_kept_as_a_whole), TEST(what_waited_is_younger), TEST(what_the_engine_refuses_of_a_stream_is_kept),
		TEST(room_ends_anywhere), TEST(what_may_be_closed_goes_alone), TEST(large_ones_go_earlier),
		TEST(a_cursor_stands_for_what_is_out_before_it), TEST(a_stranger_is_held_for_all), TEST(a_known_one_is_held_for_all), TEST(a_stranger_whose_first_event_fails),
		TEST(nothing_goes_past_rows_that_wait), TEST(what_has_no_source_any_more_does_not_go),
		TEST(what_was_fetched_in_vain_goes_again), TEST(what_a_source_was_allowed_counts),
		TEST(two_strangers_of_one_hash), TEST(room_for_events_ends_anywhere), TEST(what_was_foreign_is_looked_at_again), TEST(a_long_way), TEST(the_ring_keeps_its_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
