#include "base/json.h"

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

/* The letter behind the backslash, 'u' for the long form, or 0 when the byte stands for itself; MORE: a character of several bytes. */
#define MORE 1
#define U8   'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u'
#define M16  MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE, MORE
static const char escapes[256] = {
	'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r', 'u', 'u', U8, U8,
	['"'] = '"', ['\\'] = '\\', [0x80] = M16, M16, M16, M16, M16, M16, M16, M16,
};
#undef U8
#undef M16

static void put_special(struct buf *b, uint8_t byte)
{
	char letter = escapes[byte];

	if (letter == 'u') {
		buf_printf(b, "\\u%04x", byte);
	} else if (letter != MORE) {
		buf_putc(b, '\\');
		buf_putc(b, letter);
	} else {
		buf_puts(b, "\xef\xbf\xbd");     /* U+FFFD for a byte that begins no character */
	}
}

static void put_quoted(struct buf *b, struct str s)
{
	size_t plain = 0;     /* bytes from here to i stand for themselves */
	size_t i = 0;

	buf_putc(b, '"');
	while (i < s.len) {
		uint8_t byte = (uint8_t)s.p[i];
		size_t n = escapes[byte] == 0 ? 1 : escapes[byte] == MORE ? str_utf8_len((struct str){ s.p + i, s.len - i }) : 0;

		if (n != 0) {
			i += n;
			continue;
		}
		buf_append(b, s.p + plain, i - plain);
		put_special(b, byte);
		plain = ++i;
	}
	if (s.len != 0)
		buf_append(b, s.p + plain, i - plain);
	buf_putc(b, '"');
}

void json_put_key(struct json_out *o, const char *key)
{
	before_value(o);
	put_quoted(o->b, str_of(key));
	buf_putc(o->b, ':');
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
