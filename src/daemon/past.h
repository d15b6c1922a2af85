/*
 * The texts of all revisions, by their numbers in the engine, so that rules which left memory can be made again: without the disk, for which a decision
 * cannot wait.
 */
#ifndef PLAZO_SRC_DAEMON_PAST_H
#define PLAZO_SRC_DAEMON_PAST_H

#include <stddef.h>

#include "base/str.h"
#include "base/versions.h"

struct daemon;
struct rules;

/* `rules`, whose canonical text is `text`, come into force in the engine, which must be the only way there. Refs them, and copies the text. */
void past_revise(struct daemon *d, struct rules *rules, struct str text);

/* An engine_wake_fn: ctx is the daemon. */
struct rules *past_wake(void *ctx, size_t revision);

#endif
