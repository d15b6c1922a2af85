#include "base/thread.h"

#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the kernel: <linux/sched/types.h>, which clashes with <sched.h> in glibc 2.36. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t  nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

void thread_set_slice(unsigned us)
{
	struct attributes attr = { .size = sizeof attr };

	/* What else is in it stays as it is. Whoever gave us another policy knows better. */
	if (syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) != 0 || attr.policy != SCHED_OTHER)
		return;
	attr.runtime_ns = (uint64_t)us * 1000;
	(void)syscall(SYS_sched_setattr, 0, &attr, 0);
}

int thread_start(pthread_t *out, void *(*fn)(void *), void *arg)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(out, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}
