#include "core/engine.h"

#include <assert.h>
#include <stdlib.h>

#include "base/expect.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "engine_private.h"
#include "escalate.h"

struct engine *engine_create(const struct engine_options *opt)
{
	struct engine *en = xcalloc(1, sizeof(*en));

	en->opt = *opt;
	en->symbols = symbols_create(opt->key);
	revisions_init(&en->revisions, opt);
	en->free_first = en->free_last = NO_TICKET;
	map_init(&en->index);
	heap_init(&en->timers);
	en->scratch = arena_create();
	buf_init(&en->block, BUF_NO_MAX);
	buf_init(&en->history, BUF_NO_MAX);
	buf_init(&en->record, BUF_NO_MAX);
	buf_init(&en->fired, BUF_NO_MAX);
	return en;
}

void engine_set_max_skew(struct engine *en, int64_t ms)
{
	en->opt.max_skew_ms = ms;
}

void engine_destroy(struct engine *en)
{
	if (en == NULL)
		return;
	for (uint32_t i = 0; i < en->n_slots; i++)
		if (table_at(en, i)->flags & TICKET_USED)
			free(table_at(en, i)->block);
	for (uint32_t i = 0; i < en->n_chunks; i++)
		free(en->chunks[i]);
	free(en->chunks);
	free(en->changed);
	revisions_finish(&en->revisions);
	map_finish(&en->index);
	heap_finish(&en->timers);
	symbols_destroy(en->symbols);
	arena_destroy(en->scratch);
	buf_finish(&en->block);
	buf_finish(&en->history);
	buf_finish(&en->record);
	buf_finish(&en->fired);
	free(en);
}

/* ---- one ticket opened up ---- */

struct opened *ticket_open(struct engine *en, uint32_t slot)
{
	struct ticket *t = table_at(en, slot);
	struct opened *o;

	arena_reset(en->scratch);
	en->revisions.decision++;
	o = arena_alloc(en->scratch, sizeof(*o));
	o->slot = slot;
	o->t = t;
	o->next = WALL_NEVER;
	/* The bytes are our own: engine_load() has checked those that came from outside. */
	if (!history_read(ticket_history(t), t->n_events, en->scratch, &o->history))
		abort();
	return o;
}

void ticket_decide(struct engine *en, struct opened *o, struct wall now)
{
	struct timeline tl = { .revisions = &en->revisions, .symbols = en->symbols, .until = now };

	if (!fired_read(ticket_fired(o->t), en->symbols, en->scratch, &o->fired))
		abort();
	history_sort(&o->history);
	tl.events = o->history.v;
	tl.n_events = o->history.n;
	ticket_facts_make(&tl, en->scratch, &o->facts);
}

static void count_clocks(struct engine *en, struct opened *o, struct wall now)
{
	unsigned running = 0, paused = 0, breached = 0;

	for (uint32_t i = 0; i < o->facts.n_clocks; i++) {
		struct clock *c = o->facts.clocks[i];

		if (!c->shown || !clock_is_live(c))
			continue;
		if (!wall_is_never(c->breach_at) || instant_by(&c->due, now))
			breached++;
		else if (c->phase == PHASE_PAUSED)
			paused++;
		else
			running++;
	}
	table_count_clocks(en, o->t, table_pack_clocks(running, paused, breached));
}

static void set_flag(struct ticket *t, enum ticket_flags flag, bool on)
{
	t->flags = (uint8_t)(on ? t->flags | flag : t->flags & ~flag);
}

void ticket_set_contract(struct engine *en, struct ticket *t, struct str id)
{
	uint32_t old = t->contract;

	if (str_eq(symbols_text(en->symbols, old), id))
		return;
	t->contract = symbols_take(en->symbols, id);
	symbols_drop(en->symbols, old);
}

static void write_fired(struct engine *en, struct opened *o)
{
	struct str fired;

	buf_reset(&en->fired);
	fired_write(&o->fired, en->symbols, &en->fired);
	fired_drop(ticket_fired(o->t), en->symbols);
	fired = buf_str(&en->fired);
	ticket_extend(en, o->t, o->record, &fired);
}

void ticket_settle(struct engine *en, struct opened *o, struct wall now)
{
	struct ticket *t = o->t;
	bool unmatched = o->facts.opened && o->facts.contract == NULL;

	if (o->fired.changed)
		write_fired(en, o);
	else if (o->record.len > 0)
		ticket_extend(en, t, o->record, NULL);
	en->stats.n_unmatched += (size_t)unmatched - !!(t->flags & TICKET_UNMATCHED);
	set_flag(t, TICKET_UNMATCHED, unmatched);
	set_flag(t, TICKET_OPENED, o->facts.opened);
	set_flag(t, TICKET_OVER, wall_is_never(o->next) && (o->facts.resolved || o->facts.over));
	if (t->plan < engine_plans_by(en, now))
		t->plan = engine_plans_by(en, now);
	count_clocks(en, o, now);
	if (wall_is_never(o->next))
		heap_remove(&en->timers, o->slot);
	else
		heap_set(&en->timers, o->slot, o->next.ms, t->serial);
	table_changed(en, o->slot);
}

/* ---- revisions ---- */

void engine_revise(struct engine *en, struct rules *rules)
{
	revisions_add(&en->revisions, rules);
	en->replan_at = 0;
	if (en->n_tickets == 0)
		revisions_sweep(&en->revisions);
}

const struct rules *engine_rules(const struct engine *en)
{
	return en->revisions.n > 0 ? en->revisions.v[en->revisions.n - 1].rules : NULL;
}

uint32_t engine_plans_by(const struct engine *en, struct wall t)
{
	return en->revisions.n > 0 ? (uint32_t)revisions_at(&en->revisions, t) + 1 : 0;
}

struct rules *engine_rules_at(struct engine *en, struct wall t)
{
	return revisions_rules(&en->revisions, revisions_at(&en->revisions, t));
}

/* ---- one ticket and the time ---- */

static void plan(struct engine *en, uint32_t slot, struct wall from, struct effects *fx)
{
	struct firing fr = { .cause = CAUSE_RULES, .now = from, .moved_at = from };
	struct opened *o = ticket_open(en, slot);

	ticket_decide(en, o, from);
	escalate(en, o, &fr, fx);
	ticket_settle(en, o, from);
}

static void fire_at(struct engine *en, uint32_t slot, struct wall at, struct effects *fx)
{
	/* Just past the instant, whatever the time is now: how late the loop woke decides nothing. */
	struct firing fr = { .cause = CAUSE_TIME, .now = wall_plus(at, 1), .only = at, .moved_at = at };
	struct opened *o = ticket_open(en, slot);

	ticket_decide(en, o, at);
	escalate(en, o, &fr, fx);
	ticket_settle(en, o, at);
	/* A row was planned in another life, perhaps with other rules of a time zone: what they put into the past is like a change that comes now. */
	if (at.ms >= heap_due(&en->timers, slot))
		plan(en, slot, wall_plus(at, 1), fx);
	/* What has fired is behind us: a step that stays due would spin for ever. */
	assert(at.ms < heap_due(&en->timers, slot));
}

static void fire_until(struct engine *en, uint32_t slot, struct wall t, struct effects *fx)
{
	while (heap_due(&en->timers, slot) < t.ms)
		fire_at(en, slot, (struct wall){ heap_due(&en->timers, slot) }, fx);
}

bool engine_catch_up(struct engine *en, uint32_t slot, struct wall t, struct effects *fx)
{
	uint32_t plans = engine_plans_by(en, t);

	if (table_at(en, slot)->plan >= plans)
		return false;
	while (table_at(en, slot)->plan < plans) {
		struct wall from = en->revisions.v[table_at(en, slot)->plan].from;

		fire_until(en, slot, from, fx);
		if (table_at(en, slot)->plan < plans && en->revisions.v[table_at(en, slot)->plan].from.ms == from.ms)
			plan(en, slot, from, fx);
	}
	fire_until(en, slot, t, fx);
	return true;
}

/* Most tickets may be planned already: to find that out of a million takes its time, too. */
#define REPLAN_LOOKS 4096

bool engine_replan(struct engine *en, size_t n, struct wall now, struct effects *fx)
{
	uint32_t looks = REPLAN_LOOKS;

	for (; en->replan_at < en->n_slots && n > 0 && looks > 0; en->replan_at++, looks--)
		if (table_at(en, en->replan_at)->flags & TICKET_USED && engine_catch_up(en, en->replan_at, now, fx))
			n--;
	if (en->replan_at < en->n_slots)
		return true;
	if (en->revisions.replanning)
		revisions_replanned(&en->revisions);
	return false;
}

/* ---- time ---- */

bool engine_advance(struct engine *en, struct wall now, size_t max, struct effects *fx)
{
	const struct heap_entry *top;

	for (; (top = heap_top(&en->timers)) != NULL && top->due < now.ms; max--) {
		uint32_t slot = top->id;
		struct wall at = { top->due };

		if (max == 0)
			return true;
		/* A revision that came before this instant may have moved it. */
		if (!engine_catch_up(en, slot, at, fx))
			fire_at(en, slot, at, fx);
	}
	return false;
}

struct wall engine_next(const struct engine *en)
{
	const struct heap_entry *top = heap_top(&en->timers);

	return top != NULL ? wall_plus((struct wall){ top->due }, 1) : WALL_NEVER;
}

/* ---- keeping and counting ---- */

uint32_t engine_find(const struct engine *en, struct str ns, struct str ticket)
{
	return table_find(en, table_hash(en, ns, ticket), ns, ticket);
}

void engine_expect(const struct engine *en, uint32_t next, uint32_t after)
{
	if (after != ENGINE_NO_TICKET) {
		expect(table_at(en, after));
		heap_expect_place(&en->timers, after);
	}
	if (next != ENGINE_NO_TICKET) {
		heap_expect(&en->timers, next);
		table_expect(en, next);
	}
}

void engine_expect_new(const struct engine *en, uint64_t hash)
{
	map_expect(&en->index, hash);
}

bool engine_has(const struct engine *en, struct str ns, struct str ticket)
{
	return engine_find(en, ns, ticket) != ENGINE_NO_TICKET;
}

bool engine_drop(struct engine *en, struct str ns, struct str ticket)
{
	uint32_t slot = engine_find(en, ns, ticket);

	if (slot == MAP_ABSENT)
		return false;
	table_remove(en, slot);
	return true;
}

void engine_hold(struct engine *en, uint32_t ticket)
{
	if (ticket != ENGINE_NO_TICKET && table_at(en, ticket)->n_holds < UINT16_MAX)
		table_at(en, ticket)->n_holds++;
}

void engine_release(struct engine *en, uint32_t ticket)
{
	struct ticket *t;

	if (ticket == ENGINE_NO_TICKET)
		return;
	t = table_at(en, ticket);
	/* At the maximum nobody knows how many there are. */
	if (t->n_holds > 0 && t->n_holds < UINT16_MAX)
		t->n_holds--;
	/* A ticket that was over and saved while it was held is looked at again. */
	if (t->n_holds == 0 && (t->flags & TICKET_OVER))
		table_changed(en, ticket);
}

void engine_each(const struct engine *en, engine_each_fn *fn, void *ctx)
{
	for (uint32_t i = 0; i < en->n_slots; i++) {
		const struct ticket *t = table_at(en, i);

		if ((t->flags & TICKET_USED) && !fn(ctx, ticket_ns(en, t), ticket_id(t)))
			return;
	}
}
