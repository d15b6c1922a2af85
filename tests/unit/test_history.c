/* Histories: what was written is read back, in bulk and record by record; and bytes that are none are told apart, whatever is wrong with them. */
#include "../cmocka_plazo.h"
#include "../prop.h"

#include <string.h>

#include "base/limits.h"
#include "base/xalloc.h"
#include "core/history.h"

#define N         60
#define START     INT64_C(1774861200000)
#define REC_TYPE  2      /* where the byte of type, role and flags stands in a record whose times take a byte each; that of mode and counts is behind it */

struct rig {
	struct symbols *syms;
	struct arena   *arena;
	struct buf      bytes;
	struct event    given[N];
	size_t          ends[N];      /* of their records */
};

static int setup(void **state)
{
	static struct rig rig;

	rig = (struct rig){ .syms = symbols_create((struct sipkey){ 1, 2 }), .arena = arena_create() };
	buf_init(&rig.bytes, BUF_NO_MAX);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	buf_finish(&r->bytes);
	arena_destroy(r->arena);
	symbols_destroy(r->syms);
	return 0;
}

static struct str some_text(struct prop *rnd)
{
	static const char *const texts[] = { "", "P1", "open", "a team", "acme", "resolution", "agreed", "somebody" };

	return str_of(texts[prop_below(rnd, 8)]);
}

static struct event some_event(struct prop *rnd, struct wall received)
{
	struct event e = {
		.received = received, .at = wall_plus(received, prop_between(rnd, -1000000, 300)), .type = (enum event_type)prop_below(rnd, EVENT_N_TYPES),
		.role = (enum role)prop_below(rnd, ROLE_N), .mode = (enum mode)prop_below(rnd, MODE_N), .is_private = prop_chance(rnd, 50),
		.automated = prop_chance(rnd, 50), .body = (uint32_t)prop_u64(rnd), .actor = some_text(rnd), .metric = some_text(rnd),
		.reason = some_text(rnd), .by_ms = prop_between(rnd, -100000, 100000),
	};

	e.set = (uint32_t)prop_below(rnd, prop_chance(rnd, 20) ? (size_t)1 << ATTR_N : 8);
	for (unsigned i = 0; i < ATTR_N; i++)
		e.attr[i] = some_text(rnd);
	return e;
}

static void write_events(struct rig *r, struct prop *rnd, unsigned n)
{
	int64_t last = 0;

	for (unsigned i = 0; i < n; i++) {
		r->given[i] = some_event(rnd, (struct wall){ i == 0 ? START : last + prop_between(rnd, 0, prop_chance(rnd, 50) ? 100 : 1 << 30) });
		history_append(&r->bytes, r->syms, &r->given[i], UINT64_C(0x0102030405060708) * (i + 1), last);
		last = r->given[i].received.ms;
		r->ends[i] = r->bytes.len;
	}
}

static void is_text(const struct rig *r, uint32_t sym, struct str text)
{
	assert_true(str_eq(symbols_text(r->syms, sym), text));
}

static void is_event(const struct rig *r, const struct hist *h, uint32_t i)
{
	const struct event *e = &r->given[i];
	bool act = e->type == EVENT_WAIVED || e->type == EVENT_EXTENDED;
	uint32_t k = 0;

	assert_true(wall_eq(h->at, wall_min(e->at, e->received)) && wall_eq(h->received, e->received));
	assert_int_equal(h->order, i);
	assert_true(h->id == UINT64_C(0x0102030405060708) * (i + 1) && h->body == (e->body & HIST_BODY_MASK));
	assert_true(h->type == e->type && h->role == e->role && h->mode == e->mode);
	assert_true(h->is_private == e->is_private && h->automated == e->automated);
	is_text(r, h->actor, e->role == ROLE_CUSTOMER ? (struct str){ NULL, 0 } : e->actor);
	is_text(r, h->metric, act ? e->metric : (struct str){ NULL, 0 });
	is_text(r, h->reason, act ? e->reason : (struct str){ NULL, 0 });
	assert_int_equal(h->by_ms, act ? e->by_ms : 0);
	for (unsigned a = 0; a < ATTR_N_RULES; a++)
		if (e->set >> a & 1) {
			assert_true(k < h->n_attrs && h->attrs[k].attr == a);
			is_text(r, h->attrs[k++].sym, e->attr[a]);
		}
	assert_int_equal(k, h->n_attrs);
}

/* As a whole, and the last one pushed behind the others. */
static void what_is_written_is_read_back(void **state)
{
	struct rig *r = *state;
	struct prop rnd = prop_begin("history");
	struct history all, pushed;

	for (size_t round = 0; round < prop_rounds(20); round++) {
		unsigned n = 1 + (unsigned)prop_below(&rnd, N);
		size_t before;

		buf_reset(&r->bytes);
		write_events(r, &rnd, n);
		before = n > 1 ? r->ends[n - 2] : 0;
		assert_true(history_read(buf_str(&r->bytes), n, r->arena, &all));
		assert_true(history_read((struct str){ r->bytes.p, before }, n - 1, r->arena, &pushed));
		history_push(&pushed, (struct str){ r->bytes.p + before, r->bytes.len - before }, r->arena);
		assert_true(all.n == n && pushed.n == n);
		for (unsigned i = 0; i < n; i++) {
			is_event(r, &all.v[i], i);
			is_event(r, &pushed.v[i], i);
		}
		assert_true(all.in_order == pushed.in_order && all.last_received == pushed.last_received);
		assert_true(wall_eq(all.first_at, pushed.first_at) && wall_eq(all.last_at, pushed.last_at));
		arena_reset(r->arena);
	}
}

static void it_is_sorted_by_instant_and_arrival(void **state)
{
	static const int64_t at[] = { 10, 30, 20, 30, 10 };
	static const uint32_t sorted[] = { 0, 4, 2, 1, 3 };
	struct rig *r = *state;
	struct history h;

	for (unsigned i = 0; i < 5; i++) {
		struct event e = { .at = { START + at[i] }, .received = { START + 100 } };

		history_append(&r->bytes, r->syms, &e, i, i == 0 ? 0 : START + 100);
	}
	assert_true(history_read(buf_str(&r->bytes), 5, r->arena, &h));
	assert_false(h.in_order);
	assert_true(h.first_at.ms == START + 10 && h.last_at.ms == START + 30 && h.last_received == START + 100);
	history_sort(&h);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(h.v[i].order, sorted[i]);
	assert_ptr_equal(history_find(&h, 4), &h.v[1]);
	assert_null(history_find(&h, 5));
}

static bool reads(struct rig *r, struct str bytes, uint32_t n)
{
	struct history h;
	bool good = history_read(bytes, n, r->arena, &h);

	arena_reset(r->arena);
	return good;
}

static void bytes_that_are_none(void **state)
{
	struct rig *r = *state;
	struct prop rnd = prop_begin("no history");

	write_events(r, &rnd, 20);
	assert_true(reads(r, buf_str(&r->bytes), 20));
	assert_false(reads(r, buf_str(&r->bytes), 19));
	assert_false(reads(r, buf_str(&r->bytes), 21));
	assert_false(reads(r, buf_str(&r->bytes), TICKET_MAX_EVENTS + 1));
	for (size_t len = 0; len < r->bytes.len; len++) {
		struct str cut = { memcpy(xmalloc(len + 1), r->bytes.p, len), len };

		assert_false(reads(r, cut, 20));
		free((char *)(uintptr_t)cut.p);
	}
	buf_putc(&r->bytes, 0);
	assert_false(reads(r, buf_str(&r->bytes), 20));
}

/* One event, both times of which are small, with one byte changed. */
static bool reads_with(struct rig *r, size_t where, int byte)
{
	struct event e = { .at = { 1 }, .received = { 1 }, .type = EVENT_CHANGED, .set = 1u << ATTR_STATUS };

	buf_reset(&r->bytes);
	e.attr[ATTR_STATUS] = STR("open");
	history_append(&r->bytes, r->syms, &e, 7, 0);
	if (byte >= 0)
		r->bytes.p[where] = (char)byte;
	return reads(r, buf_str(&r->bytes), 1);
}

static void fields_that_are_none(void **state)
{
	struct rig *r = *state;
	size_t last;

	assert_true(reads_with(r, 0, -1));
	last = r->bytes.len - 1;
	assert_true(reads_with(r, REC_TYPE, EVENT_N_TYPES - 1));
	for (int type = EVENT_N_TYPES; type < 16; type++)
		assert_false(reads_with(r, REC_TYPE, type));
	assert_true(reads_with(r, REC_TYPE, EVENT_CHANGED | (ROLE_N - 1) << 4));
	assert_false(reads_with(r, REC_TYPE, EVENT_CHANGED | ROLE_N << 4));
	assert_true(reads_with(r, REC_TYPE + 1, 1 << 4 | (MODE_N - 1)));
	assert_false(reads_with(r, REC_TYPE + 1, 1 << 4 | MODE_N));
	assert_false(reads_with(r, REC_TYPE + 1, 2 << 4));
	assert_true(reads_with(r, last, ATTR_N_RULES - 1));
	assert_false(reads_with(r, last, ATTR_N_RULES));
}

/* More attributes than there are, of which each would be written where there is no room. */
static void counts_that_are_too_large(void **state)
{
	struct rig *r = *state;

	for (unsigned n = ATTR_N_RULES; n < 200; n++) {
		struct buf *b = &r->bytes;

		buf_reset(b);
		buf_append(b, "\1\0\1\xf0", 4);
		buf_put_varint(b, n);
		for (size_t i = 0; i < 11 + n; i++)
			buf_putc(b, 0);
		assert_int_equal(reads(r, buf_str(b), 1), n == ATTR_N_RULES);
	}
}

/*
 * The attributes of one record take the bytes of others: together they are more than there is memory for. So many records have a block of
 * their own, behind which a sanitizer sees what is written.
 */
static void attributes_of_others(void **state)
{
	enum { RECORDS = 1000, REC_LEN = 15, MOST = 15 };
	struct rig *r = *state;

	for (size_t takers = 1; takers < 4; takers++) {
		struct buf *b = &r->bytes;

		buf_reset(b);
		for (size_t i = 0; i < RECORDS * REC_LEN + (takers - 1) * MOST; i++)
			buf_putc(b, 0);
		for (size_t i = 0; i < takers; i++)
			b->p[i * (REC_LEN + MOST) + REC_TYPE + 1] = (char)(MOST << 4);
		assert_false(reads(r, buf_str(b), RECORDS));
		/* With one record less they have the room. */
		assert_true(reads(r, buf_str(b), RECORDS - 1));
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_is_written_is_read_back),
		CASE(it_is_sorted_by_instant_and_arrival),
		CASE(bytes_that_are_none),
		CASE(fields_that_are_none),
		CASE(counts_that_are_too_large),
		CASE(attributes_of_others),
	};

	return cmocka_run_group_tests_name("histories", tests, NULL, NULL);
}
