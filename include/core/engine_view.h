/* How the engine's tickets look: for the HTTP API, `simulate --clocks` and `explain`. */
#ifndef PLAZO_CORE_ENGINE_VIEW_H
#define PLAZO_CORE_ENGINE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/wall.h"
#include "core/alert.h"
#include "core/event.h"

struct engine;
struct rules;

/* One clock, as `simulate --clocks` and the HTTP API show it. */
struct clock_view {
	struct str  metric, agreement, target, state;    /* state: running paused met breached cancelled */
	uint32_t    cycle;
	struct wall started, stopped, due;               /* WALL_NEVER: null */
	int64_t     elapsed_ms, paused_ms;
	bool        breached, waived;
	struct wall next_at;                             /* the next step's instant, WALL_NEVER when there is none */
	struct str  next_step;
};

/* Neither stopped nor cancelled, and with a target. */
static inline bool clock_view_is_live(const struct clock_view *c)
{
	return wall_is_never(c->stopped) && !str_eqz(c->state, "cancelled");
}

/* A waiver or an extension. */
struct act_view {
	struct wall at;
	bool        extends;
	struct str  metric, who, reason;                 /* who: empty when it was not said, or was forgotten */
	uint32_t    cycle;                               /* of the clock that it found; 0: none */
	int64_t     by_ms;                               /* of an extension */
	bool        applied;                             /* false: it changed nothing, for the clock was over, or waived already */
};

struct ticket_view {
	struct str   ns, ticket, contract;
	struct str   attr[ATTR_N];
	bool         opened, resolved, over, unmatched;
	struct wall  opened_at, last_at;
	uint32_t     n_events;
	struct clock_view *clocks;                       /* in order of metric, then cycle */
	size_t       n_clocks;
	struct act_view   *acts;                         /* in order of time */
	size_t       n_acts;
};

/* As of `now`. The view borrows from `arena` and from the engine until it changes. False when there is no such ticket. */
bool engine_view(struct engine *en, struct str ns, struct str ticket, struct wall now, struct arena *arena, struct ticket_view *out);

/*
 * As engine_view() at rules->from, which is later than the last revision's, as if `rules` came into force then. Nothing is changed. The
 * view borrows from `arena` and the engine alone.
 */
bool engine_preview(struct engine *en, struct rules *rules, struct str ns, struct str ticket, struct arena *arena, struct ticket_view *out);

/* The first ticket in memory whose number is `from` or more, by name; its number, or ENGINE_NO_TICKET. To walk over all in slices. */
uint32_t engine_walk(const struct engine *en, uint32_t from, struct str *ns_out, struct str *ticket_out);

/* Every ticket in memory, in no order, until fn says false. `ns` and `ticket` are valid during the call. */
typedef bool engine_each_fn(void *ctx, struct str ns, struct str ticket);
void engine_each(const struct engine *en, engine_each_fn *fn, void *ctx);

/* One stretch of one clock: why it counted or did not. */
struct stretch {
	struct str  metric;
	uint32_t    cycle;
	struct wall from, to;
	int64_t     counted_ms;        /* open time that counted */
	struct str  why;               /* "counted", "paused: status=pending", "outside hours (madrid)", "resolved", … */
	bool        counts;
};
typedef void engine_stretch_fn(void *ctx, const struct stretch *s);

/* Every stretch of every clock of the ticket up to `now`, in order of metric, cycle, time. */
bool engine_explain(struct engine *en, struct str ns, struct str ticket, struct wall now, engine_stretch_fn *fn, void *ctx);

struct engine_stats {
	size_t   n_tickets, n_unmatched, n_timers;
	size_t   n_revisions, n_rules; /* and of how many of them the rules are in memory */
	size_t   bytes;                /* all memory the engine holds */
	uint64_t n_events, n_duplicates, n_conflicts;
	uint64_t n_fired[ALERT_N_TYPES];
	size_t   n_running, n_paused, n_breached;   /* clocks of tickets in memory; counted at each decision */
};
void engine_stats(const struct engine *en, struct engine_stats *out);

#endif
