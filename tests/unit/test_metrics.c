#include "../cmocka_plazo.h"

#include <math.h>

#include "web/metrics.h"

static void expect(struct buf *b, const char *text)
{
	assert_true(buf_ok(b));
	assert_string_equal(buf_cstr(b), text);
	buf_finish(b);
}

static void one_family(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	metrics_one_count(&b, "plazod_x_total", "What x is.", UINT64_MAX);
	metrics_one_gauge(&b, "plazod_y", "What y is.", 0.25);
	expect(&b, "# HELP plazod_x_total What x is.\n# TYPE plazod_x_total counter\nplazod_x_total 18446744073709551615\n"
		   "# HELP plazod_y What y is.\n# TYPE plazod_y gauge\nplazod_y 0.25\n");
}

static void labels_are_escaped(void **state)
{
	struct metrics_label l[] = { { "a", "x\"y\\z\nw" }, { "b", "" } };
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	metrics_count(&b, "m", l, 2, 7);
	expect(&b, "m{a=\"x\\\"y\\\\z\\nw\",b=\"\"} 7\n");
}

static void odd_numbers(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	metrics_gauge(&b, "m", NULL, 0, NAN);
	metrics_gauge(&b, "m", NULL, 0, INFINITY);
	metrics_gauge(&b, "m", NULL, 0, -INFINITY);
	metrics_gauge(&b, "m", NULL, 0, 1795426200.123);
	expect(&b, "m NaN\nm +Inf\nm -Inf\nm 1795426200.123\n");
}

static void histograms_are_cumulated(void **state)
{
	static const double bounds[] = { 0.05, 1 };
	static const uint64_t counts[] = { 2, 0, 5 };
	struct metrics_label l[] = { { "receiver", "l1" } };
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	metrics_histogram(&b, "h", l, 1, bounds, counts, 2, 12.5);
	metrics_histogram(&b, "g", NULL, 0, bounds, counts, 1, 0);
	expect(&b, "h_bucket{receiver=\"l1\",le=\"0.05\"} 2\nh_bucket{receiver=\"l1\",le=\"1\"} 2\nh_bucket{receiver=\"l1\",le=\"+Inf\"} 7\n"
		   "h_sum{receiver=\"l1\"} 12.5\nh_count{receiver=\"l1\"} 7\n"
		   "g_bucket{le=\"0.05\"} 2\ng_bucket{le=\"+Inf\"} 2\ng_sum 0\ng_count 2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_family), cmocka_unit_test(labels_are_escaped), cmocka_unit_test(odd_numbers),
		cmocka_unit_test(histograms_are_cumulated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
