/*
 * A slice of bytes that somebody else owns: not NUL-terminated, may hold any byte. The zero value is the empty slice.
 */
#ifndef PLAZO_BASE_STR_H
#define PLAZO_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct str {
	const char *p;   /* may be NULL when len is 0 */
	size_t      len;
};

#define STR(lit)     ((struct str){ (lit), sizeof(lit) - 1 })   /* of a string literal */
#define STR_FMT      "%.*s"
#define STR_ARG(s)   (int)(s).len, (s).len ? (s).p : ""

static inline struct str str_of(const char *z)
{
	return (struct str){ z, z != NULL ? strlen(z) : 0 };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool str_eqz(struct str a, const char *z)
{
	return str_eq(a, str_of(z));
}

/* memcmp order, shorter first on a common prefix. */
int str_cmp(struct str a, struct str b);

bool str_starts(struct str s, struct str prefix);

/* ASCII letters alone fold; for header names and domains. */
bool str_eq_nocase(struct str a, struct str b);

/* Without the blanks and tabs at both ends. */
struct str str_trim(struct str s);

/*
 * Cuts `*rest` at the first `sep`: what stood before it goes to *head, *rest becomes what follows. False, with the whole in
 * *head and *rest empty, when there was no `sep`.
 */
bool str_cut(struct str *rest, char sep, struct str *head);

/*
 * A whole decimal number, optional leading '-', nothing around it, no leading zeros but "0" itself.
 * ERR_SYNTAX when it is not one, ERR_RANGE outside [min, max].
 */
MUST_CHECK enum err str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out);

/* Strict UTF-8: no surrogates, no overlong forms, nothing above U+10FFFF. */
bool str_is_utf8(struct str s);

/* The bytes of the first character, 1 to 4; 0 when there is none or it is not strict UTF-8. */
size_t str_utf8_len(struct str s);

/* True when a byte below 0x20 or 0x7f stands in it. */
bool str_has_controls(struct str s);
/* "." or ".." alone or between slashes: what clients and proxies take out of a URL before anybody reads it. */
bool str_has_dot_segment(struct str s);
bool str_has_controls_but_tabs(struct str s);

/*
 * Levenshtein distance with transposition, capped: the nearest of the n names within distance 2 (and less than half the
 * name's length), or NULL. For "did you mean".
 */
const char *str_nearest(struct str s, const char *const *names, size_t n);

#endif
