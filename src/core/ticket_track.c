#include "ticket_track.h"

#include "cond.h"

/* ---- what holds for a clock at present ---- */

const struct target *metric_target(const struct metric *m, const struct str attr[ATTR_N_RULES])
{
	for (size_t i = 0; i < m->n_targets; i++) {
		const struct target *t = &m->targets[i];

		if (t->always || cond_fits_attrs(&t->when, attr))
			return t->span.kind == SPAN_NONE ? NULL : t;
	}
	return NULL;
}

/* Of the target, the metric, the site, the contract (in which the policy's and the defaults' are folded). */
static ALWAYS_INLINE const struct calendar *choose_calendar(const struct fold *fd, const struct metric *m, const struct target *t)
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

void track_retarget(struct fold *fd, struct track *tr, struct wall t)
{
	const struct contract *k = fd->f->contract;
	const struct target *target;

	if (tr->clock == NULL || k == NULL)
		return;
	target = tr->present ? metric_target(tr->metric, fd->f->attr) : NULL;
	tr->clock->boundary = k->boundary;
	clock_retarget(tr->clock, t, target, choose_calendar(fd, tr->metric, target), k->on_change);
}

void tracks_retarget(struct fold *fd, struct wall t, uint32_t changed)
{
	bool all = (changed & (1u << ATTR_CONTRACT | 1u << ATTR_SITE)) != 0;

	if (!all && !(changed & fd->watch.target_attrs))
		return;
	for (uint32_t i = 0; i < fd->n_tracks; i++)
		if (all || changed & fd->tracks[i].metric->watch.target_attrs)
			track_retarget(fd, &fd->tracks[i], t);
}

static struct why describe(const struct fold *fd, const struct cond *c)
{
	enum attr a;

	if (c->n_attrs == 0)
		return (struct why){ NULL, { NULL, 0 } };
	a = c->attrs[0].attr;
	return (struct why){ attr_names[a], fd->f->attr[a] };
}

static bool is_held(const struct metric *m, const struct str attr[ATTR_N_RULES])
{
	return m->hold.n > 0 && conds_fit_attrs(&m->hold, attr) == NULL;
}

bool metric_stands(const struct metric *m, const struct str attr[ATTR_N_RULES])
{
	return conds_fit_attrs(&m->pause, attr) != NULL || is_held(m, attr);
}

static void pause_or_resume(struct fold *fd, struct track *tr, struct wall t)
{
	const struct cond *pause;

	if (!track_runs(tr))
		return;
	pause = conds_fit_attrs(&tr->metric->pause, fd->f->attr);
	if (pause != NULL)
		clock_pause(tr->clock, t, SEG_PAUSED, describe(fd, pause));
	else if (is_held(tr->metric, fd->f->attr))
		clock_pause(tr->clock, t, SEG_HELD, (struct why){ NULL, { NULL, 0 } });
	else if (tr->clock->phase == PHASE_PAUSED)
		clock_resume(tr->clock, t);
}

void tracks_pause_or_resume(struct fold *fd, struct wall t)
{
	if (!fd->fresh && !(fd->changed & fd->watch.pause_attrs))
		return;
	for (uint32_t i = 0; i < fd->n_tracks; i++) {
		struct track *tr = &fd->tracks[i];

		if (tr->fresh || fd->changed & tr->metric->watch.pause_attrs)
			pause_or_resume(fd, tr, t);
		tr->fresh = false;
	}
	fd->fresh = false;
}

void track_start(struct fold *fd, struct track *tr, struct wall t)
{
	struct ticket_facts *f = fd->f;
	const struct contract *k = f->contract != NULL ? f->contract : fd->first;
	const struct target *target = tr->present ? metric_target(tr->metric, f->attr) : NULL;
	const struct calendar *cal = choose_calendar(fd, tr->metric, target);
	struct clock *c = clock_start(fd->arena, tr->metric, k->boundary, cal, f->contract != NULL ? target : NULL, t);
	uint32_t cycle = tr->clock != NULL ? tr->clock->cycle + 1 : 1;

	if (f->n_clocks == fd->cap_clocks) {
		uint32_t cap = fd->cap_clocks ? fd->cap_clocks * 2 : 8;

		f->clocks = arena_grow(fd->arena, f->clocks, fd->cap_clocks, cap, sizeof(struct clock *));
		fd->cap_clocks = cap;
	}
	c->cycle = cycle;
	c->order = (uint32_t)(tr - fd->tracks);
	f->clocks[f->n_clocks++] = c;
	tr->clock = c;
	tr->fresh = fd->fresh = true;
}

/* ---- contracts and their metrics ---- */

static void take_metric(struct fold *fd, struct track *tr, const struct metric *m)
{
	tr->metric = m;
	fd->watch.start |= m->watch.start;
	fd->watch.stop |= m->watch.stop;
	fd->watch.pause_attrs |= m->watch.pause_attrs;
	fd->watch.target_attrs |= m->watch.target_attrs;
}

/* The contract's metric of the same name. */
static const struct metric *find_metric(const struct contract *k, const struct metric *m)
{
	for (size_t i = 0; k != NULL && i < k->n_metrics; i++)
		if (strcmp(k->metrics[i].name, m->name) == 0)
			return &k->metrics[i];
	return NULL;
}

void tracks_update(struct fold *fd)
{
	/* Most tickets have one contract under one revision. */
	bool alone = !fd->several && fd->f->contract == fd->first;

	for (uint32_t i = 0; i < fd->n_tracks; i++) {
		struct track *tr = &fd->tracks[i];
		const struct metric *m = alone ? tr->metric : find_metric(fd->f->contract, tr->metric);

		tr->present = m != NULL;
		if (m == NULL)
			continue;
		tr->fresh = fd->fresh = true;
		if (m == tr->metric)
			continue;
		take_metric(fd, tr, m);
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

/* What comes later has a past to count from. */
void tracks_add(struct fold *fd, const struct contract *k)
{
	uint32_t n = fd->n_tracks;

	if (k == NULL || k == fd->latest)
		return;
	if (fd->first == NULL)
		fd->first = k;
	fd->several = k != fd->first || fd->several;
	fd->latest = k;
	fd->tracks = arena_grow(fd->arena, fd->tracks, n, n + k->n_metrics, sizeof(*fd->tracks));
	/* The names within one contract differ. */
	for (size_t i = 0; i < k->n_metrics; i++)
		if (!has_track(fd, n, k->metrics[i].name))
			take_metric(fd, &fd->tracks[fd->n_tracks++], &k->metrics[i]);
}
