/*
 * Memory that is given back all at once. Pointers stay valid until arena_destroy() or arena_reset().
 */
#ifndef PLAZO_BASE_ARENA_H
#define PLAZO_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"

struct arena_block;

/* Its owner's business; here so that to take memory from it costs a few instructions. */
struct arena {
	char               *next, *end;   /* what is free of the newest block */
	struct arena_block *head;         /* the newest, owned chain; never NULL */
	size_t              used;         /* bytes handed out of all blocks but the newest, alignment included */
};

#define ARENA_ALIGN ((size_t)16)

struct arena *arena_create(void);
void arena_destroy(struct arena *a);                  /* NULL is fine */
void arena_reset(struct arena *a);                    /* empties it, keeps its first block */
size_t arena_used(const struct arena *a);             /* bytes handed out since creation or reset */

void *arena_more(struct arena *a, size_t size);       /* arena_alloc() of what the newest block has no room for */

/* Zeroed, aligned to 16; aborts when memory is out. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
	size_t rounded = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	char *p = a->next;

	if (rounded > (size_t)(a->end - p) || rounded < size)
		return arena_more(a, size);
	a->next = p + rounded;
	return memset(p, 0, rounded);
}

static inline void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	/* Fails in xmalloc() with its message. */
	if (__builtin_mul_overflow(n, size, &total))
		total = SIZE_MAX;
	return arena_alloc(a, total);
}

void *arena_grow(struct arena *a, void *p, size_t n_old, size_t n_new, size_t size);   /* copies into a new place; the rest is zeroed */
char *arena_strdup(struct arena *a, const char *z);
struct str arena_str(struct arena *a, struct str s);  /* copies the bytes and adds a NUL behind them */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
