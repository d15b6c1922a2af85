/*
 * Errors are few and say what the caller can do, not where they happened; the human sentence goes into a struct diag.
 */
#ifndef PLAZO_BASE_ERR_H
#define PLAZO_BASE_ERR_H

#include "base/attr.h"

enum err {
	ERR_OK = 0,
	ERR_NOMEM,      /* an allocation bounded by a limit failed */
	ERR_LIMIT,      /* input larger than a named bound */
	ERR_SYNTAX,     /* input is not what its grammar says */
	ERR_RANGE,      /* well formed, but outside of what makes sense */
	ERR_CONFLICT,   /* same idempotency key, different body */
	ERR_ABSENT,     /* what was asked for is not there */
	ERR_DENIED,     /* the asker may not */
	ERR_FULL,       /* a queue or a disk has no room now; later it may */
	ERR_IO,         /* the outside world failed; detail is in the diag */
};

#define DIAG_LEN 320

/* One sentence about what went wrong, and where in the input it stands. */
struct diag {
	unsigned line, col;      /* 1-based; 0 when there is no place to point at */
	char     msg[DIAG_LEN];  /* "" when nothing was said */
};

/* A short name for logs ("limit", "syntax"); never NULL. */
const char *err_name(enum err e);

/* Writes the sentence, truncated to fit, without a place. `d` may be NULL: then nothing happens. */
void diag_set(struct diag *d, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The same with a 1-based place. */
void diag_set_at(struct diag *d, unsigned line, unsigned col, const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
