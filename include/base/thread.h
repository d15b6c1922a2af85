/* Threads beside the loop. */
#ifndef PLAZO_BASE_THREAD_H
#define PLAZO_BASE_THREAD_H

#include <pthread.h>

#include "base/attr.h"

/*
 * How long the calling thread, and those it starts from now on, want to run at a time: with less than others, one that wakes up gets
 * its turn sooner, and no greater share. Linux 6.12 and later (sched_setattr(2), EEVDF) from 100 us on; elsewhere it changes nothing. Needs no rights.
 */
void thread_set_slice(unsigned us);

/* Starts one that has all signals blocked from birth: they are the loop's. 0, or an errno. */
MUST_CHECK int thread_start(pthread_t *out, void *(*fn)(void *), void *arg);

#endif
