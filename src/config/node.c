#include "node.h"

#include <stdlib.h>

static int by_key(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
	int c = str_cmp(x->key, y->key);

	if (c != 0)
		return c;
	if (x->key_line != y->key_line)
		return x->key_line < y->key_line ? -1 : 1;
	return x->key_col < y->key_col ? -1 : x->key_col > y->key_col;
}

struct node *node_index(struct arena *a, struct node *map)
{
	struct node **v = arena_array(a, map->n + 1, sizeof(struct node *));
	size_t n = 0;

	for (struct node *c = map->first; c != NULL; c = c->next)
		v[n++] = c;
	qsort(v, n, sizeof(struct node *), by_key);
	map->index = v;
	for (size_t i = 1; i < n; i++) {
		if (str_eq(v[i - 1]->key, v[i]->key))
			return v[i];
	}
	return NULL;
}

struct node *node_get(const struct node *map, struct str key)
{
	if (!node_is_map(map) || map->index == NULL)
		return NULL;
	size_t lo = 0, hi = map->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = str_cmp(map->index[mid]->key, key);

		if (c == 0)
			return map->index[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

struct node *node_getz(const struct node *map, const char *key)
{
	return node_get(map, str_of(key));
}

void node_append(struct node *parent, struct node *child)
{
	child->next = NULL;
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->n++;
	parent->index = NULL;
}

struct node *node_make(struct arena *a, enum node_kind kind)
{
	struct node *n = arena_alloc(a, sizeof *n);

	n->kind = kind;
	return n;
}

struct node *node_scalar(struct arena *a, struct str text)
{
	struct node *n = node_make(a, NODE_SCALAR);

	n->text = arena_str(a, text);
	return n;
}

bool node_is_null(const struct node *n)
{
	if (!node_is_scalar(n) || !n->plain)
		return false;
	return n->text.len == 0 || str_eqz(n->text, "~") || str_eqz(n->text, "null") || str_eqz(n->text, "Null") ||
	       str_eqz(n->text, "NULL");
}

struct node *node_copy(struct arena *a, const struct node *n)
{
	struct node *copy = arena_alloc(a, sizeof *copy);

	*copy = *n;
	copy->first = copy->last = copy->next = NULL;
	copy->n = 0;
	copy->index = NULL;
	copy->built = NULL;
	for (const struct node *c = n->first; c != NULL; c = c->next)
		node_append(copy, node_copy(a, c));
	if (copy->kind == NODE_MAP)
		(void)node_index(a, copy);
	return copy;
}

bool node_is_spoilt(const struct node *n)
{
	bool bad = n->bad;

	for (const struct node *c = n->first; c != NULL && !bad; c = c->next)
		bad = node_is_spoilt(c);
	return bad;
}
