/*
 * Lists the keys of the configuration; with a file, those that do not stand in it, and fails when there are any.
 */
#include <stdlib.h>

#include "config/config.h"
#include "config/node.h"

static bool has(const struct node *n, const char *path);

static bool child_has(const struct node *n, struct str head, const char *rest)
{
	for (const struct node *c = n->first; c != NULL; c = c->next) {
		if ((n->kind == NODE_LIST || str_eqz(head, "*") || str_eq(c->key, head)) && has(c, rest))
			return true;
	}
	return false;
}

/* Does the path lead somewhere? Lists are passed through. */
static bool has(const struct node *n, const char *path)
{
	struct str rest = str_of(path), head;

	if (*path == '\0')
		return true;
	if (n->kind == NODE_LIST)
		return child_has(n, rest, path);
	str_cut(&rest, '.', &head);
	return child_has(n, head, rest.len > 0 ? rest.p : "");
}

static bool has_anywhere(const struct node *n, const char *key)
{
	bool found = false;

	for (const struct node *c = n->first; c != NULL && !found; c = c->next)
		found = str_eqz(c->key, key) || has_anywhere(c, key);
	return found;
}

static bool stands_in(const struct node *root, const char *path)
{
	static const char *const groups[] = { "condition.", "secret.", "service.", "target.", "choice." };

	for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
		if (str_starts(str_of(path), str_of(groups[i])))
			return has_anywhere(root, path + strlen(groups[i]));
	}
	return has(root, path);
}

static char *slurp(FILE *f)
{
	size_t cap = 1u << 20;
	char *text = calloc(1, cap);

	if (text != NULL && fread(text, 1, cap - 1, f) == 0)
		text[0] = '\0';
	return text;
}

static int check(char *keys, const char *path)
{
	struct arena *a = arena_create();
	struct problems p;
	FILE *f = fopen(path, "r");
	char *text = f != NULL ? slurp(f) : NULL, *save = NULL;
	int missing = 0;

	problems_init(&p);
	const struct node *root = text != NULL ? yaml_parse(a, path, str_of(text), &p) : NULL;

	for (char *line = strtok_r(keys, "\n", &save); line != NULL && root != NULL; line = strtok_r(NULL, "\n", &save)) {
		*strchr(line, '\t') = '\0';
		if (!stands_in(root, line)) {
			fprintf(stderr, "%s: the key %s is missing\n", path, line);
			missing++;
		}
	}
	if (root == NULL)
		fprintf(stderr, "%s: cannot be read\n", path);
	if (f != NULL)
		fclose(f);
	free(text);
	problems_finish(&p);
	arena_destroy(a);
	return missing > 0 || root == NULL;
}

int main(int argc, char **argv)
{
	char *keys = NULL;
	size_t len = 0;
	FILE *mem = open_memstream(&keys, &len);
	int status = 0;

	if (mem == NULL)
		return 2;
	config_keys(mem);
	fclose(mem);
	if (argc > 1)
		status = check(keys, argv[1]);
	else
		fputs(keys, stdout);
	free(keys);
	return status;
}
