/*
 * Ticket events as JSON (README, "The first event"): reading with every check there is, and writing for exports. What is not known
 * is refused, with a pointer and the nearest known name, since a misspelt field would otherwise change a clock silently. `null`
 * clears an attribute; of the other optional fields it says nothing, as if they were not there.
 */
#ifndef PLAZO_INGEST_EVENT_JSON_H
#define PLAZO_INGEST_EVENT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/siphash.h"
#include "base/str.h"
#include "base/wall.h"
#include "core/event.h"
#include "ingest/problem.h"

/* What the envelope of an event says in its place; all zero where there is no envelope. Borrowed as the rest of the context. */
struct event_lent {
	struct str  id;               /* of an event without one; empty: it must have one */
	struct wall at;               /* likewise, if has_at */
	bool        has_at;
	const char *why_not;          /* said where either is missing and nothing is lent: a blank and a sentence; or NULL */
};

/* Where an event comes from, and what it may say. All borrowed; `ns`, `source` and `text` must live as long as the events. */
struct event_context {
	struct str    ns, source;
	struct wall   received;               /* stamped on every event, unless allow_received */
	bool          allow_received;         /* simulate and import: `received` may be given, and is `at` when it is not */
	bool          allow_operator_types;   /* `waived` (metric, reason) and `extended` (metric, by, reason) */
	struct str    text;                   /* what the doc was parsed from: slices of it are kept, others are copied to the arena */
	struct event_lent lent;
	const struct sipkey *key;             /* of the database that the events are for: they are sealed; NULL: they are not */
	struct arena *arena;                  /* for tags, texts that had escapes, and what is sealed: events outlive the doc */
};

/*
 * Reads one event. ERR_SYNTAX with a problem of status 422 and a pointer relative to `n` when anything is wrong; *out is then
 * undefined. Sets e->body. The event borrows from ctx->text, ctx->arena, ctx->ns and ctx->source, not from the doc.
 */
MUST_CHECK enum err event_from_json(const struct json_doc *d, json_node n, const struct event_context *ctx,
				    struct event *out, struct problem *p);

/*
 * The same from a text itself, in half the time, of events as machines write them. False says nothing of the text: then it is read by the two above, who
 * know what is wrong, if anything is; *out and *scrap are undefined. ctx->text is the text, or has it.
 */
MUST_CHECK bool event_from_plain(struct str text, const struct event_context *ctx, struct event *out, struct problem *scrap);

enum event_form {
	EVENT_FORM_JSON,           /* an event, or an array of them */
	EVENT_FORM_NDJSON,
	EVENT_FORM_DATA,           /* an event: the data of a CloudEvent in binary mode */
	EVENT_FORM_CLOUDEVENT,     /* one CloudEvent, in structured mode */
	EVENT_FORM_CLOUDEVENTS,    /* an array of them */
};

/* Of event `index` (from 0): either the event, or what is wrong with it, the other one is NULL. False ends the reading with ERR_LIMIT. */
typedef bool event_each_fn(void *arg, size_t index, const struct event *e, const struct problem *p);

/* What events_read() found besides the events. */
struct events_found {
	size_t n;           /* events, good and bad */
	bool   is_batch;    /* an array or NDJSON: problems have their index before the pointer */
};

/*
 * Reads a whole body of one of these forms. In NDJSON blank lines are allowed, and a bad line is a bad event (status 400) while the
 * others stand. Borrows `body`, parses with `d`. ctx->text is ignored: it is `body`. ERR_SYNTAX with a problem that
 * has line and column when the whole is no JSON or not of that form; then fn was not called. Problems of events in NDJSON carry their line.
 */
MUST_CHECK enum err events_read(struct json_doc *d, struct str body, enum event_form form, const struct event_context *ctx,
				event_each_fn *fn, void *arg, struct events_found *found, struct problem *p);

/* Writes the object that event_from_json() reads back to the same event; `received` too when `with_received`. */
void event_to_json(const struct event *e, bool with_received, struct json_out *o);

#endif
