/* Find, insert and remove in the hash index at 10^6 keys of 16 bytes, records in an array as the engine keeps them. */
#include <string.h>

#include "base/map.h"
#include "base/siphash.h"

#include "bench.h"

struct record { char key[16]; uint64_t payload; };

static struct record *records;

static bool eq(const void *ctx, const void *key, uint32_t value)
{
	(void)ctx;
	return memcmp(records[value].key, key, sizeof(records[value].key)) == 0;
}

int main(void)
{
	const struct sipkey key = { 1, 2 };
	size_t n = bench_size("BENCH_N", 1000000), found = 0;
	uint64_t seed = 42;
	struct map m;
	double t;

	records = calloc(n, sizeof(*records));
	for (size_t i = 0; i < n; i++)
		memcpy(records[i].key + 4, &i, sizeof(i));
	map_init(&m);
	t = bench_now_ns();
	for (size_t i = 0; i < n; i++)
		map_insert(&m, siphash64(key, records[i].key, sizeof(records[i].key)), (uint32_t)i);
	printf("%zu keys, %.1f bytes a key\n", n, (double)map_bytes(&m) / (double)n);
	bench_tell("map: insert, growth and siphash included", (bench_now_ns() - t) / (double)n, NULL, 0);

	t = bench_now_ns();
	for (size_t i = 0; i < n; i++) {
		char k[16] = { 0 };

		memcpy(k, records[bench_random(&seed) % n].key, sizeof(k));
		found += map_find(&m, siphash64(key, k, sizeof(k)), eq, NULL, k) != MAP_ABSENT;
	}
	bench_tell("map: find one that is there", (bench_now_ns() - t) / (double)n, NULL, 0);

	t = bench_now_ns();
	for (size_t i = 0; i < n; i++) {
		char k[16] = "REQ-";

		memcpy(k + 4, &i, sizeof(i));
		found += map_find(&m, siphash64(key, k, sizeof(k)), eq, NULL, k) != MAP_ABSENT;
	}
	bench_tell("map: find one that is not", (bench_now_ns() - t) / (double)n, NULL, 0);

	t = bench_now_ns();
	for (size_t i = 0; i < n; i++)
		found += map_remove(&m, siphash64(key, records[i].key, sizeof(records[i].key)), (uint32_t)i) ? 0 : 1000;
	bench_tell("map: remove", (bench_now_ns() - t) / (double)n, NULL, 0);
	map_finish(&m);
	free(records);
	return found == n ? 0 : 1;
}
