/*
 * What a configuration that is not in force would change: every ticket in memory as it is, beside what it would be, in slices. Nothing
 * is decided and nothing kept.
 */
#ifndef PLAZO_SRC_DAEMON_PREVIEW_H
#define PLAZO_SRC_DAEMON_PREVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

#define PREVIEW_USUAL 100      /* moves that are told one by one; the rest is counted */
#define PREVIEW_MAX   10000

struct daemon;
struct preview;
struct rules;

/* Keeps both; `rules` must not change until the end. Tells up to `limit` moves. */
struct preview *preview_create(struct daemon *d, struct rules *rules, uint32_t limit);
void preview_destroy(struct preview *p);     /* NULL is fine */

/* Looks at tickets for some `ms`. True while there are more. */
bool preview_step(struct preview *p, int64_t ms);

/* At the end. Its members of an object: moves, moved, more, breaches, looked_at, tickets; web/route.h has them. */
void preview_put(struct preview *p, struct json_out *o);

#endif
