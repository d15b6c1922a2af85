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
#define LIST_USUAL   100
#define LIST_MAX     1000
#define NEXT_USUAL   20
#define NEXT_MAX     1000

struct name { struct str ns, ticket; };

/* The `limit` earliest steps so far, in order. */
struct upcoming {
	struct wall at;
	struct str  json;
};

struct scan {
	struct daemon       *d;
	struct http_request *r;
	struct event        *timer;
	struct arena        *names_in, *view_in;
	struct name         *names;          /* sorted */
	size_t               n, cap, i;
	uint32_t             limit, n_out;
	bool                 at_risk, is_next;
	struct str           contract, ns, after_ns, after_ticket;
	struct buf           params, body, item;
	struct json_out      out;
	struct upcoming     *next;
	struct str           last_ns, last_ticket;
};

static int name_cmp(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int c = str_cmp(x->ns, y->ns);

	return c != 0 ? c : str_cmp(x->ticket, y->ticket);
}

static bool add_name(void *ctx, struct str ns, struct str ticket)
{
	struct scan *s = ctx;
	struct name after = { s->after_ns, s->after_ticket }, this = { ns, ticket };

	if ((s->ns.len > 0 && !str_eq(ns, s->ns)) || (after.ticket.len > 0 && name_cmp(&this, &after) <= 0))
		return true;
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 1024;
		s->names = xreallocarray(s->names, s->cap, sizeof(*s->names));
	}
	s->names[s->n++] = (struct name){ arena_str(s->names_in, ns), arena_str(s->names_in, ticket) };
	return true;
}

static void scan_end(struct scan *s)
{
	event_free(s->timer);
	arena_destroy(s->names_in);
	arena_destroy(s->view_in);
	free(s->names);
	free(s->next);
	buf_finish(&s->params);
	buf_finish(&s->body);
	buf_finish(&s->item);
	free(s);
}

/* ---- one ticket ---- */

static void keep_upcoming(struct scan *s, const struct ticket_view *v, const struct clock_view *c)
{
	size_t at = s->n_out;
	struct json_out o;

	if (s->n_out == s->limit && !wall_before(c->next_at, s->next[s->n_out - 1].at))
		return;
	buf_reset(&s->item);
	o = json_out(&s->item);
	next_json(&o, v, c);
	if (s->n_out < s->limit)
		s->n_out++;
	else
		at = s->n_out - 1;
	for (; at > 0 && wall_before(c->next_at, s->next[at - 1].at); at--)
		s->next[at] = s->next[at - 1];
	s->next[at] = (struct upcoming){ c->next_at, arena_str(s->names_in, buf_str(&s->item)) };
}

static void look_at(struct scan *s, const struct name *name)
{
	struct ticket_view v;

	arena_reset(s->view_in);
	if (!engine_view(s->d->engine, name->ns, name->ticket, s->d->now, s->view_in, &v))
		return;                                 /* gone since the names were taken */
	if (s->is_next) {
		for (size_t i = 0; i < v.n_clocks; i++)
			if (!wall_is_never(v.clocks[i].next_at))
				keep_upcoming(s, &v, &v.clocks[i]);
		return;
	}
	if ((s->contract.len > 0 && !str_eq(v.contract, s->contract)) || (s->at_risk && !ticket_at_risk(&v, s->d->now)))
		return;
	ticket_json(&s->out, &v);
	s->n_out++;
	s->last_ns = name->ns;
	s->last_ticket = name->ticket;
}

/* ---- all of them ---- */

static void end_list(struct scan *s)
{
	struct buf after;

	json_end_array(&s->out);
	buf_init(&after, 1024);
	if (s->i < s->n)
		buf_printf(&after, STR_FMT "/" STR_FMT, STR_ARG(s->last_ns), STR_ARG(s->last_ticket));
	json_put_text(&s->out, "after", buf_str(&after));
	buf_finish(&after);
}

static void end_next(struct scan *s)
{
	for (uint32_t i = 0; i < s->n_out; i++)
		json_put_raw(&s->out, s->next[i].json);
	json_end_array(&s->out);
}

static void scan_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct scan *s = ctx;
	struct mono began = mono_now();

	(void)fd;
	(void)what;
	daemon_now(s->d);
	while (s->i < s->n && (s->is_next || s->n_out < s->limit)) {
		look_at(s, &s->names[s->i++]);
		if (s->i % 16 == 0 && mono_now().ms - began.ms >= SLICE_MS) {
			event_add(s->timer, &(struct timeval){ 0 });
			return;
		}
	}
	if (s->is_next)
		end_next(s);
	else
		end_list(s);
	json_end_object(&s->out);
	api_reply_json(s->r, 200, &s->body);
	scan_end(s);
}

static struct str param(struct scan *s, const char *name)
{
	struct str v = { NULL, 0 };

	buf_reset(&s->params);
	if (api_param(s->r, name, &s->params))
		v = arena_str(s->names_in, buf_str(&s->params));
	return v;
}

static struct scan *scan_create(struct daemon *d, struct http_request *r, uint32_t limit)
{
	struct scan *s = xcalloc(1, sizeof(*s));

	s->d = d;
	s->r = r;
	s->limit = limit;
	s->names_in = arena_create();
	s->view_in = arena_create();
	s->timer = evtimer_new(d->base, scan_turn, s);
	buf_init(&s->params, 1024);
	buf_init(&s->body, API_BODY_MAX);
	buf_init(&s->item, 64u << 10);
	s->out = json_out(&s->body);
	json_begin_object(&s->out);
	return s;
}

static void scan_start(struct scan *s)
{
	engine_each(s->d->engine, add_name, s);
	if (!s->is_next && s->n > 0)
		qsort(s->names, s->n, sizeof(*s->names), name_cmp);
	json_begin_array(&s->out);
	scan_turn(-1, 0, s);
}

void api_tickets(struct daemon *d, const struct api_call *c)
{
	struct scan *s = scan_create(d, c->r, api_limit(c->r, LIST_USUAL, LIST_MAX));

	s->contract = param(s, "contract");
	s->ns = param(s, "namespace");
	s->at_risk = api_flag(c->r, "at_risk");
	s->after_ticket = param(s, "after");
	if (s->after_ticket.len > 0 && !str_cut(&s->after_ticket, '/', &s->after_ns)) {
		api_refuse(c->r, 400, "`after` is NAMESPACE/ID, as the last page said.");
		scan_end(s);
		return;
	}
	json_put_key(&s->out, "tickets");
	scan_start(s);
}

void api_next(struct daemon *d, const struct api_call *c)
{
	struct scan *s = scan_create(d, c->r, api_limit(c->r, NEXT_USUAL, NEXT_MAX));

	s->is_next = true;
	s->next = xcalloc(s->limit, sizeof(*s->next));
	json_put_key(&s->out, "next");
	scan_start(s);
}
