/* A state machine over bytes; data is taken by the stretch. */
#include "http_chunk.h"

#include "base/limits.h"
#include "http_head.h"

static enum chunk_state size_byte(struct http_chunk *c, unsigned char b)
{
	unsigned digit;

	if (b >= '0' && b <= '9')
		digit = b - '0';
	else if (b >= 'a' && b <= 'f')
		digit = b - 'a' + 10u;
	else if (b >= 'A' && b <= 'F')
		digit = b - 'A' + 10u;
	else if (c->line_len == 0)
		return CHUNK_BAD;
	else
		return b == '\r' ? CHUNK_SIZE_LF : b == ';' ? CHUNK_EXTENSION : CHUNK_BAD;
	/* Eight digits are 4 GiB: more than any limit, and no overflow. */
	if (c->line_len++ == 8)
		return CHUNK_BAD;
	c->size = c->size * 16 + digit;
	return CHUNK_SIZE;
}

static enum chunk_state text_byte(struct http_chunk *c, unsigned char b, enum chunk_state end)
{
	if (b == '\r')
		return end;
	if ((b < 0x20 && b != '\t') || b == 0x7f || c->line_len++ == HTTP_CHUNK_LINE_MAX)
		return CHUNK_BAD;
	return c->state;
}

static enum chunk_state extension_byte(struct http_chunk *c, unsigned char b)
{
	return c->extensions_len++ == HTTP_CHUNK_EXTENSIONS ? CHUNK_BAD : text_byte(c, b, CHUNK_SIZE_LF);
}

/* Without this, a request in the place of the empty line at the end would pass for a trailer. */
static enum chunk_state name_byte(struct http_chunk *c, unsigned char b)
{
	if (c->line_len == 0 && b == '\r')
		return CHUNK_TRAILER_LF;
	if (c->line_len > 0 && b == ':')
		return CHUNK_TRAILER_VALUE;
	return http_is_token(b) && c->line_len++ < HTTP_CHUNK_LINE_MAX ? CHUNK_TRAILER : CHUNK_BAD;
}

static enum chunk_state after_size(struct http_chunk *c)
{
	c->line_len = 0;
	return c->size == 0 ? CHUNK_TRAILER : CHUNK_DATA;
}

static enum chunk_state after_trailer(struct http_chunk *c)
{
	bool is_empty = c->line_len == 0;

	c->line_len = 0;
	if (is_empty)
		return CHUNK_FINISHED;
	return c->n_trailers++ == HTTP_CHUNK_TRAILERS ? CHUNK_BAD : CHUNK_TRAILER;
}

static enum chunk_state step(struct http_chunk *c, unsigned char b)
{
	switch (c->state) {
	case CHUNK_SIZE:       return size_byte(c, b);
	case CHUNK_EXTENSION:  return extension_byte(c, b);
	case CHUNK_SIZE_LF:    return b == '\n' ? after_size(c) : CHUNK_BAD;
	case CHUNK_DATA_CR:    return b == '\r' ? CHUNK_DATA_LF : CHUNK_BAD;
	case CHUNK_DATA_LF:    return b == '\n' ? CHUNK_SIZE : CHUNK_BAD;
	case CHUNK_TRAILER:    return name_byte(c, b);
	case CHUNK_TRAILER_VALUE: return text_byte(c, b, CHUNK_TRAILER_LF);
	case CHUNK_TRAILER_LF: return b == '\n' ? after_trailer(c) : CHUNK_BAD;
	case CHUNK_DATA:
	case CHUNK_FINISHED:
	case CHUNK_BAD:        break;
	}
	return CHUNK_BAD;
}

size_t http_chunk_read(struct http_chunk *c, struct str in, struct buf *out)
{
	size_t i = 0;

	while (i < in.len && c->state != CHUNK_FINISHED && c->state != CHUNK_BAD && buf_ok(out)) {
		if (c->state == CHUNK_DATA) {
			size_t n = in.len - i < c->size ? in.len - i : (size_t)c->size;

			buf_append(out, in.p + i, n);
			c->size -= n;
			i += n;
			if (c->size == 0)
				c->state = CHUNK_DATA_CR;
			continue;
		}
		c->state = step(c, (unsigned char)in.p[i++]);
	}
	return i;
}
