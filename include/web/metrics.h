/* Prometheus text (version 0.0.4): families with their samples. Knows the format, not what is counted. */
#ifndef PLAZO_WEB_METRICS_H
#define PLAZO_WEB_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Begins a family: its HELP and TYPE lines. `type` is "counter", "gauge" or "histogram". */
void metrics_family(struct buf *b, const char *name, const char *type, const char *help);

/* One sample. `labels` are n pairs of name and value; values are escaped here. */
struct metrics_label { const char *name, *value; };
void metrics_count(struct buf *b, const char *name, const struct metrics_label *labels, size_t n, uint64_t v);
void metrics_gauge(struct buf *b, const char *name, const struct metrics_label *labels, size_t n, double v);

/* The _bucket, _sum and _count of one histogram; counts[i] is of (bounds[i-1], bounds[i]], counts[n_bounds] of the rest. */
void metrics_histogram(struct buf *b, const char *name, const struct metrics_label *labels, size_t n,
		       const double *bounds, const uint64_t *counts, size_t n_bounds, double sum);

/* A family of one sample without labels. */
void metrics_one_count(struct buf *b, const char *name, const char *help, uint64_t v);
void metrics_one_gauge(struct buf *b, const char *name, const char *help, double v);

#endif
