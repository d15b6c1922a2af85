#include "include.h"

#include <errno.h>
#include <glob.h>
#include <string.h>

#include "base/limits.h"
#include "schema.h"

static bool is_shared(struct str section)
{
	for (size_t i = 0; schema_shared[i] != NULL; i++) {
		if (str_eqz(section, schema_shared[i]))
			return true;
	}
	return false;
}

/* The main file's section of that name, made when it has none. */
static struct node *section_of(struct load *l, const struct node *added)
{
	struct node *s = node_get(l->root, added->key);

	if (s != NULL)
		return s;
	s = node_make(l->arena, NODE_MAP);
	s->file = added->file;
	s->line = added->line;
	s->col = added->col;
	s->key = added->key;
	s->key_line = added->key_line;
	s->key_col = added->key_col;
	node_append(l->root, s);
	(void)node_index(l->arena, l->root);
	(void)node_index(l->arena, s);
	return s;
}

static void merge_section(struct load *l, struct node *added)
{
	struct node *into = section_of(l, added), *next = NULL;

	if (!node_is_map(added) || !node_is_map(into)) {
		if (!node_is_map(added))
			load_error(l, added, STR_FMT " must be a map", STR_ARG(added->key));
		return;
	}
	struct node *old_index_of = arena_alloc(l->arena, sizeof *into);

	/* Look-ups go to the section as it was: node_append() takes its index away. */
	*old_index_of = *into;
	for (struct node *c = added->first; c != NULL; c = next) {
		const struct node *twin = node_get(old_index_of, c->key);

		next = c->next;
		if (twin != NULL)
			load_error_key(l, c, STR_FMT ": '" STR_FMT "' stands in %s:%u:%u already", STR_ARG(added->key),
				       STR_ARG(c->key),
				       twin->file, twin->key_line, twin->key_col);
		else
			node_append(into, c);
	}
	(void)node_index(l->arena, into);
}

static void merge_file(struct load *l, const char *path, struct node *at)
{
	struct str text;
	const char *name = arena_strdup(l->arena, path);
	enum err e = load_file(l->arena, ".", path, CONFIG_MAX_FILE, &text);

	problems_file(l->problems, name);
	if (e == ERR_LIMIT)
		load_error(l, at, "%s is larger than 1 MiB", path);
	else if (e != ERR_OK)
		load_error(l, at, "%s cannot be read: %s", path, strerror(errno));
	if (e != ERR_OK)
		return;
	struct node *root = yaml_parse(l->arena, name, text, l->problems), *next = NULL;

	if (root == NULL)
		return;
	if (!node_is_map(root)) {
		load_error(l, root, "must be a map of sections");
		return;
	}
	for (struct node *section = root->first; section != NULL; section = next) {
		next = section->next;
		if (is_shared(section->key))
			merge_section(l, section);
		else
			load_error_key(l, section,
				       "an included file may only add calendars, policies, contracts, escalations, receivers, "
				       "sources, maps and templates, not '" STR_FMT "'", STR_ARG(section->key));
	}
}

static void include_glob(struct load *l, struct node *pattern, size_t *n_files)
{
	glob_t g = { 0 };
	const char *path = load_path(l->arena, l->dir, pattern->text.p);
	int rc = glob(path, GLOB_ERR, NULL, &g);

	/* A pattern may fit nothing; a name must be there. */
	if (rc == GLOB_NOMATCH && strpbrk(path, "*?[") == NULL)
		load_error(l, pattern, "%s: no such file", path);
	else if (rc != 0 && rc != GLOB_NOMATCH)
		load_error(l, pattern, "%s: cannot be read", path);
	for (size_t i = 0; rc == 0 && i < g.gl_pathc; i++) {
		if (++*n_files > CONFIG_MAX_FILES) {
			load_error(l, pattern, "more than %d files", CONFIG_MAX_FILES);
			break;
		}
		merge_file(l, g.gl_pathv[i], pattern);
	}
	globfree(&g);
}

void include_all(struct load *l)
{
	struct node *include = node_getz(l->root, "include");
	size_t n_files = 0;

	if (include == NULL)
		return;
	include->hidden = true;
	if (node_is_scalar(include) && !node_is_null(include))
		include_glob(l, include, &n_files);
	for (struct node *c = node_is_list(include) ? include->first : NULL; c != NULL; c = c->next) {
		if (node_is_scalar(c) && !node_is_null(c))
			include_glob(l, c, &n_files);
	}
}
