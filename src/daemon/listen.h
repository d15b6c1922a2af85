/* Where plazod is reached: the public address, that of the metrics, the control socket; from systemd or opened here. */
#ifndef PLAZO_SRC_DAEMON_LISTEN_H
#define PLAZO_SRC_DAEMON_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "ingest/http.h"

struct daemon;

struct listeners {
	struct made_socket {
		char *path;      /* owned; NULL: no file, or systemd keeps it */
		ino_t ino;       /* of the file that we made there */
	} made[LISTEN_N];
	gid_t control_gid;       /* members of this group may use the control socket */
};

MUST_CHECK enum err listen_all(struct daemon *d, struct diag *diag);
void listen_finish(struct daemon *d);

/* How many connections there may be: as configured, but leaving descriptors for the store, the receivers and the log. */
size_t listen_cap(unsigned configured);

#endif
