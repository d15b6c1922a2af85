/*
 * A time zone: when its offset from UTC changes. Read from TZif bytes (RFC 9636; version 1 to 4, the 64-bit block where there is
 * one, and the POSIX TZ string of the footer for all that comes after). Proven equal to Python's zoneinfo in tests/property.
 * Files that count leap seconds ("right/…") are refused. Knows nothing of files: config/ reads them.
 */
#ifndef PLAZO_CORE_ZONE_H
#define PLAZO_CORE_ZONE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/wall.h"

struct zone;

/* Copies `name`. Gives the zone. ERR_SYNTAX with a sentence in `d` for bytes that are no TZif, ERR_LIMIT over ZONE_MAX_FILE. */
MUST_CHECK enum err zone_parse(struct str name, struct str tzif, struct zone **out, struct diag *d);
struct zone *zone_create_utc(void);
void zone_destroy(struct zone *z);                      /* NULL is fine */

const char *zone_name(const struct zone *z);            /* "Europe/Madrid" */

/* Seconds to add to UTC at `t`; total for every instant between 1900 and 2300. */
int32_t zone_offset(const struct zone *z, struct wall t);

/* The first instant after `t` at which the offset changes; WALL_NEVER when there is none. */
struct wall zone_next_change(const struct zone *z, struct wall t);

/* Local civil milliseconds since 1970-01-01T00:00 of that zone's wall clock. */
int64_t zone_local(const struct zone *z, struct wall t);

/*
 * The instant at which the zone's wall clock shows `local_ms`. A time that does not exist is moved forward by the gap; of an
 * ambiguous one the first is taken (rule 5 of the clocks; PEP 495 with fold=0, RFC 5545 section 3.3.5).
 */
struct wall zone_instant(const struct zone *z, int64_t local_ms);

#endif
