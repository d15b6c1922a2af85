#include "daemon/pace.h"

#include <string.h>

#include "base/now.h"
#include "web/metrics.h"

#define NS_PER_MINUTE INT64_C(60000000000)

static const double bounds_s[PACE_N_BOUNDS] = { 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1 };

void pace_begin(struct pace *p)
{
	p->mark_ns = mono_now_ns();
	if (p->minute_ns == 0) {
		/* What the start took is not the first turn's. */
		p->minute_ns = p->mark_ns;
		p->busy_ns = thread_now_ns();
	}
}

void pace_part(struct pace *p, enum pace_part part)
{
	int64_t now = mono_now_ns();

	p->now.part_ns[part] += now - p->mark_ns;
	p->mark_ns = now;
}

static void remember(struct pace *p)
{
	if (p->mark_ns - p->minute_ns > NS_PER_MINUTE) {
		p->longest[1] = p->longest[0];
		p->longest[0] = (struct pace_turn){ 0 };
		p->minute_ns = p->mark_ns;
	}
	if (p->now.ns > p->longest[0].ns)
		p->longest[0] = p->now;
}

void pace_end(struct pace *p)
{
	int64_t busy = thread_now_ns(), parts = 0;
	size_t i = 0;

	p->now.ns = busy - p->busy_ns;
	p->busy_ns = busy;
	for (int k = 0; k < PACE_N; k++)
		parts += p->now.part_ns[k];
	/* The clock on the wall measures the parts, since asking for the processor's time costs a system call. */
	p->now.part_ns[PACE_EVENTS] = p->now.ns > parts ? p->now.ns - parts : 0;
	remember(p);
	while (i < PACE_N_BOUNDS && (double)p->now.ns / 1e9 > bounds_s[i])
		i++;
	p->turns[i]++;
	p->sum_s += (double)p->now.ns / 1e9;
	p->now = (struct pace_turn){ 0 };
}

void pace_metrics(const struct pace *p, struct buf *b)
{
	static const char *const names[PACE_N] = {
		[PACE_EVENTS] = "events", [PACE_ANSWERS] = "answers", [PACE_STEPS] = "steps", [PACE_REPLAN] = "replan", [PACE_ALERTS] = "alerts",
		[PACE_SNAPSHOT] = "snapshot",
	};
	const struct pace_turn *t = &p->longest[p->longest[1].ns > p->longest[0].ns];

	metrics_family(b, "plazod_turn_seconds", "histogram", "Processor time of the loop's turns: while one lasts, nobody is answered.");
	metrics_histogram(b, "plazod_turn_seconds", NULL, 0, bounds_s, p->turns, PACE_N_BOUNDS, p->sum_s);
	metrics_one_gauge(b, "plazod_turn_longest_seconds", "The longest turn of this minute and the last.", (double)t->ns / 1e9);
	metrics_family(b, "plazod_turn_longest_part_seconds", "gauge", "What the longest turn was spent on.");
	for (int i = 0; i < PACE_N; i++)
		metrics_gauge(b, "plazod_turn_longest_part_seconds", &(struct metrics_label){ "part", names[i] }, 1, (double)t->part_ns[i] / 1e9);
}
