/* Dates and times of a TZ string are turned into instants year by year; nothing is kept between two calls. */
#include "zone_rule.h"

#include "base/civil.h"

#define S_PER_DAY INT64_C(86400)

/* The rest of the string that is being read. */
struct text { const char *p, *end; };

static bool text_take(struct text *t, char c)
{
	if (t->p == t->end || *t->p != c)
		return false;
	t->p++;
	return true;
}

/* One to three digits. */
static bool text_number(struct text *t, int32_t *out)
{
	const char *start = t->p;
	int32_t n = 0;

	while (t->p < t->end && t->p - start < 3 && *t->p >= '0' && *t->p <= '9')
		n = n * 10 + (*t->p++ - '0');
	*out = n;
	return t->p > start;
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_quotable(char c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-';
}

/* "CET" or "<+03>"; the name itself decides nothing. */
static bool text_name(struct text *t)
{
	bool quoted = text_take(t, '<');
	const char *start = t->p;

	while (t->p < t->end && (quoted ? is_quotable(*t->p) : is_alpha(*t->p)))
		t->p++;
	if (t->p - start < 3)
		return false;
	return !quoted || text_take(t, '>');
}

/* [+-]hh[:mm[:ss]] as seconds. */
static enum err text_time(struct text *t, int32_t max_h, int32_t *out)
{
	int32_t part[3] = { 0, 0, 0 };
	bool negative = text_take(t, '-');

	if (!negative)
		(void)text_take(t, '+');
	if (!text_number(t, &part[0]))
		return ERR_SYNTAX;
	for (int i = 1; i < 3 && text_take(t, ':'); i++)
		if (!text_number(t, &part[i]))
			return ERR_SYNTAX;
	if (part[0] > max_h || part[1] > 59 || part[2] > 59)
		return ERR_RANGE;
	*out = part[0] * 3600 + part[1] * 60 + part[2];
	if (negative)
		*out = -*out;
	return ERR_OK;
}

static bool within(int32_t n, int32_t min, int32_t max)
{
	return n >= min && n <= max;
}

static enum err text_month_day(struct text *t, struct zone_change *c)
{
	if (!text_number(t, &c->month) || !text_take(t, '.') || !text_number(t, &c->week) || !text_take(t, '.') ||
	    !text_number(t, &c->day))
		return ERR_SYNTAX;
	return within(c->month, 1, 12) && within(c->week, 1, 5) && within(c->day, 0, 6) ? ERR_OK : ERR_RANGE;
}

/* ",M3.2.0/2" */
static enum err text_change(struct text *t, struct zone_change *out)
{
	struct zone_change c = { .time_s = 2 * 3600 };
	enum err e = ERR_OK;

	if (!text_take(t, ','))
		return ERR_SYNTAX;
	if (text_take(t, 'M')) {
		c.kind = ZONE_DAY_OF_MONTH;
		e = text_month_day(t, &c);
	} else {
		c.kind = text_take(t, 'J') ? ZONE_DAY_JULIAN : ZONE_DAY_OF_YEAR;
		if (!text_number(t, &c.day))
			return ERR_SYNTAX;
		if (!within(c.day, c.kind == ZONE_DAY_JULIAN ? 1 : 0, 365))
			e = ERR_RANGE;
	}
	if (e == ERR_OK && text_take(t, '/'))
		e = text_time(t, 167, &c.time_s);
	*out = c;
	return e;
}

/* In a TZ string an offset is what to add to local time to reach UTC: the other way round from ours. */
static enum err text_offset(struct text *t, int32_t *out)
{
	enum err e = text_time(t, 24, out);

	*out = -*out;
	return e;
}

static enum err text_rule(struct text *t, struct zone_rule *r)
{
	enum err e;

	if (!text_name(t))
		return ERR_SYNTAX;
	e = text_offset(t, &r->std_s);
	if (e != ERR_OK || t->p == t->end)
		return e;

	r->has_dst = true;
	if (!text_name(t))
		return ERR_SYNTAX;
	r->dst_s = r->std_s + 3600;
	if (t->p < t->end && *t->p != ',')
		e = text_offset(t, &r->dst_s);
	if (e == ERR_OK)
		e = text_change(t, &r->start);
	if (e == ERR_OK)
		e = text_change(t, &r->end);
	return e == ERR_OK && t->p < t->end ? ERR_SYNTAX : e;
}

enum err zone_rule_parse(struct str s, struct zone_rule *out, struct diag *d)
{
	struct text t = { s.p, s.p + s.len };
	struct zone_rule r = { 0 };
	enum err e = s.len == 0 ? ERR_SYNTAX : text_rule(&t, &r);

	if (e == ERR_OK)
		*out = r;
	else
		diag_set(d, "the footer is no POSIX TZ string: a number or a form is wrong in its byte %zu", (size_t)(t.p - s.p) + 1);
	return e;
}

/* Days since 1970-01-01 of the day of the change. */
static int32_t change_day(const struct zone_change *c, int32_t year)
{
	int32_t first, day;

	switch (c->kind) {
	case ZONE_DAY_OF_YEAR:
		return civil_to_days((struct civil){ year, 1, 1 }) + c->day;
	case ZONE_DAY_JULIAN:
		day = c->day - 1;
		if (day >= 59 && civil_month_len(year, 2) == 29)
			day++;
		return civil_to_days((struct civil){ year, 1, 1 }) + day;
	case ZONE_DAY_OF_MONTH:
		break;
	}
	first = civil_to_days((struct civil){ year, c->month, 1 });
	/* Ours count from Monday, theirs from Sunday. */
	day = (c->day + 6 - civil_weekday(first) + 7) % 7 + (c->week - 1) * 7;
	return first + (day < civil_month_len(year, c->month) ? day : day - 7);
}

static int64_t change_instant(const struct zone_change *c, int32_t year, int32_t offset_before_s)
{
	return change_day(c, year) * S_PER_DAY + c->time_s - offset_before_s;
}

void zone_rule_dst(const struct zone_rule *r, int32_t year, int64_t *from_out, int64_t *to_out)
{
	int64_t from = change_instant(&r->start, year, r->std_s);
	int64_t to = change_instant(&r->end, year, r->dst_s);

	/* In the south, summer ends in the year after it began. */
	if (to <= from)
		to = change_instant(&r->end, year + 1, r->dst_s);
	*from_out = from;
	*to_out = to;
}
