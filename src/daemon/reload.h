/*
 * A new configuration, all or nothing: read on a thread of its own, put in force by the loop, journaled as a revision in order with
 * the events. Requests that come while one is being read wait for the next reading, since the files may have changed under it.
 */
#ifndef PLAZO_SRC_DAEMON_RELOAD_H
#define PLAZO_SRC_DAEMON_RELOAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wall.h"
#include "config/problems.h"

struct daemon;
struct config;
struct event;
struct force;
struct http_request;
struct reload_job;
struct reload_waiter;
struct store_done;

struct reload {
	struct force         *force;       /* of what is in force */
	struct reload_job    *job;         /* being read; NULL: none */
	bool                  pending;     /* a revision is on its way to the disk … */
	struct wall           pending_from;    /* … and holds from this instant: steps from then on wait for it */
	struct reload_job    *committing;  /* in force once its revision is on disk */
	struct reload_job    *previewing;  /* a dry run that looks at what would change */
	bool                  owed;        /* the disk had no room for the first revision: it is journaled once there is some */
	struct reload_waiter *waiters;     /* of the job */
	struct reload_waiter *next;        /* of the one after it */
	bool                  again;       /* a signal came meanwhile */
	int                   wake_fd;     /* the thread is through */
	struct event         *ev_wake;
	bool                  replanning;
	uint64_t              digest;      /* of the canonical text in force */
	struct wall           since;       /* when it came into force */
	struct wall           tried;       /* the last attempt; WALL_NEVER: none */
	bool                  last_ok;
	uint64_t              n_ok, n_refused;
};

MUST_CHECK enum err reload_init(struct daemon *d, struct diag *diag);

/* No further reading: who waits for one is told so. */
void reload_stop(struct daemon *d);

/* Waits for the thread. */
void reload_finish(struct daemon *d);

/* SIGHUP: reads the configuration again, soon. */
void reload_ask(struct daemon *d);

/* POST /v1/reload; of a dry run, up to `limit` moves are told one by one. */
void reload_request(struct daemon *d, struct http_request *r, bool dry_run, uint32_t limit);

/* A store_done of STORE_REVISED: the revision is in its place in the journal, and comes into force; or the disk is full, and it does not. */
void reload_committed(struct daemon *d, const struct store_done *done);

/* What is owed to the journal, and some tickets to their new plan; true while there are more. */
bool reload_turn(struct daemon *d);

/* At the start: journals the configuration when it is not the last one's. */
MUST_CHECK enum err reload_first(struct daemon *d, bool known, uint64_t last_digest, struct diag *diag);

/* Every problem as a line of the log. */
void reload_log_problems(const struct problems *p);

#endif
