/*
 * The schema is data: which keys a section has, and which shape each value has. A shape says what it takes of each of YAML's
 * three kinds; what it does not say, it refuses. Meaning that goes beyond one value is none of its business.
 */
#ifndef PLAZO_CONFIG_SCHEMA_H
#define PLAZO_CONFIG_SCHEMA_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct shape;

/* True when `s` is a value of this shape; else a sentence in `d` that follows "PATH: ". */
typedef bool scalar_fn(struct str s, struct diag *d);

enum key_flag {
	KEY_REQUIRED = 1,
	KEY_LATER    = 2,     /* checked, not active yet */
};

struct key {
	const char         *name;      /* NULL ends a table */
	const struct shape *shape;
	unsigned            flags;
	const char         *doc;       /* one line */
};

struct shape {
	const char         *what;      /* "a duration such as 2h": what to give, for messages */
	scalar_fn          *scalar;    /* takes scalars that it likes */
	const char *const  *words;     /* takes these scalars; ends with NULL */
	const struct key   *keys;      /* takes a map with these keys */
	const struct shape *values;    /* takes a map of any names to this */
	scalar_fn          *names;     /* of `values`: what a name must be; NULL: any text */
	const struct shape *items;     /* takes a list of this */
	const char         *group;     /* its keys are documented once, under this name, and not wherever it stands */
	bool                some;      /* lists and maps may not be empty */
};

extern const struct shape schema_root;

/* Sections that included files may add to. */
extern const char *const schema_shared[];

#endif
