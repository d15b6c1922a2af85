/* What looks at every ticket in memory: the list, and what fires next. In slices, so that timers and events do not wait for it. */
#include <stdlib.h>

#include <event2/event.h>

#include "base/json.h"
#include "base/now.h"
#include "base/xalloc.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "web/ticket_json.h"

#define SLICE_MS     5
#define SLICE        16          /* tickets between two looks at the time */
#define LIST_USUAL   100
#define LIST_MAX     1000
#define NEXT_USUAL   20
#define NEXT_MAX     1000

/* What is kept of what was seen: its place in the order is (at, ns, ticket), of steps of one ticket and instant their text. */
struct pick {
	struct wall at;            /* of the list by name 0, of the list by due time the most urgent clock's, of a step its own */
	struct str  ns, ticket;
	struct str  json;          /* of a step; a ticket is looked at again when it is written */
};

enum order { BY_NAME, BY_DUE, STEPS };

struct scan {
	struct daemon       *d;
	struct http_request *r;
	struct event        *timer;
	struct arena        *kept_in, *view_in;
	enum order           order;
	uint32_t             at;             /* engine_walk() */
	bool                 walked;
	struct pick         *picks, after, bound;
	size_t               n, i, limit;    /* of picks there is room for twice (limit + 1): one more tells whether there are more */
	bool                 has_after, has_bound, at_risk;
	struct str           contract, ns;
	struct buf           params, body, item;
	struct json_out      out;
};

static int pick_cmp(const void *a, const void *b)
{
	const struct pick *x = a, *y = b;
	int c = x->at.ms != y->at.ms ? (x->at.ms < y->at.ms ? -1 : 1) : str_cmp(x->ns, y->ns);

	if (c == 0)
		c = str_cmp(x->ticket, y->ticket);
	return c != 0 ? c : str_cmp(x->json, y->json);
}

static void scan_end(struct scan *s)
{
	event_free(s->timer);
	arena_destroy(s->kept_in);
	arena_destroy(s->view_in);
	free(s->picks);
	buf_finish(&s->params);
	buf_finish(&s->body);
	buf_finish(&s->item);
	free(s);
}

/* ---- the first so many of all there are, without sorting all ---- */

static bool fits(const struct scan *s, const struct pick *p)
{
	return (!s->has_after || pick_cmp(&s->after, p) < 0) && (!s->has_bound || pick_cmp(p, &s->bound) < 0);
}

static void sort_picks(struct scan *s)
{
	qsort(s->picks, s->n, sizeof(*s->picks), pick_cmp);
	if (s->n <= s->limit)
		return;
	s->n = s->limit + 1;
	s->bound = s->picks[s->limit];
	s->has_bound = true;
}

static void keep(struct scan *s, const struct pick *p)
{
	if (s->n == 2 * (s->limit + 1))
		sort_picks(s);
	s->picks[s->n++] = (struct pick){ p->at, arena_str(s->kept_in, p->ns), arena_str(s->kept_in, p->ticket), arena_str(s->kept_in, p->json) };
}

/* ---- one ticket ---- */

static void keep_steps(struct scan *s, const struct ticket_view *v)
{
	for (size_t i = 0; i < v->n_clocks; i++) {
		struct pick p = { .at = v->clocks[i].next_at, .ns = v->ns, .ticket = v->ticket };
		struct json_out o = json_out(&s->item);

		if (wall_is_never(p.at) || (s->has_bound && wall_before(s->bound.at, p.at)))
			continue;
		buf_reset(&s->item);
		next_json(&o, v, &v->clocks[i]);
		p.json = buf_str(&s->item);
		keep(s, &p);
	}
}

static void look_at(struct scan *s, struct str ns, struct str ticket)
{
	struct pick p = { .ns = ns, .ticket = ticket };
	struct ticket_view v;

	/* By name it is mostly known without a look at the ticket. */
	if ((s->ns.len > 0 && !str_eq(ns, s->ns)) || (s->order == BY_NAME && !fits(s, &p)))
		return;
	arena_reset(s->view_in);
	if (!engine_view(s->d->engine, ns, ticket, s->d->now, s->view_in, &v))
		return;
	if (s->order == STEPS) {
		keep_steps(s, &v);
		return;
	}
	if ((s->contract.len > 0 && !str_eq(v.contract, s->contract)) || (s->at_risk && !ticket_at_risk(&v, s->d->now)))
		return;
	p = (struct pick){ .at = s->order == BY_DUE ? ticket_due(&v) : (struct wall){ 0 }, .ns = v.ns, .ticket = v.ticket };
	if (fits(s, &p))
		keep(s, &p);
}

/* ---- all of them ---- */

/* Some tickets; false when there are no more. */
static bool walk_some(struct scan *s)
{
	struct str ns, ticket;

	for (int i = 0; i < SLICE; i++) {
		uint32_t n = engine_walk(s->d->engine, s->at, &ns, &ticket);

		if (n == ENGINE_NO_TICKET)
			return false;
		s->at = n + 1;
		look_at(s, ns, ticket);
	}
	return true;
}

static void put_pick(struct scan *s, const struct pick *p)
{
	struct ticket_view v;

	arena_reset(s->view_in);
	if (s->order == STEPS)
		json_put_raw(&s->out, p->json);
	else if (p > s->picks && pick_cmp(p - 1, p) == 0)
		return;                                 /* it left memory and came back, behind where the walk was */
	else if (engine_view(s->d->engine, p->ns, p->ticket, s->d->now, s->view_in, &v))
		ticket_json(&s->out, &v);
}

/* Likewise of what was kept. */
static bool put_some(struct scan *s)
{
	for (int i = 0; i < SLICE && s->i < s->n && s->i < s->limit; i++, s->i++)
		put_pick(s, &s->picks[s->i]);
	return s->i < s->n && s->i < s->limit;
}

static void put_after(struct scan *s)
{
	const struct pick *last = s->n > s->limit ? &s->picks[s->limit - 1] : NULL;
	char at[WALL_TEXT_LEN];
	struct buf after;

	buf_init(&after, 1024);
	if (last != NULL && s->order == BY_DUE)
		buf_printf(&after, "%s/", wall_format(last->at, at));
	if (last != NULL)
		buf_printf(&after, STR_FMT "/" STR_FMT, STR_ARG(last->ns), STR_ARG(last->ticket));
	json_put_text(&s->out, "after", buf_str(&after));
	buf_finish(&after);
}

static bool scan_some(struct scan *s)
{
	if (s->walked)
		return put_some(s);
	if (walk_some(s))
		return true;
	sort_picks(s);
	s->walked = true;
	return true;
}

static void scan_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct scan *s = ctx;
	struct mono began = mono_now();

	(void)fd;
	(void)what;
	daemon_now(s->d);
	while (scan_some(s))
		if (mono_now().ms - began.ms >= SLICE_MS) {
			event_add(s->timer, &(struct timeval){ 0 });
			return;
		}
	json_end_array(&s->out);
	if (s->order != STEPS)
		put_after(s);
	json_end_object(&s->out);
	api_reply_json(s->r, 200, &s->body);
	scan_end(s);
}

static struct str param(struct scan *s, const char *name)
{
	struct str v = { NULL, 0 };

	buf_reset(&s->params);
	if (api_param(s->r, name, &s->params))
		v = arena_str(s->kept_in, buf_str(&s->params));
	return v;
}

static struct scan *scan_create(struct daemon *d, struct http_request *r, uint32_t limit)
{
	struct scan *s = xcalloc(1, sizeof(*s));

	s->d = d;
	s->r = r;
	s->limit = limit;
	s->picks = xcalloc(2 * ((size_t)limit + 1), sizeof(*s->picks));
	s->kept_in = arena_create();
	s->view_in = arena_create();
	s->timer = evtimer_new(d->base, scan_turn, s);
	buf_init(&s->params, 1024);
	buf_init(&s->body, API_BODY_MAX);
	buf_init(&s->item, 64u << 10);
	s->out = json_out(&s->body);
	json_begin_object(&s->out);
	return s;
}

static void scan_start(struct scan *s, const char *list)
{
	json_put_key(&s->out, list);
	json_begin_array(&s->out);
	scan_turn(-1, 0, s);
}

/* Where the last page ended: false when this is no such place. */
static bool read_after(struct scan *s)
{
	struct str rest = param(s, "after"), due;

	s->has_after = rest.len > 0;
	if (!s->has_after)
		return true;
	if (s->order == BY_DUE) {
		(void)str_cut(&rest, '/', &due);
		if (str_eqz(due, "never"))
			s->after.at = WALL_NEVER;
		else if (wall_parse(due, &s->after.at, NULL) != ERR_OK)
			return false;
	}
	s->after.ticket = rest;
	return str_cut(&s->after.ticket, '/', &s->after.ns);
}

void api_tickets(struct daemon *d, const struct api_call *c)
{
	struct scan *s = scan_create(d, c->r, api_limit(c->r, LIST_USUAL, LIST_MAX));
	struct str order = param(s, "order");

	s->order = str_eqz(order, "due") ? BY_DUE : BY_NAME;
	s->contract = param(s, "contract");
	s->ns = param(s, "namespace");
	s->at_risk = api_flag(c->r, "at_risk");
	if (order.len > 0 && s->order == BY_NAME && !str_eqz(order, "name")) {
		api_refuse(c->r, 400, "`order` is due or name.");
		scan_end(s);
	} else if (!read_after(s)) {
		api_refuse(c->r, 400, "`after` is %sNAMESPACE/ID, as the last page of this order said.", s->order == BY_DUE ? "DUE/" : "");
		scan_end(s);
	} else {
		scan_start(s, "tickets");
	}
}

void api_next(struct daemon *d, const struct api_call *c)
{
	struct scan *s = scan_create(d, c->r, api_limit(c->r, NEXT_USUAL, NEXT_MAX));

	s->order = STEPS;
	scan_start(s, "next");
}
