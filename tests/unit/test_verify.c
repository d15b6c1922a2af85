#include "../cmocka_plazo.h"

#include <ctype.h>
#include <stdio.h>

#include "ingest/verify.h"

#define SENT_S  1614265330
#define NOW     ((struct wall){ SENT_S * INT64_C(1000) })
#define BODY    "{\"test\": 2432232314}"
#define ZENDESK_SIG "7mNTuL67UB5aDBRmyeYM2rb+qJETY1pGKRV/ze8ykTo="
#define GLPI_SIG "a32dfbc460164dc5572bea276a92b2d720185f978b8b625ccf25e1d85f56f626"
#define GOOD    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define SECRET  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static struct verifier *make(enum verify_kind kind, const char *first, const char *second)
{
	struct verify_config cfg = { .kind = kind, .header = "X-Token" };
	struct verifier *v = NULL;
	struct diag d = { 0 };

	if (first != NULL)
		cfg.secrets[cfg.n_secrets++] = str_of(first);
	if (second != NULL)
		cfg.secrets[cfg.n_secrets++] = str_of(second);
	if (verifier_create(&cfg, &v, &d) != ERR_OK)
		fail_msg("%s", d.msg);
	return v;
}

struct sent { const char *id, *time, *signature, *body; };

static enum verify_result judge_webhook(const struct verifier *v, struct sent s, struct wall now)
{
	struct http_header h[4];
	struct http_headers all = { h, 0 };

	if (s.id != NULL)
		h[all.n++] = (struct http_header){ STR("Webhook-Id"), str_of(s.id) };
	if (s.time != NULL)
		h[all.n++] = (struct http_header){ STR("webhook-timestamp"), str_of(s.time) };
	if (s.signature != NULL)
		h[all.n++] = (struct http_header){ STR("WEBHOOK-SIGNATURE"), str_of(s.signature) };
	return verify_request(v, &all, str_of(s.body), now);
}

/* The vector of the specification's reference libraries. */
static const struct sent vector = { "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", GOOD, BODY };

static void standard_webhooks(void **state)
{
	(void)state;
	struct verifier *v = make(VERIFY_STANDARD_WEBHOOKS, SECRET, NULL);
	struct sent s = vector;

	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_OK);
	assert_int_equal(judge_webhook(v, s, wall_plus(NOW, 300999)), VERIFY_OK);
	assert_int_equal(judge_webhook(v, s, wall_plus(NOW, 301000)), VERIFY_STALE);
	assert_int_equal(judge_webhook(v, s, wall_plus(NOW, -300000)), VERIFY_OK);
	assert_int_equal(judge_webhook(v, s, wall_plus(NOW, -301000)), VERIFY_STALE);
	s.signature = "v1,AAAA v1a,xxxx v2," " " GOOD;
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_OK);
	s.signature = GOOD " v1,AAAA";
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_OK);
	static const char *const bad[] = {
		"v1,", "v1", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=",
		"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=x", "V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		"v1,g0hM9SsE+OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1Q==",
		"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OEA", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OEAAAAAAAAAAAAA",
		/* Sixteen are looked at. */
		("v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A v1,A " GOOD),
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		s.signature = bad[i];
		if (judge_webhook(v, s, NOW) != VERIFY_BAD)
			fail_msg("accepted: %s", bad[i]);
	}
	verifier_destroy(v);
}

static void standard_parts(void **state)
{
	(void)state;
	struct verifier *v = make(VERIFY_STANDARD_WEBHOOKS, SECRET, NULL);
	struct sent s;
	char body[] = BODY;

	s = vector;
	s.id = NULL;
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_MISSING);
	s = vector;
	s.time = NULL;
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_MISSING);
	s = vector;
	s.signature = NULL;
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_MISSING);
	s = vector;
	s.signature = "";
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_MISSING);
	s = vector;
	s.id = "msg_p5jXN8AQM9LWM0D4loKWxJel";
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_BAD);
	s = vector;
	s.time = "1614265331";
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_BAD);
	s.time = "1614265330.0";
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_BAD);
	s.time = "+1614265330";
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_BAD);
	/* What belongs to the time moved into the id, and the other way round: the signed bytes would be the same. */
	s = vector;
	s.id = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330";
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_BAD);
	s = (struct sent){ "msg_1", "1614265330", "v1,CMmEKLRb7FQhXi2yx5/dbO/5/zXV24MTtacGs7KKuEk=", "1614265331.{}" };
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_OK);
	s = (struct sent){ "msg_1.1614265330", "1614265331", s.signature, "{}" };
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_BAD);
	/* Every bit of the body counts. */
	s = vector;
	s.body = body;
	for (size_t i = 0; i < (sizeof body - 1) * 8; i++) {
		body[i / 8] = (char)(body[i / 8] ^ 1 << i % 8);
		if (body[i / 8] != '\0')
			assert_int_equal(judge_webhook(v, s, NOW), VERIFY_BAD);
		body[i / 8] = (char)(body[i / 8] ^ 1 << i % 8);
	}
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_OK);
	verifier_destroy(v);
}

/* What is longer than it may be is not looked at, though it is signed. */
static void lengths(void **state)
{
	(void)state;
	struct verifier *v = make(VERIFY_STANDARD_WEBHOOKS, "plain secret", NULL);
	char id[258] = "", time[66] = "", hex[260] = "sha256=";
	struct http_header h = { STR("X-Hub-Signature-256"), { hex, 0 } };

	memset(id, 'i', 256);
	assert_int_equal(judge_webhook(v, (struct sent){ id, "1614265330", "v1,1/LtHD48zdfqo5uUWFUvpdNJ/eiLdo0OOEyxdemr9mo=", "{}" }, NOW), VERIFY_OK);
	id[256] = 'i';
	assert_int_equal(judge_webhook(v, (struct sent){ id, "1614265330", "v1,c0YRI+1Qq4vpotoigmec1KdGPy/9BDsvGbjZLDS7qRY=", "{}" }, NOW), VERIFY_MISSING);
	memset(time, '1', 64);
	assert_int_equal(judge_webhook(v, (struct sent){ "m", time, GOOD, "{}" }, NOW), VERIFY_BAD);
	time[64] = '1';
	assert_int_equal(judge_webhook(v, (struct sent){ "m", time, GOOD, "{}" }, NOW), VERIFY_MISSING);
	verifier_destroy(v);
	v = make(VERIFY_HUB_SIGNATURE_256, "key", NULL);
	memset(hex + 7, 'a', sizeof hex - 7);
	for (h.value.len = 1; h.value.len <= sizeof hex; h.value.len++)
		assert_int_equal(verify_request(v, &(struct http_headers){ &h, 1 }, STR("{}"), NOW), h.value.len <= 256 ? VERIFY_BAD : VERIFY_MISSING);
	verifier_destroy(v);
}

/* Every byte of the signature counts: hexadecimal digits alone are digits, in either case. */
static void signature_bytes(void **state)
{
	(void)state;
	struct verifier *v = make(VERIFY_HUB_SIGNATURE_256, "It's a Secret to Everybody", NULL);
	char text[] = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
	struct http_header h = { STR("X-Hub-Signature-256"), { text, sizeof text - 1 } };
	struct http_headers all = { &h, 1 };

	assert_int_equal(verify_request(v, &all, STR("Hello, World!"), NOW), VERIFY_OK);
	for (size_t i = 7; i < sizeof text - 1; i++) {
		char keep = text[i];

		for (int c = 0; c < 256; c++) {
			text[i] = (char)c;
			assert_int_equal(verify_request(v, &all, STR("Hello, World!"), NOW), tolower(c) == keep ? VERIFY_OK : VERIFY_BAD);
		}
		text[i] = keep;
	}
	for (size_t len = 0; len < sizeof text - 1; len++) {
		h.value.len = len;
		assert_int_equal(verify_request(v, &all, STR("Hello, World!"), NOW), len == 0 ? VERIFY_MISSING : VERIFY_BAD);
	}
	verifier_destroy(v);
}

static void two_secrets(void **state)
{
	(void)state;
	struct verifier *v = make(VERIFY_STANDARD_WEBHOOKS, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", SECRET);
	struct sent s = vector;

	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_OK);
	s.body = "{}";
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_BAD);
	verifier_destroy(v);
	v = make(VERIFY_STANDARD_WEBHOOKS, "plain secret", NULL);
	s = (struct sent){ "msg_1", "1614265330", "v1,C5ubqbTBZ8i/l1lkQbwICQ7g7acl3F/5ea9vZjveiyY=", "{}" };
	assert_int_equal(judge_webhook(v, s, NOW), VERIFY_OK);
	verifier_destroy(v);
}

/* One header each, and what it must give. */
static const struct one {
	enum verify_kind   kind;
	const char        *secret;
	struct http_header h[3];
	size_t             n;
	const char        *body;
	enum verify_result result;
} ones[] = {
#define H(name, value) { { (name), sizeof(name) - 1 }, { (value), sizeof(value) - 1 } }
	{ VERIFY_HUB_SIGNATURE_256, "It's a Secret to Everybody",
	  { H("X-Hub-Signature", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17") }, 1, "Hello, World!", VERIFY_OK },
	{ VERIFY_HUB_SIGNATURE_256, "It's a Secret to Everybody",
	  { H("X-Hub-Signature", "sha1=01"), H("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17") },
	  2, "Hello, World!", VERIFY_OK },
	{ VERIFY_HUB_SIGNATURE_256, "It's a Secret to Everybody",
	  { H("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
	    H("x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17") }, 2, "Hello, World!",
	  VERIFY_MISSING },
	{ VERIFY_HUB_SIGNATURE_256, "It's a Secret to Everybody",
	  { H("X-Hub-Signature-256", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17") }, 1, "Hello, World!", VERIFY_BAD },
	{ VERIFY_HUB_SIGNATURE_256, "x", { H("Host", "x") }, 1, "Hello, World!", VERIFY_MISSING },
	{ VERIFY_HUB_SIGNATURE, "key", { H("X-Hub-Signature", "sha1=de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9") }, 1,
	  "The quick brown fox jumps over the lazy dog", VERIFY_OK },
	{ VERIFY_HUB_SIGNATURE, "key", { H("X-Hub-Signature", "sha1=de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d8") }, 1,
	  "The quick brown fox jumps over the lazy dog", VERIFY_BAD },
	{ VERIFY_HUB_SIGNATURE, "key", { H("X-Hub-Signature", "sha256=de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9") }, 1,
	  "The quick brown fox jumps over the lazy dog", VERIFY_BAD },
	{ VERIFY_ZENDESK, "dGhpc19zZWNyZXQ=", { H("X-Zendesk-Webhook-Signature", ZENDESK_SIG),
	  H("X-Zendesk-Webhook-Signature-Timestamp", "2021-03-25T05:09:27Z") }, 2, "{\"a\":1}", VERIFY_OK },
	{ VERIFY_ZENDESK, "dGhpc19zZWNyZXQ=", { H("X-Zendesk-Webhook-Signature", ZENDESK_SIG),
	  H("X-Zendesk-Webhook-Signature-Timestamp", "2021-03-25T05:09:28Z") }, 2, "{\"a\":1}", VERIFY_BAD },
	{ VERIFY_ZENDESK, "dGhpc19zZWNyZXQ=", { H("X-Zendesk-Webhook-Signature", ZENDESK_SIG) }, 1, "{\"a\":1}", VERIFY_MISSING },
	{ VERIFY_GLPI, "glpi-secret", { H("X-GLPI-signature", GLPI_SIG), H("X-GLPI-timestamp", "1700000000") }, 2, "{\"a\":1}", VERIFY_OK },
	{ VERIFY_GLPI, "glpi-secret", { H("X-GLPI-signature", GLPI_SIG), H("X-GLPI-timestamp", "1700000001") }, 2, "{\"a\":1}", VERIFY_BAD },
	/* Bytes moved between time and body: what is signed is the same. */
	{ VERIFY_GLPI, "glpi-secret", { H("X-GLPI-signature", GLPI_SIG), H("X-GLPI-timestamp", "700000000") }, 2, "{\"a\":1}1", VERIFY_BAD },
	{ VERIFY_GLPI, "glpi-secret", { H("X-GLPI-signature", GLPI_SIG), H("X-GLPI-timestamp", "}1700000000") }, 2, "{\"a\":1", VERIFY_BAD },
	{ VERIFY_GLPI, "glpi-secret", { H("X-GLPI-signature", GLPI_SIG), H("X-GLPI-timestamp", "1700000000"), H("x-glpi-timestamp", "1700000000") }, 3,
	  "{\"a\":1}", VERIFY_MISSING },
	{ VERIFY_ZENDESK, "dGhpc19zZWNyZXQ=", { H("X-Zendesk-Webhook-Signature", ZENDESK_SIG),
	  H("X-Zendesk-Webhook-Signature-Timestamp", "2021-03-25T05:09:27") }, 2, "Z{\"a\":1}", VERIFY_BAD },
	{ VERIFY_ZENDESK, "dGhpc19zZWNyZXQ=", { H("X-Zendesk-Webhook-Signature", ZENDESK_SIG),
	  H("X-Zendesk-Webhook-Signature-Timestamp", "2021-03-25T05:09:27Z{") }, 2, "\"a\":1}", VERIFY_BAD },
	{ VERIFY_ZENDESK, "dGhpc19zZWNyZXQ=", { H("X-Zendesk-Webhook-Signature-Timestamp", "2021-03-25T05:09:27Z") }, 1, "{\"a\":1}", VERIFY_MISSING },
	{ VERIFY_GLPI, "glpi-secret", { H("X-GLPI-timestamp", "1700000000") }, 1, "{\"a\":1}", VERIFY_MISSING },
	/* Signed as it is, but no time. */
	{ VERIFY_GLPI, "glpi-secret", { H("X-GLPI-signature", "fad91b6936d8320437b02e019065b6cb3e6af947c0de75745f61b91e2531ee65"),
	  H("X-GLPI-timestamp", "170000000x") }, 2, "{\"a\":1}", VERIFY_BAD },
	{ VERIFY_TOKEN, "s3cret", { H("x-token", "s3cret") }, 1, "", VERIFY_OK },
	{ VERIFY_TOKEN, "s3cret", { H("x-token", "s3cres") }, 1, "", VERIFY_BAD },
	{ VERIFY_TOKEN, "s3cret", { H("x-token", "s3cret0") }, 1, "", VERIFY_BAD },
	{ VERIFY_TOKEN, "s3cret", { H("x-token", "s3cret"), H("x-token", "s3cret") }, 2, "", VERIFY_MISSING },
	{ VERIFY_TOKEN, "s3cret", { H("authorization", "s3cret") }, 1, "", VERIFY_MISSING },
	{ VERIFY_BEARER, "s3cret", { H("Authorization", "Bearer s3cret") }, 1, "", VERIFY_OK },
	{ VERIFY_BEARER, "s3cret", { H("Authorization", "bearer  s3cret") }, 1, "", VERIFY_OK },
	{ VERIFY_BEARER, "s3cret", { H("Authorization", "Bearer") }, 1, "", VERIFY_BAD },
	{ VERIFY_BEARER, "s3cret", { H("Authorization", "s3cret") }, 1, "", VERIFY_BAD },
	{ VERIFY_BEARER, "s3cret", { H("Authorization", "Basic s3cret") }, 1, "", VERIFY_BAD },
	{ VERIFY_BEARER, "s3cret", { H("Authorization", "Digest s3cret") }, 1, "", VERIFY_BAD },
	{ VERIFY_BASIC, "bob:pa:ss", { H("Authorization", "Basic Ym9iOnBhOnNz") }, 1, "", VERIFY_OK },
	{ VERIFY_BASIC, "bob:pa:ss", { H("Authorization", "Basic Ym9iOnBhOnN0") }, 1, "", VERIFY_BAD },
	{ VERIFY_BASIC, "bob:pa:ss", { H("Authorization", "Basic Ym9iOnBhOnNz!") }, 1, "", VERIFY_BAD },
	{ VERIFY_BASIC, "bob:pa:ss", { H("Authorization", "Basic Ym9iOnBhOn!z") }, 1, "", VERIFY_BAD },
	{ VERIFY_BASIC, "bob:pa:ss", { H("Authorization", "Basic Ym9iOnBhOnN-") }, 1, "", VERIFY_BAD },
	{ VERIFY_BASIC, "bob:pa:ss", { H("Authorization", "Bearer Ym9iOnBhOnNz") }, 1, "", VERIFY_BAD },
	{ VERIFY_BASIC, "bob:pa:ss", { H("Host", "x") }, 1, "", VERIFY_MISSING },
	/* One text for one value: bits that padding leaves over are zero. */
	{ VERIFY_BASIC, "u:pw", { H("Authorization", "Basic dTpwdw==") }, 1, "", VERIFY_OK },
	{ VERIFY_BASIC, "u:pw", { H("Authorization", "Basic dTpwdx==") }, 1, "", VERIFY_BAD },
	{ VERIFY_BASIC, "u:pwd", { H("Authorization", "Basic dTpwd2Q=") }, 1, "", VERIFY_OK },
	{ VERIFY_BASIC, "u:pwd", { H("Authorization", "Basic dTpwd2R=") }, 1, "", VERIFY_BAD },
	{ VERIFY_BASIC, "u:pwd", { H("Authorization", "Basic dTpwd===") }, 1, "", VERIFY_BAD },
	{ VERIFY_NONE, NULL, { H("Host", "x") }, 1, "", VERIFY_OK },
};

static void kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++) {
		const struct one *o = &ones[i];
		struct verifier *v = make(o->kind, o->secret, NULL);
		struct http_headers all = { o->h, o->n };

		if (verify_request(v, &all, str_of(o->body), NOW) != o->result)
			fail_msg("case %zu (%s)", i, verify_kind_names[o->kind]);
		verifier_destroy(v);
		if (o->kind == VERIFY_NONE)
			continue;
		/* During a rotation either secret proves, in either place. */
		for (int is_second = 0; is_second < 2; is_second++) {
			v = make(o->kind, is_second ? "another:secret" : o->secret, is_second ? o->secret : "another:secret");
			if (verify_request(v, &all, str_of(o->body), NOW) != o->result)
				fail_msg("case %zu (%s) with two secrets", i, verify_kind_names[o->kind]);
			verifier_destroy(v);
		}
		/* Under another secret the same request is never good. */
		v = make(o->kind, "another:secret", NULL);
		if (verify_request(v, &all, str_of(o->body), NOW) == VERIFY_OK)
			fail_msg("case %zu (%s) under another secret", i, verify_kind_names[o->kind]);
		verifier_destroy(v);
	}
}

static const char long_secret[4097];

static void bad_configurations(void **state)
{
	(void)state;
	static const struct { struct verify_config cfg; const char *says; } bad[] = {
		{ { .kind = VERIFY_BEARER }, "needs a secret" },
		{ { .kind = VERIFY_NONE, .n_secrets = 1, .secrets = { { "x", 1 } } }, "takes no secret" },
		{ { .kind = VERIFY_BEARER, .n_secrets = 1 }, "empty" },
		{ { .kind = VERIFY_BEARER, .n_secrets = 3 }, "at most 2" },
		{ { .kind = VERIFY_TOKEN, .n_secrets = 1, .secrets = { { "x", 1 } } }, "name of a header" },
		{ { .kind = VERIFY_TOKEN, .n_secrets = 1, .secrets = { { "x", 1 } }, .header = "" }, "name of a header" },
		{ { .kind = VERIFY_BEARER, .n_secrets = 1, .secrets = { { long_secret, sizeof long_secret } } }, "larger than" },
		{ { .kind = VERIFY_N, .n_secrets = 1, .secrets = { { "x", 1 } } }, "at most" },
		{ { .kind = VERIFY_BASIC, .n_secrets = 1, .secrets = { { "x", 1 } } }, "no colon" },
		{ { .kind = VERIFY_STANDARD_WEBHOOKS, .n_secrets = 1, .secrets = { { "whsec_", 6 } } }, "base64" },
		{ { .kind = VERIFY_STANDARD_WEBHOOKS, .n_secrets = 1, .secrets = { { "whsec_?", 7 } } }, "base64" },
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct verifier *v = NULL;
		struct diag d = { 0 };

		assert_int_not_equal(verifier_create(&bad[i].cfg, &v, &d), ERR_OK);
		assert_null(v);
		if (strstr(d.msg, bad[i].says) == NULL)
			fail_msg("%s", d.msg);
	}
	verifier_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard_webhooks),
		cmocka_unit_test(standard_parts),
		cmocka_unit_test(lengths),
		cmocka_unit_test(signature_bytes),
		cmocka_unit_test(two_secrets),
		cmocka_unit_test(kinds),
		cmocka_unit_test(bad_configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
