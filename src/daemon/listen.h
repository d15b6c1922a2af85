/* Where plazod is reached: the public address, that of the metrics, the control socket; from systemd or opened here. */
#ifndef PLAZO_SRC_DAEMON_LISTEN_H
#define PLAZO_SRC_DAEMON_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct daemon;
struct config;

struct listeners {
	char *control_path;      /* owned; NULL when systemd keeps it */
	ino_t control_ino;       /* of the file that we made there */
	gid_t control_gid;       /* members of this group may use the control socket */
};

MUST_CHECK enum err listen_all(struct daemon *d, struct diag *diag);
void listen_finish(struct daemon *d);

/* How many connections there may be: as configured, but leaving descriptors for the store, the receivers and the log. */
size_t listen_cap(unsigned configured);

/* A sentence when `now` wants addresses or paths that only a restart can give, or NULL. */
const char *listen_needs_restart(const struct config *was, const struct config *now);

#endif
