/*
 * Events a second that are on disk when they are acknowledged, in bursts of 1, 100 and 1000, against a bare file that gets the same bytes
 * by write() and fdatasync(), in turns on the same disk. Then a flood of alerts: put, read again by their numbers, and settled one by one, each
 * as fast as the store takes it. Then the load of many open tickets.
 * BENCH_DIR: where (a disk, not memory; /var/tmp). BENCH_MS: time for each side (1000). BENCH_TICKETS: rows to load (10^6). BENCH_ALERTS (10^5).
 */
#include "bench.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/engine.h"
#include "store/store.h"

#define RECORD_LEN 200

static char dir[128], path[160], bare_path[160], record[RECORD_LEN];

static void must(bool ok, const char *what, const struct diag *d)
{
	if (ok)
		return;
	fprintf(stderr, "bench_store: %s: %s\n", what, d != NULL ? d->msg : "");
	exit(1);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double p50_fdatasync(int fd)
{
	double ns[200];

	for (size_t i = 0; i < 200; i++) {
		double from = bench_now_ns();

		must(write(fd, record, sizeof record) == (ssize_t)sizeof record && fdatasync(fd) == 0, "fdatasync", NULL);
		ns[i] = bench_now_ns() - from;
	}
	qsort(ns, 200, sizeof *ns, by_size);
	return ns[100];
}

static void count(void *ctx, const struct store_done *done)
{
	must(done->err == ERR_OK, "an event was refused", NULL);
	++*(size_t *)ctx;
}

static void wait_for(struct store *st, size_t *n, size_t want)
{
	while (*n < want) {
		struct pollfd p = { store_fd(st), POLLIN, 0 };

		store_push(st);
		poll(&p, 1, 1000);
		store_poll(st, count, n);
	}
}

static double burst_store(struct store *st, size_t burst)
{
	double from = bench_now_ns();
	size_t n = 0;

	for (size_t i = 0; i < burst; i++)
		must(store_append(st, &(struct store_append){ .record = { record, sizeof record } }) == ERR_OK, "append", NULL);
	wait_for(st, &n, burst);
	return bench_now_ns() - from;
}

static double burst_bare(int fd, const char *bytes, size_t burst)
{
	double from = bench_now_ns();

	must(write(fd, bytes, burst * RECORD_LEN) == (ssize_t)(burst * RECORD_LEN) && fdatasync(fd) == 0, "write", NULL);
	return bench_now_ns() - from;
}

/* In turns, so that a neighbour on the disk hinders both. */
static void compare(struct store *st, int fd, size_t burst, double budget_ns)
{
	char *bytes = malloc(burst * RECORD_LEN), what[64];
	double ours = 0, bare = 0;
	size_t n = 0;

	must(bytes != NULL, "memory", NULL);
	memset(bytes, 'b', burst * RECORD_LEN);
	while (ours + bare < 2 * budget_ns) {
		ours += burst_store(st, burst);
		bare += burst_bare(fd, bytes, burst);
		n += burst;
	}
	snprintf(what, sizeof what, "bursts of %zu", burst);
	printf("%-20s %9.0f events/s on disk   bare file %9.0f   ratio %.2f\n", what, (double)n / ours * 1e9, (double)n / bare * 1e9, bare / ours);
	free(bytes);
}

static struct delivery alert(size_t i, char id[33], char ticket[32])
{
	struct delivery v = { .receiver = STR("ops"), .type = STR("sla.breach"), .ns = STR("desk"), .body = { record, sizeof record },
		.next = { 1 }, .settled = WALL_NEVER };
	/* Ids come in no order. */
	uint64_t mixed = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	snprintf(id, 33, "%016" PRIx64 "%016" PRIx64, mixed ^ mixed >> 29, mixed);
	snprintf(ticket, 32, "INC-%08" PRIx64, mixed >> 40);
	v.id = str_of(id);
	v.ticket = str_of(ticket);
	return v;
}

static void alerts(struct store *st, size_t n)
{
	uint64_t *nos = malloc(n * sizeof *nos);
	double at[4] = { bench_now_ns() };
	char id[33], ticket[32];
	size_t n_told = 0;

	must(nos != NULL, "memory", NULL);
	for (size_t i = 0; i < n; i++) {
		struct delivery v = alert(i, id, ticket);

		nos[i] = i + 1;
		must(store_put_delivery(st, &v, 1) == ERR_OK, "put", NULL);
		if (i % 100 == 99)
			store_push(st);
	}
	wait_for(st, &n_told, n);
	at[1] = bench_now_ns();
	must(store_list_deliveries(st, &(struct store_filter){ .nos = nos, .n_nos = n }, 1) == ERR_OK, "list", NULL);
	wait_for(st, &n_told, 2 * n + 1);
	at[2] = bench_now_ns();
	for (size_t i = 0; i < n; i++) {
		struct delivery v = alert(i, id, ticket);

		v.state = DELIVERY_SENT;
		must(store_settle(st, &v, 1) == ERR_OK, "settle", NULL);
		if (i % 100 == 99)
			store_push(st);
	}
	wait_for(st, &n_told, 3 * n + 1);
	at[3] = bench_now_ns();
	printf("%zu alerts: each put in %.1f us, read again in %.1f, settled in %.1f\n", n, (at[1] - at[0]) / 1e3 / (double)n,
		(at[2] - at[1]) / 1e3 / (double)n, (at[3] - at[2]) / 1e3 / (double)n);
	free(nos);
}

static enum err count_ticket(void *ctx, const struct ticket_row *row, struct diag *d)
{
	(void)row;
	(void)d;
	++*(size_t *)ctx;
	return ERR_OK;
}

static void load(const struct store_options *opt, size_t n)
{
	struct store *st = NULL;
	struct diag d = { .line = 0 };
	char name[32], row[300];
	size_t n_told = 0, n_loaded = 0;

	memset(row, 'r', sizeof row);
	must(store_open(opt, &st, &d) == ERR_OK && store_start(st, &d) == ERR_OK, "open", &d);
	for (size_t i = 0; i < n; i++) {
		struct ticket_row t = { .ns = STR("desk"), .contract = STR("acme"), .row = { row, sizeof row }, .seq = i };

		snprintf(name, sizeof name, "INC-%08zu", i);
		t.ticket = str_of(name);
		must(store_save(st, &t, i % 500 == 499 || i == n - 1) == ERR_OK, "save", NULL);
		if (i % 50000 == 49999 || i == n - 1)
			wait_for(st, &n_told, (i + 1) / 500);
	}
	must(store_close(st, &d) == ERR_OK && store_open(opt, &st, &d) == ERR_OK, "reopen", &d);

	double from = bench_now_ns();

	must(store_load(st, &(struct store_loader){ .ctx = &n_loaded, .ticket = count_ticket }, &d) == ERR_OK && n_loaded == n, "load", &d);
	printf("load of %zu open tickets of %zu bytes: %.2f s\n", n, sizeof row, (bench_now_ns() - from) / 1e9);
	store_close(st, NULL);
}

int main(void)
{
	const char *where = getenv("BENCH_DIR");
	double budget = (double)bench_size("BENCH_MS", 1000) * 1e6;
	struct store_options opt = { .path = path };
	struct store *st = NULL;
	struct diag d = { .line = 0 };

	snprintf(dir, sizeof dir, "%.80s/plazo-bench-XXXXXX", where != NULL ? where : "/var/tmp");
	must(mkdtemp(dir) != NULL, dir, NULL);
	snprintf(path, sizeof path, "%s/plazo.db", dir);
	snprintf(bare_path, sizeof bare_path, "%s/bare", dir);
	memset(record, 'r', sizeof record);

	int fd = open(bare_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	must(fd >= 0, bare_path, NULL);
	must(store_open(&opt, &st, &d) == ERR_OK && store_start(st, &d) == ERR_OK, "open", &d);
	printf("bare fdatasync after an append of %d bytes: p50 %.0f us\n", RECORD_LEN, p50_fdatasync(fd) / 1e3);
	compare(st, fd, 1, budget);
	compare(st, fd, 100, budget);
	compare(st, fd, 1000, budget);
	alerts(st, bench_size("BENCH_ALERTS", 100000));
	must(store_close(st, &d) == ERR_OK, "close", &d);
	unlink(path);
	load(&opt, bench_size("BENCH_TICKETS", 1000000));
	close(fd);
	unlink(path);
	unlink(bare_path);
	rmdir(dir);
	return 0;
}
