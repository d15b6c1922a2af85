/* What operators do to alerts that are settled: send them again, or let go of those that were given up. */
#include <stdlib.h>

#include "base/json_member.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "daemon/query.h"

struct handling {
	struct query         query;
	struct http_request *r;
	enum route           route;
	bool                 dead_only;      /* of what was given up */
	bool                 any, fits;      /* there is such an alert, and for that receiver */
	size_t               n_done, n_pending;
	struct buf           actor, receiver;
};

static void handling_destroy(struct handling *h)
{
	buf_finish(&h->actor);
	buf_finish(&h->receiver);
	free(h);
}

static void handle_row(struct daemon *d, struct handling *h, const struct delivery *row)
{
	bool again = h->route == ROUTE_RESEND;

	h->any = true;
	if (h->receiver.len != 0 && !str_eq(buf_str(&h->receiver), row->receiver))
		return;
	h->fits = true;
	if (row->state == DELIVERY_PENDING) {
		h->n_pending++;
		return;
	}
	h->n_done++;
	if (again)
		outbox_again(d, row, buf_str(&h->actor));
	else
		outbox_drop(d, row, buf_str(&h->actor));
	log_notice("api", again ? "resend" : "drop", "id=" STR_FMT " receiver=" STR_FMT " ticket=" STR_FMT "/" STR_FMT " by=%s", STR_ARG(row->id),
		   STR_ARG(row->receiver), STR_ARG(row->ns), STR_ARG(row->ticket), buf_cstr(&h->actor));
}

static void answer(const struct handling *h)
{
	struct buf b;
	struct json_out o = json_out(&b);

	buf_init(&b, 1024);
	json_begin_object(&o);
	json_put_number(&o, h->route == ROUTE_RESEND ? "resent" : "dropped", (int64_t)h->n_done);
	json_put_number(&o, "pending", (int64_t)h->n_pending);
	json_end_object(&o);
	api_reply_json(h->r, 200, &b);
	buf_finish(&b);
}

static void refuse(const struct daemon *d, struct handling *h)
{
	const char *given_up = h->dead_only ? " that was given up" : "";

	if (!h->any)
		api_refuse(h->r, 404, "There is no such alert%s.", given_up);
	else if (config_receiver(d->cfg, buf_str(&h->receiver)) == NULL)
		api_refuse(h->r, 404, "There is no receiver %s, and there was none for this alert.", buf_cstr(&h->receiver));
	else
		api_refuse(h->r, 404, "This alert has no delivery to the receiver %s%s.", buf_cstr(&h->receiver), given_up);
}

static void on_row(struct daemon *d, struct query *q, const struct store_done *done)
{
	struct handling *h = (struct handling *)q;

	if (done->delivery != NULL)
		handle_row(d, h, done->delivery);
	if (!done->last)
		return;
	if (done->err != ERR_OK)
		api_refuse(h->r, 503, "The store cannot answer: %s; the log says more.", err_name(done->err));
	else if (!h->fits)
		refuse(d, h);
	else
		answer(h);
	handling_destroy(h);
}

static void begin(struct daemon *d, const struct api_call *c, bool dead_only)
{
	struct store_filter f = { .id = c->name, .dead_only = dead_only, .limit = STORE_MAX_ROWS };
	struct handling *h;

	if (d->opt.dry_run || d->phase != PHASE_RUNNING) {
		api_refuse(c->r, d->opt.dry_run ? 409 : 503, d->opt.dry_run ? "This is a dry run: nothing is sent." : "plazod is not running.");
		return;
	}
	h = xcalloc(1, sizeof(*h));
	h->query.fn = on_row;
	h->r = c->r;
	h->route = c->route;
	h->dead_only = dead_only;
	buf_init(&h->actor, EVENT_MAX_NAME);
	buf_init(&h->receiver, 1024);
	api_actor(d, c->r, &h->actor);
	(void)api_param(c->r, "receiver", &h->receiver);
	if (store_list_deliveries(d->store, &f, query_cookie(&h->query)) == ERR_OK)
		return;
	api_refuse(c->r, 503, "The store has no room for questions at the moment.");
	handling_destroy(h);
}

void api_resend(struct daemon *d, const struct api_call *c)
{
	begin(d, c, api_flag(c->r, "failed"));
}

void api_drop(struct daemon *d, const struct api_call *c)
{
	begin(d, c, true);
}
