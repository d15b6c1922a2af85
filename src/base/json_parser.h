/*
 * The state of one parse, shared by json.c (the grammar) and json_string.c (strings with escapes). Functions that return bool say
 * false after json_fail(), and the parse is over.
 */
#ifndef PLAZO_BASE_JSON_PARSER_H
#define PLAZO_BASE_JSON_PARSER_H

#include "base/json_plain.h"
#include "base/json_tape.h"
#include "base/limits.h"

/* An open container. */
struct frame {
	uint32_t node;
	uint32_t n_items;
	uint32_t last;      /* the value read last, when n_items > 0 */
	uint64_t keys;      /* bit (cheap hash of key) set: a key with that hash was read */
};

struct parser {
	struct json_doc *d;
	const uint8_t   *p, *end;
	enum err         err;
	const uint8_t   *err_at;
	const char      *err_msg;    /* NULL: no error yet */
	struct frame    *stack;      /* the doc's: JSON_MAX_DEPTH of them */
	uint32_t         depth;
};

bool json_fail_at(struct parser *s, enum err e, const uint8_t *at, const char *msg);
bool json_fail(struct parser *s, const char *msg);    /* bad syntax at s->p */
bool json_grow_tape(struct parser *s);

/* The rest of a string from its first backslash on, where s->p is; `begin` is behind the quote. */
bool json_decode_string(struct parser *s, const uint8_t *begin, uint32_t flags);

static inline bool push_node(struct parser *s, uint32_t off, uint32_t len, uint32_t info)
{
	struct json_doc *d = s->d;

	if (d->n == d->cap && !json_grow_tape(s))
		return false;

	struct tape_node *n = &d->v[d->n++];

	n->off = off;
	n->len = len;
	n->more = 0;
	n->info = info;
	return true;
}

static inline uint32_t offset_of(const struct parser *s, const uint8_t *p)
{
	return (uint32_t)(p - (const uint8_t *)s->d->text.p);
}

/* s->p is at a byte from 0x80 up. */
static inline bool skip_utf8(struct parser *s)
{
	size_t n = str_utf8_len((struct str){ (const char *)s->p, (size_t)(s->end - s->p) });

	if (n == 0)
		return json_fail_at(s, ERR_SYNTAX, s->p, "not UTF-8");
	s->p += n;
	return true;
}

#endif
