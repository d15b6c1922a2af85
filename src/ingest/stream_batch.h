/*
 * What one read of a stream brought, on its way to the sink and back: the reply, the events in it, what is none. Everything of it
 * lies in its arena. It is filled on the stream's thread, and is the loop's from there to where it comes back: see stream_bridge.h.
 */
#ifndef PLAZO_INGEST_STREAM_BATCH_H
#define PLAZO_INGEST_STREAM_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "ingest/batch.h"
#include "stream_reply.h"

struct stream;

struct stream_batch {
	struct intake_batch    batch;     /* first: its done() finds the rest by it */
	struct stream         *stream;
	struct stream_batch   *next;      /* in the list it is in */
	struct arena          *arena;     /* ids, what is sealed of events, refusals; emptied after each use */
	struct entries         entries;
	size_t                 size;      /* of the reply, which was larger than what is left of it here */
	size_t                 asked;     /* entries of each stream that were asked for */
	int64_t                early_ms;  /* mono: the server was to wait; nothing, and before this, is no answer of one that does */
	/* For fill_batch(): copies of the stream's options, which may change meanwhile, and what it leaves behind besides. */
	const char *const     *keys;
	size_t                 n_keys, event_len;
	bool                   own;
	struct sipkey          key;
	size_t                 cap;       /* room in batch.events and batch.results */
	struct intake_refused *refused;
	size_t                 cap_refused, n_trimmed;
	/* On the bridge. */
	unsigned               round;     /* see struct stream */
	bool                   is_bounced; /* did not go to the sink */
};

/* In order; all zero is empty. */
struct batch_list { struct stream_batch *first, *last; size_t n; };
void batch_list_put(struct batch_list *l, struct stream_batch *b);
void batch_list_put_first(struct batch_list *l, struct stream_batch *b);
struct stream_batch *batch_list_take(struct batch_list *l);               /* the first; NULL when it is empty */
void batch_list_move(struct batch_list *to, struct batch_list *from);      /* all of one behind all of the other */
void batch_list_release(struct batch_list *l);                            /* each of them */

struct stream_batch *batch_get(struct stream *s);
void batch_release(struct stream_batch *b);
void batch_free_spare(struct stream *s);
void batch_fill(struct stream_batch *b);           /* and tells of it */
bool batch_is_kept(const struct stream_batch *b, const struct entry *e);
bool batch_is_whole(const struct stream_batch *b); /* all of it is kept */

/* Entries become events, refusals and cursors. */
void fill_batch(struct stream_batch *b, struct json_doc *doc);

#endif
