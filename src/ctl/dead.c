/* Alerts that are settled: the dead letters, and sending once more. */
#include <stdlib.h>

#include "client.h"
#include "ctl.h"
#include "remote.h"

#define MAX_ANSWER ((size_t)256 << 20)

/* "/v1/deliveries/ID/ACT?failed=1&receiver=NAME". One that is empty is sent, and refused: it is not that none was meant. */
static void act_path(struct str id, const char *act, struct str receiver, struct buf *path)
{
	buf_puts(path, "/v1/deliveries/");
	buf_put_escaped(path, id);
	buf_printf(path, "/%s", act);
	if (receiver.p != NULL) {
		buf_puts(path, strchr(act, '?') != NULL ? "&receiver=" : "?receiver=");
		buf_put_escaped(path, receiver);
	}
}

/* What an act did, to one alert or to all. */
struct tally { int64_t resent, dropped, pending; };

static int64_t number(const struct json_doc *d, struct str key)
{
	json_node n = json_get(d, 0, key);
	int64_t v;

	return n != JSON_ABSENT && json_i64(d, n, 0, INT32_MAX, &v) == ERR_OK ? v : 0;
}

static int act(const struct ctl *ctl, struct str id, const char *what, struct str receiver, struct tally *t)
{
	struct json_doc *d = json_create();
	struct buf path, answer;
	struct request rq = { .method = "POST", .answer = &answer, .endless = true };
	struct diag diag = { 0 };
	int status;

	buf_init(&path, 8192);
	buf_init(&answer, MAX_ANSWER);
	act_path(id, what, receiver, &path);
	rq.path = buf_cstr(&path);
	status = client_send(ctl, &rq);
	if (status == EXIT_FINE && json_parse(d, buf_str(&answer), &diag) != ERR_OK)
		status = ctl_fail(EXIT_NO_DAEMON, "the daemon's answer is no JSON: %s", diag.msg);
	if (status == EXIT_FINE) {
		t->resent += number(d, STR("resent"));
		t->dropped += number(d, STR("dropped"));
		t->pending += number(d, STR("pending"));
	}
	buf_finish(&path);
	buf_finish(&answer);
	json_destroy(d);
	return status;
}

static void tell(const struct ctl *ctl, bool drops, const struct tally *t)
{
	long long n = (long long)(drops ? t->dropped : t->resent), pending = (long long)t->pending;

	if (ctl->value[OPT_JSON] != NULL)
		printf("{\"%s\":%lld,\"pending\":%lld}\n", drops ? "dropped" : "resent", n, pending);
	else
		printf("%s: %lld %s, %lld still under way\n", ctl->n_args > 0 ? ctl->args[0] : "all", n, drops ? "dropped" : "sent again", pending);
}

static int act_on_one(const struct ctl *ctl, const char *what, bool drops)
{
	struct tally t = { 0 };
	int status = act(ctl, str_of(ctl->args[0]), what, str_of(ctl->value[OPT_RECEIVER]), &t);

	if (status == EXIT_FINE)
		tell(ctl, drops, &t);
	return status;
}

int cmd_resend(struct ctl *ctl)
{
	return act_on_one(ctl, "resend", false);
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
	if (status == EXIT_FINE && ctl->value[OPT_JSON] != NULL)
		printf("%s\n", buf_cstr(&answer));
	else if (status == EXIT_FINE)
		show_dead(ctl, doc);
	if (status == EXIT_FINE && json_count(doc, json_get(doc, 0, STR("deliveries"))) == 0)
		status = ctl_fail(EXIT_NO, "no dead letter has the id %s", ctl->args[0]);
	buf_finish(&answer);
	json_destroy(doc);
	return status;
}

/* Each of them, until one is refused. */
static int act_on_all(const struct ctl *ctl, const char *what, bool drops)
{
	struct json_doc *doc = json_create();
	struct str only = str_of(ctl->value[OPT_RECEIVER]);
	struct tally t = { 0 };
	struct buf answer;
	size_t n = 0;
	int status;

	buf_init(&answer, MAX_ANSWER);
	status = fetch(ctl, NULL, &answer, doc);
	for (json_node e = json_first(doc, json_get(doc, 0, STR("deliveries"))); e != JSON_ABSENT && status == EXIT_FINE; e = json_next(doc, e)) {
		struct str receiver = json_text(doc, json_get(doc, e, STR("receiver")));

		if (only.p == NULL || str_eq(receiver, only)) {
			status = act(ctl, json_text(doc, json_get(doc, e, STR("id"))), what, receiver, &t);
			n++;
		}
	}
	if (n == 0 && status == EXIT_FINE && ctl->value[OPT_JSON] == NULL)
		printf("no dead letters%s%s\n", only.p != NULL ? " for " : "", only.p != NULL ? only.p : "");
	else if (status == EXIT_FINE || (n > 1 && ctl->value[OPT_JSON] == NULL))
		tell(ctl, drops, &t);
	buf_finish(&answer);
	json_destroy(doc);
	return status;
}

static int one_or_all(const struct ctl *ctl, const char *what, bool drops)
{
	if ((ctl->n_args == 1) == (ctl->value[OPT_ALL] != NULL))
		return ctl_usage(ctl, "an ID or --all is wanted");
	return ctl->n_args == 1 ? act_on_one(ctl, what, drops) : act_on_all(ctl, what, drops);
}

int cmd_dead_retry(struct ctl *ctl)
{
	return one_or_all(ctl, "resend?failed=1", false);
}

int cmd_dead_drop(struct ctl *ctl)
{
	return one_or_all(ctl, "drop", true);
}
