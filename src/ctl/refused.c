/* What came by a stream that no ticket took. */
#include "client.h"
#include "ctl.h"
#include "remote.h"

int cmd_refused(struct ctl *ctl)
{
	static const struct column columns[] = {
		{ "ID", "/id", CELL_TEXT }, { "AT", "/at", CELL_INSTANT }, { "SOURCE", "/source", CELL_TEXT }, { "PLACE", "/place", CELL_TEXT },
		{ "BYTES", "/bytes", CELL_TEXT }, { "WHY", "/why", CELL_TEXT },
	};
	static const struct query query[] = { { OPT_SOURCE, "source" }, { OPT_LIMIT, "limit" }, { OPT_AFTER, "after" } };
	struct buf path;
	int status;

	buf_init(&path, 8192);
	buf_puts(&path, "/v1/refused");
	client_query(ctl, query, 3, &path);
	status = remote_ask(ctl, buf_cstr(&path), &(struct view){ .list = "/refused", COLUMNS(columns), .empty = "nothing was refused" });
	buf_finish(&path);
	return status;
}

static void show_refusal(const struct ctl *ctl, const struct json_doc *d)
{
	(void)ctl;
	render_object(d, 0, 0);
}

int cmd_refused_show(struct ctl *ctl)
{
	struct buf path;
	int status;

	buf_init(&path, 8192);
	buf_puts(&path, "/v1/refused/");
	buf_put_escaped(&path, str_of(ctl->args[0]));
	status = remote_ask(ctl, buf_cstr(&path), &(struct view){ .print = show_refusal });
	buf_finish(&path);
	return status;
}
