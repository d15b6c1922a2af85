/*
 * The abort is deliberate: sizes that reach these functions are of our own making, so running out means that the machine is out of
 * memory, and a daemon that keeps its promises on disk is safer restarted than limping.
 */
#include "base/xalloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die_of_memory(size_t wanted)
{
	fprintf(stderr, "<2>plazo: out of memory, wanted=%zu\n", wanted);
	abort();
}

void *xmalloc(size_t size)
{
	void *p = malloc(size != 0 ? size : 1);

	if (p == NULL)
		die_of_memory(size);
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n != 0 ? n : 1, size != 0 ? size : 1);

	if (p == NULL)
		die_of_memory(n * size);
	return p;
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		die_of_memory(SIZE_MAX);
	p = realloc(p, total != 0 ? total : 1);
	if (p == NULL)
		die_of_memory(total);
	return p;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t len)
{
	char *p = xmalloc(len + 1);

	if (len != 0)
		memcpy(p, s, len);
	p[len] = '\0';
	return p;
}
