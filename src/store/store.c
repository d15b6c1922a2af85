/* The loop's side of the store: opening, queueing jobs, telling answers, closing. worker.c is the other one. */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "base/thread.h"
#include "base/xalloc.h"
#include "core/engine.h"
#include "store/backup.h"
#include "store/worker.h"

#define POLL_SLICE_MS 1

/* ---- opening ---- */

static void init_wake(struct store *st)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&st->lock, NULL);
	pthread_mutex_init(&st->reading, NULL);
	pthread_condattr_init(&attr);
	/* The thread sleeps by loop time: setting the system's clock must not wake it, nor keep it asleep. */
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&st->wake, &attr);
	pthread_condattr_destroy(&attr);
}

static void destroy(struct store *st)
{
	db_close(st->db);
	if (st->efd >= 0)
		close(st->efd);
	pthread_mutex_destroy(&st->lock);
	pthread_mutex_destroy(&st->reading);
	pthread_cond_destroy(&st->wake);
	bloom_finish(&st->over);
	batch_finish(&st->queue);
	batch_finish(&st->work);
	answers_finish(&st->polled);
	answers_finish(&st->answers);
	answers_finish(&st->out);
	for (size_t i = 0; i < st->n_tasks; i++)
		task_finish(&st->tasks[i]);
	free(st->tasks);
	free(st);
}

static enum err remember_closed(struct store *st, struct diag *d)
{
	sqlite3_stmt *s = db_stmt(st->db, Q_CLOSED_KEYS);
	int rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		bloom_add(&st->over, db_hash_key(st->db->key, column_str(s, 0), column_str(s, 1)));
	if (rc != SQLITE_DONE)
		db_explain(st->db, rc, d);
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? ERR_OK : db_err(rc);
}

enum err store_open(const struct store_options *opt, struct store **out, struct diag *d)
{
	struct db *db = NULL;
	enum err e = db_open(opt->path, opt->vfs, &db, d);

	if (e != ERR_OK)
		return e;

	struct store *st = xcalloc(1, sizeof *st);

	st->db = db;
	st->max_bytes = opt->max_bytes != 0 ? opt->max_bytes : STORE_QUEUE_BYTES;
	st->max_jobs = opt->max_jobs != 0 ? opt->max_jobs : STORE_QUEUE_JOBS;
	st->retry_ms = opt->retry_ms != 0 ? opt->retry_ms : MS_PER_S;
	st->seq = db->seq;
	init_wake(st);
	bloom_init(&st->over);
	batch_init(&st->queue);
	batch_init(&st->work);
	answers_init(&st->polled);
	answers_init(&st->answers);
	answers_init(&st->out);
	st->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (st->efd < 0) {
		diag_set(d, "eventfd: %s", strerror(errno));
		e = ERR_IO;
	} else {
		e = remember_closed(st, d);
	}
	if (e != ERR_OK) {
		destroy(st);
		return e;
	}
	*out = st;
	return ERR_OK;
}

struct sipkey store_key(const struct store *st)
{
	return st->db->key;
}

const char *store_id(const struct store *st)
{
	return st->db->id;
}

struct wall store_latest(const struct store *st)
{
	return st->db->latest;
}

enum err store_start(struct store *st, struct diag *d)
{
	enum err e = db_mark_used(st->db, d);
	int rc;

	/* A full disk is no reason not to watch: the thread will find it full, and say so. */
	if (e != ERR_OK && e != ERR_FULL)
		return e;
	rc = thread_start(&st->thread, worker_main, st);
	if (rc != 0) {
		diag_set(d, "the store's thread: %s", strerror(rc));
		return ERR_IO;
	}
	st->started = true;
	return ERR_OK;
}

/* What the thread left undone, after it ended. */
static enum err unkept(struct store *st, struct diag *d)
{
	size_t n = st->work.n - st->next + st->queue.n;

	if (st->state == STORE_DEAD) {
		diag_set(d, "%s", st->why.msg);
		return ERR_IO;
	}
	if (n != 0) {
		diag_set(d, "%zu changes could not be written: %s", n, st->why.msg);
		return ERR_FULL;
	}
	return ERR_OK;
}

enum err store_close(struct store *st, struct diag *d)
{
	enum err e = ERR_OK;

	if (st == NULL)
		return ERR_OK;
	if (st->started) {
		pthread_mutex_lock(&st->lock);
		st->stop = true;
		st->pushed = st->queue.n != 0;
		pthread_cond_signal(&st->wake);
		pthread_mutex_unlock(&st->lock);
		pthread_join(st->thread, NULL);
		e = unkept(st, d);
	}
	/* Without a start nothing was changed: but for the mark, which is as the last one left it. */
	if (e == ERR_OK && st->started)
		e = db_finish(st->db, d);
	/* Then everything is still in the log, where the next start finds it. */
	if (e == ERR_FULL && st->state == STORE_WELL) {
		log_warn("store", "close", "path=%s error=\"no room to move the log\"", st->db->path);
		e = ERR_OK;
	}
	destroy(st);
	return e;
}

/* ---- jobs ---- */

static bool has_room(const struct store *st, enum lane lane, size_t bytes)
{
	const struct lane_load *l = &st->load[lane];

	return l->jobs < st->max_jobs && bytes <= st->max_bytes && l->bytes <= st->max_bytes - bytes;
}

enum err job_begin(struct store *st, enum store_what what, size_t bytes, uint64_t cookie, struct job **job_out)
{
	enum lane lane = lane_of(what);
	enum err e = ERR_OK;

	pthread_mutex_lock(&st->lock);
	if (st->state == STORE_DEAD)
		e = ERR_IO;
	else if ((exec_may_refuse(what) && st->state == STORE_STALLED) || !has_room(st, lane, bytes))
		e = ERR_FULL;
	if (e != ERR_OK)
		pthread_mutex_unlock(&st->lock);
	else
		*job_out = batch_add(&st->queue, what, cookie);
	return e;
}

enum err job_end(struct store *st)
{
	batch_seal(&st->queue);

	const struct job *job = &st->queue.jobs[st->queue.n - 1];
	struct lane_load *l = &st->load[lane_of(job->what)];

	l->jobs++;
	l->bytes += job_bytes(job);
	pthread_mutex_unlock(&st->lock);
	return ERR_OK;
}

void job_drop(struct store *st)
{
	st->queue.n--;
	pthread_mutex_unlock(&st->lock);
}

void store_push(struct store *st)
{
	bool wake;

	pthread_mutex_lock(&st->lock);
	wake = st->queue.n != 0 && !st->pushed && !st->busy;
	st->pushed = st->queue.n != 0;
	pthread_mutex_unlock(&st->lock);
	/* Behind the lock, or it would wake only to wait for that; and one that is busy looks before it sleeps. */
	if (wake)
		pthread_cond_signal(&st->wake);
}

enum err store_append(struct store *st, const struct store_append *a)
{
	struct job *job;
	enum err e = job_begin(st, STORE_APPENDED, a->record.len + a->ns.len + a->ticket.len + 256, a->cookie, &job);

	if (e != ERR_OK)
		return e;
	buf_put_bytes(&st->queue.records, a->record);
	job->rec = st->queue.records.len - a->record.len;
	job->rec_len = a->record.len;
	job->n = 1;
	job->fetch = a->fetch;
	job->echo = a->echo;
	if (a->fetch) {
		pack_str(&st->queue.bytes, a->ns);
		pack_str(&st->queue.bytes, a->ticket);
	}
	return job_end(st);
}

enum err store_append_run(struct store *st, const struct str *records, uint32_t n, uint64_t cookie)
{
	size_t bytes = 256;
	struct job *job;
	enum err e;

	assert(n > 0 && n <= STORE_RUN);
	for (uint32_t i = 0; i < n; i++)
		bytes += records[i].len + VARINT_MAX;
	e = job_begin(st, STORE_APPENDED, bytes, cookie, &job);
	if (e != ERR_OK)
		return e;
	for (uint32_t i = 0; i < n; i++)
		buf_put_bytes(&st->queue.records, records[i]);
	job->rec_len = st->queue.records.len - job->rec;
	job->n = n;
	return job_end(st);
}

bool store_may_have(const struct store *st, struct str ns, struct str ticket)
{
	return st->over.n_filters > 0 && bloom_has(&st->over, db_hash_key(st->db->key, ns, ticket));
}

static size_t delivery_bytes(const struct delivery *v)
{
	return v->id.len + v->receiver.len + v->type.len + v->ns.len + v->ticket.len + v->body.len + v->detail.len + 256;
}

static enum err queue_delivery(struct store *st, enum store_what what, const struct delivery *row, uint64_t cookie)
{
	struct job *job;
	enum err e = job_begin(st, what, delivery_bytes(row), cookie, &job);

	if (e != ERR_OK)
		return e;
	pack_delivery(&st->queue.bytes, row);
	return job_end(st);
}

enum err store_put_delivery(struct store *st, const struct delivery *row, uint64_t cookie)
{
	return queue_delivery(st, STORE_PUT, row, cookie);
}

enum err store_settle(struct store *st, const struct delivery *row, uint64_t cookie)
{
	struct delivery slim = *row;

	/* Not needed to find the row, and not changed by it. */
	slim.type = slim.ns = slim.ticket = slim.body = (struct str){ NULL, 0 };
	return queue_delivery(st, STORE_SETTLED, &slim, cookie);
}

enum err store_save(struct store *st, const struct ticket_row *row, uint64_t cookie)
{
	uint64_t hash = db_hash_key(st->db->key, row->ns, row->ticket);
	struct job *job;
	enum err e = job_begin(st, STORE_SAVED, row->ns.len + row->ticket.len + row->contract.len + row->row.len + 256, cookie, &job);

	if (e != ERR_OK)
		return e;
	job->shadowed = bloom_has(&st->over, hash);
	if (row->over)
		bloom_add(&st->over, hash);
	pack_ticket(&st->queue.bytes, row);
	return job_end(st);
}

enum err store_put_revision(struct store *st, const struct store_revision *r, uint64_t cookie)
{
	struct job *job;
	enum err e = job_begin(st, STORE_REVISED, r->text.len + 256, cookie, &job);

	if (e != ERR_OK)
		return e;
	buf_put_zigzag(&st->queue.bytes, r->from.ms);
	buf_put_u64le(&st->queue.bytes, r->digest);
	pack_str(&st->queue.bytes, r->text);
	return job_end(st);
}

enum err store_trim(struct store *st, uint64_t seq, struct wall latest, uint64_t cookie)
{
	struct job *job;
	enum err e = job_begin(st, STORE_TRIMMED, 256, cookie, &job);

	if (e != ERR_OK)
		return e;
	buf_put_varint(&st->queue.bytes, seq);
	buf_put_zigzag(&st->queue.bytes, latest.ms);
	return job_end(st);
}

enum err store_sweep(struct store *st, struct wall limit, uint64_t cookie)
{
	struct job *job;
	enum err e = job_begin(st, STORE_SWEPT, 256, cookie, &job);

	if (e != ERR_OK)
		return e;
	buf_put_zigzag(&st->queue.bytes, limit.ms);
	return job_end(st);
}

enum err store_list_deliveries(struct store *st, const struct store_filter *f, uint64_t cookie)
{
	struct job *job;
	enum err e = job_begin(st, STORE_DELIVERIES, f->ns.len + f->ticket.len + f->id.len + f->n_nos * sizeof *f->nos + 256, cookie, &job);

	if (e != ERR_OK)
		return e;
	pack_str(&st->queue.bytes, f->ns);
	pack_str(&st->queue.bytes, f->ticket);
	pack_str(&st->queue.bytes, f->id);
	buf_put_varint(&st->queue.bytes, (unsigned)f->dead_only | (unsigned)f->failed << 1);
	buf_put_varint(&st->queue.bytes, f->limit < STORE_MAX_ROWS ? f->limit : STORE_MAX_ROWS);
	if (f->n_nos > 0)
		buf_append(&st->queue.bytes, f->nos, f->n_nos * sizeof *f->nos);
	return job_end(st);
}

enum err store_find_ticket(struct store *st, struct str ns, struct str ticket, uint64_t cookie)
{
	struct job *job;
	enum err e = job_begin(st, STORE_TICKET, ns.len + ticket.len + 256, cookie, &job);

	if (e != ERR_OK)
		return e;
	pack_str(&st->queue.bytes, ns);
	pack_str(&st->queue.bytes, ticket);
	return job_end(st);
}

enum err store_list_closed(struct store *st, const struct store_page *p, uint64_t cookie)
{
	struct job *job;
	enum err e = job_begin(st, STORE_CLOSED, p->ns.len + p->ticket.len + 256, cookie, &job);

	if (e != ERR_OK)
		return e;
	buf_put_zigzag(&st->queue.bytes, p->before.ms);
	pack_str(&st->queue.bytes, p->ns);
	pack_str(&st->queue.bytes, p->ticket);
	buf_put_varint(&st->queue.bytes, p->limit < STORE_MAX_ROWS ? p->limit : STORE_MAX_ROWS);
	return job_end(st);
}

enum err store_copy(struct store *st, uint64_t cookie)
{
	struct job *job;
	enum err e = job_begin(st, STORE_COPIED, 256, cookie, &job);

	return e != ERR_OK ? e : job_end(st);
}

/* ---- answers ---- */

int store_fd(const struct store *st)
{
	return st->efd;
}

static void announce(struct store *st)
{
	static const uint64_t one = 1;
	ssize_t put = write(st->efd, &one, sizeof one);

	/* EAGAIN: announced already, and more often than can be counted. */
	(void)put;
}

void store_poll(struct store *st, store_done_fn *fn, void *ctx)
{
	uint64_t count;
	ssize_t got = read(st->efd, &count, sizeof count);
	bool was_cut = st->polled.n > 0;

	/* EAGAIN: polled without need. */
	(void)got;
	if (st->polled.n == 0) {
		pthread_mutex_lock(&st->lock);
		answers_move(&st->polled, &st->answers);
		pthread_mutex_unlock(&st->lock);
	}
	st->told = answers_tell(&st->polled, st->told, POLL_SLICE_MS, fn, ctx);
	if (st->told == st->polled.n) {
		answers_reset(&st->polled);
		st->told = 0;
	}
	/* Answers that came while these were told in slices were announced to a poll that did not take them. */
	if (was_cut || st->polled.n > 0)
		announce(st);
}

void store_health(struct store *st, struct store_health *out)
{
	*out = (struct store_health){ .state = STORE_WELL };
	pthread_mutex_lock(&st->lock);
	out->state = st->state;
	memcpy(out->why, st->why.msg, sizeof out->why);
	for (size_t i = 0; i < LANE_N; i++) {
		out->n_queued += st->load[i].jobs;
		out->queued_bytes += st->load[i].bytes;
	}
	out->busy_ms = st->busy ? mono_now().ms - st->busy_since.ms : 0;
	out->n_commits = st->n_commits;
	out->n_events = st->n_events;
	out->seq = st->seq;
	out->wal_bytes = st->wal_bytes;
	pthread_mutex_unlock(&st->lock);
}
