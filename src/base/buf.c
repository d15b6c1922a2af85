#include "base/buf.h"

#include <assert.h>
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void buf_append_more(struct buf *b, const void *p, size_t len)
{
	if (!reserve(b, len) || len == 0)
		return;
	memcpy(b->p + b->len, p, len);
	b->len += len;
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

char *buf_room(struct buf *b, size_t len)
{
	return reserve(b, len) ? b->p + b->len : NULL;
}

void buf_took(struct buf *b, size_t len)
{
	b->len += len;
}

void buf_put_varint(struct buf *b, uint64_t v)
{
	char bytes[VARINT_MAX];

	if (v < 0x80)
		buf_putc(b, (char)v);
	else if (b->cap - b->len > VARINT_MAX && !b->failed)
		b->len = (size_t)(varint_write(b->p + b->len, v) - b->p);
	else
		buf_append(b, bytes, (size_t)(varint_write(bytes, v) - bytes));
}

void buf_put_zigzag(struct buf *b, int64_t v)
{
	buf_put_varint(b, zigzag(v));
}

void buf_put_bytes(struct buf *b, struct str s)
{
	char len[VARINT_MAX];
	size_t n = (size_t)(varint_write(len, s.len) - len);

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

void buf_put_escaped(struct buf *b, struct str s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (size_t i = 0; i < s.len; i++)
		if (memchr(plain, s.p[i], sizeof plain - 1) != NULL)
			buf_putc(b, s.p[i]);
		else
			buf_printf(b, "%%%02X", (uint8_t)s.p[i]);
}
