/*
 * Most dates are ordinary: one bit tells those that a holiday, a shift or a break touches, and only these are looked up. Windows
 * stay in local seconds until everything is taken out of them; then both ends become instants, by one subtraction where the
 * zone does not change its offset nearby.
 */
#include "calendar_days.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/xalloc.h"

#define DAY_S      86400
#define N_DATES    (DAYS_LAST - DAYS_FIRST + 1)
#define N_WORDS    ((N_DATES + 63) / 64)
#define LAST_YEAR  2200

/* Hours of one date, or of one weekday: a part of the pool. */
struct dated {
	int32_t  day;            /* days since 1970-01-01, or the weekday */
	uint32_t first, n;
};

struct dated_list {
	struct dated *v;         /* owned, by day */
	size_t        n;
};

struct calendar_days {
	const struct zone *zone;          /* kept */
	struct hours      *pool;          /* owned */
	size_t             n_pool;
	struct dated       week[7];
	struct dated_list  shifts, breaks;
	int32_t           *holidays;      /* owned, sorted: those of one year */
	size_t             n_holidays;
	uint32_t           yearly[13];    /* by month, a bit for each day */
	uint64_t           special[N_WORDS];   /* a bit for each date that its weekday alone does not explain */
	int32_t            first, last;   /* dates outside of these have no hours */
	bool               always;
};

/* ---- reading the specification ---- */

static int compare_hours(const void *a, const void *b)
{
	const struct hours *x = a, *y = b;

	return (x->from_s > y->from_s) - (x->from_s < y->from_s);
}

static int compare_dated(const void *a, const void *b)
{
	const struct dated *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

static int compare_day(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* In order, none touching the next. */
static size_t hours_join(struct hours *v, size_t n)
{
	size_t m = 0;

	if (n > 1)
		qsort(v, n, sizeof(*v), compare_hours);
	for (size_t i = 0; i < n; i++) {
		if (m > 0 && v[i].from_s <= v[m - 1].to_s) {
			if (v[i].to_s > v[m - 1].to_s)
				v[m - 1].to_s = v[i].to_s;
		} else {
			v[m++] = v[i];
		}
	}
	return m;
}

/* Copies to the end of the pool; a window begins on its date and ends before the next one is over. */
static struct dated pool_add(struct calendar_days *d, int32_t day, struct day_hours h)
{
	struct dated r = { .day = day, .first = (uint32_t)d->n_pool };
	struct hours *to = d->pool + d->n_pool;
	size_t n = 0;

	for (size_t i = 0; i < h.n; i++) {
		struct hours w = h.v[i];

		if (w.from_s < 0)
			w.from_s = 0;
		if (w.to_s > 2 * DAY_S)
			w.to_s = 2 * DAY_S;
		if (w.from_s < DAY_S && w.from_s < w.to_s)
			to[n++] = w;
	}
	n = hours_join(to, n);
	assert(n <= CALENDAR_MAX_SPANS);
	d->n_pool += n;
	r.n = (uint32_t)n;
	return r;
}

static struct dated_list list_create(struct calendar_days *d, const struct date_hours *v, size_t n)
{
	struct dated_list l = { .v = n > 0 ? xcalloc(n, sizeof(*l.v)) : NULL, .n = n };

	for (size_t i = 0; i < n; i++)
		l.v[i] = pool_add(d, civil_to_days(v[i].date), v[i].hours);
	if (n > 1)
		qsort(l.v, n, sizeof(*l.v), compare_dated);
	return l;
}

/* The entry of that day, or NULL. Of two, the first given. */
static const struct dated *list_find(const struct dated_list *l, int32_t day)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (l->v[mid].day < day)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->n && l->v[lo].day == day ? &l->v[lo] : NULL;
}

static void special_set(struct calendar_days *d, int32_t from, int32_t to)
{
	for (int32_t day = from; day <= to; day++)
		if (day >= DAYS_FIRST && day <= DAYS_LAST)
			d->special[(day - DAYS_FIRST) / 64] |= UINT64_C(1) << ((day - DAYS_FIRST) % 64);
}

static bool special_get(const struct calendar_days *d, int32_t day)
{
	if (day < DAYS_FIRST || day > DAYS_LAST)
		return false;
	return (d->special[(day - DAYS_FIRST) / 64] >> ((day - DAYS_FIRST) % 64) & 1) != 0;
}

/* A holiday also takes from what began the night before. */
static void holiday_add(struct calendar_days *d, struct civil date)
{
	assert(date.month >= 1 && date.month <= 12);

	if (date.year != 0) {
		int32_t day = civil_to_days(date);

		d->holidays[d->n_holidays++] = day;
		special_set(d, day - 1, day);
		return;
	}
	d->yearly[date.month] |= UINT32_C(1) << date.day;
	for (int32_t year = 1969; year <= LAST_YEAR + 1; year++) {
		int32_t day;

		if (date.day > civil_month_len(year, date.month))
			continue;
		day = civil_to_days((struct civil){ year, date.month, date.day });
		special_set(d, day - 1, day);
	}
}

static void mark_special(struct calendar_days *d, const struct calendar_spec *spec)
{
	for (size_t i = 0; i < spec->n_holidays; i++)
		holiday_add(d, spec->holidays[i].date);
	if (d->n_holidays > 1)
		qsort(d->holidays, d->n_holidays, sizeof(*d->holidays), compare_day);
	for (size_t i = 0; i < d->shifts.n; i++)
		special_set(d, d->shifts.v[i].day, d->shifts.v[i].day);
	for (size_t i = 0; i < d->breaks.n; i++)
		special_set(d, d->breaks.v[i].day - 1, d->breaks.v[i].day + 1);
}

/* What can be said of the calendar as a whole. */
static void summarize(struct calendar_days *d, const struct calendar_spec *spec)
{
	bool some = false, all = true;

	for (size_t i = 0; i < 7; i++) {
		const struct hours *h = d->pool + d->week[i].first;

		some = some || d->week[i].n > 0;
		all = all && d->week[i].n > 0 && h->from_s == 0 && h->to_s >= DAY_S;
	}
	d->always = all && spec->n_holidays == 0 && spec->n_breaks == 0 && spec->n_shifts == 0;
	d->first = DAYS_FIRST;
	d->last = DAYS_LAST;
	if (!some) {
		d->first = d->shifts.n > 0 ? d->shifts.v[0].day : DAYS_LAST;
		d->last = d->shifts.n > 0 ? d->shifts.v[d->shifts.n - 1].day : DAYS_FIRST;
	}
}

static size_t count_hours(const struct calendar_spec *spec)
{
	size_t n = 0;

	for (size_t i = 0; i < 7; i++)
		n += spec->week[i].n;
	for (size_t i = 0; i < spec->n_breaks; i++)
		n += spec->breaks[i].hours.n;
	for (size_t i = 0; i < spec->n_shifts; i++)
		n += spec->shifts[i].hours.n;
	return n;
}

struct calendar_days *days_create(const struct calendar_spec *spec)
{
	struct calendar_days *d = xcalloc(1, sizeof(*d));

	d->zone = spec->zone;
	d->pool = xcalloc(count_hours(spec) + 1, sizeof(*d->pool));
	d->holidays = xcalloc(spec->n_holidays + 1, sizeof(*d->holidays));
	for (int32_t i = 0; i < 7; i++)
		d->week[i] = pool_add(d, i, spec->week[i]);
	d->shifts = list_create(d, spec->shifts, spec->n_shifts);
	d->breaks = list_create(d, spec->breaks, spec->n_breaks);
	mark_special(d, spec);
	summarize(d, spec);
	return d;
}

void days_destroy(struct calendar_days *d)
{
	if (d == NULL)
		return;
	free(d->pool);
	free(d->shifts.v);
	free(d->breaks.v);
	free(d->holidays);
	free(d);
}

size_t days_bytes(const struct calendar_days *d)
{
	return sizeof(*d) + d->n_pool * sizeof(*d->pool) + d->n_holidays * sizeof(*d->holidays) +
	       (d->shifts.n + d->breaks.n) * sizeof(struct dated);
}

bool days_always_open(const struct calendar_days *d)
{
	return d->always;
}

struct window days_reach(const struct calendar_days *d)
{
	/* A date's windows end at most two days later, and a zone may be a day off. */
	int64_t from = (d->first - 3) * MS_PER_DAY, to = (d->last + 5) * MS_PER_DAY;

	return (struct window){ from > 0 ? from : 0, to < DAYS_HORIZON.ms ? to : DAYS_HORIZON.ms };
}

/* ---- one date ---- */

/* The shift of a date wins over its holiday. */
static bool is_closed(const struct calendar_days *d, int32_t day)
{
	size_t n = d->n_holidays;
	struct civil date = civil_from_days(day);

	if (list_find(&d->shifts, day) != NULL)
		return false;
	if ((d->yearly[date.month] >> date.day & 1) != 0)
		return true;
	return n > 0 && bsearch(&day, d->holidays, n, sizeof(*d->holidays), compare_day) != NULL;
}

/* Takes `c` out of n windows in order; gives how many are left, at most one more. */
static size_t hours_cut(struct hours *v, size_t n, struct hours c)
{
	struct hours r[DAYS_MAX_PIECES];
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].from_s < c.from_s)
			r[m++] = (struct hours){ v[i].from_s, v[i].to_s < c.from_s ? v[i].to_s : c.from_s };
		if (v[i].to_s > c.to_s)
			r[m++] = (struct hours){ v[i].from_s > c.to_s ? v[i].from_s : c.to_s, v[i].to_s };
	}
	memcpy(v, r, m * sizeof(*v));
	return m;
}

static size_t cut_breaks(const struct calendar_days *d, int32_t day, struct hours *v, size_t n)
{
	for (int32_t k = -1; k <= 1 && d->breaks.n > 0; k++) {
		const struct dated *b = list_find(&d->breaks, day + k);

		for (uint32_t i = 0; b != NULL && i < b->n; i++) {
			const struct hours *h = &d->pool[b->first + i];

			n = hours_cut(v, n, (struct hours){ h->from_s + k * DAY_S, h->to_s + k * DAY_S });
		}
	}
	return n;
}

/* What is open of the windows that belong to that date, in local seconds after its 00:00. */
static size_t date_hours(const struct calendar_days *d, int32_t day, struct hours out[DAYS_MAX_PIECES])
{
	const struct dated *own = &d->week[civil_weekday(day)];
	bool special = special_get(d, day);
	size_t n;

	if (special) {
		const struct dated *shift = list_find(&d->shifts, day);

		own = shift != NULL ? shift : own;
	}
	n = own->n;
	if (n == 0)
		return 0;
	memcpy(out, d->pool + own->first, n * sizeof(*out));
	if (!special)
		return n;

	if (is_closed(d, day))
		n = hours_cut(out, n, (struct hours){ 0, DAY_S });
	if (n > 0 && out[n - 1].to_s > DAY_S && is_closed(d, day + 1))
		n = hours_cut(out, n, (struct hours){ DAY_S, 2 * DAY_S });
	return cut_breaks(d, day, out, n);
}

/* ---- instants ---- */

/* How local times of some dates become instants. */
struct converter {
	const struct zone *zone;    /* NULL when the offset is the same all the time */
	int64_t            offset_ms;
};

/* For all local times of `n` dates from `first` on, and for windows that begin there. */
static struct converter converter_for(const struct calendar_days *d, int32_t first, int32_t n)
{
	struct wall from = { (first - 3) * MS_PER_DAY }, to = { (first + n + 4) * MS_PER_DAY };
	struct wall change = zone_next_change(d->zone, from);

	if (wall_before(to, change))
		return (struct converter){ NULL, zone_offset(d->zone, from) * MS_PER_S };
	return (struct converter){ d->zone, 0 };
}

static struct window convert(const struct converter *k, int32_t day, struct hours h)
{
	int64_t from = day * MS_PER_DAY + h.from_s * MS_PER_S, to = day * MS_PER_DAY + h.to_s * MS_PER_S;

	if (k->zone == NULL)
		return (struct window){ from - k->offset_ms, to - k->offset_ms };
	return (struct window){ zone_instant(k->zone, from).ms, zone_instant(k->zone, to).ms };
}

/* Nearly in order, so that insertion is all it takes. */
static size_t windows_join(struct window *v, size_t n)
{
	size_t m = 0;

	for (size_t i = 1; i < n; i++) {
		struct window w = v[i];
		size_t j = i;

		for (; j > 0 && v[j - 1].from_ms > w.from_ms; j--)
			v[j] = v[j - 1];
		v[j] = w;
	}
	for (size_t i = 0; i < n; i++) {
		if (m > 0 && v[i].from_ms <= v[m - 1].to_ms) {
			if (v[i].to_ms > v[m - 1].to_ms)
				v[m - 1].to_ms = v[i].to_ms;
		} else {
			v[m++] = v[i];
		}
	}
	return m;
}

size_t days_open(const struct calendar_days *d, int32_t first, struct window out[DAYS_MAX_WINDOWS])
{
	int64_t begin = first * MS_PER_DAY, end = (first + DAYS_BLOCK) * MS_PER_DAY;
	int32_t date = first - 3;
	struct converter k = converter_for(d, date, DAYS_BLOCK_DATES);
	size_t n = 0;

	/* Windows reach into the second date after their own, and local dates are up to 26 hours away from those of UTC. */
	for (int32_t i = 0; i < DAYS_BLOCK_DATES; i++, date++) {
		struct hours h[DAYS_MAX_PIECES];
		size_t n_h = date < d->first || date > d->last ? 0 : date_hours(d, date, h);

		for (size_t j = 0; j < n_h; j++) {
			struct window w = convert(&k, date, h[j]);

			w.from_ms = w.from_ms > begin ? w.from_ms : begin;
			w.to_ms = w.to_ms < end ? w.to_ms : end;
			if (w.from_ms < w.to_ms)
				out[n++] = w;
		}
	}
	return windows_join(out, n);
}

bool days_close(const struct calendar_days *d, int32_t date, struct wall *close_out)
{
	struct hours h[DAYS_MAX_PIECES];
	size_t n = date < d->first || date > d->last ? 0 : date_hours(d, date, h);
	struct converter k;
	int64_t close = INT64_MIN;
	bool starts = false;

	if (n == 0)
		return false;
	k = converter_for(d, date, 1);
	for (size_t i = 0; i < n; i++) {
		struct window w = convert(&k, date, h[i]);

		if (w.from_ms >= w.to_ms)
			continue;
		starts = starts || h[i].from_s < DAY_S;
		close = w.to_ms > close ? w.to_ms : close;
	}
	if (starts)
		close_out->ms = close;
	return starts;
}
