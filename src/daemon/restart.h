/*
 * What only a restart can change: the addresses and the database that the process runs with, beside what a configuration that was read since asks for.
 * Where systemd or the command line gave it, the configuration decides nothing, now or after a restart.
 */
#ifndef PLAZO_SRC_DAEMON_RESTART_H
#define PLAZO_SRC_DAEMON_RESTART_H

#include <stdbool.h>

#include "config/config.h"

enum restart_key { RESTART_LISTEN, RESTART_METRICS, RESTART_SOCKET, RESTART_STORE, RESTART_N };

struct restart {
	char *runs_with[RESTART_N];      /* owned; NULL: without */
	bool  decided[RESTART_N];        /* by the configuration */
};

/* At the start: what `cfg` says is what the process runs with, as far as `decided` says that it was asked. */
void restart_remember(struct restart *r, const struct config *cfg, const bool decided[RESTART_N]);
void restart_finish(struct restart *r);

/* Adds a warning for each key that has to wait for a restart. */
void restart_check(const struct restart *r, const struct config *cfg, struct problems *out);

#endif
