/*
 * What must survive: the journal of events, the revisions of the configuration, tickets, verdicts, and the outbox of alerts.
 * Decides when something is on disk; knows nothing of what the records and rows mean. SQLite stands behind it, seen nowhere here.
 *
 * Opening, loading and closing happen on the caller's thread; between store_start() and store_close() a thread of its own has the
 * disk. Everything else is called from one thread (the loop) and never blocks: a job is queued, and what became of it comes back
 * through store_poll(), in the order in which jobs were queued (queries are answered between commits, so later jobs may overtake them).
 * All that queued while the last commit was on its way to the disk goes into the next one. Jobs take effect in their order: a row
 * that was queued after an alert is never on disk without it, which is what lets store_trim() follow store_save() at once.
 *
 * When the disk is full, events and revisions are refused with ERR_FULL, everything else is kept in memory and tried again each second. When
 * the disk failed to keep what it took (a failed sync, a corrupt page), the store is dead: nothing is acknowledged any more, and
 * the caller must leave.
 */
#ifndef PLAZO_STORE_STORE_H
#define PLAZO_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/siphash.h"
#include "base/str.h"
#include "base/wall.h"
#include "store/answer.h"
#include "store/delivery.h"
#include "store/health.h"

struct buf;
struct store;
struct ticket_row;

#define STORE_SAVES_PER_COMMIT 500          /* ticket rows between two commits; more are spread over several */
#define STORE_QUEUE_BYTES      (64u << 20)  /* default of max_bytes */
#define STORE_QUEUE_JOBS       (1u << 18)   /* default of max_jobs */

struct store_options {
	const char *path;        /* of the database; its directory must be there */
	size_t      max_bytes;   /* of queued events; other jobs may take the same again. 0: the default */
	size_t      max_jobs;    /* likewise, their number */
	int64_t     retry_ms;    /* between two attempts while the disk is full. 0: one second */
	const char *vfs;         /* name of a registered SQLite VFS, for tests; NULL: the system's */
};

/*
 * Opens, or makes a new one when there is no file. Borrows the options. Never changes or replaces a file that it refuses:
 * ERR_CONFLICT: in use by another process (told at once). ERR_SYNTAX: no database, damaged, or not ours. ERR_RANGE: written by a
 * newer plazo. ERR_IO: it, or its directory, is not there or may not be used.
 */
MUST_CHECK enum err store_open(const struct store_options *opt, struct store **out, struct diag *d);

struct sipkey store_key(const struct store *st);         /* random, made with the database: for engine_options.key */
const char *store_id(const struct store *st);            /* random, 32 hexadecimal digits */
struct wall store_latest(const struct store *st);        /* before store_start(): what the last store_trim() was told, or WALL_PAST */

/* ---- before store_start() ---- */
struct store_revision {
	struct wall from;        /* instant from which it was in force */
	uint64_t    digest;
	struct str  text;        /* canonical form of the configuration */
	uint64_t    seq;         /* the last event journaled before it; 0: none. Filled by the store */
};

/*
 * Calls back for what was kept, in this order: every revision, every open ticket, every journaled event with its number, every
 * pending delivery, each kind in its own order. A callback that is NULL skips its kind; one that returns an error ends the load
 * with that error. ERR_SYNTAX names the row that is damaged. Rows are read by a thread of its own, some way ahead of the callbacks, which run
 * on the caller's and may use store_fetch().
 */
struct store_loader {
	void *ctx;
	enum err (*revision)(void *ctx, const struct store_revision *r, struct diag *d);
	enum err (*ticket)(void *ctx, const struct ticket_row *row, struct diag *d);
	enum err (*event)(void *ctx, uint64_t seq, struct str record, struct diag *d);
	enum err (*delivery)(void *ctx, const struct delivery *row, struct diag *d);
};
MUST_CHECK enum err store_load(struct store *st, const struct store_loader *loader, struct diag *d);

/* A ticket's row, for events in the journal that name a closed ticket; also from within the callbacks. ERR_ABSENT when there is none. */
MUST_CHECK enum err store_fetch(struct store *st, struct str ns, struct str ticket, struct buf *row_out, struct diag *d);

MUST_CHECK enum err store_start(struct store *st, struct diag *d);

/*
 * Carries out what is queued, makes the database whole and closes it; frees the store in any case. What was not polled is dropped.
 * ERR_FULL or ERR_IO when something that was queued is not on disk.
 */
enum err store_close(struct store *st, struct diag *d);  /* NULL is fine */

/* The thread begins with what was queued when it is told so, once a turn of the loop, or stalls or closes: what came together is one commit. */
void store_push(struct store *st);

/* ---- jobs: copy what they are given; ERR_FULL when the queue (or, for events and revisions, the disk) is full, ERR_IO when the store is dead ---- */

/*
 * Journals one event. With `fetch`, the row of (ns, ticket) is read in the same commit, as it is after all earlier jobs, and comes with
 * the answer; the caller asks for it when store_may_have() says so and the ticket is not in memory. With `echo`, so does the record.
 */
struct store_append { struct str record; bool fetch, echo; struct str ns, ticket; uint64_t cookie; };
MUST_CHECK enum err store_append(struct store *st, const struct store_append *job);
/* Up to STORE_RUN events of which nothing else is wanted, all or none, as one job: with one answer, whose `seq` is that of the first. */
#define STORE_RUN 8
MUST_CHECK enum err store_append_run(struct store *st, const struct str *records, uint32_t n, uint64_t cookie);

/* May a closed ticket of this name be on disk? True for all that are, and for a few that are not. Asks no disk. */
bool store_may_have(const struct store *st, struct str ns, struct str ticket);

/* Inserts; a row of the same id and receiver is left as it is. Answered always: `fresh` tells which. */
MUST_CHECK enum err store_put_delivery(struct store *st, const struct delivery *row, uint64_t cookie);

/* The following are answered only when the cookie is not 0. Updates state, attempts, next, status, detail and settled of the row with this id and receiver. */
MUST_CHECK enum err store_settle(struct store *st, const struct delivery *row, uint64_t cookie);
MUST_CHECK enum err store_save(struct store *st, const struct ticket_row *row, uint64_t cookie);
MUST_CHECK enum err store_put_revision(struct store *st, const struct store_revision *r, uint64_t cookie);

/*
 * Journaled events up to `seq` are covered by saved tickets and may go. In slices; a commit's events go together, with its last one. None
 * of them is younger than `latest`, which store_latest() tells from then on.
 */
MUST_CHECK enum err store_trim(struct store *st, uint64_t seq, struct wall latest, uint64_t cookie);

/* Tickets that were over before `limit` go, with their deliveries; also settled deliveries of no ticket, and verdicts on what ended before it. In slices. */
MUST_CHECK enum err store_sweep(struct store *st, struct wall limit, uint64_t cookie);

/* Queries: any number of answers with rows, then one without and `last`. */
struct store_filter {
	struct str ns, ticket;   /* of this ticket; an empty ticket: of all */
	struct str id;           /* of this alert; empty: of all */
	bool       dead_only, failed;   /* failed: those, and what waits for another attempt */
	uint32_t   limit;        /* newest first; 1 to STORE_MAX_ROWS */
	const uint64_t *nos; size_t n_nos;   /* instead of all that: the rows of these numbers that are there and whole, in this order */
};
#define STORE_MAX_ROWS 1000
MUST_CHECK enum err store_list_deliveries(struct store *st, const struct store_filter *f, uint64_t cookie);

/* One ticket, open or closed, as last saved. */
MUST_CHECK enum err store_find_ticket(struct store *st, struct str ns, struct str ticket, uint64_t cookie);

/* Closed tickets, those over last first, from the one behind (before, ns, ticket) on: the last row of a page begins the next. WALL_NEVER: from the start. */
struct store_page { struct wall before; struct str ns, ticket; uint32_t limit; };
MUST_CHECK enum err store_list_closed(struct store *st, const struct store_page *p, uint64_t cookie);

/* ---- answers: store/answer.h; and how it is: store/health.h ---- */
int store_fd(const struct store *st);                    /* readable while there are answers */

/* Calls fn for the answers there are, for a millisecond or two: what is left makes store_fd() readable again. fn may queue jobs, but not poll. */
void store_poll(struct store *st, store_done_fn *fn, void *ctx);

#endif
