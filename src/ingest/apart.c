#include "apart.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/thread.h"
#include "base/xalloc.h"

struct queue { struct apart_job *first, **last; };

struct apart {
	apart_fn       *work, *back;
	void           *ctx;
	pthread_t       thread;
	pthread_mutex_t lock;          /* of all below but `event` */
	pthread_cond_t  wake;
	struct queue    todo, done;
	bool            stop;
	int             efd;           /* readable while something is done */
	struct event   *event;
};

static void queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void queue_put(struct queue *q, struct apart_job *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
}

static struct apart_job *queue_take(struct queue *q)
{
	struct apart_job *job = q->first;

	if (job != NULL && (q->first = job->next) == NULL)
		q->last = &q->first;
	return job;
}

/* ---- the thread ---- */

static struct apart_job *next_job(struct apart *a)
{
	struct apart_job *job = NULL;

	pthread_mutex_lock(&a->lock);
	while (!a->stop && (job = queue_take(&a->todo)) == NULL)
		pthread_cond_wait(&a->wake, &a->lock);
	pthread_mutex_unlock(&a->lock);
	return job;
}

static void *run(void *arg)
{
	struct apart *a = arg;
	struct apart_job *job;
	uint64_t one = 1;

	while ((job = next_job(a)) != NULL) {
		a->work(a->ctx, job);
		pthread_mutex_lock(&a->lock);
		queue_put(&a->done, job);
		pthread_mutex_unlock(&a->lock);
		/* A counter that is full is readable, too. */
		ssize_t n = write(a->efd, &one, sizeof(one));
		(void)n;
	}
	return NULL;
}

/* ---- the loop ---- */

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct apart *a = arg;
	struct queue done;
	struct apart_job *job;
	uint64_t n;
	ssize_t got = read(fd, &n, sizeof(n));

	(void)what;
	(void)got;
	pthread_mutex_lock(&a->lock);
	done = a->done;
	queue_init(&a->done);
	pthread_mutex_unlock(&a->lock);
	while ((job = done.first) != NULL) {
		done.first = job->next;
		a->back(a->ctx, job);
	}
}

void apart_put(struct apart *a, struct apart_job *job)
{
	pthread_mutex_lock(&a->lock);
	queue_put(&a->todo, job);
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
}

static void destroy(struct apart *a)
{
	if (a->event != NULL)
		event_free(a->event);
	if (a->efd >= 0)
		close(a->efd);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->wake);
	free(a);
}

struct apart *apart_create(struct event_base *base, apart_fn *work, apart_fn *back, void *ctx)
{
	struct apart *a = xcalloc(1, sizeof(*a));
	int rc = ENOMEM;

	a->work = work;
	a->back = back;
	a->ctx = ctx;
	queue_init(&a->todo);
	queue_init(&a->done);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->wake, NULL);
	a->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (a->efd < 0)
		rc = errno;
	else if ((a->event = event_new(base, a->efd, EV_READ | EV_PERSIST, on_done, a)) != NULL && event_add(a->event, NULL) == 0)
		rc = thread_start(&a->thread, run, a);
	if (rc == 0)
		return a;
	destroy(a);
	errno = rc;
	return NULL;
}

void apart_destroy(struct apart *a, apart_fn *drop)
{
	struct apart_job *job;

	if (a == NULL)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	while ((job = queue_take(&a->done)) != NULL || (job = queue_take(&a->todo)) != NULL)
		drop(a->ctx, job);
	destroy(a);
}
