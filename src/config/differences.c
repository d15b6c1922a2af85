/* Two configurations side by side. It compares what was understood, not files: neither comments nor the way a text is quoted count. */
#include <assert.h>

#include "core/zone.h"
#include "load.h"
#include "schema.h"

static bool is_same(const struct node *a, const struct node *b)
{
	const struct node *x, *y;

	if (a == NULL || b == NULL)
		return a == b;
	if (a->kind != b->kind || a->n != b->n || node_is_null(a) != node_is_null(b) || !str_eq(a->text, b->text))
		return false;
	for (x = a->first, y = b->first; x != NULL && y != NULL; x = x->next, y = y->next) {
		if (!str_eq(x->key, y->key) || !is_same(x, y))
			return false;
	}
	return secret_is_same(a, b);
}

/* Names that only one of them has are a matter of the section that names them. */
static bool has_other_rules(const struct whole *was, const struct whole_zone *z)
{
	for (size_t i = 0; i < was->n_zones; i++) {
		if (str_eqz(str_of(zone_name(was->zones[i].zone)), zone_name(z->zone)))
			return was->zones[i].digest != z->digest;
	}
	return false;
}

size_t config_differences(const struct config *was, const struct config *now, const char *out[CONFIG_MAX_DIFFERENCES])
{
	const struct whole *a = (const struct whole *)was, *b = (const struct whole *)now;
	bool zones = false;
	size_t n = 0;

	for (const struct key *k = schema_root.keys; k->name != NULL; k++) {
		const struct node *x = node_getz(a->root, k->name), *y = node_getz(b->root, k->name);

		/* `include` shows in the sections that were included. */
		if (is_same(x, y) || (x != NULL && x->hidden) || (y != NULL && y->hidden))
			continue;
		assert(n < CONFIG_MAX_DIFFERENCES - 1);
		out[n++] = k->name;
	}
	for (size_t i = 0; i < b->n_zones; i++)
		zones |= has_other_rules(a, &b->zones[i]);
	if (zones)
		out[n++] = "tzdata";
	return n;
}
