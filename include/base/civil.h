/*
 * The proleptic Gregorian calendar as arithmetic, without zones: days since 1970-01-01 from and to year, month and day.
 * Formulas: Howard Hinnant, "chrono-compatible low-level date algorithms".
 */
#ifndef PLAZO_BASE_CIVIL_H
#define PLAZO_BASE_CIVIL_H

#include <stdint.h>

#include "base/str.h"

struct civil {
	int32_t year;    /* 1970 to 2200 where it comes from input */
	int32_t month;   /* 1 to 12 */
	int32_t day;     /* 1 to 31 */
};

int32_t civil_to_days(struct civil c);            /* days since 1970-01-01, negative before */
struct civil civil_from_days(int32_t days);
int32_t civil_weekday(int32_t days);              /* 0 Monday to 6 Sunday */
int32_t civil_month_len(int32_t year, int32_t month);

/* "2026-12-25"; a day that the month does not have is ERR_RANGE. */
MUST_CHECK enum err civil_parse(struct str s, struct civil *out);

#endif
