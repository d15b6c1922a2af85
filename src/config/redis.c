/* A source's Redis server: its address in one of three forms, who we are there, and which streams. Nothing of a password is told. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "load.h"
#include "scalar.h"

#define TAKEOVER_MS     (INT64_C(60) * MS_PER_S)
#define TAKEOVER_MIN_MS (INT64_C(10) * MS_PER_S)     /* a consumer that is alive is heard of every few seconds */

static int hex_digit(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Of what redis_url_read() took. */
static struct str percent_decode(struct load *l, struct str s)
{
	char *out = arena_alloc(l->arena, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '%') {
			out[n++] = (char)(hex_digit(s.p[i + 1]) << 4 | hex_digit(s.p[i + 2]));
			i += 2;
		} else {
			out[n++] = s.p[i];
		}
	}
	return (struct str){ out, n };
}

/* A URL without a password in it is no secret; from a file or a credential it is one, whatever it is. A bad one may hold half a password. */
static struct str url_text(struct load *l, struct node *n)
{
	struct redis_url u;
	struct diag d = { 0 };
	bool literal = node_is_scalar(n) && n->text.p[0] != '<', fine = literal && redis_url_read(n->text, &u, &d);

	n->secret = literal && !fine;
	return literal && (!fine || u.password.len == 0) ? n->text : secret_load(l, n).bytes;
}

static void url_build(struct load *l, struct node *n, struct redis_config *r)
{
	struct redis_url u;
	struct diag d = { 0 };
	struct str text = url_text(l, n);

	/* Not read, or complained about. */
	if (text.len == 0 || n->bad)
		return;
	if (!redis_url_read(text, &u, &d)) {
		load_error(l, n, "%s%s", n->kind == NODE_MAP ? "the URL in it " : "", d.msg);
		return;
	}
	r->tls = u.tls;
	r->port = u.port;
	r->db = u.db;
	if (u.host.len > 0)
		r->host = arena_str(l->arena, u.host).p;
	if (u.path.len > 0)
		r->path = arena_str(l->arena, u.path).p;
	if (u.user.len > 0)
		r->user = arena_str(l->arena, percent_decode(l, u.user)).p;
	if (u.password.len > 0)
		r->password = secret_keep(l, percent_decode(l, u.password));
}

static void login_build(struct load *l, struct node *n, struct redis_config *r)
{
	struct node *user = node_getz(n, "user"), *password = node_getz(n, "password"), *twice = password != NULL ? password : user;

	if (twice != NULL && r->password.configured) {
		load_error_key(l, twice, "the URL has a password already: say it there, or in keys of its own");
		return;
	}
	if (user != NULL && password == NULL)
		load_error_key(l, user, "a user without a password");
	r->user = text_of(l, n, "user", r->user);
	if (password != NULL)
		r->password = secret_load(l, good(n, "password"));
}

static void sentinels_build(struct load *l, struct node *n, struct redis_config *r)
{
	static const char *const of_sentinels[] = { "master", "sentinel_user", "sentinel_password" };
	struct node *list = node_getz(n, "sentinels"), *user = node_getz(n, "sentinel_user"), *password = node_getz(n, "sentinel_password");

	for (size_t i = 0; i < 3 && list == NULL; i++)
		if (node_getz(n, of_sentinels[i]) != NULL)
			load_error_key(l, node_getz(n, of_sentinels[i]), "'%s' goes with 'sentinels' alone", of_sentinels[i]);
	if (list == NULL)
		return;
	if (node_getz(n, "master") == NULL)
		load_error_key(l, list, "sentinels need a 'master': their name for the server");
	if (user != NULL && password == NULL)
		load_error_key(l, user, "a sentinel_user without a sentinel_password");
	r->sentinels = texts_of(l, list, &r->n_sentinels);
	if (r->n_sentinels > CONFIG_MAX_SENTINELS)
		load_error(l, list, "more than %d sentinels", CONFIG_MAX_SENTINELS);
	if (r->path != NULL)
		load_error_key(l, list, "sentinels know of servers at a host and a port, and the URL is a unix socket");
	if (r->host != NULL && text_of(l, n, "master", NULL) != NULL && strcmp(r->host, text_of(l, n, "master", "")) != 0)
		load_warn(l, good(n, "url"), "the sentinels say where the server is: the host of the URL is not used");
	r->host = NULL;
	r->master = text_of(l, n, "master", NULL);
	r->sentinel_user = text_of(l, n, "sentinel_user", NULL);
	r->sentinel_password = secret_load(l, good(n, "sentinel_password"));
}

static void streams_build(struct load *l, struct node *n, struct redis_config *r)
{
	struct node *list = good(n, "stream");

	r->streams = texts_of(l, list, &r->n_streams);
	if (r->n_streams > CONFIG_MAX_STREAMS)
		load_error(l, list, "more than %d streams: use a source more", CONFIG_MAX_STREAMS);
	for (struct node *c = node_is_list(list) ? list->first : NULL; c != NULL; c = c->next)
		for (const struct node *b = list->first; b != c; b = b->next)
			if (!c->bad && str_eq(b->text, c->text))
				load_error(l, c, "the stream '" STR_FMT "' stands here twice", STR_ARG(c->text));
}

static void reading_build(struct load *l, struct node *n, struct redis_config *r)
{
	static const char *const of_groups[] = { "group", "takeover" };
	struct node *cursor = good(n, "cursor"), *takeover = good(n, "takeover");

	r->group = text_of(l, n, "group", "plazo");
	r->own = cursor != NULL && str_eqz(cursor->text, "own");
	r->takeover_ms = takeover != NULL ? scalar_ms(takeover->text) : TAKEOVER_MS;
	if (r->takeover_ms < TAKEOVER_MIN_MS)
		load_error(l, takeover, "less than 10s: another consumer that is only slow would be taken for dead");
	for (size_t i = 0; i < 2 && r->own; i++)
		if (node_getz(n, of_groups[i]) != NULL)
			load_warn_key(l, node_getz(n, of_groups[i]), "with cursor own there is no group: '%s' is not used", of_groups[i]);
}

struct redis_config redis_build(struct load *l, struct node *n)
{
	struct redis_config r = { 0 };
	struct node *url = node_getz(n, "url"), *ca = node_getz(n, "ca_file");

	if (url == NULL && node_getz(n, "sentinels") == NULL)
		load_error_key(l, n, "a source in redis needs a 'url' such as redis://host:6379/0, or 'sentinels' and 'master'");
	if (url != NULL && !url->bad)
		url_build(l, url, &r);
	login_build(l, n, &r);
	sentinels_build(l, n, &r);
	streams_build(l, n, &r);
	reading_build(l, n, &r);
	r.ca_file = ca_file_of(l, n);
	if (ca != NULL && node_is_scalar(good(n, "url")) && !r.tls)
		load_error_key(l, ca, "'ca_file' goes with rediss:// alone");
	return r;
}

/* ---- what is legal but odd, or wrong between two sources ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_server(const struct redis_config *a, const struct redis_config *b)
{
	if (a->host == NULL && a->path == NULL && a->master == NULL)
		return false;
	return same_text(a->host, b->host) && same_text(a->path, b->path) && same_text(a->master, b->master) && a->port == b->port && a->db == b->db;
}

static const char *shared_stream(const struct redis_config *a, const struct redis_config *b)
{
	for (size_t i = 0; i < a->n_streams; i++)
		for (size_t k = 0; k < b->n_streams; k++)
			if (strcmp(a->streams[i], b->streams[k]) == 0)
				return a->streams[i];
	return NULL;
}

/* Two readers under one name would take each other's entries: neither sees all of a ticket. */
static void check_pair(struct load *l, const struct node *map, const struct source *a, const struct source *b)
{
	const struct redis_config *x = &a->redis, *y = &b->redis;
	const char *stream = same_server(x, y) ? shared_stream(x, y) : NULL;

	if (stream == NULL)
		return;
	if (!x->own && !y->own && strcmp(x->group, y->group) == 0)
		load_error_key(l, node_getz(map, b->name), "source '%s' reads the stream '%s' in the group '%s' already: give one of them another group",
			       a->name, stream, x->group);
	else
		load_warn_key(l, node_getz(map, b->name), "source '%s' reads the stream '%s' too: its events come twice", a->name, stream);
}

static void check_password(struct load *l, const struct node *map, const struct source *s)
{
	const struct redis_config *r = &s->redis;

	if (r->password.configured && !r->tls && r->host != NULL && !host_is_loopback(str_of(r->host)))
		load_warn_key(l, node_getz(map, s->name), "the password of source '%s' goes to %s unencrypted: use rediss://, or a tunnel", s->name, r->host);
}

void redis_check(struct load *l)
{
	const struct config *c = &l->whole->pub;
	const struct node *map = node_getz(l->root, "sources");

	for (size_t i = 0; i < c->n_sources; i++) {
		if (c->sources[i].webhook)
			continue;
		check_password(l, map, &c->sources[i]);
		for (size_t k = 0; k < i; k++)
			if (!c->sources[k].webhook)
				check_pair(l, map, &c->sources[k], &c->sources[i]);
	}
}
