/*
 * Two clocks, two types: adding a monotonic interval to civil time by mistake does not compile. Nothing here asks the system
 * for the time: base/now.h does, and only daemon/, ctl/ and the edges may use it.
 */
#ifndef PLAZO_BASE_WALL_H
#define PLAZO_BASE_WALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

#include "base/str.h"

struct wall { int64_t ms; };   /* civil time: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted; may jump */
struct mono { int64_t ms; };   /* loop time: never goes back, never shown to a user */

#define WALL_NEVER ((struct wall){ INT64_MAX })          /* later than every instant; "no due time" */
#define WALL_PAST  ((struct wall){ INT64_MIN })          /* earlier than every instant */
#define WALL_MIN   ((struct wall){ INT64_C(0) })               /* 1970-01-01, the earliest instant taken from input */
#define WALL_MAX   ((struct wall){ INT64_C(7258118400000) })   /* 2200-01-01, the first instant refused */

#define MS_PER_S   INT64_C(1000)
#define MS_PER_MIN INT64_C(60000)
#define MS_PER_H   INT64_C(3600000)
#define MS_PER_DAY INT64_C(86400000)

static inline bool wall_before(struct wall a, struct wall b) { return a.ms < b.ms; }
static inline bool wall_eq(struct wall a, struct wall b) { return a.ms == b.ms; }
static inline bool wall_is_never(struct wall a) { return a.ms == INT64_MAX; }
static inline struct wall wall_min(struct wall a, struct wall b) { return a.ms < b.ms ? a : b; }
static inline struct wall wall_max(struct wall a, struct wall b) { return a.ms > b.ms ? a : b; }

/* a + ms, held between WALL_PAST and WALL_NEVER; WALL_NEVER and WALL_PAST stay what they are. */
static inline struct wall wall_plus(struct wall a, int64_t ms)
{
	struct wall r;

	if (a.ms == INT64_MAX || a.ms == INT64_MIN)
		return a;
	if (__builtin_add_overflow(a.ms, ms, &r.ms))
		r.ms = ms > 0 ? INT64_MAX : INT64_MIN;
	return r;
}

/* An interval as timers take it. */
static inline struct timeval timeval_of(int64_t ms)
{
	return (struct timeval){ .tv_sec = ms / MS_PER_S, .tv_usec = ms % MS_PER_S * 1000 };
}

/*
 * RFC 3339 with an offset ("Z", "z" or "+01:00") and 0 to 9 digits of fraction, of which milliseconds are kept (cut, not
 * rounded). "T" or "t" or one blank between date and time. Second 60 is taken as the first instant of the next minute (RFC
 * 3339 section 5.7: leap seconds are not counted here), at 23:59:60 UTC alone. ERR_SYNTAX, or ERR_RANGE outside [WALL_MIN, WALL_MAX).
 */
MUST_CHECK enum err wall_parse(struct str s, struct wall *out, struct diag *d);

#define WALL_TEXT_LEN 32

/* "2026-11-23T10:00:00.000Z"; WALL_NEVER as "never". Gives `out`. */
char *wall_format(struct wall t, char out[WALL_TEXT_LEN]);

#endif
