/* One ticket, why its clocks are where they are, and what was sent. */
#include <stdlib.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "daemon/lookup.h"
#include "web/ticket_json.h"

#define DELIVERIES_USUAL 100

/* ---- tickets ---- */

static void show_ticket(struct daemon *d, struct lookup *l)
{
	struct ticket_view v;
	struct buf b;
	struct json_out o = json_out(&b);

	if (!lookup_enter(d, l))
		return;
	buf_init(&b, API_BODY_MAX);
	if (engine_view(d->engine, l->ns, l->ticket, d->now, l->arena, &v))
		ticket_json(&o, &v);
	lookup_leave(d, l);
	api_reply_json(l->r, 200, &b);
	buf_finish(&b);
}

void api_ticket(struct daemon *d, const struct api_call *c)
{
	lookup_start(d, c, show_ticket);
}

static void put_stretch(void *ctx, const struct stretch *s)
{
	stretch_json(ctx, s);
}

static void show_stretches(struct daemon *d, struct lookup *l)
{
	struct ticket_view v = { 0 };
	struct buf b;
	struct json_out o = json_out(&b);

	if (!lookup_enter(d, l))
		return;
	buf_init(&b, API_BODY_MAX);
	json_begin_object(&o);
	json_put_text(&o, "namespace", l->ns);
	json_put_text(&o, "ticket", l->ticket);
	json_put_key(&o, "stretches");
	json_begin_array(&o);
	(void)engine_explain(d->engine, l->ns, l->ticket, d->now, put_stretch, &o);
	json_end_array(&o);
	(void)engine_view(d->engine, l->ns, l->ticket, d->now, l->arena, &v);
	acts_json(&o, &v);
	json_end_object(&o);
	lookup_leave(d, l);
	api_reply_json(l->r, 200, &b);
	buf_finish(&b);
}

void api_explain(struct daemon *d, const struct api_call *c)
{
	lookup_start(d, c, show_stretches);
}

/* ---- deliveries ---- */

struct listing {
	struct query         query;
	struct http_request *r;
	struct buf           body;
	struct json_out      out;
};

static void delivery_json(struct json_out *o, const struct delivery *v)
{
	json_begin_object(o);
	json_put_text(o, "id", v->id);
	json_put_text(o, "receiver", v->receiver);
	json_put_text(o, "type", v->type);
	json_put_text(o, "namespace", v->ns);
	json_put_text(o, "ticket", v->ticket);
	json_put_instant(o, "at", v->at);
	json_put_instant(o, "due", v->due);
	json_put_instant(o, "created", v->created);
	json_put_text(o, "state", str_of(delivery_state_names[v->state]));
	json_put_number(o, "attempts", v->attempts);
	json_put_instant(o, "next", v->state == DELIVERY_PENDING ? v->next : WALL_NEVER);
	json_put_number(o, "status", v->status);
	json_put_text(o, "detail", v->detail);
	json_put_instant(o, "settled", v->settled);
	json_put_key(o, "alert");
	if (v->body.len > 0)
		json_put_raw(o, v->body);
	else
		json_put_null(o);
	json_end_object(o);
}

static void on_delivery(struct daemon *d, struct query *q, const struct store_done *done)
{
	struct listing *l = (struct listing *)q;

	(void)d;
	if (done->delivery != NULL)
		delivery_json(&l->out, done->delivery);
	if (!done->last)
		return;
	json_end_array(&l->out);
	json_end_object(&l->out);
	if (done->err != ERR_OK)
		api_refuse(l->r, 503, "The store cannot answer: %s; the log says more.", err_name(done->err));
	else
		api_reply_json(l->r, 200, &l->body);
	buf_finish(&l->body);
	free(l);
}

static void list(struct daemon *d, struct http_request *r, const struct store_filter *f)
{
	struct listing *l = xcalloc(1, sizeof(*l));

	l->query.fn = on_delivery;
	l->r = r;
	buf_init(&l->body, API_BODY_MAX);
	l->out = json_out(&l->body);
	json_begin_object(&l->out);
	json_put_key(&l->out, "deliveries");
	json_begin_array(&l->out);
	if (store_list_deliveries(d->store, f, query_cookie(&l->query)) == ERR_OK)
		return;
	api_refuse(r, 503, "The store has no room for questions at the moment.");
	buf_finish(&l->body);
	free(l);
}

static void list_of_ticket(struct daemon *d, struct lookup *l)
{
	list(d, l->r, &(struct store_filter){ .ns = l->ns, .ticket = l->ticket, .dead_only = api_flag(l->r, "dead"),
					      .failed = api_flag(l->r, "failed"), .limit = api_limit(l->r, DELIVERIES_USUAL, STORE_MAX_ROWS) });
}

void api_deliveries(struct daemon *d, const struct api_call *c)
{
	struct store_filter f = { .dead_only = api_flag(c->r, "dead"), .failed = api_flag(c->r, "failed"),
				  .limit = api_limit(c->r, DELIVERIES_USUAL, STORE_MAX_ROWS) };
	struct api_call of = *c;
	struct buf b;

	buf_init(&b, 1024);
	if (api_param(c->r, "ticket", &b)) {
		of.name = buf_str(&b);
		lookup_start(d, &of, list_of_ticket);
	} else {
		buf_reset(&b);
		if (api_param(c->r, "id", &b))
			f.id = buf_str(&b);
		list(d, c->r, &f);
	}
	buf_finish(&b);
}
