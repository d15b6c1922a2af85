/* A ticket's row taken apart, shared by those who make rows of tickets and who change rows as such. The format is told in engine_row.c. */
#ifndef PLAZO_SRC_CORE_ENGINE_ROW_H
#define PLAZO_SRC_CORE_ENGINE_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reader.h"

struct row {
	struct str ns, id, subject, url, hist, fired;
	uint64_t   serial, seq, n_events;
	int64_t    planned, next;
	uint8_t    flags;
	uint64_t   clocks;
	uint64_t   contract, n_texts;
};

/* Everything up to the texts; these, `hist` and `fired` follow. Reading gives false for bytes that are none of ours. */
MUST_CHECK bool row_read_head(struct reader *r, struct row *row);
void row_write_head(const struct row *row, struct buf *out);

#endif
