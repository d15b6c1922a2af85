/* The commands that ask the daemon. Each is a request and a way to show the answer; --json shows it as it came. */
#include <stdlib.h>

#include "client.h"
#include "core/span.h"
#include "ctl.h"
#include "remote.h"

static int show(const struct ctl *ctl, struct buf *answer, const struct view *view)
{
	struct json_doc *d;
	struct diag diag = { 0 };
	int status = EXIT_FINE;

	d = json_create();
	if (json_parse(d, buf_str(answer), &diag) != ERR_OK)
		status = ctl_fail(EXIT_NO_DAEMON, "the daemon's answer is no JSON: %s", diag.msg);
	else if (ctl->value[OPT_JSON] != NULL)
		printf("%s\n", buf_cstr(answer));
	else if (view->list != NULL)
		render_table(d, json_pointer(d, 0, str_of(view->list)), view->columns, view->n_columns, view->empty);
	else
		view->print(ctl, d);
	if (status == EXIT_FINE && view->is_fine != NULL && !str_eqz(json_raw(d, json_pointer(d, 0, str_of(view->is_fine))), "true"))
		status = EXIT_NO;
	if (status == EXIT_FINE && json_is_str(d, json_get(d, 0, STR("after"))))
		fprintf(stderr, "plazoctl: there are more: go on with --after " STR_FMT "\n", STR_ARG(json_text(d, json_get(d, 0, STR("after")))));
	json_destroy(d);
	return status;
}

int remote_ask(const struct ctl *ctl, const char *path, const struct view *view)
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

static int ask_with(const struct ctl *ctl, const char *path, const struct query *q, size_t n, const struct view *view)
{
	struct buf b;
	int status;

	buf_init(&b, 8192);
	buf_puts(&b, path);
	client_query(ctl, q, n, &b);
	status = remote_ask(ctl, buf_cstr(&b), view);
	buf_finish(&b);
	return status;
}

int cmd_status(struct ctl *ctl)
{
	return remote_ask(ctl, "/v1/status", &(struct view){ .print = show_status, .is_fine = "/ready" });
}

int cmd_tickets(struct ctl *ctl)
{
	static const struct column columns[] = {
		{ "TICKET", "/ticket", CELL_TICKET }, { "CONTRACT", "/contract", CELL_TEXT }, { "PRIORITY", "/priority", CELL_TEXT },
		{ "STATE", "/state", CELL_TEXT }, { "METRIC", "/metric", CELL_TEXT }, { "DUE", "/due", CELL_INSTANT }, { "LEFT", "/due", CELL_LEFT },
		{ "SUBJECT", "/subject", CELL_TITLE },
	};
	static const struct query query[] = {
		{ OPT_CONTRACT, "contract" }, { OPT_AT_RISK, "at_risk" }, { OPT_ORDER, "order" }, { OPT_LIMIT, "limit" }, { OPT_AFTER, "after" },
	};

	/* Who looks at a list wants to know what to do next; programs that ask the daemon themselves want pages. */
	if (ctl->value[OPT_ORDER] == NULL)
		ctl->value[OPT_ORDER] = "due";
	if (strcmp(ctl->value[OPT_ORDER], "due") != 0 && strcmp(ctl->value[OPT_ORDER], "name") != 0)
		return ctl_usage(ctl, "--order %s: due or name is wanted", ctl->value[OPT_ORDER]);
	return ask_with(ctl, "/v1/tickets", query, 5, &(struct view){ .list = "/tickets", COLUMNS(columns), .empty = "no tickets" });
}

/* "/v1/tickets/ID" + suffix. An ID may be NAMESPACE/ID, and may have slashes of its own: the daemon tells which. */
static void ticket_path(const char *id, const char *suffix, struct buf *path)
{
	buf_puts(path, "/v1/tickets/");
	buf_put_escaped(path, str_of(id));
	buf_puts(path, suffix);
}

static int ask_ticket(struct ctl *ctl, const char *suffix, const struct view *view)
{
	struct buf path;
	int status;

	buf_init(&path, 8192);
	ticket_path(ctl->args[0], suffix, &path);
	status = remote_ask(ctl, buf_cstr(&path), view);
	buf_finish(&path);
	return status;
}

int cmd_ticket(struct ctl *ctl)
{
	return ask_ticket(ctl, "", &(struct view){ .print = show_ticket });
}

int explain_remote(struct ctl *ctl)
{
	return ask_ticket(ctl, "/explain", &(struct view){ .print = show_explained });
}

int cmd_next(struct ctl *ctl)
{
	static const struct column columns[] = {
		{ "AT", "/at", CELL_INSTANT }, { "IN", "/at", CELL_LEFT }, { "TICKET", "/ticket", CELL_TICKET }, { "CONTRACT", "/contract", CELL_TEXT },
		{ "METRIC", "/metric", CELL_TEXT }, { "CYCLE", "/cycle", CELL_TEXT }, { "STEP", "/step", CELL_TEXT },
	};
	static const struct query query[] = { { OPT_LIMIT, "limit" } };

	return ask_with(ctl, "/v1/next", query, 1, &(struct view){ .list = "/next", COLUMNS(columns), .empty = "nothing is due" });
}

int cmd_deliveries(struct ctl *ctl)
{
	static const struct column columns[] = {
		{ "CREATED", "/created", CELL_INSTANT }, { "TICKET", "/ticket", CELL_TICKET }, { "TYPE", "/type", CELL_TEXT },
		{ "STEP", "/alert/step", CELL_TEXT }, { "RECEIVER", "/receiver", CELL_TEXT }, { "STATE", "/state", CELL_TEXT },
		{ "TRIES", "/attempts", CELL_TEXT }, { "DETAIL", "/detail", CELL_TEXT }, { "ID", "/id", CELL_TEXT },
	};
	static const struct query query[] = { { OPT_TICKET, "ticket" }, { OPT_FAILED, "failed" }, { OPT_LIMIT, "limit" } };

	return ask_with(ctl, "/v1/deliveries", query, 3, &(struct view){ .list = "/deliveries", COLUMNS(columns), .empty = "no deliveries" });
}

/* ---- acts ---- */

int remote_post(const struct ctl *ctl, const char *path, struct str body, int unprocessable, const struct view *view)
{
	struct buf answer;
	struct request rq = { .method = "POST", .path = path, .body = body, .answer = &answer, .endless = true, .unprocessable = unprocessable };
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
	status = remote_post(ctl, buf_cstr(&path), buf_str(&body), EXIT_NO, &(struct view){ .print = show_act });
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
	buf_put_escaped(&path, str_of(ctl->args[0]));
	buf_puts(&path, "/test");
	status = remote_post(ctl, buf_cstr(&path), (struct str){ NULL, 0 }, EXIT_NO, &(struct view){ .print = show_test });
	buf_finish(&path);
	return status;
}

int cmd_forget(struct ctl *ctl)
{
	struct buf body;
	struct json_out o = json_out(&body);
	int status;

	buf_init(&body, 8192);
	json_begin_object(&o);
	json_put_key(&o, "requester");
	json_put_z(&o, ctl->args[0]);
	json_end_object(&o);
	status = remote_post(ctl, "/v1/forget", buf_str(&body), EXIT_NO, &(struct view){ .print = show_forgotten });
	buf_finish(&body);
	return status;
}

int cmd_reload(struct ctl *ctl)
{
	static const struct query query[] = { { OPT_DRY_RUN, "dry_run" }, { OPT_LIMIT, "limit" } };
	struct buf path;
	int status;

	buf_init(&path, 256);
	buf_puts(&path, "/v1/reload");
	client_query(ctl, query, 2, &path);
	status = remote_post(ctl, buf_cstr(&path), (struct str){ NULL, 0 }, EXIT_BAD_CONFIG, &(struct view){ .print = show_reload });
	buf_finish(&path);
	return status;
}

static bool print_piece(void *ctx, struct str piece)
{
	(void)ctx;
	return fwrite(piece.p, 1, piece.len, stdout) == piece.len && fflush(stdout) == 0;
}

int cmd_tail(struct ctl *ctl)
{
	struct tail_lines lines;
	struct request rq = { .method = "GET", .path = "/v1/tail", .on_piece = print_piece, .endless = true };
	int status;

	if (ctl->value[OPT_JSON] != NULL)
		return client_send(ctl, &rq);
	tail_lines_init(&lines);
	rq.on_piece = show_tail;
	rq.ctx = &lines;
	status = client_send(ctl, &rq);
	tail_lines_finish(&lines);
	return status;
}
