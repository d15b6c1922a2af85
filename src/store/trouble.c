/*
 * Jobs between the queue and the disk: how their answers and their room are given back, and what becomes of them when the disk fails.
 */
#include "store/worker.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "base/xalloc.h"

enum lane lane_of(enum store_what what)
{
	return what == STORE_APPENDED ? LANE_EVENTS : LANE_OTHERS;
}

int64_t worker_wal_bytes(const struct store *st)
{
	return (int64_t)st->db->wal_pages * DB_LOG_FRAME;
}

/* ---- answers ---- */

void worker_release(struct release *rel, enum store_what what, size_t bytes)
{
	struct lane_load *l = &rel->lane[lane_of(what)];

	l->jobs++;
	l->bytes += bytes;
}

void worker_publish(struct store *st, const struct release *rel)
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
	st->n_commits += rel->n_commits;
	st->n_events += rel->n_events;
	st->seq = st->db->seq;
	st->wal_bytes = (uint64_t)worker_wal_bytes(st);
	pthread_mutex_unlock(&st->lock);
	if (any && write(st->efd, &one, sizeof one) != (ssize_t)sizeof one)
		log_error("store", "eventfd", "errno=%d", errno);
}

void worker_set_state(struct store *st, enum store_state state, const struct diag *why)
{
	pthread_mutex_lock(&st->lock);
	st->state = state;
	st->epoch += state != STORE_WELL;
	st->why = why != NULL ? *why : (struct diag){ .line = 0 };
	pthread_mutex_unlock(&st->lock);
	st->stalled = state == STORE_STALLED;
	if (state == STORE_WELL)
		log_notice("store", "writable", "path=%s", st->db->path);
	else
		log_error("store", state == STORE_DEAD ? "dead" : "stalled", "error=\"%s\"", why != NULL ? why->msg : "");
}

/* ---- taking ---- */

void worker_add_task(struct store *st, const struct batch *b, const struct job *job)
{
	if (st->n_tasks == st->cap_tasks) {
		st->cap_tasks = st->cap_tasks != 0 ? st->cap_tasks * 2 : 16;
		st->tasks = xreallocarray(st->tasks, st->cap_tasks, sizeof *st->tasks);
	}
	task_init(&st->tasks[st->n_tasks++], b, job);
}

void worker_drop_task(struct store *st, size_t i)
{
	task_finish(&st->tasks[i]);
	st->n_tasks--;
	memmove(&st->tasks[i], &st->tasks[i + 1], (st->n_tasks - i) * sizeof *st->tasks);
}

size_t worker_first_task(const struct store *st, enum task_kind kind)
{
	size_t i = 0;

	while (i < st->n_tasks && exec_is_write(st->tasks[i].what) != (kind == TASK_WRITES))
		i++;
	return i;
}

bool worker_has_task(const struct store *st, enum task_kind kind)
{
	return worker_first_task(st, kind) < st->n_tasks;
}

static void refuse(struct answers *out, const struct batch *b, const struct job *job, enum err err)
{
	struct answer *x = answers_add(out, job->what, job->cookie, err);

	x->done.n = job->n;
	x->done.last = !exec_is_write(job->what);
	if (job->echo)
		answers_set_record(out, x, job_record(b, job));
}

/*
 * Adds what is queued to what waits for the disk, without events and revisions, which are refused; questions are answered meanwhile. Needed
 * only while stalled: otherwise the queue is taken whole, by exchange.
 */
static void merge(struct store *st, struct batch *from, size_t first, struct batch *to, struct release *rel)
{
	for (size_t i = first; i < from->n; i++) {
		const struct job *job = &from->jobs[i];

		if (exec_may_refuse(job->what)) {
			if (job->what == STORE_APPENDED || job->cookie != 0)
				refuse(&st->out, from, job, ERR_FULL);
			worker_release(rel, job->what, job_bytes(job));
		} else if (!exec_is_write(job->what)) {
			worker_add_task(st, from, job);
		} else {
			batch_copy(to, from, job);
		}
	}
}

void worker_take_stalled(struct store *st)
{
	struct batch queued, empty;
	struct release rel = { 0 };

	batch_init(&empty);
	pthread_mutex_lock(&st->lock);
	queued = st->queue;
	st->queue = empty;
	st->pushed = false;
	pthread_mutex_unlock(&st->lock);
	merge(st, &queued, 0, &st->work, &rel);
	batch_finish(&queued);
	worker_publish(st, &rel);
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

	st->retry_at = mono_plus(mono_now(), st->retry_ms);
	if (!st->stalled)
		worker_set_state(st, STORE_STALLED, why);
	batch_init(&waiting);
	merge(st, &st->work, st->next, &waiting, &rel);
	batch_finish(&st->work);
	st->work = waiting;
	st->next = 0;
	st->rec_next = 0;
	worker_publish(st, &rel);
	worker_take_stalled(st);
}

static void answer_dead(struct store *st, const struct batch *b, size_t first, struct release *rel)
{
	for (size_t i = first; i < b->n; i++) {
		refuse(&st->out, b, &b->jobs[i], ERR_IO);
		worker_release(rel, b->jobs[i].what, job_bytes(&b->jobs[i]));
	}
}

/* Nothing that is asked from now on can be promised: everybody is told, and the thread ends. */
static void die(struct store *st, const struct diag *why)
{
	struct batch queued, empty;
	struct release rel = { 0 };

	worker_set_state(st, STORE_DEAD, why);
	batch_init(&empty);
	pthread_mutex_lock(&st->lock);
	queued = st->queue;
	st->queue = empty;
	st->pushed = false;
	pthread_mutex_unlock(&st->lock);
	answer_dead(st, &st->work, st->next, &rel);
	answer_dead(st, &queued, 0, &rel);
	batch_finish(&queued);
	batch_reset(&st->work);
	st->next = 0;
	while (st->n_tasks != 0) {
		struct task *t = &st->tasks[0];

		answers_add(&st->out, t->what, t->cookie, ERR_IO)->done.last = !exec_is_write(t->what);
		worker_release(&rel, t->what, t->cost);
		worker_drop_task(st, 0);
	}
	worker_publish(st, &rel);
}

bool worker_failed(struct store *st, int rc, size_t n_out, size_t len_out)
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
