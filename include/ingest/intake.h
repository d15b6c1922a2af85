/*
 * POST /v1/events/SOURCE: from a verified request to a batch of valid events, and from what became of them to the answer of
 * README, "The first event". Journal and engine are behind the sink; nothing is answered 202 before the batch is done().
 *
 * An unknown source is answered as a bad signature, after the same work: names of sources are not for guessing.
 */
#ifndef PLAZO_INGEST_INTAKE_H
#define PLAZO_INGEST_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/siphash.h"
#include "base/str.h"
#include "base/wall.h"
#include "ingest/batch.h"
#include "ingest/http.h"
#include "ingest/verify.h"

#define INTAKE_PREFIX "/v1/events/"

struct intake_source {
	struct str             name;       /* as in the URL and the configuration */
	struct str             ns;         /* its namespace: its name, unless it shares one */
	const struct verifier *verifier;
};

struct intake_options {
	struct event_base *base;           /* large bodies are read by a thread beside this loop; NULL: all by the caller's */
	size_t          body_len;          /* of a single event as a request: limits.body; 0: 1 MiB */
	size_t          bulk_len;          /* of arrays and NDJSON: limits.bulk; 0: 8 MiB */
	int             retry_after_s;     /* in answers of 503; 0: 5 */
	intake_sink_fn *sink;
	intake_now_fn  *now;               /* what events are stamped with; never goes back */
	intake_now_fn  *clock;             /* the clock on the wall, which senders' signatures are compared with; NULL: the same */
	void           *ctx;               /* of both */
	struct sipkey   key;               /* of the database that the events are for */
};

struct intake;

struct intake *intake_create(const struct intake_options *opt);
void intake_destroy(struct intake *in);    /* no batch may be out */

/* Replaces the sources, and the limits of bodies. Keeps `v` with all it points to until the next call. */
void intake_set_sources(struct intake *in, const struct intake_source *v, size_t n);
void intake_set_limits(struct intake *in, size_t body_len, size_t bulk_len);

/* Is this request the intake's? By its path alone. */
bool intake_wants(const struct http_request *r);

/* The two callbacks of a http_handler, for requests that intake_wants(). */
void intake_head(struct intake *in, struct http_request *r, struct http_admission *adm);
void intake_request(struct intake *in, struct http_request *r);

struct intake_stats {
	uint64_t n_events;         /* answered as accepted */
	uint64_t n_duplicates;
	uint64_t n_refused;        /* events that were refused, by field or by the engine */
	uint64_t n_unverified;     /* requests: missing, bad or stale signature, unknown source */
	uint64_t n_stale;          /* of these: good, but too old or too new */
	uint64_t n_malformed;      /* requests: no JSON, wrong type, too large */
	uint64_t n_full;           /* requests answered 503 */
	size_t   n_batches;        /* out at the sink now */
};
void intake_stats(const struct intake *in, struct intake_stats *out);

#endif
