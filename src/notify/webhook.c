#include "notify/webhook.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "notify/flight.h"

#define MAX_IDLE 64      /* lines that are kept, of all endpoints */

struct webhook {
	struct flight       flight;
	struct endpoint    *to;
	webhook_done_fn    *fn;          /* the loop's; NULL: cancelled */
	void               *ctx;
	struct line_request rq;
	char               *body;        /* of it; owned */
	struct line        *line;        /* the thread's */
	struct answer       answer;
};

struct webhooks {
	struct flights *flights;
	/* the thread's */
	struct line    *idle[MAX_IDLE];  /* the one that was used last at the end */
	size_t          n_idle;
};

/* ---- the thread ---- */

static void drop_idle(struct webhooks *ws, size_t i)
{
	memmove(ws->idle + i, ws->idle + i + 1, (--ws->n_idle - i) * sizeof(ws->idle[0]));
}

static struct line *take_line(struct webhooks *ws, const struct endpoint *to, CURLcode *code_out)
{
	for (size_t i = ws->n_idle; i-- > 0;) {
		struct line *l = ws->idle[i];

		if (line_serial(l) == to->serial) {
			drop_idle(ws, i);
			return l;
		}
	}
	return line_create(to, code_out);
}

static void keep_line(struct webhooks *ws, struct line *l)
{
	/* Those of endpoints that are gone are used no more, so they come first. */
	if (ws->n_idle == MAX_IDLE) {
		line_destroy(ws->idle[0]);
		drop_idle(ws, 0);
	}
	ws->idle[ws->n_idle++] = l;
}

static CURL *begin(void *ctx, struct flight *fl)
{
	struct webhook *w = (struct webhook *)fl;
	CURLcode code = CURLE_OK;
	CURL *easy = NULL;

	w->line = take_line(ctx, w->to, &code);
	if (w->line != NULL)
		easy = line_write(w->line, w->to, &w->rq, &code);
	if (easy != NULL)
		return easy;
	line_destroy(w->line);
	w->answer = (struct answer){ .retry_after_ms = -1 };
	snprintf(w->answer.detail, sizeof(w->answer.detail), "libcurl refuses the request: %s", curl_easy_strerror(code));
	return NULL;
}

static void end(void *ctx, struct flight *fl, CURLcode code)
{
	struct webhook *w = (struct webhook *)fl;

	line_read(w->line, code, &w->answer);
	/* What a transfer that broke off has left in libcurl's handle is not found out with the next alert. */
	if (code == CURLE_OK)
		keep_line(ctx, w->line);
	else
		line_destroy(w->line);
}

/* ---- the loop ---- */

static void back(void *ctx, struct flight *fl)
{
	struct webhook *w = (struct webhook *)fl;

	(void)ctx;
	if (w->fn != NULL)
		w->fn(w->ctx, &w->answer);
	endpoint_unref(w->to);
	free(w->body);
	free(w);
}

struct webhook *webhook_start(struct webhooks *ws, const struct webhook_request *rq, webhook_done_fn *fn, void *ctx)
{
	struct webhook *w = xcalloc(1, sizeof(*w));

	w->to = endpoint_ref(rq->to);
	w->fn = fn;
	w->ctx = ctx;
	snprintf(w->rq.id, sizeof(w->rq.id), "%s", rq->id);
	w->rq.now = rq->now;
	w->rq.body = (struct str){ rq->body, rq->body_len };
	w->body = rq->body;
	flights_put(ws->flights, &w->flight);
	return w;
}

void webhooks_go(struct webhooks *ws)
{
	flights_go(ws->flights);
}

void webhook_cancel(struct webhooks *ws, struct webhook *w)
{
	w->fn = NULL;
	flights_cancel(ws->flights, &w->flight);
}

int64_t webhooks_busy_ms(const struct webhooks *ws)
{
	return flights_busy_ms(ws->flights);
}

/* ---- life ---- */

struct webhooks *webhooks_create(struct event_base *base)
{
	static const struct flight_ops ops = { begin, end, back };
	struct webhooks *ws = xcalloc(1, sizeof(*ws));

	ws->flights = flights_create(base, &ops, ws);
	if (ws->flights != NULL)
		return ws;
	free(ws);
	return NULL;
}

void webhooks_destroy(struct webhooks *ws)
{
	if (ws == NULL)
		return;
	flights_destroy(ws->flights);
	while (ws->n_idle > 0)
		line_destroy(ws->idle[--ws->n_idle]);
	free(ws);
}
