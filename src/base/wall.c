#include "base/wall.h"

#include <stdio.h>

#include "base/civil.h"

#define FRACTION_MAX 9

/* What stands in the text, field by field, before it makes sense together. */
struct stamp {
	struct civil date;
	int32_t      hour, min, sec;
	int32_t      ms;
	int32_t      offset_min;
};

static bool take_char(struct str *s, char c)
{
	if (s->len == 0 || s->p[0] != c)
		return false;
	s->p++;
	s->len--;
	return true;
}

static bool take_number(struct str *s, size_t n_digits, int32_t *out)
{
	int32_t v = 0;

	if (s->len < n_digits)
		return false;
	for (size_t i = 0; i < n_digits; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	s->p += n_digits;
	s->len -= n_digits;
	*out = v;
	return true;
}

static bool take_date_time(struct str *s, struct stamp *st)
{
	return take_number(s, 4, &st->date.year) && take_char(s, '-') && take_number(s, 2, &st->date.month) && take_char(s, '-') &&
	       take_number(s, 2, &st->date.day) && (take_char(s, 'T') || take_char(s, 't') || take_char(s, ' ')) &&
	       take_number(s, 2, &st->hour) && take_char(s, ':') && take_number(s, 2, &st->min) && take_char(s, ':') &&
	       take_number(s, 2, &st->sec);
}

/* Milliseconds are cut, not rounded: 23:59:59.9999 belongs to the day that it is written in. */
static bool take_fraction(struct str *s, int32_t *ms_out)
{
	int32_t scale = 100, ms = 0, digit;
	size_t n = 0;

	if (!take_char(s, '.'))
		return true;
	while (take_number(s, 1, &digit)) {
		ms += digit * scale;
		scale /= 10;
		n++;
	}
	*ms_out = ms;
	return n >= 1 && n <= FRACTION_MAX;
}

static bool take_offset(struct str *s, int32_t *offset_out)
{
	int32_t hours, minutes;
	bool west;

	if (take_char(s, 'Z') || take_char(s, 'z'))
		return true;
	west = take_char(s, '-');
	if (!west && !take_char(s, '+'))
		return false;
	if (!take_number(s, 2, &hours) || !take_char(s, ':') || !take_number(s, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*offset_out = (hours * 60 + minutes) * (west ? -1 : 1);
	return true;
}

static enum err stamp_to_wall(const struct stamp *st, struct wall *out, struct diag *d)
{
	bool leap = st->sec == 60;

	if (st->date.day < 1 || st->date.day > civil_month_len(st->date.year, st->date.month)) {
		diag_set(d, "no such date");
		return ERR_RANGE;
	}
	if (st->hour > 23 || st->min > 59 || st->sec > 60) {
		diag_set(d, "no such time of day");
		return ERR_RANGE;
	}

	int64_t minutes = (int64_t)civil_to_days(st->date) * 1440 + st->hour * 60 + st->min - st->offset_min;
	int64_t ms = minutes * MS_PER_MIN + st->sec * MS_PER_S + (leap ? 0 : st->ms);

	if (leap && ms % MS_PER_DAY != 0) {
		diag_set(d, "a leap second comes at 23:59:60 UTC alone");
		return ERR_RANGE;
	}
	if (ms < WALL_MIN.ms || ms >= WALL_MAX.ms) {
		diag_set(d, "only instants from 1970 to 2199 are taken");
		return ERR_RANGE;
	}
	out->ms = ms;
	return ERR_OK;
}

enum err wall_parse(struct str s, struct wall *out, struct diag *d)
{
	struct stamp st = { 0 };

	if (!take_date_time(&s, &st) || !take_fraction(&s, &st.ms) || !take_offset(&s, &st.offset_min) || s.len != 0) {
		diag_set(d, "expected a time with its offset, as 2026-11-23T10:00:00Z or 2026-11-23T11:00:00.5+01:00");
		return ERR_SYNTAX;
	}
	return stamp_to_wall(&st, out, d);
}

static char *put_digits(char *p, unsigned v, unsigned n)
{
	for (unsigned i = n; i-- > 0; v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}

char *wall_format(struct wall t, char out[WALL_TEXT_LEN])
{
	/* Years of four digits: 0000-01-01 and the first instant of 10000, in milliseconds. */
	const int64_t first = INT64_C(-62167219200000), end = INT64_C(253402300800000);

	if (wall_is_never(t) || t.ms == INT64_MIN) {
		(void)snprintf(out, WALL_TEXT_LEN, "%s", wall_is_never(t) ? "never" : "past");
		return out;
	}

	int64_t ms = t.ms < first ? first : t.ms >= end ? end - 1 : t.ms;
	int64_t day = ms / MS_PER_DAY - (ms % MS_PER_DAY < 0 ? 1 : 0);
	unsigned rest = (unsigned)(ms - day * MS_PER_DAY);
	struct civil c = civil_from_days((int32_t)day);
	char *p = put_digits(out, (unsigned)c.year, 4);

	*p++ = '-';
	p = put_digits(p, (unsigned)c.month, 2);
	*p++ = '-';
	p = put_digits(p, (unsigned)c.day, 2);
	*p++ = 'T';
	p = put_digits(p, rest / 3600000, 2);
	*p++ = ':';
	p = put_digits(p, rest / 60000 % 60, 2);
	*p++ = ':';
	p = put_digits(p, rest / 1000 % 60, 2);
	*p++ = '.';
	p = put_digits(p, rest % 1000, 3);
	*p++ = 'Z';
	*p = '\0';
	return out;
}
