/*
 * Memory that will be used soon is asked for, so that nobody waits for it then: a hint, which changes nothing. gcc takes a function that does nothing but
 * __builtin_prefetch() for one without effect, and leaves out calls of it: hence the empty assembly.
 */
#ifndef PLAZO_BASE_EXPECT_H
#define PLAZO_BASE_EXPECT_H

#include <stddef.h>

#include "base/attr.h"

#define EXPECT_LINE 64

static ALWAYS_INLINE void expect(const void *p)
{
	__builtin_prefetch(p);
	__asm__ volatile("");
}

/* All lines of it. */
static ALWAYS_INLINE void expect_bytes(const void *p, size_t len)
{
	for (size_t i = 0; i < len; i += EXPECT_LINE)
		expect((const char *)p + i);
}

#endif
