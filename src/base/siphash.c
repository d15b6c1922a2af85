#include "base/siphash.h"

#include <endian.h>
#include <string.h>

struct state { uint64_t v0, v1, v2, v3; };

static inline uint64_t rotl(uint64_t x, unsigned n)
{
	return (x << n) | (x >> (64 - n));
}

static inline struct state sip_round(struct state s)
{
	s.v0 += s.v1;
	s.v1 = rotl(s.v1, 13) ^ s.v0;
	s.v0 = rotl(s.v0, 32);
	s.v2 += s.v3;
	s.v3 = rotl(s.v3, 16) ^ s.v2;
	s.v0 += s.v3;
	s.v3 = rotl(s.v3, 21) ^ s.v0;
	s.v2 += s.v1;
	s.v1 = rotl(s.v1, 17) ^ s.v2;
	s.v2 = rotl(s.v2, 32);
	return s;
}

static inline struct state absorb(struct state s, uint64_t word)
{
	s.v3 ^= word;
	s = sip_round(sip_round(s));
	s.v0 ^= word;
	return s;
}

static struct state sip_begin(struct sipkey key)
{
	return (struct state){
		key.k0 ^ UINT64_C(0x736f6d6570736575),
		key.k1 ^ UINT64_C(0x646f72616e646f6d),
		key.k0 ^ UINT64_C(0x6c7967656e657261),
		key.k1 ^ UINT64_C(0x7465646279746573),
	};
}

static struct state absorb_all(struct state s, const void *p, size_t len)
{
	const uint8_t *b = p;
	size_t n_words = len / 8;
	uint64_t last = (uint64_t)len << 56;

	for (size_t i = 0; i < n_words; i++) {
		uint64_t word;

		memcpy(&word, b + i * 8, sizeof(word));
		s = absorb(s, le64toh(word));
	}
	for (size_t i = 0; i < len % 8; i++)
		last |= (uint64_t)b[n_words * 8 + i] << (8 * i);
	return absorb(s, last);
}

static inline struct state four_rounds(struct state s)
{
	return sip_round(sip_round(sip_round(sip_round(s))));
}

static inline uint64_t squeeze(struct state s)
{
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash64(struct sipkey key, const void *p, size_t len)
{
	struct state s = absorb_all(sip_begin(key), p, len);

	s.v2 ^= 0xff;
	return squeeze(four_rounds(s));
}

void siphash128(struct sipkey key, const void *p, size_t len, uint8_t out[16])
{
	struct state s = sip_begin(key);
	uint64_t half;

	s.v1 ^= 0xee;
	s = absorb_all(s, p, len);
	s.v2 ^= 0xee;
	s = four_rounds(s);
	half = htole64(squeeze(s));
	memcpy(out, &half, sizeof(half));
	s.v1 ^= 0xdd;
	s = four_rounds(s);
	half = htole64(squeeze(s));
	memcpy(out + 8, &half, sizeof(half));
}
