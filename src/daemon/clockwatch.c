#include "daemon/clockwatch.h"

void clockwatch_init(struct clockwatch *c, struct wall wall, struct mono boot)
{
	*c = (struct clockwatch){ .now = wall, .offset_ms = wall.ms - boot.ms };
}

static void look_for_leap(struct clockwatch *c, int64_t step_ms, struct mono boot)
{
	if (step_ms > CLOCK_LEAP_MS)
		c->proven = (struct mono){ boot.ms + CLOCK_PROOF_MS };
}

struct wall clockwatch_resume(struct clockwatch *c, struct wall latest, struct mono boot)
{
	if (latest.ms != WALL_PAST.ms)
		look_for_leap(c, c->now.ms - latest.ms, boot);
	c->now = wall_max(c->now, latest);
	return c->now;
}

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

static void follow(struct clockwatch *c, int64_t offset)
{
	c->offset_ms = offset;
	c->suspect = false;
}

static enum clock_news watch(struct clockwatch *c, int64_t offset, struct mono boot)
{
	int64_t step = offset - c->offset_ms;
	bool was_suspect = c->suspect;

	if (distance(offset, c->offset_ms) <= CLOCK_JUMP_MS) {
		follow(c, offset);
		if (was_suspect)
			return CLOCK_RECOVERED;
		if (distance(step, 0) < CLOCK_NOTED_MS)
			return CLOCK_STEADY;
		c->step_ms = step;
		c->n_jumps++;
		return CLOCK_STEPPED;
	}
	/* A second jump while one is suspected begins the wait anew. */
	if (!was_suspect || distance(offset, c->suspect_ms) > CLOCK_JUMP_MS) {
		c->suspect = true;
		c->suspect_ms = offset;
		c->since = boot;
		c->step_ms = step;
		c->n_jumps++;
		return CLOCK_SUSPECT;
	}
	if (boot.ms - c->since.ms < CLOCK_HOLD_MS)
		return CLOCK_STEADY;
	c->step_ms = step;
	look_for_leap(c, step, boot);
	follow(c, offset);
	return CLOCK_BELIEVED;
}

struct wall clockwatch_sample(struct clockwatch *c, struct wall wall, struct mono boot, enum clock_news *news_out)
{
	*news_out = watch(c, wall.ms - boot.ms, boot);
	c->now = wall_max(c->now, (struct wall){ boot.ms + c->offset_ms });
	return c->now;
}

struct wall clockwatch_wall(const struct clockwatch *c, struct mono boot)
{
	return (struct wall){ boot.ms + c->offset_ms };
}

bool clockwatch_is_proven(const struct clockwatch *c, struct mono boot)
{
	return boot.ms >= c->proven.ms;
}

int64_t clockwatch_ahead_ms(const struct clockwatch *c, struct mono boot)
{
	return c->now.ms - clockwatch_wall(c, boot).ms;
}
