#include "../cmocka_plazo.h"

#include <unistd.h>

#include "web/auth.h"

static const struct operator operators[] = {
	{ "board", { { "reader", 6 }, true }, MAY_READ },
	{ "noc", { { "actor-token", 11 }, true }, MAY_READ | MAY_ACT },
	{ "empty", { { "", 0 }, true }, MAY_READ | MAY_ACT },
};

static const char *who(const char *header)
{
	struct config cfg = { .server = { .operators = operators, .n_operators = 3 } };
	const struct operator *op = auth_bearer(&cfg, str_of(header));

	return op != NULL ? op->name : "nobody";
}

static void tokens(void **state)
{
	(void)state;
	assert_string_equal(who("Bearer reader"), "board");
	assert_string_equal(who("bearer actor-token"), "noc");
	assert_string_equal(who("BEARER   actor-token  "), "noc");
}

static void everything_else_is_nobody(void **state)
{
	static const char *const headers[] = {
		"", "Bearer", "Bearer ", "Bearer  ", "reader", "Basic reader", "Bearer Reader", "Bearer reade", "Bearer reader1",
		"Bearer reader actor-token", "Bearerreader",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_string_equal(who(headers[i]), "nobody");
}

static void users(void **state)
{
	uid_t stranger = 64999;

	(void)state;
	assert_true(auth_user(0, 12345, 54321));
	assert_true(auth_user(geteuid(), 12345, 54321));
	assert_true(auth_user(stranger, 54321, 54321));
	assert_false(auth_user(stranger, 12345, 54321));
}

static void names(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 256);
	auth_user_name(0, &b);
	buf_putc(&b, ' ');
	auth_user_name(64999, &b);
	assert_string_equal(buf_cstr(&b), "root uid 64999");
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens), cmocka_unit_test(everything_else_is_nobody), cmocka_unit_test(users), cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
