/*
 * Rows of the outbox for which notify had no room. In a flood these are most of all: of each no more is kept here than finds its row, and
 * rows come back many at a time.
 */
#ifndef PLAZO_SRC_DAEMON_PARKING_H
#define PLAZO_SRC_DAEMON_PARKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct daemon;
struct parked_lane;

/* All zero is empty. */
struct parking {
	struct parked_lane *lanes;       /* owned; one a receiver that ever had such rows */
	size_t              n_lanes;
	size_t              n_asked;     /* rows that the store has been asked for and has not given yet */
};

void parking_finish(struct parking *k);

/* The row `no` of the alert `id` for this receiver. Copies. */
void parking_add(struct parking *k, uint64_t no, const char *id, const char *receiver);

/* Asks the store for up to `room` of the receiver's rows, the oldest; they go to outbox_resume(). False when it has none, here or on the way. */
bool parking_refill(struct daemon *d, const char *receiver, size_t room);

#endif
