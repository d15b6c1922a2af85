/* Rows of which a bit is wrong, table by table: told with the name of the row, never handed on as what it is not. */
#include "store_rig.h"

#include "store/streams.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_make, rig_drop)

/* One of everything: two events, a revision, an open and a closed ticket, alerts that are pending and sent, a cursor. */
static void make(struct rig *r)
{
	struct store_revision v = { .from = { 5 }, .digest = 11, .text = STR("policies: {}") };
	struct store_cursor c = { STR("bus"), STR("tickets"), STR("1-1") };
	struct delivery sent = rig_delivery("a2", "l1", "T-1");

	r->n = 0;
	rig_start(r);
	assert_int_equal(rig_append(r, "one", NULL, 1), ERR_OK);
	assert_int_equal(rig_append(r, "two", NULL, 1), ERR_OK);
	assert_int_equal(store_put_revision(r->st, &v, 1), ERR_OK);
	assert_int_equal(rig_save(r, "T-1", "row", 0, 1), ERR_OK);
	assert_int_equal(rig_save(r, "T-2", "row", 4000, 1), ERR_OK);
	assert_int_equal(rig_put(r, "a1", "l1", "T-1", 1), ERR_OK);
	assert_int_equal(store_put_delivery(r->st, &sent, 1), ERR_OK);
	sent.state = DELIVERY_SENT;
	assert_int_equal(store_settle(r->st, &sent, 1), ERR_OK);
	assert_int_equal(store_put_cursor(r->st, &c, store_epoch(r->st), 1), ERR_OK);
	rig_wait(r, 9);
	assert_int_equal(rig_close(r), ERR_OK);
}

static enum err see_cursor(void *ctx, const struct store_cursor *c, struct diag *d)
{
	(void)ctx;
	(void)d;
	assert_true(str_eqz(c->value, "1-1"));
	return ERR_OK;
}

/* As at a start: opened, then all that is loaded. */
static enum err start_of(struct rig *r, struct buf *text)
{
	enum err e = store_open(&r->opt, &r->st, &r->diag);

	if (e == ERR_OK)
		e = rig_load(r, text);
	return e == ERR_OK ? store_load_cursors(r->st, see_cursor, NULL, &r->diag) : e;
}

static void a_start_finds_it(void **state)
{
	struct rig *r = *state;
	static const struct { const char *sql, *words; } v[] = {
		{ "UPDATE journal SET records = x'' WHERE seq = 1", "row 1 of table journal" },
		{ "UPDATE journal SET seq = 3 WHERE seq = 1", "table journal" },
		{ "UPDATE revisions SET text = 'policies: {x: {}}'", "row 1 of table revisions" },
		{ "UPDATE revisions SET digest = 12", "row 1 of table revisions" },
		{ "UPDATE tickets SET row = x'00'", "ticket desk/T-1 does not fit its checksum" },
		{ "UPDATE tickets SET ticket = 'T-3'", "ticket desk/T-3 does not fit its checksum" },
		{ "UPDATE closed SET row = x'00'", "closed ticket desk/T-2 does not fit its checksum" },
		{ "UPDATE closed SET ticket = 'T-3'", "closed ticket desk/T-3 does not fit its checksum" },
		{ "UPDATE outbox SET receiver = 'l2' WHERE id = 'a1'", "row 1 of table outbox" },
		{ "UPDATE outbox SET body = '{}' WHERE id = 'a1'", "row 1 of table outbox" },
		{ "UPDATE outbox SET attempts = 7 WHERE id = 'a1'", "row 1 of table outbox" },
		{ "UPDATE outbox SET id_hash = id_hash + 1 WHERE id = 'a1'", "row 1 of table outbox" },
		{ "UPDATE outbox SET ticket_hash = ticket_hash + 1 WHERE id = 'a1'", "row 1 of table outbox" },
		{ "UPDATE cursors SET value = '2-1'", "the cursor of bus/tickets does not fit its checksum" },
		{ "DELETE FROM meta WHERE key = 'id'", "damaged" },
		{ "DELETE FROM meta WHERE key = 'clean'", "damaged" },
		{ "DELETE FROM meta WHERE key = 'seq'", "damaged" },
		{ "DELETE FROM meta WHERE key = 'latest'", "damaged" },
		{ "UPDATE meta SET value = x'00' WHERE key = 'key'", "damaged" },
		{ "UPDATE meta SET value = 'short' WHERE key = 'id'", "damaged" },
	};
	struct buf text;

	buf_init(&text, 1 << 20);
	make(r);
	assert_int_equal(start_of(r, &text), ERR_OK);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_remove_files(r);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		make(r);
		rig_sql(r, v[i].sql);
		r->diag.msg[0] = '\0';

		enum err e = start_of(r, &text);

		if (e != ERR_SYNTAX || strstr(r->diag.msg, v[i].words) == NULL || strstr(r->diag.msg, r->path) == NULL)
			fail_msg("%s: %s: %s", v[i].sql, err_name(e), r->diag.msg);
		store_close(r->st, NULL);
		r->st = NULL;
		rig_remove_files(r);
	}
	buf_finish(&text);
}

/* An alert that was sent decides nothing any more: who asks for it is told that it cannot be had, and the store goes on. */
static void a_list_ends_there(void **state)
{
	struct rig *r = *state;
	struct store_filter all = { .limit = 100 };

	make(r);
	rig_sql(r, "UPDATE outbox SET status = 201 WHERE id = 'a2'");
	rig_start(r);
	r->n = 0;
	assert_int_equal(store_list_deliveries(r->st, &all, 5), ERR_OK);
	rig_wait(r, 1);
	assert_int_equal(r->heard[0].what, STORE_DELIVERIES);
	assert_int_equal(r->heard[0].err, ERR_IO);
	assert_true(r->heard[0].last);
	assert_int_equal(rig_append(r, "three", NULL, 1), ERR_OK);
	rig_wait(r, 2);
	assert_int_equal(r->heard[1].err, ERR_OK);
	/* Rows that wait to be sent come without it. */
	assert_int_equal(store_list_deliveries(r->st, &(struct store_filter){ .nos = (const uint64_t[]){ 2, 1 }, .n_nos = 2 }, 6), ERR_OK);
	rig_wait(r, 4);
	assert_string_equal(r->heard[2].text, "a1");
	assert_true(r->heard[3].last);
	assert_int_equal(r->heard[3].err, ERR_IO);
	assert_int_equal(rig_close(r), ERR_OK);
}

static enum err fetch_it(struct rig *r)
{
	return rig_append(r, "four", "T-2", 2);
}

static enum err find_it(struct rig *r)
{
	return store_find_ticket(r->st, STR("desk"), STR("T-2"), 2);
}

static enum err list_it(struct rig *r)
{
	return store_list_closed(r->st, &(struct store_page){ .before = { INT64_MAX }, .limit = 10 }, 2);
}

/*
 * A start does not look at every page of a large database, unless it was not stopped cleanly. A closed ticket that is damaged is found when
 * it is asked for: what is in the same commit is undone, and nobody is told otherwise.
 */
static void a_large_one_finds_it_later(void **state)
{
	struct rig *r = *state;
	static enum err (*const ask[])(struct rig *) = { fetch_it, find_it, list_it };
	struct buf text;

	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < sizeof ask / sizeof *ask; i++) {
		make(r);
		rig_sql(r, "UPDATE closed SET row = x'00'");
		assert_int_equal(truncate(r->path, 512 << 20), 0);
		rig_start(r);
		r->n = 0;
		assert_int_equal(store_fetch(r->st, STR("desk"), STR("T-2"), &text, &r->diag), ERR_SYNTAX);
		assert_non_null(strstr(r->diag.msg, "ticket desk/T-2 does not fit its checksum"));
		assert_int_equal(rig_append(r, "three", NULL, 1), ERR_OK);
		assert_int_equal(ask[i](r), ERR_OK);
		rig_wait(r, 2);
		rig_wait_state(r, STORE_DEAD);
		assert_int_equal(r->heard[0].err, i == 0 ? ERR_IO : ERR_OK);
		assert_int_equal(r->heard[1].err, ERR_IO);
		assert_int_equal(rig_close(r), ERR_IO);
		assert_int_equal(store_open(&r->opt, &r->st, &r->diag), ERR_SYNTAX);
		assert_non_null(strstr(r->diag.msg, "closed ticket desk/T-2"));
		assert_int_equal(truncate(r->path, (off_t)2 << 30), 0);
		buf_reset(&text);
		rig_open(r);
		assert_int_equal(rig_load(r, &text), ERR_OK);
		assert_int_equal(strstr(buf_cstr(&text), "three") == NULL, i == 0);
		assert_int_equal(rig_close(r), ERR_OK);
		rig_remove_files(r);
	}
	buf_finish(&text);
}

static void what_lies_beside_it(void **state)
{
	struct rig *r = *state;
	char name[128];
	int fd;

	make(r);
	snprintf(name, sizeof name, "%s-journal", r->path);
	fd = open(name, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(store_open(&r->opt, &r->st, &r->diag), ERR_SYNTAX);
	assert_non_null(strstr(r->diag.msg, "-journal is there, which plazo never leaves"));
}

/* The directory of the database is a file. */
static void what_is_in_its_way(void **state)
{
	struct rig *r = *state;
	struct store_options opt = r->opt;
	char name[160];

	make(r);
	snprintf(name, sizeof name, "%s/plazo.db", r->path);
	opt.path = name;
	assert_int_equal(store_open(&opt, &r->st, &r->diag), ERR_IO);
	assert_non_null(strstr(r->diag.msg, "Not a directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_start_finds_it),
		CASE(a_list_ends_there),
		CASE(a_large_one_finds_it_later),
		CASE(what_lies_beside_it),
		CASE(what_is_in_its_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
