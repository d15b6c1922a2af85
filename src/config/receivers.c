/* Where alerts go. */
#include <string.h>

#include "base/limits.h"
#include "model.h"
#include "scalar.h"

static const char *const kinds[] = { "log", "webhook", "email", "on_call", "slack", "teams", "pagerduty", "opsgenie",
				     "alertmanager", "telegram", "ntfy", "mattermost", "google_chat", "twilio", NULL };

/* The one key that says what it is. */
static struct node *kind_of(struct load *l, struct node *n, int *kind_out)
{
	struct node *found = NULL;

	for (struct node *c = n->first; c != NULL; c = c->next) {
		int kind = name_index(kinds, c->key);

		if (kind < 0)
			continue;
		if (found != NULL) {
			load_error_key(l, c, "a receiver has one kind: '" STR_FMT "' stands here already", STR_ARG(found->key));
			return NULL;
		}
		found = c;
		*kind_out = kind;
	}
	if (found == NULL && !node_is_spoilt(n))
		load_error_key(l, n, "receivers." STR_FMT " has no kind: log, webhook, email or another", STR_ARG(n->key));
	return found;
}

static void mask(struct node *service)
{
	static const char *const keys[] = { "url", "token", "key" };

	/* Not read yet, but not shown either. */
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct node *n = good(service, keys[i]);

		if (n != NULL)
			n->secret = true;
	}
}

static void receiver_build(struct load *l, struct node *n, struct receiver *r)
{
	int kind = 0;
	struct node *what = kind_of(l, n, &kind), *language = good(n, "language"), *fallback = good(n, "fallback");

	if (what == NULL)
		return;
	r->name = n->key.p;
	r->kind = kind < RECEIVER_LATER ? (enum receiver_kind)kind : RECEIVER_LATER;
	r->service = kinds[kind];
	r->language = language != NULL && str_eqz(language->text, "es") ? LANGUAGE_ES : LANGUAGE_EN;
	r->zone = zone_load(l, good(n, "zone"));
	r->template_name = text_of(l, n, "template", NULL);
	r->fallback = receiver_ref(l, fallback);
	if (r->kind == RECEIVER_WEBHOOK) {
		r->url = text_of(l, what, "url", NULL);
		r->secret = secret_load(l, good(what, "secret"));
		secret_check(l, good(what, "secret"), &r->secret, &(struct secret_use){ .signs = true });
		r->ca_file = ca_file_of(l, what);
	} else if (r->kind == RECEIVER_EMAIL) {
		r->to = texts_of(l, good(what, "to"), &r->n_to);
		if (r->n_to > CONFIG_MAX_RECIPIENTS)
			load_error(l, good(what, "to"), "more than %d addresses: use a receiver more", CONFIG_MAX_RECIPIENTS);
		if (node_getz(l->root, "email") == NULL)
			load_error_key(l, what, "a receiver by email needs the section 'email' with smtp and from");
	} else if (r->kind == RECEIVER_LATER) {
		mask(what);
	}
	n->built = r;
}

/* A chain that comes back to where it began never ends. */
static void check_fallbacks(struct load *l, struct node *map)
{
	for (struct node *n = map->first; n != NULL; n = n->next) {
		const struct receiver *r = n->built;

		for (size_t i = 0; r != NULL && r->fallback != NULL && i <= map->n; i++) {
			const struct node *next = node_getz(map, r->fallback);

			r = next != NULL ? next->built : NULL;
			if (r != NULL && strcmp(r->name, n->key.p) == 0) {
				load_error(l, node_getz(n, "fallback"), "the fallbacks of '%s' lead back to it", r->name);
				return;
			}
			/* Past a few steps it goes round without passing here; that circle tells itself. */
			if (i > 64)
				break;
		}
	}
}

void receivers_build(struct load *l)
{
	struct node *map = node_getz(l->root, "receivers");
	size_t n = 0;

	if (!node_is_map(map) || map->bad)
		return;
	struct receiver *v = arena_array(l->arena, map->n + 1, sizeof *v);

	for (size_t i = 0; i < map->n; i++) {
		struct node *c = map->index[i];

		if (c->bad || c->kind != NODE_MAP)
			continue;
		receiver_build(l, c, &v[n]);
		n += v[n].name != NULL;
	}
	check_fallbacks(l, map);
	l->whole->pub.receivers = v;
	l->whole->pub.n_receivers = n;
}
