#include "../cmocka_plazo.h"

#include <stdio.h>
#include <stdlib.h>

#include "../fuzz/same_event.h"
#include "base/limits.h"
#include "ingest/event_json.h"

/* What all tests need: a doc, an arena, a context of a source. */
struct fixture {
	struct json_doc     *doc;
	struct arena        *arena;
	struct event_context ctx;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->doc = json_create();
	f->arena = arena_create();
	f->ctx = (struct event_context){ .ns = STR("ns"), .source = STR("helpdesk"), .received = { 1000 }, .arena = f->arena };
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

static enum err read_one(struct fixture *f, const char *json, struct event *e, struct problem *p)
{
	struct event plain;
	struct problem scrap;
	struct diag d;
	enum err err;

	if (json_parse(f->doc, str_of(json), &d) != ERR_OK)
		fail_msg("not JSON: %s: %s", json, d.msg);
	f->ctx.text = str_of(json);
	err = event_from_json(f->doc, 0, &f->ctx, e, p);
	if (event_from_plain(f->ctx.text, &f->ctx, &plain, &scrap) && (err != ERR_OK || !same_event(e, &plain)))
		fail_msg("read otherwise from its text itself: %s", json);
	return err;
}

static void every_field(void **state)
{
	struct fixture *f = *state;
	struct problem p;
	struct event e;

	static const char json[] =
		"{\"id\":\"e-1\",\"ticket\":\"INC-1\",\"type\":\"opened\",\"at\":\"2026-11-23T10:00:00+01:00\",\"contract\":\"acme\","
		"\"priority\":\"P1\",\"kind\":\"incident\",\"status\":\"new\",\"category\":\"net\",\"service\":\"vpn\",\"site\":\"bogota\","
		"\"team\":\"l1\",\"assignee\":\"ann\",\"tier\":3,\"subject\":\"No\\t\\\"VPN\\\" \\u00e9\",\"url\":\"https://x.example/1\","
		"\"requester\":\"bob@acme.example\",\"organization\":\"ACME S.A.\",\"domain\":\"acme.example\",\"tags\":[\"b\",\"a\",\"b\"],"
		"\"actor\":{\"role\":\"customer\",\"name\":\"Bob\"},\"public\":false,\"automated\":true}";

	assert_int_equal(read_one(f, json, &e, &p), ERR_OK);
	assert_str(e.id, "e-1");
	assert_str(e.ns, "ns");
	assert_str(e.source, "helpdesk");
	assert_str(e.ticket, "INC-1");
	assert_int_equal(e.type, EVENT_OPENED);
	assert_int_equal(e.at.ms, 1795424400000);
	assert_int_equal(e.received.ms, 1000);
	assert_int_equal(e.role, ROLE_CUSTOMER);
	assert_str(e.actor, "Bob");
	assert_true(e.is_private);
	assert_true(e.automated);
	assert_int_equal(e.set, (1u << ATTR_N) - 1);
	assert_str(e.attr[ATTR_CONTRACT], "acme");
	assert_str(e.attr[ATTR_TIER], "3");
	assert_str(e.attr[ATTR_SUBJECT], "No\t\"VPN\" \xc3\xa9");
	assert_str(e.attr[ATTR_TAGS], "a\x1f" "b");
	assert_str(e.attr[ATTR_DOMAIN], "acme.example");
	assert_str(e.attr[ATTR_ORGANIZATION], "ACME S.A.");
	assert_int_equal(e.body, event_body(&e));
	/* Texts with escapes were copied: the next parse may do as it likes. */
	assert_true(e.attr[ATTR_SUBJECT].p < json || e.attr[ATTR_SUBJECT].p > json + sizeof json);
	assert_true(e.id.p > json && e.id.p < json + sizeof json);
}

static void all_types(void **state)
{
	struct fixture *f = *state;

	for (int t = 0; t < EVENT_WAIVED; t++) {
		char json[256];
		struct problem p;
		struct event e;

		snprintf(json, sizeof json, "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"%s\",\"at\":\"2026-01-01T00:00:00Z\"%s}",
			 event_type_names[t], t == EVENT_MERGED ? ",\"into\":\"3\"" : "");
		assert_int_equal(read_one(f, json, &e, &p), ERR_OK);
		assert_int_equal(e.type, t);
		assert_false(e.is_private);
		assert_false(e.automated);
		assert_int_equal(e.role, ROLE_SYSTEM);
		assert_int_equal(e.set, 0);
	}
}

static void null_and_empty(void **state)
{
	struct fixture *f = *state;
	struct problem p;
	struct event e;

	assert_int_equal(read_one(f, "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"changed\",\"at\":\"2026-01-01T00:00:00Z\",\"team\":null,"
				     "\"tags\":[],\"tier\":null,\"site\":\"\",\"url\":null,\"actor\":null,\"mode\":null,\"into\":null,"
				     "\"public\":null,\"received\":null}", &e, &p), ERR_OK);
	assert_int_equal(e.set, 1u << ATTR_TEAM | 1u << ATTR_TAGS | 1u << ATTR_TIER | 1u << ATTR_SITE | 1u << ATTR_URL);
	for (int a = 0; a < ATTR_N; a++)
		assert_int_equal(e.attr[a].len, 0);
}

#define REST "\"ticket\":\"2\",\"type\":\"changed\",\"at\":\"2026-01-01T00:00:00Z\""
#define BASE "\"id\":\"1\"," REST

static const struct bad { const char *json, *pointer, *says; } bad[] = {
	{ "42", "", "must be an object, not" },
	{ "[]", "", "must be an object, not" },
	{ "{}", "/id", "\"id\" is required" },
	{ "{\"id\":null," REST "}", "/id", "required" },
	{ "{\"id\":\"\"," REST "}", "/id", "is empty" },
	{ "{\"id\":1," REST "}", "/id", "must be a string, not a number" },
	{ "{\"id\":\"a\\u0007b\"," REST "}", "/id", "control character" },
	{ "{\"id\":\"a\x7f\"," REST "}", "/id", "control character" },
	{ "{\"id\":\"a\"," REST ",\"team\":\"l1\x7f\"}", "/team", "control character" },
	{ "{\"id\":\"a\\u007f\"," REST "}", "/id", "control character" },
	{ "{\"id\":\"1\",\"type\":\"changed\",\"at\":\"2026-01-01T00:00:00Z\"}", "/ticket", "required" },
	{ "{\"id\":\"1\",\"ticket\":\"..\",\"type\":\"changed\",\"at\":\"2026-01-01T00:00:00Z\"}", "/ticket", "no URL can name" },
	{ "{\"id\":\"1\",\"ticket\":\"a/./b\",\"type\":\"changed\",\"at\":\"2026-01-01T00:00:00Z\",\"tier\":2}", "/ticket", "no URL can name" },
	{ "{\"id\":\"1\",\"ticket\":\"2\",\"at\":\"2026-01-01T00:00:00Z\"}", "/type", "required" },
	{ "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"opened\"}", "/at", "required" },
	{ "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"open\",\"at\":\"2026-01-01T00:00:00Z\"}", "/type", "did you mean \"opened\"" },
	{ "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"waived\",\"at\":\"2026-01-01T00:00:00Z\"}", "/type", "act of operators" },
	{ "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"opened\",\"at\":\"2026-01-01T00:00:00\"}", "/at", "\"at\"" },
	{ "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"opened\",\"at\":\"2026-02-30T00:00:00Z\"}", "/at", "\"at\"" },
	{ "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"opened\",\"at\":1}", "/at", "must be a string" },
	{ "{" BASE ",\"priorty\":\"P1\"}", "/priorty", "did you mean \"priority\"" },
	{ "{" BASE ",\"ID\":\"1\"}", "/ID", "no field \"ID\"" },
	{ "{" BASE ",\"a~/b\":1}", "/a~0~1b", "no field" },
	{ "{" BASE ",\"\":1}", "/", "no field" },
	{ "{" BASE ",\"priority\":1}", "/priority", "must be a string, not a number" },
	{ "{" BASE ",\"tier\":\"1\"}", "/tier", "must be a number, not a string" },
	{ "{" BASE ",\"tier\":1.5}", "/tier", "whole number" },
	{ "{" BASE ",\"tier\":-1}", "/tier", "whole number" },
	{ "{" BASE ",\"tier\":1e3}", "/tier", "whole number" },
	{ "{" BASE ",\"tier\":1000001}", "/tier", "whole number" },
	{ "{" BASE ",\"tags\":\"a\"}", "/tags", "list of strings" },
	{ "{" BASE ",\"tags\":[\"a\",7]}", "/tags/1", "must be a string" },
	{ "{" BASE ",\"tags\":[\"a\",\"\"]}", "/tags/1", "is empty" },
	{ "{" BASE ",\"tags\":[\"a\\u001fb\"]}", "/tags/0", "control" },
	{ "{" BASE ",\"category\":\"a\\tb\"}", "/category", "control" },
	{ "{" BASE ",\"actor\":\"bob\"}", "/actor", "must be an object" },
	{ "{" BASE ",\"actor\":{\"role\":\"boss\"}}", "/actor/role", "\"boss\" is no known" },
	{ "{" BASE ",\"actor\":{\"rule\":\"agent\"}}", "/actor/rule", "did you mean \"role\"" },
	{ "{" BASE ",\"actor\":{\"name\":1}}", "/actor/name", "must be a string" },
	{ "{" BASE ",\"public\":\"yes\"}", "/public", "must be true or false" },
	{ "{" BASE ",\"automated\":0}", "/automated", "must be true or false" },
	{ "{" BASE ",\"mode\":\"remote\"}", "/mode", "belongs to attended alone" },
	{ "{" BASE ",\"into\":\"3\"}", "/into", "belongs to merged alone" },
	{ "{" BASE ",\"metric\":\"resolution\"}", "/metric", "belongs to" },
	{ "{" BASE ",\"by\":\"2h\"}", "/by", "belongs to extended" },
	{ "{" BASE ",\"received\":\"2026-01-01T00:00:00Z\"}", "/received", "time of arrival" },
	{ "{" BASE ",\"url\":\"javascript:alert(1)\"}", "/url", "https://" },
	{ "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"merged\",\"at\":\"2026-01-01T00:00:00Z\"}", "/into", "merged needs \"into\"" },
	{ "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"merged\",\"into\":\"2\",\"at\":\"2026-01-01T00:00:00Z\"}", "/into", "into itself" },
	{ "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"attended\",\"mode\":\"\",\"at\":\"2026-01-01T00:00:00Z\"}", "/mode", "no known mode" },
	{ "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"attended\",\"mode\":\"onsit\",\"at\":\"2026-01-01T00:00:00Z\"}", "/mode", "onsite" },
};

static void refusals(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct problem p = { 0 };
		struct event e;

		if (read_one(f, bad[i].json, &e, &p) != ERR_SYNTAX)
			fail_msg("accepted: %s", bad[i].json);
		if (p.status != 422 || strcmp(p.pointer, bad[i].pointer) != 0 || strstr(p.detail, bad[i].says) == NULL)
			fail_msg("%s: %d \"%s\" at \"%s\"", bad[i].json, p.status, p.detail, p.pointer);
	}
}

static void id_of_the_refused(void **state)
{
	struct fixture *f = *state;
	struct problem p;
	struct event e;

	assert_int_equal(read_one(f, "{\"tier\":\"x\"," BASE "}", &e, &p), ERR_SYNTAX);
	assert_string_equal(p.id, "1");
}

/* One byte more than each limit is refused, the limit itself is not. */
static void limits(void **state)
{
	struct fixture *f = *state;
	static const struct { const char *name; size_t max; } all[] = {
		{ "subject", EVENT_MAX_SUBJECT }, { "team", EVENT_MAX_ATTR }, { "status", EVENT_MAX_ATTR }, { "requester", EVENT_MAX_ATTR },
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		for (size_t more = 0; more < 2; more++) {
			char json[2048], value[1024];
			struct problem p;
			struct event e;

			memset(value, 'x', sizeof value);
			value[all[i].max + more] = '\0';
			snprintf(json, sizeof json, "{" BASE ",\"%s\":\"%s\"}", all[i].name, value);
			assert_int_equal(read_one(f, json, &e, &p), more == 0 ? ERR_OK : ERR_SYNTAX);
		}
	}
	for (size_t more = 0; more < 2; more++) {
		char json[2048], value[1024];
		struct problem p;
		struct event e;

		memset(value, 'x', sizeof value);
		value[EVENT_MAX_ID + more] = '\0';
		snprintf(json, sizeof json, "{\"id\":\"%s\"," REST "}", value);
		assert_int_equal(read_one(f, json, &e, &p), more == 0 ? ERR_OK : ERR_SYNTAX);
		snprintf(json, sizeof json, "{\"id\":\"1\",\"ticket\":\"%s\",\"type\":\"opened\",\"at\":\"2026-01-01T00:00:00Z\"}", value);
		assert_int_equal(read_one(f, json, &e, &p), more == 0 ? ERR_OK : ERR_SYNTAX);
	}
	for (int n = EVENT_MAX_TAGS; n <= EVENT_MAX_TAGS + 1; n++) {
		char json[2048], *at = json;
		struct problem p;
		struct event e;

		at += sprintf(at, "{" BASE ",\"tags\":[");
		for (int i = 0; i < n; i++)
			at += sprintf(at, "%s\"t%d\"", i > 0 ? "," : "", i);
		sprintf(at, "]}");
		assert_int_equal(read_one(f, json, &e, &p), n == EVENT_MAX_TAGS ? ERR_OK : ERR_SYNTAX);
		if (n > EVENT_MAX_TAGS)
			assert_string_equal(p.pointer, "/tags/32");
	}
}

static void received_and_acts(void **state)
{
	struct fixture *f = *state;
	struct problem p;
	struct event e;

	f->ctx.allow_received = true;
	f->ctx.allow_operator_types = true;
	assert_int_equal(read_one(f, "{" BASE "}", &e, &p), ERR_OK);
	assert_int_equal(e.received.ms, e.at.ms);
	assert_int_equal(read_one(f, "{" BASE ",\"received\":\"2026-01-02T00:00:00Z\"}", &e, &p), ERR_OK);
	assert_int_equal(e.received.ms, e.at.ms + MS_PER_DAY);
	assert_int_equal(read_one(f, "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"extended\",\"at\":\"2026-01-01T00:00:00Z\",\"metric\":\"resolution\","
				     "\"by\":\"2h\",\"reason\":\"storm\"}", &e, &p), ERR_OK);
	assert_int_equal(e.by_ms, 2 * MS_PER_H);
	assert_str(e.metric, "resolution");
	assert_str(e.reason, "storm");
	assert_int_equal(read_one(f, "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"waived\",\"at\":\"2026-01-01T00:00:00Z\",\"metric\":\"m\"}", &e, &p),
			 ERR_SYNTAX);
	assert_string_equal(p.pointer, "/reason");
	assert_int_equal(read_one(f, "{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"extended\",\"at\":\"2026-01-01T00:00:00Z\",\"metric\":\"m\","
				     "\"reason\":\"r\",\"by\":\"0s\"}", &e, &p), ERR_SYNTAX);
	assert_string_equal(p.pointer, "/by");
}

/* What is written is read back to the same event. */
static void round_trip(void **state)
{
	struct fixture *f = *state;
	static const char *const all[] = {
		"{" BASE ",\"tags\":[\"b\",\"a\"],\"tier\":12,\"team\":null,\"subject\":\"a\\\\b\\\"c\"}",
		("{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"replied\",\"at\":\"2026-01-01T00:00:00.125Z\",\"public\":false,\"automated\":true,"
		"\"actor\":{\"role\":\"agent\",\"name\":\"Ann\"}}"),
		"{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"merged\",\"at\":\"2026-01-01T00:00:00Z\",\"into\":\"9\"}",
		"{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"attended\",\"at\":\"2026-01-01T00:00:00Z\",\"mode\":\"onsite\"}",
		"{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"extended\",\"at\":\"2026-01-01T00:00:00Z\",\"metric\":\"m\",\"by\":\"90m\",\"reason\":\"r\"}",
		"{\"id\":\"1\",\"ticket\":\"2\",\"type\":\"opened\",\"at\":\"2026-01-01T00:00:00Z\",\"received\":\"2026-01-01T00:00:07Z\"}",
	};

	f->ctx.allow_received = true;
	f->ctx.allow_operator_types = true;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct problem p;
		struct event e, back;
		struct buf b;
		struct json_out o;

		assert_int_equal(read_one(f, all[i], &e, &p), ERR_OK);
		buf_init(&b, 1u << 16);
		o = json_out(&b);
		event_to_json(&e, true, &o);
		assert_true(buf_ok(&b));
		assert_int_equal(read_one(f, buf_cstr(&b), &back, &p), ERR_OK);
		assert_int_equal(back.body, e.body);
		assert_int_equal(back.received.ms, e.received.ms);
		assert_int_equal(back.set, e.set);
		for (int a = 0; a < ATTR_N; a++)
			assert_true(str_eq(back.attr[a], e.attr[a]));
		buf_finish(&b);
	}
}

/* ---- bodies ---- */

struct seen { size_t n_good, n_bad, stop_at; char pointers[8][208]; unsigned lines[8]; char ids[8][16]; };

static bool see(void *arg, size_t index, const struct event *e, const struct problem *p)
{
	struct seen *s = arg;

	if (index == s->stop_at)
		return false;
	assert_true((e == NULL) != (p == NULL));
	if (e != NULL) {
		snprintf(s->ids[s->n_good++], sizeof s->ids[0], STR_FMT, STR_ARG(e->id));
	} else {
		snprintf(s->pointers[s->n_bad], sizeof s->pointers[0], "%d%s", p->status, p->pointer);
		s->lines[s->n_bad++] = p->line;
	}
	return true;
}

#define E(id) "{\"id\":\"" id "\"," REST "}"

static void bodies(void **state)
{
	struct fixture *f = *state;
	struct events_found found;
	struct problem p = { 0 };
	struct seen s = { .stop_at = 99 };

	assert_int_equal(events_read(f->doc, STR(E("a")), EVENT_FORM_JSON, &f->ctx, see, &s, &found, &p), ERR_OK);
	assert_false(found.is_batch);
	assert_int_equal(found.n, 1);
	assert_string_equal(s.ids[0], "a");

	s = (struct seen){ .stop_at = 99 };
	assert_int_equal(events_read(f->doc, STR(" [" E("a") ", 7, " E("b") ",{\"id\":\"c\",\"tags\":[1]}]\n"), EVENT_FORM_JSON, &f->ctx, see, &s,
				     &found, &p), ERR_OK);
	assert_true(found.is_batch);
	assert_int_equal(found.n, 4);
	assert_int_equal(s.n_good, 2);
	assert_string_equal(s.ids[1], "b");
	assert_string_equal(s.pointers[0], "422/1");
	assert_string_equal(s.pointers[1], "422/3/tags/0");

	s = (struct seen){ .stop_at = 99 };
	assert_int_equal(events_read(f->doc, STR("\n" E("a") "\r\n\n  \n{oops\n" E("b") "\n" E("") "\n" E("d\\n")), EVENT_FORM_NDJSON, &f->ctx, see,
				     &s, &found, &p), ERR_OK);
	assert_true(found.is_batch);
	assert_int_equal(found.n, 5);
	assert_int_equal(s.n_good, 2);
	assert_string_equal(s.pointers[0], "400/1");
	assert_int_equal(s.lines[0], 5);
	assert_string_equal(s.pointers[1], "422/3/id");
	assert_int_equal(s.lines[1], 7);
	assert_string_equal(s.pointers[2], "422/4/id");
}

static void bad_bodies(void **state)
{
	struct fixture *f = *state;
	struct events_found found;
	struct problem p = { 0 };
	struct seen s = { .stop_at = 99 };

	assert_int_equal(events_read(f->doc, STR("[" E("a") ",\n " E("b") ",]"), EVENT_FORM_JSON, &f->ctx, see, &s, &found, &p), ERR_SYNTAX);
	assert_int_equal(p.status, 400);
	assert_int_equal(p.line, 2);
	assert_true(p.col > 1);
	assert_int_equal(s.n_good + s.n_bad, 0);
	assert_int_equal(events_read(f->doc, STR(""), EVENT_FORM_JSON, &f->ctx, see, &s, &found, &p), ERR_SYNTAX);
	assert_int_equal(events_read(f->doc, STR(""), EVENT_FORM_NDJSON, &f->ctx, see, &s, &found, &p), ERR_OK);
	assert_int_equal(found.n, 0);
	s.stop_at = 1;
	assert_int_equal(events_read(f->doc, STR(E("a") "\n" E("b")), EVENT_FORM_NDJSON, &f->ctx, see, &s, &found, &p), ERR_LIMIT);
	assert_int_equal(p.status, 413);
}

static void large_event(void **state)
{
	struct fixture *f = *state;
	size_t len = EVENT_MAX_SIZE + 100;
	char *body = malloc(len + 1);
	struct events_found found;
	struct problem p = { 0 };
	struct seen s = { .stop_at = 99 };

	memset(body, ' ', len);
	memcpy(body, "{\"id\":", 6);
	memcpy(body + len - 5, "\"x\"}\n", 5);
	for (int form = 0; form < 2; form++) {
		s = (struct seen){ .stop_at = 99 };
		assert_int_equal(events_read(f->doc, (struct str){ body, len }, (enum event_form)form, &f->ctx, see, &s, &found, &p), ERR_OK);
		assert_string_equal(s.pointers[0], form == EVENT_FORM_JSON ? "413" : "413/0");
	}
	free(body);
}

#define NAMES "{\"id\":\"e-1\",\"ticket\":\"INC-1\",\"type\":\"opened\",\"at\":\"2026-11-23T10:00:00Z\""

/* What is written by machines, and no more than that, is read without JSON's reader. */
static void plain_texts(void **state)
{
	struct fixture *f = *state;
	static const struct { const char *text; bool is_plain; } rows[] = {
		{ NAMES "}", true },
		{ " " NAMES ", \"priority\" : \"P1\" ,\n\t\"public\":true,\"automated\": false } \r\n", true },
		{ NAMES ",\"tags\":[\"b\",\"a\", \"b\"],\"actor\":{\"name\":\"Ann\",\"role\":\"agent\"},\"team\":\"\"}", true },
		{ NAMES ",\"subject\":\"No hay conexi\xc3\xb3n \xf0\x9f\x98\x80 por aqu\xc3\xad\"}", true },
		{ NAMES ",\"subject\":\"a\\tb\"}", false },
		{ NAMES ",\"subject\":\"a\x7f\"}", false },
		{ NAMES ",\"subject\":\"\xc3\"}", false },
		{ NAMES ",\"tier\":3}", false },
		{ NAMES ",\"team\":null}", false },
		{ NAMES ",\"tags\":[]}", false },
		{ NAMES ",\"team\":\"a\",\"team\":\"b\"}", false },
		{ NAMES ",\"tags\":[\"a\"],\"tags\":[\"a\"]}", false },
		{ NAMES ",\"actor\":{\"role\":\"agent\"},\"actor\":{\"role\":\"agent\"}}", false },
		{ NAMES ",\"actor\":{\"role\":\"agent\",\"role\":\"agent\"}}", false },
		{ NAMES ",\"actor\":{\"role\":\"agent\",\"name\":\"Ann\",\"role\":\"agent\"}}", false },
		{ NAMES ",\"actor\":{}}", false },
		{ NAMES ",\"actor\":{\"role\":\"agent\"]}", false },
		{ "{\"type\":\"waived\",\"id\":\"e\",\"ticket\":\"T\",\"at\":\"2026-11-23T10:00:00Z\",\"metric\":\"m\",\"reason\":\"r\"}", false },
		{ NAMES ",\"received\":\"2026-11-23T10:00:00Z\"}", false },
		{ NAMES ",\"teem\":\"a\"}", false },
		{ NAMES ",\"public\":tru}", false },
		{ NAMES ",\"public\":\"true\"}", false },
		{ NAMES ",\"type\":\"opened\"}", false },
		{ NAMES ",}", false },
		{ NAMES, false },
		{ NAMES "} x", false },
		{ "{\"id\":\"e-1\",\"ticket\":\"INC-1\",\"type\":\"opened\"}", false },
		{ "{}", false }, { "{", false }, { "", false }, { " ", false }, { "7", false }, { "[" NAMES "}]", false },
	};
	struct problem p;
	struct event e;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		f->ctx.text = str_of(rows[i].text);
		if (event_from_plain(f->ctx.text, &f->ctx, &e, &p) != rows[i].is_plain)
			fail_msg("%s", rows[i].text);
	}
}

/* Whatever is changed in a text, who reads it directly reads the same as JSON's reader, or leaves it. The text is no longer than its memory. */
static size_t same_both_ways(struct fixture *f, const char *text, size_t len)
{
	char *exact = malloc(len > 0 ? len : 1);
	struct event e, plain;
	struct problem p;
	bool is_plain, is_event;

	memcpy(exact, text, len);
	arena_reset(f->arena);
	f->ctx.text = (struct str){ exact, len };
	is_event = json_parse(f->doc, f->ctx.text, NULL) == ERR_OK && event_from_json(f->doc, 0, &f->ctx, &e, &p) == ERR_OK;
	is_plain = event_from_plain(f->ctx.text, &f->ctx, &plain, &p);
	if (is_plain && (!is_event || !same_event(&e, &plain)))
		fail_msg("%.*s", (int)len, text);
	free(exact);
	return is_plain;
}

static void changed_texts(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = {
		NAMES ",\"tags\":[\"b\",\"a\"],\"actor\":{\"name\":\"Ann\",\"role\":\"agent\"},\"public\":false}",
		" " NAMES " , \"subject\" : \"Aqu\xc3\xad\", \"automated\":true, \"url\":\"https://x.example/a\"}",
		"{\"type\":\"attended\",\"mode\":\"onsite\",\"id\":\"1\",\"ticket\":\"T\",\"at\":\"2026-11-23T10:00:00.5-05:00\",\"tier\":2}",
	};
	static const char bytes[] = "\",:{}[] \n\t\\\x7f\x01tfnae019-\x80\xc3\xf0";
	size_t n_plain = 0, n = 0;
	char text[512];

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		size_t len = strlen(texts[i]);

		for (size_t at = 0; at <= len; at++) {
			n_plain += same_both_ways(f, texts[i], at);
			for (size_t b = 0; b < sizeof bytes; b++, n += 2) {
				memcpy(text, texts[i], len);
				text[at] = bytes[b];
				n_plain += same_both_ways(f, text, at < len ? len : len + 1);
				memcpy(text + at + 1, texts[i] + at, len - at);
				n_plain += same_both_ways(f, text, len + 1);
			}
			/* Without what is here, up to some bytes. */
			for (size_t cut = 1; cut < 24 && at + cut <= len; cut++) {
				memcpy(text, texts[i], at);
				memcpy(text + at, texts[i] + at + cut, len - at - cut);
				n_plain += same_both_ways(f, text, len - cut);
			}
		}
	}
	print_message("%zu changed texts, %zu of them plain\n", n, n_plain);
	assert_true(n_plain > 500);
}

static void prefixes(void **state)
{
	(void)state;
	struct problem p;

	problem_set(&p, 422, NULL, "x");
	memset(p.pointer, 'a', sizeof p.pointer - 1);
	p.pointer[sizeof p.pointer - 1] = '\0';
	problem_prefix(&p, 123456);
	assert_memory_equal(p.pointer, "/123456aaa", 10);
	assert_int_equal(strlen(p.pointer), sizeof p.pointer - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_field, setup, teardown),
		cmocka_unit_test_setup_teardown(all_types, setup, teardown),
		cmocka_unit_test_setup_teardown(null_and_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(id_of_the_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(limits, setup, teardown),
		cmocka_unit_test_setup_teardown(received_and_acts, setup, teardown),
		cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(bodies, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_bodies, setup, teardown),
		cmocka_unit_test_setup_teardown(large_event, setup, teardown),
		cmocka_unit_test_setup_teardown(plain_texts, setup, teardown),
		cmocka_unit_test_setup_teardown(changed_texts, setup, teardown),
		cmocka_unit_test(prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
