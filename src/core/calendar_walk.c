/* Blocks of days, one after the other, in one buffer. That a block clips its windows changes no sum and no instant found here. */
#include "calendar_walk.h"

#include "base/civil.h"
#include "base/xalloc.h"

struct walk {
	const struct calendar_days *d;
	struct window               reach;       /* nothing is open outside of it */
	int64_t                     begin_ms;    /* of the block */
	int64_t                     end_ms;
	size_t                      n;
	struct window               v[DAYS_MAX_WINDOWS];
};

static int64_t max_ms(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t min_ms(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Leaves `v` alone: it is large, and filled before it is read. */
static void walk_start(struct walk *w, const struct calendar_days *d)
{
	w->d = d;
	w->reach = days_reach(d);
}

static void walk_load(struct walk *w, int64_t first_day)
{
	w->begin_ms = first_day * MS_PER_DAY;
	w->end_ms = w->begin_ms + DAYS_BLOCK * MS_PER_DAY;
	w->n = days_open(w->d, (int32_t)first_day, w->v);
}

/* The block that begins on the day of `ms`. */
static void walk_load_from(struct walk *w, int64_t ms)
{
	walk_load(w, ms / MS_PER_DAY);
}

/* The block that ends with the day before which `ms` lies. */
static void walk_load_until(struct walk *w, int64_t ms)
{
	walk_load(w, (ms - 1) / MS_PER_DAY + 1 - DAYS_BLOCK);
}

int64_t walk_between(const struct calendar_days *d, struct wall from, struct wall to)
{
	struct walk w;
	int64_t at, end, sum = 0;

	walk_start(&w, d);
	at = max_ms(from.ms, w.reach.from_ms);
	end = min_ms(to.ms, w.reach.to_ms);
	for (; at < end; at = w.end_ms) {
		walk_load_from(&w, at);
		for (size_t i = 0; i < w.n; i++)
			sum += max_ms(0, min_ms(w.v[i].to_ms, end) - max_ms(w.v[i].from_ms, at));
	}
	return sum;
}

static struct wall year_start(int32_t year)
{
	return (struct wall){ civil_to_days((struct civil){ year, 1, 1 }) * MS_PER_DAY };
}

static int32_t year_of(struct wall at)
{
	return civil_from_days((int32_t)(at.ms / MS_PER_DAY)).year;
}

struct walk_years *walk_years_create(void)
{
	struct walk_years *y = xmalloc(sizeof(*y));

	for (size_t i = 0; i < WALK_YEARS; i++)
		y->open_ms[i] = -1;
	return y;
}

int64_t walk_across(const struct calendar_days *d, struct walk_years *years, struct wall from, struct wall to)
{
	int32_t first = year_of(from) + 1, last = year_of(to);
	int64_t sum;

	if (first >= last)
		return walk_between(d, from, to);
	sum = walk_between(d, from, year_start(first)) + walk_between(d, year_start(last), to);
	for (int32_t year = first; year < last; year++) {
		int64_t *known = &years->open_ms[year - 1970];

		if (*known < 0)
			*known = walk_between(d, year_start(year), year_start(year + 1));
		sum += *known;
	}
	return sum;
}

bool walk_next_open(const struct calendar_days *d, struct wall from, struct wall until, struct wall *out)
{
	struct walk w;
	int64_t at, end;

	walk_start(&w, d);
	at = max_ms(from.ms, w.reach.from_ms);
	end = min_ms(until.ms, w.reach.to_ms);
	for (; at < end; at = w.end_ms) {
		walk_load_from(&w, at);
		for (size_t i = 0; i < w.n; i++) {
			if (w.v[i].to_ms <= at)
				continue;
			out->ms = max_ms(at, w.v[i].from_ms);
			return out->ms < end;
		}
	}
	return false;
}

bool walk_forward(const struct calendar_days *d, struct wall from, struct wall until, int64_t *ms, struct wall *out)
{
	struct walk w;
	int64_t at, end;

	walk_start(&w, d);
	at = max_ms(from.ms, w.reach.from_ms);
	end = min_ms(until.ms, w.reach.to_ms);
	for (; at < end; at = w.end_ms) {
		walk_load_from(&w, at);
		for (size_t i = 0; i < w.n; i++) {
			int64_t begin = max_ms(w.v[i].from_ms, at);
			int64_t len = max_ms(0, min_ms(w.v[i].to_ms, end) - begin);

			if (*ms <= len) {
				out->ms = begin + *ms;
				return true;
			}
			*ms -= len;
		}
	}
	return false;
}

bool walk_backward(const struct calendar_days *d, struct wall from, struct wall until, int64_t *ms, struct wall *out)
{
	struct walk w;
	int64_t at, end;

	walk_start(&w, d);
	at = min_ms(from.ms, w.reach.to_ms);
	end = max_ms(until.ms, w.reach.from_ms);
	for (; at > end; at = w.begin_ms) {
		walk_load_until(&w, at);
		for (size_t i = w.n; i-- > 0;) {
			int64_t stop = min_ms(w.v[i].to_ms, at);
			int64_t len = max_ms(0, stop - max_ms(w.v[i].from_ms, end));

			if (*ms <= len) {
				out->ms = stop - *ms;
				return true;
			}
			*ms -= len;
		}
	}
	return false;
}

/* Where what is open at `at` closes. */
static int64_t window_end(struct walk *w, int64_t at)
{
	while (at < w->reach.to_ms) {
		int64_t next = at;

		walk_load_from(w, at);
		for (size_t i = 0; i < w->n; i++)
			if (w->v[i].from_ms <= at && at < w->v[i].to_ms)
				next = w->v[i].to_ms;
		at = next;
		if (next < w->end_ms)
			break;
	}
	return min_ms(at, w->reach.to_ms);
}

static int64_t window_begin(struct walk *w, int64_t at)
{
	while (at > w->reach.from_ms) {
		int64_t next = at;

		walk_load_until(w, at);
		for (size_t i = 0; i < w->n; i++)
			if (w->v[i].from_ms < at && at <= w->v[i].to_ms)
				next = w->v[i].from_ms;
		at = next;
		if (next > w->begin_ms)
			break;
	}
	return max_ms(at, w->reach.from_ms);
}

struct window walk_window(const struct calendar_days *d, struct wall at)
{
	struct walk w;
	struct window r;

	walk_start(&w, d);
	r.from_ms = window_begin(&w, at.ms);
	r.to_ms = window_end(&w, at.ms);
	return r;
}
