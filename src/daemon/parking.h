/*
 * Rows of the outbox for which notify had no room. In a flood these are most of all: of each no more is kept here than finds its row, and
 * rows come back many at a time.
 */
#ifndef PLAZO_SRC_DAEMON_PARKING_H
#define PLAZO_SRC_DAEMON_PARKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct alert;
struct daemon;
struct parked_lane;

/* All zero is empty. */
struct parking {
	struct parked_lane *lanes;       /* owned; one a receiver that ever had such rows */
	size_t              n_lanes;
	size_t              n_asked;     /* rows that the store has been asked for and has not given yet */
};

void parking_finish(struct parking *k);

/* The row `no` of the alert for this receiver. Copies. */
void parking_add(struct parking *k, uint64_t no, const struct alert *a, const char *receiver);

/*
 * Do rows wait here, or come back just now, that this alert must not overtake on its way to the receiver? Only a more urgent one may: so the
 * alerts of a ticket keep their order without a look at whose they are.
 */
bool parking_is_before(const struct parking *k, const struct alert *a, const char *receiver);

/* How many rows wait here for the receiver, or come back just now. */
size_t parking_count(const struct parking *k, const char *receiver);

/*
 * Asks the store for the oldest of the receiver's rows, up to twice as many as there is room for, once those are back that it was asked for
 * before; they go to outbox_return(), and what finds no room has its place again. False when it has none, here or on the way.
 */
bool parking_refill(struct daemon *d, const char *receiver, size_t room);

#endif
