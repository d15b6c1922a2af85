/* Secrets, from where the configuration says they are. None of this is ever printed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "load.h"

#define SECRET_MAX 65536          /* bytes; a key file has some hundred */

struct secret secret_keep(struct load *l, struct str bytes)
{
	struct whole *w = l->whole;

	w->secrets = xreallocarray(w->secrets, w->n_secrets + 1, sizeof *w->secrets);
	w->secrets[w->n_secrets++] = bytes;
	return (struct secret){ bytes, true };
}

static struct str without_newline(struct str s)
{
	if (s.len > 0 && s.p[s.len - 1] == '\n')
		s.len--;
	if (s.len > 0 && s.p[s.len - 1] == '\r')
		s.len--;
	return s;
}

static struct secret from_file(struct load *l, struct node *n, const char *dir, const char *path, const char *what)
{
	struct secret none = { { NULL, 0 }, true };
	struct str bytes;
	enum err e = load_file(l->arena, dir, path, SECRET_MAX, &bytes);

	if (e != ERR_OK) {
		load_error(l, n, "%s %s cannot be read: %s", what, path, e == ERR_LIMIT ? "larger than 64 KiB" : strerror(errno));
		return none;
	}
	struct secret s = secret_keep(l, bytes);

	s.bytes = without_newline(bytes);
	if (s.bytes.len == 0)
		load_error(l, n, "%s %s is empty", what, path);
	return s;
}

static struct secret from_credential(struct load *l, struct node *n)
{
	const char *dir = l->opt->credentials_dir != NULL ? l->opt->credentials_dir : getenv("CREDENTIALS_DIRECTORY");
	const char *name = n->text.p;

	if (strchr(name, '/') != NULL || name[0] == '.')
		load_error(l, n, "'%s' is not the name of a credential", name);
	else if (dir == NULL || *dir == '\0')
		load_error(l, n, "credential %s cannot be read: systemd passed none ($CREDENTIALS_DIRECTORY is not set)", name);
	else
		return from_file(l, n, dir, name, "credential");
	return (struct secret){ { NULL, 0 }, true };
}

/* Read when it is used; but without it nobody's certificate holds, and nothing is sent there. */
const char *ca_file_of(struct load *l, const struct node *map)
{
	const struct node *n = good(map, "ca_file");

	if (node_is_scalar(n) && l->opt->secrets == SECRETS_REQUIRE && access(n->text.p, R_OK) != 0)
		load_warn(l, n, "%s cannot be read, so that no certificate will hold: %s", n->text.p, strerror(errno));
	return text_of(l, map, "ca_file", NULL);
}

static struct secret from_env(struct load *l, struct node *n)
{
	const char *value = getenv(n->text.p);

	if (value != NULL && *value != '\0')
		return secret_keep(l, arena_str(l->arena, str_of(value)));
	load_error(l, n, "environment variable %s is not set", n->text.p);
	return (struct secret){ { NULL, 0 }, true };
}

static struct secret from_literal(struct load *l, struct node *n)
{
	bool masked = str_eqz(n->text, SECRET_MASK);

	n->secret = true;
	if (!masked) {
		load_warn(l, n, "a secret stands in the configuration itself: {file: PATH} or {credential: NAME} keep it apart");
		return secret_keep(l, n->text);
	}
	if (l->opt->secrets == SECRETS_REQUIRE)
		load_error(l, n, "this is what `config show` prints in place of a secret, not one");
	return (struct secret){ { NULL, 0 }, true };
}

/* From where the map says. What was read is left with the node, for secret_is_same(). */
static struct secret from_place(struct load *l, struct node *n)
{
	struct secret *kept = arena_alloc(l->arena, sizeof *kept);

	if (str_eqz(n->first->key, "file"))
		*kept = from_file(l, n->first, l->dir, n->first->text.p, "file");
	else if (str_eqz(n->first->key, "credential"))
		*kept = from_credential(l, n->first);
	else
		*kept = from_env(l, n->first);
	n->built = kept;
	return *kept;
}

bool secret_is_same(const struct node *a, const struct node *b)
{
	bool read_a = a->secret && a->kind == NODE_MAP && a->built != NULL, read_b = b->secret && b->kind == NODE_MAP && b->built != NULL;

	if (!read_a || !read_b)
		return read_a == read_b;
	return str_eq(((const struct secret *)a->built)->bytes, ((const struct secret *)b->built)->bytes);
}

struct secret secret_load(struct load *l, struct node *n)
{
	struct secret skipped = { { NULL, 0 }, true };

	if (n == NULL || n->bad || n->kind == NODE_LIST)
		return (struct secret){ { NULL, 0 }, false };
	if (n->kind == NODE_SCALAR)
		return from_literal(l, n);
	n->secret = true;
	if (n->n != 1) {
		load_error(l, n, "a secret is one of {file: PATH}, {credential: NAME} and {env: NAME}");
		return skipped;
	}
	if (l->opt->secrets == SECRETS_SKIP || n->first->bad)
		return skipped;
	return from_place(l, n);
}

void secret_check(struct load *l, struct node *n, const struct secret *s, const struct secret_use *use)
{
	struct diag why = { 0 };

	/* What could not be read was told of then. */
	if (n == NULL || l->opt->fits == NULL || s->bytes.len == 0)
		return;
	if (!l->opt->fits(use, s->bytes, &why))
		load_error(l, n, "%s", why.msg);
}
