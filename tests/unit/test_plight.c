#include "../cmocka_plazo.h"

/* It belongs to plazod, whose objects tests are not linked with. */
#include "daemon/plight.c"

static struct plight p;
static struct tally t;
static int64_t now_ms;

static int setup(void **state)
{
	(void)state;
	p = (struct plight){ 0 };
	t = (struct tally){ 0 };
	now_ms = 5 * MS_PER_H;
	return 0;
}

struct news { int worse, better; };

/* Time passes, with a look every second. */
static struct news pass(int64_t s, bool is_bad)
{
	struct news n = { 0, 0 };

	for (; s > 0; s--) {
		enum plight_news news = plight_look(&p, is_bad, (struct mono){ now_ms });

		n.worse += news == PLIGHT_WORSE;
		n.better += news == PLIGHT_BETTER;
		now_ms += MS_PER_S;
	}
	return n;
}

static void expect(struct news n, int worse, int better)
{
	assert_int_equal(n.worse, worse);
	assert_int_equal(n.better, better);
}

static void what_passes_within_a_minute_is_not_told(void **state)
{
	(void)state;
	expect(pass(100, false), 0, 0);
	expect(pass(60, true), 0, 0);
	expect(pass(100, false), 0, 0);
	expect(pass(60, true), 0, 0);
}

static void what_lasts_is_told_once_and_its_end_once(void **state)
{
	(void)state;
	expect(pass(61, true), 1, 0);
	expect(pass(10 * 3600, true), 0, 0);
	expect(pass(10, false), 0, 0);
	expect(pass(1, false), 0, 1);
	expect(pass(1000, false), 0, 0);
}

/* A server that refuses, lets us in for a moment and refuses again is not well in between. */
static void what_comes_back_was_never_over(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++) {
		expect(pass(3, true), 0, 0);
		expect(pass(2, false), 0, 0);
	}
	expect(pass(1, true), 1, 0);
	for (int i = 0; i < 100; i++) {
		expect(pass(3, true), 0, 0);
		expect(pass(9, false), 0, 0);
	}
}

static void what_comes_and_goes_is_told_once_an_hour(void **state)
{
	(void)state;
	struct news all = { 0, 0 };

	for (int i = 0; i < 10 * 36; i++) {
		struct news bad = pass(80, true), good = pass(20, false);

		all.worse += bad.worse;
		all.better += good.better;
	}
	assert_in_range(all.worse, 9, 10);
	assert_int_equal(all.better, all.worse);
	/* What is bad when the hour is over is told then. */
	setup(NULL);
	expect(pass(61, true), 1, 0);
	expect(pass(3300, false), 0, 1);
	expect(pass(299, true), 0, 0);
	expect(pass(1, true), 1, 0);
}

/* Who heard that it is well again must not believe so for the rest of the hour. */
static void what_comes_back_to_stay_is_told_before(void **state)
{
	(void)state;
	expect(pass(61, true), 1, 0);
	expect(pass(20, false), 0, 1);
	expect(pass(600, true), 0, 0);
	expect(pass(1, true), 1, 0);
	expect(pass(3600, true), 0, 0);
	expect(pass(20, false), 0, 1);
}

static uint64_t count(uint64_t n, int64_t s)
{
	uint64_t told = 0;

	for (; s > 0; s--) {
		told += tally_look(&t, n, (struct mono){ now_ms });
		now_ms += MS_PER_S;
	}
	return told;
}

static void losses_are_told_together_and_once_an_hour(void **state)
{
	(void)state;
	assert_int_equal(count(0, 100), 0);
	assert_int_equal(count(3, 3), 0);
	assert_int_equal(count(40, 2), 0);
	assert_int_equal(count(40, 1), 40);
	assert_int_equal(count(40, 10000), 0);
	assert_int_equal(count(41, 6), 1);
	assert_int_equal(count(50, 3594), 0);
	assert_int_equal(count(60, 6), 19);
	/* Every one is told of, sooner or later. */
	assert_int_equal(count(60, 10000), 0);
	/* The next ones are told together, too. */
	assert_int_equal(count(61, 3), 0);
	assert_int_equal(count(70, 3), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_passes_within_a_minute_is_not_told, setup),
		cmocka_unit_test_setup(what_lasts_is_told_once_and_its_end_once, setup),
		cmocka_unit_test_setup(what_comes_back_was_never_over, setup),
		cmocka_unit_test_setup(what_comes_and_goes_is_told_once_an_hour, setup),
		cmocka_unit_test_setup(what_comes_back_to_stay_is_told_before, setup),
		cmocka_unit_test_setup(losses_are_told_together_and_once_an_hour, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
