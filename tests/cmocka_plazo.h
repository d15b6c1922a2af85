/* cmocka with what it wants included before it. */
#ifndef PLAZO_TESTS_CMOCKA_PLAZO_H
#define PLAZO_TESTS_CMOCKA_PLAZO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

#define assert_str(s, z) assert_slice_is((s), (z), __FILE__, __LINE__)

static inline void assert_slice_is(struct str s, const char *z, const char *file, int line)
{
	if (str_eqz(s, z))
		return;
	print_error("\"%.*s\" is not \"%s\"\n", STR_ARG(s), z);
	_fail(file, line);
}

#endif
