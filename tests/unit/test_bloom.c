/* The set of hashes: it never forgets a member, and is seldom wrong about a stranger. */
#include "../cmocka_plazo.h"

#include "base/siphash.h"
#include "store/bloom.h"

static uint64_t hash_of(uint64_t i)
{
	return siphash64((struct sipkey){ 1, 2 }, &i, sizeof i);
}

static void members_and_strangers(void **state)
{
	struct bloom b;
	size_t wrong = 0;
	const uint64_t n = 300000;

	(void)state;
	bloom_init(&b);
	assert_false(bloom_has(&b, 0));
	for (uint64_t i = 0; i < n; i++) {
		bloom_add(&b, hash_of(i));
		/* Adding twice takes no room. */
		bloom_add(&b, hash_of(i));
	}
	for (uint64_t i = 0; i < n; i++)
		assert_true(bloom_has(&b, hash_of(i)));
	for (uint64_t i = n; i < 2 * n; i++)
		wrong += bloom_has(&b, hash_of(i));
	assert_true(wrong < n / 100);
	assert_true(bloom_bytes(&b) <= n * 4 + 16384);
	bloom_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(members_and_strangers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
