/* Threads beside the loop. */
#ifndef PLAZO_BASE_THREAD_H
#define PLAZO_BASE_THREAD_H

#include <pthread.h>

#include "base/attr.h"

/* Starts one that has all signals blocked from birth: they are the loop's. 0, or an errno. */
MUST_CHECK int thread_start(pthread_t *out, void *(*fn)(void *), void *arg);

#endif
