#include "ticket.h"

#include <stdlib.h>

#include "cond.h"

/* A metric through the life of the ticket. A contract that lacks it leaves it without a target, not without a past. */
struct track {
	const struct metric *metric;    /* the present definition, or the last or next one there is */
	bool                 present;   /* the present contract has it */
	struct clock        *clock;     /* of the present cycle; NULL before the first */
};

/* The state of the fold over events and revisions. */
struct fold {
	const struct timeline *tl;
	struct arena          *arena;
	struct ticket_facts   *f;
	struct track          *tracks;
	uint32_t               n_tracks;
	uint32_t               cap_clocks;
	bool                   responded;           /* a public reply of an agent has been, or a resolution */
	bool                   ended;               /* cancelled or merged: nothing starts until it is reopened */
	struct str             before[ATTR_N_RULES];    /* the attributes before the present event */
	struct str             contract_id;         /* as `contract` was looked up for */
	const struct contract *first;               /* the first it ever has: lends its calendar to the time before (rule 8: counted from the start) */
	const struct contract *latest;              /* whose metrics were added last */
};

/* ---- what holds for a clock at present ---- */

static const struct target *choose_target(const struct metric *m, const struct str attr[ATTR_N_RULES])
{
	for (size_t i = 0; i < m->n_targets; i++) {
		const struct target *t = &m->targets[i];

		if (t->always || cond_fits_attrs(&t->when, attr))
			return t->span.kind == SPAN_NONE ? NULL : t;
	}
	return NULL;
}

/* Of the target, the metric, the site, the contract (in which the policy's and the defaults' are folded). */
static const struct calendar *choose_calendar(const struct fold *fd, const struct metric *m, const struct target *t)
{
	const struct ticket_facts *f = fd->f;
	const struct contract *k = f->contract != NULL ? f->contract : fd->first;

	if (t != NULL && t->calendar != NULL)
		return t->calendar;
	if (m->calendar != NULL)
		return m->calendar;
	for (size_t i = 0; i < k->n_sites; i++)
		if (str_eqz(f->attr[ATTR_SITE], k->sites[i].name))
			return k->sites[i].calendar;
	return k->calendar;
}

static void aim(const struct fold *fd, const struct track *tr, struct wall t, const struct target *target, const struct calendar *cal)
{
	const struct contract *k = fd->f->contract;

	if (k == NULL)
		return;
	tr->clock->boundary = k->boundary;
	clock_retarget(tr->clock, t, target, cal, k->on_change);
}

static void retarget(struct fold *fd, struct track *tr, struct wall t)
{
	const struct target *target;

	if (tr->clock == NULL || fd->f->contract == NULL)
		return;
	target = tr->present ? choose_target(tr->metric, fd->f->attr) : NULL;
	aim(fd, tr, t, target, choose_calendar(fd, tr->metric, target));
}

static void retarget_all(struct fold *fd, struct wall t)
{
	for (uint32_t i = 0; i < fd->n_tracks; i++)
		retarget(fd, &fd->tracks[i], t);
}

static struct str describe(struct fold *fd, const struct cond *c)
{
	const struct str *v;

	if (c->n_attrs == 0)
		return STR("always");
	v = &fd->f->attr[c->attrs[0].attr];
	return str_of(arena_printf(fd->arena, "%s=" STR_FMT, attr_names[c->attrs[0].attr], STR_ARG(*v)));
}

static void pause_or_resume(struct fold *fd, struct track *tr, struct wall t)
{
	const struct cond *pause;

	if (tr->clock == NULL)
		return;
	pause = conds_fit_attrs(&tr->metric->pause, fd->f->attr);
	if (pause != NULL)
		clock_pause(tr->clock, t, SEG_PAUSED, describe(fd, pause));
	else if (tr->metric->hold.n > 0 && conds_fit_attrs(&tr->metric->hold, fd->f->attr) == NULL)
		clock_pause(tr->clock, t, SEG_HELD, STR("its `while` does not hold"));
	else
		clock_resume(tr->clock, t);
}

static void pause_or_resume_all(struct fold *fd, struct wall t)
{
	for (uint32_t i = 0; i < fd->n_tracks; i++)
		pause_or_resume(fd, &fd->tracks[i], t);
}

/* ---- contracts and their metrics ---- */

/* The contract's metric of the same name. */
static const struct metric *find_metric(const struct contract *k, const struct metric *m)
{
	/* Most tickets have one contract under one revision: then it is the same one. */
	for (size_t i = 0; k != NULL && i < k->n_metrics; i++)
		if (&k->metrics[i] == m)
			return m;
	for (size_t i = 0; k != NULL && i < k->n_metrics; i++)
		if (strcmp(k->metrics[i].name, m->name) == 0)
			return &k->metrics[i];
	return NULL;
}

static void update_tracks(struct fold *fd)
{
	for (uint32_t i = 0; i < fd->n_tracks; i++) {
		struct track *tr = &fd->tracks[i];
		const struct metric *m = find_metric(fd->f->contract, tr->metric);

		tr->present = m != NULL;
		if (m == NULL)
			continue;
		tr->metric = m;
		if (tr->clock != NULL)
			tr->clock->metric = m;
	}
}

static bool has_track(const struct fold *fd, uint32_t n, const char *name)
{
	uint32_t i = 0;

	while (i < n && strcmp(fd->tracks[i].metric->name, name) != 0)
		i++;
	return i < n;
}

/* Every metric that any contract of the ticket's life has: what comes later has a past to count from. */
static void add_tracks(struct fold *fd, const struct contract *k)
{
	uint32_t n = fd->n_tracks;

	if (k == NULL || k == fd->latest)
		return;
	if (fd->first == NULL)
		fd->first = k;
	fd->latest = k;
	fd->tracks = arena_grow(fd->arena, fd->tracks, n, n + k->n_metrics, sizeof(*fd->tracks));
	/* The names within one contract differ. */
	for (size_t i = 0; i < k->n_metrics; i++)
		if (!has_track(fd, n, k->metrics[i].name))
			fd->tracks[fd->n_tracks++].metric = &k->metrics[i];
}

static const struct rules *rules_at(const struct timeline *tl, struct wall t, size_t *next)
{
	size_t i = 0;

	while (i + 1 < tl->n_revisions && tl->revisions[i + 1].from.ms <= t.ms)
		i++;
	*next = i + 1;
	return tl->revisions[i].rules;
}

/* The contract under another revision; true when that changes anything. */
static bool take_revision(struct fold *fd, const struct rules *rules)
{
	struct ticket_facts *f = fd->f;
	const struct contract *k = rules_contract(rules, f->attr[ATTR_CONTRACT]);

	if (k != NULL && k->new_tickets_only && f->opened)
		return false;
	f->rules = rules;
	if (k != NULL && f->contract != NULL && k->digest == f->contract->digest)
		return false;
	if (k == f->contract)
		return false;
	/* A contract that a revision leaves out goes on under the last one that had it: a promise does not end by a deleted line. */
	if (k == NULL)
		return false;
	f->contract = k;
	return true;
}

static void take_contract(struct fold *fd)
{
	struct ticket_facts *f = fd->f;

	if (str_eq(fd->contract_id, f->attr[ATTR_CONTRACT]))
		return;
	fd->contract_id = f->attr[ATTR_CONTRACT];
	f->contract = rules_contract(f->rules, fd->contract_id);
	update_tracks(fd);
}

/* A first walk that looks at contracts alone, to know every metric before the clocks start. */
static void find_tracks(struct fold *fd)
{
	const struct timeline *tl = fd->tl;
	struct str id = { NULL, 0 };
	size_t rev = 0;
	const struct rules *rules = tl->n_events > 0 ? rules_at(tl, tl->events[0].at, &rev) : NULL;

	for (uint32_t i = 0; i < tl->n_events; i++) {
		const struct hist *e = &tl->events[i];

		for (; rev < tl->n_revisions && tl->revisions[rev].from.ms <= e->at.ms; rev++) {
			rules = tl->revisions[rev].rules;
			add_tracks(fd, rules_contract(rules, id));
		}
		for (uint32_t k = 0; k < e->n_attrs; k++)
			if (e->attrs[k].attr == ATTR_CONTRACT) {
				id = symbols_text(tl->symbols, e->attrs[k].sym);
				add_tracks(fd, rules_contract(rules, id));
			}
	}
	for (; rev < tl->n_revisions && tl->revisions[rev].from.ms <= tl->until.ms; rev++)
		add_tracks(fd, rules_contract(tl->revisions[rev].rules, id));
}

/* ---- what an event does ---- */

static void start(struct fold *fd, struct track *tr, struct wall t)
{
	struct ticket_facts *f = fd->f;
	const struct contract *k = f->contract != NULL ? f->contract : fd->first;
	const struct target *target = tr->present ? choose_target(tr->metric, f->attr) : NULL;
	const struct calendar *cal = choose_calendar(fd, tr->metric, target);
	struct clock *c;
	uint32_t cycle = tr->clock != NULL ? tr->clock->cycle + 1 : 1;

	if (f->n_clocks == fd->cap_clocks) {
		uint32_t cap = fd->cap_clocks ? fd->cap_clocks * 2 : 8;

		f->clocks = arena_grow(fd->arena, f->clocks, fd->cap_clocks, cap, sizeof(struct clock *));
		fd->cap_clocks = cap;
	}
	c = arena_alloc(fd->arena, sizeof(*c));
	clock_start(c, fd->arena, tr->metric, k->boundary, cal, t);
	c->cycle = cycle;
	c->order = (uint32_t)(tr - fd->tracks);
	f->clocks[f->n_clocks++] = c;
	tr->clock = c;
	aim(fd, tr, t, target, cal);
}

static bool runs(const struct track *tr)
{
	return tr->clock != NULL && (tr->clock->phase == PHASE_RUNNING || tr->clock->phase == PHASE_PAUSED);
}

static bool response_ended(const struct fold *fd)
{
	for (uint32_t i = 0; i < fd->n_tracks; i++)
		if (fd->tracks[i].metric->kind == METRIC_RESPONSE && fd->tracks[i].present)
			return fd->tracks[i].clock != NULL && !runs(&fd->tracks[i]);
	return fd->responded;
}

static void start_clocks(struct fold *fd, const struct event_bits *b, struct wall t, bool was_responded)
{
	for (uint32_t i = 0; i < fd->n_tracks && !fd->ended; i++) {
		struct track *tr = &fd->tracks[i];
		const struct metric *m = tr->metric;

		if (runs(tr) || (m->only_open && fd->f->resolved) || (m->after_response && !was_responded))
			continue;
		if (conds_begin_to_fit(&m->start, b, fd->before, fd->f->attr))
			start(fd, tr, t);
	}
}

static void stop_clocks(struct fold *fd, const struct event_bits *b, struct wall t)
{
	bool resolution = b->types & (1u << EVENT_RESOLVED | 1u << EVENT_CLOSED);

	for (uint32_t i = 0; i < fd->n_tracks; i++) {
		struct track *tr = &fd->tracks[i];

		if (!runs(tr))
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
		if (runs(&fd->tracks[i]))
			clock_cancel(fd->tracks[i].clock, t);
}

static void reopen(struct fold *fd, struct wall t)
{
	const struct contract *k = fd->f->contract;
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
			retarget(fd, tr, t);
		} else if (how == REOPEN_NEW_CYCLE) {
			start(fd, tr, t);
		}
	}
}

static void act(struct fold *fd, const struct hist *e)
{
	struct str metric = symbols_text(fd->tl->symbols, e->metric);

	for (uint32_t i = 0; i < fd->n_tracks; i++) {
		struct clock *c = fd->tracks[i].clock;

		if (c == NULL || !str_eqz(metric, c->metric->name))
			continue;
		if (e->type == EVENT_WAIVED)
			c->waived = true;
		else
			clock_extend(c, e->at, e->by_ms);
	}
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
	memcpy(fd->before, fd->f->attr, sizeof(fd->before));
	for (uint32_t i = 0; i < e->n_attrs; i++)
		fd->f->attr[e->attrs[i].attr] = symbols_text(fd->tl->symbols, e->attrs[i].sym);
}

static bool is_answer(enum event_type type)
{
	return type == EVENT_REPLIED || type == EVENT_ATTENDED || type == EVENT_ACKNOWLEDGED;
}

static void take_event(struct fold *fd, const struct hist *e)
{
	struct ticket_facts *f = fd->f;
	enum event_type type = e->type == EVENT_OPENED && f->opened ? EVENT_CHANGED : (enum event_type)e->type;
	struct event_bits b = { 1u << type, 1u << e->role, 1u << e->mode, e->is_private ? 1u : 2u, e->automated ? 2u : 1u };
	bool was_responded;

	/* Closed without resolved counts as resolved everywhere (rule 18). */
	if (type == EVENT_CLOSED && !f->resolved)
		b.types |= 1u << EVENT_RESOLVED;
	was_responded = response_ended(fd);
	set_attrs(fd, e);
	if (is_answer(type))
		stop_clocks(fd, &b, e->at);
	if (type == EVENT_REPLIED && e->role == ROLE_AGENT && !e->is_private && !e->automated)
		fd->responded = true;
	take_contract(fd);
	if (e->n_attrs > 0)
		retarget_all(fd, e->at);
	if (!is_answer(type))
		stop_clocks(fd, &b, e->at);
	change_life(fd, e, type);
	start_clocks(fd, &b, e->at, was_responded);
	pause_or_resume_all(fd, e->at);
	if (type == EVENT_OPENED) {
		f->opened = true;
		f->opened_at = e->at;
	}
	f->last_at = e->at;
}

static void pass_all(struct fold *fd, struct wall t)
{
	for (uint32_t i = 0; i < fd->n_tracks; i++)
		if (fd->tracks[i].clock != NULL)
			clock_pass(fd->tracks[i].clock, t);
}

static void pass_revision(struct fold *fd, const struct revision *r)
{
	pass_all(fd, r->from);
	if (!take_revision(fd, r->rules))
		return;
	update_tracks(fd);
	retarget_all(fd, r->from);
	pause_or_resume_all(fd, r->from);
}

static int by_metric_and_cycle(const void *x, const void *y)
{
	const struct clock *a = *(struct clock *const *)x, *b = *(struct clock *const *)y;

	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return a->cycle < b->cycle ? -1 : a->cycle > b->cycle;
}

/* They were started in this order, unless metrics took turns. */
static void put_in_order(const struct ticket_facts *f)
{
	for (uint32_t i = 1; i < f->n_clocks; i++)
		if (by_metric_and_cycle(&f->clocks[i - 1], &f->clocks[i]) > 0) {
			qsort(f->clocks, f->n_clocks, sizeof(struct clock *), by_metric_and_cycle);
			return;
		}
}

void ticket_facts_make(const struct timeline *tl, struct arena *a, struct ticket_facts *out)
{
	struct fold fd = { .tl = tl, .arena = a, .f = out };
	size_t rev = 1;

	*out = (struct ticket_facts){ .opened_at = WALL_NEVER, .resolved_at = WALL_NEVER, .over_at = WALL_NEVER, .last_at = WALL_PAST };
	out->rules = tl->n_events > 0 ? rules_at(tl, tl->events[0].at, &rev) : tl->revisions[0].rules;
	find_tracks(&fd);
	for (uint32_t i = 0; i < tl->n_events; i++) {
		const struct hist *e = &tl->events[i];

		for (; rev < tl->n_revisions && tl->revisions[rev].from.ms <= e->at.ms; rev++)
			pass_revision(&fd, &tl->revisions[rev]);
		pass_all(&fd, e->at);
		take_event(&fd, e);
	}
	for (; rev < tl->n_revisions && tl->revisions[rev].from.ms <= tl->until.ms; rev++)
		pass_revision(&fd, &tl->revisions[rev]);
	pass_all(&fd, tl->until);
	put_in_order(out);
}

const struct escalation *ticket_escalation(const struct ticket_facts *f)
{
	const struct contract *k = f->contract;

	for (size_t i = 0; k != NULL && i < k->n_escalations; i++)
		if (k->escalations[i].always || cond_fits_attrs(&k->escalations[i].when, f->attr))
			return k->escalations[i].escalation;
	return NULL;
}
