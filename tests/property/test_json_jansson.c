/*
 * The reader against jansson: random texts and mutations of them must get the same verdict, and those that are taken the same values.
 * Where the two differ on purpose: we refuse depth over JSON_MAX_DEPTH (jansson 2048), and keep numbers as text, so 1e400 and
 * integers over 64 bits, which jansson refuses, are taken. A NUL byte is legal nowhere in JSON, but jansson takes one behind the value for
 * the end of the text: such texts must be refused by us, whatever it says.
 */
#include "../cmocka_plazo.h"
#include "../prop.h"
#include "../with_jansson.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "base/limits.h"

static const char *const scraps[] = {
	"{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\u0000", "\\ud800", "\\udc00", "\\ud83d\\ude00", "\\n", "\\/", "-", "0", "1", "00",
	".", "e", "E+", "1e5", "true", "false", "null", "nul", " ", "\t", "\n", "\r", "\x01", "\x7f", "\x80", "\xc3\xa9", "\xe2\x82\xac", "\xed\xa0\x80",
	"\xf0\x9f\x98\x80", "\xff", "\"a\":", "\"a\"", "\"\":1", "/", "'", "\xef\xbb\xbf", "1e400", "9223372036854775808", "-0",
};

#define N_SCRAPS (sizeof(scraps) / sizeof(scraps[0]))

static void put_blanks(struct prop *r, struct buf *b)
{
	while (prop_chance(r, 15))
		buf_putc(b, " \t\r\n"[prop_below(r, 4)]);
}

static void put_string(struct prop *r, struct buf *b)
{
	static const char *const parts[] = { "a", "b", "key", "\\n", "\\u0061", "\\u20ac", "\\ud83d\\ude00", "\xc3\xa9", "\xe2\x82\xac",
					     "\xf0\x9f\x98\x80", "\\\"", "\\\\", "x y", "\x7f", "0123456789abcdef" };

	buf_putc(b, '"');
	for (size_t n = prop_below(r, 4); n-- > 0;)
		buf_puts(b, parts[prop_below(r, sizeof(parts) / sizeof(parts[0]))]);
	buf_putc(b, '"');
}

static void put_number(struct prop *r, struct buf *b)
{
	buf_printf(b, "%" PRId64, (int64_t)prop_u64(r) >> prop_below(r, 64));
	if (prop_chance(r, 30))
		buf_printf(b, ".%u", (unsigned)prop_below(r, 1000));
	if (prop_chance(r, 20))
		buf_printf(b, "%c%s%u", "eE"[prop_below(r, 2)], prop_chance(r, 50) ? "-" : "+", (unsigned)prop_below(r, 50));
}

static void put_value(struct prop *r, struct buf *b, unsigned depth)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t kind = prop_below(r, depth < 6 ? 10 : 6);
	bool object = kind >= 8;

	put_blanks(r, b);
	if (kind < 2) {
		put_string(r, b);
	} else if (kind < 4) {
		put_number(r, b);
	} else if (kind < 6) {
		buf_puts(b, words[prop_below(r, 3)]);
	} else {
		size_t n = prop_below(r, 50) == 0 ? 30 + prop_below(r, 20) : prop_below(r, 5);

		buf_putc(b, object ? '{' : '[');
		for (size_t i = 0; i < n; i++) {
			if (i != 0)
				buf_putc(b, ',');
			put_blanks(r, b);
			if (object && prop_chance(r, 90))
				buf_printf(b, "\"k%zu\":", i);    /* seldom a random key, which may be there already */
			else if (object) {
				put_string(r, b);
				buf_putc(b, ':');
			}
			put_value(r, b, n > 10 ? 6 : depth + 1);
		}
		put_blanks(r, b);
		buf_putc(b, object ? '}' : ']');
	}
	put_blanks(r, b);
}

/* Cuts out, repeats, overwrites or inserts a little. */
static void mutate(struct prop *r, struct buf *b, struct buf *scratch)
{
	size_t at = prop_below(r, b->len + 1), len = prop_below(r, 6), kind = prop_below(r, 5);
	struct str text = buf_str(b);
	struct str scrap = str_of(scraps[prop_below(r, N_SCRAPS)]);

	if (len > text.len - at)
		len = text.len - at;
	buf_reset(scratch);
	buf_append(scratch, text.p, at);
	if (kind == 0)
		buf_append(scratch, text.p + at, len);
	if (kind == 1 || kind == 2)
		buf_put(scratch, scrap);
	if (kind == 3)
		buf_putc(scratch, (char)prop_u64(r));
	if (kind == 1 || kind == 3 || kind == 4)
		at += kind == 4 ? len : len != 0;
	buf_append(scratch, text.p + at, text.len - at);
	buf_reset(b);
	buf_put(b, buf_str(scratch));
}

static void same_value(const struct json_doc *d, json_node n, json_t *want);

static void same_object(const struct json_doc *d, json_node n, json_t *want)
{
	assert_int_equal(json_count(d, n), json_object_size(want));
	for (json_node m = json_first(d, n); m != JSON_ABSENT; m = json_next(d, m)) {
		struct str key = json_key(d, m);
		char *z = xstrndup(key.len != 0 ? key.p : "", key.len);
		json_t *value = json_object_get(want, z);

		assert_non_null(value);
		assert_int_equal(json_get(d, n, key), m);
		free(z);
		same_value(d, m, value);
	}
}

static void same_array(const struct json_doc *d, json_node n, json_t *want)
{
	size_t i = 0;

	assert_int_equal(json_count(d, n), json_array_size(want));
	for (json_node m = json_first(d, n); m != JSON_ABSENT; m = json_next(d, m))
		same_value(d, m, json_array_get(want, i++));
	assert_int_equal(i, json_array_size(want));
}

static void same_number(const struct json_doc *d, json_node n, json_t *want)
{
	struct str text = json_text(d, n);
	char *z = xstrndup(text.p, text.len);
	int64_t v;

	assert_int_equal(json_kind(d, n), JSON_NUMBER);
	if (json_typeof(want) == JANSSON_INTEGER) {
		assert_int_equal(json_i64(d, n, INT64_MIN, INT64_MAX, &v), ERR_OK);
		assert_true(v == json_integer_value(want));
	} else {
		assert_int_equal(json_i64(d, n, INT64_MIN, INT64_MAX, &v), ERR_SYNTAX);
		assert_true(strtod(z, NULL) == json_real_value(want));
	}
	free(z);
}

static void same_value(const struct json_doc *d, json_node n, json_t *want)
{
	switch (json_typeof(want)) {
	case JANSSON_OBJECT:
		assert_int_equal(json_kind(d, n), JSON_OBJECT);
		same_object(d, n, want);
		break;
	case JANSSON_ARRAY:
		assert_int_equal(json_kind(d, n), JSON_ARRAY);
		same_array(d, n, want);
		break;
	case JANSSON_STRING:
		assert_true(json_is_str(d, n));
		assert_true(str_eq(json_text(d, n), (struct str){ json_string_value(want), json_string_length(want) }));
		break;
	case JANSSON_INTEGER:
	case JANSSON_REAL:
		same_number(d, n, want);
		break;
	case JANSSON_TRUE:
		assert_int_equal(json_kind(d, n), JSON_TRUE);
		break;
	case JANSSON_FALSE:
		assert_int_equal(json_kind(d, n), JSON_FALSE);
		break;
	case JANSSON_NULL:
		assert_int_equal(json_kind(d, n), JSON_NULL);
		break;
	}
}

struct counts { size_t taken, refused, skipped; };

static void compare(struct json_doc *d, struct str text, struct counts *counts)
{
	char *copy = malloc(text.len + (text.len == 0));
	struct diag diag = { 0 };
	json_error_t error;

	if (text.len != 0)
		memcpy(copy, text.p, text.len);

	enum err e = json_parse(d, (struct str){ copy, text.len }, &diag);
	json_t *want = json_loadb(copy, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	if (memchr(copy, 0, text.len) != NULL) {
		assert_int_not_equal(e, ERR_OK);
		counts->refused++;
	} else if (want == NULL && json_error_code(&error) == json_error_numeric_overflow) {
		counts->skipped++;
	} else if (e == ERR_LIMIT) {
		counts->skipped++;
	} else {
		if ((want != NULL) != (e == ERR_OK))
			fail_msg("jansson: %s, plazo: %s, text: %.*s", want != NULL ? "taken" : error.text, diag.msg, STR_ARG(text));
		if (want != NULL)
			same_value(d, 0, want);
		counts->taken += want != NULL;
		counts->refused += want == NULL;
	}
	json_decref(want);
	free(copy);
}

static void texts_and_mutations(void **state)
{
	(void)state;
	struct prop r = prop_begin("json against jansson");
	struct json_doc *d = json_create();
	struct counts counts = { 0 };
	struct buf b, scratch;

	buf_init(&b, 1 << 20);
	buf_init(&scratch, 1 << 20);
	for (size_t i = 0; i < prop_rounds(8000); i++) {
		buf_reset(&b);
		put_value(&r, &b, 0);
		compare(d, buf_str(&b), &counts);
		for (int k = 0; k < 4; k++) {
			mutate(&r, &b, &scratch);
			compare(d, buf_str(&b), &counts);
		}
	}
	/* A generator that makes good or bad texts alone would prove nothing. */
	assert_true(counts.taken > 5000 && counts.refused > 5000 && counts.skipped < counts.taken / 10);
	buf_finish(&b);
	buf_finish(&scratch);
	json_destroy(d);
}

static void heaps_of_scraps(void **state)
{
	(void)state;
	struct prop r = prop_begin("json of scraps");
	struct json_doc *d = json_create();
	struct counts counts = { 0 };
	struct buf b;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < prop_rounds(40000); i++) {
		buf_reset(&b);
		for (size_t n = prop_below(&r, 8); n-- > 0;)
			buf_puts(&b, scraps[prop_below(&r, N_SCRAPS)]);
		compare(d, buf_str(&b), &counts);
	}
	assert_true(counts.taken > 300 && counts.refused > 10000);
	buf_finish(&b);
	json_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_and_mutations),
		cmocka_unit_test(heaps_of_scraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
