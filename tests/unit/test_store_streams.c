/* What streams leave in the store: cursors that never pass their events, and refused events that are kept once and swept in time. */
#include "store_rig.h"

#include "store/streams.h"

/* One program a test: the shim has no library of its own. */
#include "../faults/faultvfs.c"

#define CASE(f) cmocka_unit_test_setup_teardown(f, make, rig_drop)

static int make(void **state)
{
	faultvfs_register();
	faultvfs_disarm();
	rig_make(state);
	((struct rig *)*state)->opt.vfs = FAULTVFS;
	return 0;
}

/* ---- cursors ---- */

static enum err put_cursor(struct rig *r, const char *key, const char *value, uint64_t epoch, uint64_t cookie)
{
	return store_put_cursor(r->st, &(struct store_cursor){ STR("bus"), str_of(key), str_of(value) }, epoch, cookie);
}

static enum err write_cursor(void *ctx, const struct store_cursor *c, struct diag *d)
{
	(void)d;
	buf_printf(ctx, STR_FMT "/" STR_FMT "=" STR_FMT " ", STR_ARG(c->source), STR_ARG(c->key), STR_ARG(c->value));
	return ERR_OK;
}

static enum err enough(void *ctx, const struct store_cursor *c, struct diag *d)
{
	(void)ctx;
	(void)c;
	diag_set(d, "enough");
	return ERR_LIMIT;
}

static void assert_cursors(struct rig *r, const char *want)
{
	struct buf b;

	buf_init(&b, 4096);
	rig_open(r);
	assert_int_equal(store_load_cursors(r->st, write_cursor, &b, &r->diag), ERR_OK);
	assert_string_equal(buf_cstr(&b), want);
	buf_finish(&b);
}

static void cursors_are_replaced(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	assert_int_equal(put_cursor(r, "a", "1-0", 0, 1), ERR_OK);
	assert_int_equal(put_cursor(r, "b", "7-0", 0, 0), ERR_OK);
	assert_int_equal(put_cursor(r, "a", "2-0", 0, 2), ERR_OK);
	rig_wait(r, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(r->heard[i].what, STORE_CURSOR);
		assert_int_equal(r->heard[i].err, ERR_OK);
		assert_int_equal(r->heard[i].cookie, i + 1);
	}
	assert_int_equal(rig_close(r), ERR_OK);
	assert_cursors(r, "bus/a=2-0 bus/b=7-0 ");
	assert_int_equal(store_load_cursors(r->st, enough, NULL, &r->diag), ERR_LIMIT);
}

/* The disk is full for an event and has room for the cursor that was asked for behind it: it must not get there. */
static void a_cursor_never_passes_its_events(void **state)
{
	struct rig *r = *state;
	uint64_t epoch;

	rig_start(r);
	assert_int_equal(put_cursor(r, "a", "1-0", store_epoch(r->st), 1), ERR_OK);
	rig_wait(r, 1);
	epoch = store_epoch(r->st);
	faultvfs_arm(FAULT_WRITE, 1, ENOSPC, FAULT_FROM_THEN_ON);
	/* Behind the event in the same transaction. */
	assert_int_equal(rig_append(r, "e1", NULL, 2), ERR_OK);
	assert_int_equal(put_cursor(r, "a", "2-0", epoch, 3), ERR_OK);
	rig_wait(r, 3);
	assert_int_equal(r->heard[1].err, ERR_FULL);
	assert_int_equal(r->heard[2].err, ERR_FULL);
	/* While it is full. */
	assert_int_equal(put_cursor(r, "a", "3-0", store_epoch(r->st), 4), ERR_FULL);
	faultvfs_disarm();
	rig_wait_state(r, STORE_WELL);
	/* Once there is room again, but of a batch that began before. */
	assert_int_equal(put_cursor(r, "a", "4-0", epoch, 5), ERR_FULL);
	assert_int_equal(rig_append(r, "e2", NULL, 6), ERR_OK);
	rig_wait(r, 4);
	assert_int_equal(r->heard[3].err, ERR_OK);
	assert_int_equal(rig_close(r), ERR_OK);
	assert_cursors(r, "bus/a=1-0 ");
}

/* ---- refused events ---- */

static enum err put_refusal(struct rig *r, const char *source, const char *place, struct str body, int64_t at_ms, uint64_t cookie)
{
	return store_put_refusal(r->st, &(struct refusal){ .source = str_of(source), .place = str_of(place), .at = { at_ms },
							   .why = STR("no JSON"), .body = body }, cookie);
}

struct listed {
	struct buf text;        /* "no:source:place:at:why:body_len:body " */
	bool       last;
	enum err   err;
};

static void on_refused(void *ctx, const struct store_done *done)
{
	struct listed *l = ctx;

	if (done->what != STORE_REFUSALS)
		return;
	l->err = done->err;
	l->last = done->last;
	if (done->refusal != NULL)
		buf_printf(&l->text, "%" PRIu64 ":" STR_FMT ":" STR_FMT ":%" PRIi64 ":" STR_FMT ":%" PRIu64 ":" STR_FMT " ", done->refusal->no,
			STR_ARG(done->refusal->source), STR_ARG(done->refusal->place), done->refusal->at.ms, STR_ARG(done->refusal->why),
			done->refusal->body_len, STR_ARG(done->refusal->body));
}

static void assert_list(struct rig *r, struct store_refusal_filter f, const char *want)
{
	struct listed l = { .err = ERR_IO };
	struct mono until = { mono_now().ms + 20000 };

	buf_init(&l.text, 1 << 20);
	assert_int_equal(store_list_refusals(r->st, &f, 1), ERR_OK);
	while (!l.last && mono_now().ms < until.ms) {
		struct pollfd p = { store_fd(r->st), POLLIN, 0 };

		store_push(r->st);
		poll(&p, 1, 100);
		store_poll(r->st, on_refused, &l);
	}
	assert_true(l.last);
	assert_int_equal(l.err, ERR_OK);
	assert_string_equal(buf_cstr(&l.text), want);
	buf_finish(&l.text);
}

static void refused_events_are_kept_once(void **state)
{
	struct rig *r = *state;
	static const bool fresh[] = { true, false, true, true, true };

	rig_start(r);
	assert_int_equal(put_refusal(r, "bus", "t 1-0", STR("{"), 1000, 1), ERR_OK);
	assert_int_equal(put_refusal(r, "bus", "t 1-0", STR("{"), 2000, 2), ERR_OK);
	assert_int_equal(put_refusal(r, "bus", "t 1-0", STR("{}"), 3000, 3), ERR_OK);
	assert_int_equal(put_refusal(r, "desk", "t 1-0", STR("{"), 4000, 4), ERR_OK);
	assert_int_equal(put_refusal(r, "bus", "t 2-0", STR("\0\xff"), 5000, 5), ERR_OK);
	rig_wait(r, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(r->heard[i].what, STORE_REFUSAL);
		assert_int_equal(r->heard[i].err, ERR_OK);
		assert_int_equal(r->heard[i].fresh, fresh[i]);
	}
	assert_list(r, (struct store_refusal_filter){ .limit = 10 },
		"4:bus:t 2-0:5000:no JSON:2: 3:desk:t 1-0:4000:no JSON:1: 2:bus:t 1-0:3000:no JSON:2: 1:bus:t 1-0:1000:no JSON:1: ");
	assert_list(r, (struct store_refusal_filter){ .source = STR("bus"), .limit = 2 }, "4:bus:t 2-0:5000:no JSON:2: 2:bus:t 1-0:3000:no JSON:2: ");
	assert_list(r, (struct store_refusal_filter){ .source = STR("bus"), .before = 2, .limit = 2 }, "1:bus:t 1-0:1000:no JSON:1: ");
	assert_list(r, (struct store_refusal_filter){ .no = 3, .limit = 1 }, "3:desk:t 1-0:4000:no JSON:1:{ ");
	assert_list(r, (struct store_refusal_filter){ .no = 9, .limit = 1 }, "");
	assert_list(r, (struct store_refusal_filter){ .source = STR("nobody"), .limit = 9 }, "");
	assert_int_equal(rig_close(r), ERR_OK);
}

/* More than one slice, and all of them in the order that was asked for. */
static void long_lists_come_in_slices(void **state)
{
	struct rig *r = *state;
	struct buf want;
	char place[16];

	rig_start(r);
	buf_init(&want, 1 << 20);
	for (int i = 1; i <= 250; i++) {
		snprintf(place, sizeof place, "t %d-0", i);
		assert_int_equal(put_refusal(r, "bus", place, STR("x"), i, 0), ERR_OK);
	}
	for (int i = 250; i > 20; i--)
		buf_printf(&want, "%d:bus:t %d-0:%d:no JSON:1: ", i, i, i);
	assert_list(r, (struct store_refusal_filter){ .limit = 230 }, buf_cstr(&want));
	buf_finish(&want);
	assert_int_equal(rig_close(r), ERR_OK);
}

static void old_ones_are_swept(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	for (int i = 0; i < 250; i++)
		assert_int_equal(put_refusal(r, "bus", i % 2 ? "a" : "b", (struct str){ (const char *)&i, sizeof i }, 1000 + i, 0), ERR_OK);
	assert_int_equal(store_sweep(r->st, (struct wall){ 1248 }, 1), ERR_OK);
	rig_wait(r, 1);
	assert_int_equal(r->heard[0].what, STORE_SWEPT);
	assert_list(r, (struct store_refusal_filter){ .limit = 10 }, "250:bus:a:1249:no JSON:4: 249:bus:b:1248:no JSON:4: ");
	assert_int_equal(rig_close(r), ERR_OK);
}

static void the_newest_are_kept(void **state)
{
	struct rig *r = *state;
	char want[64];
	int n = STORE_MAX_REFUSALS + 32;

	rig_start(r);
	for (int i = 1; i <= n; i++) {
		assert_int_equal(put_refusal(r, "bus", "t", (struct str){ (const char *)&i, sizeof i }, i, 0), ERR_OK);
		if (i % 4000 == 0)
			store_push(r->st);
	}
	assert_list(r, (struct store_refusal_filter){ .before = 33, .limit = 10 }, "");
	snprintf(want, sizeof want, "%d:bus:t:%d:no JSON:4: ", 33, 33);
	assert_list(r, (struct store_refusal_filter){ .before = 34, .limit = 10 }, want);
	assert_int_equal(rig_close(r), ERR_OK);
}

/* They wait for a disk that is full, as alerts do. */
static void refused_events_wait_for_room(void **state)
{
	struct rig *r = *state;

	rig_start(r);
	faultvfs_arm(FAULT_WRITE, 1, ENOSPC, FAULT_FROM_THEN_ON);
	assert_int_equal(put_refusal(r, "bus", "t 1-0", STR("{"), 1000, 1), ERR_OK);
	rig_wait_state(r, STORE_STALLED);
	assert_int_equal(put_refusal(r, "bus", "t 2-0", STR("{"), 1000, 2), ERR_OK);
	faultvfs_disarm();
	rig_wait(r, 2);
	assert_true(r->heard[0].fresh && r->heard[1].fresh);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_start(r);
	assert_list(r, (struct store_refusal_filter){ .limit = 10 }, "2:bus:t 2-0:1000:no JSON:1: 1:bus:t 1-0:1000:no JSON:1: ");
	assert_int_equal(rig_close(r), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(cursors_are_replaced), CASE(a_cursor_never_passes_its_events), CASE(refused_events_are_kept_once), CASE(long_lists_come_in_slices),
		CASE(old_ones_are_swept), CASE(the_newest_are_kept), CASE(refused_events_wait_for_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
