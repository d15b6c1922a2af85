/*
 * Calendars with a table against the same without one, on random specifications and instants.
 *
 * With --answer it is the other half of calendar.py: reads one question a line, and answers each with a line. Every question
 * about a calendar is put to both kinds; where they differ, the answer is "differ".
 */
#include "../cmocka_plazo.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../prop.h"
#include "../zone_file.h"
#include "core/calendar.h"

#define MAX_ITEMS 64

/* A specification with room of its own. */
struct sheet {
	struct calendar_spec spec;
	struct hours         hours[16 * MAX_ITEMS];
	size_t               n_hours;
	struct holiday       holidays[MAX_ITEMS];
	struct date_hours    breaks[MAX_ITEMS], shifts[MAX_ITEMS];
};

/* One calendar in both kinds. */
struct pair { struct calendar *tabled, *plain; };

static struct pair pair_create(const struct calendar_spec *spec, int32_t first, int32_t last)
{
	return (struct pair){ calendar_create(spec, first, last), calendar_create(spec, 1, 0) };
}

static void pair_destroy(struct pair *p)
{
	calendar_destroy(p->tabled);
	calendar_destroy(p->plain);
	*p = (struct pair){ 0 };
}

/* ---- random specifications ---- */

static const char *const zones[] = {
	"Europe/Madrid", "America/Los_Angeles", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Tehran", "Australia/Lord_Howe",
	"Pacific/Apia", "Africa/Casablanca", "Africa/Cairo", "America/St_Johns", "Europe/Dublin", "Asia/Gaza", "Etc/UTC",
};
#define N_ZONES (sizeof(zones) / sizeof(zones[0]))

static struct day_hours random_hours(struct prop *p, struct sheet *s)
{
	struct day_hours r = { s->hours + s->n_hours, prop_below(p, 4) };
	int32_t at = 0;

	if (prop_chance(p, 10)) {
		r.n = 1;
		s->hours[s->n_hours++] = (struct hours){ 0, 86400 };
		return r;
	}
	for (size_t i = 0; i < r.n; i++) {
		int32_t from = at + (int32_t)prop_below(p, 60) * 600 + (int32_t)prop_chance(p, 5);
		int32_t to = from + 1 + (int32_t)prop_below(p, prop_chance(p, 20) ? 86400 : 20000);

		if (from >= 86400) {
			r.n = i;
			break;
		}
		s->hours[s->n_hours++] = (struct hours){ from, to };
		at = to;
	}
	return r;
}

static struct civil random_date(struct prop *p, int32_t year)
{
	return civil_from_days(civil_to_days((struct civil){ year, 1, 1 }) + (int32_t)prop_below(p, 1000));
}

static void random_dates(struct prop *p, struct sheet *s, struct date_hours *v, size_t *n_out, int32_t year)
{
	*n_out = prop_below(p, 6);
	for (size_t i = 0; i < *n_out; i++) {
		v[i].date = random_date(p, year);
		v[i].hours = random_hours(p, s);
	}
}

static void random_sheet(struct prop *p, struct sheet *s, int32_t year)
{
	memset(s, 0, sizeof(*s));
	s->spec.name = "random";
	for (size_t i = 0; i < 7; i++)
		if (prop_chance(p, 70))
			s->spec.week[i] = random_hours(p, s);
	s->spec.holidays = s->holidays;
	s->spec.n_holidays = prop_below(p, 10);
	for (size_t i = 0; i < s->spec.n_holidays; i++) {
		s->holidays[i].date = random_date(p, year);
		if (prop_chance(p, 30))
			s->holidays[i].date.year = 0;
	}
	s->spec.breaks = s->breaks;
	random_dates(p, s, s->breaks, &s->spec.n_breaks, year);
	s->spec.shifts = s->shifts;
	random_dates(p, s, s->shifts, &s->spec.n_shifts, year);
}

static void assert_same(struct pair p, struct wall a, struct wall b, int64_t ms, int32_t days)
{
	struct wall f[2] = { { 0 } }, t[2] = { { 0 } };

	for (enum boundary k = BOUNDARY_CLOSE; k <= BOUNDARY_NEXT_OPEN; k++)
		assert_int_equal(calendar_add(p.tabled, a, ms, k).ms, calendar_add(p.plain, a, ms, k).ms);
	assert_int_equal(calendar_next_open(p.tabled, a).ms, calendar_next_open(p.plain, a).ms);
	assert_int_equal(calendar_between(p.tabled, a, b), calendar_between(p.plain, a, b));
	assert_int_equal(calendar_is_open(p.tabled, a), calendar_is_open(p.plain, a));
	assert_int_equal(calendar_add_days(p.tabled, a, days, DAY_SAME_TIME).ms, calendar_add_days(p.plain, a, days, DAY_SAME_TIME).ms);
	assert_int_equal(calendar_add_days(p.tabled, a, days, DAY_END).ms, calendar_add_days(p.plain, a, days, DAY_END).ms);
	assert_int_equal(calendar_window(p.tabled, a, &f[0], &t[0]), calendar_window(p.plain, a, &f[1], &t[1]));
	assert_int_equal(f[0].ms, f[1].ms);
	assert_int_equal(t[0].ms, t[1].ms);
}

/* What the functions promise of one another. */
static void assert_laws(const struct calendar *c, struct wall a, int64_t ms)
{
	struct wall due = calendar_add(c, a, ms, BOUNDARY_CLOSE);
	struct wall from, to;

	if (ms > 0 && !wall_is_never(due)) {
		assert_int_equal(calendar_between(c, a, due), ms);
		assert_int_equal(calendar_between(c, a, wall_plus(due, -1)), ms - 1);
		assert_int_equal(calendar_next_open(c, due).ms, calendar_add(c, a, ms, BOUNDARY_NEXT_OPEN).ms);
	}
	if (ms < 0 && !wall_eq(due, WALL_PAST)) {
		assert_int_equal(calendar_between(c, due, a), -ms);
		assert_true(calendar_is_open(c, due));
	}
	if (calendar_window(c, a, &from, &to)) {
		assert_true(wall_before(a, to) && wall_before(from, to));
		assert_true(calendar_is_open(c, from) && calendar_is_open(c, wall_plus(to, -1)));
		assert_false(calendar_is_open(c, to));
		assert_false(calendar_is_open(c, wall_plus(from, -1)));
		assert_int_equal(calendar_between(c, from, to), to.ms - from.ms);
	}
}

static void table_equals_no_table(void **state)
{
	struct prop p = prop_begin("calendar: table and no table");
	static struct sheet s;
	(void)state;

	for (size_t round = prop_rounds(400); round > 0; round--) {
		int32_t year = 1990 + (int32_t)prop_below(&p, 100);
		struct zone *z = zone_file(zones[prop_below(&p, N_ZONES)]);
		struct wall middle = { civil_to_days((struct civil){ year + 1, 1, 1 }) * MS_PER_DAY };
		struct wall open, close;
		struct pair pair;

		random_sheet(&p, &s, year);
		s.spec.zone = z;
		pair = pair_create(&s.spec, year, year + (int32_t)prop_below(&p, 3));
		for (int i = 0; i < 25; i++) {
			struct wall a = wall_plus(middle, prop_between(&p, -500 * MS_PER_DAY, 800 * MS_PER_DAY));
			struct wall b = wall_plus(a, prop_between(&p, -MS_PER_DAY, 900 * MS_PER_DAY));
			int64_t ms = prop_between(&p, -30, 30) * (prop_chance(&p, 50) ? MS_PER_H : 7919 * MS_PER_S);

			/* Often on the very edge of a window. */
			if (prop_chance(&p, 40) && calendar_window(pair.plain, a, &open, &close))
				a = prop_chance(&p, 50) ? open : close;
			assert_same(pair, a, b, ms, (int32_t)prop_between(&p, -20, 20));
			assert_laws(pair.tabled, a, ms);
		}
		pair_destroy(&pair);
		zone_destroy(z);
	}
}

/* From a date of any year: whole years are counted once, and their sum is that of short pieces, which are not. */
static void far_is_the_sum_of_near(void **state)
{
	struct prop p = prop_begin("calendar: far and near");
	static struct sheet s;
	(void)state;

	for (size_t round = prop_rounds(20); round > 0; round--) {
		int32_t year = 1975 + (int32_t)prop_below(&p, 200);
		struct zone *z = zone_file(zones[prop_below(&p, N_ZONES)]);
		struct calendar *c;

		random_sheet(&p, &s, year);
		s.spec.zone = z;
		c = calendar_create(&s.spec, year, year + (int32_t)prop_below(&p, 20));
		for (int i = 0; i < 4; i++) {
			struct wall from = { prop_between(&p, -MS_PER_DAY, 80 * 365 * MS_PER_DAY) };
			struct wall to = wall_plus(from, prop_between(&p, 0, 150 * 365 * MS_PER_DAY)), next;
			int64_t sum = 0;

			for (struct wall at = from; wall_before(at, to); at = next) {
				next = wall_min(to, wall_plus(at, prop_between(&p, MS_PER_DAY, 300 * MS_PER_DAY)));
				sum += calendar_between(c, at, next);
			}
			assert_int_equal(calendar_between(c, from, to), sum);
			assert_int_equal(calendar_between(c, from, to), sum);
		}
		calendar_destroy(c);
		zone_destroy(z);
	}
}

/* ---- answering calendar.py ---- */

struct named_zone { char name[64]; struct zone *z; };

static struct zone *zone_of(const char *name)
{
	static struct named_zone v[1024];
	size_t i = 0;

	for (; i < 1024 && v[i].z != NULL; i++)
		if (strcmp(v[i].name, name) == 0)
			return v[i].z;
	if (i == 1024 || strlen(name) >= sizeof(v[i].name))
		exit(1);
	v[i].z = zone_file(name);
	strcpy(v[i].name, name);
	return v[i].z;
}

/* "from-to,from-to" in seconds, or "" */
static struct day_hours read_hours(struct sheet *s, char *text)
{
	struct day_hours r = { s->hours + s->n_hours, 0 };

	for (char *save, *w = strtok_r(text, ",", &save); w != NULL; w = strtok_r(NULL, ",", &save)) {
		struct hours *h = &s->hours[s->n_hours++];

		if (sscanf(w, "%d-%d", &h->from_s, &h->to_s) != 2)
			exit(1);
		r.n++;
	}
	return r;
}

/* "2026-12-24=43200-54000 …" */
static void read_dates(struct sheet *s, char *text, struct date_hours *v, size_t *n_out)
{
	*n_out = 0;
	for (char *save, *w = strtok_r(text, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		struct date_hours *d = &v[(*n_out)++];
		char *eq = strchr(w, '=');

		if (eq == NULL || sscanf(w, "%d-%d-%d", &d->date.year, &d->date.month, &d->date.day) != 3)
			exit(1);
		d->hours = read_hours(s, eq + 1);
	}
}

/* ZONE|first year|last year|mon;tue;…|holidays|breaks|shifts */
static void read_calendar(char *line, struct pair *p)
{
	static struct sheet s;
	char *field[7], *day;

	memset(&s, 0, sizeof(s));
	for (size_t i = 0; i < 7; i++)
		field[i] = strsep(&line, "|");
	s.spec.name = "asked";
	s.spec.zone = zone_of(field[0]);
	for (size_t i = 0; (day = strsep(&field[3], ";")) != NULL && i < 7; i++)
		s.spec.week[i] = read_hours(&s, day);
	for (char *save, *w = strtok_r(field[4], " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		struct civil *d = &s.holidays[s.spec.n_holidays++].date;

		if (sscanf(w, "%d-%d-%d", &d->year, &d->month, &d->day) != 3)
			exit(1);
	}
	s.spec.holidays = s.holidays;
	s.spec.breaks = s.breaks;
	s.spec.shifts = s.shifts;
	read_dates(&s, field[5], s.breaks, &s.spec.n_breaks);
	read_dates(&s, field[6], s.shifts, &s.spec.n_shifts);
	pair_destroy(p);
	*p = pair_create(&s.spec, atoi(field[1]), atoi(field[2]));
}

static int64_t answer(const struct calendar *c, const char *op, struct wall a, int64_t n)
{
	struct wall from, to;

	switch (op[0]) {
	case 'c': return calendar_add(c, a, n, BOUNDARY_CLOSE).ms;
	case 'n': return calendar_add(c, a, n, BOUNDARY_NEXT_OPEN).ms;
	case 'b': return calendar_between(c, a, (struct wall){ n });
	case 'o': return calendar_is_open(c, a);
	case 'f': return calendar_next_open(c, a).ms;
	case 'd': return calendar_add_days(c, a, (int32_t)n, DAY_SAME_TIME).ms;
	case 'e': return calendar_add_days(c, a, (int32_t)n, DAY_END).ms;
	case 'w': return calendar_window(c, a, &from, &to) ? from.ms : INT64_MAX;
	case 'W': return calendar_window(c, a, &from, &to) ? to.ms : INT64_MAX;
	default: exit(1);
	}
}

static void answer_changes(const struct zone *z, char *args)
{
	struct wall t = { atoll(strsep(&args, " ")) * MS_PER_S }, to = { atoll(args) * MS_PER_S };

	for (t = zone_next_change(z, t); wall_before(t, to); t = zone_next_change(z, t))
		printf("%lld ", (long long)(t.ms / MS_PER_S));
}

/* About a zone: "offset NAME t t …", "instant NAME local local …", "changes NAME from to"; all in seconds. */
static void answer_zone(char *line)
{
	const char *what = strsep(&line, " "), *name = strsep(&line, " ");
	const struct zone *z;

	if (name == NULL || line == NULL) {
		fprintf(stderr, "no question: %s\n", what);
		exit(1);
	}
	z = zone_of(name);
	if (strcmp(what, "changes") == 0) {
		answer_changes(z, line);
		line = NULL;
	}
	for (char *w; (w = strsep(&line, " ")) != NULL;) {
		int64_t ms = atoll(w) * MS_PER_S;

		printf("%lld ", strcmp(what, "offset") == 0 ? (long long)zone_offset(z, (struct wall){ ms })
							    : (long long)(zone_instant(z, ms).ms / MS_PER_S));
	}
	printf("\n");
}

static int answer_all(void)
{
	struct pair p = { 0 };
	char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		long long at, n;
		char op[16];

		line[strcspn(line, "\n")] = '\0';
		if (strchr(line, '|') != NULL) {
			read_calendar(line, &p);
		} else if (p.plain != NULL && sscanf(line, "%15s %lld %lld", op, &at, &n) == 3) {
			int64_t r = answer(p.tabled, op, (struct wall){ at }, n);

			printf(r == answer(p.plain, op, (struct wall){ at }, n) ? "%lld\n" : "differ\n", (long long)r);
		} else {
			answer_zone(line);
		}
	}
	pair_destroy(&p);
	free(line);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_equals_no_table),
		cmocka_unit_test(far_is_the_sum_of_near),
	};

	if (argc == 2 && strcmp(argv[1], "--answer") == 0)
		return answer_all();
	return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
