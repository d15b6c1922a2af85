/* Conditions: a map of keys to a value or values, all of which must fit; a list of maps fits if one does. */
#include <stdlib.h>

#include "base/limits.h"
#include "model.h"
#include "scalar.h"

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The values of a key, sorted, none twice. */
static const struct str *values_of(struct load *l, struct node *n, size_t *n_out)
{
	struct str *v = arena_array(l->arena, n->n + 1, sizeof *v);
	size_t count = 0, kept = 0;

	*n_out = 0;
	if (n->n > CONFIG_MAX_VALUES) {
		load_error(l, n, "more than %d values", CONFIG_MAX_VALUES);
		return v;
	}
	if (n->kind == NODE_SCALAR)
		v[count++] = n->text;
	for (const struct node *c = n->first; c != NULL; c = c->next) {
		if (!c->bad && c->kind == NODE_SCALAR)
			v[count++] = c->text;
	}
	qsort(v, count, sizeof *v, by_text);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || !str_eq(v[kept - 1], v[i]))
			v[kept++] = v[i];
	}
	*n_out = kept;
	return v;
}

static uint32_t mask_of(struct load *l, struct node *n, const char *const *names)
{
	size_t count;
	const struct str *v = values_of(l, n, &count);
	uint32_t mask = 0;

	for (size_t i = 0; i < count; i++) {
		int k = name_index(names, v[i]);

		if (k >= 0)
			mask |= UINT32_C(1) << k;
	}
	return mask;
}

static const char *const bool_names[] = { "false", "true", NULL };

static int by_attr(const void *a, const void *b)
{
	const struct cond_attr *x = a, *y = b;

	return x->attr < y->attr ? -1 : x->attr > y->attr;
}

struct cond cond_build(struct load *l, struct node *n)
{
	struct cond c = { 0 };

	if (!node_is_map(n) || n->bad)
		return c;
	struct cond_attr *attrs = arena_array(l->arena, n->n + 1, sizeof *attrs);

	for (struct node *k = n->first; k != NULL; k = k->next) {
		int attr = name_index(attr_names, k->key);

		if (k->bad)
			continue;
		if (str_eqz(k->key, "type"))
			c.types = mask_of(l, k, event_type_names);
		else if (str_eqz(k->key, "actor"))
			c.roles = (uint8_t)mask_of(l, k, role_names);
		else if (str_eqz(k->key, "mode"))
			c.modes = (uint8_t)mask_of(l, k, mode_names);
		else if (str_eqz(k->key, "public"))
			c.is_public = (uint8_t)mask_of(l, k, bool_names);
		else if (str_eqz(k->key, "automated"))
			c.automated = (uint8_t)mask_of(l, k, bool_names);
		else if (attr >= 0 && attr < ATTR_N_RULES) {
			attrs[c.n_attrs].attr = (enum attr)attr;
			attrs[c.n_attrs].values = values_of(l, k, &attrs[c.n_attrs].n_values);
			c.n_attrs += attrs[c.n_attrs].n_values > 0;
		}
	}
	qsort(attrs, c.n_attrs, sizeof *attrs, by_attr);
	c.attrs = attrs;
	return c;
}

struct conds conds_build(struct load *l, struct node *n)
{
	struct conds cs = { NULL, 0 };

	if (n == NULL || n->bad || n->kind == NODE_SCALAR)
		return cs;
	struct cond *v = arena_array(l->arena, n->n + 1, sizeof *v);

	if (n->kind == NODE_MAP && n->n > 0)
		v[cs.n++] = cond_build(l, n);
	for (struct node *c = n->kind == NODE_LIST ? n->first : NULL; c != NULL; c = c->next) {
		if (!c->bad && c->kind == NODE_MAP)
			v[cs.n++] = cond_build(l, c);
	}
	cs.v = v;
	return cs;
}

struct cond cond_priority(struct load *l, struct str priority)
{
	struct str *value = arena_alloc(l->arena, sizeof *value);
	struct cond_attr *attr = arena_alloc(l->arena, sizeof *attr);

	*value = priority;
	*attr = (struct cond_attr){ ATTR_PRIORITY, value, 1 };
	return (struct cond){ .attrs = attr, .n_attrs = 1 };
}

static bool has_value(const struct cond_attr *a, struct str value)
{
	for (size_t i = 0; i < a->n_values; i++) {
		if (str_eq(a->values[i], value))
			return true;
	}
	return false;
}

/* Some attribute of `a` has no other values than `b` allows. */
static bool narrows(const struct cond *a, const struct cond_attr *b)
{
	for (size_t i = 0; i < a->n_attrs; i++) {
		const struct cond_attr *x = &a->attrs[i];
		bool inside = x->attr == b->attr;

		for (size_t k = 0; k < x->n_values && inside; k++)
			inside = has_value(b, x->values[k]);
		if (inside)
			return true;
	}
	return false;
}

bool cond_implies(const struct cond *a, const struct cond *b)
{
	for (size_t i = 0; i < b->n_attrs; i++) {
		if (!narrows(a, &b->attrs[i]))
			return false;
	}
	return true;
}

bool cond_equal(const struct cond *a, const struct cond *b)
{
	return cond_implies(a, b) && cond_implies(b, a);
}
