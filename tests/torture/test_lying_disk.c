/*
 * A disk that says it has kept what it has not: syncs return, and after a power cut any of what was written since is there, in any order. What was
 * acknowledged may then be gone, and nothing that is in the files can tell that it was: that is promised of no disk. What is promised is that
 * nothing is read that was not written, that the journal has no hole, and that what cannot be taken is refused with a sentence and left as it is.
 *
 * PLAZO_CUTS is how many cuts are tried; 0: one at each operation.
 */
#include "life.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, make, rig_drop)
#define LONGEST_LIE 400      /* operations */

static int make(void **state)
{
	faultvfs_register();
	faultvfs_disarm();
	rig_make(state);
	((struct rig *)*state)->opt.vfs = FAULTVFS;
	return 0;
}

struct found {
	const struct ledger *l;
	uint64_t             last_event;
};

static enum err see_event(void *ctx, uint64_t seq, struct str record, struct diag *diag)
{
	struct found *f = ctx;

	(void)diag;
	if (f->last_event != 0)
		assert_int_equal(seq, f->last_event + 1);
	assert_true(seq <= f->l->n[EVENT] && is_whole(record, EVENT, seq));
	f->last_event = seq;
	return ERR_OK;
}

static enum err see_revision(void *ctx, const struct store_revision *v, struct diag *diag)
{
	(void)ctx;
	(void)diag;
	assert_true(is_whole(v->text, REVISION, v->digest));
	return ERR_OK;
}

static enum err see_ticket(void *ctx, const struct ticket_row *v, struct diag *diag)
{
	const struct found *f = ctx;
	size_t i = v->row.len > strlen("saves-") ? strtoul(v->row.p + strlen("saves-"), NULL, 10) : 0;

	(void)diag;
	assert_true(i > 0 && i <= f->l->n[SAVE] && is_whole(v->row, SAVE, i));
	return ERR_OK;
}

/* ---- files ---- */

struct bytes { bool exists; size_t len; char *p; };

static struct bytes bytes_of(const struct rig *r, const char *suffix)
{
	char name[128];
	struct stat st;
	struct bytes b = { 0 };
	int fd;

	snprintf(name, sizeof name, "%s%s", r->path, suffix);
	fd = open(name, O_RDONLY);
	if (fd < 0)
		return b;
	assert_int_equal(fstat(fd, &st), 0);
	b = (struct bytes){ true, (size_t)st.st_size, malloc((size_t)st.st_size + 1) };
	assert_non_null(b.p);
	assert_int_equal(read(fd, b.p, b.len), b.len);
	close(fd);
	return b;
}

/* A log that there was not, or of no length, may come or go: it says nothing. */
static bool same_bytes(const struct bytes *a, const struct bytes *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

/* ---- cuts ---- */

enum end { TAKEN, TAKEN_SHORT, REFUSED, N_ENDS };

static bool says_why(const char *text)
{
	return strstr(text, "damaged") != NULL || strstr(text, "cut short") != NULL || strstr(text, " is gone") != NULL;
}

static enum end open_and_read(struct rig *r, struct found *f, size_t point)
{
	const struct store_loader loader = { f, see_revision, see_ticket, see_event, NULL };
	enum err e = store_open(&r->opt, &r->st, &r->diag);

	if (e == ERR_OK)
		e = store_load(r->st, &loader, &r->diag);
	if (e != ERR_OK) {
		if (e != ERR_SYNTAX || !says_why(r->diag.msg))
			fail_msg("%s: %s", err_name(e), r->diag.msg);
		store_close(r->st, NULL);
		r->st = NULL;
		return REFUSED;
	}
	/* It goes on from there. */
	rig_start(r);
	r->n = 0;
	assert_int_equal(rig_append(r, "new", NULL, 1), ERR_OK);
	rig_wait(r, 1);
	assert_int_equal(r->heard[0].err, ERR_OK);
	assert_true(r->heard[0].seq > f->last_event);
	assert_int_equal(rig_close(r), ERR_OK);
	return f->last_event < acked_by(f->l, EVENT, point) ? TAKEN_SHORT : TAKEN;
}

static enum end try_cut(struct rig *r, const struct ledger *l, const struct disk *d, size_t honest, size_t point, struct prop *rnd)
{
	struct found f = { .l = l };
	struct bytes before[N_FILES], after[N_FILES];

	disk_cut_lied(d, honest, point, DISK_SOME, rnd, r->path);
	for (size_t i = 0; i < N_FILES; i++)
		before[i] = bytes_of(r, suffixes[i]);

	enum end end = open_and_read(r, &f, point);

	for (size_t i = 0; i < N_FILES; i++) {
		after[i] = bytes_of(r, suffixes[i]);
		if (end == REFUSED && !same_bytes(&before[i], &after[i]))
			fail_msg("refused (%s), but %s%s was changed", r->diag.msg, r->path, suffixes[i]);
		free(before[i].p);
		free(after[i].p);
	}
	rig_remove_files(r);
	return end;
}

static void nothing_false_is_read(void **state)
{
	struct rig *r = *state;
	struct ledger *l = calloc(1, sizeof *l);
	struct prop life = { 1 }, rnd = prop_begin("nothing_false_is_read");
	const char *z = getenv("PLAZO_CUTS");
	size_t wanted = z != NULL ? strtoul(z, NULL, 10) : 200, ends[N_ENDS] = { 0 };

	assert_non_null(l);
	rig_open(r);
	assert_int_equal(rig_close(r), ERR_OK);

	struct disk *d = disk_watch(r->path);

	live(r, l, d, &life, 1, ROUNDS / 2);
	live(r, l, d, &life, ROUNDS / 2 + 1, ROUNDS);
	disk_rest(d);

	size_t n = disk_count(d), step = wanted == 0 || wanted > n ? 1 : n / wanted;

	for (size_t point = 0; point <= n; point += step) {
		size_t lie = prop_below(&rnd, LONGEST_LIE);

		ends[try_cut(r, l, d, point > lie ? point - lie : 0, point, &rnd)]++;
	}
	fprintf(stderr, "%zu operations; %zu taken, %zu without what was acknowledged last, %zu refused\n", n, ends[TAKEN], ends[TAKEN_SHORT], ends[REFUSED]);
	assert_true(ends[TAKEN] > 0 && ends[TAKEN_SHORT] > 0 && ends[REFUSED] > 0);
	disk_free(d);
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_false_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
