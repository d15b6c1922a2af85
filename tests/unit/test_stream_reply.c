/* Bytes from a server to entries: every shape that is not one is refused, none is believed. Errors by their words. */
#include "../cmocka_plazo.h"

#include <stdlib.h>

#include "base/buf.h"
#include "ingest/stream_batch.h"
#include "ingest/stream_reply.h"
#include "ingest/stream_words.h"

static const char *const keys[] = { "tickets", "more" };

struct rig {
	struct reply_maker maker;
	redisReader       *reader;
};

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof *rig);

	rig->maker = (struct reply_maker){ .arena = arena_create(), .expected = true };
	rig->reader = reply_reader_create(&rig->maker);
	assert_non_null(rig->reader);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	redisReaderFree(rig->reader);
	arena_destroy(rig->maker.arena);
	free(rig);
	return 0;
}

/* NULL when the reader refuses, or wants more. */
static const redisReply *read_bytes(struct rig *rig, const char *bytes)
{
	void *reply = NULL;

	assert_int_equal(redisReaderFeed(rig->reader, bytes, strlen(bytes)), REDIS_OK);
	return redisReaderGetReply(rig->reader, &reply) == REDIS_OK ? reply : NULL;
}

#define ENTRY(id, field, value) "*2\r\n" id "*2\r\n" field value
#define T(n, text) "$" #n "\r\n" text "\r\n"

static void entries_of_a_read(void **state)
{
	struct rig *rig = *state;
	struct entries found = { 0 };
	struct diag d = { 0 };
	struct str body;
	const redisReply *r = read_bytes(rig,
		"*2\r\n*2\r\n" T(7, "tickets") "*2\r\n" ENTRY(T(3, "1-1"), T(5, "event"), T(2, "{}")) "*2\r\n" T(3, "1-2") "*-1\r\n"
		"*2\r\n" T(4, "more") "*1\r\n" ENTRY(T(3, "2-0"), T(5, "other"), T(0, "")));

	assert_int_equal(reply_entries(r, keys, 2, 10, rig->maker.arena, &found, &d), ERR_OK);
	assert_int_equal(found.n, 3);
	assert_true(entry_field(&found.v[0], "event", &body));
	assert_str(body, "{}");
	assert_null(found.v[1].fields);
	assert_false(entry_field(&found.v[1], "event", &body));
	assert_int_equal(found.v[2].key, 1);
	assert_false(entry_field(&found.v[2], "event", &body));
	assert_int_equal(reply_entries(r, keys, 2, 2, rig->maker.arena, &found, &d), ERR_SYNTAX);
	assert_int_equal(reply_entries(r, keys, 1, 10, rig->maker.arena, &found, &d), ERR_SYNTAX);
	assert_int_equal(reply_entries(read_bytes(rig, "*-1\r\n"), keys, 2, 10, rig->maker.arena, &found, &d), ERR_OK);
	assert_int_equal(found.n, 0);
}

/* Whatever was in the reply is something else now. */
static void spoil(const redisReply *r)
{
	if (r->str != NULL)
		memset(r->str, '#', r->len);
	for (size_t i = 0; i < r->elements; i++)
		spoil(r->element[i]);
}

#define EVENT "{\"id\":\"e-1\",\"ticket\":\"T\",\"type\":\"opened\",\"at\":\"2026-11-23T10:00:00Z\",\"team\":\"net\",\"tags\":[\"b\",\"a\"]}"
#define OTHER "{\"id\":\"e-2\",\"ticket\":\"T\",\"type\":\"opened\",\"at\":\"2026-11-23T10:00:00Z\",\"tier\":7,\"team\":\"n\\u00e9\"}"

/* The reply is gone when the batch goes on: events, refusals and cursors have nothing of it. */
static void a_batch_has_nothing_of_the_reply(void **state)
{
	struct rig *rig = *state;
	struct stream_batch b = { .batch = { .source = STR("bus"), .ns = STR("bus") }, .arena = arena_create(), .keys = keys, .n_keys = 2,
				  .event_len = 1000, .own = true, .key = { 1, 2 } };
	struct json_doc *doc = json_create();
	struct diag d = { 0 };
	const struct event *e;
	char bytes[1000];
	const redisReply *r;

	snprintf(bytes, sizeof bytes, "*1\r\n*2\r\n" T(7, "tickets") "*5\r\n" ENTRY(T(3, "1-1"), T(5, "event"), "$%zu\r\n%s\r\n")
		 ENTRY(T(3, "1-2"), T(5, "event"), "$%zu\r\n%s\r\n") ENTRY(T(3, "1-3"), T(5, "event"), T(3, "{1}"))
		 ENTRY(T(3, "1-4"), T(5, "event"), T(8, "{\"id\":1}")) ENTRY(T(3, "1-5"), T(5, "other"), T(3, "abc")),
		 sizeof EVENT - 1, EVENT, sizeof OTHER - 1, OTHER);
	r = read_bytes(rig, bytes);
	assert_int_equal(reply_entries(r, keys, 2, 10, b.arena, &b.entries, &d), ERR_OK);
	fill_batch(&b, doc);
	spoil(r);
	assert_int_equal(b.batch.n, 2);
	e = b.batch.events;
	assert_str(e[0].id, "e-1");
	assert_str(e[0].ticket, "T");
	assert_str(e[0].attr[ATTR_TEAM], "net");
	assert_str(e[1].id, "e-2");
	assert_str(e[1].attr[ATTR_TIER], "7");
	assert_str(e[1].attr[ATTR_TEAM], "n\xc3\xa9");
	assert_int_equal(b.batch.n_refused, 3);
	assert_str(b.batch.refused[0].body, "{1}");
	assert_str(b.batch.refused[0].place, "tickets 1-3");
	assert_str(b.batch.refused[1].body, "{\"id\":1}");
	assert_str(b.batch.refused[2].body, "{\"other\":\"abc\"}");
	assert_int_equal(b.batch.n_cursors, 1);
	assert_str(b.batch.cursors[0].value, "1-5");
	assert_str(b.entries.v[0].id, "1-1");
	free(b.batch.events);
	free(b.batch.results);
	json_destroy(doc);
	arena_destroy(b.arena);
}

static void shapes_that_are_none(void **state)
{
	struct rig *rig = *state;
	static const char *const bad[] = {
		":1\r\n", "+OK\r\n", T(2, "ab"), "*1\r\n:1\r\n", "*1\r\n*0\r\n", "*1\r\n*-1\r\n", "*1\r\n*1\r\n" T(7, "tickets"),
		"*1\r\n*2\r\n" T(5, "other") "*0\r\n", "*1\r\n*2\r\n" T(7, "tickets") "*1\r\n:5\r\n", "*1\r\n*2\r\n" T(7, "tickets") "*1\r\n*0\r\n",
		"*1\r\n*2\r\n" T(7, "tickets") "*1\r\n*2\r\n$-1\r\n*0\r\n", "*1\r\n*2\r\n" T(7, "tickets") "*1\r\n*2\r\n" T(2, "1-") "*0\r\n",
		"*1\r\n*2\r\n*0\r\n*0\r\n",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct entries found = { .n = 77 };
		struct diag d = { 0 };
		const redisReply *r = read_bytes(rig, bad[i]);

		assert_non_null(r);
		assert_int_equal(reply_entries(r, keys, 2, 10, rig->maker.arena, &found, &d), ERR_SYNTAX);
		assert_int_not_equal(d.msg[0], '\0');
		assert_int_equal(found.n, 77);
		assert_int_equal(reply_claimed(r, 0, 10, rig->maker.arena, &found, &d), ERR_SYNTAX);
		(void)reply_find_error(r);
		(void)reply_field(r, "name");
		(void)reply_int(r, 0);
	}
}

static void entries_of_a_claim(void **state)
{
	struct rig *rig = *state;
	struct entries found = { 0 };
	struct diag d = { 0 };

	assert_int_equal(reply_claimed(read_bytes(rig, "*3\r\n" T(3, "0-0") "*2\r\n" ENTRY(T(3, "1-1"), T(1, "a"), T(1, "b")) "*-1\r\n"
						  "*2\r\n" T(3, "1-3") T(3, "1-4")), 1, 10, rig->maker.arena, &found, &d), ERR_OK);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.v[0].key, 1);
	assert_int_equal(found.n_gone, 3);
	assert_str(found.next, "0-0");
	/* Redis 6.2 has no third list. */
	assert_int_equal(reply_claimed(read_bytes(rig, "*2\r\n" T(3, "0-0") "*0\r\n"), 1, 10, rig->maker.arena, &found, &d), ERR_OK);
	assert_int_equal(found.n_gone, 0);
}

static void refused(void **state, const char *bytes, bool expected, const char *why)
{
	struct rig *rig = *state;

	rig->maker.expected = expected;
	assert_null(read_bytes(rig, bytes));
	/* What hiredis refuses by itself, the depth in 0.14, needs no word of ours. */
	if (rig->maker.fault != NULL)
		assert_string_equal(rig->maker.fault, why);
	else
		assert_int_not_equal(rig->reader->err, 0);
	teardown(state);
	setup(state);
}

static void sizes_are_bounded(void **state)
{
	struct rig *rig;
	char *large = malloc(200000);
	const redisReply *r;

	refused(state, "*65537\r\n", true, "an array with too many elements");
	refused(state, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", true, "a reply that is nested too deeply");
	refused(state, "+OK\r\n", false, "a reply that nobody asked for");
	rig = *state;
	rig->maker.expected = false;
	assert_true(reply_is_error(read_bytes(rig, "-ERR max number of clients reached\r\n")));
	memset(large, 'x', 200000);
	memcpy(large, "$150000\r\n", 9);
	memcpy(large + 9 + 150000, "\r\n", 3);
	rig->maker.expected = true;
	r = read_bytes(rig, large);
	assert_non_null(r);
	assert_int_equal(r->len, REPLY_MAX_TEXT);
	free(large);
}

/* Of fields alone: the entries around are whole. */
static void fields_beyond_the_limit_are_left_out(void **state)
{
	struct rig *rig = *state;
	struct buf b;
	struct entries found = { 0 };
	struct diag d = { 0 };
	struct str body;

	buf_init(&b, 4u << 20);
	buf_puts(&b, "*1\r\n*2\r\n" T(7, "tickets") "*2\r\n*2\r\n" T(3, "1-1") "*70000\r\n" T(5, "event") T(2, "{}"));
	for (int i = 0; i < 69993; i++)
		buf_puts(&b, ":1\r\n");
	buf_puts(&b, "$-1\r\n*2\r\n+x\r\n*1\r\n:1\r\n*0\r\n" T(1, "a") T(1, "b") ENTRY(T(3, "1-2"), T(5, "event"), T(2, "[]")));
	assert_true(buf_ok(&b));
	assert_int_equal(reply_entries(read_bytes(rig, buf_cstr(&b)), keys, 2, 10, rig->maker.arena, &found, &d), ERR_OK);
	assert_int_equal(found.n, 2);
	assert_int_equal(found.v[0].fields->elements, REPLY_MAX_ELEMENTS);
	assert_int_equal(found.v[0].fields->element[REPLY_MAX_ELEMENTS - 1]->integer, 1);
	assert_true(entry_field(&found.v[0], "event", &body));
	assert_str(body, "{}");
	assert_str(found.v[1].id, "1-2");
	assert_true(entry_field(&found.v[1], "event", &body));
	buf_finish(&b);
}

static void ids(void **state)
{
	(void)state;
	assert_int_equal(entry_id_cmp(STR("5-1"), STR("5-1")), 0);
	assert_true(entry_id_cmp(STR("5-2"), STR("5-10")) < 0);
	assert_true(entry_id_cmp(STR("18446744073709551615-0"), STR("9-0")) > 0);
	assert_true(entry_id_cmp(STR("18446744073709551609-0"), STR("18446744073709551615-0")) < 0);
	assert_true(entry_id_cmp(STR("99999999999999999999-0"), STR("0-0")) < 0);
	assert_true(entry_id_cmp(STR(""), STR("0-0")) < 0);
	assert_true(entry_id_cmp(STR("18446744073709551616-0"), STR("0-0")) < 0);
	assert_true(entry_id_cmp(STR("1"), STR("x")) == 0);
}

static void words(void **state)
{
	(void)state;
	assert_int_equal(stream_word(STR("BUSY Redis is busy running a script.")), WORD_TROUBLED);
	assert_int_equal(stream_word(STR("BUSYGROUP Consumer Group name already exists")), WORD_GROUP_EXISTS);
	assert_int_equal(stream_word(STR("NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option")), WORD_NO_GROUP);
	assert_int_equal(stream_word(STR("UNBLOCKED the stream key no longer exists")), WORD_NO_GROUP);
	assert_int_equal(stream_word(STR("NOAUTH Authentication required.")), WORD_REFUSED);
	assert_int_equal(stream_word(STR("WRONGTYPE Operation against a key holding the wrong kind of value")), WORD_REFUSED);
	assert_int_equal(stream_word(STR("ERR unknown command 'XAUTOCLAIM'")), WORD_REFUSED);
	assert_int_equal(stream_word(STR("ERR no such key")), WORD_NO_KEY);
	assert_int_equal(stream_word(STR("READONLY You can't write against a read only replica.")), WORD_TROUBLED);
	assert_int_equal(stream_word(STR("ERR something new")), WORD_TROUBLED);
	assert_int_equal(stream_word(STR("")), WORD_TROUBLED);
	assert_int_equal(stream_word(STR("NOAUTHORITY")), WORD_TROUBLED);
	assert_str(stream_words(STR("ERR unknown command `AUTH`, with args beginning with: `secret`, ")), "ERR unknown command `AUTH`");
	assert_str(stream_words(STR("LOADING")), "LOADING");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(entries_of_a_read), TEST(shapes_that_are_none), TEST(entries_of_a_claim), TEST(sizes_are_bounded),
		TEST(fields_beyond_the_limit_are_left_out), TEST(ids), TEST(words), TEST(a_batch_has_nothing_of_the_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
