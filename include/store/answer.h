/* What became of a job of the store. */
#ifndef PLAZO_STORE_ANSWER_H
#define PLAZO_STORE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct delivery;        /* store/delivery.h */
struct refusal;         /* store/streams.h */
struct ticket_row;      /* core/engine.h */

enum store_what {
	STORE_APPENDED, STORE_PUT, STORE_SETTLED, STORE_SAVED, STORE_JUDGED, STORE_REVISED, STORE_TRIMMED, STORE_SWEPT,
	STORE_CURSOR, STORE_REFUSAL, STORE_REWRITTEN,
	STORE_DELIVERIES, STORE_TICKET, STORE_CLOSED, STORE_REFUSALS, STORE_COPIED,
	STORE_N_WHATS
};

/* Borrowed during the call of the handler. */
struct store_done {
	enum store_what          what;
	enum err                 err;        /* ERR_FULL: not written, later it may be; ERR_IO: the store is dead, or a row that was asked for is
					      * damaged; ERR_ABSENT: nothing to settle */
	uint64_t                 cookie;
	uint32_t                 n;          /* of STORE_APPENDED: how many events it is about */
	uint64_t                 seq;        /* of STORE_APPENDED: the first event's number, without gaps, growing in the order of the jobs; of a
					      * fresh STORE_PUT: the row's, 0 when it cannot be kept */
	struct str               record;     /* of STORE_APPENDED with `echo`: what was to be appended */
	bool                     fetched;    /* of STORE_APPENDED: `ticket` is the row that was asked for */
	bool                     fresh;      /* of STORE_PUT and STORE_REFUSAL: inserted now */
	bool                     last;       /* of queries: no row here and none to come */
	const struct ticket_row *ticket;     /* NULL when there is none */
	const struct delivery   *delivery;   /* NULL when there is none */
	int                      fd;         /* of STORE_COPIED, with ERR_OK: of the copy; the handler's to close */
	const struct refusal    *refusal;    /* NULL when there is none */
};
typedef void store_done_fn(void *ctx, const struct store_done *done);

#endif
