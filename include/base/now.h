/* The only door to the system's clocks. core/ and config/ are told the time and never include this. */
#ifndef PLAZO_BASE_NOW_H
#define PLAZO_BASE_NOW_H

#include "base/wall.h"

struct wall wall_now(void);    /* CLOCK_REALTIME, cut to milliseconds */
struct mono mono_now(void);    /* CLOCK_MONOTONIC, likewise */
struct mono boot_now(void);    /* CLOCK_BOOTTIME: goes on through a suspend */

/* The same as of the kernel's last tick, 10 ms ago at most, for a tenth of the price: for what lasts seconds. */
struct wall wall_lately(void);
struct mono mono_lately(void);

/* Nanoseconds, for measuring how long something takes. */
int64_t mono_now_ns(void);
int64_t thread_now_ns(void);   /* of the processor, spent by this thread */

#endif
