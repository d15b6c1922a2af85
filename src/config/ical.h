/* Dates out of an iCalendar file: each day that an event covers, repeated ones expanded over some years. */
#ifndef PLAZO_CONFIG_ICAL_H
#define PLAZO_CONFIG_ICAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/civil.h"
#include "base/err.h"
#include "base/str.h"

#define ICAL_MAX_DAYS 20000      /* of one file: a thousand holidays a year, for twenty years */

/*
 * Sorted, none twice, within [first_year, last_year]. Cancelled events are left out. ERR_SYNTAX with a sentence for what is no
 * iCalendar, has no event, or repeats beyond ICAL_MAX_DAYS.
 */
MUST_CHECK enum err ical_days(struct arena *a, struct str text, int32_t first_year, int32_t last_year, struct civil **out, size_t *n_out,
			      struct diag *d);

#endif
