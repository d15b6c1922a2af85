#include "schema.h"

#include <stdio.h>

#include "base/limits.h"
#include "load.h"

/* The way from the root to a node, for messages. */
struct trail {
	const struct trail *up;       /* NULL at the root */
	struct str          name;
	bool                open;     /* a name of the user's, not of the schema */
};

/* Keys of one file that are not active yet. */
struct later {
	struct later      *next;
	const struct node *at;        /* the first of them */
	const char        *names;     /* ", " between them */
};

struct walk {
	struct load  *l;
	struct later *later;          /* one a file */
};

static void write_trail(struct buf *out, const struct trail *t, bool stars)
{
	if (t == NULL)
		return;
	write_trail(out, t->up, stars);
	if (out->len > 0)
		buf_putc(out, '.');
	if (stars && t->open)
		buf_putc(out, '*');
	else
		buf_put(out, t->name);
}

/* "contracts.acme", or "the configuration" for the root. */
static const char *trail_text(struct load *l, const struct trail *t)
{
	struct buf b;

	if (t == NULL)
		return "the configuration";
	buf_init(&b, 1024);
	write_trail(&b, t, false);
	char *text = arena_strdup(l->arena, buf_cstr(&b));

	buf_finish(&b);
	return text;
}

static const char *words_text(struct load *l, const char *const *words)
{
	struct buf b;

	buf_init(&b, 512);
	for (size_t i = 0; words[i] != NULL; i++)
		buf_printf(&b, "%s%s", i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ", words[i]);
	char *text = arena_strdup(l->arena, buf_cstr(&b));

	buf_finish(&b);
	return text;
}

static size_t count_words(const char *const *words)
{
	size_t n = 0;

	while (words[n] != NULL)
		n++;
	return n;
}

static void walk_scalar(struct walk *w, struct node *n, const struct shape *s, const struct trail *t)
{
	struct diag d = { 0, 0, "" };

	if (node_is_null(n)) {
		load_error(w->l, n, "%s has no value: it takes %s", trail_text(w->l, t), s->what);
		return;
	}
	if (s->words != NULL) {
		for (size_t i = 0; s->words[i] != NULL; i++) {
			if (str_eqz(n->text, s->words[i]))
				return;
		}
		load_error(w->l, n, "%s must be %s, not '" STR_FMT "'%s", trail_text(w->l, t), words_text(w->l, s->words),
			   STR_ARG(n->text), load_hint_of(w->l, n->text, s->words, count_words(s->words)));
	} else if (s->scalar == NULL) {
		load_error(w->l, n, "%s must be %s", trail_text(w->l, t), s->what);
	} else if (!s->scalar(n->text, &d)) {
		/* A secret, or a URL with a password in it, is not told to anyone; some sentences quote the text themselves. */
		bool hush = (s->group != NULL && strcmp(s->group, "secret") == 0) || strchr(n->text.p, '@') != NULL;

		if (d.msg[0] == '"' || hush)
			load_error(w->l, n, "%s: %s", trail_text(w->l, t), d.msg);
		else
			load_error(w->l, n, "%s: '%.80s': %s", trail_text(w->l, t), n->text.p, d.msg);
	}
}

static void gather_later(struct walk *w, const struct node *n, const struct trail *t)
{
	struct later *f = w->later;
	struct buf b;

	buf_init(&b, 256);
	write_trail(&b, t, true);
	while (f != NULL && f->at->file != n->file)
		f = f->next;
	if (f == NULL) {
		f = arena_alloc(w->l->arena, sizeof *f);
		*f = (struct later){ w->later, n, arena_strdup(w->l->arena, buf_cstr(&b)) };
		w->later = f;
	} else if (strstr(f->names, buf_cstr(&b)) == NULL) {
		f->names = arena_printf(w->l->arena, "%s, %s", f->names, buf_cstr(&b));
	}
	buf_finish(&b);
}

static void walk_node(struct walk *w, struct node *n, const struct shape *s, const struct trail *t, bool later);

static void unknown_key(struct walk *w, struct node *c, const struct key *keys, const struct trail *t)
{
	const char *names[64];
	size_t n = 0;

	for (; keys[n].name != NULL && n < 64; n++)
		names[n] = keys[n].name;
	load_error_key(w->l, c, "unknown key '" STR_FMT "' in %s%s", STR_ARG(c->key), trail_text(w->l, t),
		       load_hint_of(w->l, c->key, names, n));
}

static const struct key *find_key(const struct key *keys, struct str name)
{
	for (; keys->name != NULL; keys++) {
		if (str_eqz(name, keys->name))
			return keys;
	}
	return NULL;
}

static void walk_keys(struct walk *w, struct node *n, const struct shape *s, const struct trail *t, bool later)
{
	for (struct node *c = n->first; c != NULL; c = c->next) {
		const struct key *k = find_key(s->keys, c->key);
		struct trail here = { t, c->key, false };

		if (k == NULL) {
			unknown_key(w, c, s->keys, t);
			continue;
		}
		bool is_later = (k->flags & KEY_LATER) != 0;

		if (is_later && !later)
			gather_later(w, c, &here);
		walk_node(w, c, k->shape, &here, later || is_later);
	}
	for (const struct key *k = s->keys; k->name != NULL; k++) {
		if ((k->flags & KEY_REQUIRED) && node_getz(n, k->name) == NULL)
			load_error_key(w->l, n, "%s has no '%s': %s", trail_text(w->l, t), k->name, k->doc);
	}
}

static void walk_values(struct walk *w, struct node *n, const struct shape *s, const struct trail *t, bool later)
{
	for (struct node *c = n->first; c != NULL; c = c->next) {
		struct trail here = { t, c->key, true };
		struct diag d = { 0, 0, "" };

		if (s->names != NULL && !s->names(c->key, &d))
			load_error_key(w->l, c, "%s: '%.80s': %s", trail_text(w->l, t), c->key.p, d.msg);
		else
			walk_node(w, c, s->values, &here, later);
	}
}

static void walk_node(struct walk *w, struct node *n, const struct shape *s, const struct trail *t, bool later)
{
	bool takes_map = s->keys != NULL || s->values != NULL;

	if (n->bad)
		return;
	if (n->kind == NODE_SCALAR) {
		walk_scalar(w, n, s, t);
		return;
	}
	if ((n->kind == NODE_MAP && !takes_map) || (n->kind == NODE_LIST && s->items == NULL)) {
		load_error(w->l, n, "%s must be %s, not a %s", trail_text(w->l, t), s->what,
			   n->kind == NODE_MAP ? "map" : "list");
		return;
	}
	if (n->n == 0 && s->some) {
		load_error(w->l, n, "%s must not be empty: it takes %s", trail_text(w->l, t), s->what);
		return;
	}
	if (n->kind == NODE_MAP && s->keys != NULL) {
		walk_keys(w, n, s, t, later);
	} else if (n->kind == NODE_MAP) {
		walk_values(w, n, s, t, later);
	} else {
		for (struct node *c = n->first; c != NULL; c = c->next)
			walk_node(w, c, s->items, t, later);
	}
}

void schema_check(struct load *l)
{
	struct walk w = { .l = l };

	walk_node(&w, l->root, &schema_root, NULL, false);
	for (const struct later *f = w.later; f != NULL; f = f->next)
		load_warn_key(l, f->at, "not active yet: %s", f->names);
}

/* ---- the list of keys ---- */

struct printed {
	FILE               *f;
	const struct shape *groups[16];    /* printed already */
	size_t              n;
};

static void note_group(struct printed *p, const struct shape *s)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->groups[i]->keys == s->keys)
			return;
	}
	if (p->n < sizeof p->groups / sizeof p->groups[0])
		p->groups[p->n++] = s;
}

/* Some groups have several tables, of which one has more keys than the other. */
static bool seen(const struct printed *p, const struct shape *s, const char *key)
{
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->groups[i]->group, s->group) == 0 && find_key(p->groups[i]->keys, str_of(key)) != NULL)
			return true;
	}
	return false;
}

static void print_keys(struct printed *p, const struct shape *s, const char *path, unsigned depth)
{
	char here[256];
	const char *prefix = s->group != NULL ? s->group : path;

	if (depth > CONFIG_MAX_DEPTH)
		return;
	for (const struct key *k = s->keys; k != NULL && k->name != NULL; k++) {
		if (s->group != NULL && seen(p, s, k->name))
			continue;
		snprintf(here, sizeof here, "%s%s%s", prefix, *prefix ? "." : "", k->name);
		fprintf(p->f, "%s\t%s\t%s\n", here,
			k->flags & KEY_REQUIRED ? "required" : k->flags & KEY_LATER ? "later" : "", k->doc);
		print_keys(p, k->shape, here, depth + 1);
	}
	if (s->group != NULL && s->keys != NULL)
		note_group(p, s);
	if (s->values != NULL) {
		snprintf(here, sizeof here, "%s.*", path);
		print_keys(p, s->values, here, depth + 1);
	}
	if (s->items != NULL && s->items->keys != s->keys)
		print_keys(p, s->items, path, depth + 1);
}

void config_keys(FILE *f)
{
	struct printed p = { .f = f };

	print_keys(&p, &schema_root, "", 0);
}
