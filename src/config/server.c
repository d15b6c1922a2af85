/* Sections server, store and email. */
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "scalar.h"

static struct address address_of(struct load *l, const char *text)
{
	struct address a = { .text = text };

	if (text == NULL)
		return a;
	if (strncmp(text, "unix:", 5) == 0) {
		a.path = text + 5;
		return a;
	}
	char *host = arena_strdup(l->arena, text), *colon = strrchr(host, ':');

	a.host = host;
	if (colon != NULL) {
		*colon = '\0';
		a.port = (uint16_t)scalar_count(str_of(colon + 1));
	}
	if (*host == '[') {
		a.host = host + 1;
		host[strlen(host) - 1] = '\0';
	}
	return a;
}

static void operators_build(struct load *l, struct node *map, struct server_config *out)
{
	if (!node_is_map(map))
		return;
	struct operator *v = arena_array(l->arena, map->n + 1, sizeof *v);
	size_t n = 0;

	for (struct node *c = map->first; c != NULL; c = c->next) {
		size_t count;
		const char *const *may = texts_of(l, good(c, "may"), &count);

		if (c->bad)
			continue;
		v[n].name = c->key.p;
		v[n].token = secret_load(l, good(c, "token"));
		for (size_t i = 0; i < count; i++)
			v[n].may |= strcmp(may[i], "act") == 0 ? MAY_ACT : MAY_READ;
		n++;
	}
	out->operators = v;
	out->n_operators = n;
}

static int64_t ms_or(const struct node *map, const char *key, int64_t otherwise)
{
	const struct node *n = good(map, key);

	return n != NULL ? scalar_ms(n->text) : otherwise;
}

static size_t size_or(const struct node *map, const char *key, size_t otherwise)
{
	const struct node *n = good(map, key);

	return n != NULL ? scalar_size(n->text) : otherwise;
}

static const char *public_url(struct load *l, struct node *n)
{
	const char *url = text_of(l, n, "public_url", NULL);
	size_t len = url != NULL ? strlen(url) : 0;

	while (len > 0 && url[len - 1] == '/')
		len--;
	return url != NULL ? arena_str(l->arena, (struct str){ url, len }).p : NULL;
}

static void listen_build(struct load *l)
{
	struct node *n = good(l->root, "server"), *limits = good(n, "limits");
	struct server_config *s = &l->whole->pub.server;

	s->listen = address_of(l, text_of(l, n, "listen", "127.0.0.1:8970"));
	s->metrics = address_of(l, text_of(l, n, "metrics", NULL));
	s->socket = text_of(l, n, "socket", "/run/plazo/plazod.sock");
	s->public_url = public_url(l, n);
	s->max_body = size_or(limits, "body", (size_t)1 << 20);
	s->max_bulk = size_or(limits, "bulk", (size_t)8 << 20);
	s->max_connections = 1024;
	s->max_skew_ms = ms_or(limits, "max_skew", 5 * MS_PER_MIN);
	if (good(limits, "connections") != NULL)
		s->max_connections = (unsigned)scalar_count(good(limits, "connections")->text);
	operators_build(l, good(n, "operators"), s);
	if (strlen(s->socket) > 107)
		load_error(l, good(n, "socket"), "longer than 107 bytes, which is what the system takes for a unix socket");
	if (good(n, "metrics") != NULL && strcmp(s->metrics.text, s->listen.text) == 0)
		load_error(l, good(n, "metrics"), "the same address as server.listen: leave it out, or name another");
}

static void store_build(struct load *l)
{
	const struct node *n = good(l->root, "store"), *path = good(n, "path");
	struct store_config *s = &l->whole->pub.store;

	s->path = text_of(l, n, "path", "/var/lib/plazo/plazo.db");
	if (path != NULL && s->path[0] != '/')
		load_warn(l, path, "store.path is relative to wherever plazod is started: another directory is another database");
	s->retention_ms = ms_or(n, "retention", 3 * 365 * MS_PER_DAY);
}

static enum tls tls_build(struct load *l, struct node *n, struct str host)
{
	struct node *tls = good(n, "tls");
	bool loopback = host_is_loopback(host);

	if (tls == NULL)
		return loopback ? TLS_NONE : TLS_REQUIRE;
	if (str_eqz(tls->text, "none") && !loopback)
		load_error(l, tls, "mail without TLS is for loopback alone, not for " STR_FMT, STR_ARG(host));
	return str_eqz(tls->text, "none") ? TLS_NONE : str_eqz(tls->text, "starttls") ? TLS_STARTTLS : TLS_REQUIRE;
}

static void email_build(struct load *l)
{
	struct node *n = good(l->root, "email"), *smtp = good(n, "smtp");
	struct email_config *e = &l->whole->pub.email;

	if (n == NULL)
		return;
	e->smtp = text_of(l, n, "smtp", NULL);
	e->from = text_of(l, n, "from", NULL);
	e->user = text_of(l, n, "user", NULL);
	e->password = secret_load(l, good(n, "password"));
	e->ca_file = ca_file_of(l, n);
	if (smtp != NULL)
		e->tls = tls_build(l, n, url_host(smtp->text));
	if (e->password.configured && e->user == NULL && node_getz(n, "user") == NULL)
		load_error_key(l, node_getz(n, "password"), "a password without a user");
	if (e->user != NULL && node_getz(n, "password") == NULL)
		load_error_key(l, node_getz(n, "user"), "a user without a password");
}

void server_build(struct load *l)
{
	listen_build(l);
	store_build(l);
	email_build(l);
}
