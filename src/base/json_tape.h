/*
 * The tape: nodes in the order of the text, 16 bytes each. A member of an object is two nodes, its key and right behind it its value;
 * lookups hand out values only. Private to json.c, which writes it, and json_node.c, which reads it.
 */
#ifndef PLAZO_BASE_JSON_TAPE_H
#define PLAZO_BASE_JSON_TAPE_H

#include "base/json.h"
#include "base/siphash.h"

enum {
	TAPE_KIND    = 0x07,   /* enum json_kind */
	TAPE_ESCAPED = 0x08,   /* a string whose decoded bytes lie in doc->decoded */
	TAPE_MEMBER  = 0x10,   /* a value of an object: its key is the node before */
	TAPE_LAST    = 0x20,   /* nothing follows in its container */
	TAPE_COUNT_SHIFT = 8,  /* above: members or elements of a container; JSON_MAX_NODES fits */
};

struct tape_node {
	uint32_t off;    /* where the value begins in the text; of a string, behind its quote */
	uint32_t len;    /* bytes of text; of a string, between its quotes */
	uint32_t more;   /* a container: the node behind its last; an escaped string: its place in `decoded` */
	uint32_t info;
};

struct frame;

struct json_doc {
	struct str        text;         /* borrowed until the next parse */
	struct tape_node *v;            /* owned */
	uint32_t          n, cap;
	char             *decoded;      /* owned: strings that had escapes, each behind its length as a uint32_t */
	size_t            n_decoded, cap_decoded;
	struct frame     *stack;        /* owned: the open containers of a parse */
	uint32_t         *seen;         /* owned: hash table for the keys of large objects */
	size_t            cap_seen;
	struct sipkey     key;          /* random, for `seen` */
};

static inline struct str tape_str(const struct json_doc *d, const struct tape_node *n)
{
	uint32_t len;

	if ((n->info & TAPE_ESCAPED) == 0)
		return (struct str){ d->text.p + n->off, n->len };
	memcpy(&len, d->decoded + n->more, sizeof(len));
	return (struct str){ d->decoded + n->more + sizeof(len), len };
}

static inline bool tape_is_container(const struct tape_node *n)
{
	return (n->info & TAPE_KIND) >= JSON_ARRAY;
}

/* The node behind all of a value. */
static inline uint32_t tape_behind(const struct json_doc *d, uint32_t i)
{
	return tape_is_container(&d->v[i]) ? d->v[i].more : i + 1;
}

#endif
