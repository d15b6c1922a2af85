/*
 * A 4-ary min-heap of (due, seq, id) with a back index from id to place, so that an entry is moved or taken out by its id.
 * 20 bytes an entry. Order is total: due, then seq (compared as unsigned numbers).
 */
#ifndef PLAZO_BASE_HEAP_H
#define PLAZO_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_entry {
	int64_t  due;    /* milliseconds */
	uint32_t seq;    /* breaks ties */
	uint32_t id;     /* the caller's number, small and dense: it indexes `place` */
};

struct heap {
	struct heap_entry *v;       /* owned */
	uint32_t          *place;   /* owned; place[id] is the index in v, HEAP_IDLE when id is not in */
	size_t             n, cap;  /* entries in use and allocated */
	size_t             n_place; /* ids that `place` covers */
};

#define HEAP_IDLE UINT32_MAX

void heap_init(struct heap *h);
void heap_finish(struct heap *h);

/* Puts `id` in, or moves it when it is in. */
void heap_set(struct heap *h, uint32_t id, int64_t due, uint32_t seq);

/* Takes `id` out; false when it was not in. */
bool heap_remove(struct heap *h, uint32_t id);

/* The earliest, or NULL when empty. Borrows until the next change. */
const struct heap_entry *heap_top(const struct heap *h);

/* When `id` is due, INT64_MAX when it is not in. */
int64_t heap_due(const struct heap *h, uint32_t id);

/* Hints, which change nothing: where `id` is will be asked soon; then, when it will be used soon, its entry. */
void heap_expect_place(const struct heap *h, uint32_t id);
void heap_expect(const struct heap *h, uint32_t id);

bool heap_has(const struct heap *h, uint32_t id);
size_t heap_bytes(const struct heap *h);

/* NULL when every invariant holds, else what is broken; for tests. */
const char *heap_check(const struct heap *h);

#endif
