/*
 * What an answer means, and when to try again. Pure: time and randomness are arguments.
 */
#ifndef PLAZO_NOTIFY_RETRY_H
#define PLAZO_NOTIFY_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/wall.h"

enum outcome {
	OUTCOME_SENT,
	OUTCOME_BUSY,      /* nobody answered, or says "later": quick retries up to the age limit */
	OUTCOME_GREY,      /* a mail server says "later": once quickly, then not before a minute, up to the age limit */
	OUTCOME_DENIED,    /* credentials, address or certificate are wrong: fallback at once, slow retries up to the age limit */
	OUTCOME_MOVED,     /* a redirect, which is not followed: fallback at once, a few slow retries */
	OUTCOME_REFUSED,   /* this request is wrong: a few retries */
	OUTCOME_FINAL,     /* no retry */
	OUTCOME_GONE,      /* 410: no retry, and the endpoint is disabled */
	OUTCOME_N
};

/* `status` is 0 when there was no answer. */
enum outcome retry_http(int status);
enum outcome retry_smtp(int status);

#define RETRY_GIVE_UP (-1)

/*
 * How long to wait after the `attempts`-th attempt (1 is the first) ended like this; RETRY_GIVE_UP when there shall be no other.
 * `random` spreads it by ±20 %. `after_ms` is Retry-After or -1; it is obeyed where it is longer, and never shortens the wait.
 */
int64_t retry_delay_ms(enum outcome o, unsigned attempts, int64_t after_ms, uint64_t random);

/* Does the fallback get the alert now, although there may be retries? */
bool retry_wants_fallback(enum outcome o, int64_t after_ms);

#define RETRY_AFTER_MIN_MS  MS_PER_S
#define RETRY_AFTER_MAX_MS  MS_PER_H
#define RETRY_PATIENCE_MS   MS_PER_MIN    /* what is put off for longer goes to the fallback too */

/* Retry-After: seconds or an HTTP date (IMF-fixdate), between one second and one hour; -1 for everything else. */
int64_t retry_after_ms(struct str value, struct wall now);

/* splitmix64 (Steele, Lea, Flood 2014): the next number of the sequence that begins with *state. */
uint64_t retry_random(uint64_t *state);

#endif
