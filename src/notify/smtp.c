#include "notify/smtp.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/now.h"
#include "base/thread.h"
#include "base/xalloc.h"
#include "notify/smtp_job.h"

#define LONGEST_JOIN_MS 2000      /* at the end of the process */

struct job_list { struct smtp_job *first, *last; };

struct smtp {
	int              fd;                      /* an eventfd: something is in `done` */
	struct event    *event;
	pthread_t        threads[SMTP_THREADS];
	size_t           n_threads;               /* started; the loop thread alone */
	pthread_mutex_t  lock;                    /* guards all below */
	pthread_cond_t   work, left;              /* there is work; a thread has left */
	struct job_list  todo, done;
	struct smtp_job *running[SMTP_THREADS];
	size_t           n_idle;                  /* threads that wait for work */
	size_t           n_left;                  /* threads that have ended */
	bool             stop;
};

static void list_put(struct job_list *l, struct smtp_job *job)
{
	job->next = NULL;
	if (l->last != NULL)
		l->last->next = job;
	else
		l->first = job;
	l->last = job;
}

static struct smtp_job *list_get(struct job_list *l)
{
	struct smtp_job *job = l->first;

	if (job != NULL) {
		l->first = job->next;
		if (l->first == NULL)
			l->last = NULL;
	}
	return job;
}

/* ---- the threads ---- */

struct seat { struct smtp *s; size_t i; };

static void run_one(struct smtp *s, size_t i, struct smtp_job *job)
{
	uint64_t one = 1;

	s->running[i] = job;
	pthread_mutex_unlock(&s->lock);
	smtp_job_run(job);
	pthread_mutex_lock(&s->lock);
	s->running[i] = NULL;
	list_put(&s->done, job);
	/* Full is impossible: the loop empties it, and 2^64 jobs are not. */
	if (write(s->fd, &one, sizeof(one)) < 0)
		abort();
}

static void *thread_main(void *ctx)
{
	struct seat seat = *(struct seat *)ctx;
	struct smtp *s = seat.s;
	struct smtp_job *job;

	free(ctx);
	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		job = list_get(&s->todo);
		if (job != NULL) {
			run_one(s, seat.i, job);
			continue;
		}
		s->n_idle++;
		pthread_cond_wait(&s->work, &s->lock);
		s->n_idle--;
	}
	s->n_left++;
	pthread_cond_signal(&s->left);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void start_thread(struct smtp *s)
{
	struct seat *seat = xcalloc(1, sizeof(*seat));

	*seat = (struct seat){ s, s->n_threads };
	if (thread_start(&s->threads[s->n_threads], thread_main, seat) == 0) {
		s->n_threads++;
	} else {
		free(seat);
		log_error("notify", "mail-thread", "detail=\"cannot start a thread for mail\" running=%zu", s->n_threads);
	}
}

/* ---- the loop's side ---- */

static void on_done(evutil_socket_t fd, short what, void *ctx)
{
	struct smtp *s = ctx;
	struct job_list done;
	struct smtp_job *job;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) < 0)
		return;
	pthread_mutex_lock(&s->lock);
	done = s->done;
	s->done = (struct job_list){ NULL, NULL };
	pthread_mutex_unlock(&s->lock);
	while ((job = list_get(&done)) != NULL) {
		if (job->fn != NULL)
			job->fn(job->ctx, &job->result);
		smtp_job_destroy(job);
	}
}

struct smtp *smtp_create(struct event_base *base)
{
	struct smtp *s = xcalloc(1, sizeof(*s));
	pthread_condattr_t monotonic;

	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->left, &monotonic);
	pthread_condattr_destroy(&monotonic);
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->fd >= 0)
		s->event = event_new(base, s->fd, EV_READ | EV_PERSIST, on_done, s);
	if (s->event == NULL || event_add(s->event, NULL) != 0) {
		smtp_destroy(s);
		return NULL;
	}
	return s;
}

static void destroy_list(struct job_list *l)
{
	struct smtp_job *job;

	while ((job = list_get(l)) != NULL)
		smtp_job_destroy(job);
}

/* False when some had to be left to themselves. */
static bool join_all(struct smtp *s)
{
	int64_t end_ms = mono_now().ms + LONGEST_JOIN_MS;
	struct timespec end = { end_ms / MS_PER_S, end_ms % MS_PER_S * 1000000 };
	bool all;

	pthread_mutex_lock(&s->lock);
	while (s->n_left < s->n_threads && pthread_cond_timedwait(&s->left, &s->lock, &end) == 0)
		;
	all = s->n_left == s->n_threads;
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < s->n_threads; i++)
		all ? pthread_join(s->threads[i], NULL) : pthread_detach(s->threads[i]);
	return all;
}

void smtp_destroy(struct smtp *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	for (size_t i = 0; i < SMTP_THREADS; i++)
		if (s->running[i] != NULL)
			atomic_store(&s->running[i]->abort, true);
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->lock);
	if (s->event != NULL)
		event_free(s->event);
	/* A thread that a server keeps waiting at QUIT cannot be called off. It is left behind, with all that it may still touch. */
	if (!join_all(s)) {
		log_warn("notify", "mail-threads", "detail=\"a mail server does not let go, its thread is left behind\"");
		return;
	}
	destroy_list(&s->todo);
	destroy_list(&s->done);
	if (s->fd >= 0)
		close(s->fd);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->left);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct smtp_job *smtp_start(struct smtp *s, const struct smtp_request *rq, smtp_done_fn *fn, void *ctx)
{
	struct smtp_job *job = smtp_job_create(rq);
	bool need;

	job->fn = fn;
	job->ctx = ctx;
	pthread_mutex_lock(&s->lock);
	list_put(&s->todo, job);
	need = s->n_idle == 0 && s->n_threads < SMTP_THREADS;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
	if (need)
		start_thread(s);
	return job;
}

void smtp_cancel(struct smtp *s, struct smtp_job *job)
{
	(void)s;
	job->fn = NULL;
	atomic_store(&job->abort, true);
}
