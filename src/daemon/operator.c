#include "daemon/operator.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/daemon.h"

#define REASON_MAX 1024

/* `cycle` makes it another alert than the one before: mostly the second at which it is told. */
static void tell_of(struct daemon *d, enum alert_type type, const char *about, const char *step, int64_t cycle, const char *reason)
{
	const struct rules *r = d->cfg->rules;
	struct str names[ALERT_MAX_RECEIVERS];
	size_t n = 0;

	for (; n < r->n_notify && n < ALERT_MAX_RECEIVERS; n++)
		names[n] = str_of(r->notify[n]);
	struct alert a = {
		.type = type, .at = d->now, .ticket = str_of(about), .step = str_of(step), .due = WALL_NEVER,
		.cycle = (uint32_t)cycle, .occurrence = 1, .receivers = names, .n_receivers = n, .reason = str_of(reason),
	};

	alert_set_id(&a);
	outbox_alert(d, &a);
}

static void tell(struct daemon *d, enum alert_type type, const char *about, const char *step, const char *reason)
{
	tell_of(d, type, about, step, d->now.ms / MS_PER_S, reason);
}

static void tell_news(struct daemon *d, enum plight_news news, enum alert_type type, const char *about, const char *bad, const char *why, const char *well)
{
	char reason[REASON_MAX];

	if (news == PLIGHT_BETTER)
		tell(d, type, about, "well", well);
	if (news != PLIGHT_WORSE)
		return;
	snprintf(reason, sizeof(reason), "For a minute or longer: %s", why);
	tell(d, type, about, bad, reason);
}

void operator_look_at_stream(struct daemon *d, struct stream_plight *p, const struct stream_view *v, struct mono now)
{
	/* One for which the journal has no room is in no trouble of its own: that is daemon.store, or a flood. */
	bool is_bad = !v->is_well && v->stats.state != STREAM_FULL;
	uint64_t trimmed = tally_look(&p->trimmed, v->stats.n_trimmed, now);
	char reason[REASON_MAX];

	tell_news(d, plight_look(&p->plight, is_bad, now), ALERT_DAEMON_STREAM, v->source, "degraded", v->trouble, "It is read again.");
	if (trimmed == 0)
		return;
	snprintf(reason, sizeof(reason), "Redis had deleted %" PRIu64 " entries before they were read: their events are lost.", trimmed);
	tell(d, ALERT_DAEMON_STREAM, v->source, "trimmed", reason);
}

void operator_look_at_store(struct daemon *d, const struct store_health *h, struct mono now)
{
	tell_news(d, plight_look(&d->store_plight, h->state == STORE_STALLED, now), ALERT_DAEMON_STORE, "", "stalled", h->why, "Events are accepted again.");
}

void operator_store_failed(struct daemon *d, const struct store_health *h)
{
	char reason[REASON_MAX];

	snprintf(reason, sizeof(reason), "plazod ends, and watches nothing until it is started again: %s", h->why);
	/* Nothing can be kept about having told it. So in a loop of restarts the alerts of an hour are one, by their id. */
	tell_of(d, ALERT_DAEMON_STORE, "", "failed", d->now.ms / MS_PER_H, reason);
}
