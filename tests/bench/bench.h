/* What the small benchmarks share: a clock, and a table of "name: ns per operation, against the peer". */
#ifndef PLAZO_TESTS_BENCH_H
#define PLAZO_TESTS_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static inline uint64_t bench_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline size_t bench_size(const char *name, size_t otherwise)
{
	const char *z = getenv(name);

	return z != NULL ? (size_t)strtoull(z, NULL, 10) : otherwise;
}

static inline void bench_tell(const char *what, double ns, const char *peer, double peer_ns)
{
	if (peer != NULL)
		printf("%-44s %8.1f ns   %s %8.1f ns   ratio %.2f\n", what, ns, peer, peer_ns, ns / peer_ns);
	else
		printf("%-44s %8.1f ns\n", what, ns);
}

/* The verdict, in one line of the form that every figure with a goal has. */
static inline void bench_goal(const char *what, double value, const char *unit, int met, const char *goal)
{
	printf("%-52s %10.*f %-9s goal %-16s %s\n", what, value < 100 ? 2 : 0, value, unit, goal, met ? "met" : "MISSED");
}

#endif
