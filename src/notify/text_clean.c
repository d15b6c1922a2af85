#include "notify/text.h"

/* Bytes of the well-formed UTF-8 character at p, 0 when there is none. */
static size_t char_len(const uint8_t *p, size_t left)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)))
		return 0;
	if (n == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)))
		return 0;
	return n;
}

static uint32_t code_point(const uint8_t *p, size_t n)
{
	static const uint8_t mask[5] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = p[0] & mask[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fu);
	return c;
}

/* What ends a line somewhere, or makes a text read other than it is written. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff || c == 0x061c ||
	       (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void text_clean(struct str s, struct buf *out)
{
	bool gap = false;

	for (size_t i = 0; i < s.len; ) {
		const uint8_t *p = (const uint8_t *)s.p + i;
		size_t n = char_len(p, s.len - i);

		if (n > 0 && is_control(code_point(p, n))) {
			gap = true;
			i += n;
			continue;
		}
		if (gap && out->len > 0)
			buf_putc(out, ' ');
		gap = false;
		if (n == 0)
			buf_puts(out, "\xef\xbf\xbd");
		else
			buf_append(out, p, n);
		i += n > 0 ? n : 1;
	}
}
