/* The head of a request: from bytes to what it means, or to the reason why it is refused. Pure. */
#ifndef PLAZO_INGEST_HTTP_HEAD_H
#define PLAZO_INGEST_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "ingest/http.h"

struct http_head {
	enum http_method    method;
	struct str          raw_path, query;
	struct str          path;             /* raw_path itself, or in `decoded` */
	struct http_header *headers;          /* owned: room for limits.n_headers */
	size_t              n_headers;
	bool                is_10;            /* HTTP/1.0 */
	bool                keep_alive;       /* the client wants another request on this connection */
	bool                chunked;          /* else content_length holds, 0 when none was given */
	bool                expects_continue;
	uint64_t            content_length;
	struct buf          decoded;          /* of a path with escapes */
};

/* May stand in the name of a method or a header (RFC 9110 section 5.6.2). */
bool http_is_token(unsigned char c);

void http_head_init(struct http_head *h, const struct http_limits *limits);
void http_head_finish(struct http_head *h);

/*
 * Looks for the end of a head at the beginning of `bytes`. Gives its length with the empty line, 0 when more bytes are needed.
 * *scanned is where the last call stopped, 0 at first. False with a problem when no head can come of it.
 */
MUST_CHECK bool http_head_end(struct str bytes, const struct http_limits *limits, size_t *scanned, size_t *len_out, struct problem *p);

/* Reads a head that http_head_end() measured. Borrows `text`. False with a problem when it is refused. */
MUST_CHECK bool http_head_parse(struct http_head *h, struct str text, const struct http_limits *limits, struct problem *p);

#endif
