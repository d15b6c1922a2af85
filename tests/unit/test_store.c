/* What the store keeps, answers and forgets, on a disk that works. */
#include "store_rig.h"

#include "store/db.h"
#include "store/queue.h"
#include "store/verdicts.h"

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_make, rig_drop)

static void everything_comes_back(void **state)
{
	struct rig *r = *state;
	struct buf text;
	struct delivery sent = rig_delivery("a1", "l2", "T-1"), again = rig_delivery("a1", "l1", "T-1");
	char id[40];

	buf_init(&text, 1 << 20);
	rig_start(r);
	assert_int_equal(strlen(store_id(r->st)), 32);
	strcpy(id, store_id(r->st));

	struct sipkey key = store_key(r->st);
	struct store_revision rev = { .from = { 5 }, .digest = UINT64_MAX - 1, .text = STR("contracts: …") };

	assert_int_equal(store_put_revision(r->st, &rev, 1), ERR_OK);
	assert_int_equal(rig_append(r, "one", NULL, 2), ERR_OK);
	assert_int_equal(rig_append(r, "two", NULL, 3), ERR_OK);
	assert_int_equal(rig_append(r, "", NULL, 4), ERR_OK);
	rev.digest = 6;
	assert_int_equal(store_put_revision(r->st, &rev, 5), ERR_OK);
	assert_int_equal(rig_save(r, "T-1", "row-1", 0, 6), ERR_OK);
	assert_int_equal(rig_save(r, "T-1", "row-1b", 0, 0), ERR_OK);
	assert_int_equal(rig_put(r, "a1", "l1", "T-1", 7), ERR_OK);
	assert_int_equal(rig_put(r, "a1", "l2", "T-1", 8), ERR_OK);
	assert_int_equal(rig_put(r, "a0", "l1", "T-1", 9), ERR_OK);
	again.attempts = 2;
	again.next.ms = 77;
	assert_int_equal(store_settle(r->st, &again, 0), ERR_OK);
	sent.state = DELIVERY_SENT;
	sent.settled.ms = 5000;
	assert_int_equal(store_settle(r->st, &sent, 10), ERR_OK);
	rig_wait(r, 10);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(r->heard[i].cookie, i + 1);
		assert_int_equal(r->heard[i].err, ERR_OK);
	}
	assert_int_equal(r->heard[1].seq, 1);
	assert_int_equal(r->heard[3].seq, 3);
	assert_string_equal(r->heard[2].text, "two");
	assert_int_equal(rig_close(r), ERR_OK);

	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	assert_string_equal(buf_cstr(&text), "r:5:18446744073709551614:contracts: …:0 r:5:6:contracts: …:3 t:desk/T-1/acme=row-1b:7 "
		"e:1=one e:2=two e:3= d:a1/l1:0:2:77 d:a0/l1:0:0:1000 ");
	assert_string_equal(store_id(r->st), id);
	assert_true(key.k0 == store_key(r->st).k0 && key.k1 == store_key(r->st).k1);
	buf_finish(&text);
}

static enum err enough(void *ctx, uint64_t seq, struct str record, struct diag *d)
{
	(void)record;
	*(uint64_t *)ctx = seq;
	diag_set(d, "enough");
	return seq == 2 ? ERR_LIMIT : ERR_OK;
}

static void a_callback_ends_the_load(void **state)
{
	struct rig *r = *state;
	uint64_t seq = 0;
	const struct store_loader l = { .ctx = &seq, .event = enough };

	rig_start(r);
	for (int i = 0; i < 5; i++)
		assert_int_equal(rig_append(r, "x", NULL, 1), ERR_OK);
	rig_wait(r, 5);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_open(r);
	assert_int_equal(store_load(r->st, &l, &r->diag), ERR_LIMIT);
	assert_int_equal(seq, 2);
	assert_string_equal(r->diag.msg, "enough");
}

static void a_record_comes_back_where_it_is_asked_for(void **state)
{
	struct rig *r = *state;
	struct store_append quiet = { .record = STR("two"), .cookie = 2 };

	rig_start(r);
	assert_int_equal(rig_append(r, "one", NULL, 1), ERR_OK);
	assert_int_equal(store_append(r->st, &quiet), ERR_OK);
	assert_int_equal(rig_append(r, "three", NULL, 3), ERR_OK);
	rig_wait(r, 3);
	assert_string_equal(r->heard[0].text, "one");
	assert_string_equal(r->heard[1].text, "");
	assert_int_equal(r->heard[1].seq, 2);
	assert_string_equal(r->heard[2].text, "three");
}

#define N_AHEAD 3000      /* events of a kilobyte: more than is read ahead at once */

struct walk { struct store *st; uint64_t n, until; };

/* Looks up a closed ticket between two rows: the connection is the reader's as well. */
static enum err one_of_many(void *ctx, uint64_t seq, struct str record, struct diag *d)
{
	struct walk *w = ctx;
	struct buf row;

	buf_init(&row, 1 << 10);
	assert_int_equal(seq, ++w->n);
	assert_int_equal(record.len, 1000);
	if (seq % 100 == 0)
		assert_int_equal(store_fetch(w->st, STR("desk"), STR("C"), &row, d), ERR_OK);
	assert_string_equal(buf_cstr(&row), seq % 100 == 0 ? "row" : "");
	buf_finish(&row);
	return seq == w->until ? ERR_LIMIT : ERR_OK;
}

static void a_load_reads_ahead_in_order_to_any_end(void **state)
{
	struct rig *r = *state;
	static char record[1001];

	memset(record, 'x', 1000);
	rig_start(r);
	assert_int_equal(rig_save(r, "C", "row", 1000, 0), ERR_OK);
	for (int i = 0; i < N_AHEAD; i++)
		assert_int_equal(rig_append(r, record, NULL, 1), ERR_OK);
	rig_wait(r, N_AHEAD);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_open(r);
	/* 0: to the end; others within the first chunk, at about its end, and far behind what is read ahead. */
	for (uint64_t until = 0; until < N_AHEAD; until += until < 140 ? 13 : 700) {
		struct walk w = { r->st, 0, until };
		const struct store_loader l = { .ctx = &w, .event = one_of_many };

		assert_int_equal(store_load(r->st, &l, &r->diag), until != 0 ? ERR_LIMIT : ERR_OK);
		assert_int_equal(w.n, until != 0 ? until : N_AHEAD);
	}
}

static void commits_are_shared_and_numbers_have_no_gaps(void **state)
{
	struct rig *r = *state;
	const size_t n = 20000;
	struct store_health h;
	struct buf text;
	char record[32];

	rig_start(r);
	for (size_t i = 0; i < n; i++) {
		snprintf(record, sizeof record, "e%zu", i + 1);
		assert_int_equal(rig_append(r, record, NULL, i), ERR_OK);
	}
	rig_wait(r, n);
	for (size_t i = 0; i < n; i++) {
		snprintf(record, sizeof record, "e%zu", i + 1);
		assert_int_equal(r->heard[i].cookie, i);
		assert_int_equal(r->heard[i].seq, i + 1);
		assert_string_equal(r->heard[i].text, record);
	}
	store_health(r->st, &h);
	assert_int_equal(h.n_events, n);
	assert_int_equal(h.seq, n);
	assert_int_equal(h.n_queued, 0);
	assert_int_equal(h.queued_bytes, 0);
	assert_true(h.n_commits < n / 2);
	assert_int_equal(rig_close(r), ERR_OK);

	buf_init(&text, 1 << 24);
	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	assert_non_null(strstr(buf_cstr(&text), "e:20000=e20000 "));
	buf_finish(&text);
}

/* Alone or together, each has its number and comes back as itself. */
static void events_go_together(void **state)
{
	struct rig *r = *state;
	const struct str three[] = { STR("two"), STR(""), STR("four") }, one = STR("six");
	struct store_health h;
	struct buf text;

	rig_start(r);
	assert_int_equal(rig_append(r, "one", NULL, 1), ERR_OK);
	assert_int_equal(store_append_run(r->st, three, 3, 2), ERR_OK);
	assert_int_equal(rig_append(r, "five", "T-1", 3), ERR_OK);
	assert_int_equal(store_append_run(r->st, &one, 1, 4), ERR_OK);
	rig_wait(r, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(r->heard[i].seq, i + 1);
		assert_int_equal(r->heard[i].cookie, i == 0 ? 1 : i < 4 ? 2 : i - 1);
	}
	assert_string_equal(r->heard[4].text, "five");
	store_health(r->st, &h);
	assert_int_equal(h.n_events, 6);
	assert_int_equal(h.n_queued, 0);
	assert_int_equal(h.queued_bytes, 0);
	assert_int_equal(rig_close(r), ERR_OK);

	buf_init(&text, 1 << 10);
	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	assert_string_equal(buf_cstr(&text), "e:1=one e:2=two e:3= e:4=four e:5=five e:6=six ");
	buf_finish(&text);
}

static void count_told(void *ctx, const struct store_done *done)
{
	(void)done;
	++*(size_t *)ctx;
}

/* Who has no more time is left alone after eight events, be they told one by one or together. */
static void answers_are_told_in_slices(void **state)
{
	struct answers a;
	size_t n_told = 0, at = 0;

	(void)state;
	answers_init(&a);
	for (uint64_t i = 0; i < 24; i++)
		answers_add(&a, i % 2 == 0 ? STORE_APPENDED : STORE_SAVED, i, ERR_OK)->done.n = i < 20 ? (i + 1) % 2 : i % 2 == 0 ? STORE_RUN : 0;
	while (at < 16) {
		at = answers_tell(&a, at, 0, count_told, &n_told);
		assert_int_equal(n_told, at);
		assert_int_equal(at % 8, 0);
	}
	at = answers_tell(&a, 20, 0, count_told, &n_told);
	assert_int_equal(at, 21);
	assert_int_equal(answers_tell(&a, 0, 60000, count_told, &n_told), 24);
	answers_finish(&a);
}

static void a_full_queue_refuses(void **state)
{
	struct rig *r = *state;

	r->opt.max_jobs = 10;
	rig_open(r);
	for (int i = 0; i < 10; i++)
		assert_int_equal(rig_append(r, "x", NULL, 1), ERR_OK);
	assert_int_equal(rig_append(r, "x", NULL, 1), ERR_FULL);
	/* What is no event has room of its own. */
	for (int i = 0; i < 10; i++)
		assert_int_equal(rig_save(r, "T", "row", 0, 1), ERR_OK);
	assert_int_equal(rig_save(r, "T", "row", 0, 1), ERR_FULL);
	rig_start(r);
	rig_wait(r, 20);
	assert_int_equal(rig_append(r, "x", NULL, 1), ERR_OK);
	rig_wait(r, 21);
	assert_int_equal(rig_close(r), ERR_OK);

	r->opt.max_jobs = 0;
	r->opt.max_bytes = 4096;
	rig_open(r);

	char big[3000];

	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	assert_int_equal(rig_append(r, big, NULL, 1), ERR_OK);
	assert_int_equal(rig_append(r, big, NULL, 1), ERR_FULL);
	assert_int_equal(rig_append(r, "small", NULL, 1), ERR_OK);
}

static void closed_tickets_are_fetched(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	assert_false(store_may_have(r->st, STR("desk"), STR("T-1")));
	assert_int_equal(rig_save(r, "T-1", "closed row", 500, 0), ERR_OK);
	assert_true(store_may_have(r->st, STR("desk"), STR("T-1")));
	/* In the same commit as the save, and before anything is on disk. */
	assert_int_equal(rig_append(r, "e1", "T-1", 1), ERR_OK);
	assert_int_equal(rig_append(r, "e2", "T-2", 2), ERR_OK);
	assert_int_equal(rig_append(r, "e3", NULL, 3), ERR_OK);
	rig_wait(r, 3);
	assert_true(r->heard[0].fetched);
	assert_string_equal(r->heard[0].row, "closed row");
	assert_string_equal(r->heard[0].text, "e1");
	assert_false(r->heard[1].fetched);
	assert_int_equal(r->heard[1].err, ERR_OK);
	assert_false(r->heard[2].fetched);
	assert_int_equal(rig_close(r), ERR_OK);

	rig_open(r);
	assert_true(store_may_have(r->st, STR("desk"), STR("T-1")));
	assert_false(store_may_have(r->st, STR("T-1"), STR("desk")));

	struct buf row;

	buf_init(&row, 100);
	assert_int_equal(store_fetch(r->st, STR("desk"), STR("T-1"), &row, NULL), ERR_OK);
	assert_string_equal(buf_cstr(&row), "closed row");
	assert_int_equal(store_fetch(r->st, STR("desk"), STR("T-2"), &row, NULL), ERR_ABSENT);
	buf_finish(&row);
}

static void a_ticket_is_open_or_closed(void **state)
{
	struct rig *r = *state;
	struct buf text;

	buf_init(&text, 1 << 20);
	rig_start(r);
	assert_int_equal(rig_save(r, "T-1", "open", 0, 0), ERR_OK);
	assert_int_equal(rig_save(r, "T-1", "closed", 100, 0), ERR_OK);
	assert_int_equal(rig_save(r, "T-2", "closed", 100, 0), ERR_OK);
	assert_int_equal(rig_save(r, "T-2", "open again", 0, 0), ERR_OK);
	assert_int_equal(store_find_ticket(r->st, STR("desk"), STR("T-1"), 1), ERR_OK);
	assert_int_equal(store_find_ticket(r->st, STR("desk"), STR("T-2"), 2), ERR_OK);
	assert_int_equal(store_find_ticket(r->st, STR("desk"), STR("T-3"), 3), ERR_OK);
	assert_int_equal(store_list_closed(r->st, &(struct store_page){ .before = WALL_NEVER, .limit = 10 }, 4), ERR_OK);
	rig_wait(r, 7);

	size_t seen = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct heard *h = &r->heard[i];

		if (h->cookie == 1 && !h->last && ++seen)
			assert_string_equal(h->row, "closed");
		if (h->cookie == 2 && !h->last && ++seen)
			assert_string_equal(h->row, "open again");
		if (h->cookie == 3 && ++seen)
			assert_true(h->last && h->err == ERR_ABSENT);
		if (h->cookie == 4 && !h->last && ++seen)
			assert_string_equal(h->ticket, "T-1");
	}
	assert_int_equal(seen, 4);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	assert_string_equal(buf_cstr(&text), "t:desk/T-2/acme=open again:7 ");
	buf_finish(&text);
}

static void a_row_of_the_outbox_is_put_once(void **state)
{
	struct rig *r = *state;
	struct delivery absent = rig_delivery("no", "l1", "T");

	rig_start(r);
	assert_int_equal(rig_put(r, "a", "l1", "T", 0), ERR_OK);
	assert_int_equal(rig_put(r, "a", "l1", "T", 0), ERR_OK);
	assert_int_equal(rig_put(r, "a", "l2", "T", 0), ERR_OK);
	assert_int_equal(store_settle(r->st, &absent, 4), ERR_OK);
	rig_wait(r, 4);
	assert_true(r->heard[0].fresh);
	assert_false(r->heard[1].fresh);
	assert_int_equal(r->heard[1].err, ERR_OK);
	assert_true(r->heard[2].fresh);
	assert_int_equal(r->heard[3].err, ERR_ABSENT);
}

/* Nobody finds two ids of the same hash: a row is given another id. */
static void an_alert_of_the_same_hash_has_a_second_place(void **state)
{
	struct rig *r = *state;
	struct delivery a = rig_delivery("a", "l1", "T");

	a.state = DELIVERY_SENT;
	rig_start(r);
	assert_int_equal(rig_put(r, "a", "l1", "T", 0), ERR_OK);
	rig_wait(r, 1);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_sql(r, "UPDATE outbox SET id = 'b'");
	rig_start(r);
	assert_int_equal(rig_put(r, "a", "l1", "T", 0), ERR_OK);
	assert_int_equal(rig_put(r, "a", "l1", "T", 0), ERR_OK);
	assert_int_equal(store_settle(r->st, &a, 1), ERR_OK);
	rig_wait(r, 4);
	assert_true(r->heard[1].fresh && r->heard[1].seq == r->heard[0].seq + 1);
	assert_false(r->heard[2].fresh);
	assert_int_equal(r->heard[3].err, ERR_OK);
	assert_int_equal(rig_close(r), ERR_OK);
	/* A start looks at what is kept. */
	rig_sql(r, "DELETE FROM outbox WHERE id = 'b'");
	rig_start(r);
	assert_int_equal(store_list_deliveries(r->st, &(struct store_filter){ .id = STR("a"), .limit = 10 }, 1), ERR_OK);
	rig_wait(r, 6);
	assert_string_equal(r->heard[4].text, "a");
	assert_int_equal(r->heard[4].state, DELIVERY_SENT);
	assert_true(r->heard[5].last);
	assert_int_equal(rig_close(r), ERR_OK);
	/* Were both places another's, it would be sent all the same. */
	rig_sql(r, "UPDATE outbox SET id = 'b'");
	rig_start(r);
	assert_int_equal(rig_put(r, "a", "l1", "T", 0), ERR_OK);
	rig_wait(r, 7);
	assert_true(r->heard[6].fresh && r->heard[6].seq != 0);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_sql(r, "UPDATE outbox SET id = 'c' WHERE id = 'a'");
	rig_start(r);
	assert_int_equal(rig_put(r, "a", "l1", "T", 0), ERR_OK);
	rig_wait(r, 8);
	assert_true(r->heard[7].fresh);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_sql(r, "CREATE TEMP TABLE want(n INTEGER CHECK(n = 2)); INSERT INTO want SELECT count(*) FROM outbox");
}

static void trimming_never_gives_a_number_twice(void **state)
{
	struct rig *r = *state;
	struct buf text;

	buf_init(&text, 1 << 20);
	rig_start(r);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(rig_append(r, "x", NULL, 1), ERR_OK);
		rig_wait(r, r->n + 1);
	}
	assert_int_equal(store_trim(r->st, 299, (struct wall){ 5000 }, 2), ERR_OK);
	rig_wait(r, 301);
	assert_int_equal(r->heard[300].what, STORE_TRIMMED);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	assert_string_equal(buf_cstr(&text), "e:300=x ");
	assert_int_equal(store_latest(r->st).ms, 5000);
	rig_start(r);
	assert_int_equal(store_trim(r->st, 300, (struct wall){ 6000 }, 2), ERR_OK);
	rig_wait(r, 302);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_start(r);
	buf_reset(&text);
	assert_int_equal(rig_append(r, "next", NULL, 1), ERR_OK);
	rig_wait(r, 303);
	assert_int_equal(r->heard[302].seq, 301);
	buf_finish(&text);
}

static void put_verdict(struct rig *r, const char *ticket, int64_t stopped, const char *how)
{
	struct verdict v = { .ns = STR("desk"), .ticket = str_of(ticket), .contract = STR("acme"), .metric = STR("resolution"), .agreement = STR("sla"),
		.priority = STR("P1"), .cycle = 1, .state = str_of(how), .started = { 1 }, .stopped = { stopped }, .due = { 3 }, .target = STR("2h") };

	struct store_verdicts all;

	store_verdicts_init(&all);
	store_verdicts_add(&all, &v);
	assert_int_equal(store_put_verdicts(r->st, &all, 0), ERR_OK);
	store_verdicts_finish(&all);
}

static void sweeping_takes_all_of_a_ticket(void **state)
{
	struct rig *r = *state;
	struct delivery daemon = rig_delivery("d1", "l1", ""), pending = rig_delivery("d2", "l1", "");
	char name[16];

	daemon.ns = pending.ns = (struct str){ NULL, 0 };
	daemon.state = DELIVERY_SENT;
	rig_start(r);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "T-%d", i);
		assert_int_equal(rig_save(r, name, "row", i < 150 ? 1000 + i : 9000, 0), ERR_OK);
		assert_int_equal(rig_put(r, name, "l1", name, 0), ERR_OK);
		put_verdict(r, name, i < 150 ? 1000 + i : 9000, "met");
		put_verdict(r, name, i < 150 ? 1000 + i : 9000, "breached");
	}
	assert_int_equal(rig_save(r, "open", "row", 0, 0), ERR_OK);
	assert_int_equal(rig_put(r, "o1", "l1", "open", 0), ERR_OK);
	assert_int_equal(store_put_delivery(r->st, &daemon, 0), ERR_OK);
	assert_int_equal(store_put_delivery(r->st, &pending, 0), ERR_OK);
	assert_int_equal(store_sweep(r->st, (struct wall){ 5000 }, 99), ERR_OK);
	rig_wait(r, 204);
	assert_int_equal(r->heard[203].what, STORE_SWEPT);
	assert_int_equal(r->heard[203].cookie, 99);
	assert_int_equal(rig_close(r), ERR_OK);
	/* A CHECK that fails if a count is wrong. */
	rig_sql(r, "CREATE TEMP TABLE want(n INTEGER CHECK(n = 1));"
		"INSERT INTO want SELECT (SELECT count(*) FROM closed) = 50 AND (SELECT count(*) FROM tickets) = 1"
		" AND (SELECT sum(n) FROM judged WHERE latest_ms = 9000) = 100 AND (SELECT count(*) FROM judged) = 100"
		" AND (SELECT count(*) FROM outbox) = 52 AND (SELECT count(*) FROM outbox WHERE id = 'd2') = 1;");
}

/* The last verdict on a clock holds: it must not go before one that was given earlier, which others in its row keep. */
static void sweeping_leaves_no_verdict_that_was_taken_back(void **state)
{
	struct rig *r = *state;
	struct verdict v = { .ns = STR("desk"), .ticket = STR("T"), .metric = STR("resolution"), .cycle = 1, .state = STR("breached"), .started = { 1 },
		.stopped = WALL_NEVER, .due = { 100 } }, other = v;
	struct store_verdicts all;

	other.ticket = STR("U");
	other.stopped.ms = 9000;
	store_verdicts_init(&all);
	store_verdicts_add(&all, &v);
	store_verdicts_add(&all, &other);
	rig_start(r);
	put_verdict(r, "old", 50, "met");
	assert_int_equal(store_put_verdicts(r->st, &all, 0), ERR_OK);
	put_verdict(r, "T", 150, "met");
	assert_int_equal(store_sweep(r->st, (struct wall){ 5000 }, 99), ERR_OK);
	rig_wait(r, 1);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_sql(r, "CREATE TEMP TABLE want(n INTEGER CHECK(n = 1));"
		"INSERT INTO want SELECT (SELECT count(*) FROM judged) = 2 AND (SELECT latest_ms FROM judged ORDER BY no DESC LIMIT 1) = 150;");
	rig_start(r);
	assert_int_equal(store_sweep(r->st, (struct wall){ 9001 }, 99), ERR_OK);
	rig_wait(r, 2);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_sql(r, "CREATE TEMP TABLE want(n INTEGER CHECK(n = 0)); INSERT INTO want SELECT count(*) FROM judged;");
	store_verdicts_finish(&all);
}

static size_t count_rows(struct rig *r, size_t from, size_t *last_out)
{
	size_t n = 0;

	for (size_t i = from; i < r->n; i++) {
		*last_out += r->heard[i].last;
		n += !r->heard[i].last;
	}
	return n;
}

static size_t ask_deliveries(struct rig *r, struct store_filter f)
{
	size_t from = r->n, last = 0;
	struct mono until = { mono_now().ms + 10000 };

	assert_int_equal(store_list_deliveries(r->st, &f, 5), ERR_OK);
	while (last == 0 && mono_now().ms < until.ms) {
		rig_wait(r, r->n + 1);
		last = 0;
		count_rows(r, from, &last);
	}
	assert_int_equal(last, 1);
	assert_true(r->heard[r->n - 1].last);
	return count_rows(r, from, &last);
}

/* Each row is told its number when it is put; those that are gone are passed over, and the others come in the order that is asked for. */
static void deliveries_are_read_by_number(void **state)
{
	enum { N = 250 };
	struct rig *r = *state;
	uint64_t nos[N + 1];
	char name[16];

	rig_start(r);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof name, "a%d", i);
		assert_int_equal(rig_put(r, name, "l1", "T", 0), ERR_OK);
	}
	rig_wait(r, N);
	for (int i = 0; i < N; i++)
		nos[i < 100 ? N - i : N - 1 - i] = r->heard[i].seq;
	nos[N - 100] = 123456;
	assert_int_equal(store_list_deliveries(r->st, &(struct store_filter){ .nos = nos, .n_nos = N + 1 }, 7), ERR_OK);
	rig_wait(r, 2 * N + 1);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof name, "a%d", N - 1 - i);
		assert_string_equal(r->heard[N + i].text, name);
	}
	assert_true(r->heard[2 * N].last);
	assert_int_equal(r->heard[2 * N].err, ERR_OK);
}

static void deliveries_are_listed(void **state)
{
	struct rig *r = *state;
	char id[16];

	rig_start(r);
	for (int i = 0; i < 350; i++) {
		struct delivery v;

		snprintf(id, sizeof id, "a%03d", i);
		v = rig_delivery(id, "l1", i % 2 != 0 ? "odd" : "even");
		v.state = i % 10 == 3 ? DELIVERY_DEAD : i % 10 == 5 ? DELIVERY_PENDING : DELIVERY_SENT;
		v.attempts = i % 20 == 5 ? 2 : 0;
		assert_int_equal(store_put_delivery(r->st, &v, 0), ERR_OK);
	}
	rig_wait(r, 350);
	assert_int_equal(ask_deliveries(r, (struct store_filter){ .limit = 1000 }), 350);
	assert_string_equal(r->heard[350].text, "a349");
	assert_string_equal(r->heard[350 + 349].text, "a000");
	assert_int_equal(ask_deliveries(r, (struct store_filter){ .limit = 120 }), 120);
	assert_int_equal(ask_deliveries(r, (struct store_filter){ .limit = 1000, .ns = STR("desk"), .ticket = STR("odd") }), 175);
	assert_int_equal(ask_deliveries(r, (struct store_filter){ .limit = 1000, .ns = STR("desk"), .ticket = STR("odd"), .dead_only = true }), 35);
	assert_int_equal(ask_deliveries(r, (struct store_filter){ .limit = 1000, .ns = STR("desk"), .ticket = STR("even"), .dead_only = true }), 0);
	assert_int_equal(ask_deliveries(r, (struct store_filter){ .limit = 1000, .dead_only = true }), 35);
	/* Those given up, and 18 of the 35 that wait, for they have been tried; the newest first. */
	size_t from = r->n;
	assert_int_equal(ask_deliveries(r, (struct store_filter){ .limit = 1000, .failed = true }), 53);
	assert_string_equal(r->heard[from].text, "a345");
	assert_string_equal(r->heard[from + 1].text, "a343");
	assert_int_equal(ask_deliveries(r, (struct store_filter){ .limit = 1000, .ns = STR("desk"), .ticket = STR("odd"), .failed = true }), 53);
	assert_int_equal(ask_deliveries(r, (struct store_filter){ .limit = 20, .failed = true }), 20);
	assert_int_equal(ask_deliveries(r, (struct store_filter){ .limit = 1000, .ns = STR("other"), .ticket = STR("odd") }), 0);
	assert_int_equal(ask_deliveries(r, (struct store_filter){ .limit = 1000, .id = STR("a007") }), 1);
	assert_string_equal(r->heard[r->n - 2].text, "a007");
}

static void closed_tickets_are_paged(void **state)
{
	struct rig *r = *state;
	struct store_page page = { .before = WALL_NEVER, .limit = 130 };
	char name[48], seen[350] = { 0 };
	int64_t over = 0;
	size_t n = 0;

	rig_start(r);
	for (int i = 0; i < 350; i++) {
		snprintf(name, sizeof name, "%03d", i);
		/* Many were over at the same instant. */
		assert_int_equal(rig_save(r, name, "row", 1000 + i / 100, i == 349), ERR_OK);
	}
	rig_wait(r, 1);
	for (int p = 0; p < 3; p++) {
		size_t from = r->n, want = p < 2 ? 130 : 90;

		assert_int_equal(store_list_closed(r->st, &page, 8), ERR_OK);
		rig_wait(r, from + want + 1);
		assert_true(r->heard[r->n - 1].last);
		for (size_t i = from; i < r->n - 1; i++, n++) {
			int which = atoi(r->heard[i].ticket);

			assert_int_equal(seen[which]++, 0);
			over = 1000 + which / 100;
		}
		page.before.ms = over;
		page.ns = STR("desk");
		snprintf(name, sizeof name, "%s", r->heard[r->n - 2].ticket);
		page.ticket = str_of(name);
	}
	assert_int_equal(n, 350);
}

static void many_saves_do_not_hold_up_events(void **state)
{
	struct rig *r = *state;
	struct store_health before, after;
	char name[16];

	rig_open(r);
	for (int i = 0; i < 2200; i++) {
		snprintf(name, sizeof name, "T-%d", i);
		assert_int_equal(rig_save(r, name, "row", 0, i == 2199), ERR_OK);
	}
	store_health(r->st, &before);
	rig_start(r);
	rig_wait(r, 1);
	store_health(r->st, &after);
	assert_int_equal(after.n_commits - before.n_commits, (2200 + STORE_SAVES_PER_COMMIT - 1) / STORE_SAVES_PER_COMMIT);
}

static void closing_carries_out_what_is_queued(void **state)
{
	struct rig *r = *state;
	struct stat st;
	struct buf text;
	char wal[128];

	buf_init(&text, 1 << 24);
	rig_open(r);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(rig_append(r, "x", NULL, 1), ERR_OK);
	rig_start(r);
	assert_int_equal(store_list_deliveries(r->st, &(struct store_filter){ .limit = 1 }, 1), ERR_OK);
	assert_int_equal(rig_close(r), ERR_OK);
	snprintf(wal, sizeof wal, "%s-wal", r->path);
	assert_int_equal(stat(wal, &st), -1);
	rig_open(r);
	assert_int_equal(rig_load(r, &text), ERR_OK);
	assert_non_null(strstr(buf_cstr(&text), "e:5000=x "));
	buf_finish(&text);
}

static void the_log_is_moved_past_its_bound(void **state)
{
	struct rig *r = *state;
	char *big = malloc(1 << 20);
	struct store_health h;
	uint64_t peak = 0;

	assert_non_null(big);
	memset(big, 'x', (1 << 20) - 1);
	big[(1 << 20) - 1] = '\0';
	rig_start(r);
	for (size_t i = 0; i < 30; i++) {
		assert_int_equal(rig_append(r, big, NULL, 1), ERR_OK);
		rig_wait(r, i + 1);
		store_health(r->st, &h);
		peak = h.wal_bytes > peak ? h.wal_bytes : peak;
	}
	assert_true(peak > (3 << 20));
	assert_true(peak < (8 << 20));
	free(big);
}

static int64_t log_size(const struct rig *r)
{
	char name[128];
	struct stat st;

	snprintf(name, sizeof name, "%s-wal", r->path);
	return stat(name, &st) == 0 ? (int64_t)st.st_size : -1;
}

/* Small commits find the log longer than they make it, by whole frames, each time that its end comes near. */
static void the_log_is_made_longer_ahead_of_its_end(void **state)
{
	struct rig *r = *state;
	struct store_health h;

	rig_start(r);
	for (size_t i = 0; i < 200; i++) {
		assert_int_equal(rig_append(r, "small", NULL, 1), ERR_OK);
		rig_wait(r, i + 1);
		store_health(r->st, &h);
		if (i % 50 != 49)
			continue;
		/* The thread does it when it has answered. */
		for (int k = 0; k < 10000 && log_size(r) < (int64_t)h.wal_bytes + 16 * DB_LOG_FRAME; k++)
			usleep(1000);
		assert_true(log_size(r) >= (int64_t)h.wal_bytes + 16 * DB_LOG_FRAME);
		assert_true(log_size(r) < (int64_t)h.wal_bytes + 100 * DB_LOG_FRAME);
		assert_int_equal((log_size(r) - DB_LOG_HEADER) % DB_LOG_FRAME, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(everything_comes_back),
		CASE(a_callback_ends_the_load),
		CASE(a_record_comes_back_where_it_is_asked_for),
		CASE(a_load_reads_ahead_in_order_to_any_end),
		CASE(commits_are_shared_and_numbers_have_no_gaps),
		CASE(events_go_together),
		cmocka_unit_test(answers_are_told_in_slices),
		CASE(a_full_queue_refuses),
		CASE(closed_tickets_are_fetched),
		CASE(a_ticket_is_open_or_closed),
		CASE(a_row_of_the_outbox_is_put_once),
		CASE(an_alert_of_the_same_hash_has_a_second_place),
		CASE(trimming_never_gives_a_number_twice),
		CASE(sweeping_takes_all_of_a_ticket),
		CASE(sweeping_leaves_no_verdict_that_was_taken_back),
		CASE(deliveries_are_read_by_number),
		CASE(deliveries_are_listed),
		CASE(closed_tickets_are_paged),
		CASE(many_saves_do_not_hold_up_events),
		CASE(closing_carries_out_what_is_queued),
		CASE(the_log_is_moved_past_its_bound),
		CASE(the_log_is_made_longer_ahead_of_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
