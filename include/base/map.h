/*
 * An open-addressing hash index (Robin Hood or linear probing) from a 64-bit hash to a 32-bit number of the caller's: the
 * caller keeps the records and says by a function whether record `value` is the one it looks for. 8 bytes a slot: 32 bits of
 * the hash, 32 bits of value. Hashes come from siphash64 with a random key, so no input can make it slow.
 */
#ifndef PLAZO_BASE_MAP_H
#define PLAZO_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_ABSENT UINT32_MAX     /* no value; may not be inserted */

struct map_slot;

struct map {
	struct map_slot *slots;   /* owned; NULL while empty */
	size_t           n_slots; /* a power of two, or 0 */
	size_t           n_used;
};

/* Is record `value` the one that `key` describes? */
typedef bool map_eq_fn(const void *ctx, const void *key, uint32_t value);

void map_init(struct map *m);
void map_finish(struct map *m);

/* The value whose hash is `hash` and for which eq() says yes, or MAP_ABSENT. */
uint32_t map_find(const struct map *m, uint64_t hash, map_eq_fn *eq, const void *ctx, const void *key);

/*
 * For who looks up many: ask for the slot of each, then for a value that may be it (MAP_ABSENT: none is), then for the records of those, and
 * find them all when their memory has come.
 */
void map_expect(const struct map *m, uint64_t hash);
uint32_t map_guess(const struct map *m, uint64_t hash);

/* Puts a value in that is not in it yet; grows at a load of 3/4. */
void map_insert(struct map *m, uint64_t hash, uint32_t value);

/* Takes out exactly this value; false when it is not there. */
bool map_remove(struct map *m, uint64_t hash, uint32_t value);

size_t map_bytes(const struct map *m);   /* memory in use */

/* NULL when every invariant holds, else what is broken; for tests. */
const char *map_check(const struct map *m);

#endif
