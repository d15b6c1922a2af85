/*
 * Events as senders write them. The first byte says which form and which permissions; the rest is a body. A good event reads back
 * the same from its own JSON and from the journal's form; a bad one has a problem that can be told.
 */
#include "fuzz.h"
#include "same_event.h"

#include "base/limits.h"
#include "base/reader.h"
#include "ingest/event_json.h"

struct reading {
	struct event_context ctx;
	struct json_doc     *again;
	size_t               n;
	bool                 is_single;
};

static void through_json(struct reading *r, const struct event *e)
{
	struct event_context ctx = r->ctx;
	struct json_out o;
	struct event back;
	struct problem p;
	struct buf b;

	buf_init(&b, BUF_NO_MAX);
	o = json_out(&b);
	event_to_json(e, ctx.allow_received, &o);
	ctx.text = buf_str(&b);
	HOLDS(json_parse(r->again, ctx.text, NULL) == ERR_OK);
	HOLDS(event_from_json(r->again, 0, &ctx, &back, &p) == ERR_OK);
	HOLDS(same_event(e, &back));
	if (event_from_plain(ctx.text, &ctx, &back, &p))
		HOLDS(same_event(e, &back));
	buf_finish(&b);
}

/* Who reads a text itself takes nothing that JSON's reader would not, and takes it the same. */
static void both_ways(struct reading *r, struct str text)
{
	struct event_context ctx = r->ctx;
	struct event plain, e;
	struct problem p;

	ctx.text = text;
	if (!event_from_plain(text, &ctx, &plain, &p))
		return;
	HOLDS(json_parse(r->again, text, NULL) == ERR_OK);
	HOLDS(event_from_json(r->again, 0, &ctx, &e, &p) == ERR_OK);
	HOLDS(same_event(&e, &plain));
}

static void through_the_journal(const struct event *e)
{
	struct event back;
	struct reader in;
	struct buf b;

	buf_init(&b, BUF_NO_MAX);
	event_encode(e, &b);
	in = reader_of(buf_str(&b));
	HOLDS(event_decode(&in, &back) && in.p == in.end);
	HOLDS(same_event(e, &back));
	buf_finish(&b);
}

static bool each(void *arg, size_t index, const struct event *e, const struct problem *p)
{
	struct reading *r = arg;
	struct buf b;

	HOLDS(index == r->n && (e == NULL) != (p == NULL));
	r->n++;
	if (e != NULL) {
		HOLDS(e->id.len > 0 && e->id.len <= EVENT_MAX_ID && e->ticket.len > 0 && e->ticket.len <= EVENT_MAX_ID);
		HOLDS(e->at.ms >= WALL_MIN.ms && e->at.ms < WALL_MAX.ms);
		HOLDS(e->body == event_body(e));
		through_json(r, e);
		through_the_journal(e);
		return true;
	}
	HOLDS(p->status >= 400 && p->status < 500);
	buf_init(&b, BUF_NO_MAX);
	problem_write(p, &b);
	HOLDS(json_parse(r->again, buf_str(&b), NULL) == ERR_OK);
	buf_finish(&b);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json_doc *doc, *again;
	struct input in = { data, size };
	uint8_t how = input_byte(&in);
	struct reading r = { .ctx = { .ns = STR("n"), .source = STR("s"), .received = { 1774861200000 } } };
	struct events_found found = { 0 };
	struct problem p = { 0 };
	struct str body;

	if (doc == NULL) {
		doc = json_create();
		again = json_create();
	}
	r.again = again;
	r.ctx.arena = arena_create();
	r.ctx.allow_received = how & 2;
	r.ctx.allow_operator_types = how & 4;
	body = input_rest(&in);
	both_ways(&r, body);
	if (events_read(doc, body, how & 1 ? EVENT_FORM_NDJSON : EVENT_FORM_JSON, &r.ctx, each, &r, &found, &p) == ERR_OK)
		HOLDS(found.n == r.n);
	else
		HOLDS(r.n == 0 && p.status >= 400 && p.status < 500);
	arena_destroy(r.ctx.arena);
	return 0;
}
