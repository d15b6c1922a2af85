/*
 * Linear probing with backward-shift deletion, so no tombstones are left. The slot is found by the low bits of the 32 that are kept,
 * which makes growing independent of the caller's records.
 */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

#include "base/expect.h"
#include "base/xalloc.h"

#define SLOTS_FIRST ((size_t)16)

struct map_slot {
	uint32_t hash;
	uint32_t value;    /* MAP_ABSENT: the slot is free */
};

static inline size_t home_of(const struct map *m, uint32_t hash)
{
	return hash & (m->n_slots - 1);
}

static inline size_t after(const struct map *m, size_t i)
{
	return (i + 1) & (m->n_slots - 1);
}

void map_init(struct map *m)
{
	*m = (struct map){ 0 };
}

void map_finish(struct map *m)
{
	free(m->slots);
	map_init(m);
}

uint32_t map_find(const struct map *m, uint64_t hash, map_eq_fn *eq, const void *ctx, const void *key)
{
	uint32_t h = (uint32_t)hash;

	if (m->n_slots == 0)
		return MAP_ABSENT;
	for (size_t i = home_of(m, h); m->slots[i].value != MAP_ABSENT; i = after(m, i)) {
		if (m->slots[i].hash == h && eq(ctx, key, m->slots[i].value))
			return m->slots[i].value;
	}
	return MAP_ABSENT;
}

void map_expect(const struct map *m, uint64_t hash)
{
	if (m->n_slots != 0)
		expect(&m->slots[home_of(m, (uint32_t)hash)]);
}

uint32_t map_guess(const struct map *m, uint64_t hash)
{
	uint32_t h = (uint32_t)hash;

	if (m->n_slots == 0)
		return MAP_ABSENT;
	for (size_t i = home_of(m, h); m->slots[i].value != MAP_ABSENT; i = after(m, i))
		if (m->slots[i].hash == h)
			return m->slots[i].value;
	return MAP_ABSENT;
}

static void place(struct map *m, struct map_slot s)
{
	size_t i = home_of(m, s.hash);

	while (m->slots[i].value != MAP_ABSENT)
		i = after(m, i);
	m->slots[i] = s;
}

static void resize(struct map *m, size_t n_slots)
{
	struct map_slot *old = m->slots;
	size_t n_old = m->n_slots;

	m->slots = xreallocarray(NULL, n_slots, sizeof(*m->slots));
	m->n_slots = n_slots;
	for (size_t i = 0; i < n_slots; i++)
		m->slots[i] = (struct map_slot){ 0, MAP_ABSENT };
	for (size_t i = 0; i < n_old; i++) {
		if (old[i].value != MAP_ABSENT)
			place(m, old[i]);
	}
	free(old);
}

void map_insert(struct map *m, uint64_t hash, uint32_t value)
{
	assert(value != MAP_ABSENT);
	if (m->n_used + 1 > m->n_slots / 4 * 3)
		resize(m, m->n_slots != 0 ? m->n_slots * 2 : SLOTS_FIRST);
	place(m, (struct map_slot){ (uint32_t)hash, value });
	m->n_used++;
}

/* Closes the gap at `hole`: what probed past it moves back, unless it would pass its own home. */
static void shift_back(struct map *m, size_t hole)
{
	for (size_t i = after(m, hole); m->slots[i].value != MAP_ABSENT; i = after(m, i)) {
		size_t from_home = (i - home_of(m, m->slots[i].hash)) & (m->n_slots - 1);
		size_t from_hole = (i - hole) & (m->n_slots - 1);

		if (from_home < from_hole)
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole] = (struct map_slot){ 0, MAP_ABSENT };
}

bool map_remove(struct map *m, uint64_t hash, uint32_t value)
{
	uint32_t h = (uint32_t)hash;

	if (m->n_slots == 0 || value == MAP_ABSENT)
		return false;
	for (size_t i = home_of(m, h); m->slots[i].value != MAP_ABSENT; i = after(m, i)) {
		if (m->slots[i].hash == h && m->slots[i].value == value) {
			shift_back(m, i);
			m->n_used--;
			return true;
		}
	}
	return false;
}

size_t map_bytes(const struct map *m)
{
	return m->n_slots * sizeof(*m->slots);
}

const char *map_check(const struct map *m)
{
	size_t n = 0;

	if ((m->n_slots & (m->n_slots - 1)) != 0)
		return "the number of slots is no power of two";
	for (size_t i = 0; i < m->n_slots; i++) {
		if (m->slots[i].value == MAP_ABSENT)
			continue;
		n++;
		for (size_t j = home_of(m, m->slots[i].hash); j != i; j = after(m, j)) {
			if (m->slots[j].value == MAP_ABSENT)
				return "a free slot lies between a value and its home";
		}
	}
	if (n != m->n_used)
		return "the count of values is wrong";
	return m->n_slots != 0 && n > m->n_slots / 4 * 3 ? "the load is over 3/4" : NULL;
}
