/* Strings with escapes: decoded into the doc's own memory, behind their length. */
#include "base/json_parser.h"

#include "base/xalloc.h"

static bool hex4(const uint8_t *p, const uint8_t *end, uint32_t *out)
{
	uint32_t v = 0;

	if (end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		uint32_t c = p[i], low = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (low >= 'a' && low <= 'f')
			v = v << 4 | (low - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

static size_t put_utf8(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* s->p is behind "\u". */
static bool take_unicode(struct parser *s, char *out, size_t *n)
{
	const uint8_t *escape = s->p - 2;
	uint32_t c, low;

	if (!hex4(s->p, s->end, &c))
		return json_fail_at(s, ERR_SYNTAX, escape, "\\u needs four hexadecimal digits");
	s->p += 4;
	if (c == 0)
		return json_fail_at(s, ERR_SYNTAX, escape, "a NUL in a string");
	if (c >= 0xd800 && c <= 0xdfff) {
		bool pair = c < 0xdc00 && s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u' && hex4(s->p + 2, s->end, &low);

		if (!pair || low < 0xdc00 || low > 0xdfff)
			return json_fail_at(s, ERR_SYNTAX, escape, "a lone surrogate");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		s->p += 6;
	}
	*n += put_utf8(c, out + *n);
	return true;
}

/* s->p is at the backslash. */
static bool take_escape(struct parser *s, char *out, size_t *n)
{
	static const char plain[128] = {
		['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t',
	};

	if (s->end - s->p < 2) {
		s->p = s->end;
		return json_fail(s, "");
	}

	uint8_t letter = s->p[1];

	if (letter == 'u') {
		s->p += 2;
		return take_unicode(s, out, n);
	}
	if (letter >= 128 || plain[letter] == 0)
		return json_fail(s, "no such escape");
	out[(*n)++] = plain[letter];
	s->p += 2;
	return true;
}

void json_unescape(struct str text, struct buf *out)
{
	struct parser s = { .p = (const uint8_t *)text.p, .end = (const uint8_t *)text.p + text.len };

	while (s.p < s.end) {
		const uint8_t *from = s.p;
		char decoded[4];
		size_t n = 0;

		if (*from == '\\' && take_escape(&s, decoded, &n)) {
			buf_append(out, decoded, n);
		} else {
			buf_putc(out, (char)*from);
			s.p = from + 1;
		}
	}
}

/*
 * An escape makes a string shorter by one byte at least, which with its two quotes pays for the length before it but for one byte;
 * the comma between two strings pays that. So text.len + 4 bytes are enough for all of them, and no string moves.
 */
static char *room_for_decoded(struct json_doc *d)
{
	size_t need = d->text.len + 16;

	if (d->cap_decoded < need) {
		size_t cap = d->cap_decoded * 2;

		d->cap_decoded = cap > need ? cap : need;
		d->decoded = xreallocarray(d->decoded, d->cap_decoded, 1);
	}
	return d->decoded + d->n_decoded;
}

/* From the first backslash on; `begin` is behind the quote. */
bool json_decode_string(struct parser *s, const uint8_t *begin, uint32_t flags)
{
	struct json_doc *d = s->d;
	char *start = room_for_decoded(d);
	char *out = start + sizeof(uint32_t);
	size_t n = (size_t)(s->p - begin);
	uint32_t len;

	memcpy(out, begin, n);
	for (;;) {
		const uint8_t *from = s->p;

		s->p = skip_plain(s->p, s->end);
		memcpy(out + n, from, (size_t)(s->p - from));
		n += (size_t)(s->p - from);
		if (s->p == s->end)
			return json_fail(s, "");
		if (*s->p == '"')
			break;
		if (*s->p < 0x20)
			return json_fail(s, "a control character in a string");
		from = s->p;
		if (*s->p == '\\') {
			if (!take_escape(s, out, &n))
				return false;
			continue;
		}
		if (!skip_utf8(s))
			return false;
		memcpy(out + n, from, (size_t)(s->p - from));
		n += (size_t)(s->p - from);
	}
	len = (uint32_t)n;
	memcpy(start, &len, sizeof(len));

	uint32_t place = (uint32_t)d->n_decoded;
	const uint8_t *close = s->p++;

	d->n_decoded += sizeof(len) + n;
	if (!push_node(s, offset_of(s, begin), (uint32_t)(close - begin), JSON_STRING | TAPE_ESCAPED | flags))
		return false;
	d->v[d->n - 1].more = place;
	return true;
}
