#include "render.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

static bool is_of_several(const struct json_doc *d, json_node list)
{
	struct str first = { NULL, 0 };

	for (json_node row = json_first(d, list); row != JSON_ABSENT; row = json_next(d, row)) {
		json_node n = json_get(d, row, STR("namespace"));
		struct str ns = n != JSON_ABSENT && json_is_str(d, n) ? json_text(d, n) : first;

		if (first.len > 0 && ns.len > 0 && !str_eq(ns, first))
			return true;
		first = ns.len > 0 ? ns : first;
	}
	return false;
}

struct table {
	const struct json_doc *d;
	const struct column   *columns;
	size_t                 n, *wide;
	bool                   with_ns;
	size_t                 room;       /* columns of the terminal, 0 where there is none */
	struct buf             cell;
};

static struct str cell_of(struct table *t, json_node row, size_t i)
{
	const struct column *c = &t->columns[i];
	json_node ns = t->with_ns && c->cell == CELL_TICKET ? json_get(t->d, row, STR("namespace")) : JSON_ABSENT;

	buf_reset(&t->cell);
	if (ns != JSON_ABSENT && json_is_str(t->d, ns)) {
		text_clean(json_text(t->d, ns), &t->cell);
		buf_putc(&t->cell, '/');
	}
	render_value(t->d, json_pointer(t->d, row, str_of(c->pointer)), c->cell, &t->cell);
	return buf_str(&t->cell);
}

/* As much of the last column as fits into what the others leave of the terminal's line, or of its next one. */
static struct str cut(const struct table *t, struct str s)
{
	size_t used = 0, room, n = 0;

	for (size_t i = 0; i + 1 < t->n; i++)
		used += t->wide[i] + 2;
	room = t->room - used % t->room;
	if (width(s) <= room)
		return s;
	while (n < s.len && width((struct str){ s.p, n + 1 }) <= room)
		n++;
	return (struct str){ s.p, n };
}

static void print_row(struct table *t, json_node row)
{
	for (size_t i = 0; i < t->n; i++) {
		struct str s = row != JSON_ABSENT ? cell_of(t, row, i) : str_of(t->columns[i].title);
		bool last = i + 1 == t->n;

		if (last && t->room > 0 && t->columns[i].cell == CELL_TITLE)
			s = cut(t, s);
		fwrite(s.p, 1, s.len, stdout);
		if (last)
			putchar('\n');
		else
			printf("%*s", (int)(t->wide[i] - width(s) + 2), "");
	}
}

static size_t terminal_columns(void)
{
	struct winsize size = { 0 };

	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void render_table(const struct json_doc *d, json_node list, const struct column *columns, size_t n, const char *empty)
{
	struct table t = { .d = d, .columns = columns, .n = n, .with_ns = is_of_several(d, list), .room = terminal_columns() };

	if (json_count(d, list) == 0) {
		printf("%s\n", empty);
		return;
	}
	buf_init(&t.cell, 1u << 16);
	t.wide = xcalloc(n, sizeof(*t.wide));
	for (size_t i = 0; i < n; i++)
		t.wide[i] = strlen(columns[i].title);
	for (json_node row = json_first(d, list); row != JSON_ABSENT; row = json_next(d, row))
		for (size_t i = 0; i < n; i++) {
			size_t w = width(cell_of(&t, row, i));

			t.wide[i] = w > t.wide[i] ? w : t.wide[i];
		}
	print_row(&t, JSON_ABSENT);
	for (json_node row = json_first(d, list); row != JSON_ABSENT; row = json_next(d, row))
		print_row(&t, row);
	buf_finish(&t.cell);
	free(t.wide);
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
