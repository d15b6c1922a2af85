#include "show.h"

#include "render.h"

#define MAX_VALUE ((size_t)1 << 16)
#define MAX_LINE  ((size_t)1 << 20)

static json_node at(const struct json_doc *d, json_node from, const char *pointer)
{
	return json_pointer(d, from, str_of(pointer));
}

static bool is_true(const struct json_doc *d, json_node from, const char *pointer)
{
	json_node n = at(d, from, pointer);

	return n != JSON_ABSENT && json_kind(d, n) == JSON_TRUE;
}

static bool is_there(const struct json_doc *d, json_node from, const char *pointer)
{
	json_node n = at(d, from, pointer);

	return n != JSON_ABSENT && json_kind(d, n) != JSON_NULL;
}

/* What stands there, between two texts. */
static void print_as(const struct json_doc *d, json_node from, const char *before, const char *pointer, enum cell cell, const char *after)
{
	struct buf b;

	buf_init(&b, MAX_VALUE);
	render_value(d, at(d, from, pointer), cell, &b);
	printf("%s%s%s", before, buf_cstr(&b), after);
	buf_finish(&b);
}

static void print(const struct json_doc *d, json_node from, const char *before, const char *pointer, const char *after)
{
	print_as(d, from, before, pointer, CELL_TEXT, after);
}

static void print_list(const struct json_doc *d, json_node list, const char *sep)
{
	const char *before = "";

	for (json_node n = json_first(d, list); n != JSON_ABSENT; n = json_next(d, n)) {
		print(d, n, before, "", "");
		before = sep;
	}
}

/* ---- status ---- */

static void print_checks(const struct json_doc *d)
{
	for (json_node c = json_first(d, json_get(d, 0, STR("checks"))); c != JSON_ABSENT; c = json_next(d, c))
		if (!is_true(d, c, "/ok")) {
			print(d, c, "  ", "/name", ": ");
			print(d, c, "", "/why", "\n");
		}
}

static void print_figures(const struct json_doc *d)
{
	print(d, 0, "tickets    ", "/tickets", " in memory");
	print(d, 0, ", ", "/unmatched", " without a contract\n");
	print(d, 0, "clocks     ", "/clocks/running", " running");
	print(d, 0, ", ", "/clocks/paused", " paused");
	print(d, 0, ", ", "/clocks/breached", " breached\n");
	print_as(d, 0, "next step  ", "/next", CELL_INSTANT, "");
	if (is_there(d, 0, "/next"))
		print_as(d, 0, ", in ", "/next", CELL_LEFT, "");
	printf("\n");
	print(d, 0, "events     ", "/events", "");
	print(d, 0, ", and ", "/duplicates", " duplicates\n");
	print(d, 0, "store      ", "/store/state", "");
	print(d, 0, ", ", "/store/queued", " waiting, ");
	print(d, 0, "", "/store/path", "\n");
	print(d, 0, "config     ", "/config/path", "");
	print_as(d, 0, ", in force since ", "/config/since", CELL_INSTANT, is_true(d, 0, "/config/reload_ok") ? "\n" : "");
	if (!is_true(d, 0, "/config/reload_ok"))
		print_as(d, 0, "; the reload of ", "/config/reloaded", CELL_INSTANT, " was refused\n");
}

void show_status(const struct ctl *ctl, const struct json_doc *d)
{
	static const struct column columns[] = {
		{ "RECEIVER", "/name", CELL_TEXT }, { "KIND", "/kind", CELL_TEXT }, { "ACTIVE", "/active", CELL_TEXT }, { "PENDING", "/pending", CELL_TEXT },
		{ "OLDEST", "/oldest", CELL_INSTANT }, { "SENT", "/sent", CELL_TEXT }, { "FAILED TRIES", "/failed", CELL_TEXT },
		{ "NOT SENT", "/suppressed", CELL_TEXT }, { "GIVEN UP", "/dead", CELL_TEXT }, { "DISABLED", "/disabled", CELL_TEXT },
	};

	static const struct column streams[] = {
		{ "STREAM", "/source", CELL_TEXT }, { "STATE", "/state", CELL_TEXT }, { "SINCE", "/since", CELL_INSTANT }, { "LAG", "/lag", CELL_TEXT },
		{ "PENDING", "/pending", CELL_TEXT }, { "EVENTS", "/events", CELL_TEXT }, { "REFUSED", "/refused", CELL_TEXT },
		{ "TRIMMED", "/trimmed", CELL_TEXT }, { "SERVER", "/peer", CELL_TEXT }, { "WHY", "/why", CELL_TEXT },
	};
	json_node list = json_get(d, 0, STR("streams"));

	(void)ctl;
	print(d, 0, "plazod ", "/version", is_true(d, 0, "/ready") ? ", ready" : ", NOT READY");
	print_as(d, 0, ", since ", "/started", CELL_INSTANT, is_true(d, 0, "/dry_run") ? ", dry run: nothing is sent\n" : "\n");
	print_checks(d);
	print_figures(d);
	printf("\n");
	render_table(d, json_get(d, 0, STR("receivers")), columns, sizeof(columns) / sizeof(columns[0]), "no receivers");
	if (json_first(d, list) == JSON_ABSENT)
		return;
	printf("\n");
	render_table(d, list, streams, sizeof(streams) / sizeof(streams[0]), "");
}

/* ---- a ticket ---- */

static void print_attributes(const struct json_doc *d)
{
	static const char *const shown_elsewhere[] = { "namespace", "ticket", "contract", "state", "due", "metric", "priority", "subject", "opened",
						       "resolved", "over", "unmatched", "opened_at", "last_at", "events", "clocks", "acts", NULL };

	for (json_node n = json_first(d, 0); n != JSON_ABSENT; n = json_next(d, n)) {
		if (name_index(shown_elsewhere, json_key(d, n)) >= 0)
			continue;
		printf("%-12.*s ", (int)json_key(d, n).len, json_key(d, n).p);
		if (json_kind(d, n) == JSON_ARRAY)
			print_list(d, n, ", ");
		else
			print(d, n, "", "", "");
		printf("\n");
	}
}

static void print_acts(const struct json_doc *d)
{
	static const struct column columns[] = {
		{ "AT", "/at", CELL_INSTANT }, { "ACT", "/act", CELL_TEXT }, { "METRIC", "/metric", CELL_TEXT }, { "CYCLE", "/cycle", CELL_TEXT },
		{ "BY", "/by_s", CELL_SECONDS }, { "WHO", "/who", CELL_TEXT }, { "APPLIED", "/applied", CELL_TEXT }, { "REASON", "/reason", CELL_TEXT },
	};
	json_node list = json_get(d, 0, STR("acts"));

	if (json_first(d, list) == JSON_ABSENT)
		return;
	printf("\n");
	render_table(d, list, columns, sizeof(columns) / sizeof(columns[0]), "");
}

void show_explained(const struct ctl *ctl, const struct json_doc *d)
{
	static const struct column columns[] = {
		{ "METRIC", "/metric", CELL_TEXT }, { "CYCLE", "/cycle", CELL_TEXT }, { "FROM", "/from", CELL_TEXT }, { "TO", "/to", CELL_TEXT },
		{ "COUNTED S", "/counted_s", CELL_TEXT }, { "WHY", "/why", CELL_TEXT },
	};

	(void)ctl;
	render_table(d, json_get(d, 0, STR("stretches")), columns, sizeof(columns) / sizeof(columns[0]), "no clocks");
	print_acts(d);
}

void show_ticket(const struct ctl *ctl, const struct json_doc *d)
{
	static const struct column columns[] = {
		{ "METRIC", "/metric", CELL_TEXT }, { "CYCLE", "/cycle", CELL_TEXT }, { "STATE", "/state", CELL_TEXT }, { "BREACHED", "/breached", CELL_TEXT },
		{ "WAIVED", "/waived", CELL_TEXT }, { "TARGET", "/target", CELL_TEXT }, { "ELAPSED", "/elapsed_s", CELL_SECONDS },
		{ "PAUSED", "/paused_s", CELL_SECONDS }, { "STARTED", "/started", CELL_INSTANT }, { "DUE", "/due", CELL_INSTANT },
		{ "STOPPED", "/stopped", CELL_INSTANT }, { "NEXT", "/next_step", CELL_TEXT }, { "AT", "/next_at", CELL_INSTANT },
	};

	(void)ctl;
	print(d, 0, "", "/namespace", "/");
	print(d, 0, "", "/ticket", "  ");
	print(d, 0, "", "/subject", "\n");
	print(d, 0, "contract     ", "/contract", "\n");
	print(d, 0, "priority     ", "/priority", "\n");
	print(d, 0, "state        ", "/state", "\n");
	print_as(d, 0, "opened       ", "/opened_at", CELL_INSTANT, "\n");
	print(d, 0, "events       ", "/events", "");
	print_as(d, 0, ", the last at ", "/last_at", CELL_INSTANT, "\n");
	print_attributes(d);
	printf("\n");
	render_table(d, json_get(d, 0, STR("clocks")), columns, sizeof(columns) / sizeof(columns[0]), "no clocks");
	print_acts(d);
}

/* ---- acts ---- */

void show_act(const struct ctl *ctl, const struct json_doc *d)
{
	printf("%s of %s", ctl->args[1], ctl->args[0]);
	print(d, 0, " (cycle ", "/cycle", ")");
	if (ctl->value[OPT_BY] != NULL)
		printf(" has %s more\n", ctl->value[OPT_BY]);
	else
		printf(" is waived\n");
}

void show_test(const struct ctl *ctl, const struct json_doc *d)
{
	printf("%s has taken the test alert: ", ctl->args[0]);
	print(d, 0, "", "/detail", "\n");
}

void show_forgotten(const struct ctl *ctl, const struct json_doc *d)
{
	(void)ctl;
	print(d, 0, "forgotten in ", "/tickets", " tickets, ");
	print(d, 0, "", "/events", " events, ");
	print(d, 0, "", "/alerts", " alerts and ");
	print(d, 0, "", "/refused", " refused events\n");
}

static void show_moves(const struct json_doc *d)
{
	static const struct column columns[] = {
		{ "TICKET", "/ticket", CELL_TICKET }, { "CONTRACT", "/contract", CELL_TEXT }, { "METRIC", "/metric", CELL_TEXT },
		{ "CYCLE", "/cycle", CELL_TEXT }, { "DUE", "/from", CELL_INSTANT }, { "WOULD BE", "/to", CELL_INSTANT },
		{ "BREACH", "/breach", CELL_TEXT }, { "WHY", "/why", CELL_TEXT },
	};

	if (!is_there(d, 0, "/moved"))
		return;
	render_table(d, json_get(d, 0, STR("moves")), columns, sizeof(columns) / sizeof(columns[0]), "no due time would move");
	print(d, 0, "", "/moved", " clocks would move, ");
	print(d, 0, "", "/more", " of them not shown, ");
	print(d, 0, "", "/breaches", " would be breached at once; looked at ");
	print(d, 0, "", "/looked_at", " of ");
	print(d, 0, "", "/tickets", " tickets\n");
}

void show_reload(const struct ctl *ctl, const struct json_doc *d)
{
	bool dry = ctl->value[OPT_DRY_RUN] != NULL;

	if (is_true(d, 0, "/changed")) {
		printf("%s", dry ? "the file is fine, and would change " : "reloaded: ");
		print_list(d, json_get(d, 0, STR("differences")), ", ");
		printf("\n");
	} else {
		printf("%s\n", dry ? "the file is fine, and is what is in force" : "reloaded: nothing has changed");
	}
	show_moves(d);
	for (json_node n = json_first(d, json_get(d, 0, STR("warnings"))); n != JSON_ABSENT; n = json_next(d, n))
		print(d, n, "", "", "\n");
}

/* ---- tail ---- */

void tail_lines_init(struct tail_lines *t)
{
	buf_init(&t->line, MAX_LINE);
	t->doc = json_create();
}

void tail_lines_finish(struct tail_lines *t)
{
	buf_finish(&t->line);
	json_destroy(t->doc);
}

static void print_entry(const struct json_doc *d)
{
	json_node alert = json_get(d, 0, STR("alert"));

	print_as(d, 0, "", "/at", CELL_INSTANT, "  ");
	if (alert == JSON_ABSENT) {
		print(d, 0, "", "/receiver", " ");
		print(d, 0, "", "/state", ", ");
		print(d, 0, "", "/detail", "  ");
		print(d, 0, "", "/id", "\n");
		return;
	}
	print(d, alert, "", "/type", " ");
	print(d, alert, "", "/ticket", "");
	if (is_there(d, alert, "/metric"))
		print(d, alert, " ", "/metric", "");
	print(d, alert, " ", "/step", "");
	if (is_there(d, alert, "/due"))
		print_as(d, alert, ", due ", "/due", CELL_INSTANT, "");
	printf(", to ");
	print_list(d, json_get(d, alert, STR("receivers")), " ");
	print(d, alert, "  ", "/id", "\n");
}

static void print_line(struct tail_lines *t)
{
	struct diag diag;

	if (buf_ok(&t->line) && json_parse(t->doc, buf_str(&t->line), &diag) == ERR_OK)
		print_entry(t->doc);
	else if (t->line.len > 0 || !buf_ok(&t->line))
		fputs("plazoctl: a line that cannot be read\n", stderr);
	buf_reset(&t->line);
}

bool show_tail(void *ctx, struct str piece)
{
	struct tail_lines *t = ctx;

	for (size_t i = 0; i < piece.len; i++)
		if (piece.p[i] == '\n')
			print_line(t);
		else
			buf_putc(&t->line, piece.p[i]);
	return fflush(stdout) == 0;
}
