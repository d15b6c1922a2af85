/* The configuration back as YAML. The tree that was loaded is what is written: defaults and built-ins were put into it. */
#include "load.h"

#include "zones.h"

void config_show(const struct config *cfg, struct buf *out)
{
	yaml_write(((const struct whole *)cfg)->root, out);
}

static void put_json(struct json_out *o, const struct node *n);

static void put_members(struct json_out *o, const struct node *n)
{
	for (const struct node *c = n->first; c != NULL; c = c->next) {
		if (c->hidden)
			continue;
		if (n->kind == NODE_MAP)
			json_put_key(o, c->key.p);
		put_json(o, c);
	}
}

static void put_json(struct json_out *o, const struct node *n)
{
	if (n->secret) {
		json_put_z(o, SECRET_MASK);
	} else if (node_is_null(n)) {
		json_put_null(o);
	} else if (n->kind == NODE_SCALAR) {
		json_put_str(o, n->text);
	} else if (n->kind == NODE_MAP) {
		json_begin_object(o);
		put_members(o, n);
		json_end_object(o);
	} else {
		json_begin_array(o);
		put_members(o, n);
		json_end_array(o);
	}
}

void config_show_json(const struct config *cfg, struct json_out *o)
{
	put_json(o, ((const struct whole *)cfg)->root);
}

static void put(struct node *map, const char *key, struct node *value)
{
	value->key = str_of(key);
	node_append(map, value);
}

/* Contracts without what decides no clock and is not active. */
static struct node *bare_contracts(struct arena *a, const struct node *contracts)
{
	static const char *const left_out[] = { "attainment", "recurring", "reviews", "costs", "relationship", NULL };
	struct node *copy = node_copy(a, contracts);

	for (struct node *c = copy->first; c != NULL; c = c->next) {
		for (struct node *k = c->first; k != NULL; k = k->next) {
			for (size_t i = 0; left_out[i] != NULL; i++)
				k->hidden |= str_eqz(k->key, left_out[i]);
		}
	}
	return copy;
}

/* Names alone, so that whom to notify is known: where and how is no promise. */
static struct node *bare_receivers(struct arena *a, const struct node *receivers)
{
	struct node *map = node_make(a, NODE_MAP);

	for (const struct node *c = receivers->first; c != NULL; c = c->next) {
		struct node *r = node_make(a, NODE_MAP);

		r->key = c->key;
		put(r, "log", node_make(a, NODE_MAP));
		node_append(map, r);
	}
	return map;
}

/*
 * Those that may touch some contracts alone, for what becomes of an event depends on that, and a replay must decide the same; NULL where there are
 * none. How one proves itself is no promise.
 */
static struct node *bare_sources(struct arena *a, const struct node *sources)
{
	struct node *map = node_make(a, NODE_MAP);

	for (const struct node *c = sources->first; c != NULL; c = c->next) {
		const struct node *contracts = node_getz(c, "contracts");
		struct node *s = node_make(a, NODE_MAP), *webhook = node_make(a, NODE_MAP), *verify = node_make(a, NODE_MAP);

		if (contracts == NULL)
			continue;
		put(verify, "kind", node_scalar(a, STR("none")));
		put(webhook, "verify", verify);
		put(s, "webhook", webhook);
		put(s, "contracts", node_copy(a, contracts));
		s->key = c->key;
		node_append(map, s);
	}
	return map->first != NULL ? map : NULL;
}

void config_canonical(const struct config *cfg, struct buf *out)
{
	static const struct { const char *name; struct node *(*make)(struct arena *a, const struct node *section); } sections[] = {
		{ "calendars", node_copy }, { "defaults", node_copy }, { "policies", node_copy }, { "contracts", bare_contracts },
		{ "escalations", node_copy }, { "receivers", bare_receivers }, { "sources", bare_sources },
	};
	const struct node *root = ((const struct whole *)cfg)->root;
	struct arena *a = arena_create();
	struct node *bare = node_make(a, NODE_MAP);

	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
		const struct node *s = node_getz(root, sections[i].name);
		struct node *part = s != NULL ? sections[i].make(a, s) : NULL;

		if (part != NULL)
			put(bare, sections[i].name, part);
	}
	/* Comments, since they are no wish of the operator's; but with other rules of its zones this is another revision. */
	zones_write((const struct whole *)cfg, out);
	yaml_write(bare, out);
	arena_destroy(a);
}
