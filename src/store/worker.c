/*
 * The thread that has the disk. A turn is: take what was queued, do a bounded part of it in one transaction, tell the loop, then a
 * slice of something long, and the log when there is time. A failed write puts everything back but the events, which are refused.
 */
#include "store/worker.h"

#include <string.h>

#include "base/now.h"
#include "base/thread.h"

/* Bounds of one transaction: what was queued late should not wait long for what was queued before. */
#define COMMIT_BYTES ((size_t)16 << 20)
#define COMMIT_JOBS  16384         /* that are no events: in a flood each commit writes most pages of the indexes anew, so few are better than many */
#define COMMIT_MS    100           /* there are fewer where each takes long: the database is large, or the machine busy */

/*
 * When the log is moved into the database: at once past WAL_MAX, in a pause past WAL_SOME, and whatever is there in a long pause. Commits wait
 * meanwhile, some milliseconds for each megabyte or two.
 */
#define WAL_MAX      (INT64_C(4) << 20)
#define WAL_SOME     (INT64_C(2) << 20)
#define PAUSE_MS     250
#define LONG_PAUSE_MS 30000

#define READ_MS      2             /* of questions, between two commits */

#define PROBE_BYTES  65536

/* A commit waits for its turn after each sync, and everybody waits for the commit: a third of a millisecond and more where others keep both cores busy. */
#define SLICE_US     100

/* ---- taking ---- */

static void take(struct store *st)
{
	if (st->stalled) {
		worker_take_stalled(st);
		return;
	}
	if (st->next < st->work.n)
		return;
	batch_reset(&st->work);
	st->next = 0;
	st->rec_next = 0;

	pthread_mutex_lock(&st->lock);
	if (st->pushed) {
		struct batch taken = st->queue;

		st->queue = st->work;
		st->work = taken;
		st->pushed = false;
	}
	pthread_mutex_unlock(&st->lock);
}

/* ---- the log ---- */

static bool checkpoint(struct store *st)
{
	/* With one connection nothing stands in its way: "passive" moves all there is. */
	int rc = db_checkpoint(st->db, st->db->scrub ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);

	if (rc == SQLITE_OK) {
		st->db->scrub = false;
		return true;
	}
	if (db_may_retry(st->db, rc)) {
		/* The log stays as it is, and holds everything. The next write will tell if the disk is full. */
		st->log_rest = mono_plus(mono_now(), st->retry_ms);
		return true;
	}
	return worker_failed(st, rc, st->out.n, st->out.bytes.len);
}

/* ---- writing ---- */

/* What a transaction has come to. */
struct commit {
	size_t         next, rec_next;   /* of the work, once it is committed */
	uint64_t       n_events;
	size_t         n_saves, n_others, bytes;
	struct mono    until;            /* no more jobs from then on */
	size_t         n_tasks;          /* tasks that it found among the jobs begin here */
	bool           ended;            /* the slice it did was the last one of its task */
	struct release release;
};

static bool room(const struct commit *c)
{
	return c->n_saves < STORE_SAVES_PER_COMMIT && c->n_others < COMMIT_JOBS && c->bytes < COMMIT_BYTES &&
	       (c->next % 256 != 0 || mono_now().ms < c->until.ms);
}

static int do_job(struct store *st, const struct job *job, struct commit *c)
{
	int rc = SQLITE_OK;

	if (job->what == STORE_APPENDED) {
		rc = exec_event(st->db, &st->work, job, st->db->seq + c->n_events + 1, &st->out);
		c->n_events += job->n;
		c->rec_next = job->rec + job->rec_len;
	} else if (exec_is_task(job->what)) {
		worker_add_task(st, &st->work, job);
		return rc;
	} else {
		rc = exec_job(st->db, &st->work, job, st->db->seq + c->n_events, &st->out);
		c->n_saves += job->what == STORE_SAVED;
		c->n_others++;
	}
	c->bytes += job_bytes(job);
	worker_release(&c->release, job->what, job_bytes(job));
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
	size_t i = worker_first_task(st, TASK_WRITES);

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
	c->until = mono_plus(mono_now(), COMMIT_MS);
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
	size_t i = worker_first_task(st, TASK_WRITES);

	worker_release(rel, st->tasks[i].what, st->tasks[i].cost);
	worker_drop_task(st, i);
}

/* One transaction. False when the store is dead. */
static bool commit(struct store *st)
{
	struct commit c = { .next = st->next, .rec_next = st->rec_next, .n_tasks = st->n_tasks };
	size_t n_out = st->out.n, len_out = st->out.bytes.len;

	/* Questions alone need no transaction. */
	while (c.next < st->work.n && !exec_is_write(st->work.jobs[c.next].what))
		worker_add_task(st, &st->work, &st->work.jobs[c.next++]);
	st->next = c.next;
	c.n_tasks = st->n_tasks;
	if (c.next == st->work.n && !worker_has_task(st, TASK_WRITES) && !st->stalled)
		return true;

	int rc = fill_transaction(st, &c);

	if (rc != SQLITE_OK) {
		while (st->n_tasks > c.n_tasks)
			worker_drop_task(st, st->n_tasks - 1);
		return worker_failed(st, rc, n_out, len_out);
	}
	/* Before anybody is told that it is done. */
	if (c.ended && st->db->scrub && !checkpoint(st))
		return false;
	if (c.ended)
		end_write_task(st, &c.release);
	st->next = c.next;
	st->rec_next = c.rec_next;
	st->db->seq += c.n_events;
	st->idle_since = mono_now();
	c.release.n_commits = 1;
	c.release.n_events = c.n_events;
	if (st->stalled)
		worker_set_state(st, STORE_WELL, NULL);
	worker_publish(st, &c.release);
	/* Once nobody waits for it: the disk has it with the next commit. */
	db_lengthen_log(st->db);
	return true;
}

/* ---- reading ---- */

static bool stopping(struct store *st)
{
	pthread_mutex_lock(&st->lock);

	bool stop = st->stop;

	pthread_mutex_unlock(&st->lock);
	return stop;
}

static bool read_slice(struct store *st)
{
	size_t i = worker_first_task(st, TASK_READS);

	if (i == st->n_tasks)
		return true;

	struct release rel = { 0 };
	size_t n_out = st->out.n, len_out = st->out.bytes.len;
	bool finished;

	/* Nobody will be there to take it, and it may be long. */
	if (st->tasks[i].what == STORE_COPIED && stopping(st)) {
		worker_drop_task(st, i);
		return true;
	}

	int rc = task_step(st->db, &st->tasks[i], &st->out, &finished);
	struct task t = st->tasks[i];

	if (rc != SQLITE_OK && !db_may_retry(st->db, rc))
		return worker_failed(st, rc, n_out, len_out);
	if (rc != SQLITE_OK) {
		/* Out of memory, say: who asked may ask again. */
		answers_cut(&st->out, n_out, len_out);
		answers_add(&st->out, t.what, t.cookie, ERR_FULL)->done.last = true;
		finished = true;
	}
	if (finished) {
		worker_release(&rel, t.what, t.cost);
		worker_drop_task(st, i);
	} else {
		/* The others get their turn before its next slice. */
		memmove(&st->tasks[i], &st->tasks[i + 1], (st->n_tasks - i - 1) * sizeof t);
		st->tasks[st->n_tasks - 1] = t;
	}
	worker_publish(st, &rel);
	return true;
}

/* With one question between two commits, a thousand of them would wait for as many syncs of the disk. False when the store is dead. */
static bool read_slices(struct store *st)
{
	struct mono until = mono_plus(mono_now(), READ_MS);

	do {
		if (!read_slice(st))
			return false;
	} while (worker_has_task(st, TASK_READS) && mono_now().ms < until.ms);
	return true;
}

/* ---- the thread ---- */

/* When the log should be moved, if nothing comes before; far away when there is none. */
static struct mono checkpoint_at(const struct store *st)
{
	int64_t bytes = worker_wal_bytes(st);

	if (bytes == 0)
		return (struct mono){ INT64_MAX };

	struct mono at = mono_plus(st->idle_since, bytes > WAL_MAX ? 0 : bytes > WAL_SOME ? PAUSE_MS : LONG_PAUSE_MS);

	return at.ms > st->log_rest.ms ? at : st->log_rest;
}

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
	bool own = worker_has_task(st, TASK_READS) || (!st->stalled && (st->next < st->work.n || worker_has_task(st, TASK_WRITES)));
	struct mono until = st->stalled ? st->retry_at : checkpoint_at(st);
	bool go;

	pthread_mutex_lock(&st->lock);
	if (!st->pushed && !own && !st->stop) {
		st->busy = false;
		wait_until(st, until);
	}
	st->busy = true;
	st->busy_since = mono_now();
	go = own || st->pushed || !st->stop || st->stalled;
	pthread_mutex_unlock(&st->lock);
	return go;
}

/* While stalled. False when the store is dead, or should stop and cannot write. */
static bool stalled_turn(struct store *st)
{
	bool last = stopping(st);

	if (!read_slices(st))
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
	if (!commit(st) || !read_slices(st))
		return false;
	return st->stalled || mono_now().ms < checkpoint_at(st).ms || checkpoint(st);
}

void *worker_main(void *store)
{
	struct store *st = store;

	thread_set_slice(SLICE_US);
	st->idle_since = mono_now();
	while (wait_for_work(st) && turn(st))
		;
	pthread_mutex_lock(&st->lock);
	st->busy = false;
	pthread_mutex_unlock(&st->lock);
	return NULL;
}
