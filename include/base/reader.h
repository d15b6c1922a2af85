/* Reads back what buf_put_varint() and its kin wrote; see buf.h for the forms. */
#ifndef PLAZO_BASE_READER_H
#define PLAZO_BASE_READER_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

static inline int64_t unzigzag(uint64_t v)
{
	return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

/* A cursor: `p` moves on. After a read past the end `bad` is set and all reads give 0. */
struct reader {
	const uint8_t *p, *end;
	bool           bad;
};

static inline struct reader reader_of(struct str s)
{
	return (struct reader){ (const uint8_t *)s.p, (const uint8_t *)s.p + s.len, false };
}

/* `p` stands at the end from then on, so that there is nothing to read. */
static inline void reader_fail(struct reader *r)
{
	r->bad = true;
	r->p = r->end;
}

/* A varint at `p`; `p` in the result is its end, NULL where there is none. For reader_varint(), whose reader need not have an address then. */
struct varint { uint64_t v; const uint8_t *p; };
struct varint varint_read(const uint8_t *p, const uint8_t *end);

static inline uint8_t reader_byte(struct reader *r)
{
	if (r->p < r->end)
		return *r->p++;
	r->bad = true;
	return 0;
}

static inline uint64_t reader_varint(struct reader *r)
{
	const uint8_t *p = r->p;
	struct varint n;

	/* Nearly all are short. */
	if (r->end - p >= 1 && p[0] < 0x80) {
		r->p = p + 1;
		return p[0];
	}
	if (r->end - p >= 2 && p[1] < 0x80) {
		r->p = p + 2;
		return (uint64_t)p[1] << 7 | (p[0] & 0x7f);
	}
	n = varint_read(p, r->end);
	r->p = n.p;
	if (n.p == NULL)
		reader_fail(r);
	return n.v;
}

/* Eight bytes, low first. */
static inline uint64_t reader_u64le(struct reader *r)
{
	uint64_t v = 0;

	if (r->end - r->p < 8) {
		reader_fail(r);
		return 0;
	}
	memcpy(&v, r->p, 8);
	r->p += 8;
	return le64toh(v);
}

int64_t    reader_zigzag(struct reader *r);
struct str reader_bytes(struct reader *r);           /* borrows from what is read */

#endif
