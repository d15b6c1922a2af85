#include "../cmocka_plazo.h"
#include "../prop.h"

#include "base/arena.h"

static void zeroed_and_aligned(void **state)
{
	(void)state;
	struct prop r = prop_begin("arena");
	struct arena *a = arena_create();

	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < prop_rounds(2000); i++) {
			size_t n = prop_chance(&r, 3) ? prop_below(&r, 200000) : prop_below(&r, 300);
			unsigned char *p = arena_alloc(a, n);

			assert_int_equal((uintptr_t)p % 16, 0);
			for (size_t k = 0; k < n; k++)
				assert_int_equal(p[k], 0);
			memset(p, 0xa5, n);
		}
		arena_reset(a);
		assert_int_equal(arena_used(a), 0);
	}
	arena_destroy(a);
	arena_destroy(NULL);
}

static void places_do_not_overlap(void **state)
{
	(void)state;
	struct prop r = prop_begin("arena overlap");
	struct arena *a = arena_create();
	size_t n = 3000;
	struct { unsigned char *p; size_t len; } *v = arena_array(a, n, sizeof(*v));

	for (size_t i = 0; i < n; i++) {
		v[i].len = prop_chance(&r, 2) ? 10000 + prop_below(&r, 50000) : prop_below(&r, 100);
		v[i].p = arena_alloc(a, v[i].len);
		memset(v[i].p, (int)(i & 255), v[i].len);
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < v[i].len; k++)
			assert_int_equal(v[i].p[k], i & 255);
	}
	arena_destroy(a);
}

static void texts(void **state)
{
	(void)state;
	struct arena *a = arena_create();
	int *v = arena_array(a, 2, sizeof(*v));
	struct str s = arena_str(a, (struct str){ "abcdef", 3 });

	v[0] = 7;
	v[1] = 8;
	v = arena_grow(a, v, 2, 4, sizeof(*v));
	assert_int_equal(v[0] * 10 + v[1], 78);
	assert_int_equal(v[2] + v[3], 0);
	v = arena_grow(a, NULL, 0, 1, sizeof(*v));
	assert_int_equal(v[0], 0);
	assert_string_equal(s.p, "abc");
	assert_string_equal(arena_strdup(a, "xyz"), "xyz");
	assert_string_equal(arena_printf(a, "%d-%s", 12, "a"), "12-a");
	assert_string_equal(arena_printf(a, "%s", ""), "");
	assert_int_equal(arena_str(a, (struct str){ NULL, 0 }).len, 0);
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroed_and_aligned),
		cmocka_unit_test(places_do_not_overlap),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
