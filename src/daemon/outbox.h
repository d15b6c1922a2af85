/*
 * The way of an alert: from what the engine decided to rows of the outbox, one a receiver, and once they are on disk, to notify;
 * and what became of them back to their rows. Looks at the clock again before anything is sent.
 */
#ifndef PLAZO_SRC_DAEMON_OUTBOX_H
#define PLAZO_SRC_DAEMON_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "core/alert.h"
#include "daemon/parking.h"
#include "notify/notify.h"
#include "store/store.h"

struct daemon;
struct sending;

struct outbox {
	struct json_doc *doc;
	struct buf       body;              /* of the alert that is being put */
	struct sending  *first;             /* rows that are on their way to the disk, youngest first */
	size_t           n;
	struct sending  *asker, *last_asker;   /* of `first`: waiting for their turn to ask whether anybody was told; the oldest first */
	size_t           n_asking;
	struct parking   parking;           /* rows that notify had no room for */
	uint64_t         n_decided[ALERT_N_TYPES];
	uint64_t         n_unsent[ALERT_N_UNSENT];
};

void outbox_init(struct outbox *o);
void outbox_finish(struct outbox *o);

/* Everything that the engine decided since the last call: alerts to rows, verdicts to the store. */
void outbox_take_effects(struct daemon *d);

void outbox_alert(struct daemon *d, const struct alert *a);

/* A store_done of STORE_PUT. */
void outbox_committed(struct daemon *d, const struct store_done *done);

/* While the disk takes nothing: what waits for it is sent all the same. */
void outbox_send_uncommitted(struct daemon *d);

/* A pending row of the store, at the start: to notify. */
void outbox_resume(struct daemon *d, const struct delivery *row);

/* A row that has waited for room: likewise. False when there is none; the caller keeps its place. */
bool outbox_return(struct daemon *d, const struct delivery *row);

/*
 * A settled row once more, because `who` asked for it: with the same id, whatever has become of its clock. A row is marked by its detail, so
 * that a restart before the attempt changes nothing.
 */
void outbox_again(struct daemon *d, const struct delivery *row, struct str who);

/* A row that was given up is no dead letter any more. */
void outbox_drop(struct daemon *d, const struct delivery *row, struct str who);

/* Shows each alert that waits in memory, here or in notify, to `fn`, which may shorten its texts. */
void outbox_walk(struct daemon *d, void (*fn)(void *ctx, struct alert *a), void *ctx);

/* How the i-th receiver is doing, in whatever order they are; what waits for it on disk alone is pending, too. False past the last. */
bool outbox_receiver(const struct daemon *d, size_t i, struct notify_stats *out);

/* Whose ctx is the daemon. */
extern const struct notify_ops outbox_ops;

#endif
