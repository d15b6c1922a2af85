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

#define BLOCK_FIRST ((size_t)16 << 10)
#define BLOCK_MAX   ((size_t)1 << 20)

struct arena_block {
	struct arena_block *next;   /* older */
	size_t              cap;    /* bytes behind the header */
};

_Static_assert(sizeof(struct arena_block) % ARENA_ALIGN == 0, "allocations begin behind the header");

static struct arena_block *block_create(size_t cap, struct arena_block *next)
{
	struct arena_block *b;

	if (cap > SIZE_MAX - sizeof(*b))
		cap = SIZE_MAX - sizeof(*b);   /* fails in xmalloc with its message */
	b = xmalloc(sizeof(*b) + cap);
	*b = (struct arena_block){ .next = next, .cap = cap };
	return b;
}

static char *block_bytes(struct arena_block *b)
{
	return (char *)(b + 1);
}

/* From now on memory comes from `b`, nothing of which has been handed out. */
static void begin_block(struct arena *a, struct arena_block *b)
{
	a->head = b;
	a->next = block_bytes(b);
	a->end = a->next + b->cap;
}

struct arena *arena_create(void)
{
	struct arena *a = xmalloc(sizeof(*a));

	a->used = 0;
	begin_block(a, block_create(BLOCK_FIRST, NULL));
	return a;
}

/* The oldest block ends the chain, as larger ones are put in front of it or between. */
static struct arena_block *free_younger(struct arena_block *b)
{
	while (b->next != NULL) {
		struct arena_block *next = b->next;

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
	a->used = 0;
	begin_block(a, free_younger(a->head));
}

size_t arena_used(const struct arena *a)
{
	return a->used + (size_t)(a->next - block_bytes(a->head));
}

void *arena_more(struct arena *a, size_t size)
{
	size_t rounded = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1), cap = a->head->cap;

	if (rounded < size)
		rounded = SIZE_MAX - ARENA_ALIGN;    /* fails in xmalloc with its message */
	if (rounded > cap / 4 && a->head->next != NULL) {
		struct arena_block *own = a->head->next = block_create(rounded, a->head->next);

		a->used += rounded;
		return memset(block_bytes(own), 0, rounded);
	}
	a->used = arena_used(a);
	cap = cap < BLOCK_MAX ? cap * 2 : BLOCK_MAX;
	begin_block(a, block_create(cap > rounded ? cap : rounded, a->head));
	a->next += rounded;
	return memset(block_bytes(a->head), 0, rounded);
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
	char text[256], *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	/* Most are short: written once, and copied. */
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p = arena_alloc(a, n > 0 ? (size_t)n + 1 : 1);
	if (n > 0 && (size_t)n < sizeof text)
		memcpy(p, text, (size_t)n + 1);
	else if (n > 0)
		(void)vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}
