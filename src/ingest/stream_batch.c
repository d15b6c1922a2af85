/*
 * From entries to a batch for the sink, and from its results to what may be acknowledged. Everything of a batch lies in its arena,
 * beside the server's reply: texts of events are slices of that, and nothing is copied twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "stream_private.h"

#define SPARE_MAX (STREAM_MAX_OUT + 2)

struct stream_batch *batch_get(struct stream *s)
{
	struct stream_batch *b = s->spare;

	if (b != NULL) {
		s->spare = b->next;
		s->n_spare--;
		b->next = NULL;
		return b;
	}
	b = xcalloc(1, sizeof *b);
	b->stream = s;
	b->batch.done = read_on_done;
	b->arena = arena_create();
	return b;
}

static void batch_free(struct stream_batch *b)
{
	arena_destroy(b->arena);
	free(b->batch.events);
	free(b->batch.results);
	free(b);
}

void batch_release(struct stream_batch *b)
{
	struct stream *s = b->stream;

	if (s->n_spare == SPARE_MAX) {
		batch_free(b);
		return;
	}
	arena_reset(b->arena);
	*b = (struct stream_batch){
		.batch = { .events = b->batch.events, .results = b->batch.results, .done = read_on_done },
		.stream = s, .next = s->spare, .arena = b->arena, .cap = b->cap,
	};
	s->spare = b;
	s->n_spare++;
}

void batch_free_spare(struct stream *s)
{
	struct stream_batch *b;

	while ((b = s->spare) != NULL) {
		s->spare = b->next;
		batch_free(b);
	}
	s->n_spare = 0;
}

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
	const char *place = arena_printf(b->arena, "%s " STR_FMT, b->stream->opt.keys[e->key], STR_ARG(e->id));

	if (b->batch.n_refused == b->cap_refused) {
		size_t cap = b->cap_refused == 0 ? 8 : b->cap_refused * 2;

		b->refused = arena_grow(b->arena, b->refused, b->cap_refused, cap, sizeof *b->refused);
		b->cap_refused = cap;
	}
	if (body.len > EVENT_MAX_SIZE)
		body.len = EVENT_MAX_SIZE;
	b->refused[b->batch.n_refused++] = (struct intake_refused){ .place = str_of(place), .why = str_of(why), .body = body };
	log_warn("stream", "refused", "source=" STR_FMT " place=\"%s\" why=\"%s\"", STR_ARG(b->batch.source), place, why);
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

static void read_event(struct stream_batch *b, struct entry *e, struct event_context *ctx)
{
	struct stream *s = b->stream;
	size_t limit = s->opt.event_len > 0 && s->opt.event_len < EVENT_MAX_SIZE ? s->opt.event_len : EVENT_MAX_SIZE;
	struct problem p = { 0 };
	struct diag d = { 0 };
	struct str body;

	if (!entry_field(e, STREAM_FIELD, &body)) {
		refuse(b, e, "The entry has no field `" STREAM_FIELD "`.", show_fields(e, b->arena));
		return;
	}
	if (body.len > limit) {
		refuse(b, e, arena_printf(b->arena, "The event is larger than %zu bytes.", limit), body);
		return;
	}
	if (json_parse(s->doc, body, &d) != ERR_OK) {
		refuse(b, e, arena_printf(b->arena, "This is not the JSON that is taken here: %s (line %u, column %u)", d.msg, d.line, d.col),
		       body);
		return;
	}
	if (b->batch.n == b->cap)
		grow(b);
	ctx->text = body;
	if (event_from_json(s->doc, 0, ctx, &b->batch.events[b->batch.n], &p) != ERR_OK) {
		refuse_problem(b, e, &p, body);
		return;
	}
	b->batch.results[b->batch.n] = INTAKE_DONE;
	e->event = (uint32_t)b->batch.n++;
}

/* The last id of each stream in it. */
static void set_cursors(struct stream_batch *b)
{
	const struct stream *s = b->stream;
	struct intake_cursor *cursors = arena_array(b->arena, s->opt.n_keys, sizeof *cursors);
	size_t place[STREAM_MAX_KEYS] = { 0 };     /* in cursors, from 1 */

	for (size_t i = 0; i < b->entries.n; i++) {
		const struct entry *e = &b->entries.v[i];

		if (place[e->key] == 0) {
			place[e->key] = ++b->batch.n_cursors;
			cursors[b->batch.n_cursors - 1].key = arena_str(b->arena, str_of(s->opt.keys[e->key]));
		}
		cursors[place[e->key] - 1].value = e->id;
	}
	b->batch.cursors = cursors;
}

void batch_fill(struct stream_batch *b)
{
	struct stream *s = b->stream;
	size_t n_trimmed = 0;
	struct event_context ctx = { .arena = b->arena };

	b->batch.source = ctx.source = arena_str(b->arena, s->opt.name);
	b->batch.ns = ctx.ns = arena_str(b->arena, s->opt.ns);
	b->batch.received = ctx.received = s->opt.now(s->opt.ctx);
	for (size_t i = 0; i < b->entries.n; i++) {
		if (b->entries.v[i].fields == NULL)
			n_trimmed++;
		else
			read_event(b, &b->entries.v[i], &ctx);
	}
	b->batch.refused = b->refused;
	if (s->opt.own)
		set_cursors(b);
	n_trimmed += b->entries.n_gone;
	s->stats.n_entries += b->entries.n;
	s->stats.n_trimmed += n_trimmed;
	if (n_trimmed > 0)
		log_error("stream", "trimmed", "source=" STR_FMT " entries=%zu: they were taken out of the stream (XTRIM, MAXLEN, XDEL) before "
			  "they were read, and what they said is lost", STR_ARG(s->opt.name), n_trimmed);
}

bool batch_is_kept(const struct stream_batch *b, const struct entry *e)
{
	return !b->batch.failed && (e->event == ENTRY_NO_EVENT || b->batch.results[e->event] != INTAKE_FAILED);
}
