/* The index against an array of what is in it, with hashes that collide often and hashes that do not. */
#include "../cmocka_plazo.h"
#include "../prop.h"

#include "base/map.h"
#include "base/siphash.h"

#define N_KEYS 700

/* Hashes of the keys as the round wants them. */
static uint64_t hashes[N_KEYS];

static bool eq(const void *ctx, const void *key, uint32_t value)
{
	assert_ptr_equal(ctx, hashes);
	return *(const uint32_t *)key == value;
}

static void choose_hashes(struct prop *r)
{
	/* From all alike to all different; the upper half never counts. */
	uint64_t mask = UINT64_MAX >> prop_below(r, 65) % 64;

	if (prop_chance(r, 10))
		mask = 0;
	for (uint32_t i = 0; i < N_KEYS; i++)
		hashes[i] = prop_chance(r, 50) ? (prop_u64(r) & mask) : UINT64_MAX - (prop_u64(r) & 7);
}

static void equals_the_model(void **state)
{
	(void)state;
	struct prop r = prop_begin("map");

	for (size_t round = 0; round < prop_rounds(30); round++) {
		bool in[N_KEYS] = { 0 };
		size_t n = 0;
		struct map m;

		map_init(&m);
		choose_hashes(&r);
		for (uint32_t i = 0; i < 3000; i++) {
			uint32_t k = (uint32_t)prop_below(&r, N_KEYS);
			uint32_t found = map_find(&m, hashes[k], eq, hashes, &k);

			assert_int_equal(found, in[k] ? k : MAP_ABSENT);
			if (!in[k] && prop_chance(&r, 60)) {
				map_insert(&m, hashes[k], k);
				in[k] = true;
				n++;
			} else {
				assert_int_equal(map_remove(&m, hashes[k], k), in[k]);
				n -= in[k];
				in[k] = false;
			}
			assert_int_equal(m.n_used, n);

			const char *broken = map_check(&m);

			if (broken != NULL)
				fail_msg("%s", broken);
		}
		for (uint32_t k = 0; k < N_KEYS; k++)
			assert_int_equal(map_find(&m, hashes[k], eq, hashes, &k), in[k] ? k : MAP_ABSENT);
		map_finish(&m);
	}
}

static void many(void **state)
{
	(void)state;
	const struct sipkey key = { 3, 4 };
	uint32_t n = 200000;
	struct map m;

	map_init(&m);
	assert_false(map_remove(&m, 1, 1));
	for (uint32_t i = 0; i < n; i++)
		map_insert(&m, siphash64(key, &i, sizeof(i)), i);
	assert_null(map_check(&m));
	assert_true(map_bytes(&m) <= (size_t)n * 8 * 4 / 3 * 2 + 64);
	for (uint32_t i = 0; i < 2 * n; i++)
		assert_int_equal(map_find(&m, siphash64(key, &i, sizeof(i)), eq, hashes, &i), i < n ? i : MAP_ABSENT);
	for (uint32_t i = 0; i < n; i += 2)
		assert_true(map_remove(&m, siphash64(key, &i, sizeof(i)), i));
	assert_null(map_check(&m));
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(map_find(&m, siphash64(key, &i, sizeof(i)), eq, hashes, &i), i % 2 == 1 ? i : MAP_ABSENT);
	map_finish(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_the_model),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
