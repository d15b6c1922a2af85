/*
 * For properties: random numbers from a seed that is printed, so that what failed can be seen again with PLAZO_SEED. PLAZO_ROUNDS
 * multiplies the number of rounds.
 */
#ifndef PLAZO_TESTS_PROP_H
#define PLAZO_TESTS_PROP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct prop { uint64_t state; };

/* Prints the seed under the name of the property. */
static inline struct prop prop_begin(const char *name)
{
	const char *z = getenv("PLAZO_SEED");
	struct timespec ts;
	struct prop p;

	clock_gettime(CLOCK_REALTIME, &ts);
	p.state = z != NULL ? strtoull(z, NULL, 10) : (uint64_t)ts.tv_sec * 1000003u ^ (uint64_t)ts.tv_nsec;
	fprintf(stderr, "%s: PLAZO_SEED=%" PRIu64 "\n", name, p.state);
	return p;
}

static inline size_t prop_rounds(size_t n)
{
	const char *z = getenv("PLAZO_ROUNDS");

	return z != NULL ? n * (size_t)strtoull(z, NULL, 10) : n;
}

static inline uint64_t prop_u64(struct prop *p)
{
	uint64_t z = p->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* From 0 to n - 1. */
static inline size_t prop_below(struct prop *p, size_t n)
{
	return (size_t)(prop_u64(p) % n);
}

static inline int64_t prop_between(struct prop *p, int64_t low, int64_t high)
{
	uint64_t n = (uint64_t)high - (uint64_t)low + 1;    /* 0 for all numbers there are */

	return (int64_t)((uint64_t)low + (n != 0 ? prop_u64(p) % n : prop_u64(p)));
}

static inline bool prop_chance(struct prop *p, unsigned percent)
{
	return prop_below(p, 100) < percent;
}

#endif
