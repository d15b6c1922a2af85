/*
 * Memory that is given back all at once. Pointers stay valid until arena_destroy() or arena_reset().
 */
#ifndef PLAZO_BASE_ARENA_H
#define PLAZO_BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct arena;

struct arena *arena_create(void);
void arena_destroy(struct arena *a);                  /* NULL is fine */
void arena_reset(struct arena *a);                    /* empties it, keeps its first block */
size_t arena_used(const struct arena *a);             /* bytes handed out since creation or reset */

void *arena_alloc(struct arena *a, size_t size);      /* zeroed, aligned to 16; aborts when memory is out */
void *arena_array(struct arena *a, size_t n, size_t size);
void *arena_grow(struct arena *a, void *p, size_t n_old, size_t n_new, size_t size);   /* copies into a new place; the rest is zeroed */
char *arena_strdup(struct arena *a, const char *z);
struct str arena_str(struct arena *a, struct str s);  /* copies the bytes and adds a NUL behind them */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
