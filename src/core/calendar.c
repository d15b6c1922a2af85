/*
 * The table holds the open windows of whole years in seconds after its first instant, each with the open seconds before it. Two
 * indexes make the searches short: by day of UTC, the first window that ends after it begins; and by open time, the first window
 * by whose end so much of it has passed. Adding is then: how much had passed at `from`, plus ms, and where is that.
 *
 * What leaves the table goes day by day up to its edge and beyond it (calendar_walk.h); both give the same instants.
 */
#include "core/calendar.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "calendar_days.h"
#include "calendar_walk.h"

/* 32 bits hold the seconds of 136 years. */
#define TABLE_MAX_YEARS 100

/* More dates than there are. */
#define MAX_DATES 100000

/* Seconds after the beginning of the table. */
struct slot {
	uint32_t from_s, to_s;
	uint32_t before_s;      /* open time before from_s */
};

struct table {
	struct wall  from, to;      /* covers [from, to); both at the horizon when there is no table */
	struct slot *v;             /* owned; one more at the end, that never comes */
	size_t       n;             /* without that one */
	uint32_t    *by_day;        /* owned; for each day, the first slot that ends after it begins */
	size_t       n_days;
	uint32_t    *by_open;       /* owned; the first slot at whose end (i << shift) ms of open time have passed, or n */
	size_t       n_open;
	int          shift;
	int64_t      total_ms;      /* all open time of the table */
};

struct calendar {
	struct table          table;
	struct calendar_days *days;       /* owned */
	struct walk_years    *years;      /* owned; of what is not in the table */
	const struct zone    *zone;       /* kept */
	char                 *name;       /* owned */
	uint64_t              digest;     /* of the specification */
	bool                  always;
};

/* ---- building the table ---- */

static void table_fill(struct table *t, const struct calendar_days *d)
{
	int32_t first = (int32_t)(t->from.ms / MS_PER_DAY);
	struct window block[DAYS_MAX_WINDOWS];
	uint32_t open_s = 0;
	size_t cap = 0;

	for (size_t day = 0; day < t->n_days; day += DAYS_BLOCK) {
		size_t n = days_open(d, first + (int32_t)day, block);

		if (t->n + n + 1 > cap) {
			cap = (t->n + n + 1) * 2;
			t->v = xreallocarray(t->v, cap, sizeof(*t->v));
		}
		for (size_t i = 0; i < n && block[i].from_ms < t->to.ms; i++) {
			int64_t to_ms = block[i].to_ms < t->to.ms ? block[i].to_ms : t->to.ms;
			struct slot s = {
				.from_s = (uint32_t)((block[i].from_ms - t->from.ms) / MS_PER_S),
				.to_s = (uint32_t)((to_ms - t->from.ms) / MS_PER_S),
				.before_s = open_s,
			};

			open_s += s.to_s - s.from_s;
			/* A block cuts what is open across its end. */
			if (t->n > 0 && t->v[t->n - 1].to_s == s.from_s)
				t->v[t->n - 1].to_s = s.to_s;
			else
				t->v[t->n++] = s;
		}
	}
	t->v = xreallocarray(t->v, t->n + 1, sizeof(*t->v));
	t->v[t->n] = (struct slot){ UINT32_MAX, UINT32_MAX, open_s };
	t->total_ms = open_s * MS_PER_S;
}

static void table_index(struct table *t)
{
	size_t slot = 0;

	t->by_day = xcalloc(t->n_days, sizeof(*t->by_day));
	for (size_t day = 0; day < t->n_days; day++) {
		while (t->v[slot].to_s <= day * 86400)
			slot++;
		t->by_day[day] = (uint32_t)slot;
	}

	while (t->total_ms >> t->shift > (int64_t)(2 * t->n))
		t->shift++;
	t->n_open = (size_t)(t->total_ms >> t->shift) + 2;
	t->by_open = xcalloc(t->n_open, sizeof(*t->by_open));
	slot = 0;
	for (size_t i = 0; i < t->n_open; i++) {
		while (slot < t->n && t->v[slot + 1].before_s * MS_PER_S < (int64_t)i << t->shift)
			slot++;
		t->by_open[i] = (uint32_t)slot;
	}
}

static struct wall year_start(int32_t year)
{
	return (struct wall){ civil_to_days((struct civil){ year, 1, 1 }) * MS_PER_DAY };
}

static void table_build(struct table *t, const struct calendar_days *d, int32_t first, int32_t last)
{
	first = first < 1970 ? 1970 : first;
	last = last > 2200 ? 2200 : last;
	last = last - first >= TABLE_MAX_YEARS ? first + TABLE_MAX_YEARS - 1 : last;
	t->from = t->to = DAYS_HORIZON;
	if (first > last)
		return;
	t->from = year_start(first);
	t->to = year_start(last + 1);
	t->n_days = (size_t)((t->to.ms - t->from.ms) / MS_PER_DAY);
	table_fill(t, d);
	table_index(t);
}

static void table_free(struct table *t)
{
	free(t->v);
	free(t->by_day);
	free(t->by_open);
}

/* ---- searching the table ---- */

static bool table_covers(const struct table *t, struct wall at)
{
	return at.ms >= t->from.ms && at.ms < t->to.ms;
}

/* The first slot that ends after `at`; n when there is none. */
static const struct slot *table_slot(const struct table *t, struct wall at)
{
	int64_t ms = at.ms - t->from.ms;
	const struct slot *s = t->v + t->by_day[ms / MS_PER_DAY];

	while (s->to_s * MS_PER_S <= ms)
		s++;
	return s;
}

/* Open time from the beginning of the table until `at`, which the table covers. */
static int64_t table_spent(const struct table *t, struct wall at)
{
	const struct slot *s = table_slot(t, at);
	int64_t in = at.ms - t->from.ms - s->from_s * MS_PER_S;

	return s->before_s * MS_PER_S + (in > 0 ? in : 0);
}

/* The first slot by whose end `spent` ms, at most one over all there are, have passed; n when there is none. */
static size_t table_reach(const struct table *t, int64_t spent)
{
	size_t i = (size_t)(spent >> t->shift), lo = t->by_open[i], hi = i + 1 < t->n_open ? t->by_open[i + 1] : t->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (t->v[mid + 1].before_s * MS_PER_S < spent)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

enum which { EARLIEST, LATEST };

/*
 * The earliest or the latest instant at which `spent` ms, from 0 to all, have passed: where they are passed exactly at a closing
 * time, that or the next opening. False when the next opening lies beyond the table. The earliest of 0 is of no use.
 */
static bool table_at(const struct table *t, int64_t spent, enum which which, struct wall *out)
{
	size_t i = table_reach(t, which == LATEST ? spent + 1 : spent);
	const struct slot *s = t->v + i;

	if (i == t->n)
		return false;
	out->ms = t->from.ms + s->from_s * MS_PER_S + (spent - s->before_s * MS_PER_S);
	return true;
}

/* ---- the calendar ---- */

static struct wall clip(struct wall t)
{
	return wall_min(wall_max(t, WALL_MIN), DAYS_HORIZON);
}

struct calendar *calendar_create(const struct calendar_spec *spec, int32_t first_year, int32_t last_year)
{
	struct calendar *c = xcalloc(1, sizeof(*c));

	c->name = xstrdup(spec->name);
	c->zone = spec->zone;
	c->digest = spec->digest;
	c->days = days_create(spec);
	c->years = walk_years_create();
	c->always = days_always_open(c->days);
	table_build(&c->table, c->days, first_year, c->always ? first_year - 1 : last_year);
	return c;
}

void calendar_destroy(struct calendar *c)
{
	if (c == NULL)
		return;
	days_destroy(c->days);
	table_free(&c->table);
	free(c->years);
	free(c->name);
	free(c);
}

void calendar_slim(struct calendar *c)
{
	table_free(&c->table);
	c->table = (struct table){ .from = DAYS_HORIZON, .to = DAYS_HORIZON };
}

const char *calendar_name(const struct calendar *c)
{
	return c->name;
}

const struct zone *calendar_zone(const struct calendar *c)
{
	return c->zone;
}

bool calendar_same(const struct calendar *a, const struct calendar *b)
{
	return a == b || (a->digest != 0 && a->digest == b->digest && strcmp(a->name, b->name) == 0);
}

bool calendar_is_always(const struct calendar *c)
{
	return c->always;
}

size_t calendar_bytes(const struct calendar *c)
{
	const struct table *t = &c->table;

	return sizeof(*c) + sizeof(*c->years) + days_bytes(c->days) + (t->n + 1) * sizeof(*t->v) + t->n_days * sizeof(*t->by_day) +
	       t->n_open * sizeof(*t->by_open);
}

bool calendar_is_open(const struct calendar *c, struct wall at)
{
	const struct table *t = &c->table;
	struct wall open;

	if (at.ms < WALL_MIN.ms || at.ms >= DAYS_HORIZON.ms)
		return false;
	if (c->always)
		return true;
	if (table_covers(t, at))
		return table_slot(t, at)->from_s * MS_PER_S <= at.ms - t->from.ms;
	return walk_next_open(c->days, at, wall_plus(at, 1), &open);
}

struct wall calendar_next_open(const struct calendar *c, struct wall at)
{
	const struct table *t = &c->table;
	struct wall r;

	at = clip(at);
	if (c->always)
		return wall_before(at, DAYS_HORIZON) ? at : WALL_NEVER;
	if (wall_before(at, t->from)) {
		if (walk_next_open(c->days, at, t->from, &r))
			return r;
		at = t->from;
	}
	if (table_covers(t, at)) {
		if (table_at(t, table_spent(t, at), LATEST, &r))
			return r;
		at = t->to;
	}
	return walk_next_open(c->days, at, DAYS_HORIZON, &r) ? r : WALL_NEVER;
}

/* The same inside of the table; `at` may be its end. */
static int64_t spent_until(const struct table *t, struct wall at)
{
	return wall_before(at, t->to) ? table_spent(t, at) : t->total_ms;
}

int64_t calendar_between(const struct calendar *c, struct wall from, struct wall to)
{
	const struct table *t = &c->table;
	int64_t sum = 0;

	from = clip(from);
	to = clip(to);
	if (!wall_before(from, to))
		return 0;
	if (c->always)
		return to.ms - from.ms;
	if (table_covers(t, from) && table_covers(t, to))
		return table_spent(t, to) - table_spent(t, from);

	if (wall_before(from, t->from))
		sum += walk_across(c->days, c->years, from, wall_min(to, t->from));
	if (wall_before(from, t->to) && wall_before(t->from, to))
		sum += spent_until(t, wall_min(to, t->to)) - table_spent(t, wall_max(from, t->from));
	if (wall_before(t->to, to))
		sum += walk_across(c->days, c->years, wall_max(from, t->to), to);
	return sum;
}

/* The earliest instant at which ms > 0 have passed: through what lies before the table, in it, and after it. */
static struct wall add_forward(const struct calendar *c, struct wall from, int64_t ms)
{
	const struct table *t = &c->table;
	struct wall r;

	if (wall_before(from, t->from)) {
		if (walk_forward(c->days, from, t->from, &ms, &r))
			return r;
		from = t->from;
	}
	if (table_covers(t, from)) {
		int64_t spent = table_spent(t, from);

		if (ms <= t->total_ms - spent && table_at(t, spent + ms, EARLIEST, &r))
			return r;
		ms -= t->total_ms - spent;
		from = t->to;
	}
	return walk_forward(c->days, from, DAYS_HORIZON, &ms, &r) ? r : WALL_NEVER;
}

/* The latest instant from which ms > 0 pass until `from`. */
static struct wall add_backward(const struct calendar *c, struct wall from, int64_t ms)
{
	const struct table *t = &c->table;
	struct wall r;

	if (wall_before(t->to, from)) {
		if (walk_backward(c->days, from, t->to, &ms, &r))
			return r;
		from = t->to;
	}
	if (wall_before(t->from, from)) {
		int64_t spent = spent_until(t, from);

		if (ms <= spent && table_at(t, spent - ms, LATEST, &r))
			return r;
		ms -= spent;
		from = t->from;
	}
	return walk_backward(c->days, from, WALL_MIN, &ms, &r) ? r : WALL_PAST;
}

static struct wall add_always(struct wall from, int64_t ms)
{
	struct wall r = wall_plus(from, ms);

	if (wall_before(r, WALL_MIN))
		return WALL_PAST;
	return wall_before(DAYS_HORIZON, r) ? WALL_NEVER : r;
}

static struct wall add_slowly(const struct calendar *c, struct wall from, int64_t ms, enum boundary boundary)
{
	struct wall r;

	if (wall_is_never(from) || wall_eq(from, WALL_PAST))
		return from;
	if (ms == 0)
		return calendar_next_open(c, from);
	if (ms > DAYS_HORIZON.ms)
		return WALL_NEVER;
	if (ms < -DAYS_HORIZON.ms)
		return WALL_PAST;

	from = clip(from);
	if (ms < 0)
		return c->always ? add_always(from, ms) : add_backward(c, from, -ms);
	r = c->always ? add_always(from, ms) : add_forward(c, from, ms);
	return boundary == BOUNDARY_NEXT_OPEN && !wall_is_never(r) ? calendar_next_open(c, r) : r;
}

struct wall calendar_add(const struct calendar *c, struct wall from, int64_t ms, enum boundary boundary)
{
	const struct table *t = &c->table;

	if (table_covers(t, from)) {
		int64_t spent = table_spent(t, from);
		enum which which = ms > 0 && boundary == BOUNDARY_CLOSE ? EARLIEST : LATEST;
		struct wall r;

		if (ms >= -spent && ms <= t->total_ms - spent && table_at(t, spent + ms, which, &r))
			return r;
	}
	return add_slowly(c, from, ms, boundary);
}

/* The days-th date after (or before) `date` on which a window starts; the date itself or the first after it for 0. */
static bool find_date(const struct calendar *c, int32_t date, int32_t days, int32_t *date_out, struct wall *close_out)
{
	int32_t step = days < 0 ? -1 : 1, left = days < 0 ? -days : days;

	if (days == 0) {
		left = 1;
		date--;
	}
	while (left > 0) {
		date += step;
		if (date < DAYS_FIRST || date > DAYS_LAST)
			return false;
		left -= days_close(c->days, date, close_out) ? 1 : 0;
	}
	*date_out = date;
	return true;
}

struct wall calendar_add_days(const struct calendar *c, struct wall from, int32_t days, enum day_end end)
{
	int64_t local = zone_local(c->zone, from);
	int64_t date = local / MS_PER_DAY - (local % MS_PER_DAY < 0);
	struct wall r = { 0 };
	int32_t found;

	if (wall_before(from, WALL_MIN))
		return WALL_PAST;
	if (!wall_before(from, DAYS_HORIZON))
		return WALL_NEVER;
	if (days == 0 && end == DAY_SAME_TIME)
		return calendar_next_open(c, from);
	if (days < -MAX_DATES || !find_date(c, (int32_t)date, days, &found, &r))
		return days < 0 ? WALL_PAST : WALL_NEVER;
	if (end == DAY_SAME_TIME)
		r = zone_instant(c->zone, found * MS_PER_DAY + (local - date * MS_PER_DAY));
	if (wall_before(r, WALL_MIN))
		return WALL_PAST;
	if (wall_before(DAYS_HORIZON, r))
		return WALL_NEVER;
	return end == DAY_SAME_TIME && days > 0 ? calendar_next_open(c, r) : r;
}

bool calendar_window(const struct calendar *c, struct wall at, struct wall *from_out, struct wall *to_out)
{
	const struct table *t = &c->table;
	struct wall open = calendar_next_open(c, at);
	struct window w = { WALL_MIN.ms, DAYS_HORIZON.ms };

	if (wall_is_never(open))
		return false;
	if (table_covers(t, open)) {
		const struct slot *s = table_slot(t, open);

		w.from_ms = t->from.ms + s->from_s * MS_PER_S;
		w.to_ms = t->from.ms + s->to_s * MS_PER_S;
	}
	/* What touches an edge of the table goes on beyond it. */
	if (!c->always && (!table_covers(t, open) || w.from_ms == t->from.ms || w.to_ms == t->to.ms))
		w = walk_window(c->days, open);
	from_out->ms = w.from_ms;
	to_out->ms = w.to_ms;
	return true;
}
