/* The last decisions, in memory, for those who watch: a ring of JSON lines with numbers that grow. */
#ifndef PLAZO_SRC_DAEMON_TAIL_H
#define PLAZO_SRC_DAEMON_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define TAIL_ENTRIES 1024
#define TAIL_READERS 32

struct daemon;
struct notify_result;
struct tail_reader;

struct tail {
	char    *lines[TAIL_ENTRIES];     /* owned; line of entry n at n % TAIL_ENTRIES */
	uint64_t next;                    /* number of the next entry, from 1 */
	struct tail_reader *readers;
	size_t   n_readers;
};

void tail_init(struct tail *t);
void tail_finish(struct tail *t);

/* Nothing that was decided until now is told again. */
void tail_forget(struct tail *t);

void tail_alert(struct daemon *d, struct str body);
void tail_delivery(struct daemon *d, const struct notify_result *r);

/* Sends what is new to those who read; lets go of those who have gone, and of all when the daemon stops. */
void tail_turn(struct daemon *d);

#endif
