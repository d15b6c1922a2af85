/*
 * From entries to events, refusals and cursors, all of which lie in the batch's arena: the server's reply is gone when the batch goes on, and an
 * event is sealed, so that its texts are not of that. Touches the batch alone, never the stream.
 */
#include <stdio.h>

#include "base/limits.h"
#include "base/xalloc.h"
#include "ingest/event_json.h"
#include "ingest/stream.h"
#include "stream_batch.h"

/* ---- entries that are no events ---- */

/* All fields of an entry as an object: what somebody sees who looks at what came instead of an event. */
static struct str show_fields(const struct entry *e, struct arena *a)
{
	struct buf b;
	struct json_out o = json_out(&b);
	struct str shown;

	buf_init(&b, EVENT_MAX_SIZE);
	json_begin_object(&o);
	for (size_t i = 0; i + 1 < e->fields->elements && b.len < EVENT_MAX_SIZE / 2; i += 2) {
		char key[EVENT_MAX_ATTR];

		snprintf(key, sizeof key, STR_FMT, STR_ARG(reply_text(reply_at(e->fields, i))));
		json_put_key(&o, key);
		json_put_str(&o, reply_text(reply_at(e->fields, i + 1)));
	}
	json_end_object(&o);
	shown = buf_ok(&b) ? arena_str(a, buf_str(&b)) : STR("{}");
	buf_finish(&b);
	return shown;
}

static void refuse(struct stream_batch *b, const struct entry *e, const char *why, struct str body)
{
	const char *place = arena_printf(b->arena, "%s " STR_FMT, b->keys[e->key], STR_ARG(e->id));

	if (b->batch.n_refused == b->cap_refused) {
		size_t cap = b->cap_refused == 0 ? 8 : b->cap_refused * 2;

		b->refused = arena_grow(b->arena, b->refused, b->cap_refused, cap, sizeof *b->refused);
		b->cap_refused = cap;
	}
	if (body.len > EVENT_MAX_SIZE)
		body.len = EVENT_MAX_SIZE;
	b->refused[b->batch.n_refused++] = (struct intake_refused){ .place = str_of(place), .why = str_of(why), .body = arena_str(b->arena, body) };
}

static void refuse_problem(struct stream_batch *b, const struct entry *e, const struct problem *p, struct str body)
{
	refuse(b, e, p->pointer[0] != '\0' ? arena_printf(b->arena, "%s (at %s)", p->detail, p->pointer)
					   : arena_strdup(b->arena, p->detail), body);
}

/* ---- events ---- */

static void grow(struct stream_batch *b)
{
	b->cap = b->cap == 0 ? 64 : b->cap * 2;
	b->batch.events = xreallocarray(b->batch.events, b->cap, sizeof *b->batch.events);
	b->batch.results = xreallocarray(b->batch.results, b->cap, 1);
}

/* One filling: `why_not` and `diag` are written where something is wrong alone. */
struct filling {
	struct stream_batch *b;
	struct json_doc     *doc;
	struct event_context ctx;
	struct problem       why_not;
	struct diag          diag;
};

static void refuse_json(struct filling *f, const struct entry *e, struct str body)
{
	const struct diag *d = &f->diag;

	refuse(f->b, e, arena_printf(f->b->arena, "This is not the JSON that is taken here: %s (line %u, column %u)", d->msg, d->line, d->col), body);
}

/* False when it is none, and is refused. */
static bool take_event(struct filling *f, const struct entry *e, struct str body, struct event *out)
{
	f->ctx.text = body;
	if (event_from_plain(body, &f->ctx, out, &f->why_not))
		return true;
	if (json_parse(f->doc, body, &f->diag) != ERR_OK) {
		refuse_json(f, e, body);
		return false;
	}
	if (event_from_json(f->doc, 0, &f->ctx, out, &f->why_not) != ERR_OK) {
		refuse_problem(f->b, e, &f->why_not, body);
		return false;
	}
	return true;
}

static void read_event(struct filling *f, struct entry *e)
{
	struct stream_batch *b = f->b;
	struct str body;

	if (!entry_field(e, STREAM_FIELD, &body)) {
		refuse(b, e, "The entry has no field `" STREAM_FIELD "`.", show_fields(e, b->arena));
		return;
	}
	if (body.len > b->event_len) {
		refuse(b, e, arena_printf(b->arena, "The event is larger than %zu bytes.", b->event_len), body);
		return;
	}
	if (b->batch.n == b->cap)
		grow(b);
	if (!take_event(f, e, body, &b->batch.events[b->batch.n]))
		return;
	b->batch.results[b->batch.n] = INTAKE_DONE;
	e->event = (uint32_t)b->batch.n++;
}

/* The last id of each stream in it. */
static void set_cursors(struct stream_batch *b)
{
	struct intake_cursor *cursors = arena_array(b->arena, b->n_keys, sizeof *cursors);
	size_t place[STREAM_MAX_KEYS] = { 0 };     /* in cursors, from 1 */

	for (size_t i = 0; i < b->entries.n; i++) {
		const struct entry *e = &b->entries.v[i];

		if (place[e->key] == 0) {
			place[e->key] = ++b->batch.n_cursors;
			cursors[b->batch.n_cursors - 1].key = str_of(b->keys[e->key]);
		}
		cursors[place[e->key] - 1].value = e->id;
	}
	b->batch.cursors = cursors;
}

void fill_batch(struct stream_batch *b, struct json_doc *doc)
{
	struct filling f = { .b = b, .doc = doc, .ctx = { .arena = b->arena, .source = b->batch.source, .ns = b->batch.ns, .key = &b->key } };

	for (size_t i = 0; i < b->entries.n; i++) {
		if (b->entries.v[i].fields == NULL)
			b->n_trimmed++;
		else
			read_event(&f, &b->entries.v[i]);
		b->entries.v[i].fields = NULL;
	}
	b->batch.refused = b->refused;
	if (b->own)
		set_cursors(b);
}
