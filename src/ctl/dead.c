/* Alerts that are settled: the dead letters, and sending once more. */
#include <stdlib.h>

#include "client.h"
#include "ctl.h"
#include "remote.h"

#define MAX_ANSWER ((size_t)256 << 20)

/* "/v1/deliveries/ID/ACT?failed=1&receiver=NAME" */
static void act_path(const char *id, const char *act, const char *receiver, struct buf *path)
{
	buf_puts(path, "/v1/deliveries/");
	buf_put_escaped(path, str_of(id));
	buf_printf(path, "/%s", act);
	if (receiver != NULL) {
		buf_puts(path, strchr(act, '?') != NULL ? "&receiver=" : "?receiver=");
		buf_put_escaped(path, str_of(receiver));
	}
}

static void show_handled(const struct ctl *ctl, const struct json_doc *d)
{
	json_node n = json_get(d, 0, STR("resent")), pending = json_get(d, 0, STR("pending"));
	const char *what = n != JSON_ABSENT ? "sent again" : "dropped";

	if (n == JSON_ABSENT)
		n = json_get(d, 0, STR("dropped"));
	printf("%s: " STR_FMT " %s, " STR_FMT " still under way\n", ctl->n_args > 0 ? ctl->args[0] : "all", STR_ARG(json_raw(d, n)), what,
	       STR_ARG(json_raw(d, pending)));
}

static int act(struct ctl *ctl, const char *id, const char *what, const char *receiver)
{
	struct buf path;
	int status;

	buf_init(&path, 8192);
	act_path(id, what, receiver, &path);
	status = remote_post(ctl, buf_cstr(&path), (struct str){ NULL, 0 }, EXIT_NO, &(struct view){ .print = show_handled });
	buf_finish(&path);
	return status;
}

int cmd_resend(struct ctl *ctl)
{
	return act(ctl, ctl->args[0], "resend", ctl->value[OPT_RECEIVER]);
}

/* ---- dead letters ---- */

int cmd_dead_list(struct ctl *ctl)
{
	static const struct column columns[] = {
		{ "SINCE", "/settled", CELL_INSTANT }, { "TICKET", "/ticket", CELL_TICKET }, { "TYPE", "/type", CELL_TEXT },
		{ "RECEIVER", "/receiver", CELL_TEXT }, { "TRIES", "/attempts", CELL_TEXT }, { "DETAIL", "/detail", CELL_TEXT }, { "ID", "/id", CELL_TEXT },
	};
	static const struct query query[] = { { OPT_LIMIT, "limit" } };
	struct buf path;
	int status;

	buf_init(&path, 256);
	buf_puts(&path, "/v1/deliveries");
	client_query(ctl, query, 1, &path);
	buf_printf(&path, "%cdead=1", ctl->value[OPT_LIMIT] != NULL ? '&' : '?');
	status = remote_ask(ctl, buf_cstr(&path), &(struct view){ .list = "/deliveries", COLUMNS(columns), .empty = "no dead letters" });
	buf_finish(&path);
	return status;
}

static void show_dead(const struct ctl *ctl, const struct json_doc *d)
{
	(void)ctl;
	for (json_node n = json_first(d, json_get(d, 0, STR("deliveries"))); n != JSON_ABSENT; n = json_next(d, n)) {
		render_object(d, n, 0);
		printf("\n");
	}
}

/* The dead letters, or those of one alert, as the daemon gives them, into `doc`. */
static int fetch(const struct ctl *ctl, const char *id, struct buf *answer, struct json_doc *doc)
{
	struct buf path;
	struct request rq = { .method = "GET", .answer = answer };
	struct diag diag = { 0 };
	int status;

	buf_init(&path, 8192);
	buf_puts(&path, "/v1/deliveries?dead=1&limit=1000");
	if (id != NULL) {
		buf_puts(&path, "&id=");
		buf_put_escaped(&path, str_of(id));
	}
	rq.path = buf_cstr(&path);
	status = client_send(ctl, &rq);
	if (status == EXIT_FINE && json_parse(doc, buf_str(answer), &diag) != ERR_OK)
		status = ctl_fail(EXIT_NO_DAEMON, "the daemon's answer is no JSON: %s", diag.msg);
	buf_finish(&path);
	return status;
}

int cmd_dead_show(struct ctl *ctl)
{
	struct json_doc *doc = json_create();
	struct buf answer;
	int status;

	buf_init(&answer, MAX_ANSWER);
	status = fetch(ctl, ctl->args[0], &answer, doc);
	if (status == EXIT_FINE && json_first(doc, json_get(doc, 0, STR("deliveries"))) == JSON_ABSENT)
		status = ctl_fail(EXIT_NO, "no dead letter has the id %s", ctl->args[0]);
	else if (status == EXIT_FINE && ctl->value[OPT_JSON] != NULL)
		printf("%s\n", buf_cstr(&answer));
	else if (status == EXIT_FINE)
		show_dead(ctl, doc);
	buf_finish(&answer);
	json_destroy(doc);
	return status;
}

/* Each of them, until one is refused. */
static int act_on_all(struct ctl *ctl, const char *what)
{
	struct json_doc *doc = json_create();
	struct buf answer;
	size_t n = 0;
	int status;

	buf_init(&answer, MAX_ANSWER);
	status = fetch(ctl, NULL, &answer, doc);
	for (json_node e = json_first(doc, json_get(doc, 0, STR("deliveries"))); e != JSON_ABSENT && status == EXIT_FINE; e = json_next(doc, e)) {
		struct buf id, receiver;

		buf_init(&id, 1024);
		buf_init(&receiver, 1024);
		buf_put(&id, json_text(doc, json_get(doc, e, STR("id"))));
		buf_put(&receiver, json_text(doc, json_get(doc, e, STR("receiver"))));
		if (ctl->value[OPT_RECEIVER] == NULL || str_eqz(buf_str(&receiver), ctl->value[OPT_RECEIVER])) {
			status = act(ctl, buf_cstr(&id), what, buf_cstr(&receiver));
			n++;
		}
		buf_finish(&id);
		buf_finish(&receiver);
	}
	if (status == EXIT_FINE && n == 0 && ctl->value[OPT_JSON] == NULL)
		printf("no dead letters\n");
	buf_finish(&answer);
	json_destroy(doc);
	return status;
}

static int one_or_all(struct ctl *ctl, const char *what)
{
	if ((ctl->n_args == 1) == (ctl->value[OPT_ALL] != NULL))
		return ctl_usage(ctl, "an ID or --all is wanted");
	return ctl->n_args == 1 ? act(ctl, ctl->args[0], what, ctl->value[OPT_RECEIVER]) : act_on_all(ctl, what);
}

int cmd_dead_retry(struct ctl *ctl)
{
	return one_or_all(ctl, "resend?failed=1");
}

int cmd_dead_drop(struct ctl *ctl)
{
	return one_or_all(ctl, "drop");
}
