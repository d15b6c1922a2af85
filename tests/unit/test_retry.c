#include "../cmocka_plazo.h"

#include "notify/retry.h"
#include "notify/sign.h"

static void answers_are_sorted(void **state)
{
	(void)state;
	static const struct { int status; enum outcome o; } http[] = {
		{ 200, OUTCOME_SENT }, { 202, OUTCOME_SENT }, { 204, OUTCOME_SENT }, { 299, OUTCOME_SENT }, { 0, OUTCOME_BUSY }, { 100, OUTCOME_BUSY },
		{ 301, OUTCOME_MOVED }, { 302, OUTCOME_MOVED }, { 304, OUTCOME_MOVED }, { 308, OUTCOME_MOVED }, { 400, OUTCOME_REFUSED },
		{ 401, OUTCOME_DENIED }, { 403, OUTCOME_DENIED }, { 404, OUTCOME_DENIED }, { 408, OUTCOME_BUSY }, { 409, OUTCOME_REFUSED },
		{ 410, OUTCOME_GONE }, { 413, OUTCOME_REFUSED }, { 422, OUTCOME_REFUSED }, { 425, OUTCOME_BUSY }, { 429, OUTCOME_BUSY },
		{ 500, OUTCOME_BUSY }, { 502, OUTCOME_BUSY }, { 503, OUTCOME_BUSY }, { 504, OUTCOME_BUSY }, { 599, OUTCOME_BUSY },
	};
	static const struct { int status; enum outcome o; } smtp[] = {
		{ 250, OUTCOME_SENT }, { 0, OUTCOME_BUSY }, { 421, OUTCOME_GREY }, { 451, OUTCOME_GREY }, { 550, OUTCOME_FINAL }, { 552, OUTCOME_FINAL },
		{ 554, OUTCOME_FINAL }, { 530, OUTCOME_DENIED }, { 535, OUTCOME_DENIED }, { 354, OUTCOME_BUSY },
	};

	for (size_t i = 0; i < sizeof(http) / sizeof(http[0]); i++)
		assert_int_equal(retry_http(http[i].status), http[i].o);
	for (size_t i = 0; i < sizeof(smtp) / sizeof(smtp[0]); i++)
		assert_int_equal(retry_smtp(smtp[i].status), smtp[i].o);
}

static void the_schedule_is_as_promised(void **state)
{
	(void)state;
	static const int64_t busy_s[] = { 2, 5, 15, 30, 60, 60, 60 };
	uint64_t seed = 1;
	int64_t least = INT64_MAX, most = 0;

	for (unsigned i = 0; i < 7; i++)
		for (int k = 0; k < 500; k++) {
			int64_t ms = retry_delay_ms(OUTCOME_BUSY, i + 1, -1, retry_random(&seed));

			assert_in_range(ms, busy_s[i] * 800, busy_s[i] * 1200);
		}
	for (int k = 0; k < 2000; k++) {
		int64_t ms = retry_delay_ms(OUTCOME_BUSY, 1000000, -1, retry_random(&seed));

		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	/* The jitter is used whole, not a corner of it. */
	assert_true(least < 49000 && most > 71000);
}

static void some_answers_end_it(void **state)
{
	(void)state;
	assert_int_equal(retry_delay_ms(OUTCOME_GONE, 1, -1, 0), RETRY_GIVE_UP);
	assert_int_equal(retry_delay_ms(OUTCOME_FINAL, 1, -1, 0), RETRY_GIVE_UP);
	assert_true(retry_delay_ms(OUTCOME_REFUSED, 2, -1, 0) > 0);
	assert_int_equal(retry_delay_ms(OUTCOME_REFUSED, 3, -1, 0), RETRY_GIVE_UP);
	assert_true(retry_delay_ms(OUTCOME_MOVED, 3, -1, 0) >= 240000);
	assert_int_equal(retry_delay_ms(OUTCOME_MOVED, 4, -1, 0), RETRY_GIVE_UP);
	assert_true(retry_delay_ms(OUTCOME_DENIED, 100, -1, 0) >= 240000);
	assert_true(retry_delay_ms(OUTCOME_GREY, 2, -1, 0) >= 48000);
}

static void retry_after_is_obeyed_and_never_shortens(void **state)
{
	(void)state;
	assert_int_equal(retry_delay_ms(OUTCOME_BUSY, 1, 90000, 0), 90000);
	assert_true(retry_delay_ms(OUTCOME_BUSY, 6, 1000, 0) >= 48000);
	assert_true(retry_wants_fallback(OUTCOME_BUSY, 60001));
	assert_false(retry_wants_fallback(OUTCOME_BUSY, 60000));
	assert_false(retry_wants_fallback(OUTCOME_BUSY, -1));
	assert_true(retry_wants_fallback(OUTCOME_DENIED, -1));
}

static void retry_after_is_read(void **state)
{
	(void)state;
	struct wall now = { INT64_C(784111777000) };     /* Sun, 06 Nov 1994 08:49:37 GMT */
	static const struct { const char *text; int64_t ms; } cases[] = {
		{ "120", 120000 }, { " 7\t", 7000 }, { "0", 1000 }, { "3600", 3600000 }, { "3601", 3600000 }, { "999999999999999999999", 3600000 },
		{ "Sun, 06 Nov 1994 08:51:37 GMT", 120000 }, { "Sun, 06 Nov 1994 08:49:37 GMT", 1000 }, { "Sat, 05 Nov 1994 08:49:37 GMT", 1000 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 3600000 }, { "Sun, 06 Nov 1994 09:49:38 GMT", 3600000 },
		{ "", -1 }, { "-1", -1 }, { "1e9", -1 }, { "soon", -1 }, { "1.5", -1 }, { "12 34", -1 }, { "0x10", -1 },
		{ "Sun, 31 Feb 1994 08:49:37 GMT", -1 }, { "Sun, 06 Nov 1994 25:49:37 GMT", -1 }, { "Sun, 06 Nov 1994 08:49:37 CET", -1 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", -1 }, { "Sun, 00 Nov 1994 08:49:37 GMT", -1 }, { "Sun, 06 Foo 1994 08:49:37 GMT", -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (retry_after_ms(str_of(cases[i].text), now) != cases[i].ms)
			fail_msg("\"%s\" gives %lld", cases[i].text, (long long)retry_after_ms(str_of(cases[i].text), now));
}

/* The vector that the reference libraries of Standard Webhooks are tested with. */
static void signatures_are_those_of_the_reference(void **state)
{
	(void)state;
	struct sign_key key;
	char sig[SIGN_TEXT_LEN];

	assert_true(sign_key_of(STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &key));
	assert_int_equal(key.len, 24);
	sign_webhook(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, STR("{\"test\": 2432232314}"), sig);
	assert_string_equal(sig, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	/* The second one begins where the first did. */
	memset(sig, 0, sizeof(sig));
	sign_webhook(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, STR("{\"test\": 2432232314}"), sig);
	assert_string_equal(sig, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	sign_key_finish(&key);
	assert_int_equal(key.len, 0);
}

static void keys_are_decoded_or_taken_as_they_are(void **state)
{
	(void)state;
	struct sign_key key;
	char lengthy[SIGN_MAX_KEY + 2];

	assert_true(sign_key_of(STR("hush"), &key));
	assert_memory_equal(key.bytes, "hush", 4);
	assert_true(sign_key_of(STR("whsec_aHVzaA=="), &key));
	assert_int_equal(key.len, 4);
	assert_memory_equal(key.bytes, "hush", 4);
	assert_false(sign_key_of(STR("whsec_"), &key));
	assert_false(sign_key_of(STR("whsec_a b"), &key));
	assert_false(sign_key_of(STR("whsec_abcde"), &key));
	memset(lengthy, 'x', sizeof(lengthy));
	assert_false(sign_key_of((struct str){ lengthy, SIGN_MAX_KEY + 1 }, &key));
	assert_true(sign_key_of((struct str){ NULL, 0 }, &key));
	assert_int_equal(key.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_sorted),
		cmocka_unit_test(the_schedule_is_as_promised),
		cmocka_unit_test(some_answers_end_it),
		cmocka_unit_test(retry_after_is_obeyed_and_never_shortens),
		cmocka_unit_test(retry_after_is_read),
		cmocka_unit_test(signatures_are_those_of_the_reference),
		cmocka_unit_test(keys_are_decoded_or_taken_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
