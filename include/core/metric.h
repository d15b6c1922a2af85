/*
 * What a policy measures: the conditions that start, stop and hold a clock, and the targets it is held to. Immutable, built by
 * config/ in the arena of its rules.
 */
#ifndef PLAZO_CORE_METRIC_H
#define PLAZO_CORE_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "core/calendar.h"
#include "core/event.h"
#include "core/span.h"

/* ---- conditions ---- */

/* One attribute of the ticket must have one of these values (for tags: at least one of the ticket's tags is one of them). */
struct cond_attr {
	enum attr         attr;         /* below ATTR_N_RULES */
	const struct str *values;
	size_t            n_values;     /* >= 1 */
};

/* All that is said must fit. A mask of 0 says nothing; bit 1 << EVENT_x, 1 << ROLE_x, 1 << MODE_x; flags: bit 0 for false, bit 1 for true. */
struct cond {
	uint32_t                types;
	uint8_t                 roles;
	uint8_t                 modes;
	uint8_t                 is_public;   /* of the event's reply */
	uint8_t                 automated;
	const struct cond_attr *attrs;
	size_t                  n_attrs;
};

/* Fits when one of them does; n == 0 never fits. */
struct conds {
	const struct cond *v;
	size_t             n;
};

/* ---- targets and metrics ---- */

/* One entry of a target list: the first whose `when` fits holds. */
struct target {
	bool                   always;      /* no `when`: fits every ticket */
	struct cond            when;        /* attributes alone */
	struct span            span;        /* SPAN_NONE: no clock */
	const struct calendar *calendar;    /* NULL: that of the metric, site, contract, policy, defaults */
	const char            *text;        /* as written: "2h", "3bd eod" */
};

enum agreement { AGREEMENT_SLA, AGREEMENT_OLA, AGREEMENT_UC, AGREEMENT_N };
extern const char *const agreement_names[AGREEMENT_N + 1];

enum metric_kind {
	METRIC_CUSTOM, METRIC_RESPONSE, METRIC_ACKNOWLEDGE, METRIC_ATTENDANCE, METRIC_NEXT_RESPONSE, METRIC_UPDATE, METRIC_RESOLUTION,
	METRIC_N_KINDS
};
extern const char *const metric_kind_names[METRIC_N_KINDS + 1];    /* "" for custom, then "response", … */

/* What can make a difference to a metric at all: nearly every event can not, and is not asked further. By metric_watch(). */
struct watch {
	uint32_t start, stop;               /* types of events: 1 << EVENT_x; `stop` for `cancel` as well */
	uint32_t pause_attrs;               /* attributes whose change pauses or resumes a clock: 1 << ATTR_x */
	uint32_t target_attrs;              /* … gives it another target */
};

struct metric {
	const char            *name;
	enum metric_kind       kind;
	enum agreement         agreement;
	struct conds           start;       /* an event that fits starts a clock where none runs */
	struct conds           stop;        /* … stops it: met or breached */
	struct conds           cancel;      /* … ends it uncounted; looked at after `stop` */
	struct conds           pause;       /* the clock stands while one fits the ticket; attributes alone */
	struct conds           hold;        /* `while`: runs only while one fits; n == 0: always */
	bool                   only_open;   /* starts nothing on a resolved ticket (next-response, update) */
	bool                   after_response; /* starts nothing before the response clock has ended (next-response) */
	bool                   resumes;     /* a reopening concerns it (rule 19): not response, acknowledge, next-response, attendance */
	const struct target   *targets;
	size_t                 n_targets;   /* first fitting entry; none: no clock */
	const struct calendar *calendar;    /* NULL: that of the site, contract, … */
	struct watch           watch;       /* of all the above */
};

/* Fills m->watch from the rest. */
void metric_watch(struct metric *m);

#endif
