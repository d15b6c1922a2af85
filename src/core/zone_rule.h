/*
 * The POSIX TZ string in the footer of a TZif file: a standard offset, and perhaps daylight saving between two yearly rules
 * (RFC 9636 section 3.3; times of a rule from -167 to 167 hours). Knows nothing of files, nor of the transitions before it.
 */
#ifndef PLAZO_CORE_ZONE_RULE_H
#define PLAZO_CORE_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum zone_day {
	ZONE_DAY_JULIAN,    /* Jn: 1 to 365, February 29 is never counted */
	ZONE_DAY_OF_YEAR,   /* n: 0 to 365, February 29 is counted */
	ZONE_DAY_OF_MONTH,  /* Mm.w.d */
};

/* When the offset changes, in every year. */
struct zone_change {
	enum zone_day kind;
	int32_t       month, week;   /* of Mm.w.d: 1 to 12, and 1 to 5, where 5 is the last */
	int32_t       day;           /* Jn and n: the number; Mm.w.d: 0 Sunday to 6 Saturday */
	int32_t       time_s;        /* local seconds after 00:00 of that day, by the clock that ends here */
};

struct zone_rule {
	int32_t            std_s;        /* seconds to add to UTC */
	int32_t            dst_s;        /* the same while daylight saving holds */
	bool               has_dst;
	struct zone_change start, end;   /* of daylight saving; where has_dst */
};

/* ERR_SYNTAX for what is no TZ string, ERR_RANGE for numbers out of their bounds. */
MUST_CHECK enum err zone_rule_parse(struct str s, struct zone_rule *out, struct diag *d);

/*
 * The stretch of daylight saving that begins in `year`, in seconds of UTC: [*from_out, *to_out). All-year daylight saving gives
 * stretches that touch. Only where has_dst.
 */
void zone_rule_dst(const struct zone_rule *r, int32_t year, int64_t *from_out, int64_t *to_out);

#endif
