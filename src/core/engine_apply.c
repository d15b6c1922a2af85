/*
 * One event and its ticket: whether it is one for it, what of it is kept, and what follows. Which events move a clock at all is said in
 * relevance.c, which steps fire in escalate.c.
 */
#include "core/engine.h"

#include "base/limits.h"
#include "engine_private.h"
#include "escalate.h"

/* Fills the attributes that decide a match from the ticket's history where the event does not bring them. */
static void fill_for_match(const struct engine *en, const struct history *h, struct event *e)
{
	uint32_t own = e->set;

	for (uint32_t i = 0; i < h->n; i++)
		for (uint32_t k = 0; k < h->v[i].n_attrs; k++) {
			enum attr a = (enum attr)h->v[i].attrs[k].attr;

			if (!(own >> a & 1) && (a == ATTR_ORGANIZATION || a == ATTR_DOMAIN || a == ATTR_REQUESTER)) {
				e->set |= 1u << a;
				e->attr[a] = symbols_text(en->symbols, h->v[i].attrs[k].sym);
			}
		}
}

/*
 * For senders that do not know our contracts: what is found is kept with the event, so that replay finds the same. Gives the event as it is
 * to be kept, `e` or a copy in the scratch arena.
 */
static const struct event *with_contract(struct engine *en, const struct opened *o, const struct event *e,
					 contract_allowed_fn *allowed, const void *ctx)
{
	struct event *copy;
	const struct contract *k;
	size_t n;

	/* Many senders write null for what they do not know. */
	if (o->t->contract != 0 || (e->set >> ATTR_CONTRACT & 1 && e->attr[ATTR_CONTRACT].len > 0))
		return e;
	copy = memcpy(arena_alloc(en->scratch, sizeof(*copy)), e, sizeof(*e));
	fill_for_match(en, &o->history, copy);
	k = rules_match(engine_rules_at(en, e->received), copy, allowed, ctx, &n);
	if (k == NULL)
		return e;
	*copy = *e;
	copy->set |= 1u << ATTR_CONTRACT;
	copy->attr[ATTR_CONTRACT] = str_of(k->id);
	copy->sealed = (struct str){ NULL, 0 };
	return copy;
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
	const struct rules *r = engine_rules_at(en, at);
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

	buf_reset(&en->record);
	history_append(&en->record, en->symbols, e, id, o->history.last_received);
	if (e->set >> ATTR_SUBJECT & 1 || e->set >> ATTR_URL & 1) {
		struct parts parts = ticket_parts(t);

		parts.record = buf_str(&en->record);
		parts.subject = e->set >> ATTR_SUBJECT & 1 ? e->attr[ATTR_SUBJECT] : parts.subject;
		parts.url = e->set >> ATTR_URL & 1 ? e->attr[ATTR_URL] : parts.url;
		ticket_set_block(en, t, &parts);
	} else {
		o->record = buf_str(&en->record);
	}
	t->n_events++;
	t->seq = seq;
}

/* Whether the event is one for this ticket; opens the ticket, made where there is none. */
static enum apply accept_event(struct engine *en, uint32_t *ticket, const struct event *e, uint64_t seq, uint64_t id, contract_allowed_fn *allowed,
			       const void *ctx, struct effects *fx, struct opened **o)
{
	uint64_t hash = *ticket == ENGINE_NO_TICKET ? table_hash_of(en, e) : 0;
	uint32_t slot = *ticket == ENGINE_NO_TICKET ? table_find(en, hash, e->ns, e->ticket) : *ticket;
	const struct hist *same;

	*ticket = slot;
	if (slot != MAP_ABSENT) {
		if (seq <= table_at(en, slot)->seq)
			return APPLY_DUPLICATE;
		engine_catch_up(en, slot, e->received, fx);
		*o = ticket_open(en, slot);
		same = history_find(&(*o)->history, id);
		if (same != NULL)
			return same->body == (e->body & HIST_BODY_MASK) ? APPLY_DUPLICATE : APPLY_CONFLICT;
		if ((*o)->t->n_events >= TICKET_MAX_EVENTS)
			return APPLY_FULL;
	}
	if (!may_touch(en, slot, e, allowed, ctx))
		return APPLY_FORBIDDEN;
	if (slot == MAP_ABSENT) {
		slot = *ticket = table_add(en, hash, e->ns, e->ticket);
		table_at(en, slot)->serial = (uint32_t)seq;
		table_at(en, slot)->plan = engine_plans_by(en, e->received);
		*o = ticket_open(en, slot);
	}
	return APPLY_DONE;
}

enum apply engine_apply(struct engine *en, const struct event *e, uint64_t seq, contract_allowed_fn *allowed, const void *ctx, struct effects *fx)
{
	uint32_t any = ENGINE_NO_TICKET;

	return engine_apply_to(en, &any, e, seq, allowed, ctx, fx);
}

/* What follows from an event that may have moved a clock, and was appended. */
static void decide(struct engine *en, struct opened *o, const struct event *e, struct effects *fx)
{
	struct firing fr = { .cause = CAUSE_EVENT, .now = e->received, .moved_at = wall_min(e->at, e->received), .event = e };

	history_push(&o->history, buf_str(&en->record), en->scratch);
	ticket_decide(en, o, e->received);
	ticket_set_contract(en, o->t, o->facts.attr[ATTR_CONTRACT]);
	tell_oddities(en, o, e, fx);
	escalate(en, o, &fr, fx);
	ticket_settle(en, o, e->received);
}

enum apply engine_apply_to(struct engine *en, uint32_t *ticket, const struct event *e, uint64_t seq, contract_allowed_fn *allowed, const void *ctx,
			   struct effects *fx)
{
	uint64_t id = e->sealed.len != 0 ? e->id_hash : siphash64(en->opt.key, e->id.p, e->id.len);
	struct opened *o;
	bool matters;
	enum apply answer = accept_event(en, ticket, e, seq, id, allowed, ctx, fx, &o);

	if (answer != APPLY_DONE) {
		en->stats.n_duplicates += answer == APPLY_DUPLICATE;
		en->stats.n_conflicts += answer == APPLY_CONFLICT;
		return answer;
	}
	e = with_contract(en, o, e, allowed, ctx);
	en->stats.n_events++;
	matters = en->opt.thorough || event_may_matter(en, o, e);
	append_event(en, o, e, id, seq);
	if (matters) {
		decide(en, o, e, fx);
	} else {
		ticket_extend(en, o->t, o->record, NULL);
		table_changed(en, o->slot);
	}
	return APPLY_DONE;
}
