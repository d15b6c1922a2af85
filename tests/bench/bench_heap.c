/*
 * Set, move and expire timers, at 10^4 to 10^6, with BENCH_N=10000000 up to 10^7 (which takes 1.4 GB for the peer); beside it libevent's
 * evtimers, which are a binary heap of pointers.
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/heap.h"

#include "bench.h"

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	++*(size_t *)arg;
}

static int64_t random_due(uint64_t *seed)
{
	return 100000000 + (int64_t)(bench_random(seed) % 1000000000);
}

static struct timeval in_ms(int64_t ms)
{
	return (struct timeval){ ms / 1000, ms % 1000 * 1000 };
}

struct figures { double set, move, expire, bytes; };

static struct figures ours(size_t n)
{
	struct figures f;
	struct heap h;
	uint64_t seed = 7;
	double t = bench_now_ns();

	heap_init(&h);
	for (size_t i = 0; i < n; i++)
		heap_set(&h, (uint32_t)i, random_due(&seed), (uint32_t)i);
	f.set = (bench_now_ns() - t) / (double)n;
	t = bench_now_ns();
	for (size_t i = 0; i < n; i++)
		heap_set(&h, (uint32_t)(bench_random(&seed) % n), random_due(&seed), (uint32_t)i);
	f.move = (bench_now_ns() - t) / (double)n;
	f.bytes = (double)heap_bytes(&h) / (double)n;
	t = bench_now_ns();
	while (heap_top(&h) != NULL)
		heap_remove(&h, heap_top(&h)->id);
	f.expire = (bench_now_ns() - t) / (double)n;
	heap_finish(&h);
	return f;
}

static struct figures theirs(size_t n)
{
	struct figures f = { .bytes = sizeof(struct event) + sizeof(void *) };
	struct event_base *base = event_base_new();
	struct event *events = calloc(n, sizeof(*events));
	uint64_t seed = 7;
	struct timeval tv;
	size_t fired = 0;
	double t;

	for (size_t i = 0; i < n; i++)
		evtimer_assign(&events[i], base, on_time, &fired);
	t = bench_now_ns();
	for (size_t i = 0; i < n; i++) {
		tv = in_ms(random_due(&seed));
		evtimer_add(&events[i], &tv);
	}
	f.set = (bench_now_ns() - t) / (double)n;
	t = bench_now_ns();
	for (size_t i = 0; i < n; i++) {
		size_t k = bench_random(&seed) % n;

		tv = in_ms(random_due(&seed));
		evtimer_add(&events[k], &tv);
	}
	f.move = (bench_now_ns() - t) / (double)n;
	/* All due by now, in random order. */
	for (size_t i = 0; i < n; i++) {
		tv = (struct timeval){ 0, (int)(bench_random(&seed) % 1000) };
		evtimer_add(&events[i], &tv);
	}
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	t = bench_now_ns();
	while (fired < n)
		event_base_loop(base, EVLOOP_ONCE);
	f.expire = (bench_now_ns() - t) / (double)n;
	event_base_free(base);
	free(events);
	return f;
}

static void compare(size_t n)
{
	struct figures a = ours(n), b = theirs(n);
	char what[64];

	printf("%zu timers, %.1f bytes each against %.0f\n", n, a.bytes, b.bytes);
	bench_tell("heap: set", a.set, "evtimer", b.set);
	bench_tell("heap: move a random one", a.move, "evtimer", b.move);
	bench_tell("heap: take the earliest", a.expire, "evtimer", b.expire);
	snprintf(what, sizeof what, "timers, move one of %zu: times quicker", n);
	bench_goal(what, b.move / a.move, "x", b.move >= 8 * a.move, ">= 8");
	snprintf(what, sizeof what, "timers, bytes each of %zu", n);
	bench_goal(what, a.bytes, "B", a.bytes <= 24, "<= 24 B");
}

int main(void)
{
	size_t most = bench_size("BENCH_N", 1000000);

	for (size_t n = 10000; n <= most; n *= 10)
		compare(n);
	return 0;
}
