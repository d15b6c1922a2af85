/*
 * What streams leave in the store: how far each was read, and what came by them that no ticket took, for people to look at. What holds
 * for jobs, queries and their answers in store/store.h holds here.
 */
#ifndef PLAZO_STORE_STREAMS_H
#define PLAZO_STORE_STREAMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/wall.h"

struct store;

/* A value; the slices are borrowed. */
struct store_cursor {
	struct str source, key;      /* the key: the name of the stream */
	struct str value;            /* its last id that was taken */
};

/* Likewise. */
struct refusal {
	uint64_t    no;              /* grows; given by the store */
	struct str  source;
	struct str  place;           /* where it stood */
	struct wall at;              /* when it came */
	struct str  why;             /* a sentence */
	struct str  body;            /* any bytes; left out of lists */
	uint64_t    body_len;        /* given by the store, also where the body is left out */
};

/* Before store_start(): every cursor. An error of fn ends it with that error. */
typedef enum err store_cursor_fn(void *ctx, const struct store_cursor *c, struct diag *d);
MUST_CHECK enum err store_load_cursors(struct store *st, store_cursor_fn *fn, void *ctx, struct diag *d);

/* Of the events that are queued from now on, all are on disk before a cursor of this epoch. */
uint64_t store_epoch(struct store *st);

/*
 * Replaces the value. Refused like events are while the disk is full; and with ERR_FULL when the disk has refused something since `epoch`:
 * a cursor must not pass events that are not there. STORE_CURSOR, when the cookie is not 0.
 */
MUST_CHECK enum err store_put_cursor(struct store *st, const struct store_cursor *c, uint64_t epoch, uint64_t cookie);

#define STORE_MAX_REFUSALS 20000     /* the newest are kept: of 64 KiB each at most, 1.3 GB */

/* Inserts; the same body from the same place of the source is kept once. STORE_REFUSAL, when the cookie is not 0: `fresh` tells which. */
MUST_CHECK enum err store_put_refusal(struct store *st, const struct refusal *r, uint64_t cookie);

/* STORE_REFUSALS: any number of answers with rows, newest first, then one without and `last`. */
struct store_refusal_filter {
	struct str source;           /* empty: of all */
	uint64_t   no;               /* this one alone, with its body; 0: a list */
	uint64_t   before;           /* of a list: older than this one; 0: from the newest */
	uint32_t   limit;            /* 1 to STORE_MAX_ROWS */
};
MUST_CHECK enum err store_list_refusals(struct store *st, const struct store_refusal_filter *f, uint64_t cookie);

#endif
