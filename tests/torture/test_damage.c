/*
 * Databases and logs that were cut short or have bits that are not what was written. The store refuses them with a sentence that names
 * the file, or holds everything; of a log it may hold less, as after a power cut, but then says so. Never a crash, never other data.
 *
 * PLAZO_DAMAGES is how many damaged files are tried in each case.
 */
#include "life.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_make, rig_drop)

struct bytes { uint8_t *p; size_t len; };

/* Both files after a life, and all that the store says of them. */
struct sample {
	struct bytes  file[2];
	struct buf    all;
	struct prop   rnd;
	size_t        n_refused, n_less, n_same;
	char          said[160];     /* where the log of the store goes meanwhile */
};

static size_t tries(void)
{
	const char *z = getenv("PLAZO_DAMAGES");

	return z != NULL ? strtoul(z, NULL, 10) : 100;
}

static struct bytes read_bytes(const char *path)
{
	struct image m;

	image_read(&m, path);
	return (struct bytes){ m.p, m.len };
}

static void write_bytes(struct rig *r, size_t i, struct bytes b)
{
	char name[160];

	snprintf(name, sizeof name, "%s%s", r->path, suffixes[i]);
	image_write(&(struct image){ .exists = b.len != 0 || i == 0, .p = b.p, .len = b.len }, name);
}

/* ---- what the store says ---- */

static enum err say_delivery(void *ctx, const struct delivery *v, struct diag *d)
{
	(void)d;
	buf_printf(ctx, "d:" STR_FMT ":%d:" STR_FMT " ", STR_ARG(v->id), (int)v->state, STR_ARG(v->body));
	return ERR_OK;
}

static enum err say_cursor(void *ctx, const struct store_cursor *c, struct diag *d)
{
	(void)d;
	buf_printf(ctx, "c:" STR_FMT "/" STR_FMT "=" STR_FMT " ", STR_ARG(c->source), STR_ARG(c->key), STR_ARG(c->value));
	return ERR_OK;
}

static enum err say_closed(struct rig *r, struct buf *out)
{
	enum err e = ERR_OK;

	for (size_t t = 0; t < TICKETS && e == ERR_OK; t++) {
		char name[24];

		snprintf(name, sizeof name, "t%zu", t);
		e = store_fetch(r->st, STR("desk"), str_of(name), out, &r->diag);
		buf_printf(out, "=%s:%s ", name, err_name(e));
		e = e == ERR_ABSENT ? ERR_OK : e;
	}
	return e;
}

static enum err say_all(struct rig *r, struct buf *out)
{
	const struct store_loader l = { out, load_revision, load_ticket, load_event, say_delivery };

	buf_reset(out);
	r->diag.msg[0] = '\0';

	enum err e = store_open(&r->opt, &r->st, &r->diag);

	if (e == ERR_OK)
		e = store_load(r->st, &l, &r->diag);
	if (e == ERR_OK)
		e = store_load_cursors(r->st, say_cursor, out, &r->diag);
	if (e == ERR_OK)
		e = say_closed(r, out);
	store_close(r->st, NULL);
	r->st = NULL;
	return e;
}

/* ---- damage ---- */

/* A life in a child that is killed, so that there is a log, or that stops as it should. */
static void sample_make(struct rig *r, struct sample *s, const char *name, bool killed)
{
	int status;
	pid_t child = fork();
	char wal[160];

	if (child == 0) {
		struct ledger *l = calloc(1, sizeof *l);
		struct prop rnd = { 7 };

		rig_open(r);
		(void)!rig_close(r);
		life_ends_open = killed;
		live(r, l, NULL, &rnd, 1, ROUNDS);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	*s = (struct sample){ .rnd = prop_begin(name) };
	snprintf(wal, sizeof wal, "%s-wal", r->path);
	snprintf(s->said, sizeof s->said, "%s.copy", r->path);
	s->file[0] = read_bytes(r->path);
	s->file[1] = read_bytes(wal);
	assert_int_equal(s->file[1].len > 100000, killed);
	buf_init(&s->all, 1 << 24);
	if (say_all(r, &s->all) != ERR_OK)
		fail_msg("%s", r->diag.msg);
	assert_non_null(strstr(buf_cstr(&s->all), "c:bus/tickets=60 "));
}

static void sample_drop(struct sample *s)
{
	fprintf(stderr, "%zu refused, %zu held all, %zu said that they hold less\n", s->n_refused, s->n_same, s->n_less);
	free(s->file[0].p);
	free(s->file[1].p);
	buf_finish(&s->all);
}

/* All that is logged while the store looks at the files. */
static void say_into(struct rig *r, struct sample *s, struct buf *out, struct buf *log, enum err *e_out)
{
	int keep = dup(2), fd = open(s->said, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(keep >= 0 && fd >= 0);
	fflush(stderr);
	dup2(fd, 2);
	log_set_level(LOG_LEVEL_NOTICE);
	*e_out = say_all(r, out);
	log_set_level(LOG_LEVEL_ERROR - 1);
	dup2(keep, 2);
	close(keep);
	close(fd);

	struct bytes said = read_bytes(s->said);

	buf_reset(log);
	buf_put(log, (struct str){ (const char *)said.p, said.len });
	free(said.p);
	unlink(s->said);
}

/* One file is what was made of it, the other whole. `what` and `at` are for people. */
static void try_damage(struct rig *r, struct sample *s, size_t which, struct bytes bad, const char *what, size_t at)
{
	struct buf out, log;
	enum err e;

	buf_init(&out, 1 << 24);
	buf_init(&log, 1 << 20);
	write_bytes(r, which, bad);
	write_bytes(r, !which, s->file[!which]);
	say_into(r, s, &out, &log, &e);
	if (e != ERR_OK) {
		s->n_refused++;
		if ((e != ERR_SYNTAX && e != ERR_RANGE) || strstr(r->diag.msg, r->path) == NULL)
			fail_msg("%s at %zu of file %zu: %s: \"%s\"", what, at, which, err_name(e), r->diag.msg);
	} else if (str_eq(buf_str(&out), buf_str(&s->all))) {
		s->n_same++;
	} else if (which == 1 && out.len < s->all.len && strstr(buf_cstr(&log), "unfinished") != NULL) {
		s->n_less++;
	} else {
		size_t i = 0;

		while (i < out.len && i < s->all.len && out.p[i] == s->all.p[i])
			i++;
		fail_msg("%s at %zu of file %zu: taken for whole, but it holds \"%.60s\" for \"%.60s\"", what, at, which, buf_cstr(&out) + i,
			buf_cstr(&s->all) + i);
	}
	buf_finish(&out);
	buf_finish(&log);
	rig_remove_files(r);
}

static void flip(struct rig *r, struct sample *s, size_t which)
{
	struct bytes bad = { malloc(s->file[which].len), s->file[which].len };
	size_t bit = prop_below(&s->rnd, bad.len * 8);

	assert_non_null(bad.p);
	memcpy(bad.p, s->file[which].p, bad.len);
	bad.p[bit / 8] = (uint8_t)(bad.p[bit / 8] ^ 1u << bit % 8);
	try_damage(r, s, which, bad, "a bit flipped", bit / 8);
	free(bad.p);
}

static void flip_many(struct rig *r, const char *name, bool killed, size_t which)
{
	struct sample s;

	sample_make(r, &s, name, killed);
	for (size_t i = 0; i < tries(); i++)
		flip(r, &s, which);
	sample_drop(&s);
}

static void bits_of_a_database(void **state) { flip_many(*state, "bits_of_a_database", false, 0); }
static void bits_of_a_database_in_use(void **state) { flip_many(*state, "bits_of_a_database_in_use", true, 0); }
static void bits_of_a_log(void **state) { flip_many(*state, "bits_of_a_log", true, 1); }

/* At every sector, or at some of them. */
static void cut_short(struct rig *r, const char *name, bool killed)
{
	struct sample s;

	sample_make(r, &s, name, killed);

	size_t sectors = s.file[0].len / SECTOR, step = sectors > tries() ? sectors / tries() : 1;

	for (size_t i = prop_below(&s.rnd, step); i < sectors; i += step)
		try_damage(r, &s, 0, (struct bytes){ s.file[0].p, i * SECTOR }, "cut short", i * SECTOR);
	sample_drop(&s);
}

static void a_database_cut_short(void **state) { cut_short(*state, "a_database_cut_short", false); }
static void a_database_in_use_cut_short(void **state) { cut_short(*state, "a_database_in_use_cut_short", true); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(bits_of_a_database),
		CASE(bits_of_a_database_in_use),
		CASE(bits_of_a_log),
		CASE(a_database_cut_short),
		CASE(a_database_in_use_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
