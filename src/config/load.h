/*
 * What all stages of a load share. The stages, in order: files and includes to one tree (load.c), its shape (schema.c with the
 * tables of keys.c), then the meaning, section by section (calendars.c, escalations.c, metrics.c, contracts.c, server.c,
 * receivers.c, sources.c), then what is legal but odd (lint.c). A node that a stage complained about is `bad`, and later stages
 * pass it over: one mistake, one message.
 */
#ifndef PLAZO_CONFIG_LOAD_H
#define PLAZO_CONFIG_LOAD_H

#include "base/arena.h"
#include "config/config.h"
#include "node.h"

/* A config with all that belongs to it. Lives until its rules are given up. */
struct whole {
	struct config     pub;          /* first: a struct config is a struct whole */
	unsigned          n_refs;
	struct arena     *arena;
	struct rules      rules;
	struct calendar **calendars;  size_t n_calendars;   /* owned */
	struct whole_zone {
		struct zone *zone;      /* owned */
		struct str   tzif;      /* its file; in the arena */
		uint64_t     digest;    /* of its name and its file */
	}                *zones;      size_t n_zones;
	struct str       *secrets;    size_t n_secrets;     /* bytes in the arena, wiped with the config */
	struct node      *root;         /* as understood, for config_show() */
};

struct load {
	const struct config_options *opt;
	struct arena    *arena;         /* the whole's */
	struct whole    *whole;
	struct problems *problems;
	struct node     *root;
	const char      *dir;           /* of the main file: what is relative is relative to it */
	int32_t          first_year, last_year;
	struct str       given;         /* text of a revision, which brings its zones along; else empty */
};

void load_error(struct load *l, struct node *at, const char *fmt, ...) PRINTF_LIKE(3, 4);       /* at the value; makes it bad */
void load_error_key(struct load *l, struct node *at, const char *fmt, ...) PRINTF_LIKE(3, 4);   /* at the key of a member */
void load_warn(struct load *l, const struct node *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void load_warn_key(struct load *l, const struct node *at, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* ", did you mean 'x'?" for the member of `map` nearest to `s`, or "". In the arena. */
const char *load_hint(struct load *l, struct str s, const struct node *map);
const char *load_hint_of(struct load *l, struct str s, const char *const *names, size_t n);

/* Reads a file of at most `max` bytes into the arena. `path` relative to `dir` unless it is absolute. */
MUST_CHECK enum err load_file(struct arena *a, const char *dir, const char *path, size_t max, struct str *out);
const char *load_path(struct arena *a, const char *dir, const char *path);

/* The member's value if it is there and good, else NULL. */
struct node *good(const struct node *map, const char *key);

/* The text of a good scalar member as a C string in the arena, else `otherwise`. */
const char *text_of(struct load *l, const struct node *map, const char *key, const char *otherwise);

/* A list of C strings from a scalar or a list of scalars; *n_out == 0 when NULL. */
const char *const *texts_of(struct load *l, const struct node *n, size_t *n_out);

/* stages */
void schema_check(struct load *l);
void calendars_build(struct load *l);
void escalations_build(struct load *l);
void policies_build(struct load *l);
void contracts_build(struct load *l);
void server_build(struct load *l);
void receivers_build(struct load *l);
void sources_build(struct load *l);
void lint(struct load *l);

/* pieces that several stages use */
const struct zone *zone_load(struct load *l, struct node *name);
struct secret secret_load(struct load *l, struct node *n);
void secret_check(struct load *l, struct node *n, const struct secret *s, const struct secret_use *use);   /* n: where it was loaded from */
bool secret_is_same(const struct node *a, const struct node *b);     /* of two nodes that are written alike: what was read for them; true for no secrets */
const char *ca_file_of(struct load *l, const struct node *map);      /* the member `ca_file`, or NULL */
struct secret secret_keep(struct load *l, struct str bytes);    /* bytes in the arena, which are wiped with the config */
struct redis_config redis_build(struct load *l, struct node *n);
void redis_check(struct load *l);

#endif
