/*
 * Texts of which each is mostly like the one before it, such as the revisions of a file. Of most of them no more is kept than what differs, in lines:
 * so a thousand take little more than some tens of the text itself. To get one back costs some copies of it.
 */
#ifndef PLAZO_BASE_VERSIONS_H
#define PLAZO_BASE_VERSIONS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

struct versions;

struct versions *versions_create(void);
void versions_destroy(struct versions *v);                             /* NULL is fine */

void versions_add(struct versions *v, struct str text);                /* copies */
size_t versions_count(const struct versions *v);

/* The text that was added as number `i`, from 0, in place of what is in `out`, which has no maximum. */
void versions_get(const struct versions *v, size_t i, struct buf *out);

size_t versions_bytes(const struct versions *v);                       /* memory in use */

#endif
