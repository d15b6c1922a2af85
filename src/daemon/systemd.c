#include "daemon/systemd.h"

#include <inttypes.h>

#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/now.h"
#include "daemon/daemon.h"

#define STATUS_MS      INT64_C(10000)
#define LATE_MS        INT64_C(20000)     /* a thread that is at one piece of work for longer is taken for hung */

void systemd_init(struct systemd *s)
{
	uint64_t us = 0;

	*s = (struct systemd){ 0 };
	if (sd_watchdog_enabled(0, &us) > 0)
		s->watchdog_ms = (int64_t)(us / 3000);
}

void systemd_extend(int64_t ms)
{
	sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRId64, ms * 1000);
}

void systemd_ready(void)
{
	sd_notify(0, "READY=1");
}

void systemd_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, mono_now().ms * 1000);
}

void systemd_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=Stopping: answering requests under way");
}

static void tell_status(struct daemon *d, const struct store_health *h)
{
	struct engine_stats es;

	engine_stats(d->engine, &es);
	sd_notifyf(0, "STATUS=%zu tickets, %zu clocks running, %zu paused, %zu breached%s%s", es.n_tickets, es.n_running, es.n_paused,
		   es.n_breached, h->state == STORE_WELL ? "" : "; store: ", h->why);
}

void systemd_turn(struct daemon *d)
{
	struct systemd *s = &d->systemd;
	struct mono now = mono_now();
	struct store_health h;
	int64_t webhooks_ms = notify_busy_ms(d->notify);

	if (now.ms < s->next_ping.ms && now.ms < s->next_status.ms)
		return;
	store_health(d->store, &h);
	if (s->watchdog_ms > 0 && now.ms >= s->next_ping.ms) {
		s->next_ping = (struct mono){ now.ms + s->watchdog_ms };
		if (h.busy_ms < LATE_MS && webhooks_ms < LATE_MS)
			sd_notify(0, "WATCHDOG=1");
		else
			log_error("systemd", "watchdog", "store_busy_ms=%" PRId64 " webhooks_busy_ms=%" PRId64
				  " text=\"a thread hangs: systemd will end plazod and start it again\"", h.busy_ms, webhooks_ms);
	}
	if (now.ms >= s->next_status.ms) {
		s->next_status = (struct mono){ now.ms + STATUS_MS };
		tell_status(d, &h);
	}
}
