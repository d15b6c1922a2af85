/* What calendars answer, case by case: each kind of rule of include/core/calendar.h once, with a table and without. */
#include "../cmocka_plazo.h"

#include "../zone_file.h"
#include "base/wall.h"
#include "core/calendar.h"

#define H(from, to)  { (from) * 3600, (to) * 3600 }
#define ONE(h)       { (h), sizeof(h) / sizeof((h)[0]) }

static const struct hours office[] = { H(9, 17) }, early[] = { H(1, 5) }, night[] = { H(22, 30) }, all_day[] = { H(0, 24) },
			  split[] = { H(8, 13), H(14, 18) }, noon[] = { H(12, 13) }, morning[] = { H(10, 14) };

#define WEEKDAYS(h) { ONE(h), ONE(h), ONE(h), ONE(h), ONE(h) }
#define ALL_DAYS(h) { ONE(h), ONE(h), ONE(h), ONE(h), ONE(h), ONE(h), ONE(h) }

/* Both kinds of the calendar of one test; everything is asked of both. */
struct both {
	struct zone     *zone;
	struct calendar *c[2];
};

static struct both open_both(const char *zone, struct calendar_spec spec, int32_t year)
{
	struct both b = { .zone = zone_file(zone) };

	spec.name = "test";
	spec.zone = b.zone;
	b.c[0] = calendar_create(&spec, year - 1, year + 1);
	b.c[1] = calendar_create(&spec, 1, 0);
	return b;
}

static void close_both(struct both *b)
{
	calendar_destroy(b->c[0]);
	calendar_destroy(b->c[1]);
	zone_destroy(b->zone);
}

static struct wall at(const char *z)
{
	struct wall t = { 0 };
	struct diag d = { 0 };

	if (wall_parse(str_of(z), &t, &d) != ERR_OK)
		fail_msg("%s: %s", z, d.msg);
	return t;
}

static void is_at(struct wall t, const char *z, int line)
{
	char got[WALL_TEXT_LEN], want[WALL_TEXT_LEN];

	wall_format(t, got);
	wall_format(at(z), want);
	if (strcmp(got, want) != 0) {
		print_error("%s is not %s\n", got, want);
		_fail(__FILE__, line);
	}
}

static void is_due(const struct both *b, const char *from, int64_t ms, enum boundary k, const char *z, int line)
{
	for (size_t i = 0; i < 2; i++)
		is_at(calendar_add(b->c[i], at(from), ms, k), z, line);
}

#define assert_due(b, from, ms, z)           is_due((b), (from), (ms), BOUNDARY_CLOSE, (z), __LINE__)
#define assert_due_next_open(b, from, ms, z) is_due((b), (from), (ms), BOUNDARY_NEXT_OPEN, (z), __LINE__)

static void assert_open_ms(const struct both *b, const char *from, const char *to, int64_t ms)
{
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(calendar_between(b->c[i], at(from), at(to)), ms);
}

static void assert_state(const struct both *b, const char *z, bool open)
{
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(calendar_is_open(b->c[i], at(z)), open);
}

static void is_day(const struct both *b, const char *from, int32_t days, enum day_end end, const char *z, int line)
{
	for (size_t i = 0; i < 2; i++)
		is_at(calendar_add_days(b->c[i], at(from), days, end), z, line);
}

#define assert_days(b, from, days, z) is_day((b), (from), (days), DAY_SAME_TIME, (z), __LINE__)
#define assert_eod(b, from, days, z)  is_day((b), (from), (days), DAY_END, (z), __LINE__)

static void is_window(const struct both *b, const char *t, const char *from, const char *to, int line)
{
	for (size_t i = 0; i < 2; i++) {
		struct wall f, e;

		assert_true(calendar_window(b->c[i], at(t), &f, &e));
		is_at(f, from, line);
		is_at(e, to, line);
	}
}

#define assert_window(b, t, from, to) is_window((b), (t), (from), (to), __LINE__)

/* ---- adding ---- */

static void ends_of_windows(void **state)
{
	struct both b = open_both("Europe/Berlin", (struct calendar_spec){ .week = WEEKDAYS(office) }, 2026);
	(void)state;

	assert_due(&b, "2026-01-05T08:00:00Z", 8 * MS_PER_H, "2026-01-05T16:00:00Z");
	assert_due_next_open(&b, "2026-01-05T08:00:00Z", 8 * MS_PER_H, "2026-01-06T08:00:00Z");
	assert_due_next_open(&b, "2026-01-05T08:00:00Z", 8 * MS_PER_H - 1, "2026-01-05T15:59:59.999Z");
	assert_due_next_open(&b, "2026-01-09T08:00:00Z", 8 * MS_PER_H, "2026-01-12T08:00:00Z");
	assert_due(&b, "2026-01-05T16:00:00Z", MS_PER_MIN, "2026-01-06T08:01:00Z");
	assert_due(&b, "2026-01-05T15:59:59Z", MS_PER_S, "2026-01-05T16:00:00Z");
	assert_due(&b, "2026-01-05T08:00:00Z", 1, "2026-01-05T08:00:00.001Z");
	assert_due(&b, "2026-01-09T15:00:00Z", 2 * MS_PER_H, "2026-01-12T09:00:00Z");
	assert_due(&b, "2026-01-05T03:00:00Z", 80 * MS_PER_H, "2026-01-16T16:00:00Z");
	close_both(&b);
}

static void nothing_to_add(void **state)
{
	struct both b = open_both("Etc/UTC", (struct calendar_spec){ .week = WEEKDAYS(office) }, 2017);
	(void)state;

	assert_due(&b, "2017-01-11T20:30:00Z", 0, "2017-01-12T09:00:00Z");
	assert_due_next_open(&b, "2017-01-11T20:30:00Z", 0, "2017-01-12T09:00:00Z");
	assert_due(&b, "2017-01-11T17:00:00Z", 0, "2017-01-12T09:00:00Z");
	assert_due(&b, "2017-01-11T09:00:00Z", 0, "2017-01-11T09:00:00Z");
	assert_due(&b, "2017-01-11T12:00:00.007Z", 0, "2017-01-11T12:00:00.007Z");
	close_both(&b);
}

/* The latest instant: at an opening rather than at the closing before it. */
static void backward(void **state)
{
	struct both b = open_both("Etc/UTC", (struct calendar_spec){ .week = WEEKDAYS(office) }, 2026);
	(void)state;

	assert_due(&b, "2026-01-06T12:00:00Z", -MS_PER_H, "2026-01-06T11:00:00Z");
	assert_due(&b, "2026-01-06T12:00:00Z", -3 * MS_PER_H, "2026-01-06T09:00:00Z");
	assert_due(&b, "2026-01-06T12:00:00Z", -3 * MS_PER_H - 1, "2026-01-05T16:59:59.999Z");
	assert_due(&b, "2026-01-05T12:00:00Z", -4 * MS_PER_H, "2026-01-02T16:00:00Z");
	assert_due(&b, "2026-01-04T12:00:00Z", -8 * MS_PER_H, "2026-01-02T09:00:00Z");
	assert_due_next_open(&b, "2026-01-04T12:00:00Z", -16 * MS_PER_H, "2026-01-01T09:00:00Z");
	close_both(&b);
}

static void breaks_in_a_day(void **state)
{
	struct both b = open_both("Etc/UTC", (struct calendar_spec){ .week = WEEKDAYS(split) }, 2016);
	(void)state;

	assert_due(&b, "2016-02-01T12:30:00Z", 5 * MS_PER_H, "2016-02-02T08:30:00Z");
	assert_due(&b, "2016-02-01T08:00:00Z", 5 * MS_PER_H, "2016-02-01T13:00:00Z");
	assert_due_next_open(&b, "2016-02-01T08:00:00Z", 5 * MS_PER_H, "2016-02-01T14:00:00Z");
	assert_open_ms(&b, "2016-02-01T11:15:41Z", "2016-02-06T11:15:41Z", 9 * 5 * MS_PER_H - (3 * MS_PER_H + 941 * MS_PER_S));
	assert_open_ms(&b, "2016-02-06T00:00:00Z", "2016-02-01T00:00:00Z", 0);
	assert_state(&b, "2016-02-01T12:59:59.999Z", true);
	assert_state(&b, "2016-02-01T13:00:00Z", false);
	assert_state(&b, "2016-02-01T14:00:00Z", true);
	close_both(&b);
}

/* ---- dates ---- */

static void holidays_of_one_year_and_of_all(void **state)
{
	static const struct holiday holidays[] = { { { 2026, 1, 7 } }, { { 0, 1, 8 } }, { { 0, 2, 29 } } };
	struct both b = open_both("Etc/UTC", (struct calendar_spec){ .week = ALL_DAYS(office), .holidays = holidays, .n_holidays = 3 }, 2026);
	(void)state;

	assert_due(&b, "2026-01-06T16:00:00Z", 2 * MS_PER_H, "2026-01-09T10:00:00Z");
	assert_due(&b, "2027-01-06T16:00:00Z", 2 * MS_PER_H, "2027-01-07T10:00:00Z");
	assert_state(&b, "2027-01-08T12:00:00Z", false);
	assert_state(&b, "1999-01-08T12:00:00Z", false);
	assert_state(&b, "2028-02-29T12:00:00Z", false);
	assert_state(&b, "2027-02-28T12:00:00Z", true);
	assert_state(&b, "2027-03-01T12:00:00Z", true);
	close_both(&b);
}

/* A holiday takes the hours of its own date, and leaves the rest of the night that began on it. */
static void night_shift_and_holiday(void **state)
{
	static const struct holiday christmas[] = { { { 2026, 12, 25 } } };
	struct both b = open_both("Etc/UTC", (struct calendar_spec){ .week = ALL_DAYS(night), .holidays = christmas, .n_holidays = 1 }, 2026);
	(void)state;

	assert_due(&b, "2026-12-24T23:30:00Z", MS_PER_H, "2026-12-26T00:30:00Z");
	assert_due(&b, "2026-12-24T22:00:00Z", 10 * MS_PER_H, "2026-12-27T00:00:00Z");
	assert_open_ms(&b, "2026-12-25T21:00:00Z", "2027-01-03T12:00:00Z", 70 * MS_PER_H);
	assert_state(&b, "2026-12-25T23:00:00Z", false);
	assert_state(&b, "2026-12-26T00:00:00Z", true);
	assert_window(&b, "2026-12-25T00:00:00Z", "2026-12-26T00:00:00Z", "2026-12-26T06:00:00Z");
	/* It began on a holiday, so that neither date counts for it. */
	assert_eod(&b, "2026-12-24T12:00:00Z", 1, "2026-12-27T06:00:00Z");
	assert_eod(&b, "2026-12-23T12:00:00Z", 1, "2026-12-25T00:00:00Z");
	close_both(&b);
}

static void shifts_and_breaks_of_a_date(void **state)
{
	static const struct holiday holidays[] = { { { 2026, 1, 6 } } };
	static const struct date_hours shifts[] = { { { 2026, 1, 10 }, ONE(morning) }, { { 2026, 1, 6 }, ONE(morning) }, { { 2026, 1, 8 }, { NULL, 0 } } };
	static const struct date_hours breaks[] = { { { 2026, 1, 7 }, ONE(noon) }, { { 2026, 1, 6 }, ONE(noon) } };
	struct both b = open_both("Etc/UTC", (struct calendar_spec){ .week = WEEKDAYS(office), .holidays = holidays, .n_holidays = 1,
		.shifts = shifts, .n_shifts = 3, .breaks = breaks, .n_breaks = 2 }, 2026);
	(void)state;

	assert_open_ms(&b, "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z", 3 * MS_PER_H);    /* a shift on a holiday, less a break */
	assert_open_ms(&b, "2026-01-07T00:00:00Z", "2026-01-08T00:00:00Z", 7 * MS_PER_H);
	assert_open_ms(&b, "2026-01-08T00:00:00Z", "2026-01-09T00:00:00Z", 0);
	assert_open_ms(&b, "2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z", 4 * MS_PER_H);
	assert_due(&b, "2026-01-07T11:30:00Z", MS_PER_H, "2026-01-07T13:30:00Z");
	close_both(&b);
}

static void shift_keeps_the_night_before(void **state)
{
	static const struct holiday holidays[] = { { { 2026, 1, 7 } } };
	static const struct date_hours shifts[] = { { { 2026, 1, 7 }, ONE(morning) } };
	static const struct date_hours breaks[] = { { { 2026, 1, 9 }, ONE(early) } };
	struct both b = open_both("Etc/UTC", (struct calendar_spec){ .week = ALL_DAYS(night), .holidays = holidays, .n_holidays = 1,
		.shifts = shifts, .n_shifts = 1, .breaks = breaks, .n_breaks = 1 }, 2026);
	(void)state;

	assert_window(&b, "2026-01-07T00:00:00Z", "2026-01-06T22:00:00Z", "2026-01-07T06:00:00Z");
	assert_window(&b, "2026-01-07T06:00:00Z", "2026-01-07T10:00:00Z", "2026-01-07T14:00:00Z");
	assert_window(&b, "2026-01-07T14:00:00Z", "2026-01-08T22:00:00Z", "2026-01-09T01:00:00Z");
	assert_window(&b, "2026-01-09T01:00:00Z", "2026-01-09T05:00:00Z", "2026-01-09T06:00:00Z");
	close_both(&b);
}

/* ---- daylight saving ---- */

static void spring_and_autumn(void **state)
{
	struct both b = open_both("America/Los_Angeles", (struct calendar_spec){ .week = ALL_DAYS(early) }, 2014);
	(void)state;

	assert_due(&b, "2014-03-09T08:30:00Z", 3 * MS_PER_H, "2014-03-09T12:00:00Z");
	assert_due_next_open(&b, "2014-03-09T08:30:00Z", 3 * MS_PER_H, "2014-03-10T08:00:00Z");
	assert_due(&b, "2014-11-02T07:30:00Z", 5 * MS_PER_H, "2014-11-02T13:00:00Z");
	assert_due(&b, "2014-11-02T07:30:00Z", 2 * MS_PER_H, "2014-11-02T10:00:00Z");
	assert_due(&b, "2014-11-02T13:00:00Z", -5 * MS_PER_H, "2014-11-02T08:00:00Z");
	assert_days(&b, "2014-03-08T10:30:00Z", 1, "2014-03-09T10:30:00Z");    /* 02:30 is not there: 03:30 */
	close_both(&b);
}

/* 02:00 to 03:00 is skipped: both ends of such a window move on, and one that ends there closes an hour late. */
static void windows_in_a_gap(void **state)
{
	static const struct hours inside[] = { { 9000, 10000 }, { 12000, 14400 } }, across[] = { { 9000, 11000 } };
	struct both b = open_both("Europe/Madrid", (struct calendar_spec){ .week = ALL_DAYS(across) }, 2026);
	(void)state;

	assert_window(&b, "2026-03-29T00:00:00Z", "2026-03-30T00:30:00Z", "2026-03-30T01:03:20Z");
	assert_eod(&b, "2026-03-28T12:00:00Z", 1, "2026-03-30T01:03:20Z");
	close_both(&b);

	b = open_both("Europe/Madrid", (struct calendar_spec){ .week = { [6] = { inside, 2 } } }, 2026);
	assert_window(&b, "2026-03-29T00:00:00Z", "2026-03-29T01:20:00Z", "2026-03-29T02:00:00Z");
	close_both(&b);
}

/* Apia had no December 30 in 2011. */
static void a_date_that_never_was(void **state)
{
	struct both b = open_both("Pacific/Apia", (struct calendar_spec){ .week = ALL_DAYS(all_day) }, 2011);
	(void)state;

	for (size_t i = 0; i < 2; i++)
		assert_true(calendar_is_always(b.c[i]));
	assert_open_ms(&b, "2011-12-30T00:00:00Z", "2011-12-31T00:00:00Z", MS_PER_DAY);
	assert_days(&b, "2011-12-29T22:00:00Z", 1, "2011-12-30T22:00:00Z");
	close_both(&b);
}

/* The last hours of a window that began two dates of UTC earlier, and the first ones of one that begins a date ahead. */
static void far_from_utc(void **state)
{
	static const struct hours long_night[] = { { 82800, 172800 } };
	struct both b = open_both("Etc/GMT+12", (struct calendar_spec){ .week = { ONE(long_night) } }, 2026);
	(void)state;

	assert_window(&b, "2026-01-07T05:00:00Z", "2026-01-06T11:00:00Z", "2026-01-07T12:00:00Z");
	assert_state(&b, "2026-01-07T11:59:59Z", true);
	assert_due(&b, "2026-01-07T00:00:00Z", 12 * MS_PER_H, "2026-01-07T12:00:00Z");
	close_both(&b);

	b = open_both("Pacific/Kiritimati", (struct calendar_spec){ .week = { ONE(early) } }, 2026);
	assert_window(&b, "2026-01-04T00:00:00Z", "2026-01-04T11:00:00Z", "2026-01-04T15:00:00Z");
	assert_due(&b, "2026-01-04T15:00:00Z", -4 * MS_PER_H, "2026-01-04T11:00:00Z");
	close_both(&b);
}

/* ---- days ---- */

static void business_days(void **state)
{
	struct both b = open_both("Europe/Berlin", (struct calendar_spec){ .week = WEEKDAYS(office) }, 2026);
	(void)state;

	assert_days(&b, "2026-01-02T14:00:00Z", 3, "2026-01-07T14:00:00Z");
	assert_days(&b, "2026-01-03T14:00:00Z", 1, "2026-01-05T14:00:00Z");
	assert_days(&b, "2026-01-02T20:00:00Z", 1, "2026-01-06T08:00:00Z");    /* after hours: moved into the next ones */
	assert_days(&b, "2026-01-02T05:00:00Z", 1, "2026-01-05T08:00:00Z");
	assert_days(&b, "2026-01-02T23:30:00Z", 1, "2026-01-05T08:00:00Z");    /* Saturday already, in Berlin */
	assert_eod(&b, "2026-01-02T14:00:00Z", 3, "2026-01-07T16:00:00Z");
	assert_eod(&b, "2026-01-02T20:00:00Z", 0, "2026-01-02T16:00:00Z");
	assert_eod(&b, "2026-01-03T20:00:00Z", 0, "2026-01-05T16:00:00Z");
	assert_days(&b, "2026-01-03T20:00:00Z", 0, "2026-01-05T08:00:00Z");
	assert_days(&b, "2026-01-05T20:00:00Z", -1, "2026-01-02T20:00:00Z");   /* not moved into hours */
	assert_eod(&b, "2026-01-05T20:00:00Z", -2, "2026-01-01T16:00:00Z");
	assert_days(&b, "2026-03-27T14:00:00Z", 1, "2026-03-30T13:00:00Z");    /* 15:00 before and after the change */
	close_both(&b);
}

/* Touching windows are one for closing times, but each date of 24 hours is a date. */
static void round_the_clock_on_weekdays(void **state)
{
	struct both b = open_both("Etc/UTC", (struct calendar_spec){ .week = WEEKDAYS(all_day) }, 2018);
	(void)state;

	assert_window(&b, "2018-11-21T10:00:00Z", "2018-11-19T00:00:00Z", "2018-11-24T00:00:00Z");
	assert_days(&b, "2018-11-19T10:00:00Z", 7, "2018-11-28T10:00:00Z");
	assert_eod(&b, "2018-11-19T10:00:00Z", 1, "2018-11-21T00:00:00Z");
	assert_due_next_open(&b, "2018-11-19T10:00:00Z", 14 * MS_PER_H, "2018-11-20T00:00:00Z");
	assert_due_next_open(&b, "2018-11-23T10:00:00Z", 14 * MS_PER_H, "2018-11-26T00:00:00Z");
	close_both(&b);
}

/* ---- the ends of time ---- */

static void always_open(void **state)
{
	struct both b = open_both("Europe/Madrid", (struct calendar_spec){ .week = ALL_DAYS(all_day) }, 2026);
	(void)state;

	assert_due(&b, "2026-03-28T12:00:00Z", 24 * MS_PER_H, "2026-03-29T12:00:00Z");
	assert_due_next_open(&b, "2026-03-28T12:00:00Z", -24 * MS_PER_H, "2026-03-27T12:00:00Z");
	for (size_t i = 0; i < 2; i++) {
		struct wall from, to;

		assert_true(calendar_window(b.c[i], at("2026-01-01T00:00:00Z"), &from, &to));
		assert_int_equal(from.ms, 0);
		assert_true(wall_before(WALL_MAX, to));
		assert_true(wall_is_never(calendar_add(b.c[i], at("2199-12-31T00:00:00Z"), 800 * MS_PER_DAY, BOUNDARY_CLOSE)));
		assert_int_equal(calendar_add(b.c[i], at("1970-01-01T00:00:01Z"), -1001, BOUNDARY_CLOSE).ms, WALL_PAST.ms);
		assert_int_equal(calendar_add(b.c[i], at("1970-01-01T00:00:01Z"), -1000, BOUNDARY_CLOSE).ms, 0);
	}
	close_both(&b);
}

static void never_open(void **state)
{
	struct both b = open_both("Europe/Madrid", (struct calendar_spec){ 0 }, 2026);
	struct wall t = at("2026-01-01T00:00:00Z"), from, to;
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		const struct calendar *c = b.c[i];

		assert_false(calendar_is_open(c, t) || calendar_is_always(c) || calendar_window(c, t, &from, &to));
		assert_true(wall_is_never(calendar_next_open(c, t)));
		assert_true(wall_is_never(calendar_add(c, t, 1, BOUNDARY_CLOSE)));
		assert_true(wall_is_never(calendar_add(c, t, 0, BOUNDARY_CLOSE)));
		assert_int_equal(calendar_add(c, t, -1, BOUNDARY_CLOSE).ms, WALL_PAST.ms);
		assert_int_equal(calendar_between(c, WALL_PAST, WALL_NEVER), 0);
		assert_true(wall_is_never(calendar_add_days(c, t, 1, DAY_END)));
		assert_int_equal(calendar_add_days(c, t, -1, DAY_SAME_TIME).ms, WALL_PAST.ms);
	}
	close_both(&b);
}

static void beyond_all_years(void **state)
{
	struct both b = open_both("Europe/Madrid", (struct calendar_spec){ .week = WEEKDAYS(office) }, 2026);
	static const int64_t lots[] = { INT64_MAX, INT64_MAX - 1, INT64_C(1) << 60, INT64_C(8000000000000) };
	struct wall t = at("2026-01-01T00:00:00Z");
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		const struct calendar *c = b.c[i];

		for (size_t j = 0; j < 4; j++) {
			assert_true(wall_is_never(calendar_add(c, t, lots[j], BOUNDARY_NEXT_OPEN)));
			assert_int_equal(calendar_add(c, t, -lots[j], BOUNDARY_CLOSE).ms, WALL_PAST.ms);
		}
		assert_int_equal(calendar_add(c, t, INT64_MIN, BOUNDARY_CLOSE).ms, WALL_PAST.ms);
		assert_true(wall_is_never(calendar_add(c, WALL_NEVER, -MS_PER_H, BOUNDARY_CLOSE)));
		assert_int_equal(calendar_add(c, WALL_PAST, MS_PER_H, BOUNDARY_CLOSE).ms, WALL_PAST.ms);
		is_at(calendar_next_open(c, WALL_PAST), "1970-01-01T08:00:00Z", __LINE__);
		assert_true(wall_is_never(calendar_next_open(c, WALL_NEVER)));
		assert_false(calendar_is_open(c, WALL_NEVER) || calendar_is_open(c, WALL_PAST));
		assert_int_equal(calendar_between(c, WALL_PAST, WALL_NEVER), calendar_between(b.c[1], WALL_MIN, at("2199-12-31T23:59:59Z")) +
			calendar_between(b.c[1], at("2199-12-31T23:59:59Z"), WALL_NEVER));
		assert_true(wall_is_never(calendar_add_days(c, t, INT32_MAX, DAY_END)));
		assert_int_equal(calendar_add_days(c, t, INT32_MIN, DAY_SAME_TIME).ms, WALL_PAST.ms);
		assert_true(wall_is_never(calendar_add_days(c, WALL_NEVER, -1, DAY_END)));
		assert_int_equal(calendar_add_days(c, WALL_PAST, 1, DAY_END).ms, WALL_PAST.ms);
	}
	close_both(&b);
}

/* What touches or overlaps in the specification is one window, and what lies outside of a day is cut off. */
static void untidy_specifications(void **state)
{
	static const struct hours mess[] = { { 50000, 60000 }, { 10000, 20000 }, { 20000, 30000 }, { 55000, 70000 }, { 90000, 99999 }, { 5, 5 },
		{ 80000, 79999 }, { -50, 10 } };
	struct both b = open_both("Etc/UTC", (struct calendar_spec){ .week = { { mess, 8 } } }, 2026);
	(void)state;

	assert_window(&b, "2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z", "2026-01-05T00:00:10Z");
	assert_window(&b, "2026-01-05T00:00:10Z", "2026-01-05T02:46:40Z", "2026-01-05T08:20:00Z");
	assert_window(&b, "2026-01-05T08:20:00Z", "2026-01-05T13:53:20Z", "2026-01-05T19:26:40Z");
	assert_window(&b, "2026-01-05T19:26:40Z", "2026-01-12T00:00:00Z", "2026-01-12T00:00:10Z");
	assert_string_equal(calendar_name(b.c[0]), "test");
	assert_ptr_equal(calendar_zone(b.c[0]), b.zone);
	assert_true(calendar_bytes(b.c[0]) > calendar_bytes(b.c[1]));
	close_both(&b);
	calendar_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_of_windows),
		cmocka_unit_test(nothing_to_add),
		cmocka_unit_test(backward),
		cmocka_unit_test(breaks_in_a_day),
		cmocka_unit_test(holidays_of_one_year_and_of_all),
		cmocka_unit_test(night_shift_and_holiday),
		cmocka_unit_test(shifts_and_breaks_of_a_date),
		cmocka_unit_test(shift_keeps_the_night_before),
		cmocka_unit_test(spring_and_autumn),
		cmocka_unit_test(windows_in_a_gap),
		cmocka_unit_test(a_date_that_never_was),
		cmocka_unit_test(far_from_utc),
		cmocka_unit_test(business_days),
		cmocka_unit_test(round_the_clock_on_weekdays),
		cmocka_unit_test(always_open),
		cmocka_unit_test(never_open),
		cmocka_unit_test(beyond_all_years),
		cmocka_unit_test(untidy_specifications),
	};

	return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
