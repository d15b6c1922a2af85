/*
 * How long the turns of the loop take, and what the longest of late was spent on: while a turn lasts, nobody is answered. Counts the
 * processor's time, for the loop waits for nothing within a turn, and what the machine does meanwhile is not the loop's.
 */
#ifndef PLAZO_SRC_DAEMON_PACE_H
#define PLAZO_SRC_DAEMON_PACE_H

#include <stdint.h>

struct buf;

enum pace_part {
	PACE_EVENTS,        /* sockets and timers: requests read, alerts sent */
	PACE_ANSWERS,       /* what is on disk by now: events applied, alerts handed on */
	PACE_STEPS,         /* steps that were due */
	PACE_REPLAN,        /* tickets that a new configuration plans anew */
	PACE_ALERTS,        /* what was decided, to the store; answers to requests */
	PACE_SNAPSHOT,      /* tickets to their rows */
	PACE_N
};

#define PACE_N_BOUNDS 8

struct pace_turn { int64_t ns, part_ns[PACE_N]; };

struct pace {
	struct pace_turn now;                   /* the present turn, but for PACE_EVENTS, which is what remains */
	int64_t          mark_ns, busy_ns;      /* when the present part began; the processor's time at the end of the last turn */
	struct pace_turn longest[2];            /* of the present minute, and of the one before */
	int64_t          minute_ns;             /* when the present one began */
	uint64_t         turns[PACE_N_BOUNDS + 1];
	double           sum_s;
};

/* The parts of a turn begin: the events are over. */
void pace_begin(struct pace *p);

/* What went on since the last call was `part`. */
void pace_part(struct pace *p, enum pace_part part);

/* The turn is over. */
void pace_end(struct pace *p);

/* Appends the families of /metrics. */
void pace_metrics(const struct pace *p, struct buf *b);

#endif
