/*
 * CloudEvents 1.0 as envelopes of ticket events: `data` is the event of README, "The first event", and the envelope lends it what
 * it does not say itself: an id made of `source` and `id`, and `time` as its `at`. The type is that of the event in `data`; all
 * other attributes, extensions included, decide nothing. Knows neither bodies nor batches: event_json.h reads these.
 */
#ifndef PLAZO_INGEST_CLOUDEVENTS_H
#define PLAZO_INGEST_CLOUDEVENTS_H

#include <stdbool.h>

#include "base/json.h"
#include "ingest/event_json.h"
#include "ingest/http.h"
#include "ingest/problem.h"

#define CLOUDEVENT_MAX_ATTR 1024       /* bytes of one attribute that is read */

/*
 * Structured mode: checks the envelope `n`, gives the node of its data, and sets ctx->lent. ERR_SYNTAX with a problem of status
 * 415 for data that is not JSON, else 422, and a pointer relative to `n`.
 */
MUST_CHECK enum err cloudevent_open(const struct json_doc *d, json_node n, struct event_context *ctx, json_node *data_out,
				    struct problem *p);

/* Is this a request in binary mode: its attributes are headers, its body is the data? */
bool cloudevent_is_binary(const struct http_headers *h);

/*
 * Binary mode: checks the attributes and sets ctx->lent. Where `are_proven` is false the signature of the request does not cover
 * its headers: anyone could send the same body under another id again, so nothing is lent, and ctx->lent says why. False with a
 * problem of status 400 or 422.
 */
MUST_CHECK bool cloudevent_from_headers(const struct http_headers *h, bool are_proven, struct event_context *ctx, struct problem *p);

#endif
