/* Which steps of a ticket's clocks fire, and when the next one will. */
#ifndef PLAZO_SRC_CORE_ESCALATE_H
#define PLAZO_SRC_CORE_ESCALATE_H

#include "engine_private.h"

enum cause {
	CAUSE_TIME,      /* time has passed: each step at its own instant */
	CAUSE_EVENT,     /* an event changed the history: what it put into the past fires once, the highest alone */
	CAUSE_RULES,     /* a revision did */
};

struct firing {
	enum cause         cause;
	struct wall        now;        /* steps before it fire; of CAUSE_TIME those at `only` alone */
	struct wall        only;
	struct wall        moved_at;   /* instant of the change (rule 8) */
	const struct event *event;     /* of CAUSE_EVENT */
};

/* Fires what is due, writes what changed in `o->fired`, appends to `fx`, sets `o->next`. */
void escalate(struct engine *en, struct opened *o, const struct firing *fr, struct effects *fx);

/* The earliest instant of a step that has not fired, WALL_NEVER when there is none; `step_out` may be NULL. */
struct wall escalate_next(struct opened *o, struct clock *c, struct str *step_out);

#endif
