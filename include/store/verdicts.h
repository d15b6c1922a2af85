/*
 * Verdicts on clocks, as a log: what is given together is kept as one row. A replay may give one again, and a clock may be judged anew: of
 * several of one (namespace, ticket, metric, cycle) the last holds.
 */
#ifndef PLAZO_STORE_VERDICTS_H
#define PLAZO_STORE_VERDICTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/reader.h"
#include "base/wall.h"

struct store;
struct verdict;         /* core/effects.h */

struct store_verdicts {
	struct buf  records;
	uint64_t    n;
	struct wall latest;      /* the latest end, or due time where there is none, that one of them tells of */
};
void store_verdicts_init(struct store_verdicts *v);
void store_verdicts_finish(struct store_verdicts *v);
void store_verdicts_reset(struct store_verdicts *v);     /* none; keeps the memory */

void store_verdicts_add(struct store_verdicts *v, const struct verdict *one);

/* The next one of the records, which its slices borrow. False at the end, and for what is no record: then r->bad says so. */
bool store_verdicts_next(struct reader *r, struct verdict *out);

/* A job as those of store/store.h. */
MUST_CHECK enum err store_put_verdicts(struct store *st, const struct store_verdicts *v, uint64_t cookie);

#endif
