/* Verdicts as records: what was added is read back, times of any distance included, and bytes that are no record are told apart. */
#include "../cmocka_plazo.h"
#include "../prop.h"

#include "core/effects.h"
#include "store/verdicts.h"
#include "base/reader.h"

#define N 200

static struct wall some_time(struct prop *rnd)
{
	static const struct wall odd[] = { { 0 }, { -1 }, { INT64_MIN + 1 }, { INT64_MAX - 1 } };

	if (prop_chance(rnd, 20))
		return WALL_NEVER;
	return prop_chance(rnd, 10) ? odd[prop_below(rnd, 4)] : (struct wall){ prop_between(rnd, 1700000000000, 1900000000000) };
}

static struct verdict some_verdict(struct prop *rnd)
{
	static const char *const texts[] = { "", "a", "resolution", "INC-1", "a text that is longer than what most names are" };
	struct verdict v = {
		.cycle = (uint32_t)prop_below(rnd, 1000), .breached = prop_chance(rnd, 50), .waived = prop_chance(rnd, 50), .started = some_time(rnd),
		.stopped = some_time(rnd), .due = some_time(rnd), .elapsed_ms = prop_between(rnd, 0, 1 << 30), .paused_ms = prop_between(rnd, 0, 1 << 30),
	};
	struct str *all[] = { &v.ns, &v.ticket, &v.contract, &v.metric, &v.agreement, &v.priority, &v.state, &v.target };

	for (size_t i = 0; i < 8; i++)
		*all[i] = str_of(texts[prop_below(rnd, 5)]);
	return v;
}

static void alike(const struct verdict *x, const struct verdict *y)
{
	assert_true(str_eq(x->ns, y->ns) && str_eq(x->ticket, y->ticket) && str_eq(x->contract, y->contract) && str_eq(x->metric, y->metric));
	assert_true(str_eq(x->agreement, y->agreement) && str_eq(x->priority, y->priority) && str_eq(x->state, y->state));
	assert_true(str_eq(x->target, y->target));
	assert_int_equal(x->cycle, y->cycle);
	assert_true(x->breached == y->breached && x->waived == y->waived);
	assert_true(x->started.ms == y->started.ms && x->stopped.ms == y->stopped.ms && x->due.ms == y->due.ms);
	assert_true(x->elapsed_ms == y->elapsed_ms && x->paused_ms == y->paused_ms);
}

static void what_is_added_is_read_back(void **state)
{
	struct prop rnd = prop_begin("verdicts");
	static struct verdict given[N];
	struct store_verdicts all;
	struct verdict got;
	struct reader r;
	size_t n = 0;

	(void)state;
	store_verdicts_init(&all);
	for (size_t i = 0; i < N; i++) {
		given[i] = some_verdict(&rnd);
		store_verdicts_add(&all, &given[i]);
	}
	assert_int_equal(all.n, N);
	r = reader_of(buf_str(&all.records));
	while (store_verdicts_next(&r, &got))
		alike(&given[n++], &got);
	assert_int_equal(n, N);
	assert_false(r.bad);
	store_verdicts_reset(&all);
	assert_true(all.n == 0 && all.records.len == 0);
	store_verdicts_finish(&all);
}

static void the_latest_is_an_end_or_a_due_time(void **state)
{
	struct store_verdicts all;
	const struct verdict late = { .started = { 1 }, .stopped = { 50 }, .due = { 900 } }, running = { .started = { 1 }, .stopped = WALL_NEVER, .due = { 70 } },
		bare = { .started = { 60 }, .stopped = WALL_NEVER, .due = WALL_NEVER };

	(void)state;
	store_verdicts_init(&all);
	assert_true(wall_before(all.latest, (struct wall){ 0 }));
	store_verdicts_add(&all, &late);
	assert_int_equal(all.latest.ms, 50);
	store_verdicts_add(&all, &running);
	assert_int_equal(all.latest.ms, 70);
	store_verdicts_add(&all, &bare);
	assert_int_equal(all.latest.ms, 70);
	store_verdicts_finish(&all);
}

static void no_records(void **state)
{
	struct store_verdicts all;
	const struct verdict one = { .ns = STR("desk"), .ticket = STR("INC-1"), .started = { 1 }, .stopped = { 50 }, .due = { 900 } };
	struct verdict got;

	(void)state;
	store_verdicts_init(&all);
	store_verdicts_add(&all, &one);
	for (size_t len = 1; len < all.records.len; len++) {
		struct reader r = reader_of((struct str){ all.records.p, len });

		assert_false(store_verdicts_next(&r, &got));
		assert_true(r.bad);
	}
	all.records.p[0] = 64;

	struct reader r = reader_of(buf_str(&all.records));

	assert_false(store_verdicts_next(&r, &got));
	assert_true(r.bad);
	store_verdicts_finish(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_is_read_back),
		cmocka_unit_test(the_latest_is_an_end_or_a_due_time),
		cmocka_unit_test(no_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
