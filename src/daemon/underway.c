#include "daemon/underway.h"

#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"

void underway_init(struct underway *u)
{
	*u = (struct underway){ .free_stranger = NO_STRANGER };
	map_init(&u->index);
}

void underway_finish(struct underway *u)
{
	map_finish(&u->index);
	free(u->strangers);
	free(u->v);
}

/* ---- strangers ---- */

static bool same_hash(const void *ctx, const void *key, uint32_t value)
{
	const struct underway *u = ctx;

	return u->strangers[value].hash == *(const uint64_t *)key;
}

static uint32_t new_stranger(struct underway *u, uint64_t hash)
{
	uint32_t i = u->free_stranger;

	if (i != NO_STRANGER) {
		u->free_stranger = u->strangers[i].ticket;
	} else {
		if (u->n_strangers == u->cap_strangers) {
			u->cap_strangers = u->cap_strangers ? u->cap_strangers * 2 : 256;
			u->strangers = xreallocarray(u->strangers, u->cap_strangers, sizeof(*u->strangers));
		}
		i = u->n_strangers++;
	}
	u->strangers[i] = (struct stranger){ .hash = hash, .ticket = ENGINE_NO_TICKET };
	map_insert(&u->index, hash, i);
	return i;
}

static uint32_t stranger_of(struct underway *u, uint64_t hash)
{
	uint32_t i = map_find(&u->index, hash, same_hash, u, &hash);

	if (i == MAP_ABSENT)
		i = new_stranger(u, hash);
	u->strangers[i].n++;
	return i;
}

struct stranger underway_arrived(struct underway *u, uint32_t i)
{
	struct stranger *s = &u->strangers[i], was = *s;

	assert(was.n > 0);
	if (--s->n == 0) {
		map_remove(&u->index, was.hash, i);
		s->ticket = u->free_stranger;
		u->free_stranger = i;
	}
	return was;
}

void underway_found(struct underway *u, uint32_t i, uint32_t ticket)
{
	u->strangers[i].ticket = ticket;
}

/* ---- the ring ---- */

static void grow(struct underway *u)
{
	size_t cap = u->cap != 0 ? u->cap * 2 : 256;
	struct moving *v = xreallocarray(NULL, cap, sizeof(*v));

	for (size_t i = 0; i < u->n; i++)
		v[i] = *underway_at(u, i);
	free(u->v);
	u->v = v;
	u->first = 0;
	u->cap = cap;
}

void underway_put(struct underway *u, struct moving m, uint64_t hash)
{
	if (u->n == u->cap)
		grow(u);
	m.stranger = m.ticket == ENGINE_NO_TICKET ? stranger_of(u, hash) : NO_STRANGER;
	u->v[(u->first + u->n++) & (u->cap - 1)] = m;
}

struct moving underway_take(struct underway *u)
{
	struct moving m;

	assert(u->n > 0);
	m = u->v[u->first];
	u->first = (u->first + 1) & (u->cap - 1);
	u->n--;
	u->n_gone++;
	return m;
}
