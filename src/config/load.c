/*
 * A load from beginning to end: files, includes, stages, and what is left at the end. Also the few things that all stages need.
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "digest.h"
#include "include.h"

/* ---- messages ---- */

PRINTF_LIKE(6, 0) static void tell(struct load *l, bool warning, const char *file, unsigned line, unsigned col, const char *fmt,
				   va_list ap)
{
	char msg[1024];

	vsnprintf(msg, sizeof msg, fmt, ap);
	problems_add(l->problems, warning, file != NULL ? file : l->whole->pub.path, line, col, "%s", msg);
}

void load_error(struct load *l, struct node *at, const char *fmt, ...)
{
	va_list ap;

	at->bad = true;
	va_start(ap, fmt);
	tell(l, false, at->file, at->line, at->col, fmt, ap);
	va_end(ap);
}

void load_error_key(struct load *l, struct node *at, const char *fmt, ...)
{
	va_list ap;

	at->bad = true;
	va_start(ap, fmt);
	tell(l, false, at->file, at->key_line ? at->key_line : at->line, at->key_line ? at->key_col : at->col, fmt, ap);
	va_end(ap);
}

void load_warn(struct load *l, const struct node *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(l, true, at->file, at->line, at->col, fmt, ap);
	va_end(ap);
}

void load_warn_key(struct load *l, const struct node *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(l, true, at->file, at->key_line ? at->key_line : at->line, at->key_line ? at->key_col : at->col, fmt, ap);
	va_end(ap);
}

/* Distances cost time: with a thousand names, or after a hundred errors, nobody reads the hints. */
#define HINT_MAX_NAMES 1000

const char *load_hint_of(struct load *l, struct str s, const char *const *names, size_t n)
{
	if (l->problems->n_errors >= CONFIG_MAX_ERRORS || s.len > CONFIG_MAX_NAME)
		return "";
	const char *near = str_nearest(s, names, n < HINT_MAX_NAMES ? n : HINT_MAX_NAMES);

	return near != NULL ? arena_printf(l->arena, ", did you mean '%s'?", near) : "";
}

const char *load_hint(struct load *l, struct str s, const struct node *map)
{
	const char *names[HINT_MAX_NAMES];
	size_t n = 0;

	if (!node_is_map(map))
		return "";
	for (const struct node *c = map->first; c != NULL && n < HINT_MAX_NAMES; c = c->next)
		names[n++] = c->key.p;
	return load_hint_of(l, s, names, n);
}

/* ---- values ---- */

struct node *good(const struct node *map, const char *key)
{
	struct node *n = node_getz(map, key);

	return n != NULL && !n->bad ? n : NULL;
}

const char *text_of(struct load *l, const struct node *map, const char *key, const char *otherwise)
{
	const struct node *n = good(map, key);

	return node_is_scalar(n) ? arena_strdup(l->arena, n->text.p) : otherwise;
}

const char *const *texts_of(struct load *l, const struct node *n, size_t *n_out)
{
	size_t count = 0;

	*n_out = 0;
	if (n == NULL || n->bad)
		return NULL;
	const char **v = arena_array(l->arena, n->n + 1, sizeof(char *));

	if (n->kind == NODE_SCALAR)
		v[count++] = n->text.p;
	for (const struct node *c = n->first; c != NULL; c = c->next) {
		if (node_is_scalar(c) && !c->bad)
			v[count++] = c->text.p;
	}
	*n_out = count;
	return v;
}

/* ---- files ---- */

const char *load_path(struct arena *a, const char *dir, const char *path)
{
	return path[0] == '/' || strcmp(dir, ".") == 0 ? path : arena_printf(a, "%s/%s", dir, path);
}

#define SILENCE_MS 10000     /* of a pipe, in all: whoever writes the configuration into it may have to make it first */
#define WAIT_MS    100

static enum err read_all(int fd, size_t max, struct buf *b)
{
	int silent_ms = 0;
	char chunk[16384];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);

		if (n < 0 && errno == EAGAIN && silent_ms < SILENCE_MS) {
			silent_ms += poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, WAIT_MS) == 0 ? WAIT_MS : 0;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		if (n == 0)
			return ERR_OK;
		if (b->len + (size_t)n > max)
			return ERR_LIMIT;
		buf_append(b, chunk, (size_t)n);
	}
}

enum err load_file(struct arena *a, const char *dir, const char *path, size_t max, struct str *out)
{
	struct buf b;
	/* O_NONBLOCK: a FIFO without a writer must not stop the daemon. */
	int fd = open(load_path(a, dir, path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? ERR_ABSENT : ERR_IO;
	buf_init(&b, max);
	enum err e = read_all(fd, max, &b);
	int saved = errno;

	close(fd);
	if (e == ERR_OK)
		*out = arena_str(a, buf_str(&b));
	/* What was read may be a secret. */
	if (b.p != NULL)
		explicit_bzero(b.p, b.len);
	buf_finish(&b);
	errno = saved;
	return e;
}

static const char *dir_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return ".";
	return slash == path ? "/" : arena_str(a, (struct str){ path, (size_t)(slash - path) }).p;
}

/* ---- the whole ---- */

static void whole_destroy(struct whole *w)
{
	for (size_t i = 0; i < w->n_calendars; i++)
		calendar_destroy(w->calendars[i]);
	for (size_t i = 0; i < w->n_zones; i++)
		zone_destroy(w->zones[i].zone);
	free(w->calendars);
	free(w->zones);
	free(w->secrets);
	arena_destroy(w->arena);
}

static void whole_forget_secrets(struct whole *w)
{
	for (size_t i = 0; i < w->n_secrets; i++) {
		char *p = NULL;

		/* The slices are const for their readers; the bytes are the arena's. */
		memcpy(&p, &w->secrets[i].p, sizeof p);
		if (p != NULL)
			explicit_bzero(p, w->secrets[i].len);
	}
	w->n_secrets = 0;
}

static void rules_destroy(struct rules *r)
{
	whole_destroy((struct whole *)((char *)r - offsetof(struct whole, rules)));
}

static void rules_slim(struct rules *r)
{
	const struct whole *w = (const struct whole *)((char *)r - offsetof(struct whole, rules));

	for (size_t i = 0; i < w->n_calendars; i++)
		calendar_slim(w->calendars[i]);
}

static struct whole *whole_create(const char *name)
{
	struct arena *a = arena_create();
	struct whole *w = arena_alloc(a, sizeof *w);

	w->arena = a;
	w->n_refs = 1;
	w->rules.n_refs = 1;
	w->rules.destroy = rules_destroy;
	w->rules.slim = rules_slim;
	w->pub.rules = &w->rules;
	w->pub.path = arena_strdup(a, name);
	return w;
}

struct config *config_ref(struct config *cfg)
{
	((struct whole *)cfg)->n_refs++;
	return cfg;
}

void config_unref(struct config *cfg)
{
	struct whole *w = (struct whole *)cfg;

	if (w == NULL || --w->n_refs > 0)
		return;
	whole_forget_secrets(w);
	rules_unref(&w->rules);
}

/* ---- a load ---- */

static void choose_years(struct load *l)
{
	int32_t year = civil_from_days((int32_t)(l->opt->now.ms / MS_PER_DAY)).year;
	bool given = l->opt->first_year != 0 || l->opt->last_year != 0;

	l->first_year = given ? l->opt->first_year : year - 6;
	l->last_year = given ? l->opt->last_year : year + 16;
}

static void run_stages(struct load *l)
{
	schema_check(l);
	calendars_build(l);
	receivers_build(l);
	escalations_build(l);
	policies_build(l);
	contracts_build(l);
	server_build(l);
	sources_build(l);
	lint(l);
	l->whole->rules.digest = digest_rules(l);
}

static enum err finish(struct load *l, struct config **out)
{
	problems_sort(l->problems);
	if (l->problems->n_errors > 0) {
		config_unref(&l->whole->pub);
		return ERR_SYNTAX;
	}
	*out = &l->whole->pub;
	return ERR_OK;
}

/* `given` is the text again, where it is a revision that brings its zones along. */
static enum err load_text(const char *name, struct str text, struct str given, const struct config_options *opt, struct config **out,
			  struct problems *problems)
{
	struct whole *w = whole_create(name);
	struct load l = { .opt = opt, .arena = w->arena, .whole = w, .problems = problems, .dir = dir_of(w->arena, name), .given = given };

	problems_file(problems, name);
	choose_years(&l);
	l.root = yaml_parse(l.arena, w->pub.path, text, problems);
	if (l.root == NULL && problems->n_errors == 0)
		problems_add(problems, false, name, 1, 1, "there is nothing in it");
	if (l.root != NULL) {
		w->root = l.root;
		include_all(&l);
		run_stages(&l);
	}
	return finish(&l, out);
}

enum err config_load_text(const char *name, struct str text, const struct config_options *opt, struct config **out,
			  struct problems *problems)
{
	if (text.len > CONFIG_MAX_FILE) {
		problems_add(problems, false, name, 0, 0, "larger than 1 MiB");
		return ERR_SYNTAX;
	}
	return load_text(name, text, (struct str){ NULL, 0 }, opt, out, problems);
}

enum err config_load(const char *path, const struct config_options *opt, struct config **out, struct problems *problems)
{
	struct arena *a = arena_create();
	struct str text;
	enum err e = load_file(a, ".", path, CONFIG_MAX_FILE, &text);

	if (e == ERR_LIMIT)
		problems_add(problems, false, path, 0, 0, "larger than 1 MiB");
	else if (e != ERR_OK)
		problems_add(problems, false, path, 0, 0, "cannot be read: %s", strerror(errno));
	else
		e = config_load_text(path, text, opt, out, problems);
	arena_destroy(a);
	return e == ERR_LIMIT ? ERR_SYNTAX : e;
}

enum err config_load_canonical(struct str text, const struct config_options *opt, struct rules **out, struct diag *d)
{
	struct config_options quiet = *opt;
	struct config *cfg = NULL;
	struct problems problems;

	quiet.secrets = SECRETS_SKIP;
	problems_init(&problems);
	/* No limit on its size: holidays expanded and files included, it is larger than what an operator may write. */
	enum err e = load_text("revision", text, text, &quiet, &cfg, &problems);

	if (e == ERR_OK) {
		*out = rules_ref(cfg->rules);
		config_unref(cfg);
	} else if (problems.n > 0) {
		diag_set_at(d, problems.v[0].line, problems.v[0].col, "%s", problems.v[0].msg);
	}
	problems_finish(&problems);
	return e;
}
