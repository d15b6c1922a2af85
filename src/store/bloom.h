/*
 * A set of hashes that answers "certainly not" or "perhaps". It grows by filters, each twice the size of the one before, so that it
 * never has to be filled again; nothing is taken out. Two to four bytes a member; wrong for less than one in a hundred of the strangers.
 */
#ifndef PLAZO_STORE_BLOOM_H
#define PLAZO_STORE_BLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOOM_MAX_FILTERS 24

struct bloom {
	uint64_t *filter[BLOOM_MAX_FILTERS];   /* owned */
	size_t    n_filters;
	size_t    n_last;                      /* members of the last filter */
};

void bloom_init(struct bloom *b);
void bloom_finish(struct bloom *b);
void bloom_add(struct bloom *b, uint64_t hash);
bool bloom_has(const struct bloom *b, uint64_t hash);
size_t bloom_bytes(const struct bloom *b);

#endif
