/* The alerts that notify makes of itself: a receiver that is gone, and one whose alerts are given up. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "notify/notify_private.h"

#define REASON_MAX 1024

struct names { struct str v[ALERT_MAX_RECEIVERS]; size_t n; };

static void add_name(struct names *to, const struct receiver *r, const char *name)
{
	/* Not to the one that it is about: it would be told of its own end. */
	if (name == NULL || strcmp(name, r->name) == 0 || to->n == ALERT_MAX_RECEIVERS)
		return;
	for (size_t i = 0; i < to->n; i++)
		if (str_eqz(to->v[i], name))
			return;
	to->v[to->n++] = str_of(name);
}

static void tell(struct notify *n, const struct receiver *r, enum alert_type type, const char *step, const char *reason, const char *fallback, struct now now)
{
	struct names to = { .n = 0 };

	for (size_t i = 0; i < n->settings.n_defaults; i++)
		add_name(&to, r, n->settings.defaults[i]);
	add_name(&to, r, fallback);
	struct alert a = {
		.type = type, .at = now.wall, .ticket = str_of(r->name), .step = str_of(step), .due = WALL_NEVER,
		.cycle = (uint32_t)(now.wall.ms / MS_PER_S), .occurrence = 1, .receivers = to.v, .n_receivers = to.n, .reason = str_of(reason),
	};

	alert_set_id(&a);
	n->ops->alert(n->ctx, &a);
}

void own_endpoint(struct notify *n, struct receiver *r, struct now now)
{
	char reason[REASON_MAX];

	/* That what waits is given up follows from it, and needs no second alert. */
	r->dead_next = (struct mono){ now.mono.ms + NOTIFY_OWN_MS };
	snprintf(reason, sizeof(reason), "Receiver %s answered 410 and is disabled until the next reload.", r->name);
	tell(n, r, ALERT_DAEMON_ENDPOINT, "410", reason, NULL, now);
}

void own_dead(struct notify *n, struct receiver *r, const struct alert *a, int status)
{
	char answer[32];

	if (a->type == ALERT_DAEMON_DEAD)
		return;
	/* What the receiver said stays with the row of `a`: it may repeat what the ticket says of a person. */
	snprintf(answer, sizeof(answer), status > 0 ? "answered %d" : "did not answer", status);
	snprintf(r->dead_last, sizeof(r->dead_last), "%s%s" STR_FMT " (%s), %s", alert_type_names[a->type], a->ticket.len > 0 ? " " : "",
		 STR_ARG(a->ticket), a->id, answer);
	r->n_dead_untold++;
	own_turn(n, r, notify_now(n));
}

void own_turn(struct notify *n, struct receiver *r, struct now now)
{
	char reason[REASON_MAX];

	if (r->n_dead_untold == 0 || now.mono.ms < r->dead_next.ms)
		return;
	snprintf(reason, sizeof(reason), "%" PRIu64 " given up; the last: %s", r->n_dead_untold, r->dead_last);
	r->n_dead_untold = 0;
	r->dead_next = (struct mono){ now.mono.ms + NOTIFY_OWN_MS };
	tell(n, r, ALERT_DAEMON_DEAD, "given-up", reason, r->fallback, now);
}
