/*
 * A target as it is written: a duration of open time, a number of business days, or none. Grammar:
 * "90s", "15m", "2h", "1h30m", "2d" (24x7 alone), "3bd", "3bd eod", "none".
 */
#ifndef PLAZO_CORE_SPAN_H
#define PLAZO_CORE_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum span_kind {
	SPAN_NONE,      /* no target */
	SPAN_TIME,      /* `ms` of open time */
	SPAN_DAYS,      /* `days` business days, `eod`: close of business */
};

struct span {
	enum span_kind kind;
	int64_t        ms;              /* of SPAN_TIME; >= 0, or negative where the caller allows a sign */
	int32_t        days;            /* of SPAN_DAYS */
	bool           eod;             /* of SPAN_DAYS */
	bool           calendar_days;   /* written with "d": legal on a calendar that is always open alone */
};

#define SPAN_MAX_MS   (INT64_C(3660) * 86400000)   /* ten years */
#define SPAN_MAX_DAYS 3660

/* ERR_SYNTAX with a sentence that shows the forms, ERR_RANGE over the limits above. A leading '-' is read where `sign_ok`. */
MUST_CHECK enum err span_parse(struct str s, struct span *out, struct diag *d);
MUST_CHECK enum err span_parse_signed(struct str s, struct span *out, struct diag *d);

/* SPAN_TIME alone, in ms: for settings like `within: 14d` or `grace: 10s`, where 1d is 24 hours (and 1y, 365 days, as in `retention: 3y`). */
MUST_CHECK enum err span_parse_ms(struct str s, int64_t *ms_out, struct diag *d);

#define SPAN_TEXT_LEN 48

/* "2h", "1h30m", "250ms", "3bd eod", "none": the shortest way to write it. Gives `out`. */
char *span_format(const struct span *s, char out[SPAN_TEXT_LEN]);
char *span_format_ms(int64_t ms, char out[SPAN_TEXT_LEN]);

#endif
