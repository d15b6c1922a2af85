#include "../http_loop.h"

#include "base/json.h"
#include "base/limits.h"
#include "ingest/intake.h"

#define NOW_MS INT64_C(1614265330000)
#define REST   "\"ticket\":\"T\",\"type\":\"changed\",\"at\":\"2026-01-01T00:00:00Z\""
#define E(id)  "{\"id\":\"" id "\"," REST "}"

/* ---- a sink that decides by the event's id ---- */

struct bench {
	struct http_loop     loop;
	struct intake       *intake;
	struct verifier     *verifiers[3];
	struct intake_source sources[4];
	struct json_doc     *doc;
	_Atomic bool         is_full;
	struct intake_batch *pending[64];
	size_t               n_pending;
	char                 seen[64][32];       /* "ns/id" of what came */
	_Atomic size_t       n_seen;
	char                 socket[64];
};

static enum intake_result result_of(const struct event *e)
{
	static const struct { const char *id; enum intake_result r; } table[] = {
		{ "dup", INTAKE_DUPLICATE }, { "conflict", INTAKE_CONFLICT }, { "many", INTAKE_TICKET_FULL }, { "alien", INTAKE_FORBIDDEN },
		{ "broken", INTAKE_FAILED },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (str_eqz(e->id, table[i].id))
			return table[i].r;
	return INTAKE_DONE;
}

static void on_commit(evutil_socket_t fd, short what, void *arg)
{
	struct bench *b = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < b->n_pending; i++) {
		struct intake_batch *batch = b->pending[i];

		for (size_t j = 0; j < batch->n; j++)
			batch->results[j] = (uint8_t)result_of(&batch->events[j]);
		batch->done(batch);
	}
	b->n_pending = 0;
}

static bool sink(void *ctx, struct intake_batch *batch)
{
	struct bench *b = ctx;
	struct timeval tv = { .tv_usec = 1000 };

	if (b->is_full)
		return false;
	assert_int_equal(batch->received.ms, NOW_MS);
	for (size_t i = 0; i < batch->n; i++) {
		assert_int_equal(batch->events[i].received.ms, NOW_MS);
		assert_true(str_eq(batch->events[i].ns, batch->ns));
		size_t n = b->n_seen;

		if (n == 64)
			continue;
		snprintf(b->seen[n], sizeof b->seen[0], STR_FMT "/" STR_FMT, STR_ARG(batch->ns), STR_ARG(batch->events[i].id));
		b->n_seen = n + 1;
	}
	assert_true(b->n_pending < 64);
	b->pending[b->n_pending++] = batch;
	if (b->n_pending == 1)
		event_base_once(b->loop.base, -1, EV_TIMEOUT, on_commit, b, &tv);
	return true;
}

static struct wall now(void *ctx)
{
	(void)ctx;
	return (struct wall){ NOW_MS };
}

static void head(void *ctx, struct http_request *r, struct http_admission *adm)
{
	struct bench *b = ctx;

	if (intake_wants(r))
		intake_head(b->intake, r, adm);
	else
		problem_set(&adm->refusal, 404, NULL, "There is nothing here.");
}

static void request(void *ctx, struct http_request *r)
{
	struct bench *b = ctx;

	intake_request(b->intake, r);
}

static struct verifier *make(enum verify_kind kind, const char *secret)
{
	struct verify_config cfg = { .kind = kind, .n_secrets = secret != NULL };
	struct verifier *v = NULL;

	if (secret != NULL)
		cfg.secrets[0] = str_of(secret);
	assert_int_equal(verifier_create(&cfg, &v, NULL), ERR_OK);
	return v;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	loop_init(&b->loop, NULL, &(struct http_handler){ head, request, b }, 64);
	b->intake = intake_create(&(struct intake_options){
		.base = b->loop.base, .body_len = 2000, .bulk_len = 1u << 20, .sink = sink, .now = now, .ctx = b });
	b->verifiers[0] = make(VERIFY_BEARER, "s3cret");
	b->verifiers[1] = make(VERIFY_STANDARD_WEBHOOKS, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	b->verifiers[2] = make(VERIFY_NONE, NULL);
	b->sources[0] = (struct intake_source){ STR("desk"), STR("shared"), b->verifiers[0] };
	b->sources[1] = (struct intake_source){ STR("hook"), STR("hook"), b->verifiers[1] };
	b->sources[2] = (struct intake_source){ STR("local"), STR("local"), b->verifiers[2] };
	b->sources[3] = (struct intake_source){ STR("d\xc3\xa9sk"), STR("shared"), b->verifiers[0] };
	intake_set_sources(b->intake, b->sources, 4);
	b->doc = json_create();
	snprintf(b->socket, sizeof b->socket, "/tmp/plazo-intake-%d.sock", (int)getpid());
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", b->socket);
	unlink(b->socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(http_server_listen(b->loop.server, fd, LISTEN_CONTROL, 8, NULL), ERR_OK);
	loop_start(&b->loop);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	loop_stop(&b->loop);
	/* What the loop had no time for any more: batches are given back before the end. */
	on_commit(-1, 0, b);
	intake_destroy(b->intake);
	loop_finish(&b->loop);
	for (size_t i = 0; i < 3; i++)
		verifier_destroy(b->verifiers[i]);
	json_destroy(b->doc);
	unlink(b->socket);
	free(b);
	return 0;
}

/* The numbers are the loop thread's: it rests while they are read. */
static struct intake_stats stats_of(struct bench *b)
{
	struct intake_stats stats;

	loop_stop(&b->loop);
	intake_stats(b->intake, &stats);
	loop_start(&b->loop);
	return stats;
}

/* ---- asking ---- */

static void put_request(int fd, const char *source, const char *type, const char *headers, const char *body, size_t len)
{
	char text[1024];

	snprintf(text, sizeof text, "POST /v1/events/%s HTTP/1.1\r\nHost: x\r\n%s%s%s%sContent-Length: %zu\r\n\r\n", source,
		 type != NULL ? "Content-Type: " : "", type != NULL ? type : "", type != NULL ? "\r\n" : "", headers, len);
	client_puts(fd, text);
	client_send(fd, body, len);
}

#define BEARER "Authorization: Bearer s3cret\r\n"
#define JSON   "application/json"
#define NDJSON "application/x-ndjson"

static struct answer ask_at(struct bench *b, const char *source, const char *type, const char *headers, const char *body)
{
	int fd = client_open(b->loop.port);
	struct answer a;

	put_request(fd, source, type, headers, body, strlen(body));
	a = client_answer(fd, 0);
	close(fd);
	return a;
}

static struct answer ask(struct bench *b, const char *type, const char *body)
{
	return ask_at(b, "desk", type, BEARER, body);
}

/* The answer has this status, and this text at this pointer. */
static void expect(struct bench *b, struct answer a, int status, const char *pointer, const char *text)
{
	struct diag d;
	json_node n;

	if (a.status != status)
		fail_msg("%d instead of %d: %s", a.status, status, a.body != NULL ? a.body : "");
	if (json_parse(b->doc, (struct str){ a.body, a.body_len }, &d) != ERR_OK)
		fail_msg("no JSON: %s", a.body);
	n = json_pointer(b->doc, 0, str_of(pointer));
	if (n == JSON_ABSENT || strstr(a.body, text) == NULL)
		fail_msg("no \"%s\" at \"%s\": %s", text, pointer, a.body);
	if (json_is_str(b->doc, n)) {
		struct str s = json_text(b->doc, n);

		if (memmem(s.p, s.len, text, strlen(text)) == NULL)
			fail_msg("\"%s\" is not in \"%.*s\"", text, STR_ARG(s));
	} else {
		assert_str(json_raw(b->doc, n), text);
	}
	free(a.body);
}

static void accepted(void **state)
{
	struct bench *b = *state;

	expect(b, ask(b, JSON, E("a")), 202, "", "{\"accepted\":1,\"duplicates\":0}");
	expect(b, ask(b, "application/json; charset=utf-8", " " E("b") "\n"), 202, "", "{\"accepted\":1,\"duplicates\":0}");
	expect(b, ask(b, "Application/JSON;charset=\"UTF-8\"", E("b")), 202, "/accepted", "1");
	expect(b, ask(b, JSON, E("dup")), 202, "", "{\"accepted\":0,\"duplicates\":1}");
	expect(b, ask(b, JSON, "[" E("a") "," E("dup") "," E("c") "]"), 202, "", "{\"accepted\":2,\"duplicates\":1}");
	expect(b, ask(b, JSON, "[]"), 202, "", "{\"accepted\":0,\"duplicates\":0}");
	expect(b, ask(b, NDJSON, E("x") "\n\n" E("y")), 202, "", "{\"accepted\":2,\"duplicates\":0}");
	expect(b, ask(b, NDJSON, ""), 202, "", "{\"accepted\":0,\"duplicates\":0}");
	expect(b, ask_at(b, "d%C3%A9sk", JSON, BEARER, E("z")), 202, "/accepted", "1");
	assert_string_equal(b->seen[0], "shared/a");
	assert_string_equal(b->seen[7], "shared/x");
}

static void refused_alone(void **state)
{
	struct bench *b = *state;

	expect(b, ask(b, JSON, "{"), 400, "/line", "1");
	expect(b, ask(b, JSON, ""), 400, "/detail", "JSON");
	expect(b, ask(b, JSON, E("a") "x"), 400, "/column", "69");
	expect(b, ask(b, JSON, "{\"id\":\"q\",\"tags\":[1]," REST "}"), 422, "/pointer", "/tags/0");
	expect(b, ask(b, JSON, "{\"id\":\"q\",\"prio\":1," REST "}"), 422, "/id", "q");
	expect(b, ask(b, JSON, "7"), 422, "/detail", "object");
	expect(b, ask(b, JSON, E("conflict")), 409, "/id", "conflict");
	expect(b, ask(b, JSON, E("many")), 422, "/detail", "as many events");
	expect(b, ask(b, JSON, E("alien")), 403, "/title", "Forbidden");
	expect(b, ask(b, JSON, E("alien")), 403, "/detail", "The contract that the ticket has is not among the contracts of the source ");
	expect(b, ask(b, JSON, E("broken")), 503, "/detail", "disk");
	assert_int_equal(b->n_seen, 5);
}

static void refused_among_others(void **state)
{
	struct bench *b = *state;
	struct answer a;

	a = ask(b, JSON, "[" E("a") ",{\"id\":\"bad\",\"ticket\":\"T\",\"type\":\"changed\",\"at\":\"never\"}," E("conflict") "," E("dup") "," E("alien") ",7]");
	expect(b, a, 207, "/accepted", "1");
	a = ask(b, JSON, "[" E("a") ",{\"id\":\"bad\",\"ticket\":\"T\",\"type\":\"changed\",\"at\":\"never\"}," E("conflict") "," E("dup") "," E("alien") ",7]");
	assert_non_null(strstr(a.body, "\"refused\":[{\"index\":1,\"title\":\"Unprocessable Content\",\"status\":422,"));
	assert_non_null(strstr(a.body, "\"id\":\"bad\",\"pointer\":\"/1/at\"}"));
	assert_non_null(strstr(a.body, "{\"index\":2,\"title\":\"Conflict\",\"status\":409,"));
	assert_non_null(strstr(a.body, "\"id\":\"conflict\",\"pointer\":\"/2\"}"));
	assert_non_null(strstr(a.body, "{\"index\":4,\"title\":\"Forbidden\",\"status\":403,"));
	assert_non_null(strstr(a.body, "{\"index\":5,"));
	assert_null(strstr(a.body, "{\"index\":3,"));
	expect(b, a, 207, "/duplicates", "1");
	expect(b, ask(b, NDJSON, "{oops\n" E("a") "\n"), 207, "/refused/0/line", "1");
	expect(b, ask(b, NDJSON, "{oops\n" E("a") "\n"), 207, "/refused/0/status", "400");
	expect(b, ask(b, NDJSON, "\n\nnull\n"), 207, "/refused/0/line", "3");
	expect(b, ask(b, JSON, "[" E("a") "," E("broken") "]"), 503, "/status", "503");
}

static void types_and_methods(void **state)
{
	struct bench *b = *state;
	static const char *const bad[] = {
		NULL, "", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/json; q=1",
		"application/jsonx", "application/json, application/json",
	};
	struct answer a;
	int fd;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		expect(b, ask(b, bad[i], E("a")), 415, "/status", "415");
	expect(b, ask(b, "application/cloudevents+avro", E("a")), 415, "/status", "415");
	expect(b, ask(b, "application/cloudevents", E("a")), 415, "/status", "415");
	fd = client_open(b->loop.port);
	client_puts(fd, "GET /v1/events/desk HTTP/1.1\r\nHost: x\r\n\r\n");
	a = client_answer(fd, 0);
	assert_int_equal(a.status, 405);
	assert_non_null(strstr(a.head, "Allow: POST\r\n"));
	free(a.body);
	client_puts(fd, "POST /v1/event/desk HTTP/1.1\r\nHost: x\r\n\r\n");
	a = client_answer(fd, 0);
	assert_int_equal(a.status, 404);
	free(a.body);
	close(fd);
	assert_int_equal(b->n_seen, 0);
}

#define CE(id, more) "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"s\",\"type\":\"t\"," more "}"
#define CE_HEADERS   "ce-specversion: 1.0\r\nce-id: A-1\r\nce-source: /s\r\nce-type: t\r\n"

static void cloudevents(void **state)
{
	struct bench *b = *state;
	static const char one[] = "application/cloudevents+json", many[] = "application/cloudevents-batch+json; charset=utf-8";

	expect(b, ask(b, one, CE("1", "\"data\":" E("a"))), 202, "/accepted", "1");
	expect(b, ask(b, one, CE("1", "\"data\":{" REST "}")), 202, "/accepted", "1");
	assert_string_equal(b->seen[1], "shared/s 1");
	expect(b, ask(b, one, CE("1", "\"data\":{" REST ",\"tags\":[1]}")), 422, "/pointer", "/data/tags/0");
	expect(b, ask(b, one, CE("1", "\"data\":{" REST ",\"tags\":[1]}")), 422, "/id", "s 1");
	expect(b, ask(b, one, CE("1", "\"data_base64\":\"e30=\"")), 415, "/pointer", "/data_base64");
	expect(b, ask(b, one, "[]"), 422, "/detail", "an object");
	expect(b, ask(b, many, "{}"), 422, "/detail", "an array");
	expect(b, ask(b, many, "[" CE("1", "\"data\":" E("a")) "," CE("2", "\"data\":" E("dup")) "]"), 202, "", "{\"accepted\":1,\"duplicates\":1}");
	expect(b, ask(b, many, "[" CE("1", "\"data\":" E("a")) "," CE("2", "\"x\":1") "]"), 207, "/refused/0/pointer", "/1/data");
	assert_int_equal(b->n_seen, 5);
}

static void cloudevents_in_headers(void **state)
{
	struct bench *b = *state;

	/* An envelope's type wins over headers; otherwise headers make the body the data. */
	expect(b, ask_at(b, "desk", "application/cloudevents+json", BEARER CE_HEADERS, CE("3", "\"data\":{" REST "}")), 202, "/accepted", "1");
	assert_string_equal(b->seen[0], "shared/s 3");
	expect(b, ask_at(b, "desk", JSON, BEARER CE_HEADERS, "{" REST "}"), 202, "/accepted", "1");
	assert_string_equal(b->seen[1], "shared//s A-1");
	expect(b, ask_at(b, "desk", JSON, BEARER "ce-id: A\r\n", E("a")), 422, "/detail", "ce-specversion");
	expect(b, ask_at(b, "desk", JSON, BEARER CE_HEADERS CE_HEADERS, E("a")), 400, "/detail", "more than once");
	expect(b, ask_at(b, "desk", JSON, BEARER CE_HEADERS, "[" E("a") "]"), 422, "/detail", "an object");
	expect(b, ask_at(b, "desk", NDJSON, BEARER CE_HEADERS, E("a")), 415, "/detail", "must be JSON");
	expect(b, ask_at(b, "desk", "text/xml", BEARER CE_HEADERS, E("a")), 415, "/detail", "must be JSON");
	assert_int_equal(b->n_seen, 2);
}

/* Whoever is not who he says gets one and the same answer. */
static void strangers(void **state)
{
	struct bench *b = *state;
	struct answer first = ask_at(b, "desk", JSON, "Authorization: Bearer nope\r\n", E("a"));
	const struct { const char *source, *headers; } others[] = {
		{ "desk", "" }, { "nobody", "" }, { "nobody", BEARER }, { "", BEARER }, { "hook", BEARER }, { "local", "" },
		{ "hook", "webhook-id: m\r\nwebhook-timestamp: 1614265330\r\nwebhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\n" },
		{ "nobody", "webhook-id: m\r\nwebhook-timestamp: 1614265330\r\nwebhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\n" },
		{ "desk/x", BEARER }, { "DESK", BEARER },
	};

	assert_int_equal(first.status, 401);
	assert_non_null(strstr(first.head, "WWW-Authenticate: "));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		struct answer a = ask_at(b, others[i].source, JSON, others[i].headers, "not even JSON");

		if (a.status != 401 || strcmp(a.body, first.body) != 0)
			fail_msg("case %zu: %d %s", i, a.status, a.body);
		free(a.body);
	}
	free(first.body);
	assert_int_equal(b->n_seen, 0);
	assert_int_equal(stats_of(b).n_unverified, 11);
}

static void signed_bodies(void **state)
{
	struct bench *b = *state;
	static const char headers[] = "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\r\nwebhook-timestamp: 1614265330\r\n"
				      "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\n";

	/* The vector's body is no event: it is past the door, and refused by its fields. */
	expect(b, ask_at(b, "hook", JSON, headers, "{\"test\": 2432232314}"), 422, "/pointer", "/test");
	expect(b, ask_at(b, "hook", JSON, headers, "{\"test\": 2432232315}"), 401, "/status", "401");
}

static void unix_source(void **state)
{
	struct bench *b = *state;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", b->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	put_request(fd, "local", JSON, "", E("a"), strlen(E("a")));
	expect(b, client_answer(fd, 0), 202, "/accepted", "1");
	close(fd);
	assert_string_equal(b->seen[0], "local/a");
}

static void sizes(void **state)
{
	struct bench *b = *state;
	size_t len = (1u << 20) + 1;
	char *body = malloc(len + 1);
	int fd;

	/* A single event has a limit of its own; a list of one does not. */
	memset(body, ' ', len);
	body[len] = '\0';
	memcpy(body, E("a"), strlen(E("a")));
	body[2000] = '\0';
	expect(b, ask(b, JSON, body), 202, "/accepted", "1");
	body[2000] = ' ';
	body[2001] = '\0';
	expect(b, ask(b, JSON, body), 413, "/detail", "2000 bytes");
	expect(b, ask(b, NDJSON, body), 202, "/accepted", "1");
	body[2001] = ' ';
	fd = client_open(b->loop.port);
	put_request(fd, "desk", NDJSON, BEARER, body, len);
	expect(b, client_answer(fd, 0), 413, "/status", "413");
	close(fd);
	free(body);
}

static void too_many(void **state)
{
	struct bench *b = *state;
	size_t n = INTAKE_MAX_EVENTS + 1, len = n * 2 + 1;
	char *body = malloc(len + 1), *at = body;
	int fd;

	*at++ = '[';
	for (size_t i = 0; i < n; i++) {
		*at++ = '7';
		*at++ = i + 1 < n ? ',' : ']';
	}
	fd = client_open(b->loop.port);
	put_request(fd, "desk", JSON, BEARER, body, len);
	expect(b, client_answer(fd, 0), 413, "/detail", "more events");
	/* As many as are taken, all of them bad: each is told. */
	body[len - 3] = ']';
	put_request(fd, "desk", JSON, BEARER, body, len - 2);
	expect(b, client_answer(fd, 0), 207, "/refused/65535/index", "65535");
	close(fd);
	free(body);
}

/* Large enough to be read beside the loop: 1,500 events, every third of them bad. */
static size_t make_large(char *body, int id)
{
	size_t len = 0;

	for (int i = 0; i < 1500; i++)
		len += (size_t)(i % 3 == 2 ? sprintf(body + len, "{\"id\":\"x%d\"}\n", i) : sprintf(body + len, "{\"id\":\"%d-%d\"," REST "}\n", id, i));
	return len;
}

static void large_bodies(void **state)
{
	struct bench *b = *state;
	char *body = malloc(256u << 10);
	int fd[6];

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 6; i++) {
			size_t len = make_large(body, i);

			assert_true(len > 65536);
			fd[i] = client_open(b->loop.port);
			put_request(fd[i], "desk", NDJSON, BEARER, body, len);
			/* A small one does not wait behind them. */
			expect(b, ask(b, JSON, E("a")), 202, "/accepted", "1");
		}
		for (int i = 0; i < 6; i++) {
			expect(b, client_answer(fd[i], 0), 207, "/refused/499/index", "1499");
			close(fd[i]);
		}
	}
	free(body);
}

/* The end comes while bodies are being read, and while some wait to be: nothing is left behind, nothing is touched afterwards. */
static void end_while_reading(void **state)
{
	struct bench *b = *state;
	char *body = malloc(256u << 10);
	size_t len = make_large(body, 1);
	int fd[6];

	for (int i = 0; i < 6; i++) {
		fd[i] = client_open(b->loop.port);
		put_request(fd[i], "desk", NDJSON, BEARER, body, len);
	}
	expect(b, ask(b, JSON, E("a")), 202, "/accepted", "1");
	for (int i = 0; i < 6; i++)
		close(fd[i]);
	free(body);
}

static void full_sink(void **state)
{
	struct bench *b = *state;
	struct intake_stats stats;
	struct answer a;

	b->is_full = true;
	a = ask(b, JSON, E("a"));
	assert_non_null(strstr(a.head, "Retry-After: 5\r\n"));
	expect(b, a, 503, "/status", "503");
	b->is_full = false;
	expect(b, ask(b, JSON, E("a")), 202, "/accepted", "1");
	stats = stats_of(b);
	assert_int_equal(stats.n_full, 1);
	assert_int_equal(stats.n_batches, 0);
	assert_int_equal(stats.n_events, 1);
}

/* Many at once, and some that leave before the answer. */
static void concurrent(void **state)
{
	struct bench *b = *state;
	struct intake_stats stats;
	int fd[32];

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 32; i++) {
			fd[i] = client_open(b->loop.port);
			put_request(fd[i], "desk", JSON, BEARER, E("\\u0061"), strlen(E("\\u0061")));
			if (i % 4 == 1)
				close(fd[i]);
		}
		for (int i = 0; i < 32; i++) {
			if (i % 4 == 1)
				continue;
			expect(b, client_answer(fd[i], 0), 202, "/accepted", "1");
			close(fd[i]);
		}
	}
	loop_stop(&b->loop);
	on_commit(-1, 0, b);
	intake_stats(b->intake, &stats);
	assert_int_equal(stats.n_batches, 0);
	assert_true(stats.n_events >= 5 * 24 && stats.n_events <= 5 * 32);
	loop_start(&b->loop);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(accepted), CASE(refused_alone), CASE(refused_among_others), CASE(types_and_methods), CASE(cloudevents),
		CASE(cloudevents_in_headers), CASE(strangers), CASE(signed_bodies),
		CASE(unix_source), CASE(sizes), CASE(too_many), CASE(large_bodies), CASE(end_while_reading), CASE(full_sink), CASE(concurrent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
