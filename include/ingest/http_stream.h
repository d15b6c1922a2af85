/* An answer whose end is not known when it begins, for those who follow what happens. */
#ifndef PLAZO_INGEST_HTTP_STREAM_H
#define PLAZO_INGEST_HTTP_STREAM_H

#include "ingest/http.h"

#define HTTP_STREAM_BEHIND (1u << 20)   /* bytes that a client may leave untaken */

/*
 * Status 200 now, and pieces as they come, until the connection is closed. The request stays the caller's until http_stream_end(),
 * which takes the place of http_reply().
 */
void http_stream_begin(struct http_request *r, const char *content_type);

/* The same for an answer whose length is known: a client sees when it was cut. */
void http_stream_begin_sized(struct http_request *r, const char *content_type, uint64_t len);

/* Bytes that may be put now without the client being behind. */
size_t http_stream_room(const struct http_request *r);

/* A piece, whole or not at all. False when the client has gone or is behind: it is then time for http_stream_end(). */
MUST_CHECK bool http_stream_put(struct http_request *r, struct str piece);

bool http_stream_is_alive(const struct http_request *r);

/* Closes once everything is taken; cuts a client that is behind. */
void http_stream_end(struct http_request *r);

#endif
