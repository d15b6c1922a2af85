/* A stream against a real redis-server: what is read, handed in and acknowledged, and what happens when either side goes away. */
#include "../redis_server.h"

#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/now.h"
#include "base/thread.h"
#include "ingest/stream_private.h"

#define MAX_OUT 16

struct rig {
	struct redis_server   redis;
	struct event_base    *base;
	struct stream        *stream;
	struct stream_options opt;
	const char           *keys[2];
	struct intake_batch  *out[MAX_OUT];
	size_t                n_out, n_most_out, room;    /* `room`: of the sink; 0: MAX_OUT */
	struct intake_batch  *back[MAX_OUT];              /* of those that were out, the last n_back are on their way back */
	size_t                n_back;
	bool                  full, failing, keeping;     /* the sink says no; everything fails; batches stay at the sink */
	bool                  torn;                       /* what the sink takes, it takes in part */
	size_t                n_events, n_refused, n_batches, n_failed;
	char                  last_id[64], last_why[256], last_place[128], last_body[256];
	char                  cursor[64];                 /* of the first key, as a journal would have it */
};

static bool is_out(const struct rig *rig, const struct intake_batch *b)
{
	for (size_t i = 0; i < rig->n_out; i++)
		if (rig->out[i] == b)
			return true;
	for (size_t i = 0; i < rig->n_back; i++)
		if (rig->back[i] == b)
			return true;
	return false;
}

static bool sink(void *ctx, struct intake_batch *b)
{
	struct rig *rig = ctx;

	if (rig->full || rig->n_out == (rig->room > 0 ? rig->room : MAX_OUT))
		return false;
	assert_str(b->source, "bus");
	/* Of one that has come back nothing is known any more. */
	assert_true(b->after == NULL || is_out(rig, b->after));
	rig->out[rig->n_out++] = b;
	b->failed = rig->torn;
	if (rig->n_out > rig->n_most_out)
		rig->n_most_out = rig->n_out;
	return true;
}

static struct wall now(void *ctx)
{
	(void)ctx;
	return wall_now();
}

static struct str cursor(void *ctx, struct str source, struct str key)
{
	struct rig *rig = ctx;

	assert_str(source, "bus");
	return str_eqz(key, rig->keys[0]) ? str_of(rig->cursor) : STR("");
}

static void note(struct rig *rig, const struct intake_batch *b)
{
	rig->n_batches++;
	rig->n_events += b->n;
	rig->n_refused += b->n_refused;
	if (b->n > 0)
		snprintf(rig->last_id, sizeof rig->last_id, STR_FMT, STR_ARG(b->events[b->n - 1].id));
	if (b->n_refused > 0) {
		snprintf(rig->last_why, sizeof rig->last_why, STR_FMT, STR_ARG(b->refused[b->n_refused - 1].why));
		snprintf(rig->last_place, sizeof rig->last_place, STR_FMT, STR_ARG(b->refused[b->n_refused - 1].place));
		snprintf(rig->last_body, sizeof rig->last_body, STR_FMT, STR_ARG(b->refused[b->n_refused - 1].body));
	}
	for (size_t i = 0; i < b->n_cursors; i++)
		if (str_eqz(b->cursors[i].key, rig->keys[0]))
			snprintf(rig->cursor, sizeof rig->cursor, STR_FMT, STR_ARG(b->cursors[i].value));
}

/* One turn of the loop, of 5 ms at most; then what is at the sink comes back. */
static void turn(struct rig *rig)
{
	struct timeval tv = { .tv_usec = 5000 };

	event_base_loopexit(rig->base, &tv);
	event_base_dispatch(rig->base);
	if (rig->keeping)
		return;
	/* The last one first in `back`: others may be handed in by what is told here. */
	for (rig->n_back = 0; rig->n_out > 0; rig->n_back++)
		rig->back[rig->n_back] = rig->out[--rig->n_out];
	while (rig->n_back > 0) {
		struct intake_batch *b = rig->back[--rig->n_back];

		b->failed = rig->failing;
		if (rig->failing)
			rig->n_failed++;
		else
			note(rig, b);
		b->done(b);
	}
}

static struct stream_stats stats(struct rig *rig)
{
	struct stream_stats st;

	stream_stats(rig->stream, &st);
	return st;
}

#define UNTIL(rig, cond) do { \
		int64_t end_ = mono_now().ms + 40000; \
		while (!(cond) && mono_now().ms < end_) \
			turn(rig); \
		if (!(cond)) { \
			struct stream_stats st_ = stats(rig); \
			print_error("not: %s; state %s, why %s, events %zu, acked %llu\n", #cond, stream_state_names[st_.state], st_.why, \
				    (rig)->n_events, (unsigned long long)st_.n_acked); \
		} \
		assert_true(cond); \
	} while (0)

static void rest(struct rig *rig, int64_t ms)
{
	int64_t end = mono_now().ms + ms;

	while (mono_now().ms < end)
		turn(rig);
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof *rig);

	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERROR - 1);
	redis_start(&rig->redis);
	rig->base = event_base_new();
	rig->keys[0] = "tickets";
	rig->keys[1] = "more";
	rig->opt = (struct stream_options){
		.base = rig->base, .name = STR("bus"), .ns = STR("bus"), .server = { .path = rig->redis.path }, .keys = rig->keys, .n_keys = 1,
		.group = "plazo", .consumer = "plazo-1", .takeover_ms = 3000, .event_len = 1 << 20, .sink = sink, .now = now,
		.cursor = cursor, .ctx = rig,
	};
	*state = rig;
	return 0;
}

static void stop(struct rig *rig)
{
	if (rig->stream == NULL)
		return;
	rig->keeping = rig->failing = false;
	stream_stop(rig->stream);
	UNTIL(rig, stream_is_over(rig->stream));
	assert_int_equal(rig->n_out, 0);
	stream_destroy(rig->stream);
	rig->stream = NULL;
}

/* The same; all that was taken for batches was given back. */
static void stop_and_look(struct rig *rig)
{
	stream_stop(rig->stream);
	UNTIL(rig, stream_is_over(rig->stream));
	assert_int_equal(rig->stream->n_bytes, 0);
	assert_int_equal(rig->stream->n_out, 0);
	stop(rig);
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	stop(rig);
	redis_finish(&rig->redis);
	event_base_free(rig->base);
	free(rig);
	return 0;
}

static void start(struct rig *rig)
{
	rig->stream = stream_create(&rig->opt);
}

static void add(struct rig *rig, const char *key, int n)
{
	redis_do(&rig->redis, "XADD %s * other x event {\"id\":\"e%d\",\"ticket\":\"T%d\",\"type\":\"opened\",\"at\":\"2026-11-23T09:00:00Z\"}",
		 key, n, n % 7);
}

static long long n_pending(struct rig *rig, const char *key)
{
	redisReply *r = redisCommand(rig->redis.c, "XPENDING %s plazo", key);
	long long n = r != NULL && r->type == REDIS_REPLY_ARRAY ? r->element[0]->integer : -1;

	freeReplyObject(r);
	return n;
}

/* ---- tests ---- */

static void reads_and_acknowledges(void **state)
{
	struct rig *rig = *state;

	rig->opt.n_keys = 2;
	for (int i = 0; i < 2500; i++)
		add(rig, i % 5 == 0 ? "more" : "tickets", i);
	start(rig);
	UNTIL(rig, stats(rig).n_acked == 2500);
	assert_int_equal(rig->n_events, 2500);
	assert_int_equal(stats(rig).state, STREAM_READING);
	assert_int_equal(stats(rig).n_groups_made, 2);
	assert_int_equal(n_pending(rig, "tickets"), 0);
	add(rig, "tickets", 2500);
	UNTIL(rig, stats(rig).n_acked == 2501);
	assert_string_equal(rig->last_id, "e2500");
	assert_int_equal(stats(rig).n_entries, 2501);
	assert_int_equal(stats(rig).n_events, 2501);
	assert_int_equal(stats(rig).n_failures, 0);
}

static void acknowledges_nothing_before_done(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 11000; i++)
		add(rig, "tickets", i);
	rig->keeping = true;
	start(rig);
	UNTIL(rig, rig->n_out == 8 && n_pending(rig, "tickets") == 10000);
	rest(rig, 100);
	assert_int_equal(rig->n_out, 8);
	assert_int_equal(stats(rig).n_acked, 0);
	assert_int_equal(n_pending(rig, "tickets"), 10000);
	rig->keeping = false;
	UNTIL(rig, stats(rig).n_acked == 11000);
	assert_int_equal(rig->n_events, 11000);
}

static void waits_for_room(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 11000; i++)
		add(rig, "tickets", i);
	rig->full = true;
	start(rig);
	UNTIL(rig, stats(rig).state == STREAM_FULL);
	rest(rig, 300);
	assert_int_equal(stats(rig).state, STREAM_FULL);
	assert_true(n_pending(rig, "tickets") <= 10000);
	rig->full = false;
	UNTIL(rig, stats(rig).n_acked == 11000);
	assert_int_equal(rig->n_events, 11000);
	assert_int_equal(stats(rig).state, STREAM_READING);
}

static void what_was_not_kept_comes_again(void **state)
{
	struct rig *rig = *state;

	for (int own = 0; own < 2; own++) {
		size_t before = rig->n_events;

		rig->opt.own = own != 0;
		rig->keys[0] = own != 0 ? "own" : "tickets";
		for (int i = 0; i < 2500; i++)
			add(rig, rig->keys[0], i);
		rig->failing = true;
		rig->n_failed = 0;
		start(rig);
		UNTIL(rig, rig->n_failed >= 2);
		/* Not spinning: each time is later than the last. */
		rest(rig, 700);
		assert_true(rig->n_failed <= 15);
		assert_int_equal(rig->n_events, before);
		assert_int_equal(stats(rig).n_acked, 0);
		rig->failing = false;
		UNTIL(rig, rig->n_events == before + 2500);
		if (!own)
			UNTIL(rig, stats(rig).n_acked == 2500);
		stop(rig);
	}
}

static void entries_that_are_no_events(void **state)
{
	struct rig *rig = *state;
	static char large[70000];

	memset(large, 'x', sizeof large - 1);
	redis_do(&rig->redis, "XADD tickets 1-1 event {\"id\":");
	redis_do(&rig->redis, "XADD tickets 1-2 other thing");
	redis_do(&rig->redis, "XADD tickets 1-3 event %s", large);
	redis_do(&rig->redis, "XADD tickets 1-4 event %s", "\"\xff\xfe\"");
	redis_do(&rig->redis, "XADD tickets 1-5 event [1]");
	redis_do(&rig->redis, "XADD tickets 1-6 event {\"id\":\"a\",\"ticket\":\"T\",\"type\":\"opened\",\"at\":\"2026-11-23T09:00:00Z\",\"prio\":\"P1\"}");
	add(rig, "tickets", 7);
	start(rig);
	UNTIL(rig, stats(rig).n_acked == 7);
	assert_int_equal(rig->n_refused, 6);
	assert_int_equal(stats(rig).n_refused, 6);
	assert_int_equal(rig->n_events, 1);
	assert_string_equal(rig->last_place, "tickets 1-6");
	assert_non_null(strstr(rig->last_why, "/prio"));
	assert_int_equal(rig->last_body[0], '{');
	stop(rig);
	redis_do(&rig->redis, "XADD tickets * other thing");
	start(rig);
	UNTIL(rig, rig->n_refused == 7);
	assert_string_equal(rig->last_body, "{\"other\":\"thing\"}");
	stop(rig);
	rig->opt.event_len = 60;
	add(rig, "tickets", 8);
	start(rig);
	UNTIL(rig, rig->n_refused == 8);
	assert_non_null(strstr(rig->last_why, "larger than 60 bytes"));
}

static void survives_the_server(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 1500; i++)
		add(rig, "tickets", i);
	start(rig);
	UNTIL(rig, stats(rig).n_acked == 1500);
	rig->keeping = true;
	add(rig, "tickets", 1500);
	UNTIL(rig, rig->n_out == 1);
	redis_kill(&rig->redis);
	UNTIL(rig, stats(rig).state == STREAM_CONNECTING);
	rig->keeping = false;
	rest(rig, 300);
	redis_start(&rig->redis);
	/* What came back while there was no server is acknowledged by the next connection. */
	UNTIL(rig, stats(rig).n_acked == 1501);
	add(rig, "tickets", 1501);
	UNTIL(rig, stats(rig).n_acked == 1502);
	assert_int_equal(rig->n_events, 1502);
	assert_int_equal(n_pending(rig, "tickets"), 0);
}

static void own_pending_comes_first(void **state)
{
	struct rig *rig = *state;

	redis_do(&rig->redis, "XGROUP CREATE tickets plazo 0 MKSTREAM");
	for (int i = 0; i < 2200; i++)
		add(rig, "tickets", i);
	redis_do(&rig->redis, "XREADGROUP GROUP plazo plazo-1 COUNT 2100 STREAMS tickets >");
	start(rig);
	UNTIL(rig, stats(rig).n_acked == 2200);
	assert_int_equal(rig->n_events, 2200);
	assert_string_equal(rig->last_id, "e2199");
}

static void trimmed_entries_are_counted(void **state)
{
	struct rig *rig = *state;

	redis_do(&rig->redis, "XGROUP CREATE tickets plazo 0 MKSTREAM");
	for (int i = 0; i < 30; i++)
		add(rig, "tickets", i);
	redis_do(&rig->redis, "XREADGROUP GROUP plazo plazo-1 COUNT 20 STREAMS tickets >");
	redis_do(&rig->redis, "XREADGROUP GROUP plazo dead COUNT 10 STREAMS tickets >");
	redis_do(&rig->redis, "XTRIM tickets MAXLEN 0");
	start(rig);
	UNTIL(rig, stats(rig).n_trimmed == 30);
	UNTIL(rig, stats(rig).state == STREAM_READING && n_pending(rig, "tickets") == 0);
	assert_int_equal(stats(rig).n_acked, 20);
	assert_int_equal(rig->n_events, 0);
}

static void takes_over_from_the_dead(void **state)
{
	struct rig *rig = *state;

	redis_do(&rig->redis, "XGROUP CREATE tickets plazo 0 MKSTREAM");
	for (int i = 0; i < 1200; i++)
		add(rig, "tickets", i);
	redis_do(&rig->redis, "XREADGROUP GROUP plazo dead COUNT 1100 STREAMS tickets >");
	start(rig);
	UNTIL(rig, stats(rig).state == STREAM_WAITING);
	assert_string_equal(stats(rig).rival, "dead");
	assert_non_null(strstr(stats(rig).why, "dead"));
	assert_int_equal(rig->n_events, 0);
	UNTIL(rig, stats(rig).n_acked == 1200);
	assert_int_equal(stats(rig).n_claimed, 1100);
	assert_string_equal(stats(rig).rival, "");
}

static void group_and_stream_may_vanish(void **state)
{
	struct rig *rig = *state;

	add(rig, "tickets", 1);
	start(rig);
	UNTIL(rig, stats(rig).n_acked == 1);
	redis_do(&rig->redis, "FLUSHALL");
	UNTIL(rig, stats(rig).n_groups_made == 2);
	add(rig, "tickets", 2);
	UNTIL(rig, stats(rig).n_acked == 2);
	redis_do(&rig->redis, "XGROUP DESTROY tickets plazo");
	UNTIL(rig, stats(rig).n_acked == 3);     /* made at 0: the second comes again */
	rig->keeping = true;
	add(rig, "tickets", 3);
	UNTIL(rig, rig->n_out == 1);
	redis_do(&rig->redis, "DEL tickets");
	rig->keeping = false;
	UNTIL(rig, stats(rig).n_ack_lost == 1);
	UNTIL(rig, stats(rig).n_groups_made == 4 && stats(rig).state == STREAM_READING);
	assert_int_equal(stats(rig).n_acked, 3);
	assert_int_equal(stats(rig).n_failures, 0);
}

static void says_what_is_wrong(void **state)
{
	struct rig *rig = *state;

	redis_do(&rig->redis, "SET tickets text");
	start(rig);
	UNTIL(rig, stats(rig).state == STREAM_REFUSED);
	assert_non_null(strstr(stats(rig).why, "WRONGTYPE"));
	stop(rig);
	redis_do(&rig->redis, "DEL tickets");
	rig->opt.server.password = STR("wrong");
	start(rig);
	UNTIL(rig, stats(rig).state == STREAM_REFUSED);
	assert_null(strstr(stats(rig).why, "wrong\""));
	stop(rig);
	rig->opt.server.password = (struct str){ 0 };
	redis_do(&rig->redis, "CONFIG SET maxmemory 1");
	start(rig);
	UNTIL(rig, stats(rig).state == STREAM_TROUBLED);
	assert_non_null(strstr(stats(rig).why, "OOM"));
	redis_do(&rig->redis, "CONFIG SET maxmemory 0");
	UNTIL(rig, stats(rig).state == STREAM_READING);
}

static void own_cursor(void **state)
{
	struct rig *rig = *state;
	char before[64];

	rig->opt.own = true;
	for (int i = 0; i < 2500; i++)
		add(rig, "tickets", i);
	rig->keeping = true;
	start(rig);
	/* A cursor must not be on disk without the events of those before it: the sink is told which these are. */
	UNTIL(rig, rig->n_out == 3);
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(rig->out[i]->after, i > 0 ? rig->out[i - 1] : NULL);
	rig->keeping = false;
	UNTIL(rig, rig->n_events == 2500);
	stop(rig);
	snprintf(before, sizeof before, "%s", rig->cursor);
	add(rig, "tickets", 2500);
	start(rig);
	UNTIL(rig, rig->n_events == 2501);
	assert_string_equal(rig->last_id, "e2500");
	assert_string_not_equal(rig->cursor, before);
	stop(rig);
	/* The stream is not what it was: its last id lies before ours. */
	redis_do(&rig->redis, "FLUSHALL");
	redis_do(&rig->redis, "XADD tickets 5-1 event {\"id\":\"new\",\"ticket\":\"T\",\"type\":\"opened\",\"at\":\"2026-11-23T09:00:00Z\"}");
	start(rig);
	UNTIL(rig, rig->n_events == 2502);
	assert_string_equal(rig->last_id, "new");
	assert_string_equal(rig->cursor, "5-1");
}

/* Behind a batch of which the sink took a part comes nothing until that is back, and then it comes again. */
static void no_cursor_passes_what_was_taken_in_part(void **state)
{
	struct rig *rig = *state;

	rig->opt.own = rig->keeping = rig->torn = true;
	for (int i = 0; i < 2500; i++)
		add(rig, "tickets", i);
	start(rig);
	UNTIL(rig, rig->n_out == 1);
	rig->torn = false;
	rest(rig, 100);
	assert_int_equal(rig->n_out, 1);
	rig->failing = true;
	rig->keeping = false;
	UNTIL(rig, rig->n_failed == 1);
	rig->failing = false;
	UNTIL(rig, rig->n_events == 2500);
	/* What was read ahead lay behind it, and was dropped. */
	assert_int_equal(stats(rig).n_entries, 5000);
}

/* Batches are being read, on their way to the loop, at the sink or on their way back when the options change, the server goes, or the stream ends. */
static void whatever_happens_while_batches_cross(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 3000; i++)
		add(rig, "tickets", i);
	for (int round = 0; round < 90; round++) {
		start(rig);
		for (int i = 0; i < round && rig->n_out < 3; i++) {
			usleep(100);
			event_base_loop(rig->base, EVLOOP_NONBLOCK);
		}
		if (round % 3 == 0)
			stream_reset(rig->stream, &rig->opt);
		if (round % 3 == 1)
			redis_do(&rig->redis, "CLIENT KILL TYPE normal SKIPME yes");
		if (round % 2 == 0)
			turn(rig);
		stop(rig);
		redis_do(&rig->redis, "XGROUP DESTROY tickets plazo");
	}
	rig->n_events = 0;
	start(rig);
	UNTIL(rig, stats(rig).n_acked == 3000);
	assert_int_equal(rig->n_events, 3000);
}

/* Whoever sends much and hangs up, again and again, to a sink without room: what waited for it is let go with each connection. */
static void what_waits_for_room_goes_with_its_connection(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 20000; i++)
		add(rig, "tickets", i);
	rig->full = true;
	start(rig);
	for (uint64_t round = 1; round <= 3; round++) {
		UNTIL(rig, stats(rig).state == STREAM_FULL && stats(rig).n_connects == round);
		rest(rig, 50);
		assert_true(stats(rig).n_entries <= 10000 * round);
		stream_reset(rig->stream, &rig->opt);
		redis_do(&rig->redis, "CLIENT KILL TYPE normal SKIPME yes");
	}
	rig->full = false;
	UNTIL(rig, stats(rig).n_acked == 20000);
	/* Nothing that was let go came all the same. */
	assert_int_equal(rig->n_events, 20000);
	stop_and_look(rig);
}

/* The disk is full, and we are asked to end: what waits for room is somebody else's, or comes again. */
static void an_end_waits_for_no_room(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 3000; i++)
		add(rig, "tickets", i);
	/* Not because we were silent for too long. */
	rig->opt.takeover_ms = 60000;
	rig->full = true;
	start(rig);
	UNTIL(rig, stats(rig).state == STREAM_FULL);
	stream_stop(rig->stream);
	UNTIL(rig, stream_is_over(rig->stream));
	assert_int_equal(rig->n_events, 0);
	stop(rig);
	rig->full = false;
	start(rig);
	UNTIL(rig, stats(rig).n_acked == 3000);
	stop_and_look(rig);
}

/* The loop is busy with something else: reading goes on meanwhile, as far as it may. */
static void reads_while_the_loop_is_busy(void **state)
{
	struct rig *rig = *state;

	rig->opt.takeover_ms = 60000;
	for (int own = 0; own < 2; own++) {
		rig->opt.own = own != 0;
		rig->keys[0] = own != 0 ? "own" : "tickets";
		rig->n_events = 0;
		start(rig);
		UNTIL(rig, stats(rig).state == STREAM_READING);
		rest(rig, 50);
		/* At once: a read that finds less than it may is followed by one that waits, and that only when nothing is out. */
		redis_do(&rig->redis, "MULTI");
		for (int i = 0; i < 6000; i++)
			add(rig, rig->keys[0], i);
		redis_do(&rig->redis, "EXEC");
		for (int64_t end = mono_now().ms + 40000; stats(rig).n_entries < 6000 && mono_now().ms < end;)
			usleep(1000);
		assert_int_equal(stats(rig).n_entries, 6000);
		assert_int_equal(rig->n_events, 0);
		UNTIL(rig, rig->n_events == 6000);
		stop(rig);
	}
}

/* No descriptor is left for it: nothing is read until there is, and that is told. */
static void the_thread_comes_when_it_can(void **state)
{
	struct rig *rig = *state;
	struct stream_options other = rig->opt;
	struct rlimit old, none;
	const char *san = getenv("PLAZO_SAN"), *keys[] = { "more" };

	if (san != NULL && strcmp(san, "valgrind") == 0)
		skip();
	for (int i = 0; i < 10; i++)
		add(rig, i < 4 ? "tickets" : "more", i);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 1;
	for (int round = 0; round < 3; round++) {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		start(rig);
		rest(rig, 100);
		assert_int_equal(stats(rig).state, STREAM_TROUBLED);
		assert_non_null(strstr(stats(rig).why, "no thread"));
		other.keys = keys;
		if (round > 0)
			stream_reset(rig->stream, &other);
		setrlimit(RLIMIT_NOFILE, &old);
		if (round < 2)
			UNTIL(rig, stats(rig).n_acked == (round == 0 ? 4 : 6));
		stop(rig);
	}
	assert_int_equal(rig->n_events, 10);
}

static void a_reload_changes_the_stream(void **state)
{
	struct rig *rig = *state;
	struct stream_options other = rig->opt;
	const char *keys[] = { "more" };

	add(rig, "tickets", 1);
	add(rig, "more", 2);
	start(rig);
	UNTIL(rig, stats(rig).n_acked == 1);
	stream_reset(rig->stream, &rig->opt);
	rest(rig, 50);
	assert_int_equal(stats(rig).n_connects, 1);
	rig->keeping = true;
	add(rig, "tickets", 3);
	UNTIL(rig, rig->n_out == 1);
	other.keys = keys;
	stream_reset(rig->stream, &other);
	rest(rig, 50);
	assert_int_equal(n_pending(rig, "tickets"), 1);
	rig->keeping = false;
	UNTIL(rig, stats(rig).n_acked == 3);
	assert_int_equal(n_pending(rig, "tickets"), 0);
	assert_int_equal(stats(rig).n_connects, 2);
	assert_string_equal(rig->last_id, "e2");
}

/* What it has read is not on disk yet, so that whoever reloads does not know how far it is. */
static void a_reload_leaves_an_own_cursor_where_it_is(void **state)
{
	struct rig *rig = *state;

	rig->opt.own = true;
	for (int i = 0; i < 3; i++)
		add(rig, "tickets", i);
	rig->keeping = true;
	start(rig);
	UNTIL(rig, rig->n_out == 1);
	stream_reset(rig->stream, &rig->opt);
	rest(rig, 50);
	add(rig, "tickets", 3);
	rig->keeping = false;
	UNTIL(rig, rig->n_events == 4);
	rest(rig, 50);
	assert_int_equal(stats(rig).n_entries, 4);
	assert_int_equal(stats(rig).n_connects, 1);
	assert_int_equal(stats(rig).n_failures, 0);
}

/* It was to leave, and then not: what had been called back is read again, and no cursor goes past it. */
static void a_reload_takes_another_back(void **state)
{
	struct rig *rig = *state;
	struct stream_options other = rig->opt;
	const char *keys[] = { "more" };

	other.keys = keys;
	for (int own = 0; own < 2; own++) {
		other.own = rig->opt.own = own != 0;
		rig->keys[0] = own != 0 ? "own" : "tickets";
		for (int i = 0; i < 6000; i++)
			add(rig, rig->keys[0], i);
		rig->n_events = 0;
		rig->keeping = true;
		rig->room = 1;
		start(rig);
		UNTIL(rig, stats(rig).state == STREAM_FULL);
		stream_reset(rig->stream, &other);
		rest(rig, 50);
		stream_reset(rig->stream, &rig->opt);
		rig->keeping = false;
		rig->room = 0;
		add(rig, rig->keys[0], 6000);
		UNTIL(rig, strcmp(rig->last_id, "e6000") == 0);
		assert_int_equal(stats(rig).n_connects, 1);
		assert_int_equal(rig->n_events, 6001);
		stop(rig);
		rig->last_id[0] = '\0';
	}
}

/* The same, but the connection was lost while it was to leave, when nobody comes again. */
static void a_reload_takes_back_one_that_has_lost_its_server(void **state)
{
	struct rig *rig = *state;
	struct stream_options other = rig->opt;
	const char *keys[] = { "more" };

	other.keys = keys;
	rig->keeping = true;
	add(rig, "tickets", 1);
	start(rig);
	UNTIL(rig, rig->n_out == 1);
	stream_reset(rig->stream, &other);
	rest(rig, 50);
	redis_kill(&rig->redis);
	UNTIL(rig, stats(rig).state == STREAM_CONNECTING);
	stream_reset(rig->stream, &rig->opt);
	rest(rig, 50);
	redis_start(&rig->redis);
	add(rig, "tickets", 2);
	rig->keeping = false;
	UNTIL(rig, rig->n_events == 2);
	UNTIL(rig, stats(rig).n_acked == 2);
}

/* Two daemons of one group, started at the same instant: one reads, the other says who does. */
static void one_of_two_reads(void **state)
{
	struct rig *rig = *state;
	struct rig other = *rig;

	other.opt.consumer = "plazo-2";
	other.opt.ctx = &other;
	for (int i = 0; i < 3000; i++)
		add(rig, "tickets", i);
	for (int round = 0; round < 8; round++) {
		bool first;

		start(rig);
		start(&other);
		for (int i = 0; i < 4000 && stats(rig).state != STREAM_WAITING && stats(&other).state != STREAM_WAITING; i++) {
			turn(rig);
			turn(&other);
		}
		first = stats(&other).state == STREAM_WAITING;
		assert_true(first != (stats(rig).state == STREAM_WAITING));
		assert_string_equal(stats(first ? &other : rig).rival, first ? "plazo-1" : "plazo-2");
		assert_int_equal(stats(first ? &other : rig).n_entries, 0);
		UNTIL(first ? rig : &other, stats(first ? rig : &other).state == STREAM_READING);
		stop(rig);
		stop(&other);
		redis_do(&rig->redis, "XGROUP DESTROY tickets plazo");
	}
}

/* The one reads and the other waits for so long. False where this process stood still meanwhile: then nobody said that it is alive. */
static bool one_reads_and_one_waits(struct rig *rig, struct rig *other, int64_t ms)
{
	int64_t before = mono_now().ms, longest = rig->opt.takeover_ms / 4, end, now;

	start(rig);
	UNTIL(rig, stats(rig).state == STREAM_READING);
	start(other);
	UNTIL(other, stats(other).state == STREAM_WAITING || mono_now().ms - before > longest);
	for (end = before + ms; before < end; before = now) {
		now = mono_now().ms;
		if (now - before > longest)
			return false;
		assert_int_equal(stats(rig).state, STREAM_READING);
		assert_int_equal(stats(other).state, STREAM_WAITING);
		turn(rig);
	}
	return true;
}

/* Nothing comes for longer than a consumer may be idle: who reads says that it is alive all the same. */
static void one_that_has_nothing_to_read_is_alive(void **state)
{
	struct rig *rig = *state;
	struct rig other = *rig;
	int tries = 1;

	rig->opt.takeover_ms = other.opt.takeover_ms = 4000;
	other.opt.consumer = "plazo-2";
	other.opt.ctx = &other;
	while (!one_reads_and_one_waits(rig, &other, 6000)) {
		assert_true(tries++ < 5);
		stop(rig);
		stop(&other);
		redis_do(&rig->redis, "XGROUP DESTROY tickets plazo");
	}
	stop(&other);
}

/* Stops this process for a while, by the hand of another that takes over what is pending meanwhile. */
static void stop_while_another_takes_over(struct rig *rig)
{
	const char *server = redis_program();
	char script[512];

	snprintf(script, sizeof script, "(kill -STOP %d; sleep 3.3; %.*s-cli -s %s XAUTOCLAIM tickets plazo other 3000 0-0 COUNT 100 >/dev/null; "
		 "kill -CONT %d) &", (int)getpid(), (int)(strlen(server) - strlen("-server")), server, rig->redis.path, (int)getpid());
	int64_t began = mono_now().ms, before = began, now = began;

	assert_int_equal(system(script), 0);
	/* Until there is a hole in time. */
	for (; now - before < 3000 && now - began < 40000; now = mono_now().ms) {
		before = now;
		usleep(1000);
	}
	assert_true(now - before >= 3000);
}

/* It was stopped for long with entries in its hands that the sink had no room for, and another took them over meanwhile. */
static void what_another_took_over_is_not_handed_in(void **state)
{
	struct rig *rig = *state;

	rig->full = true;
	for (int i = 0; i < 50; i++)
		add(rig, "tickets", i);
	start(rig);
	UNTIL(rig, stats(rig).state == STREAM_FULL);
	rig->full = false;
	stop_while_another_takes_over(rig);
	rest(rig, 300);
	assert_int_equal(rig->n_events, 0);
	assert_int_equal(stats(rig).state, STREAM_WAITING);
	/* The other one dies with all of it in its hands. */
	UNTIL(rig, stats(rig).n_acked == 50);
	assert_int_equal(rig->n_events, 50);
	assert_int_equal(stats(rig).n_ack_lost, 0);
}

/* ---- a machine that sleeps for a while ---- */

static atomic_llong slept_ms;

/* In place of the C library's. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	long rc = syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_BOOTTIME)
		ts->tv_sec += atomic_load(&slept_ms) / 1000;
	return (int)rc;
}

/* The monotonic clock knows nothing of it, but another took over meanwhile, and goes on. */
static void after_a_sleep_the_right_is_asked_for_again(void **state)
{
	struct rig *rig = *state;

	rig->opt.takeover_ms = 60000;
	rig->full = true;
	for (int i = 0; i < 50; i++)
		add(rig, "tickets", i);
	start(rig);
	UNTIL(rig, stats(rig).state == STREAM_FULL);
	redis_do(&rig->redis, "XAUTOCLAIM tickets plazo other 0 0-0 COUNT 100");
	atomic_fetch_add(&slept_ms, 60000);
	rig->full = false;
	add(rig, "tickets", 50);
	UNTIL(rig, stats(rig).state == STREAM_WAITING);
	assert_int_equal(rig->n_events, 0);
	assert_string_equal(stats(rig).rival, "other");
}

/* ---- a thread that does nothing for a while ---- */

static atomic_bool frozen;

/* In place of base/thread, which closes threads to all signals: these take the one that freezes. */
int thread_start(pthread_t *out, void *(*fn)(void *), void *arg)
{
	sigset_t most, before;
	int rc;

	sigfillset(&most);
	sigdelset(&most, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &most, &before);
	rc = pthread_create(out, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

void thread_set_slice(unsigned us)
{
	(void)us;
}

static void on_freeze(int signo)
{
	(void)signo;
	while (atomic_load(&frozen))
		usleep(1000);
}

/* The thread of the one stream there is does nothing more until `frozen` is false again. */
static void freeze_thread(void)
{
	struct sigaction sa = { .sa_handler = on_freeze };
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *e = NULL;
	char path[300], name[32] = "";
	FILE *f;

	assert_non_null(tasks);
	sigaction(SIGUSR1, &sa, NULL);
	atomic_store(&frozen, true);
	while (strcmp(name, "plazod-stream\n") != 0 && (e = readdir(tasks)) != NULL) {
		snprintf(path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
		f = fopen(path, "r");
		if (f == NULL || fgets(name, sizeof name, f) == NULL)
			name[0] = '\0';
		if (f != NULL)
			fclose(f);
	}
	assert_non_null(e);
	assert_int_equal(syscall(SYS_tgkill, getpid(), atoi(e->d_name), SIGUSR1), 0);
	closedir(tasks);
}

/* The thread that would have said that we are alive, and have been relieved, says nothing. */
static void without_news_of_the_thread_nothing_is_handed_in(void **state)
{
	struct rig *rig = *state;
	size_t n;

	rig->opt.takeover_ms = 1000;
	rig->full = true;
	for (int i = 0; i < 50; i++)
		add(rig, "tickets", i);
	start(rig);
	UNTIL(rig, stats(rig).state == STREAM_FULL);
	freeze_thread();
	usleep((useconds_t)(rig->opt.takeover_ms / 2 + 100) * 1000);
	rig->full = false;
	rest(rig, 300);
	n = rig->n_events;
	atomic_store(&frozen, false);
	assert_int_equal(n, 0);
	UNTIL(rig, stats(rig).n_acked == 50);
	assert_int_equal(rig->n_events, 50);
}

/* A read of ours that was held up on its way, and was answered to a connection that is gone. */
static void pending_entries_that_never_came_are_found(void **state)
{
	struct rig *rig = *state;

	rig->opt.takeover_ms = 60000;
	start(rig);
	UNTIL(rig, stats(rig).state == STREAM_READING);
	rest(rig, 100);
	redis_do(&rig->redis, "MULTI");
	add(rig, "tickets", 1);
	redis_do(&rig->redis, "XREADGROUP GROUP plazo plazo-1 COUNT 10 STREAMS tickets >");
	redis_do(&rig->redis, "EXEC");
	assert_int_equal(n_pending(rig, "tickets"), 1);
	UNTIL(rig, stats(rig).n_acked == 1);
	assert_int_equal(rig->n_events, 1);
	assert_int_equal(stats(rig).n_failures, 0);
}

/* A server of our own making says this to whoever connects. */
static void stranger_says(struct rig *rig, const char *text, enum stream_state state, const char *why)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), c = -1;
	char sink_[4096];

	snprintf(un.sun_path, sizeof un.sun_path, "%s/stranger", rig->redis.dir);
	unlink(un.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	assert_int_equal(listen(fd, 8), 0);
	rig->opt.server.path = un.sun_path;
	start(rig);
	/* The connection ends before it is told why. */
	for (int i = 0; i < 8000 && (stats(rig).n_failures == 0 || stats(rig).state != state); i++) {
		turn(rig);
		if (c < 0 && (c = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0)
			assert_int_equal(write(c, text, strlen(text)), (ssize_t)strlen(text));
		if (c >= 0)
			(void)!read(c, sink_, sizeof sink_);
	}
	if (stats(rig).state != state || strstr(stats(rig).why, why) == NULL)
		fail_msg("after %.40s: %s, %s", text, stream_state_names[stats(rig).state], stats(rig).why);
	close(c);
	close(fd);
	stop(rig);
	rig->opt.server.path = rig->redis.path;
}

static void a_server_that_is_none(void **state)
{
	struct rig *rig = *state;
	static const struct { const char *text; enum stream_state state; const char *why; } says[] = {
		{ "HTTP/1.1 400 Bad Request\r\n\r\n", STREAM_TROUBLED, "Protocol error" },
		{ "-ERR max number of clients reached\r\n", STREAM_TROUBLED, "max number of clients" },
		{ "-DENIED Redis is running in protected mode\r\n", STREAM_REFUSED, "DENIED" },
		{ "*1000000\r\n", STREAM_TROUBLED, "too many elements" },
		{ "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", STREAM_TROUBLED, "nest" },
		{ "+OK\r\n:5\r\n", STREAM_TROUBLED, "" },
		{ "+OK\r\n*-1\r\n+OK\r\n+OK\r\n", STREAM_TROUBLED, "" },
		{ "-BUSYGROUP x\r\n*0\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n$-1\r\n", STREAM_TROUBLED, "EXEC" },
		{ "-BUSYGROUP x\r\n*0\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n*0\r\n*-1\r\n:7\r\n", STREAM_TROUBLED, "read of the stream" },
		{ "-BUSYGROUP x\r\n*0\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n*0\r\n*-1\r\n"
		  "*1\r\n*2\r\n$5\r\nother\r\n*0\r\n", STREAM_TROUBLED, "was not asked for" },
		{ "-BUSYGROUP x\r\n*0\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n*0\r\n*-1\r\n"
		  "*1\r\n*2\r\n$7\r\ntickets\r\n*1\r\n*2\r\n$1\r\nx\r\n*0\r\n", STREAM_TROUBLED, "without an id" },
	};

	for (size_t i = 0; i < sizeof says / sizeof *says; i++)
		stranger_says(rig, says[i].text, says[i].state, says[i].why);
	add(rig, "tickets", 1);
	start(rig);
	UNTIL(rig, stats(rig).n_acked == 1);
}

/* Resolved beside the loop; nobody need wait for an answer. */
static void names(void **state)
{
	struct rig *rig = *state;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), c = -1;
	struct addrinfo *known;

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	rig->opt.server = (struct stream_server){ .host = "localhost", .port = ntohs(in.sin_port) };
	/* A bare root has no /etc/hosts. */
	if (getaddrinfo("localhost", NULL, NULL, &known) == 0) {
		freeaddrinfo(known);
		start(rig);
		UNTIL(rig, c >= 0 || (c = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0);
		close(c);
		stop(rig);
	}
	rig->opt.server.host = "no-such-host.invalid";
	for (int i = 0; i < 10; i++) {
		start(rig);
		turn(rig);
		stop(rig);
	}
	start(rig);
	UNTIL(rig, stats(rig).n_failures > 0);
	assert_non_null(strstr(stats(rig).why, "no-such-host.invalid is not resolved"));
	stop(rig);
	close(fd);
	rig->opt.server = (struct stream_server){ .path = rig->redis.path };
}

static void a_server_that_is_silent(void **state)
{
	struct rig *rig = *state;

	start(rig);
	UNTIL(rig, stats(rig).state == STREAM_READING);
	kill(rig->redis.pid, SIGSTOP);
	UNTIL(rig, stats(rig).state == STREAM_TROUBLED);
	assert_non_null(strstr(stats(rig).why, "has not answered"));
	kill(rig->redis.pid, SIGCONT);
	UNTIL(rig, stats(rig).state == STREAM_READING);
}

/* A package builder has none. */
static void there_is_no_redis(void **state)
{
	(void)state;
	print_message("no redis-server: skipped 'test_stream'\n");
	skip();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(reads_and_acknowledges), TEST(acknowledges_nothing_before_done), TEST(waits_for_room),
		TEST(what_was_not_kept_comes_again), TEST(entries_that_are_no_events), TEST(survives_the_server),
		TEST(own_pending_comes_first), TEST(trimmed_entries_are_counted), TEST(takes_over_from_the_dead),
		TEST(group_and_stream_may_vanish), TEST(says_what_is_wrong), TEST(own_cursor), TEST(no_cursor_passes_what_was_taken_in_part),
		TEST(whatever_happens_while_batches_cross), TEST(what_waits_for_room_goes_with_its_connection),
		TEST(an_end_waits_for_no_room), TEST(reads_while_the_loop_is_busy), TEST(the_thread_comes_when_it_can),
		TEST(a_reload_changes_the_stream), TEST(a_reload_leaves_an_own_cursor_where_it_is), TEST(a_reload_takes_another_back),
		TEST(a_reload_takes_back_one_that_has_lost_its_server), TEST(one_of_two_reads),
		TEST(one_that_has_nothing_to_read_is_alive),
		TEST(what_another_took_over_is_not_handed_in), TEST(after_a_sleep_the_right_is_asked_for_again),
		TEST(without_news_of_the_thread_nothing_is_handed_in),
		TEST(pending_entries_that_never_came_are_found), TEST(a_server_that_is_none), TEST(names), TEST(a_server_that_is_silent),
	};

	const struct CMUnitTest none[] = { cmocka_unit_test(there_is_no_redis) };

	if (access(redis_program(), X_OK) != 0)
		return cmocka_run_group_tests(none, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
