/*
 * What a ticket's history means: its clocks, as one pure function of its events and of the revisions of the rules. This is where rules
 * 7, 8, 10, 11 and 16 to 20 and the order within one event are decided; core/clock.c does the arithmetic.
 */
#ifndef PLAZO_SRC_CORE_TICKET_H
#define PLAZO_SRC_CORE_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "clock.h"
#include "core/rules.h"
#include "history.h"
#include "revisions.h"
#include "symbols.h"

/* Types of events that begin and end nothing by themselves: they move clocks that ask for them, or by the attributes they set. */
#define PLAIN_TYPES (1u << EVENT_CHANGED | 1u << EVENT_REPLIED | 1u << EVENT_ACKNOWLEDGED | 1u << EVENT_ATTENDED)

struct timeline {
	const struct hist     *events;      /* in order of (at, arrival) */
	uint32_t               n_events;
	struct revisions      *revisions;   /* at least one; some may come back to memory */
	const struct symbols  *symbols;
	struct wall            until;       /* the time to look from: later revisions are not looked at, due times before it are breaches */
};

/* What an operator did to a clock. */
struct acted {
	const struct hist *e;
	uint32_t           cycle;       /* of the clock; 0: the ticket had none of the metric */
	bool               applied;     /* false: the clock was over, or waived already */
	struct acted      *next;
};

/* A ticket as its history leaves it. Everything lives in the arena it was made in. */
struct ticket_facts {
	struct clock         **clocks;      /* in order of (metric, cycle); some never had a target: see clock.shown */
	uint32_t               n_clocks;
	size_t                 rules;       /* number of the revision that holds */
	const struct contract *contract;    /* NULL: unmatched */
	const struct contract *promised;    /* the same, or the last there was: its clocks go on while the ticket is unmatched */
	struct str             attr[ATTR_N_RULES];
	bool                   opened, resolved, over;    /* over: closed, cancelled or merged */
	struct wall            opened_at, resolved_at, over_at, last_at;
	struct acted          *acts, *last_act;           /* in order of time */
};

/* `out` is zeroed. */
void ticket_facts_make(const struct timeline *tl, struct arena *a, struct ticket_facts *out);

/* The escalation of the clocks of a ticket with these attributes, or NULL; `k` may be NULL. */
const struct escalation *contract_escalation(const struct contract *k, const struct str attr[ATTR_N_RULES]);

#endif
