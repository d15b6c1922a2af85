/*
 * What the engine wants somebody to be told. A value: the slices point into the effects it came with (see engine.h).
 */
#ifndef PLAZO_CORE_ALERT_H
#define PLAZO_CORE_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/str.h"
#include "base/wall.h"

enum alert_type {
	ALERT_WARNING, ALERT_BREACH, ALERT_ESCALATION, ALERT_CLEARED, ALERT_RETRACTED,
	ALERT_DAEMON_UNMATCHED,      /* a ticket without a contract, or with one that nobody knows */
	ALERT_DAEMON_SKEW,           /* an event from farther in the future than max_skew */
	ALERT_DAEMON_ENDPOINT,       /* a receiver answered 410 and is disabled */
	ALERT_DAEMON_TEST,           /* plazoctl receiver test */
	ALERT_DAEMON_STREAM,         /* a source in Redis is not read, is read again, or lost entries */
	ALERT_DAEMON_DEAD,           /* alerts for a receiver were given up */
	ALERT_DAEMON_STORE,          /* the journal takes nothing, or does again */
	ALERT_N_TYPES
};
extern const char *const alert_type_names[ALERT_N_TYPES + 1];   /* "sla.warning", …, "daemon.unmatched", … */

/* Why a step is recorded and not sent. */
enum alert_unsent {
	ALERT_TO_SEND,
	ALERT_SUPERSEDED,            /* a higher step of the same clock was reached at the same time (rule 13) */
	ALERT_OUTRUN,                /* a warning that a change brings after the breach */
	ALERT_OVER,                  /* its clock had ended without a breach before it was known of */
	ALERT_WAIVED,
	ALERT_IMPORTED,              /* an import that was to send nothing found it in the past */
	ALERT_N_UNSENT
};
extern const char *const alert_unsent_texts[ALERT_N_UNSENT];     /* for people; of ALERT_TO_SEND NULL */

/* A warning or a clear: what may be told later than a breach. */
static inline bool alert_is_mild(enum alert_type t)
{
	return t == ALERT_WARNING || t == ALERT_CLEARED;
}

/* Of the others `ticket` names the receiver or the source, if there is one. */
static inline bool alert_is_of_ticket(enum alert_type t)
{
	return t < ALERT_DAEMON_ENDPOINT;
}

/* Reasons of an sla.cleared whose clock nobody has stopped. */
#define ALERT_REASON_WAIVED    "waived"
#define ALERT_REASON_CANCELLED "cancelled: it no longer counts"

#define ALERT_ID_LEN 32          /* hexadecimal digits */
#define ALERT_MAX_RECEIVERS 64

struct alert {
	char            id[ALERT_ID_LEN + 1];
	enum alert_type type;
	struct wall     at;              /* the step's own instant */
	struct str      ns, ticket;
	struct str      contract;        /* id; empty when unmatched */
	struct str      customer;        /* for people */
	struct str      metric;          /* empty for daemon.* */
	struct str      agreement;       /* "sla", "ola", "uc" */
	uint32_t        cycle;
	struct str      step;            /* "75%", "breach", "cleared", … */
	uint32_t        occurrence;
	struct wall     due;             /* WALL_NEVER: null in JSON */
	struct str      target;          /* "2h" */
	int64_t         elapsed_ms, remaining_ms;   /* counted at `at`; remaining is negative after the due time */
	struct str      priority, subject, url;     /* empty: null in JSON, for subject and url left out */
	const struct str *receivers;     /* names of the configuration, none twice, up to ALERT_MAX_RECEIVERS */
	size_t          n_receivers;
	struct str      reason;          /* one English sentence */
	int64_t         late_ms;         /* how long after `at` it was known: 0 unless a late event brought it */
	enum alert_unsent unsent;        /* anything else than ALERT_TO_SEND is recorded, not sent */
};

/* Fills `id` from (type, ns, ticket, metric, cycle, step, occurrence): the same alert always has the same id. */
void alert_set_id(struct alert *a);

/* Copies it with all its texts, which lie in the block that is given, for free(). */
MUST_CHECK void *alert_copy(struct alert *to, const struct alert *from);

/* The object of README, "What it says", in that order of keys. `namespace` is written when `with_ns`. */
void alert_write(const struct alert *a, bool with_ns, struct buf *out);

/* Reads back what alert_write() wrote with the namespace; borrows from the doc. Receivers go to `receivers` (ALERT_MAX_RECEIVERS). */
MUST_CHECK enum err alert_read(const struct json_doc *d, json_node n, struct str *receivers, struct alert *out);

#endif
