/*
 * The store on a disk that fails: at every write and every sync of a small workload, and under kill -9. What holds each time: what was
 * acknowledged is there after a reopen, under its number; what failed was never acknowledged.
 */
#include "store_rig.h"

#include <sys/resource.h>

/* One program a test: the shim has no library of its own. */
#include "../faults/faultvfs.c"

#define CASE(f) cmocka_unit_test_setup_teardown(f, make, rig_drop)
#define ROUNDS 8

static int make(void **state)
{
	faultvfs_register();
	faultvfs_disarm();
	rig_make(state);
	((struct rig *)*state)->opt.vfs = FAULTVFS;
	return 0;
}

static size_t env_number(const char *name, size_t otherwise)
{
	const char *z = getenv(name);

	return z != NULL ? strtoul(z, NULL, 10) : otherwise;
}

/* Rounds of an event, an alert and a ticket, each waited for; an error ends it. */
static void workload(struct rig *r)
{
	char name[24];

	for (uint64_t i = 1; i <= ROUNDS; i++) {
		snprintf(name, sizeof name, "e%" PRIu64, i);
		if (rig_append(r, name, NULL, i) != ERR_OK || rig_put(r, name, "l1", name, i) != ERR_OK || rig_save(r, name, name, 0, 0) != ERR_OK)
			return;
		rig_wait(r, r->n + 1);
		if (r->heard[r->n - 1].err != ERR_OK)
			return;
	}
}

/* Every acknowledged event is in what was loaded, every alert too. Gives the number of acknowledged events. */
static size_t check_ledger(struct rig *r)
{
	struct buf text;
	char want[96];
	size_t n = 0;

	buf_init(&text, 1 << 24);
	faultvfs_disarm();
	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	for (size_t i = 0; i < r->n; i++) {
		const struct heard *h = &r->heard[i];

		if (h->err != ERR_OK)
			continue;
		if (h->what == STORE_APPENDED) {
			snprintf(want, sizeof want, "e:%" PRIu64 "=%s", h->seq, h->text);
			n++;
		} else if (h->what == STORE_PUT) {
			snprintf(want, sizeof want, "d:e%" PRIu64 "/l1:", h->cookie);
		} else {
			continue;
		}
		if (strstr(buf_cstr(&text), want) == NULL)
			fail_msg("%s is not in %s", want, buf_cstr(&text));
	}
	buf_finish(&text);
	rig_close(r);
	return n;
}

/* Opens, works, closes with one fault. False when the workload has no such operation. */
static bool suffer(struct rig *r, enum fault_op op, long nth, int error, enum fault_length length, enum store_state *state_out)
{
	struct store_health h = { .state = STORE_WELL };

	r->n = 0;
	rig_open(r);
	assert_int_equal(store_start(r->st, &r->diag), ERR_OK);
	faultvfs_arm(op, nth, error, length);
	workload(r);
	store_health(r->st, &h);
	*state_out = h.state;
	/* The refusal of an event is told after the state is. */
	if (faultvfs_failed() != 0 && length == FAULT_FROM_THEN_ON)
		assert_true(h.state != STORE_WELL);
	rig_close(r);

	bool struck = faultvfs_failed() != 0;

	check_ledger(r);
	rig_remove_files(r);
	return struck;
}

static void every_write_and_sync(void **state)
{
	struct rig *r = *state;
	static const struct { enum fault_op op; int error; enum store_state want; } v[] = {
		{ FAULT_WRITE, ENOSPC, STORE_STALLED },
		{ FAULT_WRITE, EFBIG, STORE_STALLED },
		{ FAULT_WRITE, EDQUOT, STORE_STALLED },
		{ FAULT_WRITE, EIO, STORE_DEAD },
		{ FAULT_SYNC, EIO, STORE_DEAD },
		{ FAULT_SYNC, ENOSPC, STORE_DEAD },
	};
	size_t total = 0;

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		enum store_state got;
		long n = 1;

		while (suffer(r, v[i].op, n, v[i].error, FAULT_FROM_THEN_ON, &got)) {
			/* The last ones strike while it is closed. */
			if (got != v[i].want && got != STORE_WELL)
				fail_msg("fault %zu at operation %ld: state %d", i, n, (int)got);
			n++;
		}
		assert_true(n > ROUNDS);
		total += (size_t)n;
		for (n = 1; suffer(r, v[i].op, n, v[i].error, FAULT_ONCE, &got); n++)
			if (v[i].want == STORE_DEAD)
				assert_true(got != STORE_STALLED);
		total += (size_t)n;
	}
	assert_true(total > 200);
}

/* Also while the database is made and opened: afterwards there is none, or a whole one. */
static void every_operation_of_opening(void **state)
{
	struct rig *r = *state;
	static const enum fault_op ops[] = { FAULT_WRITE, FAULT_SYNC, FAULT_OPEN };

	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		bool struck = true;

		for (long n = 1; struck; n++) {
			struct stat st;

			faultvfs_arm(ops[i], n, EIO, FAULT_FROM_THEN_ON);

			enum err e = store_open(&r->opt, &r->st, &r->diag);

			if (e == ERR_OK)
				e = store_start(r->st, &r->diag);
			if (e == ERR_OK)
				rig_close(r);
			else
				store_close(r->st, NULL);
			r->st = NULL;
			struck = faultvfs_failed() != 0;
			if (e != ERR_OK)
				assert_int_equal(e, ERR_IO);
			else
				assert_int_equal(stat(r->path, &st), 0);
			check_ledger(r);
			rig_remove_files(r);
		}
	}
}

static void a_full_disk_passes(void **state)
{
	struct rig *r = *state;
	struct store_health h;
	struct buf text;

	buf_init(&text, 1 << 20);
	rig_start(r);
	assert_int_equal(rig_append(r, "before", NULL, 1), ERR_OK);
	assert_int_equal(rig_put(r, "old", "l1", "T", 2), ERR_OK);
	rig_wait(r, 2);
	faultvfs_arm(FAULT_WRITE, 1, ENOSPC, FAULT_FROM_THEN_ON);
	/* A batch of both kinds: the event is refused, the others wait in their order. */
	assert_int_equal(rig_append(r, "refused", NULL, 4), ERR_OK);
	assert_int_equal(rig_put(r, "kept1", "l1", "T", 3), ERR_OK);
	assert_int_equal(rig_save(r, "T", "row", 0, 5), ERR_OK);
	rig_wait(r, 3);
	assert_int_equal(r->heard[2].cookie, 4);
	assert_int_equal(r->heard[2].err, ERR_FULL);
	assert_string_equal(r->heard[2].text, "refused");
	rig_wait_state(r, STORE_STALLED);
	store_health(r->st, &h);
	assert_non_null(strstr(h.why, "full"));
	assert_int_equal(rig_append(r, "refused too", NULL, 6), ERR_FULL);
	assert_int_equal(rig_put(r, "kept2", "l1", "T", 7), ERR_OK);
	assert_int_equal(store_trim(r->st, 1, WALL_PAST, 8), ERR_OK);
	/* Questions are answered meanwhile. */
	assert_int_equal(store_list_deliveries(r->st, &(struct store_filter){ .limit = 10 }, 9), ERR_OK);
	rig_wait(r, 5);
	assert_string_equal(r->heard[3].text, "old");
	assert_true(r->heard[4].last);
	store_health(r->st, &h);
	assert_int_equal(h.n_queued, 4);
	/* Several attempts fail. */
	for (int i = 0; i < 2000 && faultvfs_failed() <= 2; i++)
		usleep(5000);
	assert_true(faultvfs_failed() > 2);
	faultvfs_disarm();
	rig_wait(r, 9);
	rig_wait_state(r, STORE_WELL);
	assert_int_equal(r->heard[5].cookie, 3);
	assert_true(r->heard[5].fresh);
	assert_int_equal(r->heard[6].cookie, 5);
	assert_int_equal(r->heard[7].cookie, 7);
	assert_int_equal(r->heard[8].cookie, 8);
	assert_int_equal(rig_append(r, "after", NULL, 10), ERR_OK);
	rig_wait(r, 10);
	assert_int_equal(r->heard[9].seq, 2);
	store_health(r->st, &h);
	assert_string_equal(h.why, "");
	assert_int_equal(h.n_queued, 0);
	assert_int_equal(h.queued_bytes, 0);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	assert_string_equal(buf_cstr(&text), "t:desk/T/acme=row:7 e:2=after d:old/l1:0:0:1000 d:kept1/l1:0:0:1000 d:kept2/l1:0:0:1000 ");
	buf_finish(&text);
}

/* A change larger than SQLite's memory goes to the disk before the commit does: it fails in the midst of others, which are undone with it. */
static void a_full_disk_in_the_midst_of_a_commit(void **state)
{
	struct rig *r = *state;
	struct delivery v = rig_delivery("big", "l1", "T");
	struct ticket_row t = { .ns = STR("desk"), .ticket = STR("T"), .contract = STR("acme"), .over = true, .over_at = { 4000 }, .seq = 1 };
	size_t len = (size_t)40 << 20;
	char *big = malloc(len);
	struct buf text;

	assert_non_null(big);
	memset(big, 'x', len);
	r->opt.max_bytes = 3 * len;
	rig_start(r);
	assert_int_equal(rig_save(r, "T", "row", 0, 1), ERR_OK);
	rig_wait(r, 1);
	faultvfs_arm(FAULT_WRITE, 1, ENOSPC, FAULT_FROM_THEN_ON);
	v.body = t.row = (struct str){ big, len };
	assert_int_equal(rig_append(r, "refused", NULL, 2), ERR_OK);
	assert_int_equal(rig_put(r, "small", "l1", "T", 3), ERR_OK);
	assert_int_equal(store_put_delivery(r->st, &v, 4), ERR_OK);
	assert_int_equal(store_save(r->st, &t, 5), ERR_OK);
	rig_wait(r, 2);
	rig_wait_state(r, STORE_STALLED);
	assert_int_equal(r->heard[1].err, ERR_FULL);
	assert_true(faultvfs_failed() > 0);
	faultvfs_disarm();
	rig_wait(r, 5);
	for (size_t i = 2; i < 5; i++)
		assert_true(r->heard[i].err == ERR_OK && r->heard[i].cookie == i + 1 && r->heard[i].fresh == (i < 4));
	assert_int_equal(rig_close(r), ERR_OK);
	buf_init(&text, 1 << 20);
	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	assert_string_equal(buf_cstr(&text), "d:small/l1:0:0:1000 d:big/l1:0:0:1000 ");
	buf_finish(&text);
	free(big);
}

/* A full disk with the system's own VFS, and a limit of the kernel's in the place of the shim. */
static void a_limit_on_files_passes(void **state)
{
	struct rig *r = *state;
	struct rlimit unlimited, small;
	char *big = malloc(100000);

	assert_non_null(big);
	memset(big, 'x', 99999);
	big[99999] = '\0';
	r->opt.vfs = NULL;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
	small = unlimited;
	small.rlim_cur = 300000;
	rig_start(r);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (uint64_t i = 0; i < 20; i++) {
		if (rig_append(r, big, NULL, i) != ERR_OK)
			break;
		rig_wait(r, i + 1);
	}
	rig_wait_state(r, STORE_STALLED);
	assert_int_equal(r->heard[r->n - 1].err, ERR_FULL);
	assert_int_equal(r->heard[0].err, ERR_OK);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
	rig_wait_state(r, STORE_WELL);
	assert_int_equal(rig_append(r, "small", NULL, 99), ERR_OK);
	rig_wait(r, r->n + 1);
	assert_int_equal(r->heard[r->n - 1].err, ERR_OK);
	assert_int_equal(rig_close(r), ERR_OK);
	free(big);
}

/* Nobody writes, so only the store itself can find out that there is room again. */
static void it_recovers_by_itself(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	faultvfs_arm(FAULT_WRITE, 1, ENOSPC, FAULT_FROM_THEN_ON);
	assert_int_equal(rig_append(r, "x", NULL, 1), ERR_OK);
	rig_wait_state(r, STORE_STALLED);
	faultvfs_disarm();
	rig_wait_state(r, STORE_WELL);
	assert_int_equal(rig_append(r, "y", NULL, 2), ERR_OK);
	rig_wait(r, 2);
	assert_int_equal(r->heard[0].err, ERR_FULL);
	assert_int_equal(r->heard[1].err, ERR_OK);
	assert_int_equal(r->heard[1].seq, 1);
}

static void closing_tells_what_was_not_kept(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	faultvfs_arm(FAULT_WRITE, 1, ENOSPC, FAULT_FROM_THEN_ON);
	assert_int_equal(rig_put(r, "a", "l1", "T", 1), ERR_OK);
	rig_wait_state(r, STORE_STALLED);
	assert_int_equal(rig_close(r), ERR_FULL);
	assert_non_null(strstr(r->diag.msg, "1 changes could not be written"));
}

/* On a disk that is full, and on one that fails: all of them or none. */
static void what_goes_together_is_refused_together(void **state)
{
	struct rig *r = *state;
	const struct str three[] = { STR("a"), STR("b"), STR("c") };
	struct store_health h;
	struct buf text;

	rig_start(r);
	faultvfs_arm(FAULT_WRITE, 1, ENOSPC, FAULT_FROM_THEN_ON);
	assert_int_equal(store_append_run(r->st, three, 3, 1), ERR_OK);
	rig_wait(r, 3);
	faultvfs_disarm();
	rig_wait_state(r, STORE_WELL);
	assert_int_equal(store_append_run(r->st, three, 2, 2), ERR_OK);
	rig_wait(r, 5);
	faultvfs_arm(FAULT_SYNC, 1, EIO, FAULT_ONCE);
	assert_int_equal(store_append_run(r->st, three, 3, 3), ERR_OK);
	rig_wait(r, 8);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(r->heard[i].err, i < 3 ? ERR_FULL : i < 5 ? ERR_OK : ERR_IO);
	assert_int_equal(r->heard[4].seq, 2);
	store_health(r->st, &h);
	assert_int_equal(h.n_queued, 0);
	assert_int_equal(h.queued_bytes, 0);
	assert_int_equal(store_append_run(r->st, three, 3, 4), ERR_IO);
	assert_int_equal(rig_close(r), ERR_IO);
	faultvfs_disarm();
	buf_init(&text, 1 << 10);
	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	assert_true(strncmp(buf_cstr(&text), "e:1=a e:2=b ", 12) == 0);
	buf_finish(&text);
}

static void a_dead_store_promises_nothing(void **state)
{
	struct rig *r = *state;
	struct store_health h;

	rig_start(r);
	assert_int_equal(rig_append(r, "good", NULL, 1), ERR_OK);
	rig_wait(r, 1);
	faultvfs_arm(FAULT_SYNC, 1, EIO, FAULT_ONCE);
	/* The question is taken up with the event, and asked after it. */
	assert_int_equal(store_list_deliveries(r->st, &(struct store_filter){ .limit = 10 }, 7), ERR_OK);
	assert_int_equal(rig_append(r, "lost", NULL, 2), ERR_OK);
	rig_wait(r, 3);
	rig_wait_state(r, STORE_DEAD);
	assert_true(r->heard[1].err == ERR_IO && r->heard[2].err == ERR_IO);
	assert_true(r->heard[1].what != STORE_DELIVERIES || r->heard[1].last);
	assert_true(r->heard[2].what != STORE_DELIVERIES || r->heard[2].last);
	store_health(r->st, &h);
	assert_true(h.why[0] != '\0');
	assert_int_equal(h.n_queued, 0);
	assert_int_equal(rig_append(r, "x", NULL, 3), ERR_IO);
	assert_int_equal(rig_put(r, "a", "l1", "T", 4), ERR_IO);
	assert_int_equal(store_find_ticket(r->st, STR("desk"), STR("T"), 5), ERR_IO);
	usleep(50000);
	/* It never syncs again. */
	assert_int_equal(faultvfs_count(FAULT_SYNC), 1);
	assert_int_equal(rig_close(r), ERR_IO);
	assert_int_equal(faultvfs_count(FAULT_SYNC), 1);
}

/* In a pause the log is moved, and for that read. */
static void a_log_that_cannot_be_read(void **state)
{
	struct rig *r = *state;
	char *big = malloc(200000);

	assert_non_null(big);
	memset(big, 'x', 199999);
	big[199999] = '\0';
	rig_start(r);
	faultvfs_arm(FAULT_READ, 1, EIO, FAULT_FROM_THEN_ON);
	for (uint64_t i = 0; i < 25; i++)
		assert_int_equal(rig_append(r, big, NULL, i), ERR_OK);
	rig_wait(r, 25);
	rig_wait_state(r, STORE_DEAD);
	assert_true(faultvfs_failed() > 0);
	assert_int_equal(rig_close(r), ERR_IO);
	check_ledger(r);
	free(big);
}

/* ---- kill -9 ---- */

/* Appends for ever, and tells each acknowledged one through the pipe. */
static void child_appends(struct rig *r, int out)
{
	uint64_t sent = 0;
	char name[48];

	r->st = NULL;
	if (store_open(&r->opt, &r->st, &r->diag) != ERR_OK || store_start(r->st, &r->diag) != ERR_OK)
		_exit(1);
	for (;;) {
		for (size_t i = 0; i < 20; i++) {
			snprintf(name, sizeof name, "p%d-%" PRIu64, (int)getpid(), ++sent);
			if (rig_append(r, name, NULL, sent) != ERR_OK || rig_put(r, name, "l1", name, sent) != ERR_OK
			    || rig_save(r, name, name, sent % 3 == 0 ? 1000 : 0, 0) != ERR_OK)
				_exit(1);
		}
		if (sent % 200 == 0 && store_trim(r->st, 0, WALL_PAST, 0) != ERR_OK)
			_exit(1);
		r->n = 0;
		rig_wait(r, 40);
		for (size_t i = 0; i < r->n; i++) {
			struct { uint64_t seq; char name[48]; } line = { .seq = r->heard[i].seq };

			if (r->heard[i].what != STORE_APPENDED)
				continue;
			memcpy(line.name, r->heard[i].text, sizeof line.name);
			if (write(out, &line, sizeof line) != (ssize_t)sizeof line)
				_exit(1);
		}
	}
}

struct acked { uint64_t seq; char name[48]; };
struct ledger { struct acked *v; size_t n; };

static enum err check_event(void *ctx, uint64_t seq, struct str record, struct diag *d)
{
	struct ledger *l = ctx;

	(void)d;
	if (l->n != 0 && l->v->seq == seq) {
		assert_str(record, l->v->name);
		l->v++;
		l->n--;
	}
	return ERR_OK;
}

static void nothing_is_lost_by_kills(void **state)
{
	struct rig *r = *state;
	size_t kills = env_number("STORE_KILLS", 20), n = 0, cap = 1 << 20;
	struct acked *v = malloc(cap * sizeof *v);

	assert_non_null(v);
	for (size_t k = 0; k < kills; k++) {
		int p[2], status;
		size_t before = n;

		assert_int_equal(pipe(p), 0);

		pid_t child = fork();

		if (child == 0) {
			close(p[0]);
			child_appends(r, p[1]);
		}
		close(p[1]);
		/* In the midst of a write, wherever that is. */
		while (n < before + 1 + k * 37 && n < cap && read(p[0], &v[n], sizeof *v) == (ssize_t)sizeof *v)
			n++;
		usleep((useconds_t)(k * 331 % 5000));
		assert_int_equal(kill(child, SIGKILL), 0);
		while (n < cap && read(p[0], &v[n], sizeof *v) == (ssize_t)sizeof *v)
			n++;
		close(p[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_true(n > before);

		struct ledger l = { v, n };
		const struct store_loader loader = { .ctx = &l, .event = check_event };

		rig_open(r);
		assert_int_equal(store_load(r->st, &loader, &r->diag), ERR_OK);
		assert_int_equal(l.n, 0);
		rig_close(r);
	}
	assert_true(n > kills);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_write_and_sync),
		CASE(every_operation_of_opening),
		CASE(a_full_disk_passes),
		CASE(a_full_disk_in_the_midst_of_a_commit),
		CASE(a_limit_on_files_passes),
		CASE(it_recovers_by_itself),
		CASE(closing_tells_what_was_not_kept),
		CASE(what_goes_together_is_refused_together), CASE(a_dead_store_promises_nothing),
		CASE(a_log_that_cannot_be_read),
		CASE(nothing_is_lost_by_kills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
