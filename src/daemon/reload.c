#include "daemon/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/now.h"
#include "base/siphash.h"
#include "base/thread.h"
#include "base/xalloc.h"
#include "daemon/daemon.h"
#include "daemon/force.h"
#include "daemon/preview.h"
#include "daemon/reload_job.h"

#define CANONICAL_MAX (64u << 20)
#define REPLAN_MS     4             /* of a turn */
#define PREVIEW_MS    4             /* of a turn */

struct reload_waiter {
	struct reload_waiter *next;
	struct http_request  *request;
	bool                  dry_run;
	uint32_t              limit;
};

void reload_log_problems(const struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct config_problem *x = &p->v[i];

		log_line(x->warning ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "config", "problem", "%s:%u:%u: %s", x->file, x->line ? x->line : 1,
			 x->col ? x->col : 1, x->msg);
	}
}

/* ---- the revision ---- */

static uint64_t canonical(const struct config *cfg, struct buf *out)
{
	static const struct sipkey key = { UINT64_C(0x706c617a6f207265), UINT64_C(0x766973696f6e2031) };

	config_canonical(cfg, out);
	return siphash64(key, buf_str(out).p, buf_str(out).len);
}

/* A revision on its way to the disk; its address is the job's cookie. */
struct revising {
	struct rules *rules;      /* referenced */
	struct buf    text;
};

static struct revising *revising_create(struct rules *rules, struct str text)
{
	struct revising *rv = xcalloc(1, sizeof(*rv));

	rv->rules = rules_ref(rules);
	buf_init(&rv->text, CANONICAL_MAX);
	buf_put(&rv->text, text);
	return rv;
}

static void revising_destroy(struct revising *rv)
{
	rules_unref(rv->rules);
	buf_finish(&rv->text);
	free(rv);
}

/* Queues it. */
static enum err put_revision(struct daemon *d, const struct config *cfg, uint64_t digest, struct str text)
{
	/* A millisecond of its own: what came before it and what comes after can be told apart by time alone. */
	struct store_revision r = { .from = wall_plus(daemon_now(d), 1), .digest = digest, .text = text };
	struct revising *rv = revising_create(cfg->rules, text);
	enum err e;

	cfg->rules->from = d->clock.now = d->now = r.from;
	e = store_put_revision(d->store, &r, (uint64_t)(uintptr_t)rv);
	if (e != ERR_OK)
		revising_destroy(rv);
	d->reload.pending = e == ERR_OK;
	d->reload.pending_from = r.from;
	return e;
}

static const char *why_not_journaled(enum err e)
{
	return e == ERR_FULL ? "the revision could not be journaled: the disk is full" : "the revision could not be journaled";
}

/* The configuration that the process was started with, when the disk had no room for it then. */
static void pay_revision(struct daemon *d)
{
	struct store_health h;
	struct buf text;

	store_health(d->store, &h);
	if (!d->reload.owed || d->reload.pending || h.state != STORE_WELL)
		return;
	buf_init(&text, CANONICAL_MAX);
	config_canonical(d->cfg, &text);
	if (put_revision(d, d->cfg, d->reload.digest, buf_str(&text)) == ERR_OK)
		d->reload.owed = false;
	buf_finish(&text);
}

enum err reload_first(struct daemon *d, bool known, uint64_t last_digest, struct diag *diag)
{
	struct buf text;
	enum err e = ERR_OK;

	buf_init(&text, CANONICAL_MAX);
	d->reload.digest = canonical(d->cfg, &text);
	d->reload.since = d->now;
	d->reload.last_ok = true;
	d->reload.tried = d->now;
	if (!buf_ok(&text)) {
		diag_set(diag, "the configuration is larger than %u bytes in canonical form", CANONICAL_MAX);
		e = ERR_LIMIT;
	} else if (!known || last_digest != d->reload.digest) {
		e = put_revision(d, d->cfg, d->reload.digest, buf_str(&text));
		if (e != ERR_OK)
			diag_set(diag, "the configuration could not be journaled: %s", err_name(e));
	}
	buf_finish(&text);
	return e;
}

/* ---- putting it in force ---- */

static void put_in_force(struct daemon *d, struct reload_job *job)
{
	struct diag diag = { 0 };

	/* Checked before; and what is journaled is in force. */
	if (force_apply(d, job->force, &diag) != ERR_OK)
		log_error("reload", "apply", "error=\"%s\"", diag.msg);
	force_destroy(d->reload.force);
	d->reload.force = job->force;
	job->force = NULL;
	config_unref(d->cfg);
	d->cfg = job->cfg;
	job->cfg = NULL;
	if (job->n_differences > 0)
		d->reload.since = d->now;
	d->reload.digest = job->digest;
}

/* False, with job->why, when something refuses. Nothing is in force before its revision is on disk, so nothing needs to be taken back. */
static bool prepare(struct daemon *d, struct reload_job *job)
{
	struct diag diag = { 0 };
	enum err e;

	job->replans = job->digest != d->reload.digest;
	restart_check(&d->restart, job->cfg, &job->problems);
	diag_set(&diag, "the configuration is larger than %u bytes in canonical form", CANONICAL_MAX);
	e = buf_ok(&job->canonical) ? force_create(job->cfg, &job->force, &diag) : ERR_LIMIT;
	if (e == ERR_OK)
		e = force_check(job->force, &diag);
	if (e == ERR_OK && !job->dry_run && job->replans) {
		e = put_revision(d, job->cfg, job->digest, buf_str(&job->canonical));
		if (e != ERR_OK)
			diag_set(&diag, "%s", why_not_journaled(e));
	}
	if (e != ERR_OK)
		memcpy(job->why, diag.msg, sizeof(job->why));
	return e == ERR_OK;
}

/* ---- answering ---- */

static void answer_all(struct daemon *d, const struct reload_job *job, bool ok)
{
	struct reload_waiter *w;

	while ((w = d->reload.waiters) != NULL) {
		d->reload.waiters = w->next;
		reload_answer(w->request, job, ok);
		free(w);
	}
}

/* ---- the job ---- */

static void *read_config(void *arg)
{
	struct reload_job *job = arg;
	uint64_t one = 1;
	ssize_t n;

	job->err = config_load(job->path, &job->opt, &job->cfg, &job->problems);
	/* Of ten thousand contracts it is a megabyte: longer work than a turn should have. */
	if (job->err == ERR_OK)
		job->digest = canonical(job->cfg, &job->canonical);
	if (job->err == ERR_OK)
		job->n_differences = config_differences(job->was, job->cfg, job->differences);
	do
		n = write(job->wake_fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
	return NULL;
}

static void job_destroy(struct reload_job *job)
{
	preview_destroy(job->preview);
	force_destroy(job->force);
	config_unref(job->cfg);
	problems_finish(&job->problems);
	buf_finish(&job->canonical);
	free(job);
}

static void start(struct daemon *d, bool dry_run)
{
	struct reload_job *job = xcalloc(1, sizeof(*job));
	int rc;

	job->path = d->opt.config;
	job->opt.now = d->now;
	job->opt.fits = force_fits;
	job->was = d->cfg;
	job->wake_fd = d->reload.wake_fd;
	job->dry_run = dry_run;
	problems_init(&job->problems);
	buf_init(&job->canonical, CANONICAL_MAX);
	d->reload.job = job;
	if (!dry_run)
		systemd_reloading();
	rc = thread_start(&job->thread, read_config, job);
	if (rc == 0)
		return;
	/* Without a thread it is read here: a slow turn is better than none. */
	log_warn("reload", "thread", "error=\"%s\"", strerror(rc));
	job->thread = pthread_self();
	(void)read_config(job);
}

static void log_accepted(const struct daemon *d, const struct reload_job *job)
{
	struct buf b;

	buf_init(&b, 1024);
	for (size_t i = 0; i < job->n_differences; i++)
		buf_printf(&b, "%s%s", i > 0 ? "," : "", job->differences[i]);
	log_notice("reload", "accepted", "changed=%s contracts=%zu tzdata=%s", b.len > 0 ? buf_cstr(&b) : "nothing", d->cfg->rules->n_contracts,
		   d->cfg->tzdata);
	buf_finish(&b);
}

static void conclude(struct daemon *d, struct reload_job *job, bool ok)
{
	struct reload *rl = &d->reload;

	if (!job->dry_run) {
		rl->last_ok = ok;
		rl->tried = d->now;
		rl->n_ok += ok;
		rl->n_refused += !ok;
		systemd_ready();
		reload_log_problems(&job->problems);
		if (ok)
			log_accepted(d, job);
		else
			log_error("reload", "refused", "errors=%zu text=\"%s%swhat was in force stays\"", job->problems.n_errors, job->why, job->why[0] != '\0' ? "; " : "");
	}
	answer_all(d, job, ok);
	job_destroy(job);
}

/* The next one, when somebody waits for it: a dry run only when nobody wants more. */
static void start_next(struct daemon *d)
{
	struct reload *rl = &d->reload;
	bool real = rl->again;

	for (const struct reload_waiter *w = rl->next; w != NULL; w = w->next)
		real = real || !w->dry_run;
	/* One revision at a time is on its way to the disk: the answer to that of the start is not a job's. */
	if (rl->job != NULL || rl->pending || rl->previewing != NULL || (!rl->again && rl->next == NULL) || d->phase != PHASE_RUNNING)
		return;
	rl->waiters = rl->next;
	rl->next = NULL;
	rl->again = false;
	start(d, !real);
}

/* What would change is looked at in slices by the turns that follow: reload_turn(). */
static void preview_begin(struct daemon *d, struct reload_job *job)
{
	uint32_t limit = 0;

	for (const struct reload_waiter *w = d->reload.waiters; w != NULL; w = w->next)
		limit = w->limit > limit ? w->limit : limit;
	job->preview = preview_create(d, job->cfg->rules, limit);
	d->reload.previewing = job;
}

/* Who wants more than a look does not wait for it: it ends with what it has seen. */
static bool may_go_on(const struct daemon *d)
{
	bool real = d->reload.again || d->phase != PHASE_RUNNING;

	for (const struct reload_waiter *w = d->reload.next; w != NULL; w = w->next)
		real = real || !w->dry_run;
	return !real;
}

static bool preview_turn(struct daemon *d)
{
	struct reload_job *job = d->reload.previewing;

	if (job == NULL)
		return false;
	if (may_go_on(d) && preview_step(job->preview, PREVIEW_MS))
		return true;
	d->reload.previewing = NULL;
	conclude(d, job, true);
	start_next(d);
	return false;
}

bool reload_turn(struct daemon *d)
{
	struct mono began = mono_now();

	if (d->reload.owed)
		pay_revision(d);
	while (d->reload.replanning && mono_now().ms - began.ms < REPLAN_MS)
		d->reload.replanning = engine_replan(d->engine, 1, journal_horizon(d, d->now), &d->fx);
	return preview_turn(d) || d->reload.replanning;
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;
	struct reload_job *job = d->reload.job;
	uint64_t n;
	bool ok;

	(void)what;
	if (read(fd, &n, sizeof(n)) != sizeof(n) || job == NULL)
		return;
	if (!pthread_equal(job->thread, pthread_self()))
		(void)pthread_join(job->thread, NULL);
	d->reload.job = NULL;
	daemon_now(d);
	ok = job->err == ERR_OK && prepare(d, job);
	if (ok && job->replans && !job->dry_run) {
		d->reload.committing = job;
		return;
	}
	if (ok && job->replans) {
		preview_begin(d, job);
		return;
	}
	/* What decides nothing needs no revision: receivers, secrets, where events come from. */
	if (ok && !job->dry_run)
		put_in_force(d, job);
	conclude(d, job, ok);
	start_next(d);
}

void reload_committed(struct daemon *d, const struct store_done *done)
{
	struct revising *rv = (struct revising *)(uintptr_t)done->cookie;
	struct reload_job *job = d->reload.committing;

	d->reload.pending = false;
	if (done->err == ERR_OK) {
		/* What is due by then is decided by the rules that were in force. */
		while (engine_advance(d->engine, rv->rules->from, 1000, &d->fx))
			;
		past_revise(d, rv->rules, buf_str(&rv->text));
		d->reload.replanning = true;
	}
	revising_destroy(rv);
	d->reload.committing = NULL;
	/* At the start there is no job: nobody asked. */
	d->reload.owed = done->err != ERR_OK && (job == NULL || d->reload.owed);
	if (job != NULL && done->err == ERR_OK)
		put_in_force(d, job);
	else if (job != NULL)
		snprintf(job->why, sizeof(job->why), "%s", why_not_journaled(done->err));
	if (job != NULL)
		conclude(d, job, done->err == ERR_OK);
	start_next(d);
}

void reload_ask(struct daemon *d)
{
	d->reload.again = true;
	start_next(d);
}

void reload_request(struct daemon *d, struct http_request *r, bool dry_run, uint32_t limit)
{
	struct reload_waiter *w = xmalloc(sizeof(*w));

	*w = (struct reload_waiter){ d->reload.next, r, dry_run, limit };
	d->reload.next = w;
	start_next(d);
}

enum err reload_init(struct daemon *d, struct diag *diag)
{
	struct reload *rl = &d->reload;

	rl->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (rl->wake_fd < 0) {
		diag_set(diag, "eventfd: %s", strerror(errno));
		return ERR_IO;
	}
	rl->ev_wake = event_new(d->base, rl->wake_fd, EV_READ | EV_PERSIST, on_wake, d);
	event_add(rl->ev_wake, NULL);
	return ERR_OK;
}

static void drop(struct reload_waiter *w)
{
	struct problem p;

	while (w != NULL) {
		struct reload_waiter *next = w->next;

		problem_set(&p, 503, NULL, "plazod is stopping.");
		http_reply_problem(w->request, &p, NULL);
		free(w);
		w = next;
	}
}

void reload_stop(struct daemon *d)
{
	drop(d->reload.next);
	d->reload.next = NULL;
}

void reload_finish(struct daemon *d)
{
	struct reload *rl = &d->reload;

	if (rl->job != NULL) {
		if (!pthread_equal(rl->job->thread, pthread_self()))
			(void)pthread_join(rl->job->thread, NULL);
		job_destroy(rl->job);
	}
	if (rl->previewing != NULL)
		job_destroy(rl->previewing);
	if (rl->committing != NULL)
		job_destroy(rl->committing);
	drop(rl->waiters);
	drop(rl->next);
	if (rl->ev_wake != NULL)
		event_free(rl->ev_wake);
	if (rl->wake_fd > 0)
		close(rl->wake_fd);
	force_destroy(rl->force);
}
