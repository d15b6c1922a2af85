#include "../cmocka_plazo.h"

#include <time.h>

#include "base/civil.h"

/* Every day of two thousand years, against counting, and against timegm() once a month. */
static void days_count_up(void **state)
{
	(void)state;
	struct civil c = { 1200, 1, 1 };
	int32_t day = civil_to_days(c);
	int32_t weekday = civil_weekday(day);

	for (; c.year < 3200; day++) {
		struct civil back = civil_from_days(day);

		assert_int_equal(civil_to_days(c), day);
		assert_true(back.year == c.year && back.month == c.month && back.day == c.day);
		assert_int_equal(civil_weekday(day), weekday);
		if (c.day == 1) {
			struct tm tm = { .tm_year = c.year - 1900, .tm_mon = c.month - 1, .tm_mday = 1 };

			assert_int_equal(timegm(&tm), (int64_t)day * 86400);
			assert_int_equal((tm.tm_wday + 6) % 7, weekday);
		}
		weekday = (weekday + 1) % 7;
		if (++c.day > civil_month_len(c.year, c.month)) {
			c.day = 1;
			if (++c.month > 12) {
				c.month = 1;
				c.year++;
			}
		}
	}
}

static void month_lengths(void **state)
{
	(void)state;
	assert_int_equal(civil_month_len(2000, 2), 29);
	assert_int_equal(civil_month_len(1900, 2), 28);
	assert_int_equal(civil_month_len(2024, 2), 29);
	assert_int_equal(civil_month_len(2026, 2), 28);
	assert_int_equal(civil_month_len(2026, 12), 31);
	assert_int_equal(civil_month_len(2026, 0), 0);
	assert_int_equal(civil_month_len(2026, 13), 0);
}

static void parsing(void **state)
{
	(void)state;
	static const struct { const char *text; enum err e; } cases[] = {
		{ "2026-12-25", ERR_OK }, { "1970-01-01", ERR_OK }, { "2200-12-31", ERR_OK }, { "2024-02-29", ERR_OK },
		{ "2026-02-29", ERR_RANGE }, { "2100-02-29", ERR_RANGE }, { "2026-04-31", ERR_RANGE }, { "2026-13-01", ERR_RANGE },
		{ "2026-00-01", ERR_RANGE }, { "2026-01-00", ERR_RANGE }, { "1969-12-31", ERR_RANGE }, { "2201-01-01", ERR_RANGE },
		{ "", ERR_SYNTAX }, { "2026-1-01", ERR_SYNTAX }, { "2026/01/01", ERR_SYNTAX }, { "2026-01-01 ", ERR_SYNTAX },
		{ " 2026-01-01", ERR_SYNTAX }, { "20a6-01-01", ERR_SYNTAX }, { "-026-01-01", ERR_SYNTAX }, { "2026-01-+1", ERR_SYNTAX },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct civil c = { 0 };

		if (civil_parse(str_of(cases[i].text), &c) != cases[i].e)
			fail_msg("%s", cases[i].text);
		if (cases[i].e != ERR_OK)
			assert_int_equal(c.year, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_count_up),
		cmocka_unit_test(month_lengths),
		cmocka_unit_test(parsing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
