/* One turn of the loop: wait for something to happen, then do what there is to do, in this order. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/now.h"
#include "daemon/daemon.h"
#include "daemon/operator.h"
#include "daemon/query.h"

#define SLEEP_MAX_MS   INT64_C(5000)
#define SLEEP_BEHIND   INT64_C(100)      /* while the store has no room */
#define SLEEP_SAVING   INT64_C(5)        /* while a snapshot waits for the next commit */
#define ADVANCE_MS     INT64_C(4)        /* of a turn, unless a single slice takes longer */
#define ADVANCE_SLICE  100               /* tickets; their alerts are on their way to the store before the next slice */
#define DRAIN_MS       INT64_C(10000)
#define PARK_MS        INT64_C(5000)
#define FAREWELL_MS    INT64_C(5000)     /* for receivers to take what the disk does not */
#define SAVE_MS        INT64_C(30000)

/* ---- time ---- */

static void tell_clock_news(struct daemon *d, enum clock_news news)
{
	static const struct { const char *what, *text; } words[] = {
		[CLOCK_STEPPED] = { "stepped", "the system's clock was set, by little: time follows" },
		[CLOCK_SUSPECT] = { "suspect", "the system's clock was set: not believed unless it stays so for two minutes" },
		[CLOCK_RECOVERED] = { "recovered", "that was taken back: nothing was done by it" },
		[CLOCK_BELIEVED] = { "believed", "it has stayed so: time follows, or stands still until the clock has caught up" },
	};

	if (news != CLOCK_STEADY)
		log_line(news == CLOCK_SUSPECT ? LOG_LEVEL_WARN : LOG_LEVEL_NOTICE, "clock", words[news].what, "step_ms=%" PRId64 " stands_still_ms=%" PRId64
			 " text=\"%s\"", d->clock.step_ms, clockwatch_ahead_ms(&d->clock, boot_now()), words[news].text);
}

struct wall daemon_now(struct daemon *d)
{
	enum clock_news news;

	d->boot = boot_now();
	d->now = clockwatch_sample(&d->clock, wall_now(), d->boot, &news);
	if (news != CLOCK_STEADY)
		tell_clock_news(d, news);
	return d->now;
}

/* Readable when somebody sets the clock: reading says ECANCELED, and arms nothing anew. */
static void arm_clock(struct daemon *d)
{
	struct itimerspec never = { .it_value = { .tv_sec = INT64_C(4102444800) } };

	(void)timerfd_settime(d->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void on_clock(evutil_socket_t fd, short what, void *ctx)
{
	uint64_t n;
	ssize_t got = read(fd, &n, sizeof(n));

	(void)what;
	(void)got;
	arm_clock(ctx);
}

/* ---- what wakes the loop; the work is the turn's ---- */

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
}

static void on_stop(evutil_socket_t sig, short what, void *ctx)
{
	(void)what;
	log_notice("daemon", "signal", "name=%s", sig == SIGTERM ? "SIGTERM" : "SIGINT");
	daemon_stop(ctx, 0);
}

static void on_hup(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig;
	(void)what;
	reload_ask(ctx);
}

static void on_signal_later(int sig)
{
	(void)sig;
}

/*
 * libevent gives back the handlers that it finds here once its own events are freed: by then the end is under way, and a second
 * SIGTERM must not cut it short. Not SIG_IGN, which would throw away a signal that came a moment ago.
 */
static void setup_signals(struct daemon *d)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	static const event_callback_fn fn[] = { on_stop, on_stop, on_hup };
	sigset_t all;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (size_t i = 0; i < 3; i++) {
		signal(signals[i], on_signal_later);
		d->ev_signals[i] = evsignal_new(d->base, signals[i], fn[i], d);
		event_add(d->ev_signals[i], NULL);
	}
	sigemptyset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, NULL);
}

enum err turn_setup(struct daemon *d, struct diag *diag)
{
	d->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (d->clock_fd < 0) {
		diag_set(diag, "timerfd: %s", strerror(errno));
		return ERR_IO;
	}
	arm_clock(d);
	d->ev_clock = event_new(d->base, d->clock_fd, EV_READ | EV_PERSIST, on_clock, d);
	d->ev_store = event_new(d->base, store_fd(d->store), EV_READ | EV_PERSIST, on_wake, d);
	d->ev_timer = evtimer_new(d->base, on_wake, d);
	event_add(d->ev_clock, NULL);
	event_add(d->ev_store, NULL);
	setup_signals(d);
	return ERR_OK;
}

void turn_finish(struct daemon *d)
{
	struct event *all[] = { d->ev_clock, d->ev_store, d->ev_timer, d->ev_signals[0], d->ev_signals[1], d->ev_signals[2] };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] != NULL)
			event_free(all[i]);
	if (d->clock_fd > 0)
		close(d->clock_fd);
}

/* ---- the store's answers ---- */

static void on_query(struct daemon *d, const struct store_done *done)
{
	struct query *q = (struct query *)(uintptr_t)done->cookie;

	if (q != NULL)
		q->fn(d, q, done);
}

static void on_done(void *ctx, const struct store_done *done)
{
	static void (*const table[STORE_N_WHATS])(struct daemon *, const struct store_done *) = {
		[STORE_APPENDED] = journal_committed, [STORE_PUT] = outbox_committed, [STORE_REVISED] = reload_committed,
		[STORE_REFUSAL] = journal_kept, [STORE_CURSOR] = journal_kept,
		[STORE_DELIVERIES] = on_query, [STORE_TICKET] = on_query, [STORE_CLOSED] = on_query, [STORE_REFUSALS] = on_query,
		[STORE_COPIED] = on_query, [STORE_REWRITTEN] = on_query,
	};

	if (table[done->what] != NULL)
		table[done->what](ctx, done);
}

/* ---- steps ---- */

static void count_lateness(struct daemon *d, struct wall horizon)
{
	static const int64_t bounds_ms[] = { 10, 50, 100, 250, 500, 1000, 5000 };
	struct wall next = engine_next(d->engine);
	size_t i = 0;

	if (d->phase != PHASE_RUNNING || wall_is_never(next) || wall_before(horizon, next))
		return;
	while (i < sizeof(bounds_ms) / sizeof(bounds_ms[0]) && d->now.ms - next.ms > bounds_ms[i])
		i++;
	d->n_late[i]++;
	d->late_sum_s += (double)(d->now.ms - next.ms) / 1000;
}

static bool advance(struct daemon *d)
{
	struct wall horizon = journal_horizon(d, d->now);
	struct mono began = mono_now();
	bool more;

	count_lateness(d, horizon);
	do {
		more = engine_advance(d->engine, horizon, ADVANCE_SLICE, &d->fx);
		outbox_take_effects(d);
	} while (more && mono_now().ms - began.ms < ADVANCE_MS);
	return more;
}

static void leave_dead_store(struct daemon *d, const struct store_health *h)
{
	operator_store_failed(d, h);
	outbox_send_uncommitted(d);
	/* On its way before the time for it runs: the machine may be as ill as its disk. */
	notify_tick(d->notify);
	d->farewell_by = (struct mono){ mono_now().ms + FAREWELL_MS };
	daemon_stop(d, 1);
}

static void look_at_store(struct daemon *d)
{
	struct store_health h;

	store_health(d->store, &h);
	operator_look_at_store(d, &h, mono_now());
	if (h.state == STORE_DEAD && d->exit_status == 0)
		leave_dead_store(d, &h);
	if (h.state != STORE_WELL)
		outbox_send_uncommitted(d);
}

static void become_ready(struct daemon *d)
{
	struct engine_stats es;

	if (d->phase != PHASE_STARTING || engine_rules(d->engine) == NULL)
		return;
	d->phase = PHASE_RUNNING;
	streams_configure(d, d->cfg);
	engine_stats(d->engine, &es);
	log_notice("daemon", "ready", "version=%s tickets=%zu dry_run=%d", PLAZO_VERSION, es.n_tickets, d->opt.dry_run);
	systemd_ready();
	/* A signal that came too early. */
	if (d->reload.again)
		reload_ask(d);
}

/* ---- stopping ---- */

static void on_drained(void *ctx)
{
	struct daemon *d = ctx;

	d->drained = true;
}

static void park(struct daemon *d)
{
	d->phase = PHASE_PARKING;
	d->stop_by = (struct mono){ mono_now().ms + 2 * PARK_MS };
	notify_stop(d->notify, PARK_MS);
}

void daemon_stop(struct daemon *d, int status)
{
	if (d->exit_status == 0)
		d->exit_status = status;
	if (d->phase >= PHASE_DRAINING)
		return;
	d->phase = PHASE_DRAINING;
	d->stop_by = (struct mono){ mono_now().ms + 2 * DRAIN_MS };
	systemd_stopping();
	tail_turn(d);
	backup_turn(d);
	reload_stop(d);
	streams_stop(d);
	http_stop_accepting(d->http);
	http_drain(d->http, DRAIN_MS, on_drained, d);
}

/* What waits for receivers has a few seconds when nothing keeps it for the next start. */
static bool is_farewell(const struct daemon *d, struct mono now)
{
	struct notify_stats s;

	for (size_t i = 0; now.ms < d->farewell_by.ms && notify_stats(d->notify, i, &s); i++)
		if (s.n_pending > 0)
			return true;
	return false;
}

static void stop_step(struct daemon *d)
{
	struct mono now = mono_now();
	bool late = now.ms > d->stop_by.ms;

	/* Who sent something hears that it is kept before receivers are left. */
	if (d->phase == PHASE_DRAINING && d->drained && (late || streams_are_over(d)) && !is_farewell(d, now)) {
		park(d);
		late = false;
	}
	if (d->phase == PHASE_PARKING && (late || (d->parked && d->journal.underway.n == 0))) {
		d->phase = PHASE_SAVING;
		d->stop_by = (struct mono){ now.ms + SAVE_MS };
		systemd_extend(SAVE_MS);
		late = false;
	}
	/* What is not saved in time is replayed from the journal. */
	if (d->phase == PHASE_SAVING && (late || d->exit_status != 0 || snapshot_last(d)))
		d->phase = PHASE_STOPPED;
}

/* ---- the turn ---- */

/* True while there is more to do at once. */
static bool turn(struct daemon *d)
{
	bool more;

	pace_begin(&d->pace);
	daemon_now(d);
	/* The disk is at work on what this turn has read while the loop applies and answers what came before. */
	store_push(d->store);
	store_poll(d->store, on_done, d);
	pace_part(&d->pace, PACE_ANSWERS);
	more = advance(d);
	pace_part(&d->pace, PACE_STEPS);
	more |= reload_turn(d);
	more |= forget_turn(d);
	pace_part(&d->pace, PACE_REPLAN);
	outbox_take_effects(d);
	writer_flush(d);
	journal_answer(d);
	streams_turn(d);
	tail_turn(d);
	backup_turn(d);
	look_at_store(d);
	if (!more)
		become_ready(d);
	pace_part(&d->pace, PACE_ALERTS);
	more |= snapshot_step(d);
	pace_part(&d->pace, PACE_SNAPSHOT);
	systemd_turn(d);
	stop_step(d);
	/* What this turn decided goes with the next events, if some are under way: their answer brings the next turn. */
	if (d->journal.underway.n == 0)
		store_push(d->store);
	pace_end(&d->pace);
	return more;
}

static void arm_timer(struct daemon *d)
{
	struct wall next = engine_next(d->engine);
	int64_t ms = SLEEP_MAX_MS, until;
	struct timeval tv;

	if (d->snapshot.running || d->phase >= PHASE_DRAINING)
		ms = SLEEP_SAVING;
	if (writer_is_behind(d))
		ms = SLEEP_BEHIND;
	if (d->systemd.watchdog_ms > 0 && d->systemd.watchdog_ms < ms)
		ms = d->systemd.watchdog_ms;
	if (!wall_is_never(next) && d->journal.underway.n == 0) {
		/* While time stands still, the wall clock must catch up first. */
		until = next.ms - d->now.ms + clockwatch_ahead_ms(&d->clock, boot_now());
		ms = until < 0 ? 0 : until < ms ? until : ms;
	}
	tv = timeval_of(ms);
	event_add(d->ev_timer, &tv);
}

void turn_run(struct daemon *d)
{
	bool more = true;

	while (d->phase != PHASE_STOPPED) {
		if (!more)
			arm_timer(d);
		event_base_loop(d->base, more ? EVLOOP_NONBLOCK | EVLOOP_ONCE : EVLOOP_ONCE);
		more = turn(d);
	}
}
