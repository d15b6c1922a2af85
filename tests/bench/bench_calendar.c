/* One deadline: 8 h on Monday to Friday 9 to 17 in Madrid with ten holidays; from the table, and day by day without one. */
#include <stdio.h>
#include <stdlib.h>

#include "../zone_file.h"
#include "bench.h"
#include "core/calendar.h"

#define N_AT 4096
#define FIRST_YEAR 2016
#define LAST_YEAR  2036

static struct wall at[N_AT];

static int64_t add(const struct calendar *c, size_t i, int64_t ms)
{
	return calendar_add(c, at[i % N_AT], ms, BOUNDARY_CLOSE).ms;
}

static int64_t add_8h(const struct calendar *c, size_t i)
{
	return add(c, i, 8 * MS_PER_H);
}

static int64_t add_80h(const struct calendar *c, size_t i)
{
	return add(c, i, 80 * MS_PER_H);
}

static int64_t back_8h(const struct calendar *c, size_t i)
{
	return add(c, i, -8 * MS_PER_H);
}

static int64_t next_opening(const struct calendar *c, size_t i)
{
	return calendar_add(c, at[i % N_AT], 8 * MS_PER_H, BOUNDARY_NEXT_OPEN).ms;
}

static int64_t between_90d(const struct calendar *c, size_t i)
{
	return calendar_between(c, at[i % N_AT], wall_plus(at[i % N_AT], 90 * MS_PER_DAY));
}

static int64_t three_days(const struct calendar *c, size_t i)
{
	return calendar_add_days(c, at[i % N_AT], 3, DAY_END).ms;
}

static int64_t all_years(const struct calendar *c, size_t i)
{
	return calendar_between(c, (struct wall){ (int64_t)i }, WALL_MAX);
}

/* The least of five rounds, in ns: what is above it is the machine's other work. */
static double measure(const struct calendar *c, int64_t (*op)(const struct calendar *, size_t), size_t n)
{
	volatile int64_t sink = 0;
	double best = 1e18;

	for (int round = 0; round < 5; round++) {
		double t = bench_now_ns();

		for (size_t i = 0; i < n; i++)
			sink = sink + op(c, i);
		t = (bench_now_ns() - t) / (double)n;
		best = t < best ? t : best;
	}
	return best;
}

static void random_instants(void)
{
	uint64_t state = 1;
	int64_t first = civil_to_days((struct civil){ FIRST_YEAR + 1, 1, 1 }) * MS_PER_DAY;

	for (size_t i = 0; i < N_AT; i++)
		at[i].ms = first + (int64_t)(bench_random(&state) % (uint64_t)(18 * 365 * MS_PER_DAY));
}

/* What is measured, and how many times fewer than the quickest, with a table and without. */
static const struct { const char *name; int64_t (*op)(const struct calendar *, size_t); size_t fewer[2]; } ops[] = {
	{ "add 8 h",               add_8h,       { 1, 100 } },
	{ "add 8 h, next opening", next_opening, { 1, 100 } },
	{ "add 80 h",              add_80h,      { 1, 100 } },
	{ "add -8 h",              back_8h,      { 1, 100 } },
	{ "between, 90 days",      between_90d,  { 1, 200 } },
	{ "3 business days",       three_days,   { 10, 10 } },
	{ "between, 1970 to 2200", all_years,    { 20000, 20000 } },
};

int main(void)
{
	static const struct hours office[] = { { 9 * 3600, 17 * 3600 } };
	struct holiday holidays[10];
	struct calendar_spec spec = { .name = "office", .zone = zone_file("Europe/Madrid"), .holidays = holidays, .n_holidays = 10 };
	size_t n = bench_size("BENCH_N", 1000000);
	struct calendar *tabled, *plain;
	double t, ns[sizeof(ops) / sizeof(ops[0])];

	for (int i = 0; i < 10; i++)
		holidays[i].date = (struct civil){ 0, 1 + i, 3 + 2 * i };
	for (int i = 0; i < 5; i++)
		spec.week[i] = (struct day_hours){ office, 1 };
	random_instants();

	t = bench_now_ns();
	tabled = calendar_create(&spec, FIRST_YEAR, LAST_YEAR);
	t = bench_now_ns() - t;
	plain = calendar_create(&spec, 1, 0);
	printf("table of %d years: %.2f ms, %zu bytes\n", LAST_YEAR - FIRST_YEAR + 1, t / 1e6, calendar_bytes(tabled));
	printf("%-24s %10s %14s\n", "ns", "table", "day by day");
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		ns[i] = measure(tabled, ops[i].op, n / ops[i].fewer[0] + 1);
		printf("%-24s %10.1f %14.1f\n", ops[i].name, ns[i], measure(plain, ops[i].op, n / ops[i].fewer[1] + 1));
	}
	printf("one deadline: %.1f ns, %.2f of the goal of 25 ns\n", ns[0], ns[0] / 25);
	calendar_destroy(tabled);
	calendar_destroy(plain);
	zone_destroy((struct zone *)(uintptr_t)spec.zone);
	return 0;
}
