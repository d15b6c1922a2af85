/*
 * Most events of a ticket change no clock: a note, another assignee, a status that pauses nothing, a reply that nothing waits for. They are told
 * apart here by what the metrics watch, so that the clocks need not be computed again. Says "may" whenever that is not plain: when the ticket
 * has had two contracts, when a revision has changed its own, for events that begin or end something, and where a late one sets attributes.
 */
#include "cond.h"
#include "engine_private.h"
#include "ticket_track.h"

#define RULES_ATTRS ((1u << ATTR_N_RULES) - 1)

#define REVISIONS_MAX 64     /* looked back: a ticket that has seen more reloads is computed anew */

/* What an event is in the life of its ticket. */
struct news {
	const struct engine *en;
	const struct event  *e;
	struct event_bits    bits;
	bool                 late;                    /* the ticket has later ones, or had late ones before: what it says need not hold */
	bool                 moves;                   /* the ticket has, or gets, more than one contract */
	uint32_t             attrs;                   /* those it gives another value, as bits; of a late one all that it names */
	const struct given  *given;
	struct str          *before, *after;          /* the texts, once they are known(): few events need them */
};

static void look(const struct engine *en, const struct opened *o, const struct event *e, struct news *nw)
{
	const struct history *h = &o->history;

	*nw = (struct news){ .en = en, .e = e, .bits = event_bits(e->type, e->role, e->mode, e->is_private, e->automated),
			     .attrs = e->set & RULES_ATTRS, .late = !h->in_order || wall_before(e->at, h->last_at), .given = &h->given };
	nw->moves = h->given.moves || (h->given.attrs >> ATTR_CONTRACT & 1 && h->given.last[ATTR_CONTRACT] != o->t->contract);
	for (uint32_t rest = nw->late ? 0 : nw->attrs; rest != 0; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);

		if (str_eq(symbols_text(en->symbols, h->given.last[i]), e->attr[i]))
			nw->attrs &= ~(1u << i);
	}
	nw->moves = nw->moves || (nw->attrs >> ATTR_CONTRACT & 1);
}

/* The attributes before and after it, of one that is not late. */
static void known(struct news *nw)
{
	if (nw->before != NULL)
		return;
	nw->before = arena_array(nw->en->scratch, (size_t)ATTR_N_RULES * 2, sizeof(struct str));
	nw->after = nw->before + ATTR_N_RULES;
	for (uint32_t rest = nw->given->attrs; rest != 0; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);

		nw->before[i] = nw->after[i] = symbols_text(nw->en->symbols, nw->given->last[i]);
	}
	for (uint32_t rest = nw->attrs; rest != 0; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);

		nw->after[i] = nw->e->attr[i];
	}
}

/* The one contract that holds for all of the ticket's life up to the event, or NULL. */
static const struct contract *only_contract(const struct engine *en, const struct opened *o, const struct news *nw)
{
	struct str id = symbols_text(en->symbols, o->t->contract);

	if (nw->moves || !revisions_left_alone(&en->revisions, id, wall_min(nw->e->at, o->history.first_at), REVISIONS_MAX))
		return NULL;
	return rules_contract(engine_rules(en), id);
}

/* Attributes that hold already end a clock that was started while they did, with any event. */
static bool ends_may_fit(const struct metric *m, const struct event_bits *b)
{
	return (m->watch.stop & b->types) && (conds_may_fit(&m->stop, b, UINT32_MAX) || conds_may_fit(&m->cancel, b, UINT32_MAX));
}

/*
 * With what a late one sets, an event behind it may start or end a clock which did not, or the other way about; and with an answer that
 * is the first now, what the customer said behind it.
 */
static bool late_may_start_or_end(const struct metric *m, const struct news *nw)
{
	if (m->after_response && nw->e->type == EVENT_REPLIED)
		return true;
	return conds_may_fit(&m->start, &nw->bits, nw->attrs) || ends_may_fit(m, &nw->bits) || conds_name(&m->start, nw->attrs) ||
	       conds_name(&m->stop, nw->attrs) || conds_name(&m->cancel, nw->attrs);
}

static bool may_start_or_end(const struct metric *m, struct news *nw)
{
	bool start = (m->watch.start & nw->bits.types) && conds_may_fit(&m->start, &nw->bits, nw->attrs);
	bool end = ends_may_fit(m, &nw->bits);

	if (!start && !end)
		return false;
	known(nw);
	return (start && conds_begin_to_fit(&m->start, &nw->bits, nw->before, nw->after)) ||
	       (end && (conds_fit(&m->stop, &nw->bits, nw->after) || conds_fit(&m->cancel, &nw->bits, nw->after)));
}

static bool metric_minds(const struct metric *m, struct news *nw)
{
	if (nw->late ? late_may_start_or_end(m, nw) : may_start_or_end(m, nw))
		return true;
	if (!(nw->attrs & (m->watch.pause_attrs | m->watch.target_attrs)))
		return false;
	if (nw->late)
		return true;
	known(nw);
	return metric_stands(m, nw->before) != metric_stands(m, nw->after) || metric_target(m, nw->before) != metric_target(m, nw->after);
}

static bool escalations_mind(const struct contract *k, struct news *nw)
{
	bool named = false;

	for (size_t i = 0; i < k->n_escalations && !named; i++)
		named = cond_names(&k->escalations[i].when, nw->attrs);
	if (nw->late || !named)
		return named;
	known(nw);
	return contract_escalation(k, nw->before) != contract_escalation(k, nw->after);
}

bool event_may_matter(const struct engine *en, const struct opened *o, const struct event *e)
{
	const struct contract *k;
	struct news nw;

	/* One from the future is told of, and does not hold from its `at` on. */
	if (!(1u << e->type & PLAIN_TYPES) || wall_before(e->received, e->at))
		return true;
	look(en, o, e, &nw);
	k = only_contract(en, o, &nw);
	if (k == NULL || nw.attrs >> ATTR_SITE & 1 || escalations_mind(k, &nw))
		return true;
	for (size_t i = 0; i < k->n_metrics; i++)
		if (metric_minds(&k->metrics[i], &nw))
			return true;
	return false;
}
