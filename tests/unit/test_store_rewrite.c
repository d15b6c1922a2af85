/* Going over everything that is kept: each row is seen, what is changed fits its checksum, and a disk that fails makes none be left out. */
#include "store_rig.h"

#include "store/rewrite.h"

/* One program a test: the shim has no library of its own. */
#include "../faults/faultvfs.c"

#define CASE(f) cmocka_unit_test_setup_teardown(f, make, rig_drop)
#define ROWS    700    /* more than a slice */
#define ALERTS  9
/* Long enough that checksums, which are any bytes, do not spell it now and then. */
#define WHO     "eva-maria"
#define WHO_LEN (sizeof(WHO) - 1)
#define LARGE   40000  /* bytes of a body that fills pages of its own */

static int make(void **state)
{
	faultvfs_register();
	faultvfs_disarm();
	rig_make(state);
	((struct rig *)*state)->opt.vfs = FAULTVFS;
	return 0;
}

/* WHO becomes "-". */
static bool erase(void *ctx, const struct store_piece *p, struct buf *out)
{
	const char *at = memmem(p->bytes.p, p->bytes.len, WHO, WHO_LEN);

	++*(size_t *)ctx;
	if (at == NULL)
		return false;
	buf_append(out, p->bytes.p, (size_t)(at - p->bytes.p));
	buf_puts(out, "-");
	buf_append(out, at + WHO_LEN, (size_t)(p->bytes.p + p->bytes.len - at) - WHO_LEN);
	return true;
}

static void make_large(char text[LARGE + 1])
{
	memset(text, 'x', LARGE);
	memcpy(text + LARGE - WHO_LEN, WHO, WHO_LEN + 1);
}

static void fill(struct rig *r)
{
	char name[24] = "a0", text[48], large[LARGE + 1];
	struct delivery v = rig_delivery(name, "l1", "T1");

	rig_start(r);
	for (int i = 1; i <= ROWS; i++) {
		snprintf(name, sizeof name, "T%d", i);
		snprintf(text, sizeof text, "%s of ticket %d", i % 3 == 0 ? WHO : "bob", i);
		assert_int_equal(rig_append(r, text, NULL, (uint64_t)i), ERR_OK);
		assert_int_equal(rig_save(r, name, text, i % 2 == 0 ? 1000 + i : 0, 0), ERR_OK);
	}
	make_large(large);
	for (int i = 1; i <= ALERTS; i++) {
		snprintf(name, sizeof name, "a%d", i);
		v.id = str_of(name);
		v.body = i == ALERTS ? str_of(large) : STR("{\"subject\":\"" WHO "\"}");
		v.detail = STR("422: no such person as " WHO);
		assert_int_equal(store_put_delivery(r->st, &v, 9999), ERR_OK);
	}
	rig_wait(r, ROWS + ALERTS);
}

/* Anywhere: in what was deleted, too. */
static bool is_in_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b;
	char piece[4096];
	size_t got;
	bool found;

	assert_non_null(f);
	buf_init(&b, 1 << 24);
	while ((got = fread(piece, 1, sizeof piece, f)) > 0)
		buf_append(&b, piece, got);
	fclose(f);
	found = b.len > 0 && memmem(b.p, b.len, WHO, WHO_LEN) != NULL;
	buf_finish(&b);
	return found;
}

static void check(struct rig *r)
{
	struct buf text;
	char name[24], want[48];

	rig_open(r);
	buf_init(&text, 1 << 22);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	for (int i = 1; i <= ROWS; i++) {
		struct buf row;

		snprintf(name, sizeof name, "T%d", i);
		snprintf(want, sizeof want, "%s of ticket %d", i % 3 == 0 ? "-" : "bob", i);
		buf_init(&row, 1 << 16);
		assert_int_equal(store_fetch(r->st, STR("desk"), str_of(name), &row, &r->diag), ERR_OK);
		assert_string_equal(buf_cstr(&row), want);
		buf_finish(&row);
	}
	assert_null(strstr(buf_cstr(&text), WHO));
	for (int i = 1; i <= ALERTS; i++) {
		snprintf(name, sizeof name, "d:a%d/l1", i);
		assert_non_null(strstr(buf_cstr(&text), name));
	}
	assert_non_null(strstr(buf_cstr(&text), "e:3=- of ticket 3 "));
	buf_finish(&text);
	rig_close(r);
	assert_false(is_in_file(r->path));
}

static void every_row_is_seen(void **state)
{
	struct rig *r = *state;
	size_t seen = 0, n;
	char log[128];

	fill(r);
	n = r->n;
	assert_int_equal(store_rewrite(r->st, erase, &seen, 77), ERR_OK);
	/* Commits go on between its slices. */
	assert_int_equal(rig_append(r, "later", NULL, 5000), ERR_OK);
	rig_wait(r, n + 2);
	assert_int_equal(r->heard[r->n - 1].what == STORE_REWRITTEN || r->heard[r->n - 2].what == STORE_REWRITTEN, true);
	assert_in_range(seen, 2 * ROWS + 2 * ALERTS, 2 * ROWS + 2 * ALERTS + 1);
	/* It is gone when the answer comes, not some time later. */
	snprintf(log, sizeof log, "%s-wal", r->path);
	assert_false(is_in_file(r->path) || is_in_file(log));
	assert_int_equal(rig_close(r), ERR_OK);
	check(r);
}

/* Wherever the disk is full for a moment: the slice is done again, and none is left out. */
static void a_slice_that_is_taken_back_is_done_again(void **state)
{
	struct rig *r = *state;
	long struck = 0;

	for (long nth = 1; nth < 40; nth += 3) {
		size_t seen = 0, n;

		fill(r);
		n = r->n;
		faultvfs_arm(FAULT_WRITE, nth, ENOSPC, FAULT_ONCE);
		assert_int_equal(store_rewrite(r->st, erase, &seen, 77), ERR_OK);
		rig_wait(r, n + 1);
		assert_int_equal(r->heard[r->n - 1].err, ERR_OK);
		struck += faultvfs_failed();
		faultvfs_disarm();
		assert_int_equal(rig_close(r), ERR_OK);
		check(r);
		rig_remove_files(r);
		r->n = 0;
	}
	assert_true(struck > 3);
}

/* What stands on pages that nothing uses any more goes, too. */
static void what_was_deleted_before_goes_too(void **state)
{
	struct rig *r = *state;
	char large[LARGE + 1];
	size_t seen = 0, n;

	make_large(large);
	fill(r);
	assert_int_equal(rig_append(r, large, NULL, 1), ERR_OK);
	assert_int_equal(store_trim(r->st, ROWS + 1, (struct wall){ 5000 }, 2), ERR_OK);
	rig_wait(r, r->n + 2);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_start(r);
	n = r->n;
	assert_int_equal(store_rewrite(r->st, erase, &seen, 77), ERR_OK);
	rig_wait(r, n + 1);
	assert_in_range(seen, ROWS + 2 * ALERTS, ROWS + 2 * ALERTS + 1);
	assert_int_equal(rig_close(r), ERR_OK);
	assert_false(is_in_file(r->path));
}

/* What no start looks at, in a large database: a closed ticket, and the body of an alert that was sent. */
static void what_is_damaged_is_not_made_to_fit(void **state)
{
	static const char *const damage[] = { "UPDATE closed SET row = CAST('evil " WHO "' AS BLOB)", "UPDATE outbox SET body = 'evil " WHO "'" };
	struct rig *r = *state;

	for (size_t i = 0; i < 2; i++) {
		struct delivery sent = rig_delivery("a1", "l1", "T1");
		size_t seen = 0;

		rig_start(r);
		assert_int_equal(rig_save(r, "T1", WHO, 1000, 1), ERR_OK);
		assert_int_equal(store_put_delivery(r->st, &sent, 1), ERR_OK);
		sent.state = DELIVERY_SENT;
		assert_int_equal(store_settle(r->st, &sent, 1), ERR_OK);
		rig_wait(r, 3);
		assert_int_equal(rig_close(r), ERR_OK);
		rig_sql(r, damage[i]);
		assert_int_equal(truncate(r->path, 512 << 20), 0);
		rig_start(r);
		r->n = 0;
		assert_int_equal(store_rewrite(r->st, erase, &seen, 77), ERR_OK);
		rig_wait(r, 1);
		assert_int_equal(r->heard[0].err, ERR_IO);
		rig_wait_state(r, STORE_DEAD);
		assert_int_equal(rig_close(r), ERR_IO);
		rig_remove_files(r);
		r->n = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(every_row_is_seen), CASE(a_slice_that_is_taken_back_is_done_again), CASE(what_was_deleted_before_goes_too),
					      CASE(what_is_damaged_is_not_made_to_fit) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
