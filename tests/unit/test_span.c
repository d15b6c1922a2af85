/* Durations: what is read, what is refused and how, and that what is written is read back. */
#include "../cmocka_plazo.h"

#include "base/wall.h"
#include "core/span.h"

static struct span parsed(const char *z)
{
	struct diag d = { 0 };
	struct span s = { 0 };

	if (span_parse_signed(str_of(z), &s, &d) != ERR_OK)
		fail_msg("%s: %s", z, d.msg);
	return s;
}

static void reads_times(void **state)
{
	static const struct { const char *z; int64_t ms; } cases[] = {
		{ "0s", 0 }, { "90s", 90 * MS_PER_S }, { "15m", 15 * MS_PER_MIN }, { "2h", 2 * MS_PER_H }, { "1h30m", 90 * MS_PER_MIN },
		{ "250ms", 250 }, { "1s5ms", 1005 }, { "1h05m", 65 * MS_PER_MIN }, { "215880s", 215880 * MS_PER_S },
		{ "1h90m", 150 * MS_PER_MIN }, { "-8h", -8 * MS_PER_H }, { "-1h30m", -90 * MS_PER_MIN }, { "87840h", SPAN_MAX_MS },
		{ "316224000000ms", SPAN_MAX_MS },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span s = parsed(cases[i].z);

		assert_int_equal(s.kind, SPAN_TIME);
		assert_int_equal(s.ms, cases[i].ms);
		assert_false(s.calendar_days);
	}
	assert_int_equal(parsed("2d").ms, 2 * MS_PER_DAY);
	assert_true(parsed("2d").calendar_days);
	assert_true(parsed("1d12h").calendar_days);
}

static void reads_days_and_none(void **state)
{
	struct span s = parsed("3bd");
	(void)state;

	assert_int_equal(s.kind, SPAN_DAYS);
	assert_int_equal(s.days, 3);
	assert_false(s.eod);
	s = parsed("3bd eod");
	assert_int_equal(s.days, 3);
	assert_true(s.eod);
	assert_true(parsed("0bd  eod").eod);
	assert_int_equal(parsed("-2bd").days, -2);
	assert_int_equal(parsed("3660bd").days, 3660);
	assert_int_equal(parsed("none").kind, SPAN_NONE);
}

static void refuses(void **state)
{
	static const struct { const char *z; enum err e; } cases[] = {
		{ "", ERR_SYNTAX }, { "h", ERR_SYNTAX }, { "90", ERR_SYNTAX }, { "1.5h", ERR_SYNTAX }, { "2H", ERR_SYNTAX },
		{ "30m1h", ERR_SYNTAX }, { "1h1h", ERR_SYNTAX }, { "1h 30m", ERR_SYNTAX }, { " 1h", ERR_SYNTAX }, { "1h ", ERR_SYNTAX },
		{ "2 hours", ERR_SYNTAX }, { "2hours", ERR_SYNTAX }, { "+2h", ERR_SYNTAX }, { "1y", ERR_SYNTAX }, { "3bd eod1", ERR_SYNTAX },
		{ "3bdeod", ERR_SYNTAX }, { "3bd ", ERR_SYNTAX }, { "3bd1h", ERR_SYNTAX }, { "bd", ERR_SYNTAX }, { "None", ERR_SYNTAX },
		{ "-2h", ERR_SYNTAX }, { "1h-2m", ERR_SYNTAX }, { "1mm", ERR_SYNTAX }, { "5ms1s", ERR_SYNTAX },
		{ "3661d", ERR_RANGE }, { "3661bd", ERR_RANGE }, { "87840h1ms", ERR_RANGE },
		{ "99999999999999999999999999h", ERR_RANGE }, { "18446744073709551617bd", ERR_RANGE },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span s = { .kind = SPAN_DAYS, .days = 77 };
		struct diag d = { 0 };

		if (span_parse(str_of(cases[i].z), &s, &d) != cases[i].e)
			fail_msg("\"%s\": %s", cases[i].z, d.msg);
		assert_int_equal(s.days, 77);
		assert_true(d.msg[0] != '\0');
	}
}

static void signs_stand_before_all(void **state)
{
	static const char *const bad[] = { "-", "--1h", "-none", "- 1h" };
	struct span s;
	(void)state;

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(span_parse_signed(str_of(bad[i]), &s, NULL), ERR_SYNTAX);
	assert_int_equal(span_parse_signed((struct str){ NULL, 0 }, &s, NULL), ERR_SYNTAX);
}

static void tells_without_repeating_rubbish(void **state)
{
	struct diag d = { 0 };
	struct span s;
	(void)state;

	assert_int_equal(span_parse(STR("soon"), &s, &d), ERR_SYNTAX);
	assert_string_equal(d.msg, "\"soon\" is not a duration: write it like 90s, 15m, 2h, 1h30m, 3bd, 3bd eod or none");
	assert_int_equal(span_parse(STR("\n\x1b[31m"), &s, &d), ERR_SYNTAX);
	assert_null(strchr(d.msg, '\x1b'));
}

static void settings_know_days_and_years(void **state)
{
	int64_t ms = 0;
	(void)state;

	assert_int_equal(span_parse_ms(STR("14d"), &ms, NULL), ERR_OK);
	assert_int_equal(ms, 14 * MS_PER_DAY);
	assert_int_equal(span_parse_ms(STR("3y"), &ms, NULL), ERR_OK);
	assert_int_equal(ms, 1095 * MS_PER_DAY);
	assert_int_equal(span_parse_ms(STR("1y6d"), &ms, NULL), ERR_OK);
	assert_int_equal(ms, 371 * MS_PER_DAY);
	assert_int_equal(span_parse_ms(STR("10s"), &ms, NULL), ERR_OK);
	assert_int_equal(ms, 10000);
	assert_int_equal(span_parse_ms(STR("3bd"), &ms, NULL), ERR_SYNTAX);
	assert_int_equal(span_parse_ms(STR("none"), &ms, NULL), ERR_SYNTAX);
	assert_int_equal(span_parse_ms(STR("11y"), &ms, NULL), ERR_RANGE);
	assert_int_equal(ms, 10000);
}

static void writes_what_it_reads(void **state)
{
	static const char *const same[] = {
		"0s", "45s", "15m", "2h", "1h30m", "1m30s", "250ms", "1s5ms", "48h", "2d", "1d12h", "0d", "3bd", "3bd eod", "0bd eod", "none",
		"-8h", "-3bd eod", "-1d", "87840h",
	};
	char text[SPAN_TEXT_LEN];
	(void)state;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct span s = parsed(same[i]);

		assert_string_equal(span_format(&s, text), same[i]);
	}
	assert_string_equal(span_format_ms(14 * MS_PER_DAY, text), "336h");
	assert_string_equal(span_format_ms(INT64_MIN, text), "-2562047788015h12m55s808ms");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_times),
		cmocka_unit_test(reads_days_and_none),
		cmocka_unit_test(refuses),
		cmocka_unit_test(signs_stand_before_all),
		cmocka_unit_test(tells_without_repeating_rubbish),
		cmocka_unit_test(settings_know_days_and_years),
		cmocka_unit_test(writes_what_it_reads),
	};

	return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
