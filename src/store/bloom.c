#include "store/bloom.h"

#include <stdlib.h>

#include "base/xalloc.h"

#define BITS_FIRST ((size_t)1 << 16)
#define BITS_EACH  16     /* bits for each member when the filter is full */
#define N_PROBES   7

static size_t filter_bits(size_t i)
{
	return BITS_FIRST << i;
}

/* The probes are h1 + i * h2 (Kirsch and Mitzenmacher): as good as independent hashes, and one siphash makes them all. */
static size_t probe(uint64_t hash, size_t i, size_t bits)
{
	uint64_t step = (hash >> 32) | 1;

	return (size_t)(hash + i * step + (i * i * i - i) / 6) & (bits - 1);
}

void bloom_init(struct bloom *b)
{
	*b = (struct bloom){ .n_filters = 0 };
}

void bloom_finish(struct bloom *b)
{
	for (size_t i = 0; i < b->n_filters; i++)
		free(b->filter[i]);
	bloom_init(b);
}

static bool filter_has(const uint64_t *words, size_t bits, uint64_t hash)
{
	for (size_t i = 0; i < N_PROBES; i++) {
		size_t at = probe(hash, i, bits);

		if ((words[at / 64] & (UINT64_C(1) << (at % 64))) == 0)
			return false;
	}
	return true;
}

bool bloom_has(const struct bloom *b, uint64_t hash)
{
	for (size_t i = b->n_filters; i-- > 0;)
		if (filter_has(b->filter[i], filter_bits(i), hash))
			return true;
	return false;
}

void bloom_add(struct bloom *b, uint64_t hash)
{
	if (bloom_has(b, hash))
		return;

	bool full = b->n_filters == 0 || b->n_last >= filter_bits(b->n_filters - 1) / BITS_EACH;

	/* Past the last filter (5 * 10^11 bits) it only gets less exact; a machine is out of memory long before. */
	if (full && b->n_filters < BLOOM_MAX_FILTERS) {
		b->filter[b->n_filters] = xcalloc(filter_bits(b->n_filters) / 64, sizeof(uint64_t));
		b->n_filters++;
		b->n_last = 0;
	}

	uint64_t *words = b->filter[b->n_filters - 1];
	size_t bits = filter_bits(b->n_filters - 1);

	for (size_t i = 0; i < N_PROBES; i++) {
		size_t at = probe(hash, i, bits);

		words[at / 64] |= UINT64_C(1) << (at % 64);
	}
	b->n_last++;
}

size_t bloom_bytes(const struct bloom *b)
{
	size_t bytes = 0;

	for (size_t i = 0; i < b->n_filters; i++)
		bytes += filter_bits(i) / 8;
	return bytes;
}
