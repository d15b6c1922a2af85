#include "daemon/tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "daemon/daemon.h"

#define WAIT_MAX_S 55          /* proxies cut what is silent for a minute */
#define REPLY_MAX  (4u << 20)

struct tail_waiter {
	struct tail_waiter  *next;
	struct daemon       *d;
	struct http_request *request;
	struct event        *timer;
	uint64_t             after;
};

void tail_init(struct tail *t)
{
	*t = (struct tail){ .next = 1 };
}

void tail_finish(struct tail *t)
{
	for (size_t i = 0; i < TAIL_ENTRIES; i++)
		free(t->lines[i]);
}

/* ---- entries ---- */

static void begin(struct daemon *d, struct json_out *o, const char *what)
{
	char text[WALL_TEXT_LEN];

	json_begin_object(o);
	json_put_key(o, "seq");
	json_put_i64(o, (int64_t)d->tail.next);
	json_put_key(o, "at");
	json_put_z(o, wall_format(d->now, text));
	json_put_key(o, "what");
	json_put_z(o, what);
}

static void add(struct daemon *d, struct buf *line)
{
	struct tail *t = &d->tail;
	char **place = &t->lines[t->next % TAIL_ENTRIES];
	char *text;
	size_t len;

	buf_putc(line, '\n');
	text = buf_take(line, &len);
	if (text == NULL)
		return;
	free(*place);
	*place = text;
	t->next++;
}

void tail_alert(struct daemon *d, struct str body)
{
	struct buf b;
	struct json_out o = json_out(&b);

	buf_init(&b, 128u << 10);
	begin(d, &o, "alert");
	json_put_key(&o, "alert");
	json_put_raw(&o, body);
	json_end_object(&o);
	add(d, &b);
	buf_finish(&b);
}

void tail_delivery(struct daemon *d, const struct notify_result *r)
{
	struct buf b;
	struct json_out o = json_out(&b);

	buf_init(&b, 128u << 10);
	begin(d, &o, "delivery");
	json_put_key(&o, "id");
	json_put_z(&o, r->alert_id);
	json_put_key(&o, "receiver");
	json_put_z(&o, r->receiver);
	json_put_key(&o, "state");
	json_put_z(&o, notify_state_names[r->state]);
	json_put_key(&o, "attempts");
	json_put_i64(&o, r->attempts);
	json_put_key(&o, "status");
	json_put_i64(&o, r->status);
	json_put_key(&o, "detail");
	json_put_z(&o, r->detail);
	json_end_object(&o);
	add(d, &b);
	buf_finish(&b);
}

/* ---- readers ---- */

static void answer(struct daemon *d, struct http_request *r, uint64_t after)
{
	struct tail *t = &d->tail;
	uint64_t oldest = t->next > TAIL_ENTRIES ? t->next - TAIL_ENTRIES : 1;
	char headers[64];
	struct buf b;

	buf_init(&b, REPLY_MAX);
	/* What has fallen out of the ring is a gap in `seq`: a slow reader costs nothing but its own lines. */
	for (uint64_t n = after + 1 > oldest ? after + 1 : oldest; n < t->next; n++) {
		buf_puts(&b, t->lines[n % TAIL_ENTRIES]);
		if (!buf_ok(&b))
			break;
		after = n;
	}
	b.failed = false;
	snprintf(headers, sizeof(headers), "Plazo-Next: %" PRIu64 "\r\n", after);
	http_reply(r, &(struct http_reply){ 200, "application/x-ndjson", headers, buf_str(&b), false });
	buf_finish(&b);
}

static void waiter_end(struct tail_waiter *w)
{
	struct tail_waiter **at = &w->d->tail.waiters;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->d->tail.n_waiters--;
	event_free(w->timer);
	answer(w->d, w->request, w->after);
	free(w);
}

static void on_timeout(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	waiter_end(ctx);
}

void tail_wake(struct daemon *d)
{
	struct tail_waiter *w = d->tail.waiters, *next;

	for (; w != NULL; w = next) {
		next = w->next;
		if (w->after + 1 < d->tail.next || d->phase != PHASE_RUNNING)
			waiter_end(w);
	}
}

static bool number_in(struct http_request *r, const char *name, int64_t max, int64_t *out)
{
	struct buf b;
	bool good;

	buf_init(&b, 32);
	good = http_query_get(r->query, name, &b) && str_to_i64(buf_str(&b), 0, max, out) == ERR_OK;
	buf_finish(&b);
	return good;
}

void tail_request(struct daemon *d, struct http_request *r)
{
	struct tail *t = &d->tail;
	int64_t after = (int64_t)t->next - 1, wait_s = 0;
	struct tail_waiter *w;

	(void)number_in(r, "wait", WAIT_MAX_S, &wait_s);
	if (!number_in(r, "after", INT64_MAX, &after) || (uint64_t)after >= t->next)
		after = (int64_t)t->next - 1;
	if ((uint64_t)after + 1 < t->next || wait_s == 0 || t->n_waiters == TAIL_WAITERS) {
		answer(d, r, (uint64_t)after);
		return;
	}
	w = xmalloc(sizeof(*w));
	*w = (struct tail_waiter){ t->waiters, d, r, NULL, (uint64_t)after };
	w->timer = evtimer_new(d->base, on_timeout, w);
	evtimer_add(w->timer, &(struct timeval){ .tv_sec = wait_s });
	t->waiters = w;
	t->n_waiters++;
}
