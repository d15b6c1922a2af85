/*
 * What the daemon tells of itself to `defaults.notify`: daemon.stream and daemon.store. Their way is that of all alerts: while the disk takes
 * nothing, what waits for it is sent all the same (see outbox.h), and so is the news that it takes nothing. daemon.unmatched and daemon.skew
 * are the engine's, daemon.endpoint and daemon.dead notify's.
 */
#ifndef PLAZO_SRC_DAEMON_OPERATOR_H
#define PLAZO_SRC_DAEMON_OPERATOR_H

#include "daemon/plight.h"

struct daemon;
struct stream_view;
struct store_health;

struct stream_plight {
	struct plight plight;
	struct tally  trimmed;
};

/* Once in a while: how the source and the store are now. */
void operator_look_at_stream(struct daemon *d, struct stream_plight *p, const struct stream_view *v, struct mono now);
void operator_look_at_store(struct daemon *d, const struct store_health *h, struct mono now);

/* Once, when the store is dead and the daemon about to leave. */
void operator_store_failed(struct daemon *d, const struct store_health *h);

#endif
