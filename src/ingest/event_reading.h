/*
 * The reading of one event, in parts: event_fields.c knows what each field means, event_whole.c goes over what JSON's reader has made and
 * knows what fields mean beside others, event_plain.c goes over a text itself. Functions that return bool say false once the problem is set.
 */
#ifndef PLAZO_INGEST_EVENT_READING_H
#define PLAZO_INGEST_EVENT_READING_H

#include "base/limits.h"
#include "ingest/event_json.h"

/* What goes in, what comes out, and which fields were there. */
struct reading {
	const struct json_doc      *doc;       /* NULL: there is the text alone */
	const struct event_context *ctx;
	struct event               *e;
	struct problem             *p;
	uint32_t                    seen;
	bool                        has_del;   /* somewhere in its text */
};

enum field {
	FIELD_ID, FIELD_AT, FIELD_BY, FIELD_URL, FIELD_TYPE, FIELD_KIND, FIELD_MODE, FIELD_INTO, FIELD_SITE, FIELD_TEAM, FIELD_TIER,
	FIELD_TAGS, FIELD_ACTOR, FIELD_TICKET, FIELD_STATUS, FIELD_PUBLIC, FIELD_DOMAIN, FIELD_METRIC, FIELD_REASON, FIELD_SERVICE,
	FIELD_SUBJECT, FIELD_CONTRACT, FIELD_PRIORITY, FIELD_CATEGORY, FIELD_ASSIGNEE, FIELD_RECEIVED, FIELD_AUTOMATED,
	FIELD_REQUESTER, FIELD_ORGANIZATION, FIELD_N
};

struct value {
	enum json_kind kind;
	struct str     text;      /* of a string or a number; else empty */
	json_node      node;      /* of the doc, where there is one */
};

static inline uint32_t field_bit(enum field f) { return UINT32_C(1) << f; }

static inline struct value value_of(const struct json_doc *d, json_node n)
{
	return (struct value){ json_kind(d, n), json_text(d, n), n };
}

/* ---- event_fields.c ---- */
enum field field_of(struct str key);                         /* FIELD_N: there is none of that name */
const char *field_name(enum field f);
bool field_read(struct reading *r, enum field f, const struct value *v);
bool fields_unknown(struct reading *r, struct str key);      /* false: says so */
PRINTF_LIKE(3, 4) bool field_fail(struct reading *r, enum field f, const char *fmt, ...);   /* false */

/* Parts of the two that are no single value. */
bool actor_read(struct reading *r, struct str key, const struct value *v);
bool tag_read(struct reading *r, const struct value *v, size_t i, struct str *out);
void tags_set(struct reading *r, struct str tags[], size_t n);   /* sorts them */

/* ---- event_whole.c ---- */
bool event_finish(struct reading *r);                        /* all fields are read: looks at them together, and seals */

#endif
