#include "ticket.h"

#include <stdlib.h>

#include "cond.h"
#include "ticket_track.h"

/* Does revision `i` come before or with `t`? */
static bool came_by(const struct timeline *tl, size_t i, struct wall t)
{
	return i < tl->revisions->n && tl->revisions->v[i].from.ms <= t.ms;
}

/* Of the first event; without one, the first there is. */
static size_t first_revision(const struct timeline *tl)
{
	return tl->n_events > 0 ? revisions_at(tl->revisions, tl->events[0].at) : 0;
}

/* Mostly the same one is asked for again, as of a revision that has not changed it. */
static const struct contract *find_contract(struct fold *fd, size_t revision, struct str id)
{
	if (fd->looked_for != id.p || revision < fd->found_from || revision >= fd->found_to) {
		fd->looked_for = id.p;
		fd->found_from = revision;
		fd->found = revisions_contract(fd->tl->revisions, revision, id, &fd->found_to);
	}
	return fd->found;
}

/* The contract under another revision; true when that changes anything. */
static bool take_revision(struct fold *fd, size_t revision)
{
	struct ticket_facts *f = fd->f;
	const struct contract *k = find_contract(fd, revision, f->attr[ATTR_CONTRACT]);

	if (k != NULL && k->new_tickets_only && f->opened)
		return false;
	f->rules = revision;
	if (k != NULL && f->contract != NULL && k->digest == f->contract->digest)
		return false;
	if (k == f->contract)
		return false;
	/* A contract that a revision leaves out goes on under the last one that had it: a promise does not end by a deleted line. */
	if (k == NULL)
		return false;
	f->contract = f->promised = k;
	return true;
}

static void take_contract(struct fold *fd)
{
	struct ticket_facts *f = fd->f;

	f->contract = find_contract(fd, f->rules, f->attr[ATTR_CONTRACT]);
	/* Nor by a name that somebody misspelt. */
	if (f->contract != NULL)
		f->promised = f->contract;
	tracks_update(fd);
}

/* A first walk that looks at contracts alone, to know every metric before the clocks start. */
static void find_tracks(struct fold *fd)
{
	const struct timeline *tl = fd->tl;
	struct str id = { NULL, 0 };
	size_t rules = first_revision(tl);

	for (uint32_t i = 0; i < tl->n_events; i++) {
		const struct hist *e = &tl->events[i];

		while (came_by(tl, rules + 1, e->at))
			tracks_add(fd, find_contract(fd, ++rules, id));
		for (uint32_t k = 0; k < e->n_attrs; k++)
			if (e->attrs[k].attr == ATTR_CONTRACT) {
				id = symbols_text(tl->symbols, e->attrs[k].sym);
				tracks_add(fd, find_contract(fd, rules, id));
			}
	}
	while (came_by(tl, rules + 1, tl->until))
		tracks_add(fd, find_contract(fd, ++rules, id));
}

/* ---- what an event does ---- */

static bool response_ended(const struct fold *fd)
{
	for (uint32_t i = 0; i < fd->n_tracks; i++)
		if (fd->tracks[i].metric->kind == METRIC_RESPONSE && fd->tracks[i].present)
			return fd->tracks[i].clock != NULL && !track_runs(&fd->tracks[i]);
	return fd->responded;
}

/* Closing counts as resolving where something ends by it. What it began would have nothing left to end it. */
static struct event_bits without_implied(const struct event_bits *b)
{
	struct event_bits own = *b;

	if (own.types & 1u << EVENT_CLOSED)
		own.types &= ~(1u << EVENT_RESOLVED);
	return own;
}

static void start_clocks(struct fold *fd, const struct event_bits *all, struct wall t, bool was_responded)
{
	struct event_bits own = without_implied(all), *b = &own;

	if (!(fd->watch.start & b->types))
		return;
	for (uint32_t i = 0; i < fd->n_tracks && !fd->ended; i++) {
		struct track *tr = &fd->tracks[i];
		const struct metric *m = tr->metric;

		if (!(m->watch.start & b->types) || track_runs(tr) || (m->only_open && fd->f->resolved) || (m->after_response && !was_responded))
			continue;
		if (conds_begin_to_fit(&m->start, b, fd->before, fd->f->attr))
			track_start(fd, tr, t);
	}
}

static void stop_clocks(struct fold *fd, const struct event_bits *b, struct wall t)
{
	bool resolution = b->types & (1u << EVENT_RESOLVED | 1u << EVENT_CLOSED);

	if (!(fd->watch.stop & b->types))
		return;
	for (uint32_t i = 0; i < fd->n_tracks; i++) {
		struct track *tr = &fd->tracks[i];

		if (!(tr->metric->watch.stop & b->types) || !track_runs(tr))
			continue;
		if (conds_fit(&tr->metric->stop, b, fd->f->attr))
			clock_stop(tr->clock, t, resolution);
		else if (conds_fit(&tr->metric->cancel, b, fd->f->attr))
			clock_cancel(tr->clock, t);
	}
}

static void cancel_clocks(struct fold *fd, struct wall t)
{
	for (uint32_t i = 0; i < fd->n_tracks; i++)
		if (track_runs(&fd->tracks[i]))
			clock_cancel(fd->tracks[i].clock, t);
}

static void reopen(struct fold *fd, struct wall t)
{
	const struct contract *k = fd->f->promised;
	enum reopen_how how;

	if (k == NULL)
		return;
	how = t.ms - fd->f->resolved_at.ms <= k->reopen.within_ms ? k->reopen.after : k->reopen.later;
	for (uint32_t i = 0; i < fd->n_tracks; i++) {
		struct track *tr = &fd->tracks[i];

		if (tr->clock == NULL || !tr->metric->resumes || tr->clock->phase != PHASE_STOPPED || !tr->clock->by_resolution)
			continue;
		if (how == REOPEN_RESUME) {
			clock_reopen(tr->clock, t);
			tr->fresh = fd->fresh = true;
			track_retarget(fd, tr, t);
		} else if (how == REOPEN_NEW_CYCLE) {
			track_start(fd, tr, t);
		}
	}
}

static struct acted *note_act(struct fold *fd, const struct hist *e)
{
	struct ticket_facts *f = fd->f;
	struct acted *a = arena_alloc(fd->arena, sizeof(*a));

	a->e = e;
	*(f->last_act != NULL ? &f->last_act->next : &f->acts) = a;
	f->last_act = a;
	return a;
}

static bool is_breached(struct clock *c)
{
	return c->breached || (clock_is_over(c) && instant_before(&c->due, c->stopped));
}

/*
 * Of a metric's cycles the last. But what is waived is mostly a breach that there was, and the reply that ended it has begun another cycle: so the
 * last that was breached and is not waived comes first.
 */
static struct clock *clock_meant(const struct fold *fd, const struct hist *e)
{
	struct str metric = symbols_text(fd->tl->symbols, e->metric);
	struct clock *last = NULL, *breached = NULL;

	for (uint32_t i = 0; i < fd->f->n_clocks; i++) {
		struct clock *c = fd->f->clocks[i];

		if (!str_eqz(metric, c->metric->name))
			continue;
		last = c;
		if (c->shown && !c->waived && is_breached(c))
			breached = c;
	}
	return e->type == EVENT_WAIVED && breached != NULL ? breached : last;
}

static void act(struct fold *fd, const struct hist *e)
{
	struct acted *a = note_act(fd, e);
	struct clock *c = clock_meant(fd, e);

	if (c == NULL)
		return;
	a->cycle = c->cycle;
	a->applied = e->type == EVENT_WAIVED ? !c->waived : clock_is_live(c);
	if (e->type == EVENT_WAIVED)
		c->waived = true;
	else
		clock_extend(c, e->at, e->by_ms);
}

/* Resolve, close, reopen, cancel, merge: what becomes of the ticket. */
static void change_life(struct fold *fd, const struct hist *e, enum event_type type)
{
	struct ticket_facts *f = fd->f;

	switch (type) {
	case EVENT_RESOLVED:
	case EVENT_CLOSED:
		if (!f->resolved)
			f->resolved_at = e->at;
		f->resolved = true;
		fd->responded = true;
		break;
	case EVENT_REOPENED:
		if (f->resolved)
			reopen(fd, e->at);
		f->resolved = f->over = fd->ended = false;
		break;
	case EVENT_CANCELLED:
	case EVENT_MERGED:
		cancel_clocks(fd, e->at);
		fd->ended = true;
		break;
	case EVENT_WAIVED:
	case EVENT_EXTENDED:
		act(fd, e);
		break;
	default:
		break;
	}
	if (type == EVENT_CLOSED || type == EVENT_CANCELLED || type == EVENT_MERGED) {
		f->over = true;
		f->over_at = e->at;
	}
}

static void set_attrs(struct fold *fd, const struct hist *e)
{
	fd->changed = 0;
	fd->before = fd->f->attr;
	if (e->n_attrs == 0)
		return;
	fd->before = memcpy(fd->saved, fd->f->attr, sizeof(fd->saved));
	for (uint32_t i = 0; i < e->n_attrs; i++) {
		struct str *attr = &fd->f->attr[e->attrs[i].attr], text = symbols_text(fd->tl->symbols, e->attrs[i].sym);

		/* Of one symbol table, so that equal texts lie at one place. */
		if (text.p != attr->p)
			fd->changed |= 1u << e->attrs[i].attr;
		*attr = text;
	}
}

static void pass_all(struct fold *fd, struct wall t)
{
	for (uint32_t i = 0; i < fd->n_tracks && fd->f->n_clocks > 0; i++)
		if (fd->tracks[i].clock != NULL)
			clock_pass(fd->tracks[i].clock, t);
}

static bool is_answer(enum event_type type)
{
	return type == EVENT_REPLIED || type == EVENT_ATTENDED || type == EVENT_ACKNOWLEDGED;
}

static void move_clocks(struct fold *fd, const struct hist *e, enum event_type type, const struct event_bits *b)
{
	bool was_responded = response_ended(fd), any = fd->f->n_clocks > 0;

	pass_all(fd, e->at);
	if (any && is_answer(type))
		stop_clocks(fd, b, e->at);
	if (fd->changed >> ATTR_CONTRACT & 1)
		take_contract(fd);
	if (any)
		tracks_retarget(fd, e->at, fd->changed);
	if (any && !is_answer(type))
		stop_clocks(fd, b, e->at);
	change_life(fd, e, type);
	start_clocks(fd, b, e->at, was_responded);
	tracks_pause_or_resume(fd, e->at);
}

/* Most events change nothing that a metric of the ticket listens to. */
static bool moves_clocks(const struct fold *fd, const struct event_bits *b)
{
	uint32_t attrs = 1u << ATTR_CONTRACT | 1u << ATTR_SITE | fd->watch.target_attrs | fd->watch.pause_attrs;

	return (b->types & (~PLAIN_TYPES | fd->watch.start | fd->watch.stop)) || (fd->changed & attrs);
}

static void take_event(struct fold *fd, const struct hist *e)
{
	struct ticket_facts *f = fd->f;
	enum event_type type = e->type == EVENT_OPENED && f->opened ? EVENT_CHANGED : (enum event_type)e->type;
	struct event_bits b = event_bits(type, (enum role)e->role, (enum mode)e->mode, e->is_private, e->automated);

	/* Closed without resolved counts as resolved everywhere (rule 18). */
	if (type == EVENT_CLOSED && !f->resolved)
		b.types |= 1u << EVENT_RESOLVED;
	set_attrs(fd, e);
	if (moves_clocks(fd, &b))
		move_clocks(fd, e, type, &b);
	if (type == EVENT_REPLIED && e->role == ROLE_AGENT && !e->is_private && !e->automated)
		fd->responded = true;
	if (type == EVENT_OPENED) {
		f->opened = true;
		f->opened_at = e->at;
	}
	f->last_at = e->at;
}

static void pass_revision(struct fold *fd, size_t revision)
{
	struct wall from = fd->tl->revisions->v[revision].from;

	pass_all(fd, from);
	if (!take_revision(fd, revision))
		return;
	tracks_update(fd);
	tracks_retarget(fd, from, UINT32_MAX);
	tracks_pause_or_resume(fd, from);
}

static int by_metric_and_cycle(const void *x, const void *y)
{
	const struct clock *a = *(struct clock *const *)x, *b = *(struct clock *const *)y;

	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return a->cycle < b->cycle ? -1 : a->cycle > b->cycle;
}

#define FEW 16

/* They were started in this order, unless metrics took turns. */
static void put_in_order(const struct ticket_facts *f)
{
	struct clock **v = f->clocks;

	if (f->n_clocks > FEW) {
		qsort(v, f->n_clocks, sizeof(*v), by_metric_and_cycle);
		return;
	}
	for (uint32_t i = 1; i < f->n_clocks; i++) {
		struct clock *c = v[i];
		uint32_t k = i;

		for (; k > 0 && by_metric_and_cycle(&v[k - 1], &c) > 0; k--)
			v[k] = v[k - 1];
		v[k] = c;
	}
}

static void note_over(const struct ticket_facts *f)
{
	for (uint32_t i = 0; i < f->n_clocks; i++)
		f->clocks[i]->was_over = clock_is_over(f->clocks[i]);
}

void ticket_facts_make(const struct timeline *tl, struct arena *a, struct ticket_facts *out)
{
	struct fold *fd = arena_alloc(a, sizeof(*fd));
	size_t revision;

	fd->tl = tl;
	fd->arena = a;
	fd->f = out;
	out->opened_at = out->resolved_at = out->over_at = WALL_NEVER;
	out->last_at = WALL_PAST;
	out->rules = revision = first_revision(tl);
	find_tracks(fd);
	for (uint32_t i = 0; i < tl->n_events; i++) {
		const struct hist *e = &tl->events[i];

		while (came_by(tl, revision + 1, e->at))
			pass_revision(fd, ++revision);
		if (i + 1 == tl->n_events)
			note_over(out);
		take_event(fd, e);
	}
	while (came_by(tl, revision + 1, tl->until))
		pass_revision(fd, ++revision);
	pass_all(fd, tl->until);
	put_in_order(out);
}

const struct escalation *contract_escalation(const struct contract *k, const struct str attr[ATTR_N_RULES])
{
	for (size_t i = 0; k != NULL && i < k->n_escalations; i++)
		if (k->escalations[i].always || cond_fits_attrs(&k->escalations[i].when, attr))
			return k->escalations[i].escalation;
	return NULL;
}
