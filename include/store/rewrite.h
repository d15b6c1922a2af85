/* Going over everything that is kept, to change what must not be kept any longer. The store knows no more of the rows than before. */
#ifndef PLAZO_STORE_REWRITE_H
#define PLAZO_STORE_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct store;

enum store_part { PART_OPEN, PART_CLOSED, PART_EVENT, PART_DELIVERY, PART_DETAIL, PART_REFUSED, PART_N };    /* in this order */

struct store_piece {
	enum store_part part;
	struct str      ns, ticket;      /* of tickets, deliveries and their details; of what was refused, its source and place */
	struct str      bytes;           /* a ticket's row, an event's record, an alert's JSON, what became of it, a refused body */
};

/*
 * Runs on the store's thread, inside a transaction that may be taken back and done again. Appends what shall stand in the place of
 * the bytes, and says true; or leaves them.
 */
typedef bool store_rewrite_fn(void *ctx, const struct store_piece *piece, struct buf *out);

/* Keeps ctx until STORE_REWRITTEN. In slices; what was queued before is seen, and what is deleted is overwritten. */
MUST_CHECK enum err store_rewrite(struct store *st, store_rewrite_fn *fn, void *ctx, uint64_t cookie);

#endif
