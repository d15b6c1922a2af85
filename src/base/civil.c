#include "base/civil.h"

#include <stddef.h>

#define DAYS_PER_ERA 146097   /* 400 years */
#define EPOCH_SHIFT  719468   /* days from 0000-03-01 to 1970-01-01 */
#define YEAR_MIN     1970
#define YEAR_MAX     2200

int32_t civil_to_days(struct civil c)
{
	/* The year begins in March, so that the leap day ends it. */
	int32_t y = c.month <= 2 ? c.year - 1 : c.year;
	int32_t era = (y >= 0 ? y : y - 399) / 400;
	int32_t yoe = y - era * 400;
	int32_t doy = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
	int32_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * DAYS_PER_ERA + doe - EPOCH_SHIFT;
}

struct civil civil_from_days(int32_t days)
{
	int32_t z = days + EPOCH_SHIFT;
	int32_t era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	int32_t doe = z - era * DAYS_PER_ERA;
	int32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int32_t mp = (5 * doy + 2) / 153;
	int32_t month = mp < 10 ? mp + 3 : mp - 9;

	return (struct civil){
		.year = yoe + era * 400 + (month <= 2 ? 1 : 0),
		.month = month,
		.day = doy - (153 * mp + 2) / 5 + 1,
	};
}

int32_t civil_weekday(int32_t days)
{
	/* 1970-01-01 was a Thursday. */
	int32_t w = (int32_t)(((int64_t)days + 3) % 7);

	return w < 0 ? w + 7 : w;
}

int32_t civil_month_len(int32_t year, int32_t month)
{
	static const int32_t lens[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (month < 1 || month > 12)
		return 0;
	return lens[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool take_digits(const char *p, size_t n, int32_t *out)
{
	int32_t v = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = v * 10 + (p[i] - '0');
	}
	*out = v;
	return true;
}

enum err civil_parse(struct str s, struct civil *out)
{
	struct civil c;

	if (s.len != 10 || s.p[4] != '-' || s.p[7] != '-')
		return ERR_SYNTAX;
	if (!take_digits(s.p, 4, &c.year) || !take_digits(s.p + 5, 2, &c.month) || !take_digits(s.p + 8, 2, &c.day))
		return ERR_SYNTAX;
	if (c.year < YEAR_MIN || c.year > YEAR_MAX || c.day < 1 || c.day > civil_month_len(c.year, c.month))
		return ERR_RANGE;
	*out = c;
	return ERR_OK;
}
