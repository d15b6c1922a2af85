/*
 * A ticket event: the value that the edges make from JSON, the journal keeps and the engine applies. All slices are borrowed from
 * whatever it was read from. ingest/ validates: here every text is UTF-8 without control characters and within limits.h.
 */
#ifndef PLAZO_CORE_EVENT_H
#define PLAZO_CORE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reader.h"
#include "base/siphash.h"
#include "base/str.h"
#include "base/wall.h"

struct arena;

enum event_type {
	EVENT_OPENED, EVENT_CHANGED, EVENT_REPLIED, EVENT_ACKNOWLEDGED, EVENT_ATTENDED,
	EVENT_RESOLVED, EVENT_REOPENED, EVENT_CLOSED, EVENT_CANCELLED, EVENT_MERGED,
	EVENT_WAIVED, EVENT_EXTENDED,       /* acts of operators: never taken from a source */
	EVENT_N_TYPES
};

enum role { ROLE_SYSTEM, ROLE_CUSTOMER, ROLE_AGENT, ROLE_N };
enum mode { MODE_NONE, MODE_REMOTE, MODE_ONSITE, MODE_N };

/* Attributes of a ticket; any event may set or clear them. ATTR_TAGS holds the sorted tags joined by '\x1f'. */
enum attr {
	ATTR_CONTRACT, ATTR_PRIORITY, ATTR_KIND, ATTR_STATUS, ATTR_CATEGORY, ATTR_SERVICE, ATTR_SITE, ATTR_TEAM, ATTR_ASSIGNEE,
	ATTR_TIER, ATTR_REQUESTER, ATTR_ORGANIZATION, ATTR_DOMAIN, ATTR_TAGS,
	ATTR_N_RULES,                       /* those above may decide something; those below are for people alone */
	ATTR_SUBJECT = ATTR_N_RULES, ATTR_URL,
	ATTR_N
};

#define TAG_SEP '\x1f'

struct event {
	struct str      id;                 /* unique within namespace and ticket */
	struct str      ns;                 /* namespace: the source's, or the one it shares */
	struct str      source;             /* name of the source in the configuration; "" for operators and files */
	struct str      ticket;
	enum event_type type;
	struct wall     at;                 /* as sent; may lie in the future of `received` */
	struct wall     received;           /* stamped once, never goes back from one event to the next */
	enum role       role;               /* actor.role */
	struct str      actor;              /* actor.name; may be empty */
	bool            is_private;         /* of a reply: `public` false */
	bool            automated;
	enum mode       mode;               /* of EVENT_ATTENDED */
	uint32_t        set;                /* bit 1 << ATTR_x: attr[x] is its new value, empty when cleared */
	struct str      attr[ATTR_N];
	struct str      into;               /* of EVENT_MERGED: the surviving ticket */
	struct str      metric;             /* of EVENT_WAIVED and EVENT_EXTENDED */
	struct str      reason;             /* likewise */
	int64_t         by_ms;              /* of EVENT_EXTENDED: open time added to the target */
	bool            quiet;              /* of an import: steps that it finds in the past are recorded, not sent */
	uint32_t        body;               /* fingerprint of all of the above but `received`, `source` and `quiet`, see event_body() */
	struct str      sealed;             /* its form from the id on; empty: event_seal() has not been there, and the next two say nothing */
	uint64_t        ticket_hash;        /* event_ticket_hash() of it */
	uint64_t        id_hash;            /* siphash64() of its id */
};

/* The names as they are written in events; NULL past the end. */
extern const char *const event_type_names[EVENT_N_TYPES + 1];
extern const char *const role_names[ROLE_N + 1];
extern const char *const mode_names[MODE_N + 1];           /* MODE_NONE is "" */
extern const char *const attr_names[ATTR_N + 1];

/* The index of `s` in a list of names that ends with NULL, or -1. */
int name_index(const char *const *names, struct str s);

/* The fingerprint for `body`: the same content gives the same number, whatever the spacing or order of the JSON. */
uint32_t event_body(const struct event *e);

/* Of a ticket's name under the key of a database, as the engine knows it. */
uint64_t event_ticket_hash(struct sipkey key, struct str ns, struct str ticket);

/*
 * Does what journal and engine would do with each event, ahead of them and on whatever thread: `body`, the form, which goes to the arena, and the
 * hashes under the key of the database. The texts are slices of the form from then on. Nothing of it but `received` and `quiet` may change
 * behind this.
 */
void event_seal(struct event *e, struct sipkey key, struct arena *a);

/*
 * Hints, which change nothing: an event that another thread has made will be used soon. First it itself is asked for, and when it has come, its
 * texts, if it is sealed.
 */
void event_expect(const struct event *e);
void event_expect_texts(const struct event *e);

/* The journal's form (versioned, compact), and back. Reading borrows from the bytes; false when they are no event. */
void event_encode(const struct event *e, struct buf *out);
MUST_CHECK bool event_decode(struct reader *r, struct event *out);

#endif
