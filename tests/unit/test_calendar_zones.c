/*
 * The odd clocks of the world, by name: one window that is open while the clock is changed, worked out by hand. tests/property asks the
 * same of every change there is; here stands what to expect, and why.
 */
#include "../cmocka_plazo.h"

#include "../zone_file.h"
#include "base/wall.h"
#include "core/calendar.h"

static const struct {
	const char  *zone;
	struct hours hours;             /* of every day, in hours */
	struct civil date;
	const char  *from, *to;         /* the window of that date */
} cases[] = {
	/* Half an hour. */
	{ "Australia/Lord_Howe", { 1, 3 }, { 2026, 10, 4 }, "2026-10-03T14:30:00Z", "2026-10-03T16:00:00Z" },
	{ "Australia/Lord_Howe", { 1, 3 }, { 2026, 4, 5 }, "2026-04-04T14:00:00Z", "2026-04-04T16:30:00Z" },
	/* Back for Ramadan, and forward after it. */
	{ "Africa/Casablanca", { 1, 4 }, { 2026, 2, 15 }, "2026-02-15T00:00:00Z", "2026-02-15T04:00:00Z" },
	{ "Africa/Casablanca", { 1, 4 }, { 2026, 3, 22 }, "2026-03-22T01:00:00Z", "2026-03-22T03:00:00Z" },
	/* A day that begins at one o'clock, and one that ends with eleven o'clock twice. */
	{ "America/Sao_Paulo", { 0, 6 }, { 2018, 11, 4 }, "2018-11-04T03:00:00Z", "2018-11-04T08:00:00Z" },
	{ "America/Sao_Paulo", { 22, 24 }, { 2019, 2, 16 }, "2019-02-17T00:00:00Z", "2019-02-17T03:00:00Z" },
	{ "Asia/Beirut", { 0, 6 }, { 2026, 3, 29 }, "2026-03-28T22:00:00Z", "2026-03-29T03:00:00Z" },
	{ "Asia/Beirut", { 22, 24 }, { 2026, 10, 24 }, "2026-10-24T19:00:00Z", "2026-10-24T22:00:00Z" },
	{ "Africa/Cairo", { 0, 6 }, { 2026, 4, 24 }, "2026-04-23T22:00:00Z", "2026-04-24T03:00:00Z" },
	{ "Africa/Cairo", { 22, 24 }, { 2026, 10, 29 }, "2026-10-29T19:00:00Z", "2026-10-29T22:00:00Z" },
	{ "America/Asuncion", { 0, 6 }, { 2023, 10, 1 }, "2023-10-01T04:00:00Z", "2023-10-01T09:00:00Z" },
	{ "America/Asuncion", { 22, 24 }, { 2024, 3, 23 }, "2024-03-24T01:00:00Z", "2024-03-24T04:00:00Z" },
	/* Midnight twice: of the two, the first begins the day. */
	{ "America/Havana", { 0, 6 }, { 2026, 3, 8 }, "2026-03-08T05:00:00Z", "2026-03-08T10:00:00Z" },
	{ "America/Havana", { 0, 6 }, { 2026, 11, 1 }, "2026-11-01T04:00:00Z", "2026-11-01T11:00:00Z" },
	{ "America/Havana", { 22, 24 }, { 2026, 10, 31 }, "2026-11-01T02:00:00Z", "2026-11-01T04:00:00Z" },
	/* Winter is the exception here, which decides nothing. */
	{ "Europe/Dublin", { 0, 3 }, { 2026, 3, 29 }, "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z" },
	{ "Europe/Dublin", { 0, 3 }, { 2026, 10, 25 }, "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z" },
	/* Two hours. */
	{ "Antarctica/Troll", { 0, 4 }, { 2026, 3, 29 }, "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z" },
	{ "Antarctica/Troll", { 0, 4 }, { 2026, 10, 25 }, "2026-10-24T22:00:00Z", "2026-10-25T04:00:00Z" },
	/* The date that was left out: its hours are those of the day after, moved by the gap. */
	{ "Pacific/Apia", { 9, 17 }, { 2011, 12, 29 }, "2011-12-29T19:00:00Z", "2011-12-30T03:00:00Z" },
	{ "Pacific/Apia", { 9, 17 }, { 2011, 12, 31 }, "2011-12-30T19:00:00Z", "2011-12-31T03:00:00Z" },
};
#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static struct wall at(const char *z)
{
	struct wall t = { 0 };

	assert_int_equal(wall_parse(str_of(z), &t, NULL), ERR_OK);
	return t;
}

/* With a table of that year, and without one. */
static struct calendar *make(size_t i, const struct zone *z, const struct holiday *off, bool tabled)
{
	struct hours h = { cases[i].hours.from_s * 3600, cases[i].hours.to_s * 3600 };
	struct calendar_spec spec = { .name = cases[i].zone, .zone = z, .holidays = off, .n_holidays = off != NULL };

	for (size_t d = 0; d < 7; d++)
		spec.week[d] = (struct day_hours){ &h, 1 };
	return calendar_create(&spec, cases[i].date.year, tabled ? cases[i].date.year : 1);
}

static void assert_at(size_t i, const char *what, struct wall got, struct wall want)
{
	char a[WALL_TEXT_LEN], b[WALL_TEXT_LEN];

	if (got.ms != want.ms)
		fail_msg("case %zu, %s: %s: %s is not %s", i, cases[i].zone, what, wall_format(got, a), wall_format(want, b));
}

static void assert_window(size_t i, const struct calendar *c)
{
	struct wall from = at(cases[i].from), to = at(cases[i].to), f = WALL_NEVER, t = WALL_NEVER;
	int64_t ms = to.ms - from.ms;

	assert_true(calendar_window(c, from, &f, &t));
	assert_at(i, "opens", f, from);
	assert_at(i, "closes", t, to);
	assert_false(calendar_is_open(c, wall_plus(from, -1)));
	assert_false(calendar_is_open(c, to));
	assert_int_equal(calendar_between(c, wall_plus(from, -MS_PER_H), wall_plus(to, MS_PER_H)), ms);
	for (int64_t k = 1; k < ms; k += 7 * MS_PER_MIN) {
		assert_at(i, "added", calendar_add(c, from, k, BOUNDARY_CLOSE), wall_plus(from, k));
		assert_at(i, "taken away", calendar_add(c, to, -k, BOUNDARY_CLOSE), wall_plus(to, -k));
		assert_int_equal(calendar_between(c, from, wall_plus(from, k)), k);
	}
	assert_at(i, "all of it", calendar_add(c, from, ms, BOUNDARY_CLOSE), to);
	assert_at(i, "and back", calendar_add(c, to, -ms, BOUNDARY_CLOSE), from);
	assert_at(i, "the end of the day before's day after", calendar_add_days(c, wall_plus(from, -MS_PER_DAY), 1, DAY_END), to);
}

static void windows_across_a_change(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CASES; i++) {
		struct zone *z = zone_file(cases[i].zone);

		for (int tabled = 0; tabled < 2; tabled++) {
			struct calendar *c = make(i, z, NULL, tabled);

			assert_window(i, c);
			calendar_destroy(c);
		}
		zone_destroy(z);
	}
}

static void holidays_on_the_day_of_a_change(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CASES; i++) {
		struct zone *z = zone_file(cases[i].zone);
		struct holiday off = { cases[i].date };

		for (int tabled = 0; tabled < 2; tabled++) {
			struct calendar *c = make(i, z, &off, tabled);
			struct wall from = at(cases[i].from), to = at(cases[i].to);

			/* Of the date that was left out the hours stay, where they were moved to. */
			if (strcmp(cases[i].zone, "Pacific/Apia") != 0 || cases[i].date.day != 31)
				assert_int_equal(calendar_between(c, from, to), 0);
			calendar_destroy(c);
		}
		zone_destroy(z);
	}
}

/* A whole day has 24 hours, but for these. */
static void lengths_of_days(void **state)
{
	static const struct { const char *zone, *begins; int64_t minutes; } days[] = {
		{ "Australia/Lord_Howe", "2026-10-03T13:30:00Z", 24 * 60 - 30 }, { "Australia/Lord_Howe", "2026-04-04T13:00:00Z", 24 * 60 + 30 },
		{ "America/Sao_Paulo", "2018-11-04T03:00:00Z", 23 * 60 }, { "Antarctica/Troll", "2026-10-24T22:00:00Z", 26 * 60 },
		{ "America/Havana", "2026-11-01T04:00:00Z", 25 * 60 }, { "Pacific/Apia", "2011-12-29T10:00:00Z", 24 * 60 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		struct zone *z = zone_file(days[i].zone);
		struct wall begins = at(days[i].begins), next;

		assert_true(zone_local(z, wall_plus(begins, -1)) / MS_PER_DAY < zone_local(z, begins) / MS_PER_DAY);
		next = zone_instant(z, (zone_local(z, begins) / MS_PER_DAY + 1) * MS_PER_DAY);
		assert_int_equal((next.ms - begins.ms) / MS_PER_MIN, days[i].minutes);
		zone_destroy(z);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_across_a_change),
		cmocka_unit_test(holidays_on_the_day_of_a_change),
		cmocka_unit_test(lengths_of_days),
	};

	return cmocka_run_group_tests_name("calendar_zones", tests, NULL, NULL);
}
