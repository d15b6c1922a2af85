/* What handlers need of URLs and headers: looking up, decoding. Pure. */
#include "ingest/http.h"

#include <string.h>

#include "base/buf.h"

enum http_count http_headers_find(const struct http_headers *h, struct str name, struct str *value)
{
	enum http_count n = HTTP_ABSENT;

	*value = (struct str){ 0 };
	for (size_t i = 0; i < h->n; i++) {
		struct str at = h->v[i].name;

		/* A request is asked for a score of names, and has few: length and first letter tell most apart. */
		if (at.len != name.len || (at.p[0] | 0x20) != (name.p[0] | 0x20) || !str_eq_nocase(at, name))
			continue;
		if (n == HTTP_ONE)
			return HTTP_MANY;
		n = HTTP_ONE;
		*value = h->v[i].value;
	}
	return n;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool decode(struct str raw, char plus, struct buf *out)
{
	for (size_t i = 0; i < raw.len; i++) {
		int hi, lo;

		if (raw.p[i] != '%') {
			buf_putc(out, raw.p[i] == '+' ? plus : raw.p[i]);
			continue;
		}
		if (raw.len - i < 3)
			return false;
		hi = hex_digit(raw.p[i + 1]);
		lo = hex_digit(raw.p[i + 2]);
		if (hi < 0 || lo < 0 || (hi == 0 && lo == 0))
			return false;
		buf_putc(out, (char)(hi * 16 + lo));
		i += 2;
	}
	return buf_ok(out);
}

bool http_decode(struct str raw, struct buf *out)
{
	return decode(raw, '+', out);
}

bool http_query_get(struct str query, const char *name, struct buf *out)
{
	struct str rest = query, part, found = { 0 };
	unsigned n = 0;
	bool more = query.len > 0;

	while (more) {
		struct str value, key;

		more = str_cut(&rest, '&', &part);
		value = part;
		str_cut(&value, '=', &key);
		if (str_eqz(key, name)) {
			found = value;
			n++;
		}
	}
	return n == 1 && decode(found, ' ', out);
}
