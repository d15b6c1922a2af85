/* What systemd is told (sd_notify). Without systemd, nothing happens. */
#ifndef PLAZO_SRC_DAEMON_SYSTEMD_H
#define PLAZO_SRC_DAEMON_SYSTEMD_H

#include <stdint.h>

#include "base/wall.h"

struct daemon;

struct systemd {
	int64_t     watchdog_ms;      /* between two pings; 0: nobody waits for them */
	struct mono next_ping, next_status;
};

void systemd_init(struct systemd *s);
void systemd_extend(int64_t ms);              /* starting or stopping takes that much longer */
void systemd_ready(void);
void systemd_reloading(void);
void systemd_stopping(void);

/* Once a turn: the watchdog, while the threads of the store and of the webhooks are on time too, and now and then a line of status. */
void systemd_turn(struct daemon *d);

#endif
