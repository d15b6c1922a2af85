/* A question to the daemon, or an act, and how its answer is shown. */
#ifndef PLAZO_SRC_CTL_REMOTE_H
#define PLAZO_SRC_CTL_REMOTE_H

#include "render.h"
#include "show.h"

/* How an answer is shown: a table of the list under `list`, or by a function of show.h. */
struct view {
	const char          *list;        /* JSON pointer */
	const struct column *columns;
	size_t               n_columns;
	const char          *empty;
	show_fn             *print;       /* where there is no list */
	const char          *is_fine;     /* JSON pointer: false there makes the exit status EXIT_NO */
};

#define COLUMNS(v) .columns = (v), .n_columns = sizeof(v) / sizeof((v)[0])

/* Both give the exit status. `unprocessable` is that of an answer 422. */
int remote_ask(const struct ctl *ctl, const char *path, const struct view *view);
int remote_post(const struct ctl *ctl, const char *path, struct str body, int unprocessable, const struct view *view);

#endif
