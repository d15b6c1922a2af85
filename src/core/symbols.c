#include "symbols.h"

#include <stdlib.h>

#include "base/xalloc.h"

struct symbols *symbols_create(struct sipkey key)
{
	struct symbols *s = xcalloc(1, sizeof(*s));

	s->key = key;
	map_init(&s->index);
	s->cap = 64;
	s->v = xcalloc(s->cap, sizeof(*s->v));
	s->n = 1;
	return s;
}

void symbols_destroy(struct symbols *s)
{
	if (s == NULL)
		return;
	for (uint32_t i = 1; i < s->n; i++)
		free(s->v[i].text);
	free(s->v);
	map_finish(&s->index);
	free(s);
}

static bool same_text(const void *ctx, const void *key, uint32_t value)
{
	const struct symbols *s = ctx;
	const struct str *text = key;

	return s->v[value].len == text->len && memcmp(s->v[value].text, text->p, text->len) == 0;
}

static uint32_t new_number(struct symbols *s)
{
	uint32_t sym = s->free;

	if (sym != 0) {
		s->free = s->v[sym].n_refs;
		return sym;
	}
	if (s->n == s->cap) {
		s->v = xreallocarray(s->v, (size_t)s->cap * 2, sizeof(*s->v));
		s->cap *= 2;
	}
	return s->n++;
}

/* A few texts make up nearly all: most need no hash. Who makes his collide gains nothing but the hash. */
static uint32_t *recent_place(struct symbols *s, struct str text)
{
	const uint8_t *p = (const uint8_t *)text.p;

	return &s->recent[(text.len * 37 + p[0] + p[text.len / 2] * 11u + p[text.len - 1] * 5u) % SYMBOLS_RECENT];
}

uint32_t symbols_take(struct symbols *s, struct str text)
{
	uint64_t hash;
	uint32_t sym, *recent;

	if (text.len == 0)
		return 0;
	recent = recent_place(s, text);
	if (*recent != 0 && s->v[*recent].text != NULL && same_text(s, &text, *recent)) {
		s->v[*recent].n_refs++;
		return *recent;
	}
	hash = siphash64(s->key, text.p, text.len);
	sym = map_find(&s->index, hash, same_text, s, &text);
	if (sym != MAP_ABSENT) {
		s->v[sym].n_refs++;
		return *recent = sym;
	}
	*recent = sym = new_number(s);
	s->v[sym] = (struct symbol){ xstrndup(text.p, text.len), (uint32_t)text.len, 1 };
	s->n_used++;
	s->text_bytes += text.len + 1;
	map_insert(&s->index, hash, sym);
	return sym;
}

void symbols_drop(struct symbols *s, uint32_t sym)
{
	struct symbol *e;

	if (sym == 0)
		return;
	e = &s->v[sym];
	if (--e->n_refs > 0)
		return;
	map_remove(&s->index, siphash64(s->key, e->text, e->len), sym);
	s->n_used--;
	s->text_bytes -= e->len + 1;
	free(e->text);
	*e = (struct symbol){ NULL, 0, s->free };
	s->free = sym;
}

size_t symbols_bytes(const struct symbols *s)
{
	return sizeof(*s) + s->cap * sizeof(*s->v) + map_bytes(&s->index) + s->text_bytes + (size_t)s->n_used * 16;
}

size_t symbols_count(const struct symbols *s)
{
	return s->n_used;
}
