/*
 * What is wrong or odd in a configuration: every sentence with its place. Collected while loading, sorted, and written out by
 * whoever asked for the load; nothing here logs.
 */
#ifndef PLAZO_CONFIG_PROBLEMS_H
#define PLAZO_CONFIG_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

struct config_problem {
	const char *file;        /* as it was named by the user or found by an include */
	unsigned    line, col;   /* 1-based; 0 when the trouble is with the file as a whole, written as 1:1 */
	unsigned    seq;         /* order of discovery, among those of one place */
	unsigned    rank;        /* of the file, in the order in which files were read */
	bool        warning;
	const char *msg;
};

/* Zero-initialised is not enough: use problems_init(). Texts live until problems_finish(). */
struct problems {
	struct arena   *arena;
	struct config_problem *v;
	size_t          n, cap;
	const char    **files;                  /* in the order in which they were read */
	unsigned        n_files;
	size_t          n_errors, n_warnings;   /* counted also past CONFIG_MAX_ERRORS, when they are no longer kept */
};

void problems_init(struct problems *p);
void problems_finish(struct problems *p);

/* The rank of a file among those read; a new one is put last. */
unsigned problems_file(struct problems *p, const char *file);

/* `file` and the sentence are copied; control characters of the sentence become '?'. */
void problems_add(struct problems *p, bool warning, const char *file, unsigned line, unsigned col, const char *fmt, ...)
	PRINTF_LIKE(6, 7);

/* By file in the order of reading, line, column, then order of discovery. config_load() has done it already. */
void problems_sort(struct problems *p);

/* One "FILE:LINE:COL: error: MESSAGE" (or "warning:") a line; a last line counts those that were not kept. */
void problems_write(const struct problems *p, struct buf *out);

/* The errors, or the warnings, as texts of an array that the caller has begun: the same sentences. */
void problems_put(const struct problems *p, bool warnings, struct json_out *o);

#endif
