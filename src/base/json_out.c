#include "base/json.h"

#include "base/json_plain.h"

struct json_out json_out(struct buf *b)
{
	return (struct json_out){ .b = b };
}

static void before_value(struct json_out *o)
{
	if (o->comma)
		buf_putc(o->b, ',');
	/* Values at the top follow each other without commas: one after the other is the caller's affair. */
	o->comma = o->depth != 0;
}

static void begin(struct json_out *o, char bracket)
{
	before_value(o);
	buf_putc(o->b, bracket);
	o->depth++;
	o->comma = false;
}

static void end(struct json_out *o, char bracket)
{
	buf_putc(o->b, bracket);
	o->depth--;
	o->comma = o->depth != 0;
}

void json_begin_object(struct json_out *o) { begin(o, '{'); }
void json_end_object(struct json_out *o) { end(o, '}'); }
void json_begin_array(struct json_out *o) { begin(o, '['); }
void json_end_array(struct json_out *o) { end(o, ']'); }

/* The letter behind the backslash, or 0 for the long form. */
static const char letters[128] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\' };

static void put_special(struct buf *b, uint8_t byte)
{
	if (byte >= 0x80) {
		buf_puts(b, "\xef\xbf\xbd");     /* U+FFFD for a byte that begins no character */
	} else if (letters[byte] != 0) {
		buf_putc(b, '\\');
		buf_putc(b, letters[byte]);
	} else {
		buf_printf(b, "\\u%04x", byte);
	}
}

/* How many bytes at the start stand for themselves. */
static size_t plain_len(struct str s)
{
	const uint8_t *begin = (const uint8_t *)s.p, *end = begin + s.len, *p = begin;
	size_t n = 1;

	while (n != 0 && (p = skip_plain(p, end)) < end) {
		n = *p < 0x80 ? 0 : str_utf8_len((struct str){ (const char *)p, (size_t)(end - p) });
		p += n;
	}
	return (size_t)(p - begin);
}

/* Most have nothing to escape, and room: all in one. */
static bool put_plain(struct buf *b, struct str s)
{
	char *p;

	if (b->failed || b->cap - b->len <= s.len + 2 || plain_len(s) != s.len)
		return false;
	p = b->p + b->len;
	*p++ = '"';
	memcpy(p, s.p, s.len);
	p[s.len] = '"';
	b->len += s.len + 2;
	return true;
}

static void put_escaped(struct buf *b, struct str s)
{
	buf_putc(b, '"');
	while (s.len > 0) {
		size_t n = plain_len(s);

		buf_append(b, s.p, n);
		if (n == s.len)
			break;
		put_special(b, (uint8_t)s.p[n]);
		s = (struct str){ s.p + n + 1, s.len - n - 1 };
	}
	buf_putc(b, '"');
}

static void put_quoted(struct buf *b, struct str s)
{
	if (s.len == 0 || !put_plain(b, s))
		put_escaped(b, s);
}

void json_put_key(struct json_out *o, const char *key)
{
	before_value(o);
	put_quoted(o->b, str_of(key));
	buf_putc(o->b, ':');
	o->comma = false;
}

void json_put_name(struct json_out *o, const char *key)
{
	size_t len = strlen(key);
	char *begin = buf_room(o->b, len + sizeof(",\"\":")), *p = begin;

	if (p == NULL)
		return;
	if (o->comma)
		*p++ = ',';
	*p++ = '"';
	memcpy(p, key, len);
	p += len;
	*p++ = '"';
	*p++ = ':';
	buf_took(o->b, (size_t)(p - begin));
	o->comma = false;
}

void json_put_str(struct json_out *o, struct str s)
{
	before_value(o);
	put_quoted(o->b, s);
}

void json_put_z(struct json_out *o, const char *z)
{
	if (z == NULL)
		json_put_null(o);
	else
		json_put_str(o, str_of(z));
}

void json_put_raw(struct json_out *o, struct str json)
{
	before_value(o);
	buf_put(o->b, json);
}

void json_put_i64(struct json_out *o, int64_t v)
{
	before_value(o);
	buf_put_decimal(o->b, v);
}

void json_put_bool(struct json_out *o, bool v)
{
	json_put_raw(o, v ? STR("true") : STR("false"));
}

void json_put_null(struct json_out *o)
{
	json_put_raw(o, STR("null"));
}
