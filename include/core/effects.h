/* What the engine's decisions cause: alerts for receivers, and verdicts for the reviews. */
#ifndef PLAZO_CORE_EFFECTS_H
#define PLAZO_CORE_EFFECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/wall.h"
#include "core/alert.h"

/* A verdict on a clock, for the reviews: it stopped, was cancelled, or its due time passed. */
struct verdict {
	struct str  ns, ticket, contract, metric, agreement, priority;
	uint32_t    cycle;
	struct str  state;           /* "met", "breached", "cancelled" */
	bool        breached, waived;
	struct wall started, stopped, due;     /* WALL_NEVER where there is none */
	int64_t     elapsed_ms, paused_ms;
	struct str  target;
};

/* What calls of the engine caused, in order. The caller makes it once and resets it each turn. */
struct effects {
	struct arena   *arena;       /* owns every slice below */
	struct alert   *alerts;      /* those that are not to be sent included: look at `unsent` */
	size_t          n_alerts, cap_alerts;
	struct verdict *verdicts;
	size_t          n_verdicts, cap_verdicts;
};
void effects_init(struct effects *fx);
void effects_reset(struct effects *fx);
void effects_finish(struct effects *fx);

#endif
