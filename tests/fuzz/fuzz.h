/*
 * What the targets share. A target is a file fuzz_NOUN.c with the one function below: `make fuzz T=NOUN` links it with libFuzzer,
 * `make check` with driver.c, which runs what lies in corpus/NOUN.
 */
#ifndef PLAZO_TESTS_FUZZ_H
#define PLAZO_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/str.h"

/* Returns 0. The bytes are in a block of their own: what reads past the end is seen by a sanitizer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that does not hold. Not assert(): it must hold its ground in every build. */
#define HOLDS(what) ((what) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #what))

_Noreturn static inline void fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

/* ---- parts of an input: an empty one gives zeros for ever ---- */

struct input { const uint8_t *p; size_t left; };

static inline uint8_t input_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

/* `size` bytes, low first. */
static inline uint64_t input_number(struct input *in, int size)
{
	uint64_t v = 0;

	for (int i = 0; i < size; i++)
		v |= (uint64_t)input_byte(in) << (8 * i);
	return v;
}

static inline struct str input_rest(struct input *in)
{
	struct str s = { (const char *)in->p, in->left };

	in->p += in->left;
	in->left = 0;
	return s;
}

/* What stands before the next `sep`, or all that is left: so that the parts of an input can be read by people, and moved about by mutations. */
static inline struct str input_until(struct input *in, char sep)
{
	struct str rest = { (const char *)in->p, in->left }, head;

	str_cut(&rest, sep, &head);
	in->p = (const uint8_t *)rest.p;
	in->left = rest.len;
	return head;
}

#endif
