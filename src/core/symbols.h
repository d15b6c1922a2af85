/*
 * Texts that many tickets share (priorities, teams, steps, receivers) kept once, under a small number. Counted: a text that no ticket
 * uses any more gives its number back, so unbounded input does not grow it. 0 is the empty text and needs no counting.
 */
#ifndef PLAZO_SRC_CORE_SYMBOLS_H
#define PLAZO_SRC_CORE_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/siphash.h"
#include "base/str.h"

struct symbol {
	char    *text;     /* owned; NULL while the number is free */
	uint32_t len;
	uint32_t n_refs;   /* while free: the next free number */
};

#define SYMBOLS_RECENT 256

/* Its owner's business; here so that to look at a text costs nothing. */
struct symbols {
	struct sipkey  key;
	struct map     index;
	struct symbol *v;       /* owned; v[0] is the empty text */
	uint32_t       n, cap;
	uint32_t       free;    /* first free number, 0 when there is none */
	uint32_t       n_used;
	size_t         text_bytes;
	uint32_t       recent[SYMBOLS_RECENT];   /* what was taken last, by what is seen of it at a glance; may be free by now */
};

struct symbols *symbols_create(struct sipkey key);
void symbols_destroy(struct symbols *s);

uint32_t symbols_take(struct symbols *s, struct str text);       /* its number, counted once more */
/* Counts it n times more. */
static inline void symbols_keep(struct symbols *s, uint32_t sym, uint32_t n)
{
	if (sym != 0)
		s->v[sym].n_refs += n;
}

void symbols_drop(struct symbols *s, uint32_t sym);              /* counts it once less */
/* Valid until the last drop; the empty text for an unknown number. */
static inline struct str symbols_text(const struct symbols *s, uint32_t sym)
{
	/* The empty text and one that was dropped have no place. */
	return sym < s->n ? (struct str){ s->v[sym].text, s->v[sym].len } : (struct str){ NULL, 0 };
}

size_t symbols_bytes(const struct symbols *s);
size_t symbols_count(const struct symbols *s);

#endif
