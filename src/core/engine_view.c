#include <stdlib.h>
#include <string.h>

#include "engine_private.h"
#include "escalate.h"

static void view_clock(struct opened *o, struct clock *c, struct wall now, struct arena *a, struct clock_view *v)
{
	const struct fired_clock *fc = fired_find(&o->fired, str_of(c->metric->name), c->cycle);
	struct instant breach = clock_breach(c);
	bool said = fc != NULL && fc->breach_spent && clock_is_live(c) && instant_by(&breach, now);

	v->metric = arena_str(a, str_of(c->metric->name));
	v->agreement = str_of(agreement_names[c->metric->agreement]);
	v->target = arena_str(a, str_of(c->target != NULL ? c->target->text : "none"));
	/* A breach that has fired is one, also at its very instant. */
	v->state = str_of(said ? "breached" : clock_state(c, now));
	v->cycle = c->cycle;
	v->started = c->started;
	v->stopped = c->stopped;
	v->due = instant_find(&c->due);
	v->elapsed_ms = clock_used(c, now);
	v->paused_ms = clock_idle(c, now);
	v->breached = c->breached || said || wall_before(c->due.at, wall_min(now, c->stopped));
	v->waived = c->waived;
	v->next_at = c->waived || !clock_is_live(c) ? WALL_NEVER : escalate_next(o, c, &v->next_step);
	v->next_step = arena_str(a, v->next_step);
}

static void view_acts(const struct engine *en, const struct opened *o, struct arena *a, struct ticket_view *out)
{
	size_t n = 0;

	for (const struct acted *x = o->facts.acts; x != NULL; x = x->next)
		n++;
	out->acts = n > 0 ? arena_array(a, n, sizeof(*out->acts)) : NULL;
	for (const struct acted *x = o->facts.acts; x != NULL; x = x->next)
		out->acts[out->n_acts++] = (struct act_view){
			.at = x->e->at, .extends = x->e->type == EVENT_EXTENDED, .metric = arena_str(a, symbols_text(en->symbols, x->e->metric)),
			.who = arena_str(a, symbols_text(en->symbols, x->e->actor)), .reason = arena_str(a, symbols_text(en->symbols, x->e->reason)),
			.cycle = x->cycle, .by_ms = x->e->by_ms, .applied = x->applied,
		};
}

bool engine_view(struct engine *en, struct str ns, struct str ticket, struct wall now, struct arena *a, struct ticket_view *out)
{
	uint32_t slot = engine_find(en, ns, ticket);
	struct opened *o;

	if (slot == ENGINE_NO_TICKET)
		return false;
	o = ticket_open(en, slot);
	ticket_decide(en, o, now);
	*out = (struct ticket_view){
		.ns = ticket_ns(en, o->t), .ticket = ticket_id(o->t), .contract = arena_str(a, o->facts.attr[ATTR_CONTRACT]),
		.opened = o->facts.opened, .resolved = o->facts.resolved, .over = o->facts.over,
		.unmatched = o->facts.opened && o->facts.contract == NULL,
		.opened_at = o->facts.opened_at, .last_at = o->facts.last_at, .n_events = o->t->n_events,
	};
	for (unsigned i = 0; i < ATTR_N_RULES; i++)
		out->attr[i] = arena_str(a, o->facts.attr[i]);
	out->attr[ATTR_SUBJECT] = ticket_subject(o->t);
	out->attr[ATTR_URL] = ticket_url(o->t);
	out->clocks = arena_array(a, o->facts.n_clocks + 1, sizeof(*out->clocks));
	for (uint32_t i = 0; i < o->facts.n_clocks; i++)
		if (o->facts.clocks[i]->shown)
			view_clock(o, o->facts.clocks[i], now, a, &out->clocks[out->n_clocks++]);
	view_acts(en, o, a, out);
	return true;
}

bool engine_preview(struct engine *en, struct rules *rules, struct str ns, struct str ticket, struct arena *a, struct ticket_view *out)
{
	bool found;

	/* A look decides nothing: it is enough that the revision is there while it lasts. */
	revisions_lend(&en->revisions, rules);
	found = engine_view(en, ns, ticket, rules->from, a, out);
	revisions_take_back(&en->revisions);
	return found;
}

uint32_t engine_walk(const struct engine *en, uint32_t from, struct str *ns_out, struct str *ticket_out)
{
	while (from < en->n_slots && !(table_at(en, from)->flags & TICKET_USED))
		from++;
	if (from >= en->n_slots)
		return ENGINE_NO_TICKET;
	*ns_out = ticket_ns(en, table_at(en, from));
	*ticket_out = ticket_id(table_at(en, from));
	return from;
}

/* ---- explain ---- */

struct telling {
	const struct clock *c;
	struct arena       *arena;
	engine_stretch_fn  *fn;
	void               *ctx;
};

static void tell(const struct telling *tg, struct wall from, struct wall to, bool counts, struct str why)
{
	struct stretch s = { str_of(tg->c->metric->name), tg->c->cycle, from, to, counts ? to.ms - from.ms : 0, why, counts };

	if (wall_before(from, to))
		tg->fn(tg->ctx, &s);
}

/* A counting segment: open windows count, the time between them does not. */
static void tell_windows(const struct telling *tg, const struct seg *s, struct wall to)
{
	struct str closed = str_of(arena_printf(tg->arena, "outside hours of %s", calendar_name(s->calendar)));
	struct wall t = s->from, open, close;

	while (wall_before(t, to) && calendar_window(s->calendar, t, &open, &close)) {
		open = wall_min(wall_max(open, t), to);
		close = wall_min(close, to);
		tell(tg, t, open, false, closed);
		tell(tg, open, close, true, STR("counted"));
		t = close;
	}
	tell(tg, t, to, false, closed);
}

static struct str why_not(struct arena *a, const struct seg *s)
{
	if (s->kind == SEG_HELD)
		return STR("held: its `while` does not hold");
	if (s->kind == SEG_RESOLVED)
		return STR("resolved");
	if (s->why.attr == NULL)
		return STR("paused: always");
	return str_of(arena_printf(a, "paused: %s=" STR_FMT, s->why.attr, STR_ARG(s->why.value)));
}

static void explain_clock(const struct telling *tg, struct wall now)
{
	const struct clock *c = tg->c;
	struct wall end = wall_min(now, wall_min(c->stopped, c->none_since));

	for (uint32_t i = 0; i < c->n_segs; i++) {
		const struct seg *s = &c->segs[i];
		struct wall to = wall_min(s->to, end);

		if (s->kind == SEG_RUN)
			tell_windows(tg, s, to);
		else
			tell(tg, s->from, to, false, why_not(tg->arena, s));
	}
}

bool engine_explain(struct engine *en, struct str ns, struct str ticket, struct wall now, engine_stretch_fn *fn, void *ctx)
{
	uint32_t slot = engine_find(en, ns, ticket);
	struct opened *o;

	if (slot == ENGINE_NO_TICKET)
		return false;
	o = ticket_open(en, slot);
	ticket_decide(en, o, now);
	for (uint32_t i = 0; i < o->facts.n_clocks; i++) {
		struct telling tg = { o->facts.clocks[i], en->scratch, fn, ctx };

		if (tg.c->shown)
			explain_clock(&tg, now);
	}
	return true;
}

/* ---- counts ---- */

void engine_stats(const struct engine *en, struct engine_stats *out)
{
	*out = en->stats;
	out->n_tickets = en->n_tickets;
	out->n_timers = en->timers.n;
	out->n_revisions = en->revisions.n;
	out->n_rules = en->revisions.n_here;
	out->bytes = sizeof(*en) + (size_t)en->n_chunks * CHUNK * sizeof(struct ticket) + en->block_bytes + (size_t)en->n_tickets * 16 +
		     map_bytes(&en->index) + heap_bytes(&en->timers) + symbols_bytes(en->symbols);
}
