/*
 * Forgetting a person everywhere: in memory, in slices; then, when what was changed there is saved, in everything that is on disk. Until the end
 * tickets that come from the disk are cleaned as they come.
 */
#ifndef PLAZO_SRC_DAEMON_FORGET_H
#define PLAZO_SRC_DAEMON_FORGET_H

#include <stdbool.h>

struct daemon;
struct forget_job;

struct forget {
	struct forget_job *job;      /* under way; NULL: none */
};

/* A slice; true while there is more to do at once. */
bool forget_turn(struct daemon *d);

/* After the store was closed: its thread has the job until then. */
void forget_finish(struct daemon *d);

#endif
