#include "base/buf.h"

#include <assert.h>
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"

#define CAP_FIRST ((size_t)256)

void buf_init(struct buf *b, size_t max)
{
	assert(max < SIZE_MAX / 2);
	*b = (struct buf){ .max = max };
}

void buf_finish(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

bool buf_ok(const struct buf *b)
{
	return !b->failed;
}

struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p, b->len };
}

static void grow(struct buf *b, size_t need)
{
	size_t cap = b->cap != 0 ? b->cap : CAP_FIRST;

	while (cap < need)
		cap *= 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	b->p = xreallocarray(b->p, cap, 1);
	b->cap = cap;
}

static bool reserve_more(struct buf *b, size_t len)
{
	if (b->failed || len > b->max - b->len) {
		b->failed = true;
		return false;
	}
	if (b->len + len + 1 > b->cap)
		grow(b, b->len + len + 1);
	return true;
}

/* Room for `len` more bytes and the NUL; false, and sticky, when the maximum forbids it. */
static inline bool reserve(struct buf *b, size_t len)
{
	return (len < b->cap - b->len && !b->failed) || reserve_more(b, len);
}

const char *buf_cstr(struct buf *b)
{
	if (b->p == NULL)
		return "";
	b->p[b->len] = '\0';
	return b->p;
}

void buf_append(struct buf *b, const void *p, size_t len)
{
	if (!reserve(b, len) || len == 0)
		return;
	memcpy(b->p + b->len, p, len);
	b->len += len;
}

void buf_puts(struct buf *b, const char *z)
{
	buf_append(b, z, strlen(z));
}

void buf_put(struct buf *b, struct str s)
{
	buf_append(b, s.p, s.len);
}

void buf_putc(struct buf *b, char c)
{
	if (!reserve(b, 1))
		return;
	b->p[b->len++] = c;
}

void buf_put_decimal(struct buf *b, int64_t v)
{
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	char text[20], *p = text + sizeof(text);

	do
		*--p = (char)('0' + rest % 10);
	while ((rest /= 10) != 0);
	if (v < 0)
		*--p = '-';
	buf_append(b, p, (size_t)(text + sizeof(text) - p));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
	} else if (reserve(b, (size_t)n)) {
		(void)vsnprintf(b->p + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

char *buf_take(struct buf *b, size_t *len_out)
{
	char *p;

	if (b->failed)
		return NULL;
	p = b->p != NULL ? b->p : xcalloc(1, 1);
	p[b->len] = '\0';
	if (len_out != NULL)
		*len_out = b->len;
	*b = (struct buf){ .max = b->max };
	return p;
}

#define VARINT_MAX 10

static size_t write_varint(uint64_t v, char *out)
{
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (char)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (char)v;
	return n;
}

void buf_put_varint(struct buf *b, uint64_t v)
{
	char bytes[VARINT_MAX];

	if (v < 0x80)
		buf_putc(b, (char)v);
	else if (b->cap - b->len > VARINT_MAX && !b->failed)
		b->len += write_varint(v, b->p + b->len);
	else
		buf_append(b, bytes, write_varint(v, bytes));
}

void buf_put_zigzag(struct buf *b, int64_t v)
{
	buf_put_varint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

void buf_put_bytes(struct buf *b, struct str s)
{
	char len[VARINT_MAX];
	size_t n = write_varint(s.len, len);

	/* Both or neither: a length without its bytes would be read as something else. */
	if (s.len > SIZE_MAX - VARINT_MAX || !reserve(b, n + s.len)) {
		b->failed = true;
		return;
	}
	memcpy(b->p + b->len, len, n);
	if (s.len != 0)
		memcpy(b->p + b->len + n, s.p, s.len);
	b->len += n + s.len;
}

void buf_put_u64le(struct buf *b, uint64_t v)
{
	v = htole64(v);
	buf_append(b, &v, sizeof(v));
}

/* `p` stands at the end from then on, so that there is nothing to read. */
static bool reader_fail(struct reader *r)
{
	r->bad = true;
	r->p = r->end;
	return false;
}

static bool reader_has(struct reader *r, size_t n)
{
	return (size_t)(r->end - r->p) >= n || reader_fail(r);
}

uint8_t reader_no_byte(struct reader *r)
{
	(void)reader_fail(r);
	return 0;
}

uint64_t reader_long_varint(struct reader *r)
{
	const uint8_t *p = r->p;
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70 && p < r->end; shift += 7) {
		uint64_t byte = *p++;

		/* The tenth byte has room for one bit. */
		if (shift == 63 && byte > 1)
			break;
		v |= (byte & 0x7f) << shift;
		if (byte < 0x80) {
			r->p = p;
			return v;
		}
	}
	(void)reader_fail(r);
	return 0;
}

int64_t reader_zigzag(struct reader *r)
{
	uint64_t v = reader_varint(r);

	return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

uint64_t reader_u64le(struct reader *r)
{
	uint64_t v;

	if (!reader_has(r, 8))
		return 0;
	memcpy(&v, r->p, 8);
	r->p += 8;
	return le64toh(v);
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
