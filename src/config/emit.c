/* From nodes to YAML: block style, with short leaves on one line. What it writes, yaml_parse() reads as the same tree. */
#include "node.h"

#include <stdio.h>

#define FLOW_WIDTH 96        /* what is longer than this is spread over lines */
#define FLOW_DEPTH 3

static const char *const reserved[] = { "y", "n", "yes", "no", "on", "off", "null", "Null", "NULL", "Yes", "No", "On", "Off",
					"Y", "N" };

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* May stand without quotes, also for readers that see numbers and truth values in bare words. */
static bool is_plain_safe(struct str s)
{
	if (s.len == 0 || !(is_alnum(s.p[0]) || s.p[0] == '/'))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool inner_blank = s.p[i] == ' ' && i + 1 < s.len && is_alnum(s.p[i + 1]);

		if (!is_alnum(s.p[i]) && strchr("./+@%-", s.p[i]) == NULL && !inner_blank)
			return false;
	}
	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
		if (str_eqz(s, reserved[i]))
			return false;
	}
	return true;
}

/* One character of valid UTF-8. */
static unsigned decode(const char *p, size_t *len_out)
{
	const unsigned char *u = (const unsigned char *)p;

	if (u[0] < 0x80) {
		*len_out = 1;
		return u[0];
	}
	size_t n = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	unsigned c = u[0] & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (u[i] & 0x3fu);
	*len_out = n;
	return c;
}

/* YAML takes some characters for line breaks and refuses others unless they are escaped. */
static bool needs_escape(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff || c == 0xfffe || c == 0xffff;
}

static void write_text(struct buf *out, struct str s)
{
	if (is_plain_safe(s)) {
		buf_put(out, s);
		return;
	}
	buf_putc(out, '"');
	for (size_t i = 0; i < s.len;) {
		size_t len = 1;
		unsigned c = decode(s.p + i, &len);

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", (char)c);
		else if (needs_escape(c))
			buf_printf(out, "\\u%04x", c);
		else
			buf_append(out, s.p + i, len);
		i += len;
	}
	buf_putc(out, '"');
}

static void write_scalar(struct buf *out, const struct node *n)
{
	if (n->secret)
		buf_puts(out, "\"" SECRET_MASK "\"");
	else if (node_is_null(n))
		buf_puts(out, "null");
	else
		write_text(out, n->text);
}

/* How wide it is on one line; more than FLOW_WIDTH when it does not belong on one. */
static size_t flow_width(const struct node *n, unsigned depth)
{
	if (n->secret)
		return 10;
	if (n->kind == NODE_SCALAR)
		return n->text.len + 2;
	if (depth == 0)
		return FLOW_WIDTH + 1;
	size_t width = 2;

	for (const struct node *c = n->first; c != NULL && width <= FLOW_WIDTH; c = c->next) {
		if (!c->hidden)
			width += c->key.len + 4 + flow_width(c, depth - 1);
	}
	return width;
}

static void write_flow(struct buf *out, const struct node *n)
{
	if (n->secret || n->kind == NODE_SCALAR) {
		write_scalar(out, n);
		return;
	}
	bool comma = false;

	buf_putc(out, n->kind == NODE_MAP ? '{' : '[');
	for (const struct node *c = n->first; c != NULL; c = c->next) {
		if (c->hidden)
			continue;
		if (comma)
			buf_puts(out, ", ");
		comma = true;
		if (n->kind == NODE_MAP) {
			write_text(out, c->key);
			buf_puts(out, ": ");
		}
		write_flow(out, c);
	}
	buf_putc(out, n->kind == NODE_MAP ? '}' : ']');
}

static void indent(struct buf *out, unsigned level)
{
	for (unsigned i = 0; i < level; i++)
		buf_puts(out, "  ");
}

static bool is_leaf(const struct node *n)
{
	return n->secret || n->n == 0 || n->kind == NODE_SCALAR || flow_width(n, FLOW_DEPTH) <= FLOW_WIDTH;
}

/* A long list of words is wrapped; other lists stand one entry a line. */
static void write_words(struct buf *out, const struct node *list, unsigned level)
{
	size_t width = FLOW_WIDTH;

	for (const struct node *c = list->first; c != NULL; c = c->next) {
		if (width + c->text.len + 4 > FLOW_WIDTH) {
			buf_putc(out, '\n');
			indent(out, level);
			width = 0;
		}
		width += c->text.len + 4;
		buf_puts(out, c == list->first ? "[" : " ");
		write_scalar(out, c);
		buf_putc(out, c->next != NULL ? ',' : ']');
	}
	buf_putc(out, '\n');
}

static void write_entries(struct buf *out, const struct node *list, unsigned level)
{
	for (const struct node *c = list->first; c != NULL; c = c->next) {
		buf_putc(out, '\n');
		indent(out, level);
		buf_puts(out, "- ");
		write_flow(out, c);
	}
	buf_putc(out, '\n');
}

static bool is_words(const struct node *list)
{
	for (const struct node *c = list->first; c != NULL; c = c->next) {
		if (c->kind != NODE_SCALAR)
			return false;
	}
	return true;
}

static void write_block(struct buf *out, const struct node *map, unsigned level)
{
	for (const struct node *c = map->first; c != NULL; c = c->next) {
		if (c->hidden)
			continue;
		indent(out, level);
		write_text(out, c->key);
		buf_putc(out, ':');
		if (is_leaf(c)) {
			buf_putc(out, ' ');
			write_flow(out, c);
			buf_putc(out, '\n');
		} else if (c->kind == NODE_LIST && is_words(c)) {
			write_words(out, c, level + 1);
		} else if (c->kind == NODE_LIST) {
			write_entries(out, c, level + 1);
		} else {
			buf_putc(out, '\n');
			write_block(out, c, level + 1);
		}
	}
}

void yaml_write(const struct node *map, struct buf *out)
{
	for (const struct node *c = map->first; c != NULL; c = c->next) {
		if (c->hidden || c->n == 0)
			continue;
		write_text(out, c->key);
		buf_puts(out, ":\n");
		if (c->kind == NODE_MAP)
			write_block(out, c, 1);
	}
}
