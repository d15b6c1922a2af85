/*
 * Open time day by day, straight from the dates: what a calendar falls back on outside of its table, and what its table is built
 * from. Takes time in proportion to the days it crosses, at most those of 1970 to 2200.
 */
#ifndef PLAZO_CORE_CALENDAR_WALK_H
#define PLAZO_CORE_CALENDAR_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wall.h"
#include "calendar_days.h"

#define WALK_YEARS 231      /* 1970 to 2200 */

/* Open milliseconds in [from, to). */
int64_t walk_between(const struct calendar_days *d, struct wall from, struct wall to);

/* Open time of whole years, as far as it was asked for. One thread at a time. */
struct walk_years { int64_t open_ms[WALK_YEARS]; };   /* -1: not asked for yet */
struct walk_years *walk_years_create(void);           /* to free() */

/*
 * The same as walk_between(), which counts a year once: a date of 1970 is a frequent mistake of senders, and each look at its clock
 * would cross half a century.
 */
int64_t walk_across(const struct calendar_days *d, struct walk_years *years, struct wall from, struct wall to);

/* The first open instant in [from, until). */
bool walk_next_open(const struct calendar_days *d, struct wall from, struct wall until, struct wall *out);

/*
 * The earliest instant in (from, until] by which *ms > 0 of open time have passed since `from`. False when there is not so much:
 * then *ms is what is still missing at `until`.
 */
bool walk_forward(const struct calendar_days *d, struct wall from, struct wall until, int64_t *ms, struct wall *out);

/* The latest instant in [until, from) from which *ms > 0 of open time pass until `from`; *ms as above. */
bool walk_backward(const struct calendar_days *d, struct wall from, struct wall until, int64_t *ms, struct wall *out);

/* The window around the open instant `at`, as long as it goes. */
struct window walk_window(const struct calendar_days *d, struct wall at);

#endif
