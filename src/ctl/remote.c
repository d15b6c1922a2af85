/* The commands that ask the daemon. Each is a request and a way to show the answer; --json shows it as it came. */
#include <stdlib.h>

#include "base/limits.h"
#include "client.h"
#include "core/span.h"
#include "ctl.h"
#include "render.h"

#define MAX_IMPORT ((size_t)1 << 30)

/* How an answer is shown: a table of the list under `list`, or the object. */
struct view {
	const char          *list;        /* JSON pointer; NULL: the whole object */
	const struct column *columns;
	size_t               n_columns;
	const char          *empty;
};

#define COLUMNS(v) .columns = (v), .n_columns = sizeof(v) / sizeof((v)[0])

static int show(const struct ctl *ctl, struct buf *answer, const struct view *view)
{
	struct json_doc *d;
	struct diag diag = { 0 };
	int status = EXIT_FINE;

	if (ctl->value[OPT_JSON] != NULL) {
		fwrite(buf_cstr(answer), 1, answer->len, stdout);
		if (answer->len > 0 && answer->p[answer->len - 1] != '\n')
			putchar('\n');
		return EXIT_FINE;
	}
	d = json_create();
	if (json_parse(d, buf_str(answer), &diag) != ERR_OK)
		status = ctl_fail(EXIT_NO_DAEMON, "the daemon's answer is no JSON: %s", diag.msg);
	else if (view->list != NULL)
		render_table(d, json_pointer(d, 0, str_of(view->list)), view->columns, view->n_columns, view->empty);
	else
		render_object(d, 0, 0);
	json_destroy(d);
	return status;
}

static int ask(const struct ctl *ctl, const char *path, const struct view *view)
{
	struct buf answer;
	struct request rq = { .method = "GET", .path = path, .answer = &answer };
	int status;

	buf_init(&answer, (size_t)256 << 20);
	status = client_send(ctl, &rq);
	if (status == EXIT_FINE)
		status = show(ctl, &answer, view);
	buf_finish(&answer);
	return status;
}

/* "?a=b&c=d" of the options that were given. */
struct query { enum option option; const char *name; };

static void put_query(const struct ctl *ctl, const struct query *q, size_t n, struct buf *path)
{
	char sep = '?';

	for (size_t i = 0; i < n; i++) {
		const char *v = ctl->value[q[i].option];

		if (v == NULL)
			continue;
		buf_printf(path, "%c%s=", sep, q[i].name);
		client_escape(v[0] != '\0' ? v : "1", SLASH_ENCODE, path);
		sep = '&';
	}
}

static int ask_with(const struct ctl *ctl, const char *path, const struct query *q, size_t n, const struct view *view)
{
	struct buf b;
	int status;

	buf_init(&b, 8192);
	buf_puts(&b, path);
	put_query(ctl, q, n, &b);
	status = ask(ctl, buf_cstr(&b), view);
	buf_finish(&b);
	return status;
}

int cmd_status(struct ctl *ctl)
{
	return ask(ctl, "/v1/status", &(struct view){ 0 });
}

int cmd_tickets(struct ctl *ctl)
{
	static const struct column columns[] = {
		{ "TICKET", "/ticket" }, { "CONTRACT", "/contract" }, { "PRIORITY", "/priority" }, { "STATE", "/state" }, { "NEXT DUE", "/due" },
		{ "METRIC", "/metric" }, { "SUBJECT", "/subject" },
	};
	static const struct query query[] = { { OPT_CONTRACT, "contract" }, { OPT_AT_RISK, "at_risk" }, { OPT_ALL, "all" }, { OPT_LIMIT, "limit" } };

	return ask_with(ctl, "/v1/tickets", query, 4, &(struct view){ .list = "/tickets", COLUMNS(columns), .empty = "no tickets" });
}

/* "/v1/tickets/ID" + suffix; an ID may be NAMESPACE/ID. */
static void ticket_path(const char *id, const char *suffix, struct buf *path)
{
	buf_puts(path, "/v1/tickets/");
	client_escape(id, SLASH_KEEP, path);
	buf_puts(path, suffix);
}

static int ask_ticket(struct ctl *ctl, const char *suffix, const struct view *view)
{
	struct buf path;
	int status;

	buf_init(&path, 8192);
	ticket_path(ctl->args[0], suffix, &path);
	status = ask(ctl, buf_cstr(&path), view);
	buf_finish(&path);
	return status;
}

int cmd_ticket(struct ctl *ctl)
{
	return ask_ticket(ctl, "", &(struct view){ 0 });
}

int explain_remote(struct ctl *ctl)
{
	static const struct column columns[] = {
		{ "METRIC", "/metric" }, { "CYCLE", "/cycle" }, { "FROM", "/from" }, { "TO", "/to" }, { "COUNTED S", "/counted_s" }, { "WHY", "/why" },
	};

	return ask_ticket(ctl, "/explain", &(struct view){ .list = "/stretches", COLUMNS(columns), .empty = "no clocks" });
}

int cmd_next(struct ctl *ctl)
{
	static const struct column columns[] = {
		{ "AT", "/at" }, { "TICKET", "/ticket" }, { "CONTRACT", "/contract" }, { "METRIC", "/metric" }, { "CYCLE", "/cycle" }, { "STEP", "/step" },
	};
	static const struct query query[] = { { OPT_LIMIT, "limit" } };

	return ask_with(ctl, "/v1/next", query, 1, &(struct view){ .list = "/next", COLUMNS(columns), .empty = "nothing is due" });
}

int cmd_deliveries(struct ctl *ctl)
{
	static const struct column columns[] = {
		{ "CREATED", "/created" }, { "RECEIVER", "/receiver" }, { "TYPE", "/type" }, { "TICKET", "/ticket" }, { "STATE", "/state" },
		{ "TRIES", "/attempts" }, { "STATUS", "/status" }, { "DETAIL", "/detail" }, { "ID", "/id" },
	};
	static const struct query query[] = { { OPT_TICKET, "ticket" }, { OPT_FAILED, "failed" }, { OPT_LIMIT, "limit" } };

	return ask_with(ctl, "/v1/deliveries", query, 3, &(struct view){ .list = "/deliveries", COLUMNS(columns), .empty = "no deliveries" });
}

/* ---- acts ---- */

static int post(const struct ctl *ctl, const char *path, struct str body, const char *type, const struct view *view)
{
	struct buf answer;
	struct request rq = { .method = "POST", .path = path, .body = body, .content_type = type, .answer = &answer, .endless = true };
	int status;

	buf_init(&answer, (size_t)16 << 20);
	status = client_send(ctl, &rq);
	if (status == EXIT_FINE)
		status = show(ctl, &answer, view);
	buf_finish(&answer);
	return status;
}

static int act_on_clock(struct ctl *ctl, const char *suffix, const char *by)
{
	struct buf path, body;
	struct json_out o;
	int status;

	buf_init(&path, 8192);
	buf_init(&body, 8192);
	ticket_path(ctl->args[0], suffix, &path);
	o = json_out(&body);
	json_begin_object(&o);
	json_put_key(&o, "metric");
	json_put_z(&o, ctl->args[1]);
	json_put_key(&o, "reason");
	json_put_z(&o, ctl->value[OPT_REASON]);
	if (by != NULL) {
		json_put_key(&o, "by");
		json_put_z(&o, by);
	}
	json_end_object(&o);
	status = post(ctl, buf_cstr(&path), buf_str(&body), NULL, &(struct view){ 0 });
	buf_finish(&path);
	buf_finish(&body);
	return status;
}

int cmd_waive(struct ctl *ctl)
{
	if (ctl->value[OPT_REASON] == NULL)
		return ctl_usage(ctl, "a waiver needs its --reason");
	return act_on_clock(ctl, "/waive", NULL);
}

int cmd_extend(struct ctl *ctl)
{
	struct diag d = { 0 };
	int64_t ms;

	if (ctl->value[OPT_REASON] == NULL || ctl->value[OPT_BY] == NULL)
		return ctl_usage(ctl, "an extension needs --by and its --reason");
	if (span_parse_ms(str_of(ctl->value[OPT_BY]), &ms, &d) != ERR_OK || ms <= 0)
		return ctl_usage(ctl, "--by %s: %s", ctl->value[OPT_BY], d.msg[0] != '\0' ? d.msg : "it must be more than 0");
	return act_on_clock(ctl, "/extend", ctl->value[OPT_BY]);
}

int cmd_receiver_test(struct ctl *ctl)
{
	struct buf path;
	int status;

	buf_init(&path, 8192);
	buf_puts(&path, "/v1/receivers/");
	client_escape(ctl->args[0], SLASH_ENCODE, &path);
	buf_puts(&path, "/test");
	status = post(ctl, buf_cstr(&path), (struct str){ NULL, 0 }, NULL, &(struct view){ 0 });
	buf_finish(&path);
	return status;
}

int cmd_reload(struct ctl *ctl)
{
	return post(ctl, "/v1/reload", (struct str){ NULL, 0 }, NULL, &(struct view){ 0 });
}

static bool print_piece(void *ctx, struct str piece)
{
	(void)ctx;
	return fwrite(piece.p, 1, piece.len, stdout) == piece.len && fflush(stdout) == 0;
}

int cmd_tail(struct ctl *ctl)
{
	struct request rq = { .method = "GET", .path = "/v1/tail", .on_piece = print_piece, .endless = true };

	return client_send(ctl, &rq);
}

/* ---- import: in pieces that a request may carry, with progress on a terminal ---- */

#define PIECE_BYTES ((size_t)1 << 20)

static struct str next_piece(struct str *rest)
{
	struct str piece = *rest;

	if (rest->len > PIECE_BYTES) {
		size_t len = PIECE_BYTES;

		while (len > 0 && rest->p[len - 1] != '\n')
			len--;
		if (len > 0)
			piece.len = len;
	}
	rest->p += piece.len;
	rest->len -= piece.len;
	return piece;
}

struct tally { int64_t accepted, duplicates, refused; };

/* Adds up one answer; refused events are told with the line they stand on. */
static void add_answer(struct buf *answer, size_t first_line, struct tally *t)
{
	struct json_doc *d = json_create();
	int64_t n, index;

	if (json_parse(d, buf_str(answer), NULL) == ERR_OK) {
		if (json_get(d, 0, STR("accepted")) != JSON_ABSENT && json_i64(d, json_get(d, 0, STR("accepted")), 0, INT64_MAX, &n) == ERR_OK)
			t->accepted += n;
		if (json_get(d, 0, STR("duplicates")) != JSON_ABSENT && json_i64(d, json_get(d, 0, STR("duplicates")), 0, INT64_MAX, &n) == ERR_OK)
			t->duplicates += n;
		for (json_node e = json_first(d, json_get(d, 0, STR("refused"))); e != JSON_ABSENT; e = json_next(d, e)) {
			struct str why = json_text(d, json_get(d, e, STR("detail"))), where = json_text(d, json_get(d, e, STR("pointer")));

			t->refused++;
			if (json_i64(d, json_get(d, e, STR("index")), 0, INT64_MAX, &index) != ERR_OK)
				index = 0;
			fprintf(stderr, "event %zu: " STR_FMT " " STR_FMT "\n", first_line + (size_t)index, STR_ARG(where), STR_ARG(why));
		}
	}
	json_destroy(d);
}

static size_t count_lines(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == '\n';
	return n;
}

static int import_pieces(struct ctl *ctl, const char *path, struct str rest, struct tally *t)
{
	size_t line = 1, total = rest.len;
	int status = EXIT_FINE;

	while (rest.len > 0 && status == EXIT_FINE) {
		struct str piece = next_piece(&rest);
		struct buf answer;
		struct request rq = { .method = "POST", .path = path, .body = piece, .content_type = "application/x-ndjson", .answer = &answer };

		buf_init(&answer, (size_t)64 << 20);
		status = client_send(ctl, &rq);
		if (status == EXIT_FINE)
			add_answer(&answer, line, t);
		line += count_lines(piece);
		buf_finish(&answer);
		fprintf(stderr, "\rimport: %zu %% (%lld accepted)", (total - rest.len) * 100 / total, (long long)t->accepted);
	}
	fputc('\n', stderr);
	return status;
}

int cmd_import(struct ctl *ctl)
{
	static const struct query query[] = { { OPT_SOURCE, "source" }, { OPT_ALERT, "alert" } };
	int status = EXIT_FINE;
	struct tally t = { 0 };
	size_t len;
	char *text;
	struct buf path;

	if (ctl->value[OPT_SOURCE] == NULL)
		return ctl_usage(ctl, "--source says whose tickets these are");
	text = ctl_read_all(ctl->args[0], MAX_IMPORT, &len, &status);
	if (text == NULL)
		return status;
	buf_init(&path, 8192);
	buf_puts(&path, "/v1/import");
	put_query(ctl, query, 2, &path);
	status = import_pieces(ctl, buf_cstr(&path), (struct str){ text, len }, &t);
	if (status == EXIT_FINE) {
		printf("%lld accepted, %lld duplicates, %lld refused\n", (long long)t.accepted, (long long)t.duplicates, (long long)t.refused);
		status = t.refused > 0 ? EXIT_BAD_EVENTS : EXIT_FINE;
	}
	buf_finish(&path);
	free(text);
	return status;
}
