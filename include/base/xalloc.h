/*
 * Allocation that aborts with a message when memory is out. For sizes of our own making alone: a size that comes from
 * input is checked against a limit of base/limits.h first.
 */
#ifndef PLAZO_BASE_XALLOC_H
#define PLAZO_BASE_XALLOC_H

#include <stddef.h>

#include "base/attr.h"

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);              /* aborts on overflow of n * size too */
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);         /* copies exactly len bytes and adds a NUL */

/* The same end, for a library that said that it found no memory. */
NO_RETURN void die_of_memory(size_t wanted);

#endif
