#include "../cmocka_plazo.h"

/* It belongs to plazod, whose objects tests are not linked with. */
#include "daemon/clockwatch.c"

#define T0 INT64_C(1795426200000)

static struct clockwatch cw;
static int64_t boot_ms;          /* the machine's age */
static int64_t error_ms;         /* how far the wall clock is off */
static enum clock_news news;

static struct wall sample(void)
{
	return clockwatch_sample(&cw, (struct wall){ T0 + boot_ms + error_ms }, (struct mono){ boot_ms }, &news);
}

/* Time passes, with a look at the clocks every second. */
static struct wall pass(int64_t ms)
{
	struct wall t = cw.now;
	int64_t end = boot_ms + ms;

	while (boot_ms < end) {
		boot_ms += end - boot_ms < 1000 ? end - boot_ms : 1000;
		t = sample();
	}
	return t;
}

static int setup(void **state)
{
	(void)state;
	boot_ms = 1000000;
	error_ms = 0;
	clockwatch_init(&cw, (struct wall){ T0 + boot_ms }, (struct mono){ boot_ms });
	return 0;
}

static void true_time(int64_t ms)
{
	assert_int_equal(cw.now.ms, T0 + ms);
}

static void steady(void **state)
{
	(void)state;
	pass(3600000);
	true_time(boot_ms);
	assert_int_equal(cw.n_jumps, 0);
}

static void starts_no_earlier_than_the_past(void **state)
{
	struct wall latest = { T0 + boot_ms + 60000 };

	(void)state;
	assert_int_equal(clockwatch_resume(&cw, latest, (struct mono){ boot_ms }).ms, latest.ms);
	assert_int_equal(pass(30000).ms, latest.ms);
	assert_int_equal(clockwatch_ahead_ms(&cw, (struct mono){ boot_ms }), 30000);
	pass(60000);
	true_time(boot_ms);
}

static void small_forward_step_is_followed(void **state)
{
	(void)state;
	error_ms = 20000;
	pass(1000);
	assert_int_equal(news, CLOCK_STEPPED);
	true_time(boot_ms + 20000);
	assert_int_equal(cw.n_jumps, 1);
}

static void small_backward_step_stands_still(void **state)
{
	struct wall before = cw.now;

	(void)state;
	error_ms = -20000;
	assert_int_equal(pass(10000).ms, before.ms);
	pass(15000);
	true_time(boot_ms - 20000);
}

static void slewing_is_followed(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		error_ms += i % 2 ? 1 : -1;
		pass(1000);
		assert_int_equal(news, CLOCK_STEADY);
	}
}

/* An hour ahead, taken back within the two minutes: no event was stamped with it, no step fired by it. */
static void a_wrong_hour_leaves_no_trace(void **state)
{
	(void)state;
	error_ms = 3600000;
	pass(1000);
	assert_int_equal(news, CLOCK_SUSPECT);
	true_time(boot_ms);
	pass(60000);
	true_time(boot_ms);
	error_ms = 0;
	pass(1000);
	assert_int_equal(news, CLOCK_RECOVERED);
	true_time(boot_ms);
	pass(600000);
	true_time(boot_ms);
}

static void an_hour_that_stays_is_believed(void **state)
{
	(void)state;
	error_ms = 3600000;
	pass(CLOCK_HOLD_MS);
	true_time(boot_ms);
	pass(1000);
	assert_int_equal(news, CLOCK_BELIEVED);
	true_time(boot_ms + 3600000);
}

static void an_hour_back_goes_on_and_then_stands_still(void **state)
{
	struct wall held;

	(void)state;
	error_ms = -3600000;
	held = pass(CLOCK_HOLD_MS);
	true_time(boot_ms);
	pass(1000);
	assert_int_equal(news, CLOCK_BELIEVED);
	assert_int_equal(pass(1800000).ms, held.ms);
	/* Caught up: the clock goes on from there. */
	pass(3600000);
	true_time(boot_ms - 3600000);
}

static void a_second_jump_waits_anew(void **state)
{
	(void)state;
	error_ms = 3600000;
	pass(CLOCK_HOLD_MS - 1000);
	error_ms = 7200000;
	pass(1000);
	assert_int_equal(news, CLOCK_SUSPECT);
	pass(CLOCK_HOLD_MS - 1000);
	true_time(boot_ms);
	pass(2000);
	true_time(boot_ms + 7200000);
}

/* CLOCK_BOOTTIME goes on through a suspend, so waking up is no jump, however long it was. */
static void suspend_is_no_jump(void **state)
{
	(void)state;
	boot_ms += 8 * 3600000;
	sample();
	assert_int_equal(news, CLOCK_STEADY);
	true_time(boot_ms);
}

static bool is_proven(void)
{
	return clockwatch_is_proven(&cw, (struct mono){ boot_ms });
}

static void a_leap_is_proven_by_a_day(void **state)
{
	(void)state;
	error_ms = CLOCK_LEAP_MS;
	pass(CLOCK_HOLD_MS + 2000);
	true_time(boot_ms + error_ms);
	assert_true(is_proven());
	error_ms += CLOCK_LEAP_MS + 1;
	pass(CLOCK_HOLD_MS + 1000);
	true_time(boot_ms + error_ms);
	assert_false(is_proven());
	pass(CLOCK_PROOF_MS - 1000);
	assert_false(is_proven());
	pass(2000);
	assert_true(is_proven());
	/* Nor is there anything to prove by one that is set back. */
	error_ms = 0;
	pass(CLOCK_HOLD_MS + 1000);
	assert_true(is_proven());
}

static void a_leap_between_two_processes_is_one(void **state)
{
	(void)state;
	clockwatch_resume(&cw, WALL_PAST, (struct mono){ boot_ms });
	assert_true(is_proven());
	clockwatch_resume(&cw, wall_plus(cw.now, -CLOCK_LEAP_MS), (struct mono){ boot_ms });
	assert_true(is_proven());
	clockwatch_resume(&cw, wall_plus(cw.now, -CLOCK_LEAP_MS - 1), (struct mono){ boot_ms });
	assert_false(is_proven());
	pass(CLOCK_PROOF_MS);
	assert_true(is_proven());
}

static void never_goes_back(void **state)
{
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int64_t before = cw.now.ms;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		if (seed % 50 == 0)
			error_ms = (int64_t)(seed >> 20) % 14400000 - 7200000;
		pass(1 + (int64_t)(seed >> 8) % 5000);
		assert_true(cw.now.ms >= before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(steady, setup), cmocka_unit_test_setup(starts_no_earlier_than_the_past, setup),
		cmocka_unit_test_setup(small_forward_step_is_followed, setup), cmocka_unit_test_setup(small_backward_step_stands_still, setup),
		cmocka_unit_test_setup(slewing_is_followed, setup), cmocka_unit_test_setup(a_wrong_hour_leaves_no_trace, setup),
		cmocka_unit_test_setup(an_hour_that_stays_is_believed, setup),
		cmocka_unit_test_setup(an_hour_back_goes_on_and_then_stands_still, setup),
		cmocka_unit_test_setup(a_second_jump_waits_anew, setup), cmocka_unit_test_setup(suspend_is_no_jump, setup),
		cmocka_unit_test_setup(a_leap_is_proven_by_a_day, setup), cmocka_unit_test_setup(a_leap_between_two_processes_is_one, setup),
		cmocka_unit_test_setup(never_goes_back, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
