/*
 * The root lies at index 3 of an array that is aligned to 64 bytes: then the four children of every entry (4 * 16 bytes) share one
 * cache line, which is what a step down costs in a heap that is larger than the caches.
 */
#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/expect.h"
#include "base/xalloc.h"

#define ROOT ((size_t)3)
#define LINE ((size_t)64)

_Static_assert(sizeof(struct heap_entry) * 4 == LINE, "four children fill a cache line");

static inline size_t parent_of(size_t i) { return i / 4 + 2; }
static inline size_t child_of(size_t i) { return (i - 2) * 4; }

static inline bool earlier(const struct heap_entry *a, const struct heap_entry *b)
{
	return a->due < b->due || (a->due == b->due && a->seq < b->seq);
}

void heap_init(struct heap *h)
{
	*h = (struct heap){ 0 };
}

void heap_finish(struct heap *h)
{
	free(h->v);
	free(h->place);
	heap_init(h);
}

static void grow_entries(struct heap *h)
{
	/* By an eighth: a heap of millions should not carry much in reserve. Ids are 32 bits, so nothing overflows. */
	size_t cap = (h->cap + h->cap / 8 + 64) & ~(size_t)3;
	void *fresh = NULL;

	if (posix_memalign(&fresh, LINE, (cap + ROOT + 1) * sizeof(*h->v)) != 0)
		fresh = xreallocarray(NULL, SIZE_MAX, sizeof(*h->v));    /* aborts with its message */
	memset(fresh, 0, ROOT * sizeof(*h->v));
	if (h->n != 0)
		memcpy((struct heap_entry *)fresh + ROOT, h->v + ROOT, h->n * sizeof(*h->v));
	free(h->v);
	h->v = fresh;
	h->cap = cap;
}

static void grow_places(struct heap *h, uint32_t id)
{
	size_t n = h->n_place + h->n_place / 8 + 64;

	if (n <= id)
		n = (size_t)id + 1;
	h->place = xreallocarray(h->place, n, sizeof(*h->place));
	memset(h->place + h->n_place, 0xff, (n - h->n_place) * sizeof(*h->place));   /* HEAP_IDLE */
	h->n_place = n;
}

static inline void put(struct heap *h, size_t i, struct heap_entry e)
{
	h->v[i] = e;
	h->place[e.id] = (uint32_t)i;
}

static void sift_up(struct heap *h, size_t i, struct heap_entry e)
{
	while (i > ROOT) {
		size_t up = parent_of(i);

		if (!earlier(&e, &h->v[up]))
			break;
		put(h, i, h->v[up]);
		i = up;
	}
	put(h, i, e);
}

static void sift_down(struct heap *h, size_t i, struct heap_entry e)
{
	size_t end = ROOT + h->n;

	for (;;) {
		size_t first = child_of(i);
		size_t last = first + 4 < end ? first + 4 : end;
		size_t least = first;

		if (first >= end)
			break;
		for (size_t c = first + 1; c < last; c++) {
			if (earlier(&h->v[c], &h->v[least]))
				least = c;
		}
		if (!earlier(&h->v[least], &e))
			break;
		put(h, i, h->v[least]);
		i = least;
	}
	put(h, i, e);
}

static void settle(struct heap *h, size_t i, struct heap_entry e)
{
	if (i > ROOT && earlier(&e, &h->v[parent_of(i)]))
		sift_up(h, i, e);
	else
		sift_down(h, i, e);
}

void heap_set(struct heap *h, uint32_t id, int64_t due, uint32_t seq)
{
	struct heap_entry e = { due, seq, id };

	assert(id != HEAP_IDLE);
	if (heap_has(h, id)) {
		settle(h, h->place[id], e);
		return;
	}
	if (id >= h->n_place)
		grow_places(h, id);
	if (h->n == h->cap)
		grow_entries(h);
	h->n++;
	sift_up(h, ROOT + h->n - 1, e);
}

bool heap_remove(struct heap *h, uint32_t id)
{
	if (!heap_has(h, id))
		return false;

	size_t i = h->place[id];
	size_t last = ROOT + h->n - 1;

	h->place[id] = HEAP_IDLE;
	h->n--;
	if (i != last)
		settle(h, i, h->v[last]);
	return true;
}

const struct heap_entry *heap_top(const struct heap *h)
{
	return h->n != 0 ? &h->v[ROOT] : NULL;
}

bool heap_has(const struct heap *h, uint32_t id)
{
	return id < h->n_place && h->place[id] != HEAP_IDLE;
}

void heap_expect_place(const struct heap *h, uint32_t id)
{
	if (id < h->n_place)
		expect(&h->place[id]);
}

void heap_expect(const struct heap *h, uint32_t id)
{
	if (heap_has(h, id)) {
		size_t i = h->place[id], child = child_of(i);

		/* And where it may move to. */
		expect(&h->v[i]);
		expect(&h->v[parent_of(i)]);
		expect(&h->v[child < h->cap ? child : i]);
	}
}

int64_t heap_due(const struct heap *h, uint32_t id)
{
	return heap_has(h, id) ? h->v[h->place[id]].due : INT64_MAX;
}

size_t heap_bytes(const struct heap *h)
{
	size_t entries = h->cap != 0 ? h->cap + ROOT + 1 : 0;

	return entries * sizeof(*h->v) + h->n_place * sizeof(*h->place);
}

const char *heap_check(const struct heap *h)
{
	size_t n_placed = 0;

	if (h->n > h->cap)
		return "more entries than room";
	for (size_t i = ROOT; i < ROOT + h->n; i++) {
		if (i > ROOT && earlier(&h->v[i], &h->v[parent_of(i)]))
			return "a child is earlier than its parent";
		if (h->v[i].id >= h->n_place || h->place[h->v[i].id] != i)
			return "the back index does not lead to its entry";
	}
	for (size_t id = 0; id < h->n_place; id++)
		n_placed += h->place[id] != HEAP_IDLE;
	return n_placed == h->n ? NULL : "the back index names an entry that is not there";
}
