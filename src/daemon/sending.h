/* A row of the outbox between the engine and notify: shared by outbox.c, which makes them, and afterword.c, which holds some back. */
#ifndef PLAZO_SRC_DAEMON_SENDING_H
#define PLAZO_SRC_DAEMON_SENDING_H

#include "core/alert.h"
#include "daemon/outbox.h"
#include "daemon/query.h"

/* A row that the store has been given and has not answered yet; or one that waits until it is known whether there is need for it. */
struct sending {
	struct query    query;
	struct daemon  *d;
	struct sending *prev, *next;
	struct sending *next_asker;      /* waits for its turn to ask */
	struct alert    alert;           /* its slices point into `texts` */
	void           *texts;           /* owned */
	bool            was_told, undecided;
	int64_t         wait_ms;         /* before it was looked at last */
	struct wall     created, next_at;
	uint64_t        no;              /* of its row, once that is on disk */
	bool            told;            /* notify has it already: the disk was full */
	char            receiver[];      /* its name */
};

/* To notify, whether it is on disk or not. */
void sending_send(struct daemon *d, struct sending *s);
void sending_destroy(struct outbox *o, struct sending *s);

/* ---- afterword.c: `cleared` and `retracted` are for those who were told ---- */

/* Is it one of these? */
bool afterword_is(const struct alert *a);

/* Sends it, or suppresses it, once its grace is over and it is known whether its receiver has heard of the clock before. Takes it. */
void afterword_wait(struct sending *s);

#endif
