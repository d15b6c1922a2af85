/* A batch with what the answer needs besides: shared by intake.c (in) and intake_answer.c (out). */
#ifndef PLAZO_INGEST_INTAKE_PRIVATE_H
#define PLAZO_INGEST_INTAKE_PRIVATE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "apart.h"
#include "ingest/event_json.h"
#include "ingest/intake.h"

/* An event that did not pass; its id is not always known. */
struct refused {
	size_t          index;
	struct problem *problem;       /* in the arena */
};

struct work {
	struct intake_batch  batch;    /* first: its done() finds the rest by it */
	struct intake       *intake;
	struct http_request *request;
	struct arena        *arena;    /* texts of events, problems; emptied after each use */
	struct work         *next;     /* of the spare ones */
	size_t               cap;      /* room in batch.events and batch.results */
	uint32_t            *indexes;  /* places in the body of batch.events; room as above */
	struct refused      *refused;  /* before the sink, in order of index */
	size_t               n_refused, cap_refused;
	struct apart_job     job;      /* while the body is read apart */
	enum event_form      form;
	struct event_context context;  /* of the events */
	struct events_found  found;
	struct problem       problem;  /* of the whole body; status 0: none */
	bool                 is_batch; /* a list or lines: answered by 207 where something was refused */
	bool                 is_out;   /* with the sink */
};

struct intake {
	struct intake_options        opt;
	const struct intake_source  *sources;
	size_t                       n_sources;
	struct verifier             *dummy;      /* judges for unknown sources */
	struct json_doc             *doc;        /* of the loop */
	struct json_doc             *apart_doc;  /* of the thread */
	struct apart                *apart;      /* reads large bodies; NULL: the loop does */
	struct work                 *spare;
	size_t                       n_spare, n_spare_events;
	struct buf                   out;        /* the answer being written */
	char                         retry_after[48];
	struct intake_stats          stats;
};

/* The form that the content type names, and the headers of a CloudEvent; false with the refusal. */
MUST_CHECK bool intake_form(const struct http_request *r, enum event_form *form, struct problem *p);

/* Gives it back to the spare ones, or frees it. */
void work_release(struct work *w);

/* Writes the answer for what the batch's results and the refused events say, and replies. */
void work_answer(struct work *w);

#endif
