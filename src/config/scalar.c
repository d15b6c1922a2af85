#include "scalar.h"

#include <ctype.h>

#include "base/limits.h"
#include "core/event.h"
#include "core/span.h"

static bool no(struct diag *d, const char *sentence)
{
	diag_set(d, "%s", sentence);
	return false;
}

static bool is_bounded(struct str s, size_t max, struct diag *d)
{
	if (s.len == 0)
		return no(d, "must not be empty");
	if (s.len > max) {
		diag_set(d, "longer than %zu bytes", max);
		return false;
	}
	if (str_has_controls(s))
		return no(d, "has control characters");
	return true;
}

bool is_name(struct str s, struct diag *d)
{
	if (!is_bounded(s, CONFIG_MAX_NAME, d))
		return false;
	if (s.p[0] == ' ' || s.p[s.len - 1] == ' ')
		return no(d, "a name has no blanks around it");
	return true;
}

bool is_text(struct str s, struct diag *d)
{
	return is_bounded(s, 1024, d);
}

bool is_long_text(struct str s, struct diag *d)
{
	return s.len > 0 ? true : no(d, "must not be empty");
}

bool is_attr(struct str s, struct diag *d)
{
	return is_bounded(s, EVENT_MAX_ATTR, d);
}

bool is_bool(struct str s, struct diag *d)
{
	return str_eqz(s, "true") || str_eqz(s, "false") || no(d, "must be true or false");
}

bool scalar_bool(struct str s)
{
	return str_eqz(s, "true");
}

bool is_ms_or_0(struct str s, struct diag *d)
{
	int64_t ms;

	return span_parse_ms(s, &ms, d) == ERR_OK;
}

bool is_ms(struct str s, struct diag *d)
{
	return is_ms_or_0(s, d) && (scalar_ms(s) > 0 || no(d, "must be more than 0"));
}

int64_t scalar_ms(struct str s)
{
	int64_t ms = 0;

	return span_parse_ms(s, &ms, NULL) == ERR_OK ? ms : 0;
}

bool is_span(struct str s, struct diag *d)
{
	struct span span;

	if (span_parse(s, &span, d) != ERR_OK)
		return false;
	if ((span.kind == SPAN_TIME && span.ms == 0) || (span.kind == SPAN_DAYS && span.days == 0 && !span.eod))
		return no(d, "a target is more than 0; `none` is no target");
	return true;
}

static const struct { const char *name; size_t factor; } units[] = {
	{ "KiB", 1024u }, { "MiB", 1024u * 1024u }, { "GiB", 1024u * 1024u * 1024u }, { "B", 1 }, { "", 1 },
};

static bool read_size(struct str s, size_t *out)
{
	size_t digits = 0;
	int64_t v;

	while (digits < s.len && isdigit((unsigned char)s.p[digits]))
		digits++;
	struct str unit = { s.p + digits, s.len - digits };

	if (str_to_i64((struct str){ s.p, digits }, 1, INT64_C(1) << 30, &v) != ERR_OK)
		return false;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (str_eqz(unit, units[i].name) && (size_t)v <= ((size_t)1 << 40) / units[i].factor) {
			*out = (size_t)v * units[i].factor;
			return *out <= (size_t)1 << 30;
		}
	}
	return false;
}

bool is_size(struct str s, struct diag *d)
{
	size_t v;

	return read_size(s, &v) || no(d, "must be a size such as 512KiB or 1MiB, at most 1GiB");
}

size_t scalar_size(struct str s)
{
	size_t v = 0;

	return read_size(s, &v) ? v : 0;
}

bool is_count(struct str s, struct diag *d)
{
	int64_t v;

	return str_to_i64(s, 1, 1000000, &v) == ERR_OK || no(d, "must be a whole number from 1 to 1000000");
}

int64_t scalar_count(struct str s)
{
	int64_t v = 0;

	return str_to_i64(s, 0, 1000000, &v) == ERR_OK ? v : 0;
}

bool is_path(struct str s, struct diag *d)
{
	return is_bounded(s, 1024, d);
}

bool is_header_name(struct str s, struct diag *d)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!isalnum((unsigned char)s.p[i]) && strchr("!#$%&'*+-.^_`|~", s.p[i]) == NULL)
			return no(d, "not the name of an HTTP header");
	}
	return s.len > 0 && s.len <= 128 ? true : no(d, "not the name of an HTTP header");
}

/* Digits with at most one point. */
static bool is_decimal(struct str s, size_t *whole_out)
{
	size_t whole = 0, i = 0;

	while (i < s.len && isdigit((unsigned char)s.p[i]))
		i++;
	whole = i;
	if (i < s.len && s.p[i] == '.') {
		size_t from = ++i;

		while (i < s.len && isdigit((unsigned char)s.p[i]))
			i++;
		if (i == from)
			return false;
	}
	*whole_out = whole;
	return whole > 0 && i == s.len && (whole == 1 || s.p[0] != '0');
}

bool is_number(struct str s, struct diag *d)
{
	size_t whole;

	return (is_decimal(s, &whole) && whole <= 12 && s.len <= 16) || no(d, "must be a number such as 500 or 12.50");
}

bool is_percent(struct str s, struct diag *d)
{
	size_t whole = 0;
	struct str v = { s.p, s.len > 0 ? s.len - 1 : 0 };
	bool ok = s.len > 1 && s.p[s.len - 1] == '%' && is_decimal(v, &whole) && (whole <= 2 || str_eqz(v, "100"));

	return ok || no(d, "must be a percentage such as 95%");
}

/* ---- steps ---- */

bool is_step(struct str s, struct diag *d)
{
	int64_t v;
	struct diag why;

	if (str_eqz(s, "breach"))
		return true;
	if (s.len > 1 && s.p[s.len - 1] == '%')
		return str_to_i64((struct str){ s.p, s.len - 1 }, 1, 99, &v) == ERR_OK ||
		       no(d, "a percentage is a whole one from 1% to 99%");
	size_t skip = str_starts(s, STR("due-")) ? 4 : str_starts(s, STR("breach+")) ? 7 : 0;

	if (skip == 0)
		return no(d, "must be 75%, due-30m, breach or breach+30m");
	why.msg[0] = '\0';
	if (is_ms((struct str){ s.p + skip, s.len - skip }, &why))
		return true;
	return no(d, why.msg);
}
