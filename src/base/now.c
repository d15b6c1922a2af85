#include "base/now.h"

#include <time.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * MS_PER_S + (int64_t)ts.tv_nsec / 1000000;
}

struct wall wall_now(void)
{
	return (struct wall){ read_ms(CLOCK_REALTIME) };
}

struct mono mono_now(void)
{
	return (struct mono){ read_ms(CLOCK_MONOTONIC) };
}

struct mono boot_now(void)
{
	return (struct mono){ read_ms(CLOCK_BOOTTIME) };
}
