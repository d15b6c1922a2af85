#include "web/metrics.h"

#include <inttypes.h>
#include <math.h>

void metrics_family(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_escaped(struct buf *b, const char *z)
{
	for (; *z != '\0'; z++) {
		if (*z == '\\' || *z == '"')
			buf_putc(b, '\\');
		if (*z == '\n')
			buf_puts(b, "\\n");
		else
			buf_putc(b, *z);
	}
}

static void put_labels(struct buf *b, const struct metrics_label *labels, size_t n, const char *le)
{
	if (n == 0 && le == NULL)
		return;
	buf_putc(b, '{');
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "%s%s=\"", i > 0 ? "," : "", labels[i].name);
		put_escaped(b, labels[i].value);
		buf_putc(b, '"');
	}
	if (le != NULL)
		buf_printf(b, "%sle=\"%s\"", n > 0 ? "," : "", le);
	buf_putc(b, '}');
}

static void put_number(struct buf *b, double v)
{
	if (isnan(v))
		buf_puts(b, " NaN\n");
	else if (isinf(v))
		buf_puts(b, v > 0 ? " +Inf\n" : " -Inf\n");
	else
		buf_printf(b, " %.15g\n", v);
}

void metrics_count(struct buf *b, const char *name, const struct metrics_label *labels, size_t n, uint64_t v)
{
	buf_puts(b, name);
	put_labels(b, labels, n, NULL);
	buf_printf(b, " %" PRIu64 "\n", v);
}

void metrics_gauge(struct buf *b, const char *name, const struct metrics_label *labels, size_t n, double v)
{
	buf_puts(b, name);
	put_labels(b, labels, n, NULL);
	put_number(b, v);
}

void metrics_histogram(struct buf *b, const char *name, const struct metrics_label *labels, size_t n,
		       const double *bounds, const uint64_t *counts, size_t n_bounds, double sum)
{
	uint64_t total = 0;

	for (size_t i = 0; i <= n_bounds; i++) {
		struct buf le;

		buf_init(&le, 40);
		if (i < n_bounds)
			buf_printf(&le, "%.15g", bounds[i]);
		else
			buf_puts(&le, "+Inf");
		total += counts[i];
		buf_printf(b, "%s_bucket", name);
		put_labels(b, labels, n, buf_cstr(&le));
		buf_printf(b, " %" PRIu64 "\n", total);
		buf_finish(&le);
	}
	buf_printf(b, "%s_sum", name);
	put_labels(b, labels, n, NULL);
	put_number(b, sum);
	buf_printf(b, "%s_count", name);
	put_labels(b, labels, n, NULL);
	buf_printf(b, " %" PRIu64 "\n", total);
}

void metrics_one_count(struct buf *b, const char *name, const char *help, uint64_t v)
{
	metrics_family(b, name, "counter", help);
	metrics_count(b, name, NULL, 0, v);
}

void metrics_one_gauge(struct buf *b, const char *name, const char *help, double v)
{
	metrics_family(b, name, "gauge", help);
	metrics_gauge(b, name, NULL, 0, v);
}
