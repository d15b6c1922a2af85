/*
 * Batches: the spare ones, who fills them, and what may be acknowledged of one that came back. A large one is filled by a thread
 * beside the loop, which the first such batch starts; meanwhile it keeps its place among those that are held.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "stream_private.h"

#define SPARE_MAX  (STREAM_MAX_AHEAD + 2)
#define FILL_APART (64u << 10)   /* a reply of this size is read beside the loop: some 100 us */

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

	/* The thread has it: it goes when it comes back. */
	if (b->is_apart) {
		b->is_dropped = true;
		return;
	}
	s->n_bytes -= b->size;
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

/* ---- filling ---- */

static struct stream_batch *batch_of(struct apart_job *job)
{
	return (struct stream_batch *)(void *)((char *)job - offsetof(struct stream_batch, job));
}

/* What reading an entry looks at, since the stream's options may be others before the thread is through. */
static void prepare(struct stream_batch *b)
{
	const struct stream *s = b->stream;
	const struct stream_options *o = &s->opt;

	b->batch.source = arena_str(b->arena, o->name);
	b->batch.ns = arena_str(b->arena, o->ns);
	b->batch.received = o->now(o->ctx);
	b->keys = options_copy_list(b->arena, o->keys, o->n_keys);
	b->n_keys = o->n_keys;
	b->own = o->own;
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

static void fill_apart(void *ctx, struct apart_job *job)
{
	struct stream *s = ctx;

	fill_batch(batch_of(job), s->apart_doc);
}

static void back_on_loop(void *ctx, struct apart_job *job)
{
	struct stream *s = ctx;
	struct stream_batch *b = batch_of(job);

	b->is_apart = false;
	s->n_apart--;
	if (b->is_dropped)
		batch_release(b);
	else
		tell(b);
	read_pump(s);
}

static void drop(void *ctx, struct apart_job *job)
{
	(void)ctx;
	batch_free(batch_of(job));
}

/* Without the thread it only takes longer, until descriptors and memory allow one: that is told once. */
static bool has_thread(struct stream *s)
{
	bool is_first = s->apart_doc == NULL;

	if (s->apart != NULL)
		return true;
	if (is_first)
		s->apart_doc = json_create();
	s->apart = apart_create(s->opt.base, fill_apart, back_on_loop, s);
	if (s->apart == NULL && is_first)
		log_warn("stream", "no_thread", "source=" STR_FMT " error=\"%s\"", STR_ARG(s->opt.name), strerror(errno));
	return s->apart != NULL;
}

void batch_fill(struct stream_batch *b)
{
	struct stream *s = b->stream;

	prepare(b);
	if (b->size >= FILL_APART && has_thread(s)) {
		b->is_apart = true;
		s->n_apart++;
		apart_put(s->apart, &b->job);
	} else {
		fill_batch(b, s->doc);
		tell(b);
	}
}

void batch_end_thread(struct stream *s)
{
	apart_destroy(s->apart, drop);
	json_destroy(s->apart_doc);
	s->apart = NULL;
	s->apart_doc = NULL;
}

/* ---- back ---- */

bool batch_is_kept(const struct stream_batch *b, const struct entry *e)
{
	return !b->batch.failed && (e->event == ENTRY_NO_EVENT || b->batch.results[e->event] != INTAKE_FAILED);
}
