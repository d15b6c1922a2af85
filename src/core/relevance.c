/*
 * Most events of a ticket change no clock: a note, another assignee, a status that pauses nothing, a reply that nothing waits for. They are told
 * apart here by what the metrics watch, so that the clocks need not be computed again. Says "may" whenever that is not plain: when the ticket
 * has had two contracts, when a revision has changed its own, for events that begin or end something, and where a late one sets attributes.
 */
#include "cond.h"
#include "engine_private.h"
#include "ticket_track.h"

#define PLAIN_TYPES (1u << EVENT_CHANGED | 1u << EVENT_REPLIED | 1u << EVENT_ACKNOWLEDGED | 1u << EVENT_ATTENDED)

#define RULES_ATTRS ((1u << ATTR_N_RULES) - 1)

#define REVISIONS_MAX 8      /* looked back: a ticket that has seen more reloads is computed anew */

/* What an event is in the life of its ticket. */
struct news {
	struct event_bits bits;
	bool              late;                       /* the ticket has later ones: what it says need not hold */
	uint32_t          attrs;                      /* those it gives another value, as bits; of a late one all that it names */
	struct str        before[ATTR_N_RULES];       /* of one that is not late: the attributes up to it, and from it on */
	struct str        after[ATTR_N_RULES];
};

/* Does the history name this contract alone? */
static bool names_only(const struct history *h, uint32_t contract)
{
	for (uint32_t i = 0; i < h->n; i++)
		for (uint32_t k = 0; k < h->v[i].n_attrs; k++)
			if (h->v[i].attrs[k].attr == ATTR_CONTRACT && h->v[i].attrs[k].sym != contract)
				return false;
	return true;
}

/* Has every revision that the ticket has seen since `from` said the same of its contract as the latest one, `k`? */
static bool is_as_ever(const struct engine *en, const struct contract *k, struct wall from)
{
	size_t i = en->n_revisions - 1;

	/* Another one may hold for tickets that were opened under it. */
	if (k == NULL || k->new_tickets_only)
		return false;
	for (unsigned n = 0; i > 0 && wall_before(from, en->revisions[i].from); i--, n++) {
		const struct contract *before = rules_contract(en->revisions[i - 1].rules, str_of(k->id));

		if (n == REVISIONS_MAX || before == NULL || before->digest != k->digest || before->new_tickets_only)
			return false;
	}
	return true;
}

/* The one contract that holds for all of the ticket's life up to an event at `at`, or NULL. */
static const struct contract *only_contract(const struct engine *en, const struct opened *o, struct wall at)
{
	if (!(o->t->flags & TICKET_OPENED) || o->t->flags & TICKET_UNMATCHED || o->t->contract == 0 || o->t->plan != en->n_revisions ||
	    !names_only(&o->history, o->t->contract))
		return NULL;
	for (uint32_t i = 0; i < o->history.n; i++)
		at = wall_min(at, o->history.v[i].at);

	const struct contract *k = rules_contract(engine_rules(en), symbols_text(en->symbols, o->t->contract));

	return is_as_ever(en, k, at) ? k : NULL;
}

/* The value that came last in time, and of one instant last in order of arrival. */
static void attrs_before(const struct engine *en, const struct history *h, struct str attr[ATTR_N_RULES])
{
	int64_t since[ATTR_N_RULES];

	for (unsigned i = 0; i < ATTR_N_RULES; i++)
		since[i] = INT64_MIN;
	for (uint32_t i = 0; i < h->n; i++)
		for (uint32_t k = 0; k < h->v[i].n_attrs; k++) {
			struct hist_attr a = h->v[i].attrs[k];

			if (h->v[i].at.ms < since[a.attr])
				continue;
			since[a.attr] = h->v[i].at.ms;
			attr[a.attr] = symbols_text(en->symbols, a.sym);
		}
}

static void look(const struct engine *en, const struct history *h, const struct event *e, struct news *nw)
{
	*nw = (struct news){ .bits = event_bits(e->type, e->role, e->mode, e->is_private, e->automated), .attrs = e->set & RULES_ATTRS };
	for (uint32_t i = 0; i < h->n && !nw->late; i++)
		nw->late = wall_before(e->at, h->v[i].at);
	if (nw->late)
		return;
	attrs_before(en, h, nw->before);
	memcpy(nw->after, nw->before, sizeof(nw->after));
	for (unsigned i = 0; i < ATTR_N_RULES; i++) {
		if (!(nw->attrs >> i & 1))
			continue;
		nw->after[i] = e->attr[i];
		if (str_eq(nw->before[i], nw->after[i]))
			nw->attrs &= ~(1u << i);
	}
}

/* Can it start or end a clock of the metric? Attributes that hold already end one that was started while they did. */
static bool may_start_or_end(const struct metric *m, const struct news *nw)
{
	if (nw->late)
		return conds_may_fit(&m->start, &nw->bits, nw->attrs) || conds_may_fit(&m->stop, &nw->bits, UINT32_MAX) ||
		       conds_may_fit(&m->cancel, &nw->bits, UINT32_MAX);
	return ((m->watch.start & nw->bits.types) && conds_begin_to_fit(&m->start, &nw->bits, nw->before, nw->after)) ||
	       ((m->watch.stop & nw->bits.types) && (conds_fit(&m->stop, &nw->bits, nw->after) || conds_fit(&m->cancel, &nw->bits, nw->after)));
}

static bool metric_minds(const struct metric *m, const struct news *nw)
{
	if (may_start_or_end(m, nw))
		return true;
	if (!(nw->attrs & (m->watch.pause_attrs | m->watch.target_attrs)))
		return false;
	return nw->late || metric_stands(m, nw->before) != metric_stands(m, nw->after) ||
	       metric_target(m, nw->before) != metric_target(m, nw->after);
}

static bool escalations_mind(const struct contract *k, const struct news *nw)
{
	if (!nw->late)
		return contract_escalation(k, nw->before) != contract_escalation(k, nw->after);
	for (size_t i = 0; i < k->n_escalations; i++)
		if (cond_names(&k->escalations[i].when, nw->attrs))
			return true;
	return false;
}

bool event_may_matter(const struct engine *en, const struct opened *o, const struct event *e)
{
	const struct contract *k;
	struct news nw;

	/* One from the future is told of; steps that are due are for escalate(). */
	if (!(1u << e->type & PLAIN_TYPES) || wall_before(e->received, e->at) || heap_due(&en->timers, o->slot) < e->received.ms)
		return true;
	look(en, &o->history, e, &nw);
	if (nw.attrs & (1u << ATTR_CONTRACT | 1u << ATTR_SITE))
		return true;
	k = only_contract(en, o, e->at);
	if (k == NULL || escalations_mind(k, &nw))
		return true;
	for (size_t i = 0; i < k->n_metrics; i++)
		if (metric_minds(&k->metrics[i], &nw))
			return true;
	return false;
}
