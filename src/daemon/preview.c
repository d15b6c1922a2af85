#include "daemon/preview.h"

#include <stdlib.h>

#include "base/json_member.h"
#include "base/now.h"
#include "base/xalloc.h"
#include "daemon/daemon.h"

#define SLICE 16              /* tickets between two looks at the time */

struct preview {
	struct daemon  *d;
	struct rules   *rules;
	struct arena   *arena;         /* of one ticket */
	uint32_t        at, limit;
	size_t          n_seen, n_moved, n_told, n_breaches;
	struct buf      moves;
	struct json_out out;
	bool            ended;
};

struct preview *preview_create(struct daemon *d, struct rules *rules, uint32_t limit)
{
	struct preview *p = xcalloc(1, sizeof(*p));

	*p = (struct preview){ .d = d, .rules = rules, .arena = arena_create(), .limit = limit };
	rules->from = wall_plus(wall_max(d->now, engine_rules(d->engine)->from), 1);
	buf_init(&p->moves, 16u << 20);
	p->out = json_out(&p->moves);
	json_begin_array(&p->out);
	return p;
}

void preview_destroy(struct preview *p)
{
	if (p == NULL)
		return;
	arena_destroy(p->arena);
	buf_finish(&p->moves);
	free(p);
}

/* ---- one clock ---- */

static const struct clock_view *same_clock(const struct ticket_view *v, const struct clock_view *c)
{
	for (size_t i = 0; i < v->n_clocks; i++)
		if (v->clocks[i].cycle == c->cycle && str_eq(v->clocks[i].metric, c->metric))
			return &v->clocks[i];
	return NULL;
}

/* NULL when nothing moves. Clocks that have stopped are asked nothing by a reload. */
static const char *why_moved(const struct clock_view *was, const struct clock_view *is, struct arena *a)
{
	if (was == NULL)
		return wall_is_never(is->stopped) ? "newly promised" : NULL;
	if (!wall_is_never(was->stopped))
		return NULL;
	if (is == NULL || !wall_is_never(is->stopped) || str_eqz(is->target, "none"))
		return "no longer promised";
	if (!str_eq(was->target, is->target))
		return arena_printf(a, "the target is " STR_FMT ", was " STR_FMT, STR_ARG(is->target), STR_ARG(was->target));
	return was->due.ms != is->due.ms ? "the same target in other hours, or with other pauses" : NULL;
}

static void tell(struct preview *p, const struct ticket_view *v, const struct clock_view *was, const struct clock_view *is)
{
	const struct clock_view *c = is != NULL ? is : was;
	const char *why = why_moved(was, is, p->arena);
	bool breach = is != NULL && is->breached && (was == NULL || !was->breached);
	struct json_out *o = &p->out;

	if (why == NULL)
		return;
	p->n_moved++;
	p->n_breaches += breach;
	if (p->n_told == p->limit)
		return;
	p->n_told++;
	json_begin_object(o);
	json_put_text(o, "namespace", v->ns);
	json_put_text(o, "ticket", v->ticket);
	json_put_text(o, "contract", v->contract);
	json_put_text(o, "metric", c->metric);
	json_put_number(o, "cycle", c->cycle);
	json_put_instant(o, "from", was != NULL ? was->due : WALL_NEVER);
	json_put_instant(o, "to", is != NULL && wall_is_never(is->stopped) ? is->due : WALL_NEVER);
	json_put_flag(o, "breach", breach);
	json_put_text(o, "why", str_of(why));
	json_end_object(o);
}

/* ---- one ticket ---- */

static void look_at(struct preview *p, struct str ns, struct str ticket)
{
	struct ticket_view was, is;

	arena_reset(p->arena);
	p->n_seen++;
	if (!engine_view(p->d->engine, ns, ticket, p->rules->from, p->arena, &was) ||
	    !engine_preview(p->d->engine, p->rules, ns, ticket, p->arena, &is))
		return;
	for (size_t i = 0; i < was.n_clocks; i++)
		tell(p, &was, &was.clocks[i], same_clock(&is, &was.clocks[i]));
	for (size_t i = 0; i < is.n_clocks; i++)
		if (same_clock(&was, &is.clocks[i]) == NULL)
			tell(p, &is, NULL, &is.clocks[i]);
}

bool preview_step(struct preview *p, int64_t ms)
{
	struct mono began = mono_now();
	struct str ns, ticket;

	do {
		for (int i = 0; i < SLICE; i++) {
			uint32_t n = engine_walk(p->d->engine, p->at, &ns, &ticket);

			if (n == ENGINE_NO_TICKET)
				return false;
			p->at = n + 1;
			look_at(p, ns, ticket);
		}
	} while (mono_now().ms - began.ms < ms);
	return true;
}

void preview_put(struct preview *p, struct json_out *o)
{
	struct engine_stats st;

	if (!p->ended)
		json_end_array(&p->out);
	p->ended = true;
	engine_stats(p->d->engine, &st);
	json_put_key(o, "moves");
	json_put_raw(o, buf_str(&p->moves));
	json_put_number(o, "moved", (int64_t)p->n_moved);
	json_put_number(o, "more", (int64_t)(p->n_moved - p->n_told));
	json_put_number(o, "breaches", (int64_t)p->n_breaches);
	json_put_number(o, "looked_at", (int64_t)p->n_seen);
	json_put_number(o, "tickets", (int64_t)st.n_tickets);
}
