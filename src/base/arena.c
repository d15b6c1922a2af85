/*
 * A chain of blocks, newest first, each twice the size of the one before up to a cap. What is larger than a quarter of a block gets
 * one of its own, behind the newest, so that it does not waste the rest of that one.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"

#define ALIGN       ((size_t)16)
#define BLOCK_FIRST ((size_t)16 << 10)
#define BLOCK_MAX   ((size_t)1 << 20)

struct block {
	struct block *next;   /* older */
	size_t        cap;    /* bytes behind the header */
	size_t        used;   /* of them */
	size_t        unused; /* keeps the header a multiple of ALIGN */
};

_Static_assert(sizeof(struct block) % ALIGN == 0, "allocations begin behind the header");

struct arena {
	struct block *head;   /* owned chain; never NULL */
	size_t        total;  /* bytes handed out, alignment included */
};

static struct block *block_create(size_t cap, struct block *next)
{
	struct block *b;

	if (cap > SIZE_MAX - sizeof(*b))
		cap = SIZE_MAX - sizeof(*b);   /* fails in xmalloc with its message */
	b = xmalloc(sizeof(*b) + cap);
	*b = (struct block){ .next = next, .cap = cap };
	return b;
}

struct arena *arena_create(void)
{
	struct arena *a = xmalloc(sizeof(*a));

	a->head = block_create(BLOCK_FIRST, NULL);
	a->total = 0;
	return a;
}

/* The oldest block ends the chain, as larger ones are put in front of it or between. */
static struct block *free_younger(struct block *b)
{
	while (b->next != NULL) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
	return b;
}

void arena_destroy(struct arena *a)
{
	if (a == NULL)
		return;
	free(free_younger(a->head));
	free(a);
}

void arena_reset(struct arena *a)
{
	a->head = free_younger(a->head);
	a->head->used = 0;
	a->total = 0;
}

size_t arena_used(const struct arena *a)
{
	return a->total;
}

static struct block *block_for(struct arena *a, size_t size)
{
	struct block *head = a->head;

	if (size <= head->cap - head->used)
		return head;
	if (size > head->cap / 4 && head->next != NULL) {
		head->next = block_create(size, head->next);
		return head->next;
	}

	size_t cap = head->cap < BLOCK_MAX ? head->cap * 2 : BLOCK_MAX;

	a->head = block_create(cap > size ? cap : size, head);
	return a->head;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t rounded = (size + ALIGN - 1) & ~(ALIGN - 1);

	if (rounded < size)
		rounded = SIZE_MAX - ALIGN;    /* fails in xmalloc with its message */

	struct block *b = block_for(a, rounded);
	char *p = (char *)(b + 1) + b->used;

	b->used += rounded;
	a->total += rounded;
	memset(p, 0, rounded);
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		total = SIZE_MAX - 2 * ALIGN;  /* likewise */
	return arena_alloc(a, total);
}

void *arena_grow(struct arena *a, void *p, size_t n_old, size_t n_new, size_t size)
{
	void *q = arena_array(a, n_new, size);
	size_t n = n_old < n_new ? n_old : n_new;

	if (n != 0)
		memcpy(q, p, n * size);
	return q;
}

char *arena_strdup(struct arena *a, const char *z)
{
	size_t len = strlen(z);

	return memcpy(arena_alloc(a, len + 1), z, len + 1);
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.len + 1);

	if (s.len != 0)
		memcpy(p, s.p, s.len);
	return (struct str){ p, s.len };
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	int n;
	char *p;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = arena_alloc(a, n > 0 ? (size_t)n + 1 : 1);
	if (n > 0)
		(void)vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}
