#include "base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static const char *const err_names[] = {
	[ERR_OK] = "ok",
	[ERR_NOMEM] = "nomem",
	[ERR_LIMIT] = "limit",
	[ERR_SYNTAX] = "syntax",
	[ERR_RANGE] = "range",
	[ERR_CONFLICT] = "conflict",
	[ERR_ABSENT] = "absent",
	[ERR_DENIED] = "denied",
	[ERR_FULL] = "full",
	[ERR_IO] = "io",
};

const char *err_name(enum err e)
{
	size_t i = (size_t)e;

	return i < sizeof(err_names) / sizeof(err_names[0]) ? err_names[i] : "unknown";
}

PRINTF_LIKE(4, 0)
static void diag_write(struct diag *d, unsigned line, unsigned col, const char *fmt, va_list ap)
{
	if (d == NULL)
		return;
	d->line = line;
	d->col = col;
	if (vsnprintf(d->msg, sizeof(d->msg), fmt, ap) < 0)
		d->msg[0] = '\0';
}

void diag_set(struct diag *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_write(d, 0, 0, fmt, ap);
	va_end(ap);
}

void diag_set_at(struct diag *d, unsigned line, unsigned col, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_write(d, line, col, fmt, ap);
	va_end(ap);
}
