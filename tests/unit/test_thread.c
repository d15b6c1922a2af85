/* Threads: they start with all signals blocked, and ask the scheduler for short slices, which changes nothing else. */
#include "../cmocka_plazo.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/thread.h"

struct seen {
	sigset_t blocked;
	int32_t  nice;
	uint32_t policy;
	uint64_t slice_ns;
};

/* The head of the kernel's struct sched_attr, by words: size, policy, flags (2), nice, priority, then the slice. */
static void look(struct seen *s)
{
	uint32_t words[14] = { sizeof words };

	assert_int_equal(syscall(SYS_sched_getattr, 0, words, sizeof words, 0), 0);
	s->policy = words[1];
	s->nice = (int32_t)words[4];
	memcpy(&s->slice_ns, &words[6], sizeof s->slice_ns);
	pthread_sigmask(SIG_SETMASK, NULL, &s->blocked);
}

static void *run(void *arg)
{
	look(arg);
	return NULL;
}

static struct seen of_a_new_thread(void)
{
	struct seen s = { .nice = 99 };
	pthread_t t;

	assert_int_equal(thread_start(&t, run, &s), 0);
	pthread_join(t, NULL);
	return s;
}

static bool kernel_has_slices(void)
{
	struct utsname u;
	char *end;
	long major, minor;

	uname(&u);
	major = strtol(u.release, &end, 10);
	minor = strtol(end + 1, NULL, 10);
	return major > 6 || (major == 6 && minor >= 12);
}

static void it_leaves_signals_to_the_loop(void **state)
{
	struct seen s = of_a_new_thread();
	sigset_t mine;

	(void)state;
	assert_int_equal(sigismember(&s.blocked, SIGTERM), 1);
	assert_int_equal(sigismember(&s.blocked, SIGHUP), 1);
	pthread_sigmask(SIG_SETMASK, NULL, &mine);
	assert_int_equal(sigismember(&mine, SIGTERM), 0);
}

static void slices_and_nothing_else(void **state)
{
	struct seen before, after, other;

	(void)state;
	(void)!nice(3);
	look(&before);
	assert_true(before.nice > 0);
	thread_set_slice(400);
	look(&after);
	assert_int_equal(after.nice, before.nice);
	assert_int_equal(after.policy, before.policy);
	other = of_a_new_thread();
	assert_int_equal(other.nice, before.nice);
	if (!kernel_has_slices())
		skip();
	assert_int_equal(after.slice_ns, 400000);
	assert_int_equal(other.slice_ns, 400000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(it_leaves_signals_to_the_loop), cmocka_unit_test(slices_and_nothing_else) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
