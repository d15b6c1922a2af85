#include "../cmocka_plazo.h"
#include "../prop.h"

#include "core/alert.h"

/* Computed once, by the first version. */
#define ID_OF_EXAMPLE "a46ff8b246ea35e9f75acf51701e93ec"

static const struct str two_receivers[] = { { "l1", 2 }, { "manager", 7 } };

static struct alert example(void)
{
	return (struct alert){
		.type = ALERT_WARNING, .at = { 1795426200000 }, .ns = STR("helpdesk"), .ticket = STR("INC-1"), .contract = STR("acme"),
		.customer = STR("ACME, S.A."), .metric = STR("resolution"), .agreement = STR("sla"), .cycle = 1, .step = STR("75%"),
		.occurrence = 1, .due = { 1795428000000 }, .target = STR("2h"), .elapsed_ms = 5400000, .remaining_ms = 1800000,
		.priority = STR("P1"), .subject = STR("VPN \"down\""), .url = STR("https://x/1"), .receivers = two_receivers, .n_receivers = 2,
		.reason = STR("75% of 2h used"), .late_ms = 0,
	};
}

static void written_as_documented(void **state)
{
	(void)state;
	struct alert a = example();
	struct buf b;

	buf_init(&b, 10000);
	alert_set_id(&a);
	alert_write(&a, false, &b);
	assert_str(buf_str(&b), "{\"id\":\"" ID_OF_EXAMPLE "\",\"type\":\"sla.warning\",\"at\":\"2026-11-23T09:30:00.000Z\","
		   "\"ticket\":\"INC-1\",\"contract\":\"acme\",\"metric\":\"resolution\",\"cycle\":1,\"step\":\"75%\",\"occurrence\":1,"
		   "\"due\":\"2026-11-23T10:00:00.000Z\",\"target\":\"2h\",\"elapsed_s\":5400,\"remaining_s\":1800,\"priority\":\"P1\","
		   "\"receivers\":[\"l1\",\"manager\"],\"reason\":\"75% of 2h used\",\"late_s\":0,\"agreement\":\"sla\","
		   "\"customer\":\"ACME, S.A.\",\"subject\":\"VPN \\\"down\\\"\",\"url\":\"https://x/1\"}");
	a = (struct alert){ .type = ALERT_DAEMON_SKEW, .at = { 500 }, .due = WALL_NEVER, .elapsed_ms = -1, .remaining_ms = -1500, .late_ms = 12340 };
	buf_reset(&b);
	alert_write(&a, true, &b);
	assert_str(buf_str(&b), "{\"id\":null,\"type\":\"daemon.skew\",\"at\":\"1970-01-01T00:00:00.500Z\",\"ticket\":null,\"contract\":null,"
		   "\"metric\":null,\"cycle\":0,\"step\":null,\"occurrence\":0,\"due\":null,\"target\":null,\"elapsed_s\":-0.001,"
		   "\"remaining_s\":-1.5,\"priority\":null,\"receivers\":[],\"reason\":null,\"late_s\":12.34,\"namespace\":null}");
	buf_finish(&b);
}

/* Receivers drop repeats by id: these must be the same in every version. Each part of the key makes another one; nothing else does. */
static void ids(void **state)
{
	(void)state;
	struct alert a = example(), b;
	struct alert others[8];
	size_t n = 0;

	alert_set_id(&a);
	assert_string_equal(a.id, ID_OF_EXAMPLE);
	b = a;
	b.at.ms++;
	b.due = WALL_NEVER;
	b.contract = b.reason = b.priority = b.target = STR("other");
	b.n_receivers = 0;
	b.late_ms = 5;
	b.unsent = ALERT_SUPERSEDED;
	alert_set_id(&b);
	assert_string_equal(a.id, b.id);
	for (size_t i = 0; i < 8; i++)
		others[i] = a;
	others[n++].type = ALERT_BREACH;
	others[n++].ns = STR("other");
	others[n++].ticket = STR("INC-2");
	others[n++].metric = STR("response");
	others[n++].cycle = 2;
	others[n++].step = STR("50%");
	others[n++].occurrence = 2;
	/* The same letters, cut elsewhere. */
	others[n].ns = STR("helpdeskI");
	others[n++].ticket = STR("NC-1");
	for (size_t i = 0; i < n; i++) {
		alert_set_id(&others[i]);
		assert_string_not_equal(others[i].id, a.id);
		assert_int_equal(strlen(others[i].id), ALERT_ID_LEN);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(others[i].id, others[k].id);
	}
}

static struct str random_text(struct prop *r)
{
	static const char letters[] = "a \"quoted\" text, caf\xc3\xa9 / \\ \n\t and more of it, \xf0\x9f\x98\x80 0123456789";

	return (struct str){ letters, prop_chance(r, 30) ? 0 : prop_chance(r, 50) ? 20 : sizeof(letters) - 1 };
}

static int64_t random_ms(struct prop *r)
{
	int64_t limit = prop_chance(r, 50) ? 5000 : INT64_C(400) * 86400000;

	return prop_between(r, -limit, limit) / (prop_chance(r, 50) ? 1 : 1000) * (prop_chance(r, 50) ? 1 : 1000);
}

static struct alert random_alert(struct prop *r, struct str *receivers)
{
	struct alert a = { .type = (enum alert_type)prop_below(r, ALERT_N_TYPES) };
	struct str *const texts[] = { &a.ns, &a.ticket, &a.contract, &a.customer, &a.metric, &a.agreement, &a.step, &a.target,
				      &a.priority, &a.subject, &a.url, &a.reason };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = random_text(r);
	a.at.ms = prop_between(r, 0, WALL_MAX.ms - 1);
	a.due = prop_chance(r, 20) ? WALL_NEVER : (struct wall){ prop_between(r, 0, WALL_MAX.ms - 1) };
	a.cycle = (uint32_t)prop_u64(r);
	a.occurrence = (uint32_t)prop_below(r, 1000);
	a.elapsed_ms = random_ms(r);
	a.remaining_ms = random_ms(r);
	a.late_ms = random_ms(r);
	a.n_receivers = prop_below(r, ALERT_MAX_RECEIVERS + 1);
	for (size_t i = 0; i < a.n_receivers; i++)
		receivers[i] = random_text(r);
	a.receivers = receivers;
	alert_set_id(&a);
	return a;
}

static void there_and_back(void **state)
{
	(void)state;
	struct prop r = prop_begin("alert");
	struct json_doc *d = json_create();
	struct buf b, again;

	buf_init(&b, 1 << 20);
	buf_init(&again, 1 << 20);
	for (size_t i = 0; i < prop_rounds(5000); i++) {
		struct str receivers[ALERT_MAX_RECEIVERS], got_receivers[ALERT_MAX_RECEIVERS];
		struct alert a = random_alert(&r, receivers), got;

		buf_reset(&b);
		buf_reset(&again);
		alert_write(&a, true, &b);
		assert_int_equal(json_parse(d, buf_str(&b), NULL), ERR_OK);
		assert_int_equal(alert_read(d, 0, got_receivers, &got), ERR_OK);
		assert_string_equal(got.id, a.id);
		assert_true(got.type == a.type && got.at.ms == a.at.ms && got.due.ms == a.due.ms && got.n_receivers == a.n_receivers);
		assert_true(got.elapsed_ms == a.elapsed_ms && got.remaining_ms == a.remaining_ms && got.late_ms == a.late_ms);
		assert_true(str_eq(got.ns, a.ns) && str_eq(got.reason, a.reason) && str_eq(got.url, a.url));
		assert_true(got.cycle == a.cycle && got.occurrence == a.occurrence && got.unsent == ALERT_TO_SEND);
		alert_write(&got, true, &again);
		assert_true(str_eq(buf_str(&b), buf_str(&again)));
	}
	buf_finish(&b);
	buf_finish(&again);
	json_destroy(d);
}

/* It stays what it is when all that it was made of is gone. */
static void a_copy_stands_alone(void **state)
{
	(void)state;
	struct prop r = prop_begin("alert-copy");
	struct json_doc *d = json_create();
	struct buf b, text, again;

	buf_init(&b, 1 << 20);
	buf_init(&text, 1 << 20);
	buf_init(&again, 1 << 20);
	for (size_t i = 0; i < prop_rounds(500); i++) {
		struct str receivers[ALERT_MAX_RECEIVERS];
		struct alert a = random_alert(&r, receivers), copy;
		void *texts;

		buf_reset(&b);
		buf_reset(&text);
		buf_reset(&again);
		alert_write(&a, true, &text);
		buf_put(&b, buf_str(&text));
		assert_int_equal(json_parse(d, buf_str(&text), NULL), ERR_OK);
		assert_int_equal(alert_read(d, 0, receivers, &a), ERR_OK);
		texts = alert_copy(&copy, &a);
		memset(text.p, 'x', text.len);
		memset(receivers, 0, sizeof(receivers));
		alert_write(&copy, true, &again);
		assert_true(str_eq(buf_str(&b), buf_str(&again)));
		free(texts);
	}
	buf_finish(&b);
	buf_finish(&text);
	buf_finish(&again);
	json_destroy(d);
}

#define GOOD_HEAD "{\"id\":\"0123456789abcdef0123456789abcdef\",\"type\":\"sla.breach\",\"at\":\"2026-11-23T09:30:00.000Z\",\"cycle\":1,\"occurrence\":1"
#define GOOD_TAIL ",\"elapsed_s\":1,\"remaining_s\":-1,\"late_s\":0,\"receivers\":[\"a\"]}"

static void bad_alerts_are_refused(void **state)
{
	(void)state;
	static const struct { const char *text; enum err e; } cases[] = {
		{ GOOD_HEAD GOOD_TAIL, ERR_OK },
		{ GOOD_HEAD ",\"unknown\":[1]" GOOD_TAIL, ERR_OK },
		{ "[]", ERR_SYNTAX }, { "{}", ERR_SYNTAX }, { "null", ERR_SYNTAX },
		{ GOOD_HEAD ",\"ticket\":5" GOOD_TAIL, ERR_SYNTAX },
		{ GOOD_HEAD ",\"due\":\"soon\"" GOOD_TAIL, ERR_SYNTAX },
		{ GOOD_HEAD "}", ERR_SYNTAX },
		{ GOOD_HEAD ",\"elapsed_s\":1.2345,\"remaining_s\":0,\"late_s\":0,\"receivers\":[]}", ERR_SYNTAX },
		{ GOOD_HEAD ",\"elapsed_s\":1e3,\"remaining_s\":0,\"late_s\":0,\"receivers\":[]}", ERR_SYNTAX },
		{ GOOD_HEAD ",\"elapsed_s\":99999999999999999999,\"remaining_s\":0,\"late_s\":0,\"receivers\":[]}", ERR_SYNTAX },
		{ GOOD_HEAD ",\"elapsed_s\":\"1\",\"remaining_s\":0,\"late_s\":0,\"receivers\":[1]}", ERR_SYNTAX },
		{ GOOD_HEAD ",\"elapsed_s\":1,\"remaining_s\":0,\"late_s\":0,\"receivers\":{}}", ERR_SYNTAX },
		{ "{\"id\":\"0123\",\"type\":\"sla.breach\",\"cycle\":1,\"occurrence\":1" GOOD_TAIL, ERR_SYNTAX },
		{ "{\"id\":\"0123456789abcdef0123456789abcdef\",\"type\":\"sla.lunch\",\"cycle\":1,\"occurrence\":1" GOOD_TAIL, ERR_SYNTAX },
		{ "{\"id\":\"0123456789abcdef0123456789abcdef\",\"type\":\"sla.breach\",\"at\":null,\"cycle\":-1,\"occurrence\":1" GOOD_TAIL, ERR_SYNTAX },
	};
	struct json_doc *d = json_create();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str receivers[ALERT_MAX_RECEIVERS];
		struct alert a = { .cycle = 9 };

		assert_int_equal(json_parse(d, str_of(cases[i].text), NULL), ERR_OK);
		if (alert_read(d, 0, receivers, &a) != cases[i].e)
			fail_msg("%s", cases[i].text);
		assert_int_equal(a.cycle, cases[i].e == ERR_OK ? 1 : 9);
	}

	struct buf b;

	buf_init(&b, 10000);
	buf_puts(&b, GOOD_HEAD ",\"elapsed_s\":1,\"remaining_s\":-1,\"late_s\":0,\"receivers\":[\"a\"");
	for (int i = 0; i < ALERT_MAX_RECEIVERS; i++)
		buf_puts(&b, ",\"b\"");
	buf_puts(&b, "]}");

	struct str receivers[ALERT_MAX_RECEIVERS];
	struct alert a;

	assert_int_equal(json_parse(d, buf_str(&b), NULL), ERR_OK);
	assert_int_equal(alert_read(d, 0, receivers, &a), ERR_SYNTAX);
	buf_finish(&b);
	json_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_as_documented),
		cmocka_unit_test(ids),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(a_copy_stands_alone),
		cmocka_unit_test(bad_alerts_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
