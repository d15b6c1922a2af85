/*
 * Two libraries get no chance to go on without memory: libevent, since nobody has tried its ways out, and OpenSSL, since a signature that could
 * not be computed would pass for a wrong one, and the sender would not send again.
 */
#include "daemon/memory.h"

#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/xalloc.h"

static void *grow(void *p, size_t size)
{
	return xreallocarray(p, 1, size);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size != 0 ? xmalloc(size) : NULL;
}

static void crypto_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static void *crypto_realloc(void *p, size_t size, const char *file, int line)
{
	if (size != 0)
		return grow(p, size);
	crypto_free(p, file, line);
	return NULL;
}

void memory_is_ours(void)
{
	event_set_mem_functions(xmalloc, grow, free);
	(void)CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free);
}
