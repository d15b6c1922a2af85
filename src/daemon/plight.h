/*
 * When trouble is worth an alert: not at once, since most of it passes; not again and again, though it comes and goes. Decides that alone;
 * refuses to know what the trouble is and who is told.
 */
#ifndef PLAZO_SRC_DAEMON_PLIGHT_H
#define PLAZO_SRC_DAEMON_PLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wall.h"

#define PLIGHT_TELL_MS  MS_PER_MIN               /* trouble for as long is told */
#define PLIGHT_AGAIN_MS (INT64_C(10) * MS_PER_MIN) /* … but must have lasted for as long in the hour after one was told */
#define PLIGHT_OVER_MS  (INT64_C(10) * MS_PER_S) /* it is over when it has not come back for as long */
#define PLIGHT_QUIET_MS MS_PER_H                 /* that hour; losses that were told are not told again for as long */
#define TALLY_GATHER_MS (INT64_C(5) * MS_PER_S)  /* losses mostly come together: one alert tells of them */

/* Something that is well or not. All zero: it was well so far. */
struct plight {
	bool    is_bad, is_told;
	int64_t bad_ms;          /* since when, with its pauses; mono */
	int64_t good_ms;         /* since when it is good again; 0: it is not */
	int64_t next_ms;         /* the end of the hour after one was told */
};

enum plight_news { PLIGHT_NOTHING, PLIGHT_WORSE, PLIGHT_BETTER };

/* PLIGHT_WORSE when it is to be told that it is bad, PLIGHT_BETTER when that was told and it is over. To be called every few seconds. */
enum plight_news plight_look(struct plight *p, bool is_bad, struct mono now);

/* Something that is counted, and should stay 0. All zero: nothing was counted so far. */
struct tally {
	uint64_t n_told;
	int64_t  first_ms;       /* when the first was seen that is not told; 0: there is none */
	int64_t  next_ms;
};

/* How many are to be told of now that there are `n` in all; 0: none. */
uint64_t tally_look(struct tally *t, uint64_t n, struct mono now);

#endif
