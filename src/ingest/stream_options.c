/* Options as values: copied, compared, wiped. Knows what a connection depends on. */
#include <stdio.h>
#include <string.h>

#include "stream_private.h"
#include "stream_tls.h"

enum err stream_check(const struct stream_options *opt, struct diag *d)
{
	if (opt->server.tls && !tls_is_there()) {
		diag_set(d, "rediss:// needs hiredis 1.0 or later with its TLS library, and this plazod was built with %d.%d.%d: let "
			 "stunnel speak TLS and connect to it by redis:// on the loopback, or by a unix socket",
			 HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
		return ERR_RANGE;
	}
	if (opt->n_keys == 0 || opt->n_keys > STREAM_MAX_KEYS || opt->server.n_sentinels > STREAM_MAX_SENTINELS) {
		diag_set(d, "a source has 1 to %d streams and at most %d sentinels", STREAM_MAX_KEYS, STREAM_MAX_SENTINELS);
		return ERR_RANGE;
	}
	return ERR_OK;
}

static const char *copy_text(struct arena *a, const char *z)
{
	return z != NULL ? arena_strdup(a, z) : NULL;
}

const char *const *options_copy_list(struct arena *a, const char *const *v, size_t n)
{
	const char **copy = arena_array(a, n > 0 ? n : 1, sizeof *copy);

	for (size_t i = 0; i < n; i++)
		copy[i] = copy_text(a, v[i]);
	return copy;
}

static void options_copy(struct stream_options *to, const struct stream_options *from, struct arena *a)
{
	struct stream_server *server = &to->server;

	*to = *from;
	to->name = arena_str(a, from->name);
	to->ns = arena_str(a, from->ns);
	to->keys = options_copy_list(a, from->keys, from->n_keys);
	to->group = copy_text(a, from->group);
	to->consumer = copy_text(a, from->consumer);
	server->host = copy_text(a, from->server.host);
	server->path = copy_text(a, from->server.path);
	server->sentinels = options_copy_list(a, from->server.sentinels, from->server.n_sentinels);
	server->master = copy_text(a, from->server.master);
	server->user = arena_str(a, from->server.user);
	server->password = arena_str(a, from->server.password);
	server->sentinel_user = arena_str(a, from->server.sentinel_user);
	server->sentinel_password = arena_str(a, from->server.sentinel_password);
	server->ca_file = copy_text(a, from->server.ca_file);
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_list(const char *const *a, size_t n_a, const char *const *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (!same_text(a[i], b[i]))
			return false;
	return true;
}

static bool same_server(const struct stream_server *a, const struct stream_server *b)
{
	return same_text(a->host, b->host) && a->port == b->port && same_text(a->path, b->path) &&
	       same_list(a->sentinels, a->n_sentinels, b->sentinels, b->n_sentinels) && same_text(a->master, b->master) &&
	       a->db == b->db && str_eq(a->user, b->user) && str_eq(a->password, b->password) &&
	       str_eq(a->sentinel_user, b->sentinel_user) && str_eq(a->sentinel_password, b->sentinel_password) &&
	       a->tls == b->tls && same_text(a->ca_file, b->ca_file);
}

bool options_same_place(const struct stream_options *a, const struct stream_options *b)
{
	return same_server(&a->server, &b->server) && same_list(a->keys, a->n_keys, b->keys, b->n_keys) && a->own == b->own &&
	       same_text(a->group, b->group) && same_text(a->consumer, b->consumer);
}

static void wipe(struct str s)
{
	char *p = NULL;

	/* The copy in the arena is ours to write. */
	memcpy(&p, &s.p, sizeof p);
	if (s.len > 0)
		explicit_bzero(p, s.len);
}

static void options_wipe(struct stream_options *o)
{
	wipe(o->server.password);
	wipe(o->server.sentinel_password);
}

struct stream_settings *settings_make(const struct stream_options *opt)
{
	struct arena *a = arena_create();
	struct stream_settings *set = arena_alloc(a, sizeof *set);

	set->arena = a;
	options_copy(&set->opt, opt, a);
	for (size_t i = 0; i < opt->n_keys && opt->own; i++)
		set->cursors[i] = arena_printf(a, STR_FMT, STR_ARG(opt->cursor(opt->ctx, opt->name, str_of(opt->keys[i]))));
	return set;
}

void settings_destroy(struct stream_settings *set)
{
	if (set == NULL)
		return;
	options_wipe(&set->opt);
	arena_destroy(set->arena);
}

void options_peer(const struct stream *s, char *out, size_t len)
{
	const struct stream_server *server = &s->opt.server;

	if (server->n_sentinels > 0 && s->port == 0)
		snprintf(out, len, "the master %s of %zu sentinels", server->master, server->n_sentinels);
	else if (server->n_sentinels > 0)
		snprintf(out, len, "%s:%d, the master %s", s->host, s->port, server->master);
	else if (server->path != NULL)
		snprintf(out, len, "unix:%s", server->path);
	else
		snprintf(out, len, "%s:%d", server->host != NULL ? server->host : "localhost", server->port);
}
