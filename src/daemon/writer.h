/*
 * The daemon's hand on the store: jobs go to it in their order, and those for which its queue has no room now wait here, still in
 * order. So the rest of the daemon need not know that a disk can be full; it only asks writer_is_behind() before taking in more.
 */
#ifndef PLAZO_SRC_DAEMON_WRITER_H
#define PLAZO_SRC_DAEMON_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "store/store.h"
#include "store/verdicts.h"

struct daemon;
struct late;
struct refusal;
struct verdict;
struct ticket_row;

struct writer {
	struct arena *arena;          /* of what waits; emptied when nothing does */
	struct late  *first, *last;
	size_t        n;
	struct store_verdicts held;   /* not queued yet */
};

void writer_init(struct writer *w);
void writer_finish(struct writer *w);

void writer_put(struct daemon *d, const struct delivery *row, uint64_t cookie);
void writer_settle(struct daemon *d, const struct delivery *row);
void writer_refusal(struct daemon *d, const struct refusal *r);

/*
 * Verdicts are held until a ticket is saved, or until they are many, for what is given together is one row.
 * What is held in a crash comes anew from the journal, which reaches back at least to when its ticket was last saved.
 */
void writer_verdict(struct daemon *d, const struct verdict *v);
void writer_save(struct daemon *d, const struct ticket_row *row);

/* Queues what waits, as far as there is room. */
void writer_flush(struct daemon *d);

bool writer_is_behind(const struct daemon *d);

#endif
