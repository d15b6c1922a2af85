/* Compiler attributes under names of our own, for gcc 12 and clang 14 in C17 mode. */
#ifndef PLAZO_BASE_ATTR_H
#define PLAZO_BASE_ATTR_H

#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define NO_RETURN         __attribute__((noreturn))
#define ALWAYS_INLINE     inline __attribute__((always_inline))
#define MAYBE_UNUSED      __attribute__((unused))
#define NOT_ZEROED        __attribute__((uninitialized))     /* of a local array that is written before it is read: see -ftrivial-auto-var-init */

#endif
