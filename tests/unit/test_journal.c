/* The order in which a batch goes into the store, and what becomes of one that finds no room. */
#include "../cmocka_plazo.h"

#include "base/buf.h"

/* It belongs to plazod, whose objects tests are not linked with; store and engine are those below. */
#include "daemon/journal.c"

static struct buf order;         /* E, R and C: events, refusals and cursors that the store took */
static uint64_t epoch_now, epoch_of_cursor;
static size_t room;              /* for so many more */
static uint64_t cookies[16];     /* of the events that it took */
static size_t n_cookies, n_over;

static enum err take(char what)
{
	if (room == 0)
		return ERR_FULL;
	room--;
	buf_printf(&order, "%c", what);
	return ERR_OK;
}

enum err store_append(struct store *st, const struct store_append *a)
{
	enum err e = take('E');

	(void)st;
	if (e == ERR_OK)
		cookies[n_cookies++] = a->cookie;
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
	(void)st, (void)ns, (void)ticket;
	return false;
}

bool writer_is_behind(const struct daemon *d)
{
	(void)d;
	return false;
}

void writer_refusal(struct daemon *d, const struct refusal *r)
{
	(void)d, (void)r;
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

static struct daemon *d;
static struct config cfg;

static int setup(void **state)
{
	static const struct engine_options options;

	(void)state;
	d = calloc(1, sizeof *d);
	d->phase = PHASE_RUNNING;
	d->cfg = &cfg;
	d->engine = engine_create(&options);
	journal_init(&d->journal);
	buf_init(&order, 256);
	n_cookies = n_over = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	journal_finish(&d->journal);
	engine_destroy(d->engine);
	buf_finish(&order);
	free(d);
	return 0;
}

static struct event events[3];
static uint8_t outcomes[3];
static const struct intake_refused no_event = { .place = { "tickets 1-2", 11 }, .why = { "No.", 3 }, .body = { "{", 1 } };
static const struct intake_cursor cursor = { .key = { "tickets", 7 }, .value = { "1-4", 3 } };

static struct intake_batch batch_of(void)
{
	for (size_t i = 0; i < 3; i++)
		events[i] = (struct event){ .source = STR("bus"), .ns = STR("bus"), .id = STR("e"), .ticket = STR("T") };
	memset(outcomes, 0, sizeof outcomes);
	return (struct intake_batch){ .source = STR("bus"), .ns = STR("bus"), .events = events, .results = outcomes, .n = 3, .refused = &no_event,
				      .n_refused = 1, .cursors = &cursor, .n_cursors = 1, .done = on_over };
}

/* The store tells that its events did not reach the disk. */
static void fail_events(void)
{
	for (size_t i = 0; i < n_cookies; i++)
		journal_committed(d, &(struct store_done){ .what = STORE_APPENDED, .err = ERR_FULL, .cookie = cookies[i] });
	n_cookies = 0;
}

static void a_cursor_comes_last(void **state)
{
	struct intake_batch b = batch_of();

	(void)state;
	room = 16;
	assert_true(journal_sink(d, &b));
	assert_string_equal(buf_cstr(&order), "EEERC");
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

/* Wherever the room ends: nothing is taken, or the batch fails as a whole, and never with its cursor in the store. */
static void room_ends_anywhere(void **state)
{
	(void)state;
	for (size_t n = 0; n < 5; n++) {
		struct intake_batch b = batch_of();

		room = n;
		n_over = 0;
		buf_reset(&order);
		assert_int_equal(journal_sink(d, &b), n > 0);
		assert_null(strchr(buf_cstr(&order), 'C'));
		assert_int_equal(buf_str(&order).len, n);
		assert_int_equal(b.failed, n > 0);
		fail_events();
		for (size_t i = 3; i < n; i++)
			journal_kept(d, &(struct store_done){ .err = ERR_OK, .cookie = (uint64_t)(uintptr_t)&b });
		journal_answer(d);
		assert_int_equal(n_over, n > 0);
		assert_int_equal(d->journal.n, 0);
	}
}

/* The disk may have refused events of the first batch before the second one comes. */
static void a_cursor_stands_for_what_is_out_before_it(void **state)
{
	struct intake_batch first = batch_of(), second = batch_of(), third = batch_of();
	struct { struct intake_batch *b; const struct intake_batch *after; uint64_t epoch; } steps[] = {
		{ &first, NULL, 7 }, { &second, &first, 7 }, { &third, &second, 7 }, { &first, NULL, 10 },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		room = 16;
		epoch_now = 7 + i;
		buf_reset(&order);
		steps[i].b->after = steps[i].after;
		assert_true(journal_sink(d, steps[i].b));
		assert_int_equal(epoch_of_cursor, steps[i].epoch);
		fail_events();
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(a_cursor_comes_last), TEST(room_ends_anywhere),
					    TEST(a_cursor_stands_for_what_is_out_before_it) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
