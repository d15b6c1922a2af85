/* Batches: the spare ones, what they are filled by, and what may be acknowledged of one that came back. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "stream_private.h"

#define SPARE_MAX  (STREAM_MAX_AHEAD + 2)

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

	s->n_bytes -= b->size;
	if (s->n_spare == SPARE_MAX) {
		batch_free(b);
		return;
	}
	arena_reset(b->arena);
	*b = (struct stream_batch){
		.batch = { .events = b->batch.events, .results = b->batch.results },
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

/* ---- lists ---- */

void batch_list_put(struct batch_list *l, struct stream_batch *b)
{
	b->next = NULL;
	if (l->first == NULL)
		l->first = b;
	else
		l->last->next = b;
	l->last = b;
	l->n++;
}

void batch_list_put_first(struct batch_list *l, struct stream_batch *b)
{
	b->next = l->first;
	if (l->first == NULL)
		l->last = b;
	l->first = b;
	l->n++;
}

struct stream_batch *batch_list_take(struct batch_list *l)
{
	struct stream_batch *b = l->first;

	if (b == NULL)
		return NULL;
	l->first = b->next;
	b->next = NULL;
	l->n--;
	return b;
}

void batch_list_move(struct batch_list *to, struct batch_list *from)
{
	if (from->first == NULL)
		return;
	if (to->first == NULL)
		to->first = from->first;
	else
		to->last->next = from->first;
	to->last = from->last;
	to->n += from->n;
	*from = (struct batch_list){ 0 };
}

void batch_list_release(struct batch_list *l)
{
	struct stream_batch *b;

	while ((b = batch_list_take(l)) != NULL)
		batch_release(b);
}

/* ---- filling ---- */

/* What the batch needs of the stream's options, which may be others before it is back. */
static void prepare(struct stream_batch *b)
{
	const struct stream *s = b->stream;
	const struct stream_options *o = &s->opt;

	b->batch.source = arena_str(b->arena, o->name);
	b->batch.ns = arena_str(b->arena, o->ns);
	b->keys = options_copy_list(b->arena, o->keys, o->n_keys);
	b->n_keys = o->n_keys;
	b->own = o->own;
	b->key = o->key;
	b->event_len = o->event_len > 0 && o->event_len < EVENT_MAX_SIZE ? o->event_len : EVENT_MAX_SIZE;
}

static void tell(struct stream_batch *b)
{
	struct stream *s = b->stream;
	size_t n_trimmed = b->n_trimmed + b->entries.n_gone;

	s->stats.n_entries += b->entries.n;
	s->stats.n_trimmed += n_trimmed;
	for (size_t i = 0; i < b->batch.n_refused; i++)
		log_warn("stream", "refused", "source=" STR_FMT " place=\"" STR_FMT "\" why=\"" STR_FMT "\"", STR_ARG(b->batch.source),
			 STR_ARG(b->refused[i].place), STR_ARG(b->refused[i].why));
	if (n_trimmed > 0)
		log_error("stream", "trimmed", "source=" STR_FMT " entries=%zu: they were taken out of the stream (XTRIM, MAXLEN, XDEL) before "
			  "they were read, and what they said is lost", STR_ARG(b->batch.source), n_trimmed);
}

void batch_fill(struct stream_batch *b)
{
	prepare(b);
	fill_batch(b, b->stream->doc);
	tell(b);
}

/* ---- back ---- */

bool batch_is_kept(const struct stream_batch *b, const struct entry *e)
{
	return !b->batch.failed && (e->event == ENTRY_NO_EVENT || b->batch.results[e->event] != INTAKE_FAILED);
}

bool batch_is_whole(const struct stream_batch *b)
{
	for (size_t i = 0; i < b->entries.n; i++)
		if (!batch_is_kept(b, &b->entries.v[i]))
			return false;
	return true;
}
