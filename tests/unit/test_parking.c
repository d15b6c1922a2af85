/*
 * Rows that wait for room: a random life of alerts, of a store that answers when it likes and of a notify with little room. None is lost
 * or put twice, and of one ticket and receiver none overtakes another, but for a breach that overtakes a warning.
 */
#include "../cmocka_plazo.h"

#include "../prop.h"
#include "base/buf.h"

/* They belong to plazod, whose objects tests are not linked with; what they use of it is below. */
#include "daemon/outbox.c"
#include "daemon/parking.c"

#define ALERTS    400
#define TICKETS   4
#define MAX_ASKED 64

struct row {
	struct delivery v;
	struct str      body;          /* owned */
	uint64_t        cookie;
	bool            committed, gone, held_back;
	unsigned        turn;          /* the alert's place among all, from when it could be sent */
	unsigned        n_put;
	enum alert_type type;
	unsigned        ticket;
};

static struct daemon *d;
static struct config cfg;
static struct row rows[ALERTS];
static size_t n_rows, n_committed;
static struct sending *held[ALERTS];       /* afterwords that wait for their grace */
static size_t n_held;
static unsigned turns;
static bool in_memory[ALERTS], spilled;
static size_t n_in_memory, n_mild_in_memory, room, room_of_mild;
static struct asked { uint64_t nos[ALERTS]; size_t n, at; uint64_t cookie; } asked[MAX_ASKED];
static size_t n_asked, n_refusals;
static unsigned urgent_percent;            /* changes, for floods are of one kind */

static struct row *row_of(const char *id, size_t *i_out)
{
	for (*i_out = 0; *i_out < n_rows; ++*i_out)
		if (strcmp(rows[*i_out].v.id.p, id) == 0)
			return &rows[*i_out];
	fail_msg("no row of %s", id);
	return NULL;
}

/* ---- what the daemon would do ---- */

void writer_put(struct daemon *dd, const struct delivery *row, uint64_t cookie)
{
	struct row *r = &rows[n_rows++];

	(void)dd;
	r->v = *row;
	r->v.id = str_of(xstrndup(row->id.p, row->id.len));
	r->body = r->v.body = str_of(xstrndup(row->body.p, row->body.len));
	r->v.ns = STR("desk");
	r->v.receiver = STR("hook");
	r->v.type = r->v.ticket = STR("");
	r->v.no = n_rows;
	r->cookie = cookie;
}

void writer_settle(struct daemon *dd, const struct delivery *row) { (void)dd, (void)row; }
void writer_verdict(struct daemon *dd, const struct verdict *v) { (void)dd, (void)v; }
void tail_alert(struct daemon *dd, struct str body) { (void)dd, (void)body; }
void tail_delivery(struct daemon *dd, const struct notify_result *r) { (void)dd, (void)r; }
void notify_walk(struct notify *n, void (*fn)(void *ctx, struct alert *a), void *ctx) { (void)n, (void)fn, (void)ctx; }

struct wall daemon_now(struct daemon *dd)
{
	return dd->now;
}

struct wall clockwatch_wall(const struct clockwatch *c, struct mono now)
{
	(void)c, (void)now;
	return d->now;
}

bool afterword_is(const struct alert *a)
{
	return a->type == ALERT_CLEARED || a->type == ALERT_RETRACTED;
}

/* Once: what is known of it stays known. */
void afterword_wait(struct sending *s)
{
	size_t i;

	assert_false(row_of(s->alert.id, &i)->held_back);
	rows[i].held_back = true;
	held[n_held++] = s;
}

enum err store_list_deliveries(struct store *st, const struct store_filter *f, uint64_t cookie)
{
	struct asked *a = &asked[n_asked];

	(void)st;
	assert_true(n_asked < MAX_ASKED && f->n_nos > 0);
	if (n_refusals > 0) {
		n_refusals--;
		return ERR_FULL;
	}
	*a = (struct asked){ .n = f->n_nos, .cookie = cookie };
	memcpy(a->nos, f->nos, f->n_nos * sizeof a->nos[0]);
	n_asked++;
	return ERR_OK;
}

/* ---- a notify of little room ---- */

static size_t room_for(bool mild)
{
	size_t all = n_in_memory < room ? room - n_in_memory : 0, of_mild = n_mild_in_memory < room_of_mild ? room_of_mild - n_mild_in_memory : 0;

	return mild && of_mild < all ? of_mild : all;
}

bool notify_has_room(struct notify *n, const char *receiver, enum alert_type type)
{
	(void)n, (void)receiver;
	spilled = spilled || room_for(alert_is_mild(type)) == 0;
	return room_for(alert_is_mild(type)) > 0;
}

static void in_order(const struct row *now)
{
	for (size_t i = 0; i < n_rows; i++) {
		const struct row *r = &rows[i];

		if (!r->committed || r->gone || r->turn == 0 || r->ticket != now->ticket || r->turn >= now->turn || r->n_put > 0)
			continue;
		if (alert_is_mild(now->type) || !alert_is_mild(r->type))
			fail_msg("alert %u of ticket %u goes before %u", now->turn, now->ticket, r->turn);
	}
}

enum err notify_put(struct notify *n, const struct notify_delivery *in)
{
	size_t i;
	struct row *r = row_of(in->alert->id, &i);

	(void)n;
	if (!notify_has_room(NULL, in->receiver, in->alert->type))
		return ERR_FULL;
	assert_true(r->committed && r->n_put == 0);
	in_order(r);
	r->n_put++;
	in_memory[i] = true;
	n_in_memory++;
	n_mild_in_memory += alert_is_mild(r->type);
	return ERR_OK;
}

bool notify_stats(const struct notify *n, size_t i, struct notify_stats *out)
{
	(void)n;
	*out = (struct notify_stats){ .receiver = "hook", .n_pending = n_in_memory };
	return i == 0;
}

/* Each that is on disk and waits, wherever; of those that are gone the daemon may not know yet. */
static void all_are_counted(void)
{
	size_t least = n_in_memory, most = n_in_memory;
	struct notify_stats s;

	for (size_t i = 0; i < n_rows; i++) {
		bool waits = rows[i].committed && rows[i].turn != 0 && rows[i].n_put == 0;

		most += waits;
		least += waits && !rows[i].gone;
	}
	assert_true(outbox_receiver(d, 0, &s));
	assert_in_range(s.n_pending, least, most);
}

static void arrive(struct prop *p)
{
	size_t from = n_rows > 0 ? prop_below(p, n_rows) : 0;

	for (size_t k = 0; k < n_rows; k++) {
		size_t i = (from + k) % n_rows;

		if (in_memory[i]) {
			in_memory[i] = false;
			n_in_memory--;
			n_mild_in_memory -= alert_is_mild(rows[i].type);
			return;
		}
	}
}

static void look_for_room(size_t least)
{
	if (spilled && room_for(true) >= least)
		spilled = outbox_ops.refill(d, "hook", n_in_memory, room_for(true));
}

/* ---- what happens ---- */

static void decide(enum alert_type type, unsigned ticket)
{
	struct str hook = STR("hook");
	char name[16];
	struct alert a = {
		.type = type, .at = d->now, .ns = STR("desk"), .metric = STR("m"), .agreement = STR("sla"), .cycle = (uint32_t)n_rows + 1,
		.step = STR("x"), .due = WALL_NEVER, .receivers = &hook, .n_receivers = 1,
	};

	if (n_rows == ALERTS)
		return;
	snprintf(name, sizeof name, "T%u", ticket);
	a.ticket = str_of(name);
	alert_set_id(&a);
	rows[n_rows].type = a.type;
	rows[n_rows].ticket = ticket;
	outbox_alert(d, &a);
}

static void commit(void)
{
	struct row *r = &rows[n_committed];

	if (n_committed == n_rows)
		return;
	n_committed++;
	r->committed = true;
	r->turn = r->type == ALERT_CLEARED ? 0 : ++turns;
	outbox_committed(d, &(struct store_done){ .what = STORE_PUT, .err = ERR_OK, .fresh = true, .cookie = r->cookie, .seq = r->v.no });
}

static void end_grace(void)
{
	size_t i;

	if (n_held == 0)
		return;
	row_of(held[0]->alert.id, &i)->turn = ++turns;
	sending_send(d, held[0]);
	sending_destroy(&d->outbox, held[0]);
	memmove(&held[0], &held[1], --n_held * sizeof held[0]);
}

/* A row, or the end, which may be that the store refuses the rest. */
static void answer(struct prop *p)
{
	struct asked *a = &asked[0];
	struct store_done done = { .what = STORE_DELIVERIES, .cookie = a->cookie };

	if (n_asked == 0)
		return;
	while (a->at < a->n && rows[a->nos[a->at] - 1].gone)
		a->at++;
	done.last = a->at == a->n || prop_chance(p, 2);
	if (done.last) {
		done.err = a->at < a->n ? ERR_FULL : ERR_OK;
		memmove(&asked[0], &asked[1], --n_asked * sizeof asked[0]);
	} else {
		done.delivery = &rows[a->nos[a->at++] - 1].v;
	}
	on_row(d, (struct query *)(uintptr_t)done.cookie, &done);
}

/* What is parked may be settled or swept meanwhile. */
static void lose(struct prop *p)
{
	size_t i = n_committed > 0 ? prop_below(p, n_committed) : 0;

	if (n_committed > 0 && rows[i].n_put == 0 && rows[i].turn != 0)
		rows[i].gone = true;
}

static void decide_any(struct prop *p)
{
	enum alert_type urgent = prop_chance(p, 50) ? ALERT_BREACH : ALERT_ESCALATION, mild = prop_chance(p, 70) ? ALERT_WARNING : ALERT_CLEARED;

	decide(prop_chance(p, urgent_percent) ? urgent : mild, (unsigned)prop_below(p, TICKETS));
}

static void happen(struct prop *p)
{
	switch (prop_below(p, 12)) {
	case 0: case 1: case 2: decide_any(p); break;
	case 3: case 4: case 5:
		for (size_t n = prop_below(p, 8); n > 0; n--)
			commit();
		break;
	case 6: end_grace(); break;
	case 7: case 8: answer(p); break;
	case 9: arrive(p); break;
	case 10: look_for_room(1 + prop_below(p, room_of_mild)); break;
	default:
		n_refusals += prop_chance(p, 5);
		if (prop_chance(p, 20))
			urgent_percent = (unsigned)prop_below(p, 3) * 50;
		if (prop_chance(p, 5))
			lose(p);
		break;
	}
}

static void begin(void)
{
	d = calloc(1, sizeof *d);
	d->cfg = &cfg;
	d->now.ms = 1000;
	outbox_init(&d->outbox);
}

static void finish(void)
{
	outbox_finish(&d->outbox);
	free(d);
	for (size_t i = 0; i < n_rows; i++) {
		free((void *)(uintptr_t)rows[i].v.id.p);
		free((void *)(uintptr_t)rows[i].body.p);
	}
	memset(rows, 0, sizeof rows);
	memset(in_memory, 0, sizeof in_memory);
	n_rows = n_committed = n_held = n_in_memory = n_mild_in_memory = n_asked = n_refusals = turns = 0;
	spilled = false;
}

static void live(struct prop *p)
{
	begin();
	room = 1 + prop_below(p, 12);
	room_of_mild = 1 + room * 3 / 4;
	for (int i = 0; i < 3000; i++) {
		happen(p);
		all_are_counted();
	}
	/* In the end everything is. */
	for (int i = 0; i < 30 * ALERTS; i++) {
		commit();
		end_grace();
		answer(p);
		arrive(p);
		look_for_room(1);
	}
	for (size_t i = 0; i < n_rows; i++)
		assert_int_equal(rows[i].n_put, !rows[i].gone);
	assert_false(parking_is_before(&d->outbox.parking, &(struct alert){ .type = ALERT_WARNING }, "hook"));
	assert_int_equal(d->outbox.parking.n_asked, 0);
	assert_int_equal(parking_count(&d->outbox.parking, "hook"), 0);
	finish();
}

static void each_goes_once_and_in_order(void **state)
{
	struct prop p = prop_begin("parking");

	(void)state;
	for (size_t i = prop_rounds(100); i > 0; i--)
		live(&p);
}

/* Room for one after the other, for longer than there are rows. */
static void drain(struct prop *p)
{
	for (int i = 0; i < 20; i++) {
		look_for_room(1);
		answer(p);
		arrive(p);
	}
}

/* Breaches come while two warnings of a ticket are on their way back, and something leaves between these. */
static void a_warning_without_room_keeps_its_place(void **state)
{
	struct prop p = { 1 };

	(void)state;
	begin();
	room = room_of_mild = 2;
	for (unsigned i = 0; i < 6; i++) {
		decide(i < 4 ? ALERT_WARNING : ALERT_BREACH, i < 4 ? 0 : 1);
		if (i == 4) {
			arrive(&p);
			arrive(&p);
			look_for_room(2);
		}
		commit();
	}
	assert_int_equal(n_in_memory, 2);
	answer(&p);
	arrive(&p);
	answer(&p);
	assert_int_equal(rows[2].n_put + rows[3].n_put, 0);
	drain(&p);
	assert_int_equal(rows[2].n_put + rows[3].n_put, 2);
	finish();
}

/* At a start, too, something may leave between two rows. */
static void rows_of_a_start_wait_behind_others(void **state)
{
	struct prop p = { 1 };

	(void)state;
	begin();
	room = room_of_mild = 1;
	for (unsigned i = 0; i < 3; i++) {
		decide(ALERT_WARNING, i == 0 ? 0 : 1);
		rows[i].committed = true;
		rows[i].turn = i + 1;
		if (i == 2)
			arrive(&p);
		outbox_resume(d, &rows[i].v);
	}
	assert_int_equal(rows[0].n_put + rows[1].n_put + rows[2].n_put, 1);
	drain(&p);
	assert_int_equal(rows[1].n_put + rows[2].n_put, 2);
	finish();
}

/* The number of a row that is gone may be another's by the time it is asked for: that one goes its own way. */
static void a_number_that_was_given_again_is_another_row(void **state)
{
	struct prop p = { 1 };

	(void)state;
	begin();
	room = room_of_mild = 1;
	for (unsigned i = 0; i < 2; i++) {
		decide(ALERT_WARNING, i);
		commit();
	}
	free((void *)(uintptr_t)rows[1].v.id.p);
	rows[1].v.id = str_of(xstrndup("another", 7));
	drain(&p);
	assert_int_equal(rows[0].n_put + rows[1].n_put, 1);
	assert_false(parking_is_before(&d->outbox.parking, &(struct alert){ .type = ALERT_WARNING }, "hook"));
	finish();
}

/* Rows of all receivers share the memory. */
static void what_is_on_its_way_counts_whosever_it_is(void **state)
{
	static const char *const receivers[] = { "a", "b" };
	struct parking *k;

	(void)state;
	begin();
	k = &d->outbox.parking;
	for (uint64_t i = 0; i < 6; i++)
		parking_add(k, i + 1, &(struct alert){ .type = ALERT_BREACH, .id = "x" }, receivers[i % 2]);
	assert_true(parking_refill(d, "a", 2));
	assert_int_equal(k->n_asked, 3);
	assert_true(parking_refill(d, "b", 3));
	assert_int_equal(k->n_asked, 3);
	assert_true(parking_refill(d, "b", 4));
	assert_int_equal(k->n_asked, 5);
	for (size_t i = 0; i < 2; i++) {
		on_row(d, (struct query *)(uintptr_t)asked[i].cookie, &(struct store_done){ .what = STORE_DELIVERIES, .last = true });
		assert_int_equal(k->n_asked, i == 0 ? 2 : 0);
	}
	finish();
}

/* While the disk takes nothing, what is in memory alone does not overtake what waits for room. */
static void what_is_not_on_disk_waits_behind_it(void **state)
{
	struct prop p = { 1 };

	(void)state;
	begin();
	room = room_of_mild = 1;
	for (unsigned i = 0; i < 2; i++) {
		decide(ALERT_WARNING, 0);
		commit();
	}
	decide(ALERT_WARNING, 0);
	rows[2].committed = true;
	rows[2].turn = 3;
	arrive(&p);
	outbox_send_uncommitted(d);
	assert_int_equal(rows[2].n_put, 0);
	drain(&p);
	outbox_send_uncommitted(d);
	assert_int_equal(rows[1].n_put + rows[2].n_put, 2);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_goes_once_and_in_order),
		cmocka_unit_test(a_warning_without_room_keeps_its_place),
		cmocka_unit_test(rows_of_a_start_wait_behind_others),
		cmocka_unit_test(what_is_not_on_disk_waits_behind_it),
		cmocka_unit_test(a_number_that_was_given_again_is_another_row),
		cmocka_unit_test(what_is_on_its_way_counts_whosever_it_is),
	};

	return cmocka_run_group_tests_name("parking", tests, NULL, NULL);
}
