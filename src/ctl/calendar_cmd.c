/* plazoctl calendar: the calculator. */
#include "base/json_member.h"
#include "core/span.h"
#include "ctl.h"

/* The calendar and the instants that the arguments name; false with *status set. */
static bool take_calendar(const struct ctl *ctl, struct config **cfg, const struct calendar **cal, int *status)
{
	*cfg = ctl_config(ctl, status);
	if (*cfg == NULL)
		return false;
	*cal = config_calendar(*cfg, str_of(ctl->args[0]));
	if (*cal != NULL)
		return true;
	*status = ctl_fail(EXIT_USAGE, "there is no calendar `%s` in %s", ctl->args[0], (*cfg)->path);
	config_unref(*cfg);
	return false;
}

static bool take_instant(const char *text, struct wall *out, int *status)
{
	struct diag d = { 0 };

	if (wall_parse(str_of(text), out, &d) == ERR_OK)
		return true;
	*status = ctl_fail(EXIT_USAGE, "`%s` is no instant: %s", text, d.msg);
	return false;
}

static struct wall add_span(const struct calendar *cal, struct wall from, const struct span *s, enum boundary b)
{
	if (s->kind == SPAN_DAYS)
		return calendar_add_days(cal, from, s->days, s->eod ? DAY_END : DAY_SAME_TIME);
	return calendar_add(cal, from, s->ms, b);
}

static void tell_due(const struct ctl *ctl, struct wall due)
{
	char text[WALL_TEXT_LEN];
	struct buf b;
	struct json_out o = json_out(&b);

	if (ctl->value[OPT_JSON] == NULL) {
		printf("%s\n", wall_format(due, text));
		return;
	}
	buf_init(&b, 256);
	json_begin_object(&o);
	json_put_instant(&o, "due", due);
	json_end_object(&o);
	ctl_print_json(&b);
}

int cmd_calendar_add(struct ctl *ctl)
{
	int status = EXIT_FINE;
	const struct calendar *cal;
	struct config *cfg;
	struct span span;
	struct wall from, due;
	struct diag d = { 0 };

	if (!take_instant(ctl->args[1], &from, &status))
		return status;
	if (span_parse_signed(str_of(ctl->args[2]), &span, &d) != ERR_OK)
		return ctl_fail(EXIT_USAGE, "`%s` is no duration: %s", ctl->args[2], d.msg);
	if (span.kind == SPAN_NONE)
		return ctl_fail(EXIT_USAGE, "`%s` is no duration: it stands for no target, in a configuration", ctl->args[2]);
	if (!take_calendar(ctl, &cfg, &cal, &status))
		return status;
	if (span.calendar_days && !calendar_is_always(cal)) {
		status = ctl_fail(EXIT_USAGE, "days of 24 hours are for calendars that are always open alone: write %lldbd for business days",
				  (long long)(span.ms / MS_PER_DAY));
	} else {
		due = add_span(cal, from, &span, cfg->boundary);
		if (wall_is_never(due) || due.ms == WALL_PAST.ms)
			status = ctl_fail(EXIT_NO, "there is no such instant between 1970 and 2200");
		else
			tell_due(ctl, due);
	}
	config_unref(cfg);
	return status;
}

int cmd_calendar_between(struct ctl *ctl)
{
	int status = EXIT_FINE;
	const struct calendar *cal;
	struct config *cfg;
	struct wall from, to;
	char text[32];

	if (!take_instant(ctl->args[1], &from, &status) || !take_instant(ctl->args[2], &to, &status) || !take_calendar(ctl, &cfg, &cal, &status))
		return status;
	ctl_seconds(calendar_between(cal, from, to), text);
	if (ctl->value[OPT_JSON] != NULL)
		printf("{\"seconds\":%s}\n", text);
	else
		printf("%s\n", text);
	config_unref(cfg);
	return EXIT_FINE;
}

int cmd_calendar_open(struct ctl *ctl)
{
	int status = EXIT_FINE;
	const struct calendar *cal;
	struct config *cfg;
	struct wall at;
	bool open;

	if (!take_instant(ctl->args[1], &at, &status) || !take_calendar(ctl, &cfg, &cal, &status))
		return status;
	open = calendar_is_open(cal, at);
	if (ctl->value[OPT_JSON] != NULL)
		printf("{\"open\":%s}\n", open ? "true" : "false");
	else
		printf("%s\n", open ? "open" : "closed");
	config_unref(cfg);
	return open ? EXIT_FINE : EXIT_NO;
}

static void tell_windows(const struct ctl *ctl, const struct calendar *cal, struct wall from, struct wall to)
{
	struct wall t, open, close;
	struct buf all;
	struct json_out o = json_out(&all);

	buf_init(&all, BUF_NO_MAX);
	json_begin_object(&o);
	json_put_key(&o, "windows");
	json_begin_array(&o);
	for (t = from; wall_before(t, to) && calendar_window(cal, t, &open, &close) && wall_before(open, to); t = close) {
		char a[WALL_TEXT_LEN], b[WALL_TEXT_LEN];

		if (ctl->value[OPT_JSON] == NULL) {
			printf("%s/%s\n", wall_format(wall_max(open, from), a), wall_format(wall_min(close, to), b));
			continue;
		}
		json_begin_object(&o);
		json_put_instant(&o, "from", wall_max(open, from));
		json_put_instant(&o, "to", wall_min(close, to));
		json_end_object(&o);
	}
	json_end_array(&o);
	json_end_object(&o);
	if (ctl->value[OPT_JSON] != NULL)
		ctl_print_json(&all);
	buf_finish(&all);
}

int cmd_calendar_show(struct ctl *ctl)
{
	int status = EXIT_FINE;
	const struct calendar *cal;
	struct config *cfg;
	struct wall from, to;

	if (!take_instant(ctl->args[1], &from, &status) || !take_instant(ctl->args[2], &to, &status) || !take_calendar(ctl, &cfg, &cal, &status))
		return status;
	tell_windows(ctl, cal, from, to);
	config_unref(cfg);
	return EXIT_FINE;
}
