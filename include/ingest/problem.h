/*
 * What is wrong with a request or with one of its events, as RFC 9457 tells it (application/problem+json). A value: the texts
 * live inside, so that it may be kept, and `title` is a literal.
 */
#ifndef PLAZO_INGEST_PROBLEM_H
#define PLAZO_INGEST_PROBLEM_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

#define PROBLEM_TYPE        "application/problem+json"
#define PROBLEM_POINTER_LEN 192

struct problem {
	int         status;                         /* HTTP status, 400 to 599 */
	const char *title;                          /* a literal; NULL: the reason phrase of the status */
	char        detail[DIAG_LEN];               /* one sentence; may be empty */
	char        pointer[PROBLEM_POINTER_LEN];   /* RFC 6901, into the body; empty: the whole */
	char        id[EVENT_MAX_ID + 1];           /* of the event it is about; empty when that is not known */
	unsigned    line, col;                      /* 1-based place in the body; 0 when there is none */
};

/* Fills all of it, without pointer and place. The sentence is cut to fit. */
void problem_set(struct problem *p, int status, const char *title, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Puts "/INDEX" before the pointer: what was said of an event is now said of an event in a batch. */
void problem_prefix(struct problem *p, size_t index);

/* The same with a key, which needs no escape. */
void problem_prefix_key(struct problem *p, const char *key);

/* Puts "/KEY" behind the pointer, escaped, or "/INDEX". What is too long is cut. */
void problem_append(struct problem *p, struct str key);
void problem_append_index(struct problem *p, size_t index);

/* Keeps the event's id, unless it is too long for one. */
void problem_set_id(struct problem *p, struct str id);

/* Appends the object: {"title","status","detail","id","pointer","line","column"}, without what is empty. */
void problem_write(const struct problem *p, struct buf *out);

/* The same as an entry of a list: with "index" before it. */
struct json_out;
void problem_write_entry(const struct problem *p, size_t index, struct json_out *o);

/* "Not Found"; "Error" for what is unknown. */
const char *http_reason(int status);

#endif
