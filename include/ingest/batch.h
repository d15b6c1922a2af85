/*
 * What an intake hands to the journal in one piece, and what became of it. Webhooks and streams alike: the sink journals the whole
 * batch in one commit, and calls `done` once it is on disk and in the engine, which is when the sender may hear that it is kept.
 */
#ifndef PLAZO_INGEST_BATCH_H
#define PLAZO_INGEST_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/wall.h"
#include "core/event.h"

/* What became of an event. Zero is the usual. */
enum intake_result {
	INTAKE_DONE,
	INTAKE_DUPLICATE,
	INTAKE_CONFLICT,       /* 409: the id is known with another body */
	INTAKE_TICKET_FULL,    /* 422: TICKET_MAX_EVENTS */
	INTAKE_FORBIDDEN,      /* 403: not this source's contract */
	INTAKE_FAILED,         /* 503 for the whole request: the journal could not be written */
};

/* The sentence about a refusal; NULL of a result that is none. */
const char *intake_result_why(enum intake_result r);

/* What came by a stream and is no event: nobody there hears a refusal, so it is kept, for people to look at. */
struct intake_refused {
	struct str place;      /* where it stood: "tickets 1700000000000-0" */
	struct str why;        /* a sentence */
	struct str body;       /* as it came; cut to EVENT_MAX_SIZE */
};

/* How far a stream has been read; committed with the events up to there. */
struct intake_cursor {
	struct str key;        /* of the source: the name of the stream */
	struct str value;      /* the last id */
};

/* Lives from the sink's call until done(). The events and texts borrow from it. */
struct intake_batch {
	struct str     source, ns;         /* copies: stay through a reload */
	struct event  *events;             /* valid ones, in order; `received` is the same for all */
	uint8_t       *results;            /* enum intake_result of each, 0 at first; the owner of the sink fills it */
	size_t         n;                  /* 0 only where there is something below */
	struct wall    received;
	const struct intake_refused *refused;  size_t n_refused;   /* of streams alone */
	const struct intake_cursor  *cursors;  size_t n_cursors;   /* of streams alone */
	const struct intake_batch *after;  /* where there are cursors: another that is still out, whose events they stand for as well; or NULL */
	uint64_t       epoch;              /* the sink's own: since when nothing may have been lost, for its cursors to count */
	bool           failed;             /* filled by the owner of the sink: something of it is not on disk */
	void         (*done)(struct intake_batch *b);
	void          *user;               /* the sink's own */
};

/*
 * Takes the batch: true means that b->done() will be called, once, from the loop thread, and not before the sink returned.
 * False: no room now; nothing of it was taken.
 */
typedef bool intake_sink_fn(void *ctx, struct intake_batch *b);

/* The time as the loop sampled it; never goes back, since it is the events' `received`. */
typedef struct wall intake_now_fn(void *ctx);

#endif
