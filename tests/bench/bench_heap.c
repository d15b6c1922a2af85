/* Set, move and take out timers at 10^6; beside it libevent's evtimers, which are a binary heap of pointers. */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/heap.h"

#include "bench.h"

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static int64_t random_due(uint64_t *seed)
{
	return 100000000 + (int64_t)(bench_random(seed) % 1000000000);
}

static struct timeval in_ms(int64_t ms)
{
	return (struct timeval){ ms / 1000, ms % 1000 * 1000 };
}

struct figures { double set, move, take; };

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
	printf("%zu timers, %.1f bytes each against %zu\n", n, (double)heap_bytes(&h) / (double)n, sizeof(struct event) + sizeof(void *));
	t = bench_now_ns();
	while (heap_top(&h) != NULL)
		heap_remove(&h, heap_top(&h)->id);
	f.take = (bench_now_ns() - t) / (double)n;
	heap_finish(&h);
	return f;
}

static struct figures theirs(size_t n)
{
	struct figures f = { 0, 0, 0 };
	struct event_base *base = event_base_new();
	struct event *events = calloc(n, sizeof(*events));
	uint64_t seed = 7;
	struct timeval tv;
	double t;

	for (size_t i = 0; i < n; i++)
		evtimer_assign(&events[i], base, on_time, NULL);
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
	for (size_t i = 0; i < n; i++)
		evtimer_del(&events[i]);
	event_base_free(base);
	free(events);
	return f;
}

int main(void)
{
	size_t n = bench_size("BENCH_N", 1000000);
	struct figures a = ours(n), b = theirs(n);

	bench_tell("heap: set", a.set, "evtimer", b.set);
	bench_tell("heap: move a random one", a.move, "evtimer", b.move);
	bench_tell("heap: take the earliest", a.take, NULL, 0);
	return 0;
}
