#include "render.h"

#include <stdlib.h>

#include "base/now.h"
#include "base/xalloc.h"
#include "core/span.h"
#include "notify/text.h"

/* "1h 2m", "-3m": what is left until then, in the two largest units. */
static void put_left(struct str instant, struct buf *out)
{
	struct diag diag;
	struct wall t;
	int64_t ms;

	if (wall_parse(instant, &t, &diag) != ERR_OK)
		return;
	ms = t.ms - wall_now().ms;
	if (ms < 0)
		buf_putc(out, '-');
	text_duration(ms, TEXT_EN, out);
}

/* Whole seconds: the fraction tells an operator nothing. */
static void put_seconds(struct str s, struct buf *out)
{
	char text[SPAN_TEXT_LEN];
	struct str whole;
	int64_t seconds;

	(void)str_cut(&s, '.', &whole);
	if (str_to_i64(whole, INT32_MIN, INT32_MAX, &seconds) == ERR_OK)
		buf_puts(out, span_format_ms(seconds * MS_PER_S, text));
}

void render_value(const struct json_doc *d, json_node n, enum cell cell, struct buf *out)
{
	size_t before = out->len;
	struct str s;

	if (n != JSON_ABSENT && json_kind(d, n) != JSON_NULL) {
		s = json_is_str(d, n) ? json_text(d, n) : json_raw(d, n);
		if (cell == CELL_INSTANT && s.len == 24 && s.p[19] == '.')
			buf_printf(out, "%.19sZ", s.p);
		else if (cell == CELL_LEFT)
			put_left(s, out);
		else if (cell == CELL_SECONDS)
			put_seconds(s, out);
		else
			text_clean(s, out);          /* whatever a ticket's subject holds, the terminal stays as it is */
	}
	if (out->len == before)
		buf_putc(out, '-');
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
			render_value(d, json_pointer(d, row, str_of(columns[i].pointer)), columns[i].cell, &cell);
			if (width(buf_str(&cell)) > wide[i])
				wide[i] = width(buf_str(&cell));
		}
	for (size_t i = 0; i < n; i++)
		print_cell(str_of(columns[i].title), wide[i], i + 1 == n);
	for (json_node row = json_first(d, list); row != JSON_ABSENT; row = json_next(d, row))
		for (size_t i = 0; i < n; i++) {
			buf_reset(&cell);
			render_value(d, json_pointer(d, row, str_of(columns[i].pointer)), columns[i].cell, &cell);
			print_cell(buf_str(&cell), wide[i], i + 1 == n);
		}
	buf_finish(&cell);
	free(wide);
}

static void render_scalar(const struct json_doc *d, json_node n)
{
	struct buf b;

	buf_init(&b, 1u << 20);
	render_value(d, n, CELL_TEXT, &b);
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
