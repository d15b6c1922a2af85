#include "notify/flight.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/now.h"
#include "base/thread.h"
#include "base/xalloc.h"

/* Each receiver has a bound of its own, so this one is but a net: several receivers may share a host, and a dead one of them must not use up the others' connections. */
#define MAX_HOST_CONNECTIONS 128L
/* libcurl counts those in use, too: were this less than may fly at once (256), many that hang would cost everybody else the connections that are kept. */
#define MAX_KEPT_CONNECTIONS 320L
#define EVENTS_AT_ONCE       64
#define LONGEST_SLEEP_MS     60000

struct list { struct flight *first, *last; };

/* What the thread is told; each includes those before it. */
enum order { ORDER_BEGIN, ORDER_RECALL, ORDER_STOP };   /* what was put begins; what was cancelled comes back; all does, and the thread ends */

struct flights {
	const struct flight_ops *ops;
	void           *ctx;
	/* the loop's */
	struct event   *event;
	struct list     waiting;                 /* for flights_go() */
	pthread_t       thread;
	bool            runs;
	/* of both, under the lock */
	pthread_mutex_t lock;
	struct list     todo, done;
	enum order      order;
	bool            asleep;                  /* the thread has to be woken */
	int             to_thread, to_loop;      /* eventfds */
	_Atomic int64_t busy_since_ms;           /* loop time; 0: the thread waits */
	/* the thread's */
	CURLM          *multi;
	int             epoll;
	struct list     flying, landed;
	int64_t         alarm_ms;                /* loop time at which libcurl wants to look at its timers; INT64_MAX: never */
};

/* ---- lists ---- */

static void list_put(struct list *l, struct flight *fl)
{
	fl->prev = l->last;
	fl->next = NULL;
	if (l->last != NULL)
		l->last->next = fl;
	else
		l->first = fl;
	l->last = fl;
}

static void list_remove(struct list *l, struct flight *fl)
{
	if (fl->prev != NULL)
		fl->prev->next = fl->next;
	else
		l->first = fl->next;
	if (fl->next != NULL)
		fl->next->prev = fl->prev;
	else
		l->last = fl->prev;
}

static struct flight *list_get(struct list *l)
{
	struct flight *fl = l->first;

	if (fl != NULL)
		list_remove(l, fl);
	return fl;
}

/* All of `from`, behind what is there. */
static void list_move(struct list *l, struct list *from)
{
	if (from->first == NULL)
		return;
	from->first->prev = l->last;
	if (l->last != NULL)
		l->last->next = from->first;
	else
		l->first = from->first;
	l->last = from->last;
	*from = (struct list){ NULL, NULL };
}

/* A counter that is full is readable, too. */
static void wake(int fd)
{
	uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n;
}

static void woken(int fd)
{
	uint64_t n;
	ssize_t got = read(fd, &n, sizeof(n));

	(void)got;
}

/* ---- the thread: flights begin and end ---- */

static void begin(struct flights *f, struct flight *fl)
{
	bool called_off = atomic_load(&fl->cancelled);

	fl->easy = called_off ? NULL : f->ops->begin(f->ctx, fl);
	if (fl->easy == NULL) {
		list_put(&f->landed, fl);
		return;
	}
	if (curl_easy_setopt(fl->easy, CURLOPT_PRIVATE, fl) != CURLE_OK || curl_multi_add_handle(f->multi, fl->easy) != CURLM_OK) {
		f->ops->end(f->ctx, fl, CURLE_FAILED_INIT);
		list_put(&f->landed, fl);
		return;
	}
	list_put(&f->flying, fl);
}

static void end(struct flights *f, struct flight *fl, CURLcode code)
{
	curl_multi_remove_handle(f->multi, fl->easy);
	list_remove(&f->flying, fl);
	f->ops->end(f->ctx, fl, code);
	list_put(&f->landed, fl);
}

static void call_off(struct flights *f, enum order o)
{
	struct flight *next;

	for (struct flight *fl = f->flying.first; fl != NULL; fl = next) {
		next = fl->next;
		if (o == ORDER_STOP || atomic_load(&fl->cancelled))
			end(f, fl, CURLE_ABORTED_BY_CALLBACK);
	}
}

/* What has ended goes back to the loop. */
static void land(struct flights *f)
{
	struct flight *fl = NULL;
	CURLMsg *m;
	bool first;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE && curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&fl) == CURLE_OK && fl != NULL)
			end(f, fl, m->data.result);
	if (f->landed.first == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	first = f->done.first == NULL;
	list_move(&f->done, &f->landed);
	pthread_mutex_unlock(&f->lock);
	if (first)
		wake(f->to_loop);
}

/* ---- libcurl to epoll: no call of libcurl but curl_multi_assign in here ---- */

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct flights *f = ctx;
	struct epoll_event ev = { .data.fd = fd };

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(f->epoll, EPOLL_CTL_DEL, fd, NULL);
		curl_multi_assign(f->multi, fd, NULL);
		return 0;
	}
	ev.events = ((what & CURL_POLL_IN) ? (uint32_t)EPOLLIN : 0) | ((what & CURL_POLL_OUT) ? (uint32_t)EPOLLOUT : 0);
	/* A socket that cannot be watched ends by its timeout: -1 from here would break every other transfer too. */
	epoll_ctl(f->epoll, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &ev);
	curl_multi_assign(f->multi, fd, f);
	return 0;
}

static int timer_wanted(CURLM *multi, long ms, void *ctx)
{
	struct flights *f = ctx;

	(void)multi;
	/* Of a millisecond that has begun, the rest is to be waited for as well. */
	f->alarm_ms = ms < 0 ? INT64_MAX : ms == 0 ? 0 : mono_now().ms + ms + 1;
	return 0;
}

/* ---- epoll to libcurl ---- */

static void ring(struct flights *f)
{
	int running;

	if (f->alarm_ms > 0 && (f->alarm_ms == INT64_MAX || f->alarm_ms > mono_now().ms))
		return;
	f->alarm_ms = INT64_MAX;
	curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static int until_alarm(const struct flights *f)
{
	int64_t ms = f->alarm_ms == INT64_MAX ? LONGEST_SLEEP_MS : f->alarm_ms == 0 ? 0 : f->alarm_ms - mono_now().ms;

	return ms <= 0 ? 0 : ms < LONGEST_SLEEP_MS ? (int)ms : LONGEST_SLEEP_MS;
}

static void watch(struct flights *f)
{
	struct epoll_event ev[EVENTS_AT_ONCE];
	int n, running, ms = until_alarm(f);

	pthread_mutex_lock(&f->lock);
	f->asleep = ms != 0 && f->todo.first == NULL && f->order == ORDER_BEGIN;
	ms = f->asleep ? ms : 0;
	pthread_mutex_unlock(&f->lock);
	atomic_store(&f->busy_since_ms, 0);
	n = epoll_wait(f->epoll, ev, EVENTS_AT_ONCE, ms);
	atomic_store(&f->busy_since_ms, mono_now().ms);
	for (int i = 0; i < n; i++) {
		bool broken = (ev[i].events & (EPOLLERR | EPOLLHUP)) != 0;
		int in = broken || (ev[i].events & EPOLLIN) ? CURL_CSELECT_IN : 0, out = broken || (ev[i].events & EPOLLOUT) ? CURL_CSELECT_OUT : 0;

		if (ev[i].data.fd == f->to_thread)
			woken(f->to_thread);
		else
			curl_multi_socket_action(f->multi, ev[i].data.fd, in | out, &running);
	}
}

/* False: the end. */
static bool take_orders(struct flights *f)
{
	struct list todo = { NULL, NULL };
	struct flight *fl;
	enum order o;

	pthread_mutex_lock(&f->lock);
	list_move(&todo, &f->todo);
	o = f->order;
	f->order = ORDER_BEGIN;
	f->asleep = false;
	pthread_mutex_unlock(&f->lock);
	while ((fl = list_get(&todo)) != NULL)
		begin(f, fl);
	if (o != ORDER_BEGIN)
		call_off(f, o);
	return o != ORDER_STOP;
}

/* What has ended is given back before the next is begun: the loop has something to do meanwhile. */
static void *run(void *arg)
{
	struct flights *f = arg;

	pthread_setname_np(pthread_self(), "plazod-webhooks");
	atomic_store(&f->busy_since_ms, mono_now().ms);
	while (take_orders(f)) {
		ring(f);
		land(f);
		watch(f);
		land(f);
	}
	land(f);
	return NULL;
}

/* ---- the loop ---- */

static void give_back(struct flights *f, struct list *l)
{
	struct flight *fl;

	while ((fl = list_get(l)) != NULL)
		f->ops->back(f->ctx, fl);
}

static void on_landed(evutil_socket_t fd, short what, void *ctx)
{
	struct flights *f = ctx;
	struct list done = { NULL, NULL };

	(void)what;
	woken(fd);
	pthread_mutex_lock(&f->lock);
	list_move(&done, &f->done);
	pthread_mutex_unlock(&f->lock);
	give_back(f, &done);
}

void flights_put(struct flights *f, struct flight *fl)
{
	list_put(&f->waiting, fl);
}

static void give_order(struct flights *f, enum order o)
{
	bool asleep;

	pthread_mutex_lock(&f->lock);
	list_move(&f->todo, &f->waiting);
	f->order = o > f->order ? o : f->order;
	asleep = f->asleep;
	f->asleep = false;
	pthread_mutex_unlock(&f->lock);
	if (asleep)
		wake(f->to_thread);
}

void flights_go(struct flights *f)
{
	if (f->waiting.first != NULL)
		give_order(f, ORDER_BEGIN);
}

void flights_cancel(struct flights *f, struct flight *fl)
{
	atomic_store(&fl->cancelled, true);
	give_order(f, ORDER_RECALL);
}

int64_t flights_busy_ms(const struct flights *f)
{
	int64_t since_ms = atomic_load(&f->busy_since_ms);

	return since_ms != 0 ? mono_now().ms - since_ms : 0;
}

/* ---- life ---- */

static bool set_multi(struct flights *f)
{
	return curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted) == CURLM_OK &&
	       curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f) == CURLM_OK &&
	       curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, timer_wanted) == CURLM_OK &&
	       curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f) == CURLM_OK &&
	       curl_multi_setopt(f->multi, CURLMOPT_MAX_HOST_CONNECTIONS, MAX_HOST_CONNECTIONS) == CURLM_OK &&
	       curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, MAX_KEPT_CONNECTIONS) == CURLM_OK &&
	       curl_multi_setopt(f->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) == CURLM_OK;
}

struct flights *flights_create(struct event_base *base, const struct flight_ops *ops, void *ctx)
{
	struct flights *f = xcalloc(1, sizeof(*f));
	bool ok;

	f->ops = ops;
	f->ctx = ctx;
	f->alarm_ms = INT64_MAX;
	pthread_mutex_init(&f->lock, NULL);
	f->multi = curl_multi_init();
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	f->to_thread = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f->to_loop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ok = f->multi != NULL && set_multi(f) && f->epoll >= 0 && f->to_thread >= 0 && f->to_loop >= 0 &&
	     epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->to_thread, &(struct epoll_event){ .events = EPOLLIN, .data.fd = f->to_thread }) == 0 &&
	     (f->event = event_new(base, f->to_loop, EV_READ | EV_PERSIST, on_landed, f)) != NULL && event_add(f->event, NULL) == 0;
	f->runs = ok && thread_start(&f->thread, run, f) == 0;
	if (!f->runs) {
		flights_destroy(f);
		return NULL;
	}
	return f;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void flights_destroy(struct flights *f)
{
	if (f == NULL)
		return;
	if (f->runs) {
		give_order(f, ORDER_STOP);
		pthread_join(f->thread, NULL);
	}
	give_back(f, &f->done);
	if (f->event != NULL)
		event_free(f->event);
	if (f->multi != NULL)
		curl_multi_cleanup(f->multi);
	close_if_open(f->epoll);
	close_if_open(f->to_thread);
	close_if_open(f->to_loop);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
