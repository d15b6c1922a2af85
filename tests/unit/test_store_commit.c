/* How long a commit may take: on a machine on which each job is slow it has fewer of them. */
#include "store_rig.h"

#include <pthread.h>
#include <stdatomic.h>

#define mono_now real_mono_now
#include "base/now.c"
#undef mono_now

#define ALERTS 4096
#define EVENTS 2048
#define EACH_MS 60         /* a look at the clock, of which there is one for 256 jobs */

static _Atomic int64_t extra_ms;
static pthread_t loop;

/* Of the store's thread alone the time runs on. */
struct mono mono_now(void)
{
	struct mono t = real_mono_now();

	if (!pthread_equal(pthread_self(), loop))
		t.ms += atomic_fetch_add(&extra_ms, EACH_MS);
	return t;
}

static void slow_jobs_are_committed_sooner(void **state)
{
	struct rig *r = *state;
	struct store_health before, after;
	char id[16];

	loop = pthread_self();
	rig_start(r);
	store_health(r->st, &before);
	for (unsigned i = 0; i < ALERTS; i++) {
		snprintf(id, sizeof id, "%u", i);
		assert_int_equal(rig_put(r, id, "ops", "T", 1), ERR_OK);
	}
	rig_wait(r, ALERTS);
	store_health(r->st, &after);
	/* Of 512 jobs each, where the two looks after them are over 100 ms behind its beginning. */
	assert_true(after.n_commits - before.n_commits >= ALERTS / 512);
	assert_int_equal(rig_close(r), ERR_OK);
}

/* What one commit has no room for is in the next one, and each event in one alone. */
static void events_of_several_commits(void **state)
{
	struct rig *r = *state;
	struct store_health before, after;
	struct buf want, got;
	char record[16];

	loop = pthread_self();
	buf_init(&want, 1 << 20);
	buf_init(&got, 1 << 20);
	rig_start(r);
	store_health(r->st, &before);
	for (unsigned i = 1; i <= EVENTS; i++) {
		snprintf(record, sizeof record, "record %u", i);
		buf_printf(&want, "e:%u=%s ", i, record);
		assert_int_equal(rig_append(r, record, NULL, i), ERR_OK);
	}
	rig_wait(r, EVENTS);
	store_health(r->st, &after);
	assert_true(after.n_commits - before.n_commits >= EVENTS / 512);
	assert_int_equal(rig_close(r), ERR_OK);
	rig_open(r);
	assert_int_equal(rig_load(r, &got), ERR_OK);
	assert_string_equal(buf_cstr(&got), buf_cstr(&want));
	assert_int_equal(rig_close(r), ERR_OK);
	buf_finish(&want);
	buf_finish(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(slow_jobs_are_committed_sooner, rig_make, rig_drop),
		cmocka_unit_test_setup_teardown(events_of_several_commits, rig_make, rig_drop),
	};

	return cmocka_run_group_tests_name("commits of the store", tests, NULL, NULL);
}
