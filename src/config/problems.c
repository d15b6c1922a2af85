#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

void problems_init(struct problems *p)
{
	*p = (struct problems){ .arena = arena_create() };
}

void problems_finish(struct problems *p)
{
	arena_destroy(p->arena);
	*p = (struct problems){ .arena = NULL };
}

unsigned problems_file(struct problems *p, const char *file)
{
	for (unsigned i = 0; i < p->n_files; i++) {
		if (strcmp(p->files[i], file) == 0)
			return i;
	}
	p->files = arena_grow(p->arena, p->files, p->n_files, p->n_files + 1, sizeof(char *));
	p->files[p->n_files] = arena_strdup(p->arena, file);
	return p->n_files++;
}

void problems_add(struct problems *p, bool warning, const char *file, unsigned line, unsigned col, const char *fmt, ...)
{
	char msg[1024];
	va_list ap;
	size_t kept = warning ? p->n_warnings++ : p->n_errors++;

	if (kept >= CONFIG_MAX_ERRORS)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	/* Texts of the file stand in it: none of them may move a terminal's cursor, or make two lines of one. */
	for (char *c = msg; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 16;

		p->v = arena_grow(p->arena, p->v, p->cap, cap, sizeof *p->v);
		p->cap = cap;
	}
	unsigned rank = problems_file(p, file != NULL ? file : "");

	const char *text = arena_strdup(p->arena, msg);

	p->v[p->n] = (struct config_problem){ p->files[rank], line, col, (unsigned)p->n, rank, warning, text };
	p->n++;
}

static int compare(unsigned a, unsigned b)
{
	return a < b ? -1 : a > b;
}

static int by_place(const void *a, const void *b)
{
	const struct config_problem *x = a, *y = b;
	int c = compare(x->rank, y->rank);

	if (c == 0)
		c = compare(x->line, y->line);
	if (c == 0)
		c = compare(x->col, y->col);
	return c != 0 ? c : compare(x->seq, y->seq);
}

void problems_sort(struct problems *p)
{
	if (p->n > 1)
		qsort(p->v, p->n, sizeof *p->v, by_place);
}

static void write_rest(struct buf *out, size_t n, const char *what)
{
	if (n > CONFIG_MAX_ERRORS)
		buf_printf(out, "and %zu more %s\n", n - CONFIG_MAX_ERRORS, what);
}

static void write_problem(const struct config_problem *x, struct buf *out)
{
	buf_printf(out, "%s:%u:%u: %s: %s", x->file, x->line ? x->line : 1, x->col ? x->col : 1, x->warning ? "warning" : "error", x->msg);
}

void problems_put(const struct problems *p, bool warnings, struct json_out *o)
{
	struct buf line;

	buf_init(&line, BUF_NO_MAX);
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].warning != warnings)
			continue;
		buf_reset(&line);
		write_problem(&p->v[i], &line);
		json_put_str(o, buf_str(&line));
	}
	buf_finish(&line);
}

void problems_write(const struct problems *p, struct buf *out)
{
	for (size_t i = 0; i < p->n; i++) {
		write_problem(&p->v[i], out);
		buf_putc(out, '\n');
	}
	write_rest(out, p->n_errors, "errors");
	write_rest(out, p->n_warnings, "warnings");
}
