/* Texts that are mostly like the one before: each comes back as it was, and little is kept of what stays the same. */
#include "../cmocka_plazo.h"
#include "../prop.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/versions.h"
#include "base/xalloc.h"

#define N_TEXTS 200

static void assert_is(const struct versions *v, size_t i, struct str want)
{
	struct buf b;

	buf_init(&b, BUF_NO_MAX);
	versions_get(v, i, &b);
	assert_true(str_eq(buf_str(&b), want));
	buf_finish(&b);
}

static void come_back(const char *const *texts, size_t n)
{
	struct versions *v = versions_create();

	for (size_t i = 0; i < n; i++)
		versions_add(v, str_of(texts[i]));
	assert_int_equal(versions_count(v), n);
	for (size_t i = 0; i < n; i++)
		assert_is(v, i, str_of(texts[i]));
	versions_destroy(v);
}

static void test_by_hand(void **state)
{
	static const char *const texts[] = {
		"", "", "a\n", "a\nb\nc\n", "a\nc\n", "c\na\n", "c\na", "a\na\na\n", "a\na\na\na\n", "x\na\na\ny\na\na\n", "x", "", "x\n", "\n", "\n\n\n", "x\n\nx\n",
	};

	(void)state;
	come_back(texts, sizeof(texts) / sizeof(texts[0]));
	versions_destroy(NULL);
}

/* Lines of few kinds, so that most are there more than once. */
static void change(struct prop *r, struct buf *b)
{
	size_t from = b->len > 0 ? prop_below(r, b->len) : 0, n = prop_below(r, 1 + (b->len - from < 40 ? b->len - from : 40));
	struct buf next;

	buf_init(&next, BUF_NO_MAX);
	buf_append(&next, b->p, from);
	for (size_t k = prop_below(r, 6); k > 0; k--)
		buf_printf(&next, "%.*s%u%s", (int)prop_below(r, 8), "line of ", (unsigned)prop_below(r, 5), prop_chance(r, 80) ? "\n" : "");
	if (prop_chance(r, 20))
		buf_append(&next, b->p, b->len / 2);
	buf_append(&next, b->p + from + n, b->len - from - n);
	if (prop_chance(r, 10))
		buf_reset(&next);
	buf_reset(b);
	buf_append(b, next.p, next.len < 4000 ? next.len : 4000);
	buf_finish(&next);
}

static void test_random(void **state)
{
	struct prop r = prop_begin("versions");

	(void)state;
	for (size_t round = 0; round < prop_rounds(30); round++) {
		struct versions *v = versions_create();
		char *texts[N_TEXTS];
		size_t len[N_TEXTS];
		struct buf b;

		buf_init(&b, BUF_NO_MAX);
		for (size_t i = 0; i < N_TEXTS; i++) {
			change(&r, &b);
			len[i] = b.len;
			texts[i] = xstrndup(b.p != NULL ? b.p : "", b.len);
			versions_add(v, buf_str(&b));
		}
		for (size_t i = 0; i < N_TEXTS; i++) {
			assert_is(v, i, (struct str){ texts[i], len[i] });
			free(texts[i]);
		}
		buf_finish(&b);
		versions_destroy(v);
	}
}

/* A large file in which a line here and one there changes again and again, some come and some go. */
static void test_little_is_kept(void **state)
{
	struct versions *v = versions_create();
	struct buf b;

	(void)state;
	buf_init(&b, BUF_NO_MAX);
	for (unsigned i = 0; i < 1000; i++) {
		buf_reset(&b);
		for (unsigned k = 0; k < 1000; k++) {
			bool changed = k == 10 || k == 990 || k == i;

			if (k != i % 7 + 100)
				buf_printf(&b, "  contract-%u:\n    targets: {resolution: %uh}\n", k, changed ? i : 0);
		}
		versions_add(v, buf_str(&b));
	}
	assert_is(v, 999, buf_str(&b));
	/* 16 of them whole, and for each other one some hundred bytes. */
	assert_in_range(versions_bytes(v), 1, 2 * (17 * b.len + 1000 * 300));
	buf_finish(&b);
	versions_destroy(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_by_hand), cmocka_unit_test(test_random), cmocka_unit_test(test_little_is_kept) };

	return cmocka_run_group_tests_name("versions", tests, NULL, NULL);
}
