/*
 * A YAML document as a tree of scalars, maps and lists, each with its place. The parser refuses whatever makes YAML surprising:
 * anchors, aliases, tags, merge keys, duplicate keys, further documents, deep nesting. A scalar is its text and nothing more:
 * what it means is decided by who reads it, so `no` is never false and 010 never eight.
 */
#ifndef PLAZO_CONFIG_NODE_H
#define PLAZO_CONFIG_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "config/problems.h"

/* What is written in the place of a secret: loads again where secrets are not needed. */
#define SECRET_MASK "<secret>"

enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST };

struct node {
	enum node_kind kind;
	bool           plain;            /* a scalar without quotes */
	bool           bad;              /* already complained about: later stages pass it over */
	bool           secret;           /* is written as <secret> */
	bool           hidden;           /* is not written at all */
	const char    *file;             /* NULL: made by us, from a default */
	unsigned       line, col;        /* 1-based */
	struct str     text;             /* of a scalar */
	struct str     key;              /* as a member of a map: its key, and where that stands */
	unsigned       key_line, key_col;
	struct node   *first, *last;     /* of a map or list: its members in the order of the file */
	struct node   *next;
	size_t         n;                /* members */
	void          *built;            /* what a later stage made of it */
	struct node  **index;            /* of a map: members sorted by key, n of them; NULL until node_index() */
};

static inline bool node_is_scalar(const struct node *n) { return n != NULL && n->kind == NODE_SCALAR; }
static inline bool node_is_map(const struct node *n) { return n != NULL && n->kind == NODE_MAP; }
static inline bool node_is_list(const struct node *n) { return n != NULL && n->kind == NODE_LIST; }

/* For keys that take a value or a list of values: a walk over both. */
static inline struct node *node_item(struct node *n) { return n->kind == NODE_LIST ? n->first : n; }
static inline struct node *node_next_item(const struct node *n, const struct node *item) { return n->kind == NODE_LIST ? item->next : NULL; }

/* A plain scalar that says nothing: empty, ~ or null. */
bool node_is_null(const struct node *n);

/* It or anything below it was complained about. */
bool node_is_spoilt(const struct node *n);

/* The member of that name, or NULL: also when `map` is NULL or no map. */
struct node *node_get(const struct node *map, struct str key);
struct node *node_getz(const struct node *map, const char *key);

/* Puts `child` last. For a map its key must be set, and node_index() be called before the next look-up. */
void node_append(struct node *parent, struct node *child);

/* Sorts the members for look-ups. Gives the second of two members with the same key, or NULL when there are none. */
struct node *node_index(struct arena *a, struct node *map);

struct node *node_make(struct arena *a, enum node_kind kind);
struct node *node_scalar(struct arena *a, struct str text);     /* copies the text */
struct node *node_copy(struct arena *a, const struct node *n);  /* with all below it, but not what was built of it */

/*
 * Parses one document. Texts are copied into the arena; `file` is kept. NULL after errors in `problems`, or when the document is
 * empty, which is no error here.
 */
struct node *yaml_parse(struct arena *a, const char *file, struct str text, struct problems *problems);

/* The same for texts of our own, which have no errors and no places. */
struct node *yaml_builtin(struct arena *a, const char *text);

/* Writes the members of a map as block YAML, in their order, secrets and hidden ones as said above. */
void yaml_write(const struct node *map, struct buf *out);

#endif
