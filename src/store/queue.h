/*
 * What the two threads hand each other: a batch of jobs one way, a list of answers the other. Each is a few growing arrays, with no
 * allocation for a job; the rows within are packed, since they outlive what they were copied from. No locks here: see store.c.
 */
#ifndef PLAZO_STORE_QUEUE_H
#define PLAZO_STORE_QUEUE_H

#include "base/buf.h"
#include "base/reader.h"
#include "core/engine.h"
#include "store/store.h"
#include "store/streams.h"

/* The kind of a job is the kind of its answer. */
struct job {
	enum store_what what;
	bool            fetch;     /* of STORE_APPENDED: the packed part is the key of a ticket to read */
	bool            echo;      /* of STORE_APPENDED: the record is wanted with the answer */
	bool            shadowed;  /* of STORE_SAVED: a closed row of the same name may exist */
	uint32_t        n;         /* of STORE_APPENDED: how many events */
	uint64_t        cookie;
	size_t          at, len;   /* packed part, in `bytes` */
	size_t          rec, rec_len;   /* of STORE_APPENDED: in `records`. Of one that is echoed the record, whose length stands before it */
};

struct batch {
	struct job *jobs;          /* owned */
	size_t      n, cap;
	struct buf  bytes;         /* packed parts of the jobs */
	struct buf  records;       /* of the events, as the journal has them: varint length, bytes */
};

struct answer {
	struct store_done done;    /* without its slices and rows */
	size_t            at, len; /* packed row, in `bytes` */
	size_t            rec, rec_len;
};

struct answers {
	struct answer *v;          /* owned */
	size_t         n, cap;
	struct buf     bytes;
};

void batch_init(struct batch *b);
void batch_finish(struct batch *b);
void batch_reset(struct batch *b);

/* Adds a job; the caller packs what belongs to it into b->bytes, then calls batch_seal(). */
struct job *batch_add(struct batch *b, enum store_what what, uint64_t cookie);
void batch_seal(struct batch *b);

/* Adds a job of `from`, with its packed part but without its record. */
void batch_copy(struct batch *b, const struct batch *from, const struct job *job);

size_t job_bytes(const struct job *job);
struct str job_packed(const struct batch *b, const struct job *job);
struct str job_record(const struct batch *b, const struct job *job);

void answers_init(struct answers *a);
void answers_finish(struct answers *a);
void answers_reset(struct answers *a);
struct answer *answers_add(struct answers *a, enum store_what what, uint64_t cookie, enum err err);
void answers_set_record(struct answers *a, struct answer *x, struct str record);
void answers_set_ticket(struct answers *a, struct answer *x, const struct ticket_row *row);
void answers_set_delivery(struct answers *a, struct answer *x, const struct delivery *row);
void answers_set_refusal(struct answers *a, struct answer *x, const struct refusal *row);

/* Back to what it was when it had n answers and `len` bytes. */
void answers_cut(struct answers *a, size_t n, size_t len);
void answers_move(struct answers *to, struct answers *from);     /* appends; `from` is empty afterwards */

/* Calls fn for those from the one at `from` on, in order, until `ms` have passed. Returns where it stopped. */
size_t answers_tell(const struct answers *a, size_t from, int64_t ms, store_done_fn *fn, void *ctx);

/* ---- packed rows ---- */

void pack_str(struct buf *b, struct str s);
void pack_ticket(struct buf *b, const struct ticket_row *row);
void unpack_ticket(struct reader *r, struct ticket_row *out);
void pack_delivery(struct buf *b, const struct delivery *row);
void unpack_delivery(struct reader *r, struct delivery *out);
void pack_cursor(struct buf *b, const struct store_cursor *c);
void unpack_cursor(struct reader *r, struct store_cursor *out);
void pack_refusal(struct buf *b, const struct refusal *row);
void unpack_refusal(struct reader *r, struct refusal *out);

#endif
