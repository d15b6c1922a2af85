/*
 * Set, move and expire timers, at 10^4 to 10^7 (BENCH_N: the most); beside it libevent's evtimers, which are a binary heap of pointers. Of
 * moves the best of some passes counts, for both: a pass is short, and others use the machine, too. At 10^7 a tenth of them is moved and none
 * expires, since that alone would take the peer a minute and a half; it needs 1.4 GB, and where that is not free ours is measured alone.
 */
#include <stdbool.h>
#include <unistd.h>

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

#define MANY ((size_t)10000000)

/* Passes of so many moves that the largest heap takes a few seconds. */
static size_t moves_of(size_t n)
{
	return n < MANY ? n : n / 10;
}

static unsigned passes_of(size_t n)
{
	return n < 1000000 ? 20 : 3;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

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
	f.move = 1e9;
	for (unsigned pass = 0; pass < passes_of(n); pass++) {
		t = bench_now_ns();
		for (size_t i = 0; i < moves_of(n); i++)
			heap_set(&h, (uint32_t)(bench_random(&seed) % n), random_due(&seed), (uint32_t)i);
		f.move = least(f.move, (bench_now_ns() - t) / (double)moves_of(n));
	}
	f.bytes = (double)heap_bytes(&h) / (double)n;
	t = bench_now_ns();
	while (n < MANY && heap_top(&h) != NULL)
		heap_remove(&h, heap_top(&h)->id);
	f.expire = (bench_now_ns() - t) / (double)n;
	heap_finish(&h);
	return f;
}

/* All due by now, in random order. */
static double expire_theirs(struct event_base *base, struct event *events, size_t n, uint64_t *seed, const size_t *fired)
{
	double t;

	for (size_t i = 0; i < n; i++) {
		struct timeval tv = { 0, (int)(bench_random(seed) % 1000) };

		evtimer_add(&events[i], &tv);
	}
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	t = bench_now_ns();
	while (*fired < n)
		event_base_loop(base, EVLOOP_ONCE);
	return (bench_now_ns() - t) / (double)n;
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
	f.move = 1e9;
	for (unsigned pass = 0; pass < passes_of(n); pass++) {
		t = bench_now_ns();
		for (size_t i = 0; i < moves_of(n); i++) {
			size_t k = bench_random(&seed) % n;

			tv = in_ms(random_due(&seed));
			evtimer_add(&events[k], &tv);
		}
		f.move = least(f.move, (bench_now_ns() - t) / (double)moves_of(n));
	}
	/* It takes its timers out one by one: those of the largest go with the process. */
	if (n >= MANY)
		return f;
	f.expire = expire_theirs(base, events, n, &seed, &fired);
	event_base_free(base);
	free(events);
	return f;
}

static bool is_free(size_t bytes)
{
	long pages = sysconf(_SC_AVPHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 && (size_t)pages > bytes / (size_t)size;
}

static void compare(size_t n)
{
	bool alone = n >= MANY && !is_free(2 * n * (sizeof(struct event) + sizeof(void *)));
	struct figures a = ours(n), b = alone ? (struct figures){ 0 } : theirs(n);
	char what[64];

	printf("%zu timers, %.1f bytes each against %zu\n", n, a.bytes, sizeof(struct event) + sizeof(void *));
	bench_tell("heap: set", a.set, alone ? NULL : "evtimer", b.set);
	bench_tell("heap: move a random one", a.move, alone ? NULL : "evtimer", b.move);
	if (n < MANY)
		bench_tell("heap: take the earliest", a.expire, "evtimer", b.expire);
	snprintf(what, sizeof what, "timers, move one of %zu: times quicker", n);
	if (!alone)
		bench_goal(what, b.move / a.move, "x", b.move >= 8 * a.move, ">= 8");
	snprintf(what, sizeof what, "timers, bytes each of %zu", n);
	bench_goal(what, a.bytes, "B", a.bytes <= 24, "<= 24 B");
}

int main(void)
{
	size_t most = bench_size("BENCH_N", MANY);

	for (size_t n = 10000; n <= most; n *= 10)
		compare(n);
	return 0;
}
