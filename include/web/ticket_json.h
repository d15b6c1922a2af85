/* Tickets and their clocks as the HTTP API shows them (web/route.h has the shapes). */
#ifndef PLAZO_WEB_TICKET_JSON_H
#define PLAZO_WEB_TICKET_JSON_H

#include <stdbool.h>

#include "base/json_member.h"
#include "core/engine.h"

/* TICKET, its clocks too. */
void ticket_json(struct json_out *o, const struct ticket_view *v);

/* The member `acts`: who waived and extended what, when, why and by how much. */
void acts_json(struct json_out *o, const struct ticket_view *v);

void stretch_json(struct json_out *o, const struct stretch *s);

/* One entry of /v1/next. */
void next_json(struct json_out *o, const struct ticket_view *v, const struct clock_view *c);

/* The first due time of those clocks that have not stopped and are not waived; WALL_NEVER without one that has one. */
struct wall ticket_due(const struct ticket_view *v);

/* Is a clock that has not stopped breached, or is its breach the next thing to come, or due within the hour? */
bool ticket_at_risk(const struct ticket_view *v, struct wall now);

#endif
