#include "../cmocka_plazo.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "ingest/cloudevents.h"

struct fixture {
	struct json_doc     *doc;
	struct arena        *arena;
	struct event_context ctx;
	char                 told[512];      /* of each event "ID AT;", of each refusal "STATUS POINTER;" */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->doc = json_create();
	f->arena = arena_create();
	f->ctx = (struct event_context){ .ns = STR("ns"), .source = STR("bus"), .received = { 1000 }, .arena = f->arena };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	json_destroy(f->doc);
	arena_destroy(f->arena);
	free(f);
	return 0;
}

static void tell(struct fixture *f, struct str id, const char *rest)
{
	size_t len = strlen(f->told);

	snprintf(f->told + len, sizeof f->told - len, STR_FMT "%s;", STR_ARG(id), rest);
}

static bool see(void *arg, size_t index, const struct event *e, const struct problem *p)
{
	char text[WALL_TEXT_LEN + PROBLEM_POINTER_LEN + 16];

	(void)index;
	if (e != NULL)
		snprintf(text, sizeof text, " %s", wall_format(e->at, (char[WALL_TEXT_LEN]){ 0 }));
	else
		snprintf(text, sizeof text, "%d %s", p->status, p->pointer);
	tell(arg, e != NULL ? e->id : (struct str){ 0 }, text);
	return true;
}

static void read_body(struct fixture *f, enum event_form form, const char *body)
{
	struct events_found found;
	struct problem p = { 0 };

	f->told[0] = '\0';
	if (events_read(f->doc, str_of(body), form, &f->ctx, see, f, &found, &p) != ERR_OK) {
		assert_string_equal(f->told, "");
		see(f, 0, NULL, &p);
	}
}

#define ENVELOPE "\"specversion\":\"1.0\",\"id\":\"A-1\",\"source\":\"/desk/7\",\"type\":\"example.ticket\""
#define BARE     "\"ticket\":\"T\",\"type\":\"changed\""
#define FULL     "\"id\":\"e-1\",\"at\":\"2026-01-01T00:00:00Z\"," BARE
#define X64      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X1025    X64 X64 X64 X64 X64 X64 X64 X64 X64 X64 X64 X64 X64 X64 X64 X64 "x"

static const struct { const char *body, *told; } structured[] = {
	{ "{" ENVELOPE ",\"data\":{" FULL "}}", "e-1 2026-01-01T00:00:00.000Z;" },
	{ "{" ENVELOPE ",\"time\":\"2018-04-05T17:31:00.5+02:00\",\"data\":{" FULL "}}", "e-1 2026-01-01T00:00:00.000Z;" },
	{ "{" ENVELOPE ",\"time\":\"2018-04-05T17:31:00.5+02:00\",\"data\":{" BARE "}}", "/desk/7 A-1 2018-04-05T15:31:00.500Z;" },
	{ "{" ENVELOPE ",\"time\":\"2018-04-05T17:31:00Z\",\"data\":{\"id\":null,\"at\":null," BARE "}}", "/desk/7 A-1 2018-04-05T17:31:00.000Z;" },
	{ "{" ENVELOPE ",\"datacontenttype\":\"application/json\",\"data\":{" FULL "}}", "e-1 2026-01-01T00:00:00.000Z;" },
	{ "{" ENVELOPE ",\"datacontenttype\":\"Application/JSON; charset=UTF-8\",\"data\":{" FULL "}}", "e-1 2026-01-01T00:00:00.000Z;" },
	{ "{" ENVELOPE ",\"datacontenttype\":\"application/vnd.ticket+json\",\"data\":{" FULL "}}", "e-1 2026-01-01T00:00:00.000Z;" },
	{ "{" ENVELOPE ",\"subject\":\"s\",\"dataschema\":\"http://x\",\"traceparent\":\"00-1\",\"count\":7,\"data_base64\":null,\"data\":{" FULL "}}",
	  "e-1 2026-01-01T00:00:00.000Z;" },
	/* Too long together for an id: their SHA-256. */
	{ "{\"specversion\":\"1.0\",\"id\":\"" X64 "\",\"source\":\"" X64 "\",\"type\":\"t\",\"time\":\"2026-01-01T00:00:00Z\",\"data\":{" BARE "}}",
	  "6f5ec700213a89899352aaaa7971ee6bf848c1ad2298b8470e144f89a5dfbd37 2026-01-01T00:00:00.000Z;" },
	{ "{" ENVELOPE ",\"data\":{" BARE "}}", "422 /data/at;" },
	{ "{" ENVELOPE ",\"time\":\"yesterday\",\"data\":{" FULL "}}", "422 /time;" },
	{ "{" ENVELOPE ",\"data\":{" FULL ",\"prio\":1}}", "422 /data/prio;" },
	{ "{" ENVELOPE ",\"data\":{" FULL ",\"tags\":[1]}}", "422 /data/tags/0;" },
	{ "{" ENVELOPE ",\"data\":[{" FULL "}]}", "422 /data;" },
	{ "{" ENVELOPE ",\"data\":\"{}\"}", "422 /data;" },
	{ "{" ENVELOPE ",\"data\":null}", "422 /data;" },
	{ "{" ENVELOPE "}", "422 /data;" },
	{ "{" ENVELOPE ",\"data_base64\":\"e30=\"}", "415 /data_base64;" },
	{ "{" ENVELOPE ",\"data\":{" FULL "},\"data_base64\":\"e30=\"}", "415 /data_base64;" },
	{ "{" ENVELOPE ",\"datacontenttype\":\"text/xml\",\"data\":{" FULL "}}", "415 /datacontenttype;" },
	{ "{" ENVELOPE ",\"datacontenttype\":\"application/json; charset=latin1\",\"data\":{" FULL "}}", "415 /datacontenttype;" },
	{ "{" ENVELOPE ",\"datacontenttype\":7,\"data\":{" FULL "}}", "415 /datacontenttype;" },
	{ "{\"specversion\":\"0.3\",\"id\":\"A\",\"source\":\"s\",\"type\":\"t\",\"data\":{" FULL "}}", "422 /specversion;" },
	{ "{\"specversion\":\"1.1\",\"id\":\"A\",\"source\":\"s\",\"type\":\"t\",\"data\":{" FULL "}}", "422 /specversion;" },
	{ "{\"specversion\":1.0,\"id\":\"A\",\"source\":\"s\",\"type\":\"t\",\"data\":{" FULL "}}", "422 /specversion;" },
	{ "{\"id\":\"A\",\"source\":\"s\",\"type\":\"t\",\"data\":{" FULL "}}", "422 /specversion;" },
	{ "{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\",\"data\":{" FULL "}}", "422 /id;" },
	{ "{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"s\",\"type\":\"t\",\"data\":{" FULL "}}", "422 /id;" },
	{ "{\"specversion\":\"1.0\",\"id\":\"a\\u0001\",\"source\":\"s\",\"type\":\"t\",\"data\":{" FULL "}}", "422 /id;" },
	{ "{\"specversion\":\"1.0\",\"id\":7,\"source\":\"s\",\"type\":\"t\",\"data\":{" FULL "}}", "422 /id;" },
	{ "{\"specversion\":\"1.0\",\"id\":null,\"source\":\"s\",\"type\":\"t\",\"data\":{" FULL "}}", "422 /id;" },
	{ "{\"specversion\":\"1.0\",\"id\":\"A\",\"type\":\"t\",\"data\":{" FULL "}}", "422 /source;" },
	{ "{\"specversion\":\"1.0\",\"id\":\"A\",\"source\":\"a b\",\"type\":\"t\",\"data\":{" FULL "}}", "422 /source;" },
	{ "{\"specversion\":\"1.0\",\"id\":\"A\",\"source\":\"" X1025 "\",\"type\":\"t\",\"data\":{" FULL "}}", "422 /source;" },
	{ "{\"specversion\":\"1.0\",\"id\":\"A\",\"source\":\"s\",\"data\":{" FULL "}}", "422 /type;" },
	{ "{" FULL "}", "422 /specversion;" },
	{ "[{" ENVELOPE ",\"data\":{" FULL "}}]", "422 ;" },
	{ "7", "422 ;" },
	{ "{" ENVELOPE ",\"id\":\"B\",\"data\":{" FULL "}}", "400 ;" },
	{ "", "400 ;" },
};

static void envelopes(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof structured / sizeof structured[0]; i++) {
		read_body(f, EVENT_FORM_CLOUDEVENT, structured[i].body);
		if (strcmp(f->told, structured[i].told) != 0)
			fail_msg("case %zu: \"%s\" instead of \"%s\"", i, f->told, structured[i].told);
	}
}

static void batches(void **state)
{
	struct fixture *f = *state;

	read_body(f, EVENT_FORM_CLOUDEVENTS, "[{" ENVELOPE ",\"data\":{" FULL "}},7,{" ENVELOPE ",\"data\":{" FULL ",\"tags\":[1]}},"
					     "{" ENVELOPE ",\"data_base64\":\"\"}]");
	assert_string_equal(f->told, "e-1 2026-01-01T00:00:00.000Z;422 /1;422 /2/data/tags/0;415 /3/data_base64;");
	read_body(f, EVENT_FORM_CLOUDEVENTS, "[]");
	assert_string_equal(f->told, "");
	read_body(f, EVENT_FORM_CLOUDEVENTS, "{" ENVELOPE ",\"data\":{" FULL "}}");
	assert_string_equal(f->told, "422 ;");
}

/* What is lent to one event is not lent to the next. */
static void nothing_is_left_over(void **state)
{
	struct fixture *f = *state;

	read_body(f, EVENT_FORM_CLOUDEVENTS, "[{" ENVELOPE ",\"time\":\"2026-01-01T00:00:00Z\",\"data\":{" BARE "}},{" ENVELOPE ",\"data\":{" BARE "}}]");
	assert_string_equal(f->told, "/desk/7 A-1 2026-01-01T00:00:00.000Z;422 /1/data/at;");
	read_body(f, EVENT_FORM_JSON, "{" BARE "}");
	assert_string_equal(f->told, "422 /id;");
}

static void the_size_is_of_the_event(void **state)
{
	struct fixture *f = *state;
	size_t pad = EVENT_MAX_SIZE;
	char *body = malloc(pad + 1024);

	for (int inside = 0; inside < 2; inside++) {
		int n = sprintf(body, "{" ENVELOPE ",\"x\":\"%s", inside ? "\",\"data\":{" : "");

		memset(body + n, inside ? ' ' : 'x', pad);
		sprintf(body + n + pad, "%s" FULL "}}", inside ? "" : "\",\"data\":{");
		read_body(f, EVENT_FORM_CLOUDEVENT, body);
		assert_string_equal(f->told, inside ? "413 /data;" : "e-1 2026-01-01T00:00:00.000Z;");
	}
	free(body);
}

/* ---- binary mode ---- */

#define H(name, value) { { (name), sizeof(name) - 1 }, { (value), sizeof(value) - 1 } }
#define THREE H("ce-specversion", "1.0"), H("CE-Source", "/desk/7"), H("ce-type", "t")

static const struct { struct http_header h[6]; bool are_proven; const char *body, *told; } binary[] = {
	{ { THREE, H("ce-id", "A-1"), H("ce-time", "2018-04-05T17:31:00Z") }, true, "{" BARE "}", "/desk/7 A-1 2018-04-05T17:31:00.000Z;" },
	{ { THREE, H("ce-id", "A-1"), H("ce-time", "2018-04-05T17:31:00Z") }, true, "{" FULL "}", "e-1 2026-01-01T00:00:00.000Z;" },
	{ { THREE, H("ce-id", "A-1"), H("ce-time", "2018-04-05T17:31:00Z") }, false, "{" FULL "}", "e-1 2026-01-01T00:00:00.000Z;" },
	{ { THREE, H("ce-id", "A-1"), H("ce-time", "2018-04-05T17:31:00Z") }, false, "{" BARE "}", "422 /id;" },
	{ { THREE, H("ce-id", "Euro%20%E2%82%AC%20%f0%9F%98%80"), H("ce-time", "2018-04-05T17:31:00Z") }, true, "{" BARE "}",
	  "/desk/7 Euro \xe2\x82\xac \xf0\x9f\x98\x80 2018-04-05T17:31:00.000Z;" },
	{ { THREE, H("ce-id", "\"A\\\"1%25\""), H("ce-time", "2018-04-05T17:31:00Z") }, true, "{" BARE "}", "/desk/7 A\"1% 2018-04-05T17:31:00.000Z;" },
	{ { THREE, H("ce-id", "A-1") }, true, "{" BARE "}", "422 /at;" },
	{ { THREE, H("ce-id", "A-1") }, true, "[{" FULL "}]", "422 ;" },
	{ { THREE, H("ce-id", "A-1") }, true, "{" FULL "}\n{" FULL "}", "400 ;" },
	{ { THREE, H("ce-id", "A-1"), H("Ce-Id", "A-1") }, true, "{" FULL "}", "400 ;" },
	{ { THREE, H("ce-id", "%zz") }, true, "{" FULL "}", "422 ;" },
	{ { THREE, H("ce-id", "%00") }, true, "{" FULL "}", "422 ;" },
	{ { THREE, H("ce-id", "%0a") }, true, "{" FULL "}", "422 ;" },
	{ { THREE, H("ce-id", "%ff") }, true, "{" FULL "}", "422 ;" },
	{ { THREE, H("ce-id", "\"a\\\"") }, true, "{" FULL "}", "422 ;" },
	{ { THREE, H("ce-id", "") }, true, "{" FULL "}", "422 ;" },
	{ { THREE }, true, "{" FULL "}", "422 ;" },
	{ { THREE, H("ce-id", "A"), H("ce-time", "now") }, true, "{" FULL "}", "422 ;" },
	{ { H("ce-id", "A"), H("ce-source", "s"), H("ce-type", "t") }, true, "{" FULL "}", "422 ;" },
	{ { H("ce-specversion", "0.3"), H("ce-id", "A"), H("ce-source", "s"), H("ce-type", "t") }, true, "{" FULL "}", "422 ;" },
	{ { H("ce-specversion", "1.0"), H("ce-id", "A"), H("ce-source", "a%20b"), H("ce-type", "t") }, true, "{" FULL "}", "422 ;" },
};

static void in_headers(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof binary / sizeof binary[0]; i++) {
		struct http_headers h = { binary[i].h, 0 };
		struct problem p = { 0 };

		while (h.n < 6 && h.v[h.n].name.len > 0)
			h.n++;
		assert_true(cloudevent_is_binary(&h));
		f->told[0] = '\0';
		if (cloudevent_from_headers(&h, binary[i].are_proven, &f->ctx, &p))
			read_body(f, EVENT_FORM_DATA, binary[i].body);
		else
			see(f, 0, NULL, &p);
		if (strcmp(f->told, binary[i].told) != 0)
			fail_msg("case %zu: \"%s\" instead of \"%s\" (%s)", i, f->told, binary[i].told, p.detail);
	}
}

static void what_is_binary(void **state)
{
	(void)state;
	const struct http_header none[] = { H("ce-time", "x"), H("ce-ray", "x"), H("ce-", "x"), H("id", "x") };
	struct http_headers h = { none, 4 };

	assert_false(cloudevent_is_binary(&h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(envelopes, setup, teardown),
		cmocka_unit_test_setup_teardown(batches, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_left_over, setup, teardown),
		cmocka_unit_test_setup_teardown(the_size_is_of_the_event, setup, teardown),
		cmocka_unit_test_setup_teardown(in_headers, setup, teardown),
		cmocka_unit_test(what_is_binary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
