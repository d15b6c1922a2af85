#include "core/engine.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/xalloc.h"
#include "engine_private.h"

struct engine *engine_create(const struct engine_options *opt)
{
	struct engine *en = xcalloc(1, sizeof(*en));

	en->opt = *opt;
	en->symbols = symbols_create(opt->key);
	en->free_slot = en->changed_first = en->changed_last = NO_TICKET;
	map_init(&en->index);
	heap_init(&en->timers);
	en->scratch = arena_create();
	buf_init(&en->block, BUF_NO_MAX);
	buf_init(&en->history, BUF_NO_MAX);
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
	for (size_t i = 0; i < en->n_revisions; i++)
		rules_unref(en->revisions[i].rules);
	free(en->revisions);
	map_finish(&en->index);
	heap_finish(&en->timers);
	symbols_destroy(en->symbols);
	arena_destroy(en->scratch);
	buf_finish(&en->block);
	buf_finish(&en->history);
	buf_finish(&en->fired);
	free(en);
}

/* ---- one ticket opened up ---- */

void ticket_open(struct engine *en, uint32_t slot, struct opened *o)
{
	struct ticket *t = table_at(en, slot);

	*o = (struct opened){ .slot = slot, .t = t, .next = WALL_NEVER };
	/* The bytes are our own: engine_load() has checked those that came from outside. */
	if (!history_read(ticket_history(t), t->n_events, en->scratch, &o->history) ||
	    !fired_read(ticket_fired(t), en->symbols, en->scratch, &o->fired))
		abort();
}

void ticket_decide(struct engine *en, struct opened *o, struct wall now)
{
	struct timeline tl = { .revisions = en->revisions, .n_revisions = en->n_revisions, .symbols = en->symbols, .until = now };

	history_sort(&o->history);
	tl.events = o->history.v;
	tl.n_events = o->history.n;
	ticket_facts_make(&tl, en->scratch, &o->facts);
}

static void count_clocks(struct engine *en, struct opened *o, struct wall now)
{
	unsigned running = 0, paused = 0, breached = 0;

	for (uint32_t i = 0; i < o->facts.n_clocks; i++) {
		const struct clock *c = o->facts.clocks[i];

		if (!c->shown || !clock_is_live(c))
			continue;
		if (!wall_is_never(c->breach_at) || !wall_before(now, c->due))
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

static void set_contract(struct engine *en, struct ticket *t, struct str id)
{
	uint32_t old = t->contract;

	if (str_eq(symbols_text(en->symbols, old), id))
		return;
	t->contract = symbols_take(en->symbols, id);
	symbols_drop(en->symbols, old);
}

static void write_fired(struct engine *en, struct opened *o)
{
	struct ticket *t = o->t;
	struct buf fired;

	buf_init(&fired, BUF_NO_MAX);
	fired_write(&o->fired, en->symbols, &fired);
	fired_drop(ticket_fired(t), en->symbols);
	ticket_set_block(en, t, ticket_id(t), ticket_subject(t), ticket_url(t), ticket_history(t), buf_str(&fired));
	buf_finish(&fired);
}

void ticket_settle(struct engine *en, struct opened *o, struct wall now)
{
	struct ticket *t = o->t;
	bool unmatched = o->facts.opened && o->facts.contract == NULL;

	if (o->fired.changed)
		write_fired(en, o);
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
	en->revisions = xreallocarray(en->revisions, en->n_revisions + 1, sizeof(*en->revisions));
	en->revisions[en->n_revisions++] = (struct revision){ rules->from, rules_ref(rules) };
	en->replan_at = 0;
}

const struct rules *engine_rules(const struct engine *en)
{
	return en->n_revisions > 0 ? en->revisions[en->n_revisions - 1].rules : NULL;
}

uint32_t engine_plans_by(const struct engine *en, struct wall t)
{
	size_t n = en->n_revisions;

	while (n > 1 && wall_before(t, en->revisions[n - 1].from))
		n--;
	return (uint32_t)n;
}

/* The rules in force at `t`. */
static const struct rules *rules_in_force(const struct engine *en, struct wall t)
{
	return en->revisions[engine_plans_by(en, t) - 1].rules;
}

/* ---- one ticket and the time ---- */

static void plan(struct engine *en, uint32_t slot, struct wall from, struct effects *fx)
{
	struct firing fr = { .cause = CAUSE_RULES, .now = from, .moved_at = from };
	struct opened o;

	arena_reset(en->scratch);
	ticket_open(en, slot, &o);
	ticket_decide(en, &o, from);
	escalate(en, &o, &fr, fx);
	ticket_settle(en, &o, from);
}

static void fire_at(struct engine *en, uint32_t slot, struct wall at, struct effects *fx)
{
	/* Just past the instant, whatever the time is now: how late the loop woke decides nothing. */
	struct firing fr = { .cause = CAUSE_TIME, .now = wall_plus(at, 1), .only = at, .moved_at = at };
	struct opened o;

	arena_reset(en->scratch);
	ticket_open(en, slot, &o);
	ticket_decide(en, &o, at);
	escalate(en, &o, &fr, fx);
	ticket_settle(en, &o, at);
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

/*
 * Plans a ticket under each revision that came into force by `t`, as if at the instant at which it did, and fires what is due in between:
 * when its turn comes decides nothing. True when there was anything to do.
 */
static bool catch_up(struct engine *en, uint32_t slot, struct wall t, struct effects *fx)
{
	uint32_t plans = engine_plans_by(en, t);

	if (table_at(en, slot)->plan >= plans)
		return false;
	while (table_at(en, slot)->plan < plans) {
		struct wall from = en->revisions[table_at(en, slot)->plan].from;

		fire_until(en, slot, from, fx);
		if (table_at(en, slot)->plan < plans && en->revisions[table_at(en, slot)->plan].from.ms == from.ms)
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
		if (table_at(en, en->replan_at)->flags & TICKET_USED && catch_up(en, en->replan_at, now, fx))
			n--;
	return en->replan_at < en->n_slots;
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
		if (!catch_up(en, slot, at, fx))
			fire_at(en, slot, at, fx);
	}
	return false;
}

struct wall engine_next(const struct engine *en)
{
	const struct heap_entry *top = heap_top(&en->timers);

	return top != NULL ? wall_plus((struct wall){ top->due }, 1) : WALL_NEVER;
}

/* ---- events ---- */

/* Fills the attributes that decide a match from the ticket's history where the event does not bring them. */
static void fill_for_match(const struct engine *en, const struct history *h, struct event *e)
{
	for (uint32_t i = 0; i < h->n; i++)
		for (uint32_t k = 0; k < h->v[i].n_attrs; k++) {
			enum attr a = (enum attr)h->v[i].attrs[k].attr;

			if (!(e->set >> a & 1) && (a == ATTR_ORGANIZATION || a == ATTR_DOMAIN || a == ATTR_REQUESTER))
				e->attr[a] = symbols_text(en->symbols, h->v[i].attrs[k].sym);
		}
}

/* For senders that do not know our contracts: what is found is kept with the event, so that replay finds the same. */
static void find_contract(const struct engine *en, const struct opened *o, struct event *e, contract_allowed_fn *allowed, const void *ctx)
{
	const struct contract *k;
	struct event asked;
	size_t n;

	if (o->t->contract != 0 || (e->set >> ATTR_CONTRACT & 1))
		return;
	asked = *e;
	fill_for_match(en, &o->history, &asked);
	k = rules_match(rules_in_force(en, e->received), &asked, allowed, ctx, &n);
	if (k == NULL)
		return;
	e->set |= 1u << ATTR_CONTRACT;
	e->attr[ATTR_CONTRACT] = str_of(k->id);
}

static bool may_touch(const struct engine *en, uint32_t slot, const struct event *e, contract_allowed_fn *allowed, const void *ctx)
{
	if (allowed == NULL)
		return true;
	if (e->set >> ATTR_CONTRACT & 1 && e->attr[ATTR_CONTRACT].len > 0 && !allowed(ctx, e->attr[ATTR_CONTRACT]))
		return false;
	if (slot == MAP_ABSENT || table_at(en, slot)->contract == 0)
		return true;
	return allowed(ctx, symbols_text(en->symbols, table_at(en, slot)->contract));
}

static void tell_daemon(struct engine *en, struct opened *o, enum alert_type type, struct wall at, const char *step, const char *reason,
			struct effects *fx)
{
	const struct rules *r = rules_in_force(en, at);
	size_t n = r->n_notify;
	struct alert *al = effects_alert(fx, en, o, NULL, at);
	struct str *v = arena_array(fx->arena, n + 1, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = arena_str(fx->arena, str_of(r->notify[i]));
	al->type = type;
	al->step = str_of(step);
	al->receivers = v;
	al->n_receivers = n;
	al->reason = str_of(reason);
	alert_set_id(al);
	en->stats.n_fired[type]++;
}

static void tell_oddities(struct engine *en, struct opened *o, const struct event *e, struct effects *fx)
{
	if (o->facts.opened && o->facts.contract == NULL && !(o->t->flags & TICKET_TOLD_UNMATCHED)) {
		o->t->flags |= TICKET_TOLD_UNMATCHED;
		tell_daemon(en, o, ALERT_DAEMON_UNMATCHED, e->received, "unmatched",
			    o->facts.attr[ATTR_CONTRACT].len > 0 ? "no contract of this id is configured" : "no contract, or more than one, fits", fx);
	}
	if (e->at.ms - e->received.ms > en->opt.max_skew_ms && !(o->t->flags & TICKET_TOLD_SKEW)) {
		o->t->flags |= TICKET_TOLD_SKEW;
		tell_daemon(en, o, ALERT_DAEMON_SKEW, e->received, "skew", "an event says a time in the future; it counts from its arrival", fx);
	}
}

static void append_event(struct engine *en, struct opened *o, const struct event *e, uint64_t id, uint64_t seq)
{
	struct ticket *t = o->t;
	struct str subject = e->set >> ATTR_SUBJECT & 1 ? e->attr[ATTR_SUBJECT] : ticket_subject(t);
	struct str url = e->set >> ATTR_URL & 1 ? e->attr[ATTR_URL] : ticket_url(t);
	struct str old = ticket_history(t);
	struct buf *hist = &en->history;

	buf_reset(hist);
	buf_put(hist, old);
	history_append(hist, en->symbols, e, id, o->history.last_received);
	history_push(&o->history, (struct str){ hist->p + old.len, hist->len - old.len }, en->scratch);
	ticket_set_block(en, t, ticket_id(t), subject, url, buf_str(hist), ticket_fired(t));
	t->n_events++;
	t->seq = seq;
}

/* Whether the event is one for this ticket; opens the ticket, made where there is none. */
static enum apply accept_event(struct engine *en, uint32_t slot, const struct event *e, uint64_t seq, uint64_t id, contract_allowed_fn *allowed,
			       const void *ctx, struct effects *fx, struct opened *o)
{
	const struct hist *same;

	arena_reset(en->scratch);
	if (slot != MAP_ABSENT) {
		if (seq <= table_at(en, slot)->seq)
			return APPLY_DUPLICATE;
		catch_up(en, slot, e->received, fx);
		arena_reset(en->scratch);
		ticket_open(en, slot, o);
		same = history_find(&o->history, id);
		if (same != NULL)
			return same->body == (e->body & HIST_BODY_MASK) ? APPLY_DUPLICATE : APPLY_CONFLICT;
		if (o->t->n_events >= TICKET_MAX_EVENTS)
			return APPLY_FULL;
	}
	if (!may_touch(en, slot, e, allowed, ctx))
		return APPLY_FORBIDDEN;
	if (slot == MAP_ABSENT) {
		slot = table_add(en, e->ns, e->ticket);
		table_at(en, slot)->serial = (uint32_t)seq;
		table_at(en, slot)->plan = engine_plans_by(en, e->received);
		ticket_open(en, slot, o);
	}
	return APPLY_DONE;
}

enum apply engine_apply(struct engine *en, const struct event *e, uint64_t seq, contract_allowed_fn *allowed, const void *ctx, struct effects *fx)
{
	return engine_apply_to(en, ENGINE_NO_TICKET, e, seq, allowed, ctx, fx);
}

enum apply engine_apply_to(struct engine *en, uint32_t ticket, const struct event *e, uint64_t seq, contract_allowed_fn *allowed, const void *ctx,
			   struct effects *fx)
{
	uint32_t slot = ticket != ENGINE_NO_TICKET ? ticket : table_find(en, e->ns, e->ticket);
	uint64_t id = siphash64(en->opt.key, e->id.p, e->id.len);
	struct firing fr = { .cause = CAUSE_EVENT, .now = e->received, .moved_at = wall_min(e->at, e->received), .event = e };
	struct event copy = *e;
	struct opened o;
	bool matters;
	enum apply answer = accept_event(en, slot, e, seq, id, allowed, ctx, fx, &o);

	if (answer != APPLY_DONE) {
		en->stats.n_duplicates += answer == APPLY_DUPLICATE;
		en->stats.n_conflicts += answer == APPLY_CONFLICT;
		return answer;
	}
	find_contract(en, &o, &copy, allowed, ctx);
	matters = event_may_matter(en, &o, &copy);
	append_event(en, &o, &copy, id, seq);
	en->stats.n_events++;
	if (!matters) {
		table_changed(en, o.slot);
		return APPLY_DONE;
	}
	ticket_decide(en, &o, e->received);
	set_contract(en, o.t, o.facts.attr[ATTR_CONTRACT]);
	tell_oddities(en, &o, e, fx);
	escalate(en, &o, &fr, fx);
	ticket_settle(en, &o, e->received);
	return APPLY_DONE;
}

/* ---- keeping and counting ---- */

uint32_t engine_find(const struct engine *en, struct str ns, struct str ticket)
{
	return table_find(en, ns, ticket);
}

void engine_expect(const struct engine *en, uint32_t next, uint32_t after)
{
	if (after != ENGINE_NO_TICKET) {
		__builtin_prefetch(table_at(en, after));
		heap_expect_place(&en->timers, after);
	}
	if (next != ENGINE_NO_TICKET) {
		const char *block = table_at(en, next)->block;

		heap_expect(&en->timers, next);
		/* The name, the subject, and the beginning of the history. */
		__builtin_prefetch(block);
		__builtin_prefetch(block + 64);
		__builtin_prefetch(block + 128);
		__builtin_prefetch(block + 192);
	}
}

bool engine_has(const struct engine *en, struct str ns, struct str ticket)
{
	return table_find(en, ns, ticket) != MAP_ABSENT;
}

bool engine_drop(struct engine *en, struct str ns, struct str ticket)
{
	uint32_t slot = table_find(en, ns, ticket);

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
