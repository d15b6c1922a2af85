/*
 * Most events of a ticket change no clock: a note, another assignee, a reply that nothing waits for. They are told apart here by what the
 * metrics watch, so that the clocks need not be computed again. Says "may" whenever that is not plain: when the ticket has had two contracts, when
 * a revision has changed its own, and for events that begin or end something.
 */
#include "cond.h"
#include "engine_private.h"

#define PLAIN_TYPES (1u << EVENT_CHANGED | 1u << EVENT_REPLIED | 1u << EVENT_ACKNOWLEDGED | 1u << EVENT_ATTENDED)

#define REVISIONS_MAX 8      /* looked back: a ticket that has seen more reloads is computed anew */

static uint32_t n_contracts(const struct history *h)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->n; i++)
		for (uint32_t k = 0; k < h->v[i].n_attrs; k++)
			n += h->v[i].attrs[k].attr == ATTR_CONTRACT;
	return n;
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
	const struct contract *k;

	if (!(o->t->flags & TICKET_OPENED) || o->t->flags & TICKET_UNMATCHED || o->t->contract == 0 || o->t->plan != en->n_revisions)
		return NULL;
	for (uint32_t i = 0; i < o->history.n; i++)
		at = wall_min(at, o->history.v[i].at);
	k = rules_contract(engine_rules(en), symbols_text(en->symbols, o->t->contract));
	return n_contracts(&o->history) == 1 && is_as_ever(en, k, at) ? k : NULL;
}

static bool metric_minds(const struct metric *m, const struct event_bits *b, uint32_t changed)
{
	return changed & (m->watch.pause_attrs | m->watch.target_attrs) || conds_may_fit(&m->start, b, changed) || conds_may_fit(&m->stop, b, changed) ||
	       conds_may_fit(&m->cancel, b, changed);
}

static bool escalations_mind(const struct contract *k, uint32_t changed)
{
	for (size_t i = 0; i < k->n_escalations; i++)
		for (size_t j = 0; j < k->escalations[i].when.n_attrs; j++)
			if (changed >> k->escalations[i].when.attrs[j].attr & 1)
				return true;
	return false;
}

bool event_may_matter(const struct engine *en, const struct opened *o, const struct event *e)
{
	struct event_bits b = event_bits(e->type, e->role, e->mode, e->is_private, e->automated);
	uint32_t changed = e->set & ((1u << ATTR_N_RULES) - 1);
	const struct contract *k;

	/* One from the future is told of; steps that are due are for escalate(). */
	if (!(b.types & PLAIN_TYPES) || wall_before(e->received, e->at) || heap_due(&en->timers, o->slot) < e->received.ms)
		return true;
	if (changed & (1u << ATTR_CONTRACT | 1u << ATTR_SITE))
		return true;
	k = only_contract(en, o, e->at);
	if (k == NULL || escalations_mind(k, changed))
		return true;
	for (size_t i = 0; i < k->n_metrics; i++)
		if (metric_minds(&k->metrics[i], &b, changed))
			return true;
	return false;
}
