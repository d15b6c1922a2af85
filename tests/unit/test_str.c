#include "../cmocka_plazo.h"
#include "../prop.h"

static void comparing(void **state)
{
	(void)state;
	struct str none = { NULL, 0 };

	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("ab"), STR("a")) > 0);
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_int_equal(str_cmp(STR("ab"), STR("ab")), 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
	assert_int_equal(str_cmp(none, STR("")), 0);
	assert_true(str_cmp(none, STR("a")) < 0);
	assert_true(str_eq(none, STR("")));
	assert_true(str_starts(STR("abc"), STR("ab")));
	assert_true(str_starts(STR("abc"), none));
	assert_false(str_starts(STR("a"), STR("ab")));
	assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
	assert_false(str_eq_nocase(STR("@"), STR("`")));
	assert_false(str_eq_nocase(STR("\xc3\x80"), STR("\xc3\xa0")));
	assert_false(str_eq_nocase(STR("a"), STR("aa")));
}

static void dot_segments(void **state)
{
	static const char *const with[] = { ".", "..", "./a", "a/.", "a/..", "../a", "a/../b", "a/./b", "/..", "../" };
	static const char *const without[] = { "", "a", "...", "a.b", ".a", "a.", "..a", "a..", "a/...", "a/.b/c", "a/b..", "/", "v1.2/x" };

	(void)state;
	for (size_t i = 0; i < sizeof with / sizeof with[0]; i++)
		assert_true(str_has_dot_segment(str_of(with[i])));
	for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
		assert_false(str_has_dot_segment(str_of(without[i])));
	assert_false(str_has_dot_segment((struct str){ NULL, 0 }));
}

static void cutting(void **state)
{
	(void)state;
	struct str rest = STR("a,,b"), head;

	assert_true(str_cut(&rest, ',', &head));
	assert_str(head, "a");
	assert_true(str_cut(&rest, ',', &head));
	assert_str(head, "");
	assert_false(str_cut(&rest, ',', &head));
	assert_str(head, "b");
	assert_str(rest, "");
	assert_false(str_cut(&rest, ',', &head));
	assert_str(head, "");
	rest = STR(",");
	assert_true(str_cut(&rest, ',', &head));
	assert_str(head, "");
	assert_str(rest, "");
	assert_str(str_trim(STR(" \t a b\t ")), "a b");
	assert_str(str_trim(STR(" \t ")), "");
	assert_str(str_trim(STR("a\n")), "a\n");
}

static void integers(void **state)
{
	(void)state;
	static const struct { const char *text; enum err e; int64_t v; } cases[] = {
		{ "0", ERR_OK, 0 }, { "7", ERR_OK, 7 }, { "-1", ERR_OK, -1 }, { "9223372036854775807", ERR_OK, INT64_MAX },
		{ "-9223372036854775808", ERR_OK, INT64_MIN }, { "9223372036854775808", ERR_RANGE, 0 },
		{ "-9223372036854775809", ERR_RANGE, 0 }, { "99999999999999999999999999", ERR_RANGE, 0 },
		{ "18446744073709551617", ERR_RANGE, 0 },
		{ "", ERR_SYNTAX, 0 }, { "-", ERR_SYNTAX, 0 }, { "-0", ERR_SYNTAX, 0 }, { "00", ERR_SYNTAX, 0 }, { "01", ERR_SYNTAX, 0 },
		{ "+1", ERR_SYNTAX, 0 }, { " 1", ERR_SYNTAX, 0 }, { "1 ", ERR_SYNTAX, 0 }, { "1.0", ERR_SYNTAX, 0 },
		{ "1e3", ERR_SYNTAX, 0 }, { "0x1", ERR_SYNTAX, 0 }, { "99999999999999999999999999x", ERR_SYNTAX, 0 }, { "--1", ERR_SYNTAX, 0 },
	};
	int64_t v = 5;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v = 5;
		if (str_to_i64(str_of(cases[i].text), INT64_MIN, INT64_MAX, &v) != cases[i].e)
			fail_msg("%s", cases[i].text);
		assert_true(v == (cases[i].e == ERR_OK ? cases[i].v : 5));
	}
	assert_int_equal(str_to_i64(STR("11"), 0, 10, &v), ERR_RANGE);
	assert_int_equal(str_to_i64(STR("-1"), 0, 10, &v), ERR_RANGE);
	assert_int_equal(str_to_i64(STR("10"), 0, 10, &v), ERR_OK);
}

/* A naive decoder: reads a code point of any length and then says whether it was the shortest form of a legal one. */
static bool naive_is_utf8(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		uint8_t b = p[i];
		size_t len = b < 0x80 ? 1 : (b & 0xe0) == 0xc0 ? 2 : (b & 0xf0) == 0xe0 ? 3 : (b & 0xf8) == 0xf0 ? 4 : 0;
		static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
		uint32_t c = len == 1 ? b : len == 2 ? b & 0x1f : len == 3 ? b & 0xf : b & 7;

		if (len == 0 || i + len > n)
			return false;
		for (size_t k = 1; k < len; k++) {
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (p[i + k] & 0x3f);
		}
		if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
		i += len;
	}
	return true;
}

static void utf8(void **state)
{
	(void)state;
	struct prop r = prop_begin("utf8");
	static const uint8_t interesting[] = { 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xee, 0xef,
					       0xf0, 0xf1, 0xf4, 0xf5, 0xff, 'a', 0x7f };
	uint8_t b[24];
	size_t n_good = 0;

	/* Every sequence of up to three bytes behind its lead, as far as it matters: all two-byte ones, random longer ones. */
	for (unsigned i = 0; i < 65536; i++) {
		b[0] = (uint8_t)(i >> 8);
		b[1] = (uint8_t)i;
		assert_int_equal(str_is_utf8((struct str){ (char *)b, 2 }), naive_is_utf8(b, 2));
	}
	for (size_t i = 0; i < prop_rounds(300000); i++) {
		size_t n = prop_below(&r, sizeof(b) + 1), odd = prop_below(&r, 5);

		memset(b, 'x', sizeof(b));
		for (size_t k = 0; n != 0 && k < odd; k++)
			b[prop_below(&r, n)] = interesting[prop_below(&r, sizeof(interesting))];
		if (n >= 4 && prop_chance(&r, 30)) {
			size_t at = prop_below(&r, n - 3);

			b[at] = (uint8_t)(0xe0 + prop_below(&r, 24));
			for (size_t k = 1; k < 4; k++)
				b[at + k] = (uint8_t)(0x80 + prop_below(&r, 64));
			if ((b[at] & 0xf0) == 0xe0)
				b[at + 3] = 'y';
		}

		bool want = naive_is_utf8(b, n);

		assert_int_equal(str_is_utf8((struct str){ (char *)b, n }), want);
		n_good += want && odd != 0;
	}
	assert_true(n_good > 1000);
	assert_int_equal(str_utf8_len(STR("")), 0);
	assert_int_equal(str_utf8_len(STR("a")), 1);
	assert_int_equal(str_utf8_len(STR("\xc3\xa9z")), 2);
	assert_int_equal(str_utf8_len(STR("\xe2\x82\xac")), 3);
	assert_int_equal(str_utf8_len(STR("\xf0\x9f\x98\x80")), 4);
	assert_int_equal(str_utf8_len(STR("\xf0\x9f\x98")), 0);
	assert_true(str_has_controls(STR("a\x7f")));
	assert_true(str_has_controls(STR("a\0b")));
	assert_false(str_has_controls(STR("a b\xc3\xa9")));
	/* Each byte at each place of texts shorter and longer than what is looked at in one step. */
	for (unsigned c = 0; c < 256; c++) {
		for (size_t len = 1; len <= 18; len++) {
			for (size_t at = 0; at < len; at++) {
				char text[] = "abcdefgh \xff~klmnopq";
				struct str s = { text, len };

				text[at] = (char)c;
				assert_int_equal(str_has_controls(s), c < 0x20 || c == 0x7f);
				assert_int_equal(str_has_controls_but_tabs(s), (c < 0x20 && c != '\t') || c == 0x7f);
			}
		}
	}
}

static void nearest(void **state)
{
	(void)state;
	static const char *const names[] = { "resolution", "response", "update", "at", "to" };

	assert_string_equal(str_nearest(STR("resolutoin"), names, 5), "resolution");
	assert_string_equal(str_nearest(STR("responce"), names, 5), "response");
	assert_string_equal(str_nearest(STR("udpate"), names, 5), "update");
	assert_string_equal(str_nearest(STR("upd"), (const char *const[]){ "updat" }, 1), "updat");
	assert_null(str_nearest(STR("xt"), names, 5));
	assert_null(str_nearest(STR("calendar"), names, 5));
	assert_null(str_nearest(STR(""), names, 5));
	assert_null(str_nearest(STR("resolution"), names, 0));

	char longest[200];

	memset(longest, 'a', sizeof(longest));
	assert_null(str_nearest((struct str){ longest, sizeof(longest) }, names, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparing),
		cmocka_unit_test(cutting),
		cmocka_unit_test(dot_segments),
		cmocka_unit_test(integers),
		cmocka_unit_test(utf8),
		cmocka_unit_test(nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
