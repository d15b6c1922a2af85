/*
 * The store's two sides: what the loop thread fills and reads (store.c), and the thread that has the disk (worker.c). Everything
 * between them is in the part under the lock.
 */
#ifndef PLAZO_STORE_WORKER_H
#define PLAZO_STORE_WORKER_H

#include <pthread.h>

#include "store/bloom.h"
#include "store/db.h"
#include "store/queue.h"
#include "store/exec.h"

/* What is queued and not yet answered. Events have limits of their own, so that alerts find room when events do not. */
enum lane { LANE_EVENTS, LANE_OTHERS, LANE_N };
struct lane_load { size_t jobs, bytes; };

struct store {
	/* set before the thread starts */
	struct db    *db;               /* the thread's, while it runs */
	size_t        max_bytes, max_jobs;
	int64_t       retry_ms;
	int           efd;              /* counts answers' arrivals */
	pthread_t     thread;
	bool          started;
	pthread_mutex_t reading;        /* who uses the connection, while store_load() reads ahead */

	/* the loop's */
	struct bloom  over;             /* tickets that are closed on disk, or soon will be */
	struct answers polled;          /* being told */
	size_t         told;            /* of `polled` */

	/* shared, under `lock` */
	pthread_mutex_t  lock;
	pthread_cond_t   wake;          /* `pushed` or `stop` */
	struct batch     queue;
	bool             pushed;        /* the loop is through with filling the queue */
	struct lane_load load[LANE_N];
	struct answers   answers;
	enum store_state state;
	struct diag      why;           /* of the other states than STORE_WELL */
	bool             stop;
	bool             busy;
	struct mono      busy_since;
	uint64_t         n_commits, n_events, seq, wal_bytes;
	uint64_t         epoch;         /* how often the disk began to refuse */

	/* the thread's */
	struct batch   work;            /* taken from the queue; those before `next` are done */
	size_t         next;
	size_t         rec_next;        /* end of the records that are done */
	struct task   *tasks;           /* owned; the first one has the next slice */
	size_t         n_tasks, cap_tasks;
	struct answers out;             /* of the transaction under way */
	bool           stalled;
	struct mono    retry_at;        /* while stalled */
	struct mono    idle_since;      /* last time something was written */
	struct mono    log_rest;        /* moving the log failed: not again before this */
};

enum lane lane_of(enum store_what what);

static inline struct mono mono_plus(struct mono t, int64_t ms)
{
	return (struct mono){ t.ms + ms };
}

/* ---- the loop's: store.c ---- */

/*
 * Begins a job: on ERR_OK the lock is held, the caller packs into st->queue.bytes and ends with job_end(). `bytes` is an estimate of its
 * size from above, so that a refusal comes before anything is copied.
 */
MUST_CHECK enum err job_begin(struct store *st, enum store_what what, size_t bytes, uint64_t cookie, struct job **job_out);
enum err job_end(struct store *st);              /* ERR_OK */
void job_drop(struct store *st);                 /* in its place: nothing was packed yet */

/* ---- the thread's: trouble.c ---- */

/* What is told with the next worker_publish(): the room of the jobs that are ended, and what was committed. */
struct release { struct lane_load lane[LANE_N]; uint64_t n_commits, n_events; };
void worker_release(struct release *rel, enum store_what what, size_t bytes);

/* Hands st->out over, and gives back the room of the jobs that it ends. */
void worker_publish(struct store *st, const struct release *rel);
void worker_set_state(struct store *st, enum store_state state, const struct diag *why);
int64_t worker_wal_bytes(const struct store *st);

enum task_kind { TASK_READS, TASK_WRITES };
void worker_add_task(struct store *st, const struct batch *b, const struct job *job);
void worker_drop_task(struct store *st, size_t i);
size_t worker_first_task(const struct store *st, enum task_kind kind);     /* n_tasks when there is none of the kind */
bool worker_has_task(const struct store *st, enum task_kind kind);

/* While stalled: adds what is queued to the work; events are refused, questions become tasks. */
void worker_take_stalled(struct store *st);

/* After a failure `rc`: back to before the transaction, and to `n_out` answers of `len_out` bytes; then stalled, or dead. True when work may go on. */
bool worker_failed(struct store *st, int rc, size_t n_out, size_t len_out);

/* ---- worker.c ---- */

/* The thread's function; returns when told to stop and all is done, or when the store is dead. */
void *worker_main(void *store);

#endif
