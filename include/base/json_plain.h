/* What needs no thought in a text of JSON: blanks, and the bytes of a string that stand for themselves, eight at a time, or sixteen where every machine
 * of the kind can. For the reader, the writer, and who reads events. */
#ifndef PLAZO_BASE_JSON_PLAIN_H
#define PLAZO_BASE_JSON_PLAIN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The high bit of each byte that is a quote, a backslash, a control or no ASCII; bits above the first one set may be wrong. */
static inline uint64_t special_bytes(uint64_t w)
{
	uint64_t quote = (w ^ EACH('"')) - EACH(1);
	uint64_t backslash = (w ^ EACH('\\')) - EACH(1);
	uint64_t control = w - EACH(0x20);

	return (quote | backslash | control | w) & EACH(0x80);
}

#ifdef __SSE2__
/* A bit for each of sixteen bytes, right for all of them. As signed bytes what is no ASCII is less than a blank, too. */
static inline unsigned special_of_16(const uint8_t *p)
{
	__m128i w = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i special = _mm_cmplt_epi8(w, _mm_set1_epi8(0x20));

	special = _mm_or_si128(special, _mm_cmpeq_epi8(w, _mm_set1_epi8('"')));
	special = _mm_or_si128(special, _mm_cmpeq_epi8(w, _mm_set1_epi8('\\')));
	return (unsigned)_mm_movemask_epi8(special);
}
#endif

/* The first byte from p on that is a quote, a backslash, a control or no ASCII. */
static inline const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		unsigned special = special_of_16(p);

		if (special != 0)
			return p + __builtin_ctz(special);
	}
#endif
	while (end - p >= 8) {
		uint64_t w, special;

		memcpy(&w, p, sizeof(w));
		special = special_bytes(le64toh(w));
		if (special != 0)
			return p + __builtin_ctzll(special) / 8;
		p += 8;
	}
	while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

static inline const uint8_t *skip_blanks(const uint8_t *p, const uint8_t *end)
{
	/* Machines write none. */
	if (p < end && *p > ' ')
		return p;
	while (p < end && *p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

#endif
