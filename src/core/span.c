/*
 * One reader for all forms: numbers with units, from the largest unit to the smallest, each once. What a unit may be in which
 * place stands in one table.
 */
#include "core/span.h"

#include <stdio.h>

#include "base/wall.h"

struct unit {
	const char *name;
	int64_t     ms;
	bool        in_span;      /* legal in a target; all are in span_parse_ms() */
};

/* From large to small. */
static const struct unit units[] = {
	{ "y",  365 * MS_PER_DAY, false },
	{ "d",  MS_PER_DAY,       true },
	{ "h",  MS_PER_H,         true },
	{ "m",  MS_PER_MIN,       true },
	{ "s",  MS_PER_S,         true },
	{ "ms", 1,                true },
};
#define N_UNITS (sizeof(units) / sizeof(units[0]))

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits at the front. Those that follow once every limit is passed change nothing. */
static bool take_number(struct str *s, int64_t *out)
{
	size_t i = 0;
	int64_t n = 0;

	for (; i < s->len && is_digit(s->p[i]); i++)
		if (n <= SPAN_MAX_MS)
			n = n * 10 + (s->p[i] - '0');
	*out = n;
	s->p += i;
	s->len -= i;
	return i > 0;
}

static struct str take_word(struct str *s)
{
	struct str w = { s->p, 0 };

	while (w.len < s->len && s->p[w.len] >= 'a' && s->p[w.len] <= 'z')
		w.len++;
	s->p += w.len;
	s->len -= w.len;
	return w;
}

/* "1h30m". Sets *days_out when "d" was among the units. */
static enum err read_time(struct str s, bool all_units, int64_t *ms_out, bool *days_out)
{
	size_t next = 0;
	int64_t sum = 0;
	bool days = false;

	if (s.len == 0)
		return ERR_SYNTAX;
	while (s.len > 0) {
		struct str name;
		int64_t n;

		if (!take_number(&s, &n))
			return ERR_SYNTAX;
		name = take_word(&s);
		while (next < N_UNITS && !(str_eqz(name, units[next].name) && (all_units || units[next].in_span)))
			next++;
		if (next == N_UNITS)
			return ERR_SYNTAX;
		days = days || units[next].ms == MS_PER_DAY;
		/* Held just above the limit, so that neither the product nor the sum overflows. */
		sum += n > SPAN_MAX_MS / units[next].ms ? SPAN_MAX_MS + 1 : n * units[next].ms;
		next++;
		if (sum > SPAN_MAX_MS)
			sum = SPAN_MAX_MS + 1;
	}
	if (sum > SPAN_MAX_MS)
		return ERR_RANGE;
	*ms_out = sum;
	*days_out = days;
	return ERR_OK;
}

/* "3bd", "3bd eod". ERR_ABSENT when it is no such form. */
static enum err read_days(struct str s, int32_t *days_out, bool *eod_out)
{
	int64_t n;
	struct str rest;

	if (!take_number(&s, &n) || s.len < 2 || s.p[0] != 'b' || s.p[1] != 'd')
		return ERR_ABSENT;
	s = (struct str){ s.p + 2, s.len - 2 };
	rest = str_trim(s);
	if (s.len > 0 && (rest.len == s.len || !str_eqz(rest, "eod")))
		return ERR_SYNTAX;
	if (n > SPAN_MAX_DAYS)
		return ERR_RANGE;
	*days_out = (int32_t)n;
	*eod_out = s.len > 0;
	return ERR_OK;
}

static enum err read_span(struct str s, struct span *out)
{
	enum err e;

	if (str_eqz(s, "none")) {
		out->kind = SPAN_NONE;
		return ERR_OK;
	}
	out->kind = SPAN_DAYS;
	e = read_days(s, &out->days, &out->eod);
	if (e != ERR_ABSENT)
		return e;
	out->kind = SPAN_TIME;
	return read_time(s, false, &out->ms, &out->calendar_days);
}

/* So that what is quoted cannot fill the sentence nor break its line. */
static void complain(struct diag *d, enum err e, struct str s, const char *forms)
{
	if (s.len > 40)
		s.len = 40;
	if (e == ERR_RANGE)
		diag_set(d, "\"" STR_FMT "\" is too long: ten years, or %d business days, is the most", STR_ARG(s), SPAN_MAX_DAYS);
	else if (str_has_controls(s) || !str_is_utf8(s))
		diag_set(d, "not a duration: write it like %s", forms);
	else
		diag_set(d, "\"" STR_FMT "\" is not a duration: write it like %s", STR_ARG(s), forms);
}

#define FORMS "90s, 15m, 2h, 1h30m, 3bd, 3bd eod or none"

enum err span_parse(struct str s, struct span *out, struct diag *d)
{
	struct span r = { 0 };
	enum err e = read_span(s, &r);

	if (e == ERR_OK)
		*out = r;
	else
		complain(d, e, s, FORMS);
	return e;
}

enum err span_parse_signed(struct str s, struct span *out, struct diag *d)
{
	struct str rest = { s.p + 1, s.len - 1 };
	struct span r = { 0 };
	enum err e;

	if (s.len == 0 || s.p[0] != '-')
		return span_parse(s, out, d);
	e = read_span(rest, &r);
	if (e == ERR_OK && r.kind == SPAN_NONE)
		e = ERR_SYNTAX;
	if (e != ERR_OK) {
		complain(d, e, s, FORMS);
		return e;
	}
	r.ms = -r.ms;
	r.days = -r.days;
	*out = r;
	return ERR_OK;
}

enum err span_parse_ms(struct str s, int64_t *ms_out, struct diag *d)
{
	bool days;
	enum err e = read_time(s, true, ms_out, &days);

	if (e != ERR_OK)
		complain(d, e, s, "10s, 5m, 36h, 14d or 3y");
	return e;
}

/* The units of targets from `first` on, largest first, those that are zero left out. */
static char *format_ms(int64_t ms, size_t first, char out[SPAN_TEXT_LEN])
{
	uint64_t left = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
	size_t len = 0;

	if (ms < 0)
		out[len++] = '-';
	for (size_t i = first; i < N_UNITS && left > 0; i++) {
		uint64_t n = left / (uint64_t)units[i].ms;

		left %= (uint64_t)units[i].ms;
		if (n > 0)
			len += (size_t)snprintf(out + len, SPAN_TEXT_LEN - len, "%llu%s", (unsigned long long)n, units[i].name);
	}
	if (ms == 0)
		snprintf(out, SPAN_TEXT_LEN, "0%s", units[first].ms == MS_PER_DAY ? "d" : "s");
	return out;
}

enum { UNIT_DAYS = 1, UNIT_HOURS = 2 };

char *span_format(const struct span *s, char out[SPAN_TEXT_LEN])
{
	switch (s->kind) {
	case SPAN_NONE:
		snprintf(out, SPAN_TEXT_LEN, "none");
		return out;
	case SPAN_DAYS:
		snprintf(out, SPAN_TEXT_LEN, "%dbd%s", s->days, s->eod ? " eod" : "");
		return out;
	case SPAN_TIME:
		break;
	}
	return format_ms(s->ms, s->calendar_days ? UNIT_DAYS : UNIT_HOURS, out);
}

char *span_format_ms(int64_t ms, char out[SPAN_TEXT_LEN])
{
	return format_ms(ms, UNIT_HOURS, out);
}
