/*
 * Both sides of the bridge. Each list has one lock and one eventfd, which is written when the list was empty; what is taken from it is taken
 * whole. Nothing is called while the lock is held.
 */
#include "stream_bridge.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "base/thread.h"
#include "base/xalloc.h"
#include "stream_private.h"

#define START_AGAIN_MS 1000        /* after there could be no thread */

struct bridge {
	struct stream     *stream;           /* the thread's, while there is one */
	struct event_base *base;             /* likewise */
	struct event      *to_do;            /* likewise: something crossed to the thread */
	int                loop_fd, thread_fd;
	pthread_t          thread;

	pthread_mutex_t    lock;             /* of these */
	struct batch_list  there, back;      /* batches, to the loop and to the thread */
	struct stream_settings *next;        /* of a reset that the thread has not seen yet */
	bool               stop, quit;
	bool               full;             /* the sink has said no, and something waits for it */
	unsigned           recalled;         /* batches of earlier rounds come back */
	int64_t            late_ms;          /* boot: without news of the thread, nothing is handed in after this */
	struct stream_stats stats;
	bool               is_over;

	/* the loop's */
	intake_sink_fn    *sink;
	intake_now_fn     *now;
	void              *ctx;
	struct event_base *loop;
	struct event      *came;             /* something crossed to the loop; NULL: there is no thread yet */
	struct event      *again;            /* timer: asks the sink again, or for a thread */
	struct batch_list  waiting;
	size_t             n_out;            /* at the sink */
	struct stream_batch *last_out;       /* of `own`: all of it was taken; NULL: what comes next waits until nothing is out */
	unsigned           spoilt;           /* of `own`: one was not kept, so that batches of earlier rounds come back */
	bool               is_full;          /* as the thread knows it */
};

static void wake(int fd)
{
	static const uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof one);

	/* A counter that is full is readable, too. */
	(void)n;
}

static void calm(int fd)
{
	uint64_t n;
	ssize_t got = read(fd, &n, sizeof n);

	(void)got;
}

static void arm(struct event *timer, int64_t ms)
{
	struct timeval tv = timeval_of(ms);

	event_add(timer, &tv);
}

/* ---- the thread's side ---- */

/* Under the lock. True when the loop should look. */
static bool publish(struct bridge *br)
{
	struct stream *s = br->stream;
	bool is_news = br->is_over != s->is_over || br->stats.state != s->stats.state;

	br->stats = s->stats;
	stream_copy_rival(s, br->stats.rival);
	br->is_over = s->is_over;
	br->late_ms = s->opt.own ? INT64_MAX : s->touched_ms + s->opt.takeover_ms / 2;
	return is_news;
}

void bridge_publish(struct stream *s)
{
	struct bridge *br = s->bridge;
	bool is_news;

	pthread_mutex_lock(&br->lock);
	is_news = publish(br);
	pthread_mutex_unlock(&br->lock);
	if (is_news)
		wake(br->loop_fd);
}

void bridge_put(struct stream *s, struct stream_batch *b)
{
	struct bridge *br = s->bridge;
	bool is_news;

	b->round = s->round;
	b->is_bounced = false;
	pthread_mutex_lock(&br->lock);
	is_news = br->there.first == NULL;
	batch_list_put(&br->there, b);
	is_news |= publish(br);
	pthread_mutex_unlock(&br->lock);
	if (is_news)
		wake(br->loop_fd);
}

void bridge_recall(struct stream *s)
{
	struct bridge *br = s->bridge;

	s->round++;
	if (s->n_out == 0)
		return;
	pthread_mutex_lock(&br->lock);
	br->recalled = s->round;
	pthread_mutex_unlock(&br->lock);
	wake(br->loop_fd);
}

/* What crossed to the thread. */
static void on_to_do(evutil_socket_t fd, short what, void *arg)
{
	struct bridge *br = arg;
	struct stream *s = br->stream;
	struct stream_settings *next;
	struct stream_batch *b;
	struct batch_list back = { 0 };
	bool stop;

	(void)what;
	calm(fd);
	pthread_mutex_lock(&br->lock);
	batch_list_move(&back, &br->back);
	next = br->next;
	br->next = NULL;
	stop = br->stop;
	s->is_full = br->full;
	pthread_mutex_unlock(&br->lock);
	if (next != NULL)
		stream_follow(s, next);
	if (stop)
		stream_leave(s);
	while ((b = batch_list_take(&back)) != NULL)
		read_on_back(s, b);
	read_on_room(s);
}

static bool is_to_quit(struct bridge *br)
{
	bool quit;

	pthread_mutex_lock(&br->lock);
	quit = br->quit;
	pthread_mutex_unlock(&br->lock);
	return quit;
}

static void *run(void *arg)
{
	struct bridge *br = arg;

	pthread_setname_np(pthread_self(), "plazod-stream");
	stream_live(br->stream, br->base);
	event_add(br->to_do, NULL);
	while (!is_to_quit(br)) {
		event_base_loop(br->base, EVLOOP_ONCE);
		bridge_publish(br->stream);
	}
	return NULL;
}

/* ---- the loop's side ---- */

static struct stream_batch *batch_of(struct intake_batch *b)
{
	return (struct stream_batch *)b;
}

static void give_back(struct bridge *br, struct stream_batch *b)
{
	bool was_empty;

	pthread_mutex_lock(&br->lock);
	was_empty = br->back.first == NULL;
	batch_list_put(&br->back, b);
	pthread_mutex_unlock(&br->lock);
	if (was_empty)
		wake(br->thread_fd);
}

static void tell_full(struct bridge *br, bool is_full)
{
	if (is_full)
		arm(br->again, STREAM_FULL_MS);
	if (br->is_full == is_full)
		return;
	br->is_full = is_full;
	pthread_mutex_lock(&br->lock);
	br->full = is_full;
	pthread_mutex_unlock(&br->lock);
	wake(br->thread_fd);
}

static void stamp(struct bridge *br, struct intake_batch *b)
{
	b->received = br->now(br->ctx);
	for (size_t i = 0; i < b->n; i++)
		b->events[i].received = b->received;
}

static void hand_in(struct bridge *br);

static void on_done(struct intake_batch *batch)
{
	struct stream_batch *b = batch_of(batch);
	struct bridge *br = b->stream->bridge;

	br->n_out--;
	if (br->last_out == b)
		br->last_out = NULL;
	/* Behind what was not kept a cursor may not go on. */
	if (b->own && !batch_is_whole(b))
		br->spoilt = b->round + 1;
	give_back(br, b);
	hand_in(br);
}

/* May it still go in? A consumer that was stopped for long may have lost its right to another meanwhile. */
static bool is_stale(struct bridge *br, const struct stream_batch *b)
{
	bool is;

	pthread_mutex_lock(&br->lock);
	is = b->round < br->recalled || b->round < br->spoilt || boot_now().ms > br->late_ms;
	pthread_mutex_unlock(&br->lock);
	return is;
}

/* False when the sink has no room. */
static bool hand_in_one(struct bridge *br, struct stream_batch *b)
{
	b->batch.after = br->last_out != NULL ? &br->last_out->batch : NULL;
	b->batch.done = on_done;
	stamp(br, &b->batch);
	br->n_out++;
	if (!br->sink(br->ctx, &b->batch)) {
		br->n_out--;
		return false;
	}
	br->last_out = b->own && !b->batch.failed ? b : NULL;
	return true;
}

static void hand_in(struct bridge *br)
{
	struct stream_batch *b;
	bool has_room = true;

	while (has_room && (b = br->waiting.first) != NULL) {
		if (is_stale(br, b)) {
			batch_list_take(&br->waiting);
			b->is_bounced = true;
			give_back(br, b);
			continue;
		}
		if (b->own && br->n_out > 0 && br->last_out == NULL)
			break;
		/* It is handed in as the first of those that wait, and is none of them when it is told to be done. */
		batch_list_take(&br->waiting);
		has_room = hand_in_one(br, b);
		if (!has_room)
			batch_list_put_first(&br->waiting, b);
	}
	tell_full(br, !has_room);
}

static void on_came(evutil_socket_t fd, short what, void *arg)
{
	struct bridge *br = arg;

	(void)what;
	calm(fd);
	pthread_mutex_lock(&br->lock);
	batch_list_move(&br->waiting, &br->there);
	pthread_mutex_unlock(&br->lock);
	hand_in(br);
}

/* ---- life ---- */

static void undo(struct bridge *br)
{
	struct event **all[] = { &br->came, &br->to_do };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (*all[i] != NULL)
			event_free(*all[i]);
		*all[i] = NULL;
	}
	if (br->base != NULL)
		event_base_free(br->base);
	br->base = NULL;
	if (br->loop_fd >= 0)
		close(br->loop_fd);
	if (br->thread_fd >= 0)
		close(br->thread_fd);
	br->loop_fd = br->thread_fd = -1;
}

/* 0, or an errno. */
static int begin(struct bridge *br)
{
	br->loop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	br->thread_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (br->loop_fd < 0 || br->thread_fd < 0)
		return errno;
	br->base = event_base_new();
	if (br->base == NULL)
		return ENOMEM;
	br->came = event_new(br->loop, br->loop_fd, EV_READ | EV_PERSIST, on_came, br);
	br->to_do = event_new(br->base, br->thread_fd, EV_READ | EV_PERSIST, on_to_do, br);
	if (br->came == NULL || br->to_do == NULL || event_add(br->came, NULL) != 0)
		return ENOMEM;
	return thread_start(&br->thread, run, br);
}

/* Until descriptors and memory allow a thread, nothing is read: nothing is lost by that, and it is told. */
static void begin_or_wait(struct bridge *br)
{
	int rc = begin(br);

	if (rc == 0)
		return;
	undo(br);
	stream_set_state(br->stream, STREAM_TROUBLED, "there can be no thread for it now: %s", strerror(rc));
	pthread_mutex_lock(&br->lock);
	(void)publish(br);
	pthread_mutex_unlock(&br->lock);
	arm(br->again, START_AGAIN_MS);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct bridge *br = arg;

	(void)fd, (void)what;
	if (br->came != NULL)
		hand_in(br);
	else if (!br->is_over)
		begin_or_wait(br);
}

static void use(struct bridge *br, const struct stream_options *opt)
{
	br->sink = opt->sink;
	br->now = opt->now;
	br->ctx = opt->ctx;
}

struct stream *stream_create(const struct stream_options *opt)
{
	struct bridge *br = xcalloc(1, sizeof *br);

	pthread_mutex_init(&br->lock, NULL);
	br->loop_fd = br->thread_fd = -1;
	br->loop = opt->base;
	br->again = evtimer_new(br->loop, on_again, br);
	use(br, opt);
	br->stream = stream_make(settings_make(opt), br);
	(void)publish(br);
	begin_or_wait(br);
	return br->stream;
}

void stream_reset(struct stream *s, const struct stream_options *opt)
{
	struct bridge *br = s->bridge;
	struct stream_settings *next = settings_make(opt), *overtaken;

	use(br, opt);
	if (br->came == NULL) {
		stream_follow(s, next);
		return;
	}
	pthread_mutex_lock(&br->lock);
	overtaken = br->next;
	br->next = next;
	pthread_mutex_unlock(&br->lock);
	wake(br->thread_fd);
	settings_destroy(overtaken);
}

void stream_stop(struct stream *s)
{
	struct bridge *br = s->bridge;

	if (br->came == NULL) {
		stream_leave(s);
		(void)publish(br);
		return;
	}
	pthread_mutex_lock(&br->lock);
	br->stop = true;
	pthread_mutex_unlock(&br->lock);
	wake(br->thread_fd);
}

bool stream_is_over(const struct stream *s)
{
	struct bridge *br = s->bridge;
	bool is;

	pthread_mutex_lock(&br->lock);
	is = br->is_over;
	pthread_mutex_unlock(&br->lock);
	return is;
}

void stream_stats(const struct stream *s, struct stream_stats *out)
{
	struct bridge *br = s->bridge;

	pthread_mutex_lock(&br->lock);
	*out = br->stats;
	pthread_mutex_unlock(&br->lock);
}

void stream_halt(struct stream *s)
{
	struct bridge *br = s->bridge;

	if (br->came == NULL || br->quit)
		return;
	pthread_mutex_lock(&br->lock);
	br->quit = true;
	pthread_mutex_unlock(&br->lock);
	wake(br->thread_fd);
	pthread_join(br->thread, NULL);
}

void stream_destroy(struct stream *s)
{
	struct bridge *br;

	if (s == NULL)
		return;
	stream_halt(s);
	br = s->bridge;
	batch_list_move(&br->waiting, &br->there);
	batch_list_move(&br->waiting, &br->back);
	batch_list_release(&br->waiting);
	stream_free(s);
	settings_destroy(br->next);
	undo(br);
	event_free(br->again);
	pthread_mutex_destroy(&br->lock);
	free(br);
}
