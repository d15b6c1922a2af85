/*
 * Preloaded: the allocation of the number NOMEM_AT fails, or that one and all after it where NOMEM_ON is set. At a clean exit the number
 * of allocations is added to the file NOMEM_COUNT. The C library's own allocations go through it like everybody's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

static atomic_long n_calls;
static long fail_at;
static bool fail_on;

__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("NOMEM_AT");

	atomic_store(&n_calls, 0);
	fail_on = getenv("NOMEM_ON") != NULL;
	fail_at = at != NULL ? strtol(at, NULL, 10) : 0;
}

__attribute__((destructor)) static void end(void)
{
	const char *name = getenv("NOMEM_COUNT");
	char line[32];
	int fd = name != NULL ? open(name, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

	if (fd < 0)
		return;
	(void)!write(fd, line, (size_t)snprintf(line, sizeof line, "%ld\n", atomic_load(&n_calls)));
	close(fd);
}

static bool strikes(void)
{
	long n = atomic_fetch_add(&n_calls, 1) + 1;

	if (fail_at == 0 || n < fail_at || (n > fail_at && !fail_on))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size) { return strikes() ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return strikes() ? NULL : __libc_calloc(n, size); }
void *realloc(void *p, size_t size) { return strikes() ? NULL : __libc_realloc(p, size); }
void *reallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	return __builtin_mul_overflow(n, size, &total) ? NULL : realloc(p, total);
}
void *memalign(size_t align, size_t size) { return strikes() ? NULL : __libc_memalign(align, size); }
void *aligned_alloc(size_t align, size_t size) { return memalign(align, size); }

int posix_memalign(void **out, size_t align, size_t size)
{
	void *p = memalign(align, size);

	if (p == NULL)
		return ENOMEM;
	*out = p;
	return 0;
}
