/*
 * The time by which the daemon decides, out of a wall clock that may jump and a boot clock that does not. Pure: it is told both.
 *
 * It never goes back. A jump of the wall clock by more than five minutes, either way, is not believed for two minutes: meanwhile
 * time goes on by the boot clock (which counts a suspend, so that waking up is no jump). A jump that is taken back within them
 * leaves no trace: no event is stamped with it and no step fires by it. What is believed after that is either ahead, and time
 * leaps; or behind, and time stands still until the wall clock has caught up: then steps come early at worst, and none is lost.
 * Jumps of less than that are followed at once, forward by leaping and backward by standing still.
 *
 * Time that has leapt by more than a month, while we ran or since we ran last, counts for what is decided, but is proven only after a day: until
 * then nothing is done that cannot be undone.
 */
#ifndef PLAZO_SRC_DAEMON_CLOCKWATCH_H
#define PLAZO_SRC_DAEMON_CLOCKWATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wall.h"

#define CLOCK_JUMP_MS  (INT64_C(5) * MS_PER_MIN)
#define CLOCK_HOLD_MS  (INT64_C(2) * MS_PER_MIN)
#define CLOCK_LEAP_MS  (INT64_C(30) * MS_PER_DAY)
#define CLOCK_PROOF_MS MS_PER_DAY
#define CLOCK_NOTED_MS INT64_C(1000)    /* smaller corrections are not worth a word */

enum clock_news {
	CLOCK_STEADY,
	CLOCK_STEPPED,      /* a small jump, followed */
	CLOCK_SUSPECT,      /* a large one, not believed yet */
	CLOCK_RECOVERED,    /* which was taken back */
	CLOCK_BELIEVED,     /* which stayed */
};

struct clockwatch {
	struct wall now;           /* what the last call gave */
	int64_t     offset_ms;     /* wall less boot, as believed */
	int64_t     suspect_ms;    /* wall less boot, as suspected */
	struct mono since;         /* boot time at which the suspicion began */
	bool        suspect;
	struct mono proven;        /* boot time at which the present time is proven */
	int64_t     step_ms;       /* of the last news: how far the clock jumped */
	uint64_t    n_jumps;
};

void clockwatch_init(struct clockwatch *c, struct wall wall, struct mono boot);

/* Time is not before `latest`, the last that an earlier process journaled: WALL_PAST when there was none. Gives the time now. */
struct wall clockwatch_resume(struct clockwatch *c, struct wall latest, struct mono boot);

/* The time now. */
struct wall clockwatch_sample(struct clockwatch *c, struct wall wall, struct mono boot, enum clock_news *news_out);

/* The wall clock as believed, for what others compare with theirs: signatures, dates of mail. Unlike the time it may go back. */
struct wall clockwatch_wall(const struct clockwatch *c, struct mono boot);

/* False for a day after a leap. */
bool clockwatch_is_proven(const struct clockwatch *c, struct mono boot);

/* How far the time is ahead of the wall clock as believed: over 0 while it stands still. */
int64_t clockwatch_ahead_ms(const struct clockwatch *c, struct mono boot);

#endif
