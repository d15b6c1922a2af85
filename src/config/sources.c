/* Where events come from, how they are proven, and which contracts they may touch. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "scalar.h"

const char *const verify_kind_names[VERIFY_N + 1] = { "standard-webhooks", "hub-signature-256", "hub-signature", "zendesk",
						      "glpi", "token",
						      "bearer", "basic", "none", NULL };

static void secrets_build(struct load *l, struct node *n, struct source *s)
{
	if (n == NULL)
		return;
	if (n->kind != NODE_LIST) {
		s->secrets[0] = secret_load(l, n);
		s->n_secrets = 1;
		return;
	}
	if (n->n > 2) {
		load_error(l, n, "at most two secrets: the one in use, and the one that is rotated out");
		return;
	}
	for (struct node *c = n->first; c != NULL; c = c->next) {
		if (!c->bad)
			s->secrets[s->n_secrets++] = secret_load(l, c);
	}
}

/* Of a source with a map, which is not active yet, nothing is verified. */
static void secrets_check(struct load *l, struct node *n, const struct source *s)
{
	struct secret_use use = { .verify = s->verify, .header = s->header, .user = s->user };
	size_t i = 0;

	if (n == NULL || s->map != NULL || (s->verify == VERIFY_TOKEN && s->header == NULL) || (s->verify == VERIFY_BASIC && s->user == NULL))
		return;
	for (struct node *c = node_item(n); c != NULL && i < s->n_secrets; c = node_next_item(n, c))
		if (n->kind != NODE_LIST || !c->bad)
			secret_check(l, c, &s->secrets[i++], &use);
}

/* A key that belongs to one kind of verification alone. */
static const char *key_of_kind(struct load *l, struct node *n, const char *key, struct source *s, enum verify_kind kind)
{
	struct node *v = node_getz(n, key);

	if (v == NULL && s->verify == kind)
		load_error_key(l, n, "verify by %s needs '%s'", verify_kind_names[kind], key);
	else if (v != NULL && s->verify != kind)
		load_error_key(l, v, "'%s' goes with kind %s alone", key, verify_kind_names[kind]);
	return text_of(l, n, key, NULL);
}

static void verify_build(struct load *l, struct node *n, struct source *s)
{
	const struct node *kind = good(n, "kind");
	struct node *secret = node_getz(n, "secret");

	if (kind == NULL)
		return;
	s->verify = (enum verify_kind)name_index(verify_kind_names, kind->text);
	if (secret == NULL && s->verify != VERIFY_NONE)
		load_error_key(l, n, "verify by %s needs a 'secret'", verify_kind_names[s->verify]);
	else if (secret != NULL && s->verify == VERIFY_NONE)
		load_error_key(l, secret, "'secret' makes no sense with kind none");
	else
		secrets_build(l, good(n, "secret"), s);
	s->header = key_of_kind(l, n, "header", s, VERIFY_TOKEN);
	s->user = key_of_kind(l, n, "user", s, VERIFY_BASIC);
	secrets_check(l, good(n, "secret"), s);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void allowed_build(struct load *l, struct node *list, struct source *s)
{
	const struct node *map = node_getz(l->root, "contracts");

	s->all_contracts = list == NULL;
	if (list == NULL || list->bad)
		return;
	const char **v = arena_array(l->arena, list->n + 1, sizeof(char *));

	for (struct node *c = node_item(list); c != NULL; c = node_next_item(list, c)) {
		if (c->bad || c->kind != NODE_SCALAR)
			continue;
		if (node_get(map, c->text) == NULL)
			load_error(l, c, "there is no contract '" STR_FMT "'%s", STR_ARG(c->text), load_hint(l, c->text, map));
		v[s->n_contracts++] = c->text.p;
	}
	qsort(v, s->n_contracts, sizeof *v, by_text);
	s->contracts = v;
}

/* No client asks for a path with such a segment: it takes it out before. */
static bool is_dots(struct str s)
{
	return str_eqz(s, ".") || str_eqz(s, "..");
}

/* It stands in URLs, and before a '/' and the id of a ticket. */
static void check_namespace(struct load *l, struct node *n)
{
	if (node_is_scalar(n) && (memchr(n->text.p, '/', n->text.len) != NULL || is_dots(n->text)))
		load_error(l, n, "the namespace stands before a '/' in NAMESPACE/ID: it has none in it, and is neither '.' nor '..'");
}

/* It stands in URLs. */
static void check_name(struct load *l, struct node *n)
{
	if (is_dots(n->key))
		load_error_key(l, n, "the name of a source stands in its URL, which cannot end in '" STR_FMT "'", STR_ARG(n->key));
	for (size_t i = 0; i < n->key.len; i++) {
		if (!isalnum((unsigned char)n->key.p[i]) && strchr("._-", n->key.p[i]) == NULL) {
			load_error_key(l, n, "the name of a source stands in its URL: letters, digits, '.', '_' and '-' alone");
			return;
		}
	}
}

static void source_build(struct load *l, struct node *n, struct source *s)
{
	struct node *webhook = node_getz(n, "webhook"), *redis = node_getz(n, "redis"), *grace = good(n, "grace");

	if ((webhook != NULL) == (redis != NULL)) {
		if (!node_is_spoilt(n))
			load_error_key(l, n, "sources." STR_FMT " is either a webhook or a stream in redis", STR_ARG(n->key));
		return;
	}
	check_name(l, n);
	check_namespace(l, good(n, "namespace"));
	s->name = n->key.p;
	s->ns = text_of(l, n, "namespace", s->name);
	s->webhook = webhook != NULL;
	s->map = text_of(l, n, "map", NULL);
	s->grace_ms = grace != NULL ? scalar_ms(grace->text) : 0;
	if (good(webhook, "verify") != NULL)
		verify_build(l, good(webhook, "verify"), s);
	if (redis != NULL && !redis->bad)
		s->redis = redis_build(l, redis);
	allowed_build(l, node_getz(n, "contracts"), s);
}

void sources_build(struct load *l)
{
	struct node *map = node_getz(l->root, "sources");
	size_t n = 0;

	if (!node_is_map(map) || map->bad)
		return;
	struct source *v = arena_array(l->arena, map->n + 1, sizeof *v);

	for (size_t i = 0; i < map->n; i++) {
		struct node *c = map->index[i];

		if (c->bad || c->kind != NODE_MAP)
			continue;
		source_build(l, c, &v[n]);
		n += v[n].name != NULL;
	}
	l->whole->pub.sources = v;
	l->whole->pub.n_sources = n;
}
