/* The bytes of a string that stand for themselves, eight at a time: for the reader and the writer. */
#ifndef PLAZO_BASE_JSON_PLAIN_H
#define PLAZO_BASE_JSON_PLAIN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The high bit of each byte that is a quote, a backslash, a control or no ASCII; bits above the first one set may be wrong. */
static inline uint64_t special_bytes(uint64_t w)
{
	uint64_t quote = (w ^ EACH('"')) - EACH(1);
	uint64_t backslash = (w ^ EACH('\\')) - EACH(1);
	uint64_t control = w - EACH(0x20);

	return (quote | backslash | control | w) & EACH(0x80);
}

/* The first byte from p on that is a quote, a backslash, a control or no ASCII. */
static inline const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end)
{
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

#endif
