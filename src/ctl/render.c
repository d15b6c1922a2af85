#include "render.h"

#include <stdlib.h>

#include "base/xalloc.h"

/* What a terminal shows of a value: no control characters, whatever a ticket's subject holds. */
static void put_value(const struct json_doc *d, json_node n, struct buf *out)
{
	struct str s;

	if (n == JSON_ABSENT || json_kind(d, n) == JSON_NULL) {
		buf_putc(out, '-');
		return;
	}
	s = json_is_str(d, n) ? json_text(d, n) : json_raw(d, n);
	if (s.len == 0)
		buf_putc(out, '-');
	for (size_t i = 0; i < s.len; i++)
		buf_putc(out, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i]);
}

/* Columns that a terminal gives to UTF-8 text: continuation bytes take none. */
static size_t width(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static void print_cell(struct str s, size_t wide, bool last)
{
	fwrite(s.p, 1, s.len, stdout);
	if (last)
		putchar('\n');
	else
		printf("%*s", (int)(wide - width(s) + 2), "");
}

void render_table(const struct json_doc *d, json_node list, const struct column *columns, size_t n, const char *empty)
{
	size_t *wide = xcalloc(n, sizeof(*wide));
	struct buf cell;

	if (json_count(d, list) == 0) {
		printf("%s\n", empty);
		free(wide);
		return;
	}
	buf_init(&cell, 1u << 16);
	for (size_t i = 0; i < n; i++)
		wide[i] = strlen(columns[i].title);
	for (json_node row = json_first(d, list); row != JSON_ABSENT; row = json_next(d, row))
		for (size_t i = 0; i < n; i++) {
			buf_reset(&cell);
			put_value(d, json_pointer(d, row, str_of(columns[i].pointer)), &cell);
			if (width(buf_str(&cell)) > wide[i])
				wide[i] = width(buf_str(&cell));
		}
	for (size_t i = 0; i < n; i++)
		print_cell(str_of(columns[i].title), wide[i], i + 1 == n);
	for (json_node row = json_first(d, list); row != JSON_ABSENT; row = json_next(d, row))
		for (size_t i = 0; i < n; i++) {
			buf_reset(&cell);
			put_value(d, json_pointer(d, row, str_of(columns[i].pointer)), &cell);
			print_cell(buf_str(&cell), wide[i], i + 1 == n);
		}
	buf_finish(&cell);
	free(wide);
}

static void render_scalar(const struct json_doc *d, json_node n)
{
	struct buf b;

	buf_init(&b, 1u << 20);
	put_value(d, n, &b);
	printf("%s\n", buf_cstr(&b));
	buf_finish(&b);
}

void render_object(const struct json_doc *d, json_node object, unsigned depth)
{
	bool is_list = json_kind(d, object) == JSON_ARRAY;

	for (json_node m = json_first(d, object); m != JSON_ABSENT; m = json_next(d, m)) {
		bool nested = json_kind(d, m) == JSON_OBJECT || json_kind(d, m) == JSON_ARRAY;

		printf("%*s", (int)(depth * 2), "");
		if (is_list)
			printf("-%s", nested ? "\n" : " ");
		else
			printf(STR_FMT ":%s", STR_ARG(json_key(d, m)), nested ? "\n" : " ");
		if (nested)
			render_object(d, m, depth + 1);
		else
			render_scalar(d, m);
	}
}
