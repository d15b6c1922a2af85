/* One clock as escalate.c works on it, and which of its steps are due: escalate_due.c. */
#ifndef PLAZO_SRC_CORE_ESCALATE_WORK_H
#define PLAZO_SRC_CORE_ESCALATE_WORK_H

#include "escalate.h"

/* A step that is due: of one clock, at one instant. */
struct due_step {
	struct wall        at;
	const struct step *step;     /* NULL: the breach, where the escalation does not name it */
	uint32_t           rep;
	bool               skip;     /* falls into resolved time: passed over without a word */
	bool               repeated; /* so is the next firing of the step: where both are superseded, that one stands for this one */
};

/* The work on one clock. */
struct work {
	struct engine           *en;
	struct opened           *o;
	const struct firing     *fr;
	struct effects          *fx;
	struct clock            *c;
	const struct escalation *esc;
	int32_t                  percent;   /* the least of its percentages; 100: it has none */
	int64_t                  before;    /* the most that a step comes before the due time, in open time; 0: none does */
	bool                     by_wall;   /* one does in real time */
	struct instant           breach;    /* when it was breached, or will be */
	struct fired_clock      *fc;        /* NULL while nothing was said */
	struct due_step         *due;
	uint32_t                 n_due, cap_due;
	struct instant           next;      /* the earliest step that is not due yet */
};

static inline struct str metric_of(const struct clock *c)
{
	return str_of(c->metric->name);
}

static inline bool breach_spent(const struct fired_clock *fc)
{
	return fc != NULL && fc->breach_spent;
}

/* Takes an escalation, or NULL, for all the clocks of a ticket. */
void work_escalate(struct work *w, const struct escalation *esc);

/*
 * Most clocks are far from all their steps, and nothing was said about them. Then nothing is due, and `w->next` is set; false where it is not
 * that plain.
 */
bool work_is_quiet(struct work *w);

/* Fills `w->due` with the steps that are due, in no order, and `w->next` with the first that is not. */
void work_find_due(struct work *w);

#endif
