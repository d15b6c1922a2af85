/* The last decisions, in memory, for those who watch: a ring of JSON lines with numbers that grow. */
#ifndef PLAZO_SRC_DAEMON_TAIL_H
#define PLAZO_SRC_DAEMON_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define TAIL_ENTRIES 1024
#define TAIL_WAITERS 32

struct daemon;
struct event;
struct http_request;
struct notify_result;

struct tail {
	char    *lines[TAIL_ENTRIES];     /* owned; line of entry n at n % TAIL_ENTRIES */
	uint64_t next;                    /* number of the next entry, from 1 */
	struct tail_waiter *waiters;
	size_t   n_waiters;
};

void tail_init(struct tail *t);
void tail_finish(struct tail *t);

void tail_alert(struct daemon *d, struct str body);
void tail_delivery(struct daemon *d, const struct notify_result *r);

/* GET /v1/tail: answers at once, or when there is something, or when the wait is over. */
void tail_request(struct daemon *d, struct http_request *r);

/* Answers all who wait with what there is. */
void tail_wake(struct daemon *d);

#endif
