/*
 * The hours of single dates: what a specification says about each local date, turned into instants. Decides what shifts,
 * holidays and breaks do to a date and what daylight saving does to a window; knows nothing of adding, and keeps no table of
 * instants. Windows of different dates may overlap or come out of order where the clock jumps: days_open() puts that right.
 */
#ifndef PLAZO_CORE_CALENDAR_DAYS_H
#define PLAZO_CORE_CALENDAR_DAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/wall.h"
#include "core/calendar.h"

struct calendar_days;

/* No instant is open before 1970 nor from here on: 2201-01-01. */
#define DAYS_HORIZON ((struct wall){ INT64_C(7289654400000) })

/* A window may begin on the date before and a zone may be a day off: dates just outside of the years count as well. */
#define DAYS_FIRST (-5)
#define DAYS_LAST  84376

/* Open from `from_ms` on and no longer from `to_ms` on, in UTC. */
struct window { int64_t from_ms, to_ms; };

/* So many days of UTC are computed in one go; each needs some dates around it. */
#define DAYS_BLOCK       14
#define DAYS_BLOCK_DATES (DAYS_BLOCK + 5)

/* A window is split by breaks of its own date, the date before and the one after. */
#define DAYS_MAX_PIECES (4 * CALENDAR_MAX_SPANS)
#define DAYS_MAX_WINDOWS (DAYS_BLOCK_DATES * DAYS_MAX_PIECES)

/* Borrows `spec`, keeps its zone. */
struct calendar_days *days_create(const struct calendar_spec *spec);
void days_destroy(struct calendar_days *d);            /* NULL is fine */
size_t days_bytes(const struct calendar_days *d);

/* 24 hours of all seven days and nothing taken out. */
bool days_always_open(const struct calendar_days *d);

/* The instants between which all hours lie; to <= from when there are none. */
struct window days_reach(const struct calendar_days *d);

/* The open windows of the DAYS_BLOCK days of UTC from day `first` on, clipped to these, in order, none touching the next. */
size_t days_open(const struct calendar_days *d, int32_t first, struct window out[DAYS_MAX_WINDOWS]);

/*
 * True when a window starts on that local date: one of its own, of which something is left before midnight. *close_out is then
 * where the last of its own windows ends, perhaps on the next date.
 */
bool days_close(const struct calendar_days *d, int32_t date, struct wall *close_out);

#endif
