/*
 * A growing byte buffer that declares its maximum when it is made. Failure sticks: once an append does not fit, that and all
 * later appends change nothing, and buf_ok() is false; so a writer checks once, at the end.
 */
#ifndef PLAZO_BASE_BUF_H
#define PLAZO_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

static inline bool buf_ok(const struct buf *b)
{
	return !b->failed;
}

/* Borrows: valid until the next change. */
static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p, b->len };
}

const char *buf_cstr(struct buf *b);       /* the same as a C string; "" when empty */

/* buf_append() where there is no room yet. */
void buf_append_more(struct buf *b, const void *p, size_t len);

static inline void buf_append(struct buf *b, const void *p, size_t len)
{
	if (len != 0 && len < b->cap - b->len && !b->failed) {
		memcpy(b->p + b->len, p, len);
		b->len += len;
	} else {
		buf_append_more(b, p, len);
	}
}

static inline void buf_puts(struct buf *b, const char *z)
{
	buf_append(b, z, strlen(z));
}

static inline void buf_put(struct buf *b, struct str s)
{
	buf_append(b, s.p, s.len);
}

static inline void buf_putc(struct buf *b, char c)
{
	if (b->cap - b->len > 1 && !b->failed)
		b->p[b->len++] = c;
	else
		buf_append_more(b, &c, 1);
}

void buf_put_decimal(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Gives the bytes (NUL-terminated, to free()) and leaves the buffer empty. NULL when it failed; an empty one gives "". */
MUST_CHECK char *buf_take(struct buf *b, size_t *len_out);

/*
 * To write much at once without a check for each piece: room for `len` more bytes, NULL when the maximum forbids it; then how many of
 * them were written.
 */
char *buf_room(struct buf *b, size_t len);
void buf_took(struct buf *b, size_t len);

/* LEB128: 7 bits a byte, low first. Signed numbers zigzag. */
#define VARINT_MAX 10

/* Writes at most VARINT_MAX bytes and gives their end. */
static inline char *varint_write(char *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (char)(v | 0x80);
	*p++ = (char)v;
	return p;
}

static inline uint64_t zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

void buf_put_varint(struct buf *b, uint64_t v);
void buf_put_zigzag(struct buf *b, int64_t v);
void buf_put_bytes(struct buf *b, struct str s);     /* varint length, then the bytes */
void buf_put_escaped(struct buf *b, struct str s);   /* as a part of a URL: what RFC 3986 section 2.3 does not name is percent-encoded */
void buf_put_u64le(struct buf *b, uint64_t v);

#endif
