#include "base/now.h"

#include <time.h>

#define NS_PER_MS INT64_C(1000000)

static int64_t read_ns(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * (1000 * NS_PER_MS) + (int64_t)ts.tv_nsec;
}

struct wall wall_now(void)
{
	return (struct wall){ read_ns(CLOCK_REALTIME) / NS_PER_MS };
}

struct mono mono_now(void)
{
	return (struct mono){ read_ns(CLOCK_MONOTONIC) / NS_PER_MS };
}

struct mono boot_now(void)
{
	return (struct mono){ read_ns(CLOCK_BOOTTIME) / NS_PER_MS };
}

struct wall wall_lately(void)
{
	return (struct wall){ read_ns(CLOCK_REALTIME_COARSE) / NS_PER_MS };
}

struct mono mono_lately(void)
{
	return (struct mono){ read_ns(CLOCK_MONOTONIC_COARSE) / NS_PER_MS };
}

int64_t mono_now_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t thread_now_ns(void)
{
	return read_ns(CLOCK_THREAD_CPUTIME_ID);
}
