/*
 * The engine at 10^6 open tickets, each of five events, three clocks and a subject of 60 bytes: memory a ticket all in (the process's resident
 * memory before and after, not our own count), the cost of an event as the daemon applies it (tickets of a batch are found together, and
 * expected), and of a step that fires. BENCH_TICKETS scales it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "core/engine.h"

#define START INT64_C(1774861200000)    /* 2026-03-30T09:00Z, a Monday */

static const char text[] =
	"calendars: {office: {zone: Europe/Madrid, hours: {mon-fri: ['08:00-18:00']}}}\n"
	"defaults: {calendar: office, pause: {status: [pending]}, notify: [ops]}\n"
	"policies: {p: {metrics: {response: {target: 4h}, update: {target: 8h}, resolution: {target: {P1: 8h, default: 40h}}}, escalation: s}}\n"
	"contracts: {acme: {customer: ACME, policy: p}}\n"
	"escalations: {s: [{at: 75%, notify: [ops]}, {at: breach, notify: [ops]}, {at: breach+1h, notify: [ops]}]}\n"
	"receivers: {ops: {log: {}}}\n";

/* Processor time: nothing here waits, and others use the machine, too. */
static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static size_t resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size = 0, rss = 0;

	if (f == NULL || fscanf(f, "%lu %lu", &size, &rss) != 2)
		exit(1);
	fclose(f);
	return rss * 4096;
}

static void set(struct event *e, enum attr a, const char *z)
{
	e->set |= 1u << a;
	e->attr[a] = str_of(z);
}

static void make(struct event *e, unsigned k, unsigned long ticket, char id[32], char name[32], char subject[80])
{
	static const enum event_type types[] = { EVENT_OPENED, EVENT_CHANGED, EVENT_REPLIED, EVENT_CHANGED, EVENT_REPLIED };
	static const char *const team[] = { "l1", "l2", "network", "field", "vendor" };

	*e = (struct event){ .ns = STR("desk"), .type = types[k], .role = k == 2 ? ROLE_AGENT : ROLE_CUSTOMER };
	snprintf(id, 32, "ev-%lu-%u", ticket, k);
	snprintf(name, 32, "INC%010lu", ticket);
	e->id = str_of(id);
	e->ticket = str_of(name);
	e->at.ms = START + (int64_t)k * 600000 + (int64_t)(ticket % 3600) * 10;
	e->received.ms = START + (int64_t)k * 600000 + 37000;
	e->is_private = k == 4;
	if (k == 0) {
		snprintf(subject, 80, "Printer %06lu on the third floor does not print in colour!!!", ticket % 1000000);
		subject[60] = '\0';
		set(e, ATTR_SUBJECT, subject);
		set(e, ATTR_CONTRACT, "acme");
		set(e, ATTR_PRIORITY, ticket % 7 ? "P3" : "P2");
		set(e, ATTR_KIND, "incident");
		set(e, ATTR_CATEGORY, "hardware");
	}
	if (k == 1 || k == 3)
		set(e, ATTR_TEAM, team[(ticket + k) % 5]);
	e->body = event_body(e);
}

#define BATCH 256

/* Events and their texts, made beforehand. */
struct batch {
	struct event e[BATCH];
	char         ids[BATCH][32], names[BATCH][32], subjects[BATCH][80];
	uint32_t     tickets[BATCH];
};

/* Ends the process where one is not taken. */
static void apply(struct engine *en, struct batch *b, size_t n, uint64_t seq, struct effects *fx)
{
	engine_find_all(en, b->e, n, b->tickets);
	for (size_t i = 0; i < n; i++) {
		engine_expect(en, i + 1 < n ? b->tickets[i + 1] : ENGINE_NO_TICKET, i + 2 < n ? b->tickets[i + 2] : ENGINE_NO_TICKET);
		if (engine_apply_to(en, &b->tickets[i], &b->e[i], seq + i, NULL, NULL, fx) != APPLY_DONE)
			exit(1);
		effects_reset(fx);
	}
}

struct times { double made, applied; };

static struct times live(struct engine *en, unsigned long n, struct batch *b, struct effects *fx)
{
	struct times t = { 0, 0 };
	uint64_t seq = 1;

	for (unsigned k = 0; k < 5; k++)
		for (unsigned long first = 0; first < n; first += BATCH) {
			size_t m = n - first < BATCH ? n - first : BATCH;
			double t0 = now_s(), t1;

			for (size_t i = 0; i < m; i++)
				make(&b->e[i], k, first + i, b->ids[i], b->names[i], b->subjects[i]);
			t1 = now_s();
			apply(en, b, m, seq, fx);
			seq += m;
			t.made += t1 - t0;
			t.applied += now_s() - t1;
		}
	return t;
}

static struct config *load(void)
{
	struct config_options opt = { .now = { START }, .secrets = SECRETS_SKIP };
	struct config *cfg;
	struct problems p;
	struct buf b;

	problems_init(&p);
	if (config_load_text("bench.yaml", str_of(text), &opt, &cfg, &p) != ERR_OK) {
		buf_init(&b, 65536);
		problems_write(&p, &b);
		fputs(buf_cstr(&b), stderr);
		exit(1);
	}
	problems_finish(&p);
	return cfg;
}

int main(void)
{
	const char *scale = getenv("BENCH_TICKETS");
	unsigned long n = scale != NULL ? strtoul(scale, NULL, 10) : 1000000, fired = 0;
	struct engine_options opt = { .key = { 1, 2 }, .max_skew_ms = 300000 };
	struct config *cfg = load();
	struct engine *en = engine_create(&opt);
	struct engine_stats st;
	struct effects fx;
	struct buf row;
	struct batch *batch = calloc(1, sizeof(*batch));
	struct times times;
	struct wall next;
	char name[32];
	size_t before;
	double t0;

	cfg->rules->from = WALL_PAST;
	engine_revise(en, cfg->rules);
	effects_init(&fx);
	memset(batch, 1, sizeof(*batch));
	before = resident();
	times = live(en, n, batch, &fx);
	printf("events        %8.0f ns an event applied, %.0f a second; %.0f ns to make one\n", times.applied / (double)n / 5 * 1e9,
	       (double)n * 5 / times.applied, times.made / (double)n / 5 * 1e9);
	engine_stats(en, &st);
	printf("memory        %8.1f B a ticket of 5 events, 3 clocks, subject of 60 B (limit 320: ratio %.2f); own count %.1f B\n",
	       (double)(resident() - before) / (double)n, (double)(resident() - before) / (double)n / 320, (double)st.bytes / (double)n);
	snprintf(name, sizeof(name), "INC%010lu", n - 1);
	buf_init(&row, 1 << 20);
	engine_save(en, STR("desk"), str_of(name), &row);
	printf("row           %8zu B\n", row.len);
	t0 = now_s();
	while (fired < n / 2 && !wall_is_never(next = engine_next(en))) {
		engine_advance(en, next, SIZE_MAX, &fx);
		fired += fx.n_alerts;
		effects_reset(&fx);
	}
	printf("steps         %8.0f ns a step that fires\n", (now_s() - t0) / (double)fired * 1e9);
	free(batch);
	buf_finish(&row);
	effects_finish(&fx);
	engine_destroy(en);
	config_unref(cfg);
	return 0;
}
