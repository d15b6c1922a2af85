#include "ical.h"

#include <stdlib.h>
#include <string.h>

#include <libical/ical.h>

/* The days gathered so far. */
struct days {
	struct arena *a;
	int32_t       first, last;     /* days since 1970-01-01 that are wanted */
	int32_t      *v;
	size_t        n, cap;
	size_t        turns;           /* of the repetitions so far */
	bool          full;
};

/* A rule may repeat each second from 1900 on: time spent on a file is bounded like its result. */
#define MAX_TURNS ((size_t)ICAL_MAX_DAYS * 5)

static void add_days(struct days *days, int32_t from, int32_t n)
{
	for (int32_t day = from; day < from + n; day++) {
		if (day < days->first || day > days->last)
			continue;
		if (days->n == ICAL_MAX_DAYS) {
			days->full = true;
			return;
		}
		if (days->n == days->cap) {
			size_t cap = days->cap ? 2 * days->cap : 64;

			days->v = arena_grow(days->a, days->v, days->cap, cap, sizeof *days->v);
			days->cap = cap;
		}
		days->v[days->n++] = day;
	}
}

static int32_t day_of(struct icaltimetype t)
{
	return civil_to_days((struct civil){ t.year, t.month, t.day });
}

/* How many dates the event covers: DTEND is not part of it, so a day without DTEND is one. */
static int32_t length_of(icalcomponent *event, struct icaltimetype start)
{
	struct icaltimetype end = icalcomponent_get_dtend(event);

	if (icaltime_is_null_time(end))
		return 1;
	int32_t n = day_of(end) - day_of(start);

	if (!end.is_date && (end.hour > 0 || end.minute > 0 || end.second > 0))
		n++;
	return n < 1 ? 1 : n > 366 ? 366 : n;
}

static int by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorted, so that a rule of many days with many exceptions costs little. */
static int32_t *excluded_days(struct arena *a, icalcomponent *event, size_t *n_out)
{
	size_t n = (size_t)icalcomponent_count_properties(event, ICAL_EXDATE_PROPERTY), i = 0;
	int32_t *v = arena_array(a, n + 1, sizeof *v);

	for (icalproperty *p = icalcomponent_get_first_property(event, ICAL_EXDATE_PROPERTY); p != NULL && i < n;
	     p = icalcomponent_get_next_property(event, ICAL_EXDATE_PROPERTY))
		v[i++] = day_of(icalproperty_get_exdate(p));
	qsort(v, i, sizeof *v, by_number);
	*n_out = i;
	return v;
}

static void add_repeated(struct days *days, icalcomponent *event, icalproperty *rule, struct icaltimetype start, int32_t length)
{
	icalrecur_iterator *it = icalrecur_iterator_new(icalproperty_get_rrule(rule), start);
	size_t n_excluded;
	int32_t *excluded = excluded_days(days->a, event, &n_excluded);

	if (it == NULL)
		return;
	for (struct icaltimetype t = icalrecur_iterator_next(it); !icaltime_is_null_time(t); t = icalrecur_iterator_next(it)) {
		int32_t day = day_of(t);

		if (day > days->last)
			break;
		if (++days->turns > MAX_TURNS) {
			days->full = true;
			break;
		}
		if (bsearch(&day, excluded, n_excluded, sizeof day, by_number) == NULL)
			add_days(days, day, length);
	}
	icalrecur_iterator_free(it);
}

static void add_listed(struct days *days, icalcomponent *event, int32_t length)
{
	for (icalproperty *p = icalcomponent_get_first_property(event, ICAL_RDATE_PROPERTY); p != NULL;
	     p = icalcomponent_get_next_property(event, ICAL_RDATE_PROPERTY)) {
		struct icaldatetimeperiodtype date = icalproperty_get_rdate(p);

		add_days(days, day_of(icaltime_is_null_time(date.time) ? date.period.start : date.time), length);
	}
}

static bool add_event(struct days *days, icalcomponent *event)
{
	struct icaltimetype start = icalcomponent_get_dtstart(event);
	/* Asked before any walk over properties: a component has one place to walk from, and this moves it. */
	int32_t length = length_of(event, start);
	icalproperty *rule = icalcomponent_get_first_property(event, ICAL_RRULE_PROPERTY);

	if (icaltime_is_null_time(start) || start.year < 1900 || start.year > 2200)
		return false;
	if (icalcomponent_get_status(event) == ICAL_STATUS_CANCELLED)
		return true;
	if (rule == NULL)
		add_days(days, day_of(start), length);
	else
		add_repeated(days, event, rule, start, length);
	add_listed(days, event, length);
	return true;
}

static void give(struct days *days, struct civil **out, size_t *n_out)
{
	struct civil *v = arena_array(days->a, days->n + 1, sizeof *v);
	size_t n = 0;

	if (days->n > 1)
		qsort(days->v, days->n, sizeof *days->v, by_number);
	for (size_t i = 0; i < days->n; i++) {
		if (i == 0 || days->v[i] != days->v[i - 1])
			v[n++] = civil_from_days(days->v[i]);
	}
	*out = v;
	*n_out = n;
}

/* Walks the events of a VCALENDAR, or of several under one root. */
static size_t add_events(struct days *days, icalcomponent *root, struct diag *d)
{
	size_t n = 0;

	for (icalcomponent *c = icalcomponent_get_first_component(root, ICAL_ANY_COMPONENT); c != NULL && !days->full;
	     c = icalcomponent_get_next_component(root, ICAL_ANY_COMPONENT)) {
		if (icalcomponent_isa(c) == ICAL_VCALENDAR_COMPONENT) {
			n += add_events(days, c, d);
		} else if (icalcomponent_isa(c) == ICAL_VEVENT_COMPONENT) {
			n++;
			if (!add_event(days, c))
				diag_set(d, "event %zu has no usable DTSTART", n);
		}
	}
	return n;
}

enum err ical_days(struct arena *a, struct str text, int32_t first_year, int32_t last_year, struct civil **out, size_t *n_out,
		   struct diag *d)
{
	struct days days = { .a = a, .first = civil_to_days((struct civil){ first_year, 1, 1 }),
			     .last = civil_to_days((struct civil){ last_year, 12, 31 }) };
	struct diag why = { 0, 0, "" };

	icalerror_set_errors_are_fatal(false);
	if (text.len == 0 || memchr(text.p, '\0', text.len) != NULL || strcasestr(text.p, "BEGIN:VCALENDAR") == NULL) {
		diag_set(d, "not an iCalendar file");
		return ERR_SYNTAX;
	}
	icalcomponent *root = icalparser_parse_string(text.p);

	if (root == NULL) {
		diag_set(d, "not an iCalendar file");
		return ERR_SYNTAX;
	}
	size_t events = add_events(&days, root, &why);

	icalcomponent_free(root);
	if (events == 0)
		diag_set(&why, "has no events");
	else if (days.full)
		diag_set(&why, "has more than %d days", ICAL_MAX_DAYS);
	if (why.msg[0] != '\0') {
		diag_set(d, "%s", why.msg);
		return ERR_SYNTAX;
	}
	give(&days, out, n_out);
	return ERR_OK;
}
