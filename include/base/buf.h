/*
 * A growing byte buffer that declares its maximum when it is made. Failure sticks: once an append does not fit, that and all
 * later appends change nothing, and buf_ok() is false; so a writer checks once, at the end.
 */
#ifndef PLAZO_BASE_BUF_H
#define PLAZO_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

/* For what is made of our own memory alone, whose size something else bounds. */
#define BUF_NO_MAX (SIZE_MAX / 4)

struct buf {
	char  *p;        /* owned; NULL until the first append */
	size_t len;      /* bytes in use */
	size_t cap;      /* bytes allocated; one more than len at least, for the NUL of buf_cstr() */
	size_t max;      /* len never passes it */
	bool   failed;   /* an append did not fit */
};

void buf_init(struct buf *b, size_t max);
void buf_finish(struct buf *b);            /* frees; the buffer is as after buf_init with the same max */
void buf_reset(struct buf *b);             /* empty and not failed; keeps the memory */

bool buf_ok(const struct buf *b);
struct str buf_str(const struct buf *b);   /* borrows: valid until the next change */
const char *buf_cstr(struct buf *b);       /* the same as a C string; "" when empty */

void buf_append(struct buf *b, const void *p, size_t len);
void buf_puts(struct buf *b, const char *z);
void buf_put(struct buf *b, struct str s);
void buf_putc(struct buf *b, char c);
void buf_put_decimal(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Gives the bytes (NUL-terminated, to free()) and leaves the buffer empty. NULL when it failed; an empty one gives "". */
MUST_CHECK char *buf_take(struct buf *b, size_t *len_out);

/* LEB128: 7 bits a byte, low first. Signed numbers zigzag. Ten bytes at most. */
void buf_put_varint(struct buf *b, uint64_t v);
void buf_put_zigzag(struct buf *b, int64_t v);
void buf_put_bytes(struct buf *b, struct str s);     /* varint length, then the bytes */

/* Reads back what the three above wrote. A cursor: `p` moves on. After a read past the end `bad` is set and all reads give 0. */
struct reader {
	const uint8_t *p, *end;
	bool           bad;
};

static inline struct reader reader_of(struct str s)
{
	return (struct reader){ (const uint8_t *)s.p, (const uint8_t *)s.p + s.len, false };
}

uint64_t   reader_long_varint(struct reader *r);     /* any; for reader_varint() */
uint8_t    reader_no_byte(struct reader *r);         /* the end, for reader_byte() */
int64_t    reader_zigzag(struct reader *r);
uint64_t   reader_u64le(struct reader *r);           /* eight bytes, low first */
struct str reader_bytes(struct reader *r);           /* borrows from what is read */

static inline uint8_t reader_byte(struct reader *r)
{
	return r->p < r->end ? *r->p++ : reader_no_byte(r);
}

static inline uint64_t reader_varint(struct reader *r)
{
	/* Nearly all are short. */
	return r->p < r->end && *r->p < 0x80 ? *r->p++ : reader_long_varint(r);
}
void       buf_put_u64le(struct buf *b, uint64_t v);

#endif
