#include "daemon/tail.h"

#include <stdlib.h>

#include "base/json_member.h"
#include "base/xalloc.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "ingest/http_stream.h"

#define LINE_MAX_LEN (128u << 10)
#define FRAME_LEN    128              /* of a line, around what it tells of */

void tail_init(struct tail *t)
{
	*t = (struct tail){ .next = 1 };
}

void tail_finish(struct tail *t)
{
	for (size_t i = 0; i < TAIL_ENTRIES; i++)
		free(t->lines[i]);
}

void tail_forget(struct tail *t)
{
	for (size_t i = 0; i < TAIL_ENTRIES; i++) {
		free(t->lines[i]);
		t->lines[i] = NULL;
	}
}

/* ---- entries ---- */

static void begin(struct daemon *d, struct json_out *o, const char *what)
{
	json_begin_object(o);
	json_put_number(o, "seq", (int64_t)d->tail.next);
	json_put_instant(o, "at", d->now);
	json_put_text(o, "what", str_of(what));
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

	buf_init(&b, LINE_MAX_LEN);
	/* At one go: an alert is longer than what a buffer begins with. */
	(void)buf_room(&b, body.len + FRAME_LEN);
	begin(d, &o, "alert");
	json_put_name(&o, "alert");
	json_put_raw(&o, body);
	json_end_object(&o);
	add(d, &b);
	buf_finish(&b);
}

void tail_delivery(struct daemon *d, const struct notify_result *r)
{
	struct buf b;
	struct json_out o = json_out(&b);

	buf_init(&b, LINE_MAX_LEN);
	begin(d, &o, "delivery");
	json_put_text(&o, "id", str_of(r->alert_id));
	json_put_text(&o, "receiver", str_of(r->receiver));
	json_put_text(&o, "state", str_of(notify_state_names[r->state]));
	json_put_number(&o, "attempts", r->attempts);
	json_put_number(&o, "status", r->status);
	json_put_name(&o, "detail");
	json_put_z(&o, r->detail);
	json_end_object(&o);
	add(d, &b);
	buf_finish(&b);
}

/* ---- readers ---- */

struct tail_reader {
	struct tail_reader  *next;
	struct http_request *request;
	uint64_t             seq;          /* the next entry to send */
};

/* What has fallen out of the ring is a gap in `seq`: a slow reader costs nothing but its own lines. */
static bool send_new(struct tail *t, struct tail_reader *rd)
{
	uint64_t oldest = t->next > TAIL_ENTRIES ? t->next - TAIL_ENTRIES : 1;

	if (rd->seq < oldest)
		rd->seq = oldest;
	for (; rd->seq < t->next; rd->seq++)
		if (t->lines[rd->seq % TAIL_ENTRIES] != NULL && !http_stream_put(rd->request, str_of(t->lines[rd->seq % TAIL_ENTRIES])))
			return false;
	return http_stream_is_alive(rd->request);
}

void tail_turn(struct daemon *d)
{
	struct tail *t = &d->tail;
	struct tail_reader **at = &t->readers, *rd;

	while ((rd = *at) != NULL) {
		if (send_new(t, rd) && d->phase == PHASE_RUNNING) {
			at = &rd->next;
			continue;
		}
		*at = rd->next;
		t->n_readers--;
		http_stream_end(rd->request);
		free(rd);
	}
}

static uint64_t after(const struct tail *t, const struct http_request *r)
{
	int64_t n = (int64_t)t->next - 1;
	struct buf b;

	buf_init(&b, 32);
	if (api_param(r, "after", &b) && str_to_i64(buf_str(&b), 0, n, &n) != ERR_OK)
		n = (int64_t)t->next - 1;
	buf_finish(&b);
	return (uint64_t)n;
}

void api_tail(struct daemon *d, const struct api_call *c)
{
	struct tail *t = &d->tail;
	struct tail_reader *rd;

	if (t->n_readers == TAIL_READERS || d->phase != PHASE_RUNNING) {
		api_refuse(c->r, 503, "%u readers follow already, or plazod is not running.", TAIL_READERS);
		return;
	}
	rd = xmalloc(sizeof(*rd));
	*rd = (struct tail_reader){ t->readers, c->r, after(t, c->r) + 1 };
	t->readers = rd;
	t->n_readers++;
	http_stream_begin(c->r, "application/x-ndjson");
}
