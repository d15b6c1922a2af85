#include "notify/retry.h"

#include <stddef.h>

#include "base/civil.h"

enum outcome retry_http(int status)
{
	if (status >= 200 && status < 300)
		return OUTCOME_SENT;
	if (status >= 300 && status < 400)
		return OUTCOME_MOVED;
	switch (status) {
	case 401: case 403: case 404:
		return OUTCOME_DENIED;
	case 408: case 425: case 429:
		return OUTCOME_BUSY;
	case 410:
		return OUTCOME_GONE;
	default:
		return status >= 400 && status < 500 ? OUTCOME_REFUSED : OUTCOME_BUSY;
	}
}

enum outcome retry_smtp(int status)
{
	/* Authentication is missing, too weak, or wrong (RFC 4954): the configuration's fault, not the recipient's. */
	if (status == 530 || status == 534 || status == 535 || status == 538)
		return OUTCOME_DENIED;
	if (status >= 200 && status < 300)
		return OUTCOME_SENT;
	if (status >= 400 && status < 500)
		return OUTCOME_GREY;
	return status >= 500 && status < 600 ? OUTCOME_FINAL : OUTCOME_BUSY;
}

/* Waits after the first, second, … attempt in seconds; the last one repeats, unless there is a limit to the attempts. */
struct schedule {
	uint8_t  n;
	uint8_t  max_attempts;    /* 0: none */
	int64_t  wait_s[8];
};

static const struct schedule schedules[OUTCOME_N] = {
	[OUTCOME_BUSY]    = { 5, 0, { 2, 5, 15, 30, 60 } },
	[OUTCOME_GREY]    = { 8, 0, { 5, 60, 60, 60, 120, 300, 900, 1800 } },
	[OUTCOME_DENIED]  = { 3, 0, { 30, 60, 300 } },
	[OUTCOME_MOVED]   = { 3, 4, { 30, 60, 300 } },
	[OUTCOME_REFUSED] = { 2, 3, { 5, 30 } },
	[OUTCOME_FINAL]   = { 0, 1, { 0 } },
	[OUTCOME_GONE]    = { 0, 1, { 0 } },
};

/* 80 to 120 % of ms. */
static int64_t jittered(int64_t ms, uint64_t random)
{
	return ms * (int64_t)(800 + random % 401) / 1000;
}

int64_t retry_delay_ms(enum outcome o, unsigned attempts, int64_t after_ms, uint64_t random)
{
	const struct schedule *s = &schedules[o];
	size_t i = attempts > 0 ? attempts - 1 : 0;

	if (s->n == 0 || (s->max_attempts > 0 && attempts >= s->max_attempts))
		return RETRY_GIVE_UP;
	int64_t ms = jittered(s->wait_s[i < s->n ? i : s->n - 1u] * MS_PER_S, random);
	return ms > after_ms ? ms : after_ms;
}

bool retry_wants_fallback(enum outcome o, int64_t after_ms)
{
	return o == OUTCOME_DENIED || o == OUTCOME_MOVED || after_ms > RETRY_PATIENCE_MS;
}

static int64_t clamped(int64_t ms)
{
	if (ms < RETRY_AFTER_MIN_MS)
		return RETRY_AFTER_MIN_MS;
	return ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.len > 0;
}

static int number(const char *p, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", the one form of RFC 9110 that may still be sent. */
static bool imf_fixdate(struct str s, struct wall *out)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int32_t month = 0;

	if (s.len != 29 || memcmp(s.p + 3, ", ", 2) != 0 || memcmp(s.p + 25, " GMT", 4) != 0)
		return false;
	if (s.p[7] != ' ' || s.p[11] != ' ' || s.p[16] != ' ' || s.p[19] != ':' || s.p[22] != ':')
		return false;
	for (int32_t m = 0; m < 12; m++)
		if (memcmp(s.p + 8, months + 3 * m, 3) == 0)
			month = m + 1;
	int day = number(s.p + 5, 2), year = number(s.p + 12, 4);
	int h = number(s.p + 17, 2), min = number(s.p + 20, 2), sec = number(s.p + 23, 2);
	if (month == 0 || year < 1970 || h < 0 || h > 23 || min < 0 || min > 59 || sec < 0 || sec > 60)
		return false;
	if (day < 1 || day > civil_month_len(year, month))
		return false;
	int64_t days = civil_to_days((struct civil){ year, month, day });
	*out = (struct wall){ days * MS_PER_DAY + h * MS_PER_H + min * MS_PER_MIN + sec * MS_PER_S };
	return true;
}

int64_t retry_after_ms(struct str value, struct wall now)
{
	struct str s = str_trim(value);
	struct wall at;

	if (all_digits(s))
		return clamped(s.len > 6 ? RETRY_AFTER_MAX_MS : number(s.p, s.len) * MS_PER_S);
	if (imf_fixdate(s, &at))
		return clamped(at.ms - now.ms);
	return -1;
}

uint64_t retry_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}
