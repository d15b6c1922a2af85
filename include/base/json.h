/*
 * A strict reader of JSON (RFC 8259) that makes no tree: it validates and writes a tape of nodes, over which lookups walk.
 * Refused besides bad grammar: duplicate keys, lone surrogates and bad UTF-8, NUL in strings (raw or \u0000), a BOM, depth over
 * JSON_MAX_DEPTH, more nodes than the limit, anything behind the value. Numbers keep their text, so integers are exact.
 *
 * A doc is made once and used for many texts; strings are slices of the text, or of the doc's own memory when they had escapes.
 * Both stay valid until the next json_parse() on the doc, as long as the text lives.
 */
#ifndef PLAZO_BASE_JSON_H
#define PLAZO_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

typedef uint32_t json_node;            /* index on the tape; the root is 0 */
#define JSON_ABSENT UINT32_MAX

struct json_doc;

struct json_doc *json_create(void);
void json_destroy(struct json_doc *d);

/* Borrows `text`, which must stay as it is while the nodes are used. On error diag has line and column (bytes, 1-based). */
MUST_CHECK enum err json_parse(struct json_doc *d, struct str text, struct diag *diag);

enum json_kind json_kind(const struct json_doc *d, json_node n);
const char *json_kind_name(enum json_kind k);                               /* "object", "a string", … for messages */

json_node json_get(const struct json_doc *d, json_node obj, struct str key); /* JSON_ABSENT when obj is no object or has no such key */
uint32_t  json_count(const struct json_doc *d, json_node n);                 /* members or elements; 0 for others */
json_node json_first(const struct json_doc *d, json_node n);                 /* first element, or first member's value; JSON_ABSENT when empty */
json_node json_next(const struct json_doc *d, json_node n);                  /* the next sibling, or JSON_ABSENT */
struct str json_key(const struct json_doc *d, json_node member);             /* of a member's value: its key */

struct str json_text(const struct json_doc *d, json_node n);                 /* a string's decoded bytes; a number's own text; else empty */
struct str json_raw(const struct json_doc *d, json_node n);                  /* the bytes of the value as they stand in the text */
bool json_is_str(const struct json_doc *d, json_node n);
bool json_str(const struct json_doc *d, json_node n, struct str *out);       /* a string's decoded bytes; false when it is none */

/* A number that is an integer in its text ("12", not "12.0" or "1e3"). ERR_SYNTAX when it is not, ERR_RANGE outside [min, max]. */
MUST_CHECK enum err json_i64(const struct json_doc *d, json_node n, int64_t min, int64_t max, int64_t *out);

/* Appends any text, JSON or not, with the escapes of JSON strings decoded; what is none stays as it is. */
void json_unescape(struct str text, struct buf *out);

/* RFC 6901; "" is the root. JSON_ABSENT when it leads nowhere. */
json_node json_pointer(const struct json_doc *d, json_node from, struct str pointer);

/* ---- writer: compact, commas and escapes done for you; keys and values in turn ---- */

struct json_out {
	struct buf *b;        /* keeps; the caller looks at buf_ok() in the end */
	uint32_t    depth;
	bool        comma;    /* the next value needs a comma before it */
};

struct json_out json_out(struct buf *b);
void json_begin_object(struct json_out *o);
void json_end_object(struct json_out *o);
void json_begin_array(struct json_out *o);
void json_end_array(struct json_out *o);
void json_put_key(struct json_out *o, const char *key);
void json_put_name(struct json_out *o, const char *key);      /* the same, for a key in which nothing is to be escaped */
void json_put_str(struct json_out *o, struct str s);          /* bad UTF-8 becomes U+FFFD */
void json_put_z(struct json_out *o, const char *z);           /* NULL writes null */
void json_put_i64(struct json_out *o, int64_t v);
void json_put_bool(struct json_out *o, bool v);
void json_put_null(struct json_out *o);
void json_put_raw(struct json_out *o, struct str json);       /* a value that is JSON already */

#endif
