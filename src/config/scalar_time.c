/* Dates, days of the week and windows of a day. */
#include "scalar.h"

#include <ctype.h>

#include "base/limits.h"

static const char *const day_names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

static bool no(struct diag *d, const char *sentence)
{
	diag_set(d, "%s", sentence);
	return false;
}

bool is_date(struct str s, struct diag *d)
{
	struct civil c;
	enum err e = civil_parse(s, &c);

	if (e == ERR_RANGE)
		return no(d, "there is no such day");
	return e == ERR_OK || no(d, "must be a date such as 2026-12-25");
}

static bool read_holiday(struct str s, struct civil *out)
{
	char year[10 + 1];

	if (s.len != 6 || s.p[0] != '-')
		return civil_parse(s, out) == ERR_OK;
	/* A leap year, so that February 29 may be named. */
	memcpy(year, "2000", 4);
	memcpy(year + 4, s.p, 6);
	if (civil_parse((struct str){ year, 10 }, out) != ERR_OK)
		return false;
	out->year = 0;
	return true;
}

static bool is_ics(struct str s)
{
	return s.len > 4 && str_eq_nocase((struct str){ s.p + s.len - 4, 4 }, STR(".ics"));
}

bool is_holiday(struct str s, struct diag *d)
{
	struct civil c;

	if (is_ics(s))
		return s.len <= 1024 || no(d, "longer than 1024 bytes");
	return read_holiday(s, &c) ||
	       no(d, "must be a date such as 2026-12-25, a yearly date such as \"-01-06\", or a file NAME.ics");
}

struct civil scalar_holiday(struct str s)
{
	struct civil c = { 0, 1, 1 };

	return read_holiday(s, &c) ? c : (struct civil){ 0, 1, 1 };
}

static int day_index(struct str s)
{
	for (int i = 0; i < 7; i++) {
		if (str_eqz(s, day_names[i]))
			return i;
	}
	return -1;
}

/* 0 when it is no list of days and ranges; a day named twice too. */
static unsigned read_days(struct str rest)
{
	unsigned days = 0;
	bool more = true;

	while (more) {
		struct str part, from;

		more = str_cut(&rest, ',', &part);
		part = str_trim(part);
		bool range = str_cut(&part, '-', &from);
		int a = day_index(from), b = range ? day_index(part) : a;

		if (a < 0 || b < 0)
			return 0;
		for (int i = a;; i = (i + 1) % 7) {
			if (days & 1u << i)
				return 0;
			days |= 1u << i;
			if (i == b)
				break;
		}
	}
	return days;
}

bool is_days(struct str s, struct diag *d)
{
	return read_days(s) != 0 || no(d, "must be a day or days such as mon, mon-fri or \"sat,sun\"");
}

unsigned scalar_days(struct str s)
{
	return read_days(s);
}

/* "HH:MM" in seconds of the day, or -1. */
static int32_t read_time(const char *p)
{
	if (!isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]) || p[2] != ':' || !isdigit((unsigned char)p[3]) ||
	    !isdigit((unsigned char)p[4]))
		return -1;
	int h = (p[0] - '0') * 10 + p[1] - '0', m = (p[3] - '0') * 10 + p[4] - '0';

	if (m > 59 || h > 24 || (h == 24 && m > 0))
		return -1;
	return h * 3600 + m * 60;
}

static bool read_window(struct str s, struct hours *out)
{
	if (s.len != 11 || s.p[5] != '-')
		return false;
	int32_t from = read_time(s.p), to = read_time(s.p + 6);

	if (from < 0 || to < 0 || from == 86400)
		return false;
	*out = (struct hours){ from, to <= from ? to + 86400 : to };
	return true;
}

bool is_window(struct str s, struct diag *d)
{
	struct hours h;

	return read_window(s, &h) || no(d, "must be a window such as \"09:00-17:30\", up to 24:00");
}

struct hours scalar_window(struct str s)
{
	struct hours h = { 0, 0 };

	return read_window(s, &h) ? h : (struct hours){ 0, 0 };
}

bool is_24x7(struct str s, struct diag *d)
{
	return str_eqz(s, "24x7") || no(d, "must be 24x7, or a map with zone and hours");
}

bool is_24x7_or_window(struct str s, struct diag *d)
{
	return str_eqz(s, "24x7") || no(d, "must be 24x7, or a map of days to windows");
}
