/*
 * The thread that has the disk. A turn is: take what was queued, do a bounded part of it in one transaction, tell the loop, then a
 * slice of something long, and the log when there is time. A failed write puts everything back but the events, which are refused.
 */
#include "store/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "base/xalloc.h"

/* Bounds of one transaction: what was queued late should not wait long for what was queued before. */
#define COMMIT_BYTES ((size_t)16 << 20)
#define COMMIT_JOBS  4096          /* that are no events */

/* When the log is moved into the database: at once past WAL_MAX, in a pause past WAL_SOME, and whatever is there in a long pause. */
#define WAL_MAX      (INT64_C(64) << 20)
#define WAL_SOME     (INT64_C(4) << 20)
#define PAUSE_MS     250
#define LONG_PAUSE_MS 30000

#define PROBE_BYTES  65536

enum lane lane_of(enum store_what what)
{
	return what == STORE_APPENDED ? LANE_EVENTS : LANE_OTHERS;
}

static int64_t wal_bytes(const struct store *st)
{
	return (int64_t)st->db->wal_pages * (DB_PAGE_SIZE + 24);
}

static struct mono plus(struct mono t, int64_t ms)
{
	return (struct mono){ t.ms + ms };
}

/* ---- answers ---- */

struct release { struct lane_load lane[LANE_N]; };

static void release_job(struct release *rel, enum store_what what, size_t bytes)
{
	struct lane_load *l = &rel->lane[lane_of(what)];

	l->jobs++;
	l->bytes += bytes;
}

/* Hands the answers over, and gives back the room of the jobs that they end. */
static void publish(struct store *st, const struct release *rel)
{
	uint64_t one = 1;
	bool any = st->out.n != 0;

	pthread_mutex_lock(&st->lock);
	for (size_t i = 0; i < LANE_N; i++) {
		st->load[i].jobs -= rel->lane[i].jobs;
		st->load[i].bytes -= rel->lane[i].bytes;
	}
	if (any)
		answers_move(&st->answers, &st->out);
	st->seq = st->db->seq;
	st->wal_bytes = (uint64_t)wal_bytes(st);
	pthread_mutex_unlock(&st->lock);
	if (any && write(st->efd, &one, sizeof one) != (ssize_t)sizeof one)
		log_error("store", "eventfd", "errno=%d", errno);
}

static void set_state(struct store *st, enum store_state state, const struct diag *why)
{
	pthread_mutex_lock(&st->lock);
	st->state = state;
	st->why = why != NULL ? *why : (struct diag){ .line = 0 };
	pthread_mutex_unlock(&st->lock);
	st->stalled = state == STORE_STALLED;
	if (state == STORE_WELL)
		log_notice("store", "writable", "path=%s", st->db->path);
	else
		log_error("store", state == STORE_DEAD ? "dead" : "stalled", "error=\"%s\"", why != NULL ? why->msg : "");
}

/* ---- taking ---- */

static void add_task(struct store *st, const struct batch *b, const struct job *job)
{
	if (st->n_tasks == st->cap_tasks) {
		st->cap_tasks = st->cap_tasks != 0 ? st->cap_tasks * 2 : 16;
		st->tasks = xreallocarray(st->tasks, st->cap_tasks, sizeof *st->tasks);
	}
	task_init(&st->tasks[st->n_tasks++], b, job);
}

static void drop_task(struct store *st, size_t i)
{
	task_finish(&st->tasks[i]);
	st->n_tasks--;
	memmove(&st->tasks[i], &st->tasks[i + 1], (st->n_tasks - i) * sizeof *st->tasks);
}

enum task_kind { TASK_READS, TASK_WRITES };

/* The index of the first of the kind, or n_tasks. */
static size_t first_task(const struct store *st, enum task_kind kind)
{
	size_t i = 0;

	while (i < st->n_tasks && exec_is_write(st->tasks[i].what) != (kind == TASK_WRITES))
		i++;
	return i;
}

static bool has_task(const struct store *st, enum task_kind kind)
{
	return first_task(st, kind) < st->n_tasks;
}

/*
 * Adds what is queued to what waits for the disk, without the events, which are refused; questions are answered meanwhile. Needed only while stalled:
 * otherwise the queue is taken whole, by exchange.
 */
static void merge(struct store *st, struct batch *from, size_t first, struct batch *to, struct release *rel)
{
	for (size_t i = first; i < from->n; i++) {
		const struct job *job = &from->jobs[i];

		if (job->what == STORE_APPENDED) {
			answers_add(&st->out, job->what, job->cookie, ERR_FULL);
			release_job(rel, job->what, job_bytes(job));
		} else if (!exec_is_write(job->what)) {
			add_task(st, from, job);
		} else {
			batch_copy(to, from, job);
		}
	}
}

static void take_stalled(struct store *st)
{
	struct batch queued, empty;
	struct release rel = { 0 };

	batch_init(&empty);
	pthread_mutex_lock(&st->lock);
	queued = st->queue;
	st->queue = empty;
	pthread_mutex_unlock(&st->lock);
	merge(st, &queued, 0, &st->work, &rel);
	batch_finish(&queued);
	publish(st, &rel);
}

static void take(struct store *st)
{
	if (st->stalled) {
		take_stalled(st);
		return;
	}
	if (st->next < st->work.n)
		return;
	batch_reset(&st->work);
	st->next = 0;
	st->rec_next = 0;

	pthread_mutex_lock(&st->lock);

	struct batch taken = st->queue;

	st->queue = st->work;
	pthread_mutex_unlock(&st->lock);
	st->work = taken;
}

/* ---- failing ---- */

static void roll_back(struct store *st)
{
	for (size_t i = 0; i < Q_N; i++)
		sqlite3_reset(st->db->stmt[i]);
	if (sqlite3_get_autocommit(st->db->handle) == 0)
		db_run(st->db, Q_ROLLBACK);
	sqlite3_reset(st->db->stmt[Q_ROLLBACK]);
}

/* The disk takes nothing now: events are refused, the rest waits in its order. */
static void stall(struct store *st, const struct diag *why)
{
	struct batch waiting;
	struct release rel = { 0 };

	st->retry_at = plus(mono_now(), st->retry_ms);
	if (!st->stalled)
		set_state(st, STORE_STALLED, why);
	batch_init(&waiting);
	merge(st, &st->work, st->next, &waiting, &rel);
	batch_finish(&st->work);
	st->work = waiting;
	st->next = 0;
	st->rec_next = 0;
	publish(st, &rel);
	take_stalled(st);
}

static void answer_dead(struct store *st, const struct batch *b, size_t first, struct release *rel)
{
	for (size_t i = first; i < b->n; i++) {
		answers_add(&st->out, b->jobs[i].what, b->jobs[i].cookie, ERR_IO)->done.last = !exec_is_write(b->jobs[i].what);
		release_job(rel, b->jobs[i].what, job_bytes(&b->jobs[i]));
	}
}

/* Nothing that is asked from now on can be promised: everybody is told, and the thread ends. */
static void die(struct store *st, const struct diag *why)
{
	struct batch queued, empty;
	struct release rel = { 0 };

	set_state(st, STORE_DEAD, why);
	batch_init(&empty);
	pthread_mutex_lock(&st->lock);
	queued = st->queue;
	st->queue = empty;
	pthread_mutex_unlock(&st->lock);
	answer_dead(st, &st->work, st->next, &rel);
	answer_dead(st, &queued, 0, &rel);
	batch_finish(&queued);
	batch_reset(&st->work);
	st->next = 0;
	while (st->n_tasks != 0) {
		struct task *t = &st->tasks[0];

		answers_add(&st->out, t->what, t->cookie, ERR_IO)->done.last = !exec_is_write(t->what);
		release_job(&rel, t->what, t->cost);
		drop_task(st, 0);
	}
	publish(st, &rel);
}

/* True when work may go on. */
static bool failed(struct store *st, int rc, size_t n_out, size_t len_out)
{
	struct diag why;
	bool may_retry = db_may_retry(st->db, rc);

	db_explain(st->db, rc, &why);
	roll_back(st);
	answers_cut(&st->out, n_out, len_out);
	if (may_retry)
		stall(st, &why);
	else
		die(st, &why);
	return may_retry;
}

/* ---- writing ---- */

/* What a transaction has come to. */
struct commit {
	size_t         next, rec_next;   /* of the work, once it is committed */
	uint64_t       n_events;
	size_t         n_saves, n_others, bytes;
	size_t         n_tasks;          /* tasks that it found among the jobs begin here */
	bool           ended;            /* the slice it did was the last one of its task */
	struct release release;
};

static bool room(const struct commit *c)
{
	return c->n_saves < STORE_SAVES_PER_COMMIT && c->n_others < COMMIT_JOBS && c->bytes < COMMIT_BYTES;
}

static int do_job(struct store *st, const struct job *job, struct commit *c)
{
	int rc = SQLITE_OK;

	if (job->what == STORE_APPENDED) {
		rc = exec_event(st->db, &st->work, job, st->db->seq + c->n_events + 1, &st->out);
		c->n_events++;
		c->rec_next = job->rec + job->rec_len;
	} else if (exec_is_task(job->what)) {
		add_task(st, &st->work, job);
		return rc;
	} else {
		rc = exec_job(st->db, &st->work, job, st->db->seq + c->n_events, &st->out);
		c->n_saves += job->what == STORE_SAVED;
		c->n_others++;
	}
	c->bytes += job_bytes(job);
	release_job(&c->release, job->what, job_bytes(job));
	return rc;
}

/* A full disk may still have room for a little; what waits should not be begun for that. */
static int probe(struct store *st)
{
	static const char zeros[PROBE_BYTES];

	return db_meta_put(st->db, "probe", (struct str){ zeros, sizeof zeros });
}

/* The first task that writes gets a slice. */
static int write_slice(struct store *st, struct commit *c)
{
	size_t i = first_task(st, TASK_WRITES);

	return i < st->n_tasks ? task_step(st->db, &st->tasks[i], &st->out, &c->ended) : SQLITE_OK;
}

static int fill_transaction(struct store *st, struct commit *c)
{
	int rc = db_run(st->db, Q_BEGIN);

	if (rc == SQLITE_OK && st->stalled)
		rc = probe(st);
	/* Before the jobs, so that its answer, too, comes after those of the jobs that were queued before it. */
	if (rc == SQLITE_OK)
		rc = write_slice(st, c);
	while (rc == SQLITE_OK && c->next < st->work.n && room(c)) {
		rc = do_job(st, &st->work.jobs[c->next], c);
		c->next++;
	}
	if (rc == SQLITE_OK && c->n_events != 0) {
		struct str records = { st->work.records.p + st->rec_next, c->rec_next - st->rec_next };

		rc = exec_journal(st->db, st->db->seq + 1, c->n_events, records);
	}
	return rc == SQLITE_OK ? db_run(st->db, Q_COMMIT) : rc;
}

static void end_write_task(struct store *st, struct release *rel)
{
	size_t i = first_task(st, TASK_WRITES);

	release_job(rel, st->tasks[i].what, st->tasks[i].cost);
	drop_task(st, i);
}

/* One transaction. False when the store is dead. */
static bool commit(struct store *st)
{
	struct commit c = { .next = st->next, .rec_next = st->rec_next, .n_tasks = st->n_tasks };
	size_t n_out = st->out.n, len_out = st->out.bytes.len;

	/* Questions alone need no transaction. */
	while (c.next < st->work.n && !exec_is_write(st->work.jobs[c.next].what))
		add_task(st, &st->work, &st->work.jobs[c.next++]);
	st->next = c.next;
	c.n_tasks = st->n_tasks;
	if (c.next == st->work.n && !has_task(st, TASK_WRITES) && !st->stalled)
		return true;

	int rc = fill_transaction(st, &c);

	if (rc != SQLITE_OK) {
		while (st->n_tasks > c.n_tasks)
			drop_task(st, st->n_tasks - 1);
		return failed(st, rc, n_out, len_out);
	}
	if (c.ended)
		end_write_task(st, &c.release);
	st->next = c.next;
	st->rec_next = c.rec_next;
	st->db->seq += c.n_events;
	st->idle_since = mono_now();
	pthread_mutex_lock(&st->lock);
	st->n_commits++;
	st->n_events += c.n_events;
	pthread_mutex_unlock(&st->lock);
	if (st->stalled)
		set_state(st, STORE_WELL, NULL);
	publish(st, &c.release);
	return true;
}

/* ---- reading ---- */

static bool read_slice(struct store *st)
{
	size_t i = first_task(st, TASK_READS);

	if (i == st->n_tasks)
		return true;

	struct task t = st->tasks[i];
	struct release rel = { 0 };
	size_t n_out = st->out.n, len_out = st->out.bytes.len;
	bool finished;
	int rc = task_step(st->db, &t, &st->out, &finished);

	if (rc != SQLITE_OK)
		return failed(st, rc, n_out, len_out);
	/* The others get their turn before its next slice. */
	memmove(&st->tasks[i], &st->tasks[i + 1], (st->n_tasks - i - 1) * sizeof t);
	st->tasks[st->n_tasks - 1] = t;
	if (finished) {
		release_job(&rel, t.what, t.cost);
		drop_task(st, st->n_tasks - 1);
	}
	publish(st, &rel);
	return true;
}

/* ---- the log ---- */

static bool checkpoint(struct store *st)
{
	/* With one connection nothing stands in its way: "passive" moves all there is. */
	int rc = db_checkpoint(st->db, SQLITE_CHECKPOINT_PASSIVE);

	if (rc == SQLITE_OK)
		return true;
	if (db_may_retry(st->db, rc)) {
		/* The log stays as it is, and holds everything. The next write will tell if the disk is full. */
		st->log_rest = plus(mono_now(), st->retry_ms);
		return true;
	}
	return failed(st, rc, st->out.n, st->out.bytes.len);
}

/* When the log should be moved, if nothing comes before; far away when there is none. */
static struct mono checkpoint_at(const struct store *st)
{
	int64_t bytes = wal_bytes(st);

	if (bytes == 0)
		return (struct mono){ INT64_MAX };

	struct mono at = plus(st->idle_since, bytes > WAL_MAX ? 0 : bytes > WAL_SOME ? PAUSE_MS : LONG_PAUSE_MS);

	return at.ms > st->log_rest.ms ? at : st->log_rest;
}

/* ---- the thread ---- */

static void wait_until(struct store *st, struct mono until)
{
	struct timespec ts = { .tv_sec = until.ms / 1000, .tv_nsec = until.ms % 1000 * 1000000 };

	if (until.ms == INT64_MAX)
		pthread_cond_wait(&st->wake, &st->lock);
	else
		pthread_cond_timedwait(&st->wake, &st->lock, &ts);
}

/* Sleeps until there is something to do. False when asked to stop and nothing is left that could be done. */
static bool wait_for_work(struct store *st)
{
	bool own = has_task(st, TASK_READS) || (!st->stalled && (st->next < st->work.n || has_task(st, TASK_WRITES)));
	struct mono until = st->stalled ? st->retry_at : checkpoint_at(st);
	bool go;

	pthread_mutex_lock(&st->lock);
	if (st->queue.n == 0 && !own && !st->stop) {
		st->busy = false;
		wait_until(st, until);
	}
	st->busy = true;
	st->busy_since = mono_now();
	go = own || st->queue.n != 0 || !st->stop || st->stalled;
	pthread_mutex_unlock(&st->lock);
	return go;
}

static bool stopping(struct store *st)
{
	pthread_mutex_lock(&st->lock);

	bool stop = st->stop;

	pthread_mutex_unlock(&st->lock);
	return stop;
}

/* While stalled. False when the store is dead, or should stop and cannot write. */
static bool stalled_turn(struct store *st)
{
	bool last = stopping(st);

	if (!read_slice(st))
		return false;
	if (!last && mono_now().ms < st->retry_at.ms)
		return true;
	/* Moving the log may need no room, and lets it be used from its start. */
	if (!checkpoint(st) || !commit(st))
		return false;
	return !last || !st->stalled;
}

static bool turn(struct store *st)
{
	take(st);
	if (st->stalled)
		return stalled_turn(st);
	if (!commit(st) || !read_slice(st))
		return false;
	return st->stalled || mono_now().ms < checkpoint_at(st).ms || checkpoint(st);
}

void *worker_main(void *store)
{
	struct store *st = store;

	st->idle_since = mono_now();
	while (wait_for_work(st) && turn(st))
		;
	pthread_mutex_lock(&st->lock);
	st->busy = false;
	pthread_mutex_unlock(&st->lock);
	return NULL;
}
