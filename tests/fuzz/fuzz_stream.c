/*
 * What a Redis server says: through hiredis' reader into our objects, and through all that looks at them. The first byte says in pieces of
 * what size the rest arrives, the bit 0x80 of it that nobody asked. The pieces must not matter.
 */
#include "fuzz.h"

#include <string.h>

#include "ingest/stream_reply.h"
#include "ingest/stream_words.h"

#define MAX_ENTRIES 1000

static const char *const keys[] = { "tickets", "other" };

static void check_entries(const struct entries *es)
{
	struct str value;

	HOLDS(es->n <= MAX_ENTRIES);
	for (size_t i = 0; i < es->n; i++) {
		const struct entry *e = &es->v[i];
		uint64_t ms, seq;

		HOLDS(e->key < 2 && entry_id_read(e->id, &ms, &seq) && entry_id_cmp(e->id, e->id) == 0);
		if (i > 0)
			HOLDS(entry_id_cmp(e->id, e[-1].id) == -entry_id_cmp(e[-1].id, e->id));
		if (entry_field(e, "event", &value))
			HOLDS(e->fields != NULL && value.len <= REPLY_MAX_TEXT);
	}
}

static size_t weight(const redisReply *r, unsigned depth)
{
	size_t n = 1;

	HOLDS(r != NULL && depth <= REPLY_MAX_DEPTH + 1);
	HOLDS(r->type != REDIS_REPLY_ARRAY || r->elements <= REPLY_MAX_ELEMENTS);
	for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++)
		n += weight(r->element[i], depth + 1);
	return n + (r->str != NULL ? r->len : 0);
}

static void look_at(const redisReply *r, struct arena *a)
{
	struct entries es = { 0 }, claimed = { 0 };
	const redisReply *error = reply_find_error(r);
	struct diag d = { 0 };

	if (error != NULL)
		HOLDS(stream_word(reply_text(error)) <= WORD_NO_KEY);
	if (reply_entries(r, keys, 2, MAX_ENTRIES, a, &es, &d) == ERR_OK)
		check_entries(&es);
	else
		HOLDS(d.msg[0] != '\0' && es.n == 0);
	d.msg[0] = '\0';
	if (reply_claimed(r, 1, MAX_ENTRIES, a, &claimed, &d) == ERR_OK)
		check_entries(&claimed);
	else
		HOLDS(d.msg[0] != '\0' && claimed.n == 0);
	for (size_t i = 0; i < 3 && reply_at(r, i) != NULL; i++)
		reply_int(reply_field(reply_at(r, i), "pending"), -1);
}

/* The weight of all the replies there are in the bytes; `look`: at each of them, too. */
static size_t read_all(struct str bytes, size_t piece, bool expected, bool look)
{
	struct arena *a = arena_create();
	struct reply_maker m = { .arena = a, .expected = expected };
	redisReader *reader = reply_reader_create(&m);
	size_t sum = 0, at = 0;
	bool well = reader != NULL;

	while (well && at < bytes.len) {
		size_t n = bytes.len - at < piece ? bytes.len - at : piece;
		void *r = NULL;

		well = redisReaderFeed(reader, bytes.p + at, n) == REDIS_OK;
		at += n;
		while (well && (well = redisReaderGetReply(reader, &r) == REDIS_OK) && r != NULL) {
			HOLDS(expected || reply_is_error(r));
			sum += weight(r, 1);
			if (look)
				look_at(r, a);
			m.size = 0;
			r = NULL;
		}
	}
	HOLDS(well || m.fault != NULL || reader == NULL || reader->errstr[0] != '\0');
	redisReaderFree(reader);
	arena_destroy(a);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t how = input_byte(&in);
	struct str bytes = input_rest(&in);
	bool expected = (how & 0x80) == 0;
	size_t piece = (how & 0x7f) + 1u;

	HOLDS(read_all(bytes, bytes.len + 1, expected, true) == read_all(bytes, piece, expected, false));
	return 0;
}
