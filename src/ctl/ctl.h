/* What the commands of plazoctl share: options, exit statuses, and the way to a configuration or to the daemon. */
#ifndef PLAZO_SRC_CTL_CTL_H
#define PLAZO_SRC_CTL_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "config/config.h"
#include "core/engine.h"

/* After sysexits.h; told by plazoctl --help. */
enum exit_status { EXIT_FINE = 0, EXIT_NO = 1, EXIT_USAGE = 64, EXIT_BAD_EVENTS = 65, EXIT_NO_INPUT = 66, EXIT_NO_DAEMON = 69, EXIT_BAD_CONFIG = 78 };

/* Every option that any command takes; a command names those it knows in its row of the table. */
enum option {
	OPT_CONFIG, OPT_UNTIL, OPT_CLOCKS, OPT_JSON, OPT_SOURCE, OPT_SOCKET, OPT_URL, OPT_TOKEN_FILE, OPT_AT_RISK, OPT_CONTRACT, OPT_ORDER, OPT_AFTER,
	OPT_TICKET, OPT_FAILED, OPT_REASON, OPT_BY, OPT_ALERT, OPT_LIMIT, OPT_DRY_RUN, OPT_RECEIVER, OPT_ALL, OPT_HELP, OPT_N
};

struct ctl {
	const char         *value[OPT_N];    /* NULL: not given; of a flag: "" */
	char              **args;            /* what follows the command's name, without options */
	int                 n_args;
	const struct command *command;
};

struct command {
	const char *name;                    /* "calendar add": one or two words */
	const char *args;                    /* "CAL FROM DURATION", for the usage */
	int         min_args, max_args;      /* max -1: any number */
	unsigned    options;                 /* bits 1 << OPT_x */
	int       (*run)(struct ctl *ctl);
	const char *help;                    /* one line */
};

/* Prints the command's usage to stderr, after a sentence. Gives EXIT_USAGE. */
int ctl_usage(const struct ctl *ctl, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Prints "plazoctl: …" to stderr. Gives `status`. */
int ctl_fail(int status, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Loads the configuration that -c names, without secrets; prints what is wrong. NULL after which *status is the exit status. */
struct config *ctl_config(const struct ctl *ctl, int *status);

/* A line of what was written, which it takes. */
void ctl_print_json(struct buf *b);

/* Seconds from milliseconds: "3600", "0.250". */
char *ctl_seconds(int64_t ms, char out[32]);

/* A whole file, or standard input for "-". NULL with *status set. Gives the text, to free(). */
char *ctl_read_all(const char *path, size_t max, size_t *len, int *status);

/* What "-" is called in messages. */
const char *ctl_input_name(const char *path);

/* Is this JSON an array, and not an object a line? */
bool ctl_is_array(struct str text);

/* The bad events of a file that were told so far: of a file of another kind there are thousands. */
struct bad_events { size_t n, n_no_json; };

/* Tells of one, by its number from 1, what is wrong where in it; after the last, what a file should look like in which there was no JSON. */
void ctl_bad_event(struct bad_events *b, const char *file, size_t event, int status, struct str pointer, struct str why);
void ctl_bad_events_end(const struct bad_events *b, const char *file, size_t n_good);

/* ---- events through an engine of our own: simulate.c ---- */

struct simulation;

/* Reads the events and runs them; `on_alert` is called for each alert that would have been sent. NULL with *status set. */
typedef void on_alert_fn(void *ctx, const struct alert *al, bool with_ns);
struct simulation *simulation_run(const struct ctl *ctl, const char *events, on_alert_fn *fn, void *ctx, int *status);
void simulation_free(struct simulation *s);
struct engine *simulation_engine(struct simulation *s);
struct wall simulation_now(const struct simulation *s);     /* --until, or the last event or firing */
struct str simulation_ns(const struct simulation *s);

/* ---- the commands ---- */

int cmd_check(struct ctl *ctl);
int cmd_config_show(struct ctl *ctl);
int cmd_config_keys(struct ctl *ctl);
int cmd_calendar_add(struct ctl *ctl);
int cmd_calendar_between(struct ctl *ctl);
int cmd_calendar_open(struct ctl *ctl);
int cmd_calendar_show(struct ctl *ctl);
int cmd_simulate(struct ctl *ctl);
int cmd_explain(struct ctl *ctl);
int cmd_version(struct ctl *ctl);
int cmd_status(struct ctl *ctl);
int cmd_tickets(struct ctl *ctl);
int cmd_ticket(struct ctl *ctl);
int cmd_next(struct ctl *ctl);
int cmd_deliveries(struct ctl *ctl);
int cmd_forget(struct ctl *ctl);
int cmd_backup(struct ctl *ctl);
int cmd_resend(struct ctl *ctl);
int cmd_dead_list(struct ctl *ctl);
int cmd_dead_show(struct ctl *ctl);
int cmd_dead_retry(struct ctl *ctl);
int cmd_dead_drop(struct ctl *ctl);
int cmd_refused(struct ctl *ctl);
int cmd_refused_show(struct ctl *ctl);
int cmd_receiver_test(struct ctl *ctl);
int cmd_waive(struct ctl *ctl);
int cmd_extend(struct ctl *ctl);
int cmd_import(struct ctl *ctl);
int cmd_reload(struct ctl *ctl);
int cmd_tail(struct ctl *ctl);
int explain_remote(struct ctl *ctl);

#endif
