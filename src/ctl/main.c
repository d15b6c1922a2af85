/* plazoctl: one table of commands, one table of options. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/xalloc.h"
#include "ctl.h"

#define BIT(o)  (1u << (o))
#define OFFLINE BIT(OPT_CONFIG)
#define TOLD    (OFFLINE | BIT(OPT_JSON))
#define REMOTE  (BIT(OPT_SOCKET) | BIT(OPT_URL) | BIT(OPT_TOKEN_FILE) | BIT(OPT_JSON))

static const struct { const char *name, *arg, *help; } options[OPT_N] = {
	[OPT_CONFIG]     = { "-c", "FILE", "configuration (default /etc/plazo/plazod.yaml)" },
	[OPT_UNTIL]      = { "--until", "AT", "stop at this instant (RFC 3339)" },
	[OPT_CLOCKS]     = { "--clocks", NULL, "one line for each clock instead of each alert" },
	[OPT_JSON]       = { "--json", NULL, "JSON in place of text, as the daemon gives it" },
	[OPT_SOURCE]     = { "--source", "NAME", "the source that the events come from" },
	[OPT_SOCKET]     = { "--socket", "PATH", "the daemon's unix socket (default /run/plazo/plazod.sock)" },
	[OPT_URL]        = { "--url", "URL", "the daemon over HTTP instead, with --token-file" },
	[OPT_TOKEN_FILE] = { "--token-file", "FILE", "an operator's token" },
	[OPT_AT_RISK]    = { "--at-risk", NULL, "only those breached, warned for the last time, or due within the hour" },
	[OPT_CONTRACT]   = { "--contract", "ID", "only of this contract" },
	[OPT_ORDER]      = { "--order", "due|name", "the most urgent first (default), or by namespace and id" },
	[OPT_AFTER]      = { "--after", "PLACE", "goes on where a list was cut, as it said" },
	[OPT_TICKET]     = { "--ticket", "ID", "only of this ticket" },
	[OPT_FAILED]     = { "--failed", NULL, "only what was given up, or failed and waits for another attempt" },
	[OPT_REASON]     = { "--reason", "TEXT", "why; it is kept with the ticket" },
	[OPT_BY]         = { "--by", "DURATION", "open time to add, such as 2h" },
	[OPT_ALERT]      = { "--alert", NULL, "send also what was due before the import" },
	[OPT_LIMIT]      = { "--limit", "N", "at most so many" },
	[OPT_DRY_RUN]    = { "--dry-run", NULL, "only tell what would come of it" },
	[OPT_RECEIVER]   = { "--receiver", "NAME", "only for this receiver" },
	[OPT_ALL]        = { "--all", NULL, "all there are, up to 1000 at a time" },
	[OPT_HELP]       = { "--help", NULL, "this" },
};

static const struct command commands[] = {
	{ "check", "", 0, 0, TOLD, cmd_check, "every error and warning of a configuration" },
	{ "config show", "", 0, 0, TOLD, cmd_config_show, "the configuration as understood" },
	{ "config keys", "", 0, 0, 0, cmd_config_keys, "every key a configuration may have" },
	{ "calendar add", "CAL FROM DURATION", 3, 3, TOLD, cmd_calendar_add, "when so much open time has passed; a negative one counts backward" },
	{ "calendar between", "CAL FROM TO", 3, 3, TOLD, cmd_calendar_between, "seconds of open time" },
	{ "calendar open", "CAL AT", 2, 2, TOLD, cmd_calendar_open, "open or closed, exit 0 or 1" },
	{ "calendar show", "CAL FROM TO", 3, 3, TOLD, cmd_calendar_show, "one line for each open window" },
	{ "simulate", "[EVENTS.ndjson or -]", 0, 1, OFFLINE | BIT(OPT_UNTIL) | BIT(OPT_CLOCKS) | BIT(OPT_SOURCE), cmd_simulate,
	  "the alerts that these events would have caused" },
	{ "explain", "TICKET [EVENTS.ndjson]", 1, 2, OFFLINE | BIT(OPT_UNTIL) | BIT(OPT_SOURCE) | REMOTE, cmd_explain,
	  "each stretch of each clock, and why it counted" },
	{ "status", "", 0, 0, REMOTE, cmd_status, "how the daemon is" },
	{ "tickets", "", 0, 0, REMOTE | BIT(OPT_AT_RISK) | BIT(OPT_CONTRACT) | BIT(OPT_ORDER) | BIT(OPT_LIMIT) | BIT(OPT_AFTER), cmd_tickets,
	  "the tickets in memory, each with its most urgent clock" },
	{ "ticket", "ID", 1, 1, REMOTE, cmd_ticket, "one ticket; NAMESPACE/ID where an id is ambiguous" },
	{ "next", "", 0, 0, REMOTE | BIT(OPT_LIMIT), cmd_next, "what fires next" },
	{ "deliveries", "", 0, 0, REMOTE | BIT(OPT_TICKET) | BIT(OPT_FAILED) | BIT(OPT_LIMIT), cmd_deliveries, "what was sent to whom, and what was not" },
	{ "resend", "ID", 1, 1, REMOTE | BIT(OPT_RECEIVER), cmd_resend, "sends an alert once more, with the same webhook-id" },
	{ "dead list", "", 0, 0, REMOTE | BIT(OPT_LIMIT), cmd_dead_list, "the alerts that were given up" },
	{ "dead show", "ID", 1, 1, REMOTE, cmd_dead_show, "one of them, with all that is known" },
	{ "dead retry", "[ID]", 0, 1, REMOTE | BIT(OPT_RECEIVER) | BIT(OPT_ALL), cmd_dead_retry, "sends it again, or --all of them" },
	{ "dead drop", "[ID]", 0, 1, REMOTE | BIT(OPT_RECEIVER) | BIT(OPT_ALL), cmd_dead_drop, "lets go of it, or of --all; it stays in the deliveries" },
	{ "refused show", "ID", 1, 1, REMOTE, cmd_refused_show, "one of what was refused, as it came" },
	{ "refused", "", 0, 0, REMOTE | BIT(OPT_SOURCE) | BIT(OPT_LIMIT) | BIT(OPT_AFTER), cmd_refused, "what came by a stream and no ticket took" },
	{ "receiver test", "NAME", 1, 1, REMOTE, cmd_receiver_test, "sends a test alert and waits for the answer" },
	{ "waive", "TICKET METRIC", 2, 2, REMOTE | BIT(OPT_REASON), cmd_waive, "excuses a breach, with a name and a reason" },
	{ "extend", "TICKET METRIC", 2, 2, REMOTE | BIT(OPT_BY) | BIT(OPT_REASON), cmd_extend, "gives a clock more time" },
	{ "import", "EVENTS.ndjson", 1, 1, REMOTE | BIT(OPT_SOURCE) | BIT(OPT_ALERT), cmd_import, "past events, without alerts for what is past" },
	{ "backup", "FILE", 1, 1, REMOTE, cmd_backup, "a copy of the database as it is now, while the daemon goes on" },
	{ "forget", "REQUESTER", 1, 1, REMOTE, cmd_forget, "erases a person's name, and subject and URL of that person's tickets, everywhere" },
	{ "reload", "", 0, 0, REMOTE | BIT(OPT_DRY_RUN) | BIT(OPT_LIMIT), cmd_reload,
	  "reads the configuration again, and tells the result; --dry-run: which due times would move" },
	{ "tail", "", 0, 0, REMOTE, cmd_tail, "alerts as they happen" },
	{ "version", "", 0, 0, 0, cmd_version, "the version" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_command(FILE *f, const struct command *c)
{
	fprintf(f, "  plazoctl %s", c->name);
	if (c->args[0] != '\0')
		fprintf(f, " %s", c->args);
	fprintf(f, "\n        %s\n", c->help);
}

static void print_options(FILE *f, unsigned set)
{
	for (unsigned i = 0; i < OPT_N; i++)
		if (set & BIT(i))
			fprintf(f, "  %s %-*s %s\n", options[i].name, (int)(22 - strlen(options[i].name)), options[i].arg != NULL ? options[i].arg : "",
				options[i].help);
}

static void print_help(FILE *f)
{
	fputs("usage: plazoctl COMMAND [ARGUMENTS] [OPTIONS]\n\n", f);
	for (size_t i = 0; i < N_COMMANDS; i++)
		print_command(f, &commands[i]);
	fputs("\noptions, where they make sense:\n", f);
	print_options(f, BIT(OPT_N) - 1);
	fputs("\nexit status: 0 fine, 1 the answer is no, 64 usage, 65 bad events, 66 no input, 69 no daemon, 78 bad configuration\n", f);
}

int ctl_fail(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("plazoctl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return status;
}

int ctl_usage(const struct ctl *ctl, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("plazoctl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputs("\nusage:\n", stderr);
	va_end(ap);
	if (ctl->command != NULL) {
		print_command(stderr, ctl->command);
		print_options(stderr, ctl->command->options);
	}
	return EXIT_USAGE;
}

int cmd_version(struct ctl *ctl)
{
	(void)ctl;
	printf("plazoctl " PLAZO_VERSION "\n");
	return EXIT_FINE;
}

/* The command of the first word or two; *used says how many. */
static const struct command *find_command(int argc, char **argv, int *used)
{
	for (size_t i = 0; i < N_COMMANDS; i++) {
		const char *space = strchr(commands[i].name, ' ');
		size_t len = space != NULL ? (size_t)(space - commands[i].name) : strlen(commands[i].name);

		if (argc < 1 || strlen(argv[0]) != len || strncmp(argv[0], commands[i].name, len) != 0)
			continue;
		if (space == NULL || (argc > 1 && strcmp(argv[1], space + 1) == 0)) {
			*used = space == NULL ? 1 : 2;
			return &commands[i];
		}
	}
	return NULL;
}

/* Commands that are promised, whose parts are not built yet. */
static const char *const later[] = { "ack", "silence", "on-call", "review" };

/* "dead": the first word of several commands. Prints those, and gives true. */
static bool is_group(const char *word)
{
	size_t len = strlen(word), n = 0;

	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strncmp(commands[i].name, word, len) != 0 || commands[i].name[len] != ' ')
			continue;
		if (n++ == 0)
			fprintf(stderr, "plazoctl: `%s` takes another word:\n", word);
		print_command(stderr, &commands[i]);
	}
	return n > 0;
}

static int unknown_command(int argc, char **argv)
{
	const char *names[N_COMMANDS];
	char asked[64];
	const char *near;

	if (argv[0][0] == '-')
		return ctl_fail(EXIT_USAGE, "a command is wanted beside %s; see plazoctl --help", argv[0]);
	if ((argc == 1 || argv[1][0] == '-') && is_group(argv[0]))
		return EXIT_USAGE;
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (strcmp(argv[0], later[i]) == 0)
			return ctl_fail(EXIT_USAGE, "`%s` is not active yet: it comes with a later version", argv[0]);
	for (size_t i = 0; i < N_COMMANDS; i++)
		names[i] = commands[i].name;
	snprintf(asked, sizeof(asked), "%s%s%s", argv[0], argc > 1 && argv[1][0] != '-' ? " " : "", argc > 1 && argv[1][0] != '-' ? argv[1] : "");
	near = str_nearest(str_of(asked), names, N_COMMANDS);
	if (near == NULL)
		near = str_nearest(str_of(argv[0]), names, N_COMMANDS);
	return ctl_fail(EXIT_USAGE, "there is no command `%s`%s%s%s; see plazoctl --help", asked, near ? ", did you mean `" : "", near ? near : "", near ? "`" : "");
}

/* The option that `arg` names ("--until" or "--until=AT"); *inline_value is what stands behind '='. */
static int find_option(const char *arg, const char **inline_value)
{
	const char *eq = strncmp(arg, "--", 2) == 0 ? strchr(arg, '=') : NULL;
	size_t len = eq != NULL ? (size_t)(eq - arg) : strlen(arg);

	*inline_value = eq != NULL ? eq + 1 : NULL;
	if (strcmp(arg, "-h") == 0)
		return OPT_HELP;
	for (int i = 0; i < OPT_N; i++)
		if (strlen(options[i].name) == len && strncmp(options[i].name, arg, len) == 0)
			return i;
	return -1;
}

/* "-" is standard input, and "-2h" a duration: no option begins with a digit. */
static bool is_option(const char *arg)
{
	return arg[0] == '-' && arg[1] != '\0' && (arg[1] < '0' || arg[1] > '9');
}

/* Options may stand before the command as well: moves the command's words to the front, and the options behind them. */
static void command_first(int argc, char **argv)
{
	const char *value;
	int at = 0;

	while (at < argc && argv[at][0] == '-' && strcmp(argv[at], "--") != 0) {
		int opt = find_option(argv[at], &value);

		at += opt >= 0 && options[opt].arg != NULL && value == NULL ? 2 : 1;
	}
	for (int from = at; from < argc && from < at + 2 && argv[from][0] != '-'; from++) {
		char *word = argv[from];

		for (int k = from; k > from - at; k--)
			argv[k] = argv[k - 1];
		argv[from - at] = word;
	}
}

/* Sorts options from arguments. Behind "--" all are arguments. */
static int parse(struct ctl *ctl, int argc, char **argv)
{
	bool only_args = false;
	int64_t number;

	for (int i = 0; i < argc; i++) {
		const char *value;
		int opt;

		if (only_args || !is_option(argv[i])) {
			ctl->args[ctl->n_args++] = argv[i];
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			only_args = true;
			continue;
		}
		opt = find_option(argv[i], &value);
		if (opt < 0 || (opt != OPT_HELP && !(ctl->command->options & BIT(opt))))
			return ctl_usage(ctl, "`%s` takes no option %s", ctl->command->name, argv[i]);
		if (options[opt].arg == NULL && value != NULL)
			return ctl_usage(ctl, "%s takes no value", options[opt].name);
		if (options[opt].arg != NULL && value == NULL) {
			if (++i == argc)
				return ctl_usage(ctl, "%s needs a value: %s", options[opt].name, options[opt].arg);
			value = argv[i];
		}
		if (opt == OPT_LIMIT && str_to_i64(str_of(value), 1, UINT32_MAX, &number) != ERR_OK)
			return ctl_usage(ctl, "--limit %s: a whole number from 1 on is wanted", value);
		ctl->value[opt] = value != NULL ? value : "";
	}
	return EXIT_FINE;
}

static int check_arguments(const struct ctl *ctl)
{
	const struct command *c = ctl->command;

	if (ctl->n_args < c->min_args)
		return ctl_usage(ctl, "`%s` needs %s", c->name, c->args);
	if (c->max_args >= 0 && ctl->n_args > c->max_args)
		return ctl_usage(ctl, "`%s` takes no%s argument %s", c->name, c->max_args > 0 ? " further" : "", ctl->args[c->max_args]);
	if (ctl->value[OPT_SOCKET] != NULL && ctl->value[OPT_URL] != NULL)
		return ctl_usage(ctl, "there are two ways to the daemon, --socket and --url: one of them is wanted");
	return EXIT_FINE;
}

/* Who reads a file that was cut must hear so, also where the disk had room again for the end. */
static int end_output(int status)
{
	bool failed = ferror(stdout) != 0;

	errno = 0;
	if (fflush(stdout) == 0 && !failed)
		return status;
	ctl_fail(EXIT_NO, "standard output could not be written%s%s", errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
	return status != EXIT_FINE ? status : EXIT_NO;
}

int main(int argc, char **argv)
{
	struct ctl ctl = { 0 };
	int used = 0, status;

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_USAGE : EXIT_FINE;
	}
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0)
		return cmd_version(&ctl);
	command_first(argc - 1, argv + 1);
	ctl.command = find_command(argc - 1, argv + 1, &used);
	if (ctl.command == NULL)
		return unknown_command(argc - 1, argv + 1);
	ctl.args = xcalloc((size_t)argc, sizeof(*ctl.args));
	status = parse(&ctl, argc - 1 - used, argv + 1 + used);
	if (status == EXIT_FINE && ctl.value[OPT_HELP] != NULL) {
		print_command(stdout, ctl.command);
		print_options(stdout, ctl.command->options);
	} else if (status == EXIT_FINE) {
		status = check_arguments(&ctl);
		status = status == EXIT_FINE ? ctl.command->run(&ctl) : status;
	}
	free(ctl.args);
	return end_output(status);
}
