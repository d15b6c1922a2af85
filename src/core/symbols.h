/*
 * Texts that many tickets share (priorities, teams, steps, receivers) kept once, under a small number. Counted: a text that no ticket
 * uses any more gives its number back, so unbounded input does not grow it. 0 is the empty text and needs no counting.
 */
#ifndef PLAZO_SRC_CORE_SYMBOLS_H
#define PLAZO_SRC_CORE_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "base/str.h"

struct symbols;

struct symbols *symbols_create(struct sipkey key);
void symbols_destroy(struct symbols *s);

uint32_t symbols_take(struct symbols *s, struct str text);       /* its number, counted once more */
void symbols_keep(struct symbols *s, uint32_t sym, uint32_t n);  /* counts it n times more */
void symbols_drop(struct symbols *s, uint32_t sym);              /* counts it once less */
struct str symbols_text(const struct symbols *s, uint32_t sym);  /* valid until the last drop; the empty text for an unknown number */
size_t symbols_bytes(const struct symbols *s);
size_t symbols_count(const struct symbols *s);

#endif
