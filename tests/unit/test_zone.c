/* Zone files made by hand: each part of the format and of the footer, and bytes that are no zone. tests/property has the real ones. */
#include "../cmocka_plazo.h"

#include "../prop.h"
#include "base/buf.h"
#include "base/civil.h"
#include "base/limits.h"
#include "core/zone.h"

#define YEAR(y) (civil_to_days((struct civil){ (y), 1, 1 }) * INT64_C(86400))

static void put_be(struct buf *b, uint64_t v, int size)
{
	for (int i = size - 1; i >= 0; i--)
		buf_putc(b, (char)(v >> (8 * i) & 0xff));
}

/* What a file of ours says; times in seconds. */
struct recipe {
	char           version;
	const int64_t *at;         /* n_at of them */
	const uint8_t *index;
	uint32_t       n_at;
	const int32_t *offsets;    /* n_types of them */
	uint32_t       n_types, n_leap;
	const char    *footer;     /* NULL: none, not even an empty one */
};

static void put_block(struct buf *b, const struct recipe *r, int time_size)
{
	buf_append(b, "TZif", 4);
	buf_putc(b, r->version);
	for (int i = 0; i < 15; i++)
		buf_putc(b, 0);
	put_be(b, 0, 4);
	put_be(b, 0, 4);
	put_be(b, r->n_leap, 4);
	put_be(b, r->n_at, 4);
	put_be(b, r->n_types, 4);
	put_be(b, 4, 4);
	for (uint32_t i = 0; i < r->n_at; i++)
		put_be(b, (uint64_t)r->at[i], time_size);
	for (uint32_t i = 0; i < r->n_at; i++)
		buf_putc(b, (char)r->index[i]);
	for (uint32_t i = 0; i < r->n_types; i++) {
		put_be(b, (uint32_t)r->offsets[i], 4);
		put_be(b, 0, 2);
	}
	buf_append(b, "ABC", 4);
	for (uint32_t i = 0; i < r->n_leap; i++) {
		put_be(b, 0, time_size);
		put_be(b, 1, 4);
	}
}

static void bake(struct buf *b, const struct recipe *r)
{
	buf_init(b, 1 << 16);
	put_block(b, r, 4);
	if (r->version == '\0')
		return;
	put_block(b, r, 8);
	if (r->footer != NULL)
		buf_printf(b, "\n%s\n", r->footer);
}

static enum err parse(const struct recipe *r, struct zone **z, struct diag *d)
{
	struct buf b;
	enum err e;

	bake(&b, r);
	e = zone_parse(STR("Test/Zone"), buf_str(&b), z, d);
	buf_finish(&b);
	return e;
}

static struct zone *made(const struct recipe *r)
{
	struct zone *z = NULL;
	struct diag d = { 0 };

	if (parse(r, &z, &d) != ERR_OK)
		fail_msg("%s", d.msg);
	return z;
}

static const int32_t utc_alone[] = { 0 };

static struct zone *by_rule(const char *footer)
{
	return made(&(struct recipe){ .version = '3', .offsets = utc_alone, .n_types = 1, .footer = footer });
}

static int32_t offset_s(const struct zone *z, int64_t s)
{
	return zone_offset(z, (struct wall){ s * MS_PER_S });
}

static int64_t utc_s(int32_t y, int32_t m, int32_t d, int32_t h)
{
	return civil_to_days((struct civil){ y, m, d }) * INT64_C(86400) + h * 3600;
}

/* The offset changes exactly at `at`. */
static void assert_change(const struct zone *z, int64_t at, int32_t before, int32_t after)
{
	assert_int_equal(offset_s(z, at - 1), before);
	assert_int_equal(offset_s(z, at), after);
	assert_int_equal(zone_next_change(z, (struct wall){ at * MS_PER_S - 1 }).ms, at * MS_PER_S);
}

static void utc_has_no_changes(void **state)
{
	struct zone *z = zone_create_utc();
	(void)state;

	assert_string_equal(zone_name(z), "UTC");
	assert_int_equal(zone_offset(z, WALL_MIN), 0);
	assert_int_equal(zone_local(z, (struct wall){ 1234567 }), 1234567);
	assert_int_equal(zone_instant(z, -5).ms, -5);
	assert_true(wall_is_never(zone_next_change(z, WALL_PAST)));
	zone_destroy(z);
	zone_destroy(NULL);
}

/* An hour is skipped at 1000000, and another is shown twice at 2000000. */
static void gap_and_fold(void **state)
{
	static const int64_t at[] = { 1000000, 2000000 };
	static const uint8_t index[] = { 1, 0 };
	static const int32_t offsets[] = { 3600, 7200 };
	struct recipe r = { '2', at, index, 2, offsets, 2, 0, "" };
	(void)state;

	for (int version = 0; version < 2; version++) {
		struct zone *z;

		r.version = version == 0 ? '\0' : '2';
		z = made(&r);
		assert_string_equal(zone_name(z), "Test/Zone");
		assert_change(z, 1000000, 3600, 7200);
		assert_change(z, 2000000, 7200, 3600);
		assert_int_equal(zone_local(z, (struct wall){ 1000000000 }), 1007200000);

		assert_int_equal(zone_instant(z, 1003599999).ms, 999999999);
		assert_int_equal(zone_instant(z, 1003600000).ms, 1000000000);    /* skipped: moved forward by the hour */
		assert_int_equal(zone_instant(z, 1007199999).ms, 1003599999);
		assert_int_equal(zone_instant(z, 1007200000).ms, 1000000000);    /* the first that is there */
		assert_int_equal(zone_instant(z, 2003600000).ms, 1996400000);    /* shown twice: the first */
		assert_int_equal(zone_instant(z, 2007199999).ms, 1999999999);
		assert_int_equal(zone_instant(z, 2007200000).ms, 2003600000);
		zone_destroy(z);
	}
}

static void milliseconds_before_1970_round_down(void **state)
{
	static const int64_t at[] = { -10 };
	static const uint8_t index[] = { 1 };
	static const int32_t offsets[] = { 0, 60 };
	struct zone *z = made(&(struct recipe){ '2', at, index, 1, offsets, 2, 0, "" });
	(void)state;

	assert_int_equal(zone_offset(z, (struct wall){ -10001 }), 0);
	assert_int_equal(zone_offset(z, (struct wall){ -10000 }), 60);
	assert_int_equal(zone_offset(z, (struct wall){ -9999 }), 60);
	zone_destroy(z);
}

static void footer_goes_on_where_the_file_ends(void **state)
{
	int64_t at[] = { YEAR(2000) };
	static const uint8_t index[] = { 0 };
	static const int32_t offsets[] = { 3600 };
	struct zone *z = made(&(struct recipe){ '2', at, index, 1, offsets, 1, 0, "CET-1CEST,M3.5.0,M10.5.0/3" });
	(void)state;

	assert_int_equal(offset_s(z, utc_s(1999, 7, 1, 0)), 3600);
	assert_change(z, utc_s(2000, 3, 26, 1), 3600, 7200);
	assert_change(z, utc_s(2000, 10, 29, 1), 7200, 3600);
	assert_change(z, utc_s(2026, 3, 29, 1), 3600, 7200);
	assert_change(z, utc_s(2299, 3, 26, 1), 3600, 7200);
	zone_destroy(z);
}

static void footers_of_every_form(void **state)
{
	struct zone *z = by_rule("<+0330>-3:30");
	(void)state;

	assert_int_equal(offset_s(z, YEAR(2026)), 12600);
	zone_destroy(z);

	z = by_rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");      /* Nuuk: on Saturday evening */
	assert_change(z, utc_s(2026, 3, 29, 1), -7200, -3600);
	assert_change(z, utc_s(2026, 10, 25, 1), -3600, -7200);
	zone_destroy(z);

	z = by_rule("EET-2EEST,M3.4.4/50,M10.4.4/50");       /* Gaza: two hours into the second day after Thursday */
	assert_change(z, utc_s(2026, 3, 28, 0), 7200, 10800);
	assert_change(z, utc_s(2026, 10, 23, 23), 10800, 7200);
	zone_destroy(z);

	z = by_rule("AEST-10AEDT,M10.1.0,M4.1.0/3");         /* the south: summer goes on over new year */
	assert_int_equal(offset_s(z, YEAR(2026)), 39600);
	assert_change(z, utc_s(2026, 4, 4, 16), 39600, 36000);
	assert_change(z, utc_s(2026, 10, 3, 16), 36000, 39600);
	zone_destroy(z);

	z = by_rule("IST-1GMT0,M10.5.0,M3.5.0/1");           /* Dublin: winter is the exception */
	assert_int_equal(offset_s(z, utc_s(2026, 1, 1, 0)), 0);
	assert_change(z, utc_s(2026, 3, 29, 1), 0, 3600);
	assert_change(z, utc_s(2026, 10, 25, 1), 3600, 0);
	zone_destroy(z);

	z = by_rule("AAA3BBB,J60/0,300/0");                  /* J60 is March 1 in every year, 300 counts the leap day */
	assert_change(z, utc_s(2023, 3, 1, 3), -10800, -7200);
	assert_change(z, utc_s(2024, 3, 1, 3), -10800, -7200);
	assert_change(z, utc_s(2023, 10, 28, 2), -7200, -10800);
	assert_change(z, utc_s(2024, 10, 27, 2), -7200, -10800);
	zone_destroy(z);

	z = by_rule("AAA0BBB-0:20:30,M2.5.1/-167,M11.1.6/167:59:59");
	assert_change(z, utc_s(2026, 2, 16, 1), 0, 1230);
	assert_change(z, utc_s(2026, 11, 14, 0) - 1231, 1230, 0);
	zone_destroy(z);
}

static void daylight_saving_all_year(void **state)
{
	static const char *const footers[] = { "EST5EDT,0/0,J365/25", "XXX3EDT4,0/0,J365/23" };
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		struct zone *z = by_rule(footers[i]);

		assert_int_equal(offset_s(z, YEAR(2026)), -14400);
		assert_int_equal(offset_s(z, YEAR(2026) + 5 * 3600), -14400);
		assert_true(wall_before((struct wall){ YEAR(2300) * MS_PER_S }, zone_next_change(z, (struct wall){ YEAR(1901) * MS_PER_S })));
		zone_destroy(z);
	}
}

static void refuses_footers(void **state)
{
	static const char *const bad[] = {
		"A0", "AB", "CET", "CET-25", "CET-1:60", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,J0,J365", "CET-1CEST,J1,J366", "CET-1CEST,0,366",
		"CET-1CEST,M3.5.0/168,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0/3x", "<+03-3", "<+3>-3x", "CET-1CEST,,M10.5.0", "CET--1", "CET- 1",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct zone *z = NULL;
		struct diag d = { 0 };
		struct recipe r = { .version = '3', .offsets = utc_alone, .n_types = 1, .footer = bad[i] };

		if (parse(&r, &z, &d) != ERR_SYNTAX)
			fail_msg("taken: %s", bad[i]);
		assert_null(z);
		assert_true(d.msg[0] != '\0');
	}
}

static void assert_refused(const struct recipe *r, const char *why)
{
	struct zone *z = NULL;
	struct diag d = { 0 };

	assert_int_equal(parse(r, &z, &d), ERR_SYNTAX);
	if (strstr(d.msg, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", d.msg, why);
}

static void refuses_files(void **state)
{
	static const int64_t down[] = { 5, 5 }, up[] = { 5, 6 };
	static const uint8_t index[] = { 0, 0 }, beyond[] = { 0, 1 };
	static const int32_t east[] = { 93600 }, apart[] = { 0, 41288, -39600 };
	static const int64_t close[] = { 0, 49 }, far[] = { 0, 80888 };
	static const uint8_t there[] = { 1, 2 };
	struct zone *z = NULL;
	(void)state;

	assert_refused(&(struct recipe){ '2', down, index, 2, utc_alone, 1, 0, "" }, "not in order");
	assert_refused(&(struct recipe){ '2', up, beyond, 2, utc_alone, 1, 0, "" }, "not there");
	assert_refused(&(struct recipe){ '2', up, index, 2, utc_alone, 0, 0, "" }, "no offsets");
	assert_refused(&(struct recipe){ '2', up, index, 2, east, 1, 0, "" }, "out of range");
	assert_refused(&(struct recipe){ '2', up, index, 2, utc_alone, 1, 1, "" }, "leap seconds");
	assert_refused(&(struct recipe){ '2', up, index, 2, utc_alone, 1, 0, NULL }, "footer");
	assert_refused(&(struct recipe){ '1', up, index, 2, utc_alone, 1, 0, "" }, "version");
	/* By 22 h and 28 min, 49 s after the change before, and just as much after it. */
	assert_refused(&(struct recipe){ '2', close, there, 2, apart, 3, 0, "" }, "before the change before");
	assert_int_equal(parse(&(struct recipe){ '2', far, there, 2, apart, 3, 0, "" }, &z, NULL), ERR_OK);
	assert_int_equal(zone_instant(z, 41288000).ms, 0);
	zone_destroy(z);
}

static void refuses_too_much(void **state)
{
	static char big[ZONE_MAX_FILE + 1];
	struct zone *z = NULL;
	(void)state;

	assert_int_equal(zone_parse(STR("X"), (struct str){ big, sizeof(big) }, &z, NULL), ERR_LIMIT);
	assert_int_equal(zone_parse(STR("X"), (struct str){ big, sizeof(big) - 1 }, &z, NULL), ERR_SYNTAX);
	assert_int_equal(zone_parse(STR("X"), (struct str){ NULL, 0 }, &z, NULL), ERR_SYNTAX);
	assert_null(z);
}

/* A parser that reads past the end is caught by the sanitizers here: each try lies in a place of its own size. */
static void try_bytes(const char *p, size_t len)
{
	char *copy = malloc(len + (len == 0));
	struct zone *z = NULL;
	struct diag d;

	memcpy(copy, p, len);
	if (zone_parse(STR("Hostile"), (struct str){ copy, len }, &z, &d) == ERR_OK) {
		for (int64_t s = YEAR(1900); s < YEAR(2300); s += 86400 * 1000) {
			struct wall t = { s * MS_PER_S };

			assert_in_range(zone_offset(z, t) + 100000, 0, 200000);
			assert_true(llabs(zone_instant(z, zone_local(z, t)).ms - t.ms) <= 2 * MS_PER_DAY + 4 * MS_PER_H);
			(void)zone_next_change(z, t);
		}
		assert_true(wall_is_never((struct wall){ zone_local(z, WALL_NEVER) }));
		zone_destroy(z);
	}
	free(copy);
}

static void hostile_bytes(void **state)
{
	static const int64_t at[] = { -(INT64_C(1) << 59), 1000000, 2000000, 3000000 };
	static const uint8_t index[] = { 1, 2, 0, 1 };
	static const int32_t offsets[] = { 3600, 7200, -89999 };
	static const char likely[] = { 0, 1, 0x7f, (char)0x80, (char)0xff, '0', '9', ',', '/', '.', 'M' };
	struct prop p = prop_begin("zone: hostile bytes");
	struct buf b;
	(void)state;

	bake(&b, &(struct recipe){ '2', at, index, 4, offsets, 3, 0, "CET-1CEST,M3.5.0,M10.5.0/3" });
	for (size_t len = 0; len <= b.len; len++)
		try_bytes(b.p, len);
	for (size_t round = prop_rounds(20000); round > 0; round--) {
		char bytes[1024];

		memcpy(bytes, b.p, b.len);
		for (size_t i = prop_below(&p, 4) + 1; i > 0; i--)
			bytes[prop_below(&p, b.len)] = prop_chance(&p, 50) ? (char)prop_u64(&p) : likely[prop_below(&p, sizeof(likely))];
		try_bytes(bytes, b.len);
	}
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utc_has_no_changes),
		cmocka_unit_test(gap_and_fold),
		cmocka_unit_test(milliseconds_before_1970_round_down),
		cmocka_unit_test(footer_goes_on_where_the_file_ends),
		cmocka_unit_test(footers_of_every_form),
		cmocka_unit_test(daylight_saving_all_year),
		cmocka_unit_test(refuses_footers),
		cmocka_unit_test(refuses_files),
		cmocka_unit_test(refuses_too_much),
		cmocka_unit_test(hostile_bytes),
	};

	return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
