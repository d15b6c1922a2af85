/*
 * Opening hours as instants. A calendar is built once from a specification: the open windows of some years as UTC intervals
 * [from, to) with prefix sums and a day index, so that adding and subtracting open time costs some 10 ns; outside those years the
 * windows are computed day by day from the specification, with the same results. Rules 1 and 5 of the clocks, 17 for days.
 *
 * Windows of a date: the shift of that date if there is one, else the weekday's hours. A holiday takes [00:00, 24:00) of its local
 * date away, from windows of that date and from those that began the night before, but not what they have after that midnight;
 * a date with a shift is no holiday, and keeps the tail of the night before. A break takes its local time away from every
 * window. Both ends of what is left become instants by zone_instant(); what is then empty is no window, and windows that touch or
 * overlap are one. Nothing is open before 1970 and after 2200.
 */
#ifndef PLAZO_CORE_CALENDAR_H
#define PLAZO_CORE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/civil.h"
#include "base/wall.h"
#include "core/zone.h"

/* [from, to) in seconds of the local day. `to` is over 86400 where the window crosses midnight; 24x7 is {0, 86400} every day. */
struct hours { int32_t from_s, to_s; };

struct day_hours {
	const struct hours *v;      /* from_s in [0, 86400), to_s up to 172800; the rest is cut off */
	size_t              n;      /* at most CALENDAR_MAX_SPANS, those that touch or overlap counted once */
};

/* Of one date: breaks or shifts. */
struct date_hours {
	struct civil     date;
	struct day_hours hours;
};

struct holiday { struct civil date; };    /* year 0: every year; February 29 then counts in leap years alone */

/* All of it borrowed by calendar_create(), and copied. */
struct calendar_spec {
	const char              *name;
	const struct zone       *zone;       /* kept: must outlive the calendar */
	struct day_hours         week[7];    /* Monday first */
	const struct holiday    *holidays;  size_t n_holidays;
	const struct date_hours *breaks;    size_t n_breaks;      /* of two for the same date, the first counts; shifts too */
	const struct date_hours *shifts;    size_t n_shifts;
	uint64_t                 digest;     /* of all of it but the name, and of the zone's rules; 0: it is like no other */
};

struct calendar;

/* What a duration that runs out exactly at closing time means: due then, or when work resumes. */
enum boundary { BOUNDARY_CLOSE, BOUNDARY_NEXT_OPEN };

/* With a table of the years [first_year, last_year], at most 100 of them; first > last builds none. Total: a spec without hours gives a calendar that never opens. */
struct calendar *calendar_create(const struct calendar_spec *spec, int32_t first_year, int32_t last_year);
void calendar_destroy(struct calendar *c);
void calendar_slim(struct calendar *c);     /* gives the table back: the same results, in some hundred nanoseconds instead of some ten */

const char *calendar_name(const struct calendar *c);
const struct zone *calendar_zone(const struct calendar *c);
bool calendar_same(const struct calendar *a, const struct calendar *b);     /* the same hours under the same name, in any two configurations */
bool calendar_is_always(const struct calendar *c);     /* every instant is open: 24 hours of all seven days and nothing taken out */

bool calendar_is_open(const struct calendar *c, struct wall t);

/* The first open instant at or after `t`; WALL_NEVER when there is none before 2201. */
struct wall calendar_next_open(const struct calendar *c, struct wall t);

/* Open milliseconds in [from, to); 0 when to <= from. */
int64_t calendar_between(const struct calendar *c, struct wall from, struct wall to);

/*
 * The instant at which `ms` of open time have passed since `from`. 0 gives the first open instant at or after `from`. When it
 * falls exactly on a closing time, `boundary` decides. Negative counts backward: the latest instant from which -ms of open time
 * pass until `from`. WALL_NEVER or WALL_PAST when the time runs out of the years 1970 to 2200; these two stay what they are.
 */
struct wall calendar_add(const struct calendar *c, struct wall from, int64_t ms, enum boundary boundary);

enum day_end { DAY_SAME_TIME, DAY_END };    /* `3bd` and `3bd eod` */

/*
 * The `days`-th following local date on which a window starts: at the same time of day, then moved forward into hours; or the
 * end of the last window that starts on that date. Negative days count dates backward and do not move into hours (rule 17).
 * days == 0 is the local date of `from` itself; where it has no hours, DAY_END is that of the first date after it. A window
 * starts on the date whose hours it belongs to, and only if some of it is left before midnight. `from` outside of the years 1970
 * to 2200 gives WALL_PAST or WALL_NEVER.
 */
struct wall calendar_add_days(const struct calendar *c, struct wall from, int32_t days, enum day_end end);

/* The first window that ends after `t`: may have begun before it. False when there is none before 2201. Touching windows are one. */
bool calendar_window(const struct calendar *c, struct wall t, struct wall *from_out, struct wall *to_out);

size_t calendar_bytes(const struct calendar *c);

#endif
