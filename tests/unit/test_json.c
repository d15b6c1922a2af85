/* The reader by tables, lookups and places, and the writer. Against jansson: tests/property/test_json_jansson.c. */
#include "../cmocka_plazo.h"
#include "../prop.h"

#include "base/json.h"
#include "base/json_tape.h"
#include "base/limits.h"
#include "base/now.h"

/* Cases in the manner of JSONTestSuite: y must be taken, n refused; i is free by RFC 8259, and what we do is pinned here. */
static const struct { const char *name; struct str text; bool ok; } suite[] = {
#define Y(name, lit) { "y_" name, { lit, sizeof(lit) - 1 }, true },
#define N(name, lit) { "n_" name, { lit, sizeof(lit) - 1 }, false },
#define I_YES(name, lit) { "i_" name, { lit, sizeof(lit) - 1 }, true },
#define I_NO(name, lit) { "i_" name, { lit, sizeof(lit) - 1 }, false },
	Y("array_empty", "[]")
	Y("array_blanks", " [ \t\r\n ] ")
	Y("array_of_all", "[null, 1, \"1\", {}, [], true, false]")
	Y("array_trailing_newline", "[1]\n")
	Y("array_nested", "[[],[[]]]")
	Y("object_empty", "{}")
	Y("object_empty_key", "{\"\":0}")
	Y("object_simple", "{\"a\":[]}")
	Y("object_like_keys", "{\"a\":1,\"A\":2,\"aa\":3}")
	Y("object_newlines", "{\n\"a\"\n:\n1\n,\n\"b\"\n:\n2\n}")
	Y("object_escaped_key", "{\"\\u0061b\":1}")
	Y("object_same_key_at_other_depth", "{\"a\":{\"a\":{\"a\":1}}}")
	Y("lonely_string", "\"a\"")
	Y("lonely_number", "42")
	Y("lonely_negative", "-1")
	Y("lonely_true", "true")
	Y("lonely_false", "false")
	Y("lonely_null", "null")
	Y("number_zero", "0")
	Y("number_minus_zero", "-0")
	Y("number_fraction", "0.5")
	Y("number_exponent", "1e2")
	Y("number_exponent_plus", "1E+2")
	Y("number_exponent_minus", "1.5e-10")
	Y("number_exponent_zeros", "0e00")
	Y("number_after_space", "[ 4]")
	Y("number_long", "123456789012345678901234567890.123456789e-123")
	Y("string_empty", "\"\"")
	Y("string_escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")
	Y("string_unicode", "\"\\u20AC\\u00e9\"")
	Y("string_pair", "\"\\uD83D\\uDe00\"")
	Y("string_del", "\"\x7f\"")
	Y("string_utf8_2", "\"\xc3\xa9\"")
	Y("string_utf8_3", "\"\xe2\x82\xac\"")
	Y("string_utf8_4", "\"\xf0\x9f\x98\x80\"")
	Y("string_highest", "\"\xf4\x8f\xbf\xbf\"")
	Y("string_noncharacter", "\"\xef\xbf\xbf\\uFFFE\"")
	Y("string_line_separator", "\"\xe2\x80\xa8\"")
	Y("string_comments_inside", "\"/*a*/ //\"")
	Y("string_brackets_inside", "[\"]}\", \"{[\"]")
	Y("string_backslash_last", "[\"\\\\\"]")
	N("nothing", "")
	N("blanks", " \n")
	N("array_open", "[")
	N("array_close", "]")
	N("array_item_open", "[1")
	N("array_comma_open", "[1,")
	N("array_trailing_comma", "[1,]")
	N("array_leading_comma", "[,1]")
	N("array_comma_alone", "[,]")
	N("array_two_commas", "[1,,2]")
	N("array_no_comma", "[1 2]")
	N("array_colon", "[\"a\":1]")
	N("array_wrong_end", "[1}")
	N("array_end_twice", "[1]]")
	N("array_comma_behind", "[1],")
	N("object_open", "{")
	N("object_wrong_end", "{\"a\":1]")
	N("object_no_value", "{\"a\":}")
	N("object_no_colon", "{\"a\" 1}")
	N("object_no_key", "{:1}")
	N("object_key_alone", "{\"a\"}")
	N("object_key_open", "{\"a\"")
	N("object_colon_open", "{\"a\":")
	N("object_value_open", "{\"a\":1")
	N("object_comma_open", "{\"a\":1,")
	N("object_trailing_comma", "{\"a\":1,}")
	N("object_two_commas", "{\"a\":1,,\"b\":2}")
	N("object_unquoted_key", "{a:1}")
	N("object_single_quotes", "{'a':1}")
	N("object_number_key", "{1:1}")
	N("object_two_colons", "{\"a\"::1}")
	N("object_trailing_text", "{\"a\":1}x")
	N("object_comment", "{\"a\":1/**/}")
	N("two_values", "1 2")
	N("two_objects", "{}{}")
	N("comment", "//\n1")
	N("number_plus", "+1")
	N("number_minus_alone", "-")
	N("number_minus_letter", "-a")
	N("number_leading_zero", "01")
	N("number_minus_leading_zero", "-01")
	N("number_zeros", "00")
	N("number_point_first", ".5")
	N("number_point_last", "1.")
	N("number_point_exponent", "1.e1")
	N("number_exponent_open", "1e")
	N("number_exponent_sign_open", "1e+")
	N("number_two_points", "1.2.3")
	N("number_two_exponents", "1e2e3")
	N("number_hex", "0x1F")
	N("number_infinity", "Infinity")
	N("number_minus_infinity", "-Infinity")
	N("number_nan", "NaN")
	N("number_letter", "1a")
	N("number_two_minus", "--1")
	N("number_comma", "1,000")
	N("word_capital", "True")
	N("word_short", "tru")
	N("word_long", "truex")
	N("word_nul", "nul")
	N("word_fals", "fals")
	N("word_null_behind", "null0")
	N("string_open", "\"")
	N("string_open_text", "\"abc")
	N("string_open_long", "\"abcdefghijklmnop")
	N("string_open_escape", "\"\\")
	N("string_escape_then_end", "\"\\n")
	N("string_bad_escape", "\"\\x41\"")
	N("string_bad_escape_a", "\"\\a\"")
	N("string_escaped_newline", "\"\\\n\"")
	N("string_escape_high", "\"\\\xc3\xa9\"")
	N("string_unicode_short", "\"\\u12\"")
	N("string_unicode_open", "\"\\u12")
	N("string_unicode_letter", "\"\\u12g4\"")
	N("string_unicode_capital", "\"\\U0041\"")
	N("string_newline", "\"a\nb\"")
	N("string_tab", "\"a\tb\"")
	N("string_control", "\"\x1f\"")
	N("string_control_late", "\"abcdefghijklm\x01\"")
	N("string_control_after_escape", "\"\\nabc\x01\"")
	N("string_nul", "\"a\0b\"")
	N("string_single_quotes", "'a'")
	N("nul_behind", "1\0")
	N("nul_alone", "\0")
	N("formfeed", "[\f]")
	N("no_break_space", "[\xc2\xa0]")
	N("utf16_le", "[\0\"\0a\0\"\0]\0")
	N("utf8_outside", "\xc3\xa9")
	N("backslash_outside", "[\\u0061]")
	I_NO("bom", "\xef\xbb\xbf{}")
	I_NO("bom_alone", "\xef\xbb\xbf")
	I_NO("duplicate_key", "{\"a\":1,\"a\":1}")
	I_NO("duplicate_key_escaped", "{\"a\":1,\"\\u0061\":2}")
	I_NO("duplicate_empty_key", "{\"\":1,\"\":2}")
	I_NO("duplicate_behind_nested", "{\"a\":{\"b\":[1,2]},\"c\":3,\"a\":4}")
	I_NO("escaped_nul", "\"\\u0000\"")
	I_NO("escaped_nul_key", "{\"a\\u0000b\":1}")
	I_NO("lone_high_surrogate", "\"\\uD800\"")
	I_NO("lone_low_surrogate", "\"\\uDC00\"")
	I_NO("high_then_text", "\"\\uD83Dabcdef\"")
	I_NO("high_then_other", "\"\\uD83D\\u0041\"")
	I_NO("high_then_high", "\"\\uD83D\\uD83D\"")
	I_NO("high_then_open", "\"\\uD83D\\u\"")
	I_NO("low_then_high", "\"\\uDE00\\uD83D\"")
	I_NO("utf8_surrogate", "\"\xed\xa0\x80\"")
	I_NO("utf8_overlong", "\"\xc0\xaf\"")
	I_NO("utf8_overlong_3", "\"\xe0\x80\xaf\"")
	I_NO("utf8_too_high", "\"\xf4\x90\x80\x80\"")
	I_NO("utf8_tail_alone", "\"\x80\"")
	I_NO("utf8_cut", "\"\xe2\x82\"")
	I_NO("utf8_cut_after_escape", "\"\\n\xe2\x82\"")
	I_NO("latin1", "\"caf\xe9\"")
	I_NO("utf8_in_key", "{\"\xff\":1}")
	I_YES("number_huge_exponent", "1e400")
	I_YES("number_tiny", "-1e-99999")
	I_YES("number_over_64_bits", "9223372036854775808")
};

static enum err parse(struct json_doc *d, struct str text, struct diag *diag)
{
	/* A copy without a byte to spare, so that a look behind the end is seen by the sanitizer. */
	static char *copy;

	free(copy);
	copy = malloc(text.len + (text.len == 0));
	if (text.len != 0)
		memcpy(copy, text.p, text.len);
	return json_parse(d, (struct str){ copy, text.len }, diag);
}

static void suite_cases(void **state)
{
	struct json_doc *d = *state;

	assert_true(sizeof(suite) / sizeof(suite[0]) >= 80);
	for (size_t i = 0; i < sizeof(suite) / sizeof(suite[0]); i++) {
		struct diag diag = { 0 };
		enum err e = parse(d, suite[i].text, &diag);

		if ((e == ERR_OK) != suite[i].ok)
			fail_msg("%s: %s", suite[i].name, diag.msg);
		assert_int_equal(diag.msg[0] != '\0', e != ERR_OK);
		/* Blanks around a value and being an element of something change no verdict. */
		char wrapped[200];
		size_t n = 0;

		wrapped[n++] = '[';
		memcpy(wrapped + n, suite[i].text.p, suite[i].text.len);
		n += suite[i].text.len;
		wrapped[n++] = ' ';
		wrapped[n++] = ']';
		if (suite[i].ok)
			assert_int_equal(parse(d, (struct str){ wrapped, n }, NULL), ERR_OK);
	}
}

static void places(void **state)
{
	struct json_doc *d = *state;
	static const struct { const char *text; unsigned line, col; const char *msg; } bad[] = {
		{ "", 1, 1, "the text ends too early" },
		{ "[1,\n 2,\n x]", 3, 2, "not a JSON value" },
		{ "{\"a\":1,\n\"b\":2,\n  \"a\":3}", 3, 3, "the same key a second time" },
		{ "[1]\n\n ]", 3, 2, "something stands behind the value" },
		{ "{\"a\" 1}", 1, 6, "a colon is missing" },
		{ "[1 2]", 1, 4, "a comma or ] is missing" },
		{ "{\"a\":1 \"b\":2}", 1, 8, "a comma or } is missing" },
		{ "{1:2}", 1, 2, "a key must be a string" },
		{ "\"\\q\"", 1, 2, "no such escape" },
		{ "\"ab\\ud800\"", 1, 4, "a lone surrogate" },
		{ "\"ab\\u0000\"", 1, 4, "a NUL in a string" },
		{ "\"ab\\u00g0\"", 1, 4, "\\u needs four hexadecimal digits" },
		{ "\"ab\xff\"", 1, 4, "not UTF-8" },
		{ "\"ab\x01\"", 1, 4, "a control character in a string" },
		{ "012", 1, 2, "a leading zero in a number" },
		{ "[1.x]", 1, 4, "a digit is missing in a number" },
		{ "[\"abc", 1, 6, "the text ends too early" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct diag diag = { 0 };

		assert_int_equal(parse(d, str_of(bad[i].text), &diag), ERR_SYNTAX);
		assert_string_equal(diag.msg, bad[i].msg);
		if (diag.line != bad[i].line || diag.col != bad[i].col)
			fail_msg("%s: %u:%u", bad[i].text, diag.line, diag.col);
		assert_int_equal(json_kind(d, 0), JSON_NULL);
		assert_int_equal(json_get(d, 0, STR("a")), JSON_ABSENT);
	}
}

static void limits(void **state)
{
	struct json_doc *d = *state;
	struct diag diag;
	struct buf b;

	buf_init(&b, 16 << 20);
	for (int depth = 31; depth <= 33; depth++) {
		buf_reset(&b);
		for (int i = 0; i < depth; i++)
			buf_puts(&b, i % 2 != 0 ? "{\"a\":" : "[");
		buf_puts(&b, "1");
		for (int i = depth; i-- > 0;)
			buf_puts(&b, i % 2 != 0 ? "}" : "]");
		assert_int_equal(parse(d, buf_str(&b), &diag), depth <= JSON_MAX_DEPTH ? ERR_OK : ERR_LIMIT);
	}
	/* The array itself is a node. */
	for (uint32_t n = JSON_MAX_NODES - 1; n <= JSON_MAX_NODES; n++) {
		buf_reset(&b);
		buf_putc(&b, '[');
		for (uint32_t i = 0; i < n; i++)
			buf_puts(&b, i == 0 ? "1" : ",1");
		buf_putc(&b, ']');
		assert_int_equal(parse(d, buf_str(&b), &diag), n < JSON_MAX_NODES ? ERR_OK : ERR_LIMIT);
		assert_int_equal(json_count(d, 0), n < JSON_MAX_NODES ? n : 0);
	}
	buf_finish(&b);
}

static void lookups(void **state)
{
	struct json_doc *d = *state;
	struct str found = STR("untouched"), text = STR(" {\"id\":\"a\\u00e9\\n\", \"n\": -12.50, \"o\": {\"k\":[1,[2,3],{\"x\":null}], \"\\u006bk\":7}, \"t\":true,\"e\":[],\"f\":{}} ");
	int64_t v;

	assert_int_equal(parse(d, text, NULL), ERR_OK);
	assert_int_equal(json_count(d, 0), 6);

	json_node id = json_get(d, 0, STR("id")), n = json_get(d, 0, STR("n")), o = json_get(d, 0, STR("o"));

	assert_str(json_text(d, id), "a\xc3\xa9\n");
	assert_str(json_raw(d, id), "\"a\\u00e9\\n\"");
	assert_str(json_key(d, id), "id");
	assert_false(json_str(d, n, &found) || json_str(d, o, &found) || json_str(d, JSON_ABSENT, &found));
	assert_str(found, "untouched");
	assert_true(json_str(d, id, &found));
	assert_str(found, "a\xc3\xa9\n");
	assert_str(json_text(d, n), "-12.50");
	assert_str(json_raw(d, o), "{\"k\":[1,[2,3],{\"x\":null}], \"\\u006bk\":7}");
	assert_int_equal(json_get(d, 0, STR("nn")), JSON_ABSENT);
	assert_int_equal(json_get(d, id, STR("id")), JSON_ABSENT);
	assert_int_equal(json_get(d, JSON_ABSENT, STR("id")), JSON_ABSENT);
	assert_int_equal(json_first(d, json_get(d, 0, STR("e"))), JSON_ABSENT);
	assert_int_equal(json_first(d, json_get(d, 0, STR("f"))), JSON_ABSENT);
	assert_int_equal(json_first(d, id), JSON_ABSENT);
	assert_int_equal(json_next(d, 0), JSON_ABSENT);
	assert_int_equal(json_next(d, JSON_ABSENT), JSON_ABSENT);
	assert_int_equal(json_text(d, JSON_ABSENT).len, 0);
	assert_int_equal(json_raw(d, JSON_ABSENT).len, 0);
	assert_int_equal(json_key(d, 0).len, 0);

	static const char *const keys[] = { "id", "n", "o", "t", "e", "f" };
	size_t i = 0;

	for (json_node m = json_first(d, 0); m != JSON_ABSENT; m = json_next(d, m))
		assert_str(json_key(d, m), keys[i++]);
	assert_int_equal(i, 6);
	assert_str(json_text(d, json_pointer(d, 0, STR("/o/k/1/1"))), "3");
	assert_str(json_text(d, json_pointer(d, 0, STR("/o/kk"))), "7");
	assert_str(json_raw(d, json_pointer(d, o, STR("/k/2/x"))), "null");
	assert_int_equal(json_i64(d, json_pointer(d, 0, STR("/o/k/0")), 0, 9, &v), ERR_OK);
	assert_int_equal(v, 1);
	assert_int_equal(json_i64(d, n, -100, 100, &v), ERR_SYNTAX);
	assert_int_equal(json_i64(d, id, -100, 100, &v), ERR_SYNTAX);
	assert_int_equal(json_i64(d, json_get(d, o, STR("kk")), 0, 6, &v), ERR_RANGE);
	assert_int_equal(parse(d, STR("[-0,1e2,9223372036854775807,9223372036854775808]"), NULL), ERR_OK);
	assert_int_equal(json_i64(d, 1, -1, 1, &v), ERR_OK);
	assert_int_equal(v, 0);
	assert_int_equal(json_i64(d, 2, -1, 1000, &v), ERR_SYNTAX);
	assert_int_equal(json_i64(d, 3, INT64_MIN, INT64_MAX, &v), ERR_OK);
	assert_true(v == INT64_MAX);
	assert_int_equal(json_i64(d, 4, INT64_MIN, INT64_MAX, &v), ERR_RANGE);
	assert_int_equal(json_i64(d, JSON_ABSENT, 0, 1, &v), ERR_SYNTAX);
}

/* The examples of RFC 6901 section 5, and what leads nowhere. */
static void pointers(void **state)
{
	struct json_doc *d = *state;
	struct str text = STR("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}");
	static const struct { const char *pointer, *raw; } good[] = {
		{ "/foo", "[\"bar\",\"baz\"]" }, { "/foo/0", "\"bar\"" }, { "/", "0" }, { "/a~1b", "1" }, { "/c%d", "2" }, { "/e^f", "3" },
		{ "/g|h", "4" }, { "/i\\j", "5" }, { "/k\"l", "6" }, { "/ ", "7" }, { "/m~0n", "8" }, { "/foo/1", "\"baz\"" },
	};
	static const char *const nowhere[] = {
		"foo", "/foo/2", "/foo/-", "/foo/01", "/foo/+1", "/foo/", "/foo/0/x", "/a/b", "/m~n", "/m~", "/m~2n", "//", "/foo/99999999999999999999",
		"/foo/-1", "/a~1", "/a~1b/", "/nope",
	};

	assert_int_equal(parse(d, text, NULL), ERR_OK);
	assert_int_equal(json_pointer(d, 0, STR("")), 0);
	assert_int_equal(json_pointer(d, 0, (struct str){ NULL, 0 }), 0);
	assert_int_equal(json_pointer(d, JSON_ABSENT, STR("")), JSON_ABSENT);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_str(json_raw(d, json_pointer(d, 0, str_of(good[i].pointer))), good[i].raw);
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		if (json_pointer(d, 0, str_of(nowhere[i])) != JSON_ABSENT)
			fail_msg("%s", nowhere[i]);
	}
}

/* An object of n keys; the key at `again` is written once more in the end when it is below n. */
static void put_object(struct buf *b, size_t n, size_t again, const char *prefix)
{
	buf_reset(b);
	buf_putc(b, '{');
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s\"%s%zu\":{\"a\":[%zu]}", i != 0 ? "," : "", prefix, i, i);
	if (again < n)
		buf_printf(b, ",\"%s%zu\":1", prefix, again);
	buf_putc(b, '}');
}

static void duplicates_of_every_size(void **state)
{
	struct json_doc *d = *state;
	struct buf b;

	buf_init(&b, 1 << 20);
	for (size_t n = 1; n < 140; n++) {
		for (size_t again = 0; again <= n; again++) {
			put_object(&b, n, again, again % 2 != 0 ? "k" : "\\u006b");
			assert_int_equal(parse(d, buf_str(&b), NULL), again < n ? ERR_SYNTAX : ERR_OK);
		}
	}
	buf_finish(&b);
}

static void many_keys_are_not_slow(void **state)
{
	struct json_doc *d = *state;
	struct buf b;
	struct mono from;

	buf_init(&b, 16 << 20);
	put_object(&b, 100000, 100000, "key");
	from = mono_now();
	assert_int_equal(parse(d, buf_str(&b), NULL), ERR_OK);
	/* Some 30 ms, and ten times that for sanitizers, a hundred for an emulator; comparing all pairs would take minutes. */
	assert_true(mono_now().ms - from.ms < 10000);
	assert_int_equal(json_count(d, 0), 100000);
	put_object(&b, 100000, 99999, "key");
	assert_int_equal(parse(d, buf_str(&b), NULL), ERR_SYNTAX);
	buf_finish(&b);
}

static void warm_parses_allocate_nothing(void **state)
{
	struct json_doc *d = *state;
	struct str text = STR("{\"a\\n\":[1,2,3,\"x\\ty\"],\"b\":{\"c\":\"\\u20ac\"}}");
	struct json_doc before;

	assert_int_equal(parse(d, text, NULL), ERR_OK);
	before = *d;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(parse(d, text, NULL), ERR_OK);
	assert_ptr_equal(before.v, d->v);
	assert_ptr_equal(before.decoded, d->decoded);
	assert_ptr_equal(before.seen, d->seen);
	assert_int_equal(before.cap, d->cap);
	assert_int_equal(before.cap_decoded, d->cap_decoded);
}

/* Strings that are nothing but escapes need the most room of the doc's own. */
static void room_for_escapes(void **state)
{
	struct json_doc *d = *state;
	struct json_doc *fresh = json_create();

	assert_int_equal(parse(fresh, STR("\"\\n\""), NULL), ERR_OK);
	assert_str(json_text(fresh, 0), "\n");
	assert_int_equal(parse(fresh, STR("[\"\\n\",\"\\n\",\"\\n\",\"\\n\",\"\\n\",\"\\n\",\"\\n\",\"\\n\",\"\\n\"]"), NULL), ERR_OK);
	for (json_node n = json_first(fresh, 0); n != JSON_ABSENT; n = json_next(fresh, n))
		assert_str(json_text(fresh, n), "\n");
	json_destroy(fresh);
	json_destroy(NULL);
	assert_int_equal(parse(d, STR("[\"a\\u0041\xc3\xa9\\\\\"]"), NULL), ERR_OK);
	assert_str(json_text(d, 1), "aA\xc3\xa9\\");
}

static void writing(void **state)
{
	(void)state;
	struct buf b;
	struct json_out o;

	buf_init(&b, 1000);
	o = json_out(&b);
	json_begin_object(&o);
	json_put_key(&o, "a");
	json_begin_array(&o);
	json_put_i64(&o, INT64_MIN);
	json_put_bool(&o, true);
	json_put_bool(&o, false);
	json_put_null(&o);
	json_put_z(&o, NULL);
	json_put_z(&o, "z");
	json_begin_object(&o);
	json_end_object(&o);
	json_begin_array(&o);
	json_end_array(&o);
	json_put_raw(&o, STR("1.5"));
	json_end_array(&o);
	json_put_key(&o, "q\"k");
	json_put_str(&o, STR("\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\xf0\x9f\x98\x80"));
	json_put_key(&o, "bad");
	json_put_str(&o, STR("a\xff\xe2\x82z\xed\xa0\x80"));
	json_put_key(&o, "none");
	json_put_str(&o, (struct str){ NULL, 0 });
	json_end_object(&o);
	assert_true(buf_ok(&b));
	assert_str(buf_str(&b), "{\"a\":[-9223372036854775808,true,false,null,null,\"z\",{},[],1.5],\"q\\\"k\":\"\\\"\\\\/\\b\\f\\n\\r\\t"
		   "\\u0001\\u001f\x7f\xc3\xa9\xf0\x9f\x98\x80\",\"bad\":\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd"
		   "\xef\xbf\xbd\",\"none\":\"\"}");
	assert_int_equal(o.depth, 0);
	buf_finish(&b);
}

/* Whatever bytes are written as a string come back, bad UTF-8 alone excepted. */
static void written_strings_are_read(void **state)
{
	struct json_doc *d = *state;
	struct prop r = prop_begin("json strings");
	struct buf b;

	buf_init(&b, 10000);
	for (size_t i = 0; i < prop_rounds(20000); i++) {
		char bytes[60];
		size_t n = prop_below(&r, sizeof(bytes));
		struct json_out o = json_out(&b);

		for (size_t k = 0; k < n; k++)
			bytes[k] = (char)(prop_chance(&r, 5) ? prop_u64(&r) : prop_chance(&r, 10) ? 1 + prop_below(&r, 40) : 'a' + prop_below(&r, 26));
		buf_reset(&b);
		json_put_str(&o, (struct str){ bytes, n });
		bool nul = memchr(bytes, 0, n) != NULL;

		assert_int_equal(parse(d, buf_str(&b), NULL), nul ? ERR_SYNTAX : ERR_OK);
		if (!nul && str_is_utf8((struct str){ bytes, n }))
			assert_true(str_eq(json_text(d, 0), (struct str){ bytes, n }));
	}
	buf_finish(&b);
}

static int make_doc(void **state)
{
	*state = json_create();
	return 0;
}

static int free_doc(void **state)
{
	json_destroy(*state);
	return 0;
}

static void escapes_of_any_text(void **state)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "plain", "plain" }, { "Mu\\u00f1oz \\u003C\\/a\\\"", "Mu\xc3\xb1oz </a\"" }, { "\\ud83d\\ude00", "\xf0\x9f\x98\x80" },
		{ "\\", "\\" }, { "\\u12", "\\u12" }, { "\\ud83d x", "\\ud83d x" }, { "\\u0000", "\\u0000" }, { "\\q\\n", "\\q\n" },
		{ "\xff\\t", "\xff\t" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf b;

		buf_init(&b, 64);
		json_unescape(str_of(cases[i].text), &b);
		assert_string_equal(buf_cstr(&b), cases[i].want);
		buf_finish(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suite_cases),
		cmocka_unit_test(places),
		cmocka_unit_test(limits),
		cmocka_unit_test(lookups),
		cmocka_unit_test(pointers),
		cmocka_unit_test(duplicates_of_every_size),
		cmocka_unit_test(many_keys_are_not_slow),
		cmocka_unit_test(warm_parses_allocate_nothing),
		cmocka_unit_test(room_for_escapes),
		cmocka_unit_test(escapes_of_any_text),
		cmocka_unit_test(writing),
		cmocka_unit_test(written_strings_are_read),
	};

	return cmocka_run_group_tests(tests, make_doc, free_doc);
}
