/*
 * A row of the outbox: one alert on its way to one receiver, or what became of it. A value; the slices are borrowed.
 */
#ifndef PLAZO_STORE_DELIVERY_H
#define PLAZO_STORE_DELIVERY_H

#include <stdint.h>

#include "base/str.h"
#include "base/wall.h"

enum delivery_state {
	DELIVERY_PENDING,       /* to be sent, for the first time or again */
	DELIVERY_SENT,
	DELIVERY_SUPPRESSED,    /* decided not to send; `detail` says why */
	DELIVERY_DEAD,          /* given up; a dead letter */
	DELIVERY_N_STATES
};
extern const char *const delivery_state_names[DELIVERY_N_STATES + 1];   /* "pending", "sent", "suppressed", "dead", NULL */

struct delivery {
	uint64_t            no;             /* of the row, in what the store gives; its own */
	struct str          id, receiver;   /* the key: the alert's id and a receiver of the configuration */
	struct str          type;           /* of the alert: "sla.breach", … */
	struct str          ns, ticket;     /* empty when the alert is of no ticket */
	struct str          body;           /* the alert's JSON */
	struct wall         created;        /* when it was put */
	struct wall         at;             /* the alert's own instant */
	struct wall         due;            /* the clock's due time, WALL_NEVER when there is none */
	enum delivery_state state;
	uint32_t            attempts;       /* made so far */
	struct wall         next;           /* of DELIVERY_PENDING: not before this instant */
	int32_t             status;         /* of the last attempt: the HTTP or SMTP status, 0 when there was none */
	struct str          detail;         /* of the last attempt or decision, for people */
	struct wall         settled;        /* of the other states: since when; WALL_NEVER while pending */
};

#endif
