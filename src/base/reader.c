#include "base/reader.h"

/* Eight bytes at once: the groups of seven bits move together, in pairs, in fours, in eights. */
static uint64_t join_groups(uint64_t w)
{
	w &= UINT64_C(0x7f7f7f7f7f7f7f7f);
	w = (w & UINT64_C(0x007f007f007f007f)) | (w & UINT64_C(0x7f007f007f007f00)) >> 1;
	w = (w & UINT64_C(0x00003fff00003fff)) | (w & UINT64_C(0x3fff00003fff0000)) >> 2;
	return (w & UINT64_C(0x000000000fffffff)) | (w & UINT64_C(0x0fffffff00000000)) >> 4;
}

struct varint varint_read(const uint8_t *p, const uint8_t *end)
{
	uint64_t v = 0, last;

	if (end - p >= 8) {
		memcpy(&v, p, 8);
		v = le64toh(v);
		last = ~v & UINT64_C(0x8080808080808080);
		/* Up to the lowest byte that does not say that more follows. */
		if (last != 0)
			return (struct varint){ join_groups(v & (last ^ (last - 1))), p + __builtin_ctzll(last) / 8 + 1 };
		v = 0;
	}
	for (unsigned shift = 0; shift < 70 && p < end; shift += 7) {
		uint64_t byte = *p++;

		/* The tenth byte has room for one bit. */
		if (shift == 63 && byte > 1)
			break;
		v |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return (struct varint){ v, p };
	}
	return (struct varint){ 0, NULL };
}

int64_t reader_zigzag(struct reader *r)
{
	return unzigzag(reader_varint(r));
}

struct str reader_bytes(struct reader *r)
{
	uint64_t len = reader_varint(r);
	struct str s = { NULL, 0 };

	if (r->bad || len > (uint64_t)(r->end - r->p)) {
		reader_fail(r);
		return s;
	}
	s = (struct str){ (const char *)r->p, (size_t)len };
	r->p += len;
	return s;
}
