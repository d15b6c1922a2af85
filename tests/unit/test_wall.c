#include "../cmocka_plazo.h"
#include "../prop.h"

#include "base/wall.h"

#define BAD_SYNTAX (-1)
#define BAD_RANGE  (-2)

static const struct { const char *text; int64_t ms; } cases[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "2026-11-23T10:00:00Z", 1795428000000 },
	{ "2026-11-23T10:00:00.000Z", 1795428000000 },
	{ "2026-11-23T10:00:00.5Z", 1795428000500 },
	{ "2026-11-23T10:00:00.25Z", 1795428000250 },
	{ "2026-11-23T10:00:00.123Z", 1795428000123 },
	{ "2026-11-23T10:00:00.1239Z", 1795428000123 },
	{ "2026-11-23T10:00:00.999999999Z", 1795428000999 },
	{ "2026-11-23T10:00:00.000000001Z", 1795428000000 },
	{ "2026-11-23t10:00:00z", 1795428000000 },
	{ "2026-11-23 10:00:00Z", 1795428000000 },
	{ "2026-11-23T11:00:00+01:00", 1795428000000 },
	{ "2026-11-23T05:00:00-05:00", 1795428000000 },
	{ "2026-11-23T15:30:00+05:30", 1795428000000 },
	{ "2026-11-23T10:00:00+00:00", 1795428000000 },
	{ "2026-11-23T10:00:00-00:00", 1795428000000 },
	{ "2026-11-24T09:59:00+23:59", 1795428000000 },
	{ "2026-11-22T10:01:00-23:59", 1795428000000 },
	{ "1969-12-31T23:00:00-01:00", 0 },
	{ "1970-01-01T01:00:00+01:00", 0 },
	{ "2199-12-31T23:59:59.999Z", 7258118399999 },
	{ "2200-01-01T00:59:59+01:00", 7258118399000 },
	{ "2000-02-29T00:00:00Z", 951782400000 },
	{ "2016-12-31T23:59:60Z", 1483228800000 },
	{ "2016-12-31T23:59:60.9Z", 1483228800000 },
	{ "2017-01-01T00:59:60+01:00", 1483228800000 },
	{ "2016-12-31T18:29:60-05:30", 1483228800000 },

	{ "", BAD_SYNTAX },
	{ "now", BAD_SYNTAX },
	{ "2026-11-23", BAD_SYNTAX },
	{ "2026-11-23T10:00:00", BAD_SYNTAX },
	{ "2026-11-23T10:00Z", BAD_SYNTAX },
	{ "2026-11-23T10:00:00.Z", BAD_SYNTAX },
	{ "2026-11-23T10:00:00.0000000001Z", BAD_SYNTAX },
	{ "2026-11-23T10:00:00,5Z", BAD_SYNTAX },
	{ "2026-11-23T10:00:00+0100", BAD_SYNTAX },
	{ "2026-11-23T10:00:00+01", BAD_SYNTAX },
	{ "2026-11-23T10:00:00+1:00", BAD_SYNTAX },
	{ "2026-11-23T10:00:00+24:00", BAD_SYNTAX },
	{ "2026-11-23T10:00:00+01:60", BAD_SYNTAX },
	{ "2026-11-23T10:00:00 Z", BAD_SYNTAX },
	{ "2026-11-23T10:00:00ZZ", BAD_SYNTAX },
	{ "2026-11-23T10:00:00Z ", BAD_SYNTAX },
	{ " 2026-11-23T10:00:00Z", BAD_SYNTAX },
	{ "2026-11-23  10:00:00Z", BAD_SYNTAX },
	{ "2026-11-23_10:00:00Z", BAD_SYNTAX },
	{ "26-11-23T10:00:00Z", BAD_SYNTAX },
	{ "02026-11-23T10:00:00Z", BAD_SYNTAX },
	{ "+2026-11-23T10:00:00Z", BAD_SYNTAX },
	{ "2026-1-23T10:00:00Z", BAD_SYNTAX },
	{ "2026-11-23T1:00:00Z", BAD_SYNTAX },
	{ "2026-11-23T10:00:0xZ", BAD_SYNTAX },
	{ "20261123T100000Z", BAD_SYNTAX },
	{ "1795428000", BAD_SYNTAX },
	{ "2026-11-23T10:00:00\xe2\x88\x92" "01:00", BAD_SYNTAX },
	{ "2026-13-01T10:00:00Z", BAD_RANGE },
	{ "2026-00-01T10:00:00Z", BAD_RANGE },
	{ "2026-02-29T10:00:00Z", BAD_RANGE },
	{ "2100-02-29T10:00:00Z", BAD_RANGE },
	{ "2026-04-31T10:00:00Z", BAD_RANGE },
	{ "2026-11-00T10:00:00Z", BAD_RANGE },
	{ "2026-11-23T24:00:00Z", BAD_RANGE },
	{ "2026-11-23T10:60:00Z", BAD_RANGE },
	{ "2026-11-23T10:00:61Z", BAD_RANGE },
	{ "2026-11-23T10:00:60Z", BAD_RANGE },
	{ "2016-12-31T23:59:60+01:00", BAD_RANGE },
	{ "1969-12-31T23:59:59.999Z", BAD_RANGE },
	{ "1970-01-01T00:59:59+01:00", BAD_RANGE },
	{ "2200-01-01T00:00:00Z", BAD_RANGE },
	{ "2199-12-31T23:59:60Z", BAD_RANGE },
	{ "0000-01-01T00:00:00Z", BAD_RANGE },
	{ "9999-12-31T23:59:59Z", BAD_RANGE },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wall t = { 42 };
		struct diag d = { 0 };
		enum err e = wall_parse(str_of(cases[i].text), &t, &d);
		enum err want = cases[i].ms == BAD_SYNTAX ? ERR_SYNTAX : cases[i].ms == BAD_RANGE ? ERR_RANGE : ERR_OK;

		if (e != want || t.ms != (want == ERR_OK ? cases[i].ms : 42))
			fail_msg("%s: %s, %" PRId64, cases[i].text, err_name(e), t.ms);
		assert_int_equal(d.msg[0] == '\0', want == ERR_OK);
		assert_int_equal(wall_parse(str_of(cases[i].text), &t, NULL), want);
	}
}

static void there_and_back(void **state)
{
	(void)state;
	struct prop r = prop_begin("wall");
	char text[WALL_TEXT_LEN];

	for (size_t i = 0; i < prop_rounds(100000); i++) {
		struct wall t = { prop_between(&r, WALL_MIN.ms, WALL_MAX.ms - 1) }, back;

		wall_format(t, text);
		assert_int_equal(strlen(text), 24);
		assert_int_equal(wall_parse(str_of(text), &back, NULL), ERR_OK);
		assert_true(back.ms == t.ms);
	}
	assert_string_equal(wall_format((struct wall){ 1795428000007 }, text), "2026-11-23T10:00:00.007Z");
	assert_string_equal(wall_format((struct wall){ -1 }, text), "1969-12-31T23:59:59.999Z");
	assert_string_equal(wall_format(WALL_NEVER, text), "never");
	assert_string_equal(wall_format(WALL_PAST, text), "past");
	assert_string_equal(wall_format((struct wall){ INT64_MAX - 1 }, text), "9999-12-31T23:59:59.999Z");
	assert_string_equal(wall_format((struct wall){ INT64_MIN + 1 }, text), "0000-01-01T00:00:00.000Z");
}

/* Whatever the bytes, the answer is one of three, and what is taken is in range. */
static void mutated(void **state)
{
	(void)state;
	struct prop r = prop_begin("wall mutated");
	static const char letters[] = "0123456789-+:.TtZz ";

	for (size_t i = 0; i < prop_rounds(200000); i++) {
		char text[40];
		struct str s = str_of(cases[prop_below(&r, 27)].text);
		struct wall t = { 0 };

		memcpy(text, s.p, s.len);
		for (size_t k = prop_below(&r, 3); k-- > 0;)
			text[prop_below(&r, s.len)] = letters[prop_below(&r, sizeof(letters) - 1)];
		s.p = text;
		s.len -= prop_below(&r, 2);

		enum err e = wall_parse(s, &t, NULL);

		assert_true(e == ERR_OK || e == ERR_SYNTAX || e == ERR_RANGE);
		assert_true(!wall_before(t, WALL_MIN) && wall_before(t, WALL_MAX));
	}
}

static void sums_saturate(void **state)
{
	(void)state;
	assert_true(wall_is_never(wall_plus(WALL_NEVER, -5)));
	assert_true(wall_plus(WALL_PAST, 5).ms == INT64_MIN);
	assert_true(wall_is_never(wall_plus((struct wall){ INT64_MAX - 3 }, 5)));
	assert_true(wall_plus((struct wall){ INT64_MIN + 3 }, -5).ms == INT64_MIN);
	assert_true(wall_plus((struct wall){ 3 }, -5).ms == -2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(mutated),
		cmocka_unit_test(sums_saturate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
