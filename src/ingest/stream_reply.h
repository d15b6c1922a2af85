/*
 * Replies of a Redis server, made in arenas and read with no trust in their shape. hiredis reads the protocol; its objects are made
 * by functions of ours, since five mallocs an entry are most of what an entry costs, and since sizes are bounded here, before
 * memory is taken. All of it is pure: bytes in, values out.
 */
#ifndef PLAZO_INGEST_STREAM_REPLY_H
#define PLAZO_INGEST_STREAM_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define REPLY_MAX_ELEMENTS (1u << 16)          /* of one array: 1000 entries are asked for at most. Of fields, further ones are left out */
#define REPLY_MAX_DEPTH    8u                  /* XREADGROUP has 5 */
#define REPLY_FIELDS_DEPTH 2u                  /* of the fields of an entry, or deeper: 4 in XREADGROUP, 3 in XAUTOCLAIM, 2 in XINFO STREAM */
#define REPLY_MAX_TEXT     ((64u << 10) + 1)   /* a longer text is cut here: one more than any event may have tells that it was longer */
#define REPLY_MAX_SIZE     (160u << 20)        /* of one reply in memory: 1000 entries of the largest events, and some */

/* Where the reader's next objects are made. */
struct reply_maker {
	struct arena *arena;     /* borrowed until the reply is whole */
	bool          expected;  /* somebody asked; otherwise only an error is taken */
	size_t        size;      /* of the reply being made; set to 0 for each */
	const char   *fault;     /* a literal: why the reply was not taken; NULL: hiredis knows */
	bool          is_too_large;  /* that is why: fewer entries may do */
};

/* Keeps `m`. The replies of this reader live as long as their arena and are never freed. NULL when memory is out. */
redisReader *reply_reader_create(struct reply_maker *m);

static inline struct str reply_text(const redisReply *r)
{
	return r != NULL && r->str != NULL ? (struct str){ r->str, r->len } : (struct str){ 0 };
}

static inline bool reply_is_error(const redisReply *r)
{
	return r != NULL && r->type == REDIS_REPLY_ERROR;
}

/* The first error in it, however deep, as EXEC has them; NULL when there is none. */
const redisReply *reply_find_error(const redisReply *r);

/* The element of an array; NULL when it has none there, or is no array. */
const redisReply *reply_at(const redisReply *r, size_t i);

/* What stands behind `name` in an array of names and values; NULL when it is not there. */
const redisReply *reply_field(const redisReply *r, const char *name);

/* An integer, or a text that is one; otherwise `absent`. */
int64_t reply_int(const redisReply *r, int64_t absent);

struct entry {
	unsigned          key;        /* index of its stream */
	uint32_t          event;      /* index in a batch, or ENTRY_NO_EVENT; of stream_batch.c */
	struct str        id;         /* "1700000000000-0", in the arena */
	const redisReply *fields;     /* names and values in turn, in the reply; NULL: the entry has been trimmed or deleted */
};
#define ENTRY_NO_EVENT UINT32_MAX

struct entries {
	struct entry *v;              /* in the arena */
	size_t        n, cap;
	size_t        n_gone;         /* of XAUTOCLAIM: ids that the server dropped since their entries were trimmed */
	struct str    next;           /* of XAUTOCLAIM: where to go on; in the reply */
};

/*
 * The entries of XREAD and XREADGROUP, at most `max`. A nil reply has none. ERR_SYNTAX with a sentence when this is no such reply
 * (other streams than `keys`, ids that are none, more entries than asked for).
 */
MUST_CHECK enum err reply_entries(const redisReply *r, const char *const *keys, size_t n_keys, size_t max, struct arena *a,
				  struct entries *out, struct diag *d);

/* Those of XAUTOCLAIM; `next` is where the next call begins, "0-0" at the end. */
MUST_CHECK enum err reply_claimed(const redisReply *r, unsigned key, size_t max, struct arena *a, struct entries *out, struct diag *d);

/* The value of a field of an entry; false when it has none of that name. */
bool entry_field(const struct entry *e, const char *name, struct str *out);

/* Is this "MILLISECONDS-SEQUENCE"? Both parts decimal, of at most 20 digits. */
bool entry_id_read(struct str id, uint64_t *ms, uint64_t *seq);
int  entry_id_cmp(struct str a, struct str b);     /* what is no id comes first */

#endif
