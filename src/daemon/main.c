/* plazod. main() is the table of contents: what is set up in which order, and taken down in the reverse one. */
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "base/log.h"
#include "base/now.h"
#include "base/thread.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "daemon/force.h"
#include "daemon/memory.h"

/* At a time, of the loop and what works for it: an alert or an answer should not wait for the end of somebody else's slice, which is some milliseconds. */
#define SLICE_US 500

/* Nothing of this process goes to a file or to another process: it holds secrets. And no descriptor is left unused. */
static void harden(void)
{
	struct rlimit none = { 0, 0 }, files;
	sigset_t later;

	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	/* One that comes before there is a loop waits for it, in place of ending the process. SIGTERM may: nothing is lost by it. */
	sigemptyset(&later);
	sigaddset(&later, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &later, NULL);
	/* A limit on the size of files is a full disk, and is told by write(). */
	signal(SIGXFSZ, SIG_IGN);
}

static void print_problems(const struct problems *p)
{
	struct buf text;

	buf_init(&text, 4u << 20);
	problems_write(p, &text);
	fputs(buf_cstr(&text), stderr);
	buf_finish(&text);
}

static struct config *load_config(const struct options *opt)
{
	struct config_options copt = { .now = wall_now(), .fits = force_fits };
	struct problems problems;
	struct config *cfg = NULL;
	enum err e;

	problems_init(&problems);
	e = config_load(opt->config, &copt, &cfg, &problems);
	if (e != ERR_OK || opt->check)
		print_problems(&problems);
	else
		reload_log_problems(&problems);
	problems_finish(&problems);
	return e == ERR_OK ? cfg : NULL;
}

/* What the configuration's own checks cannot know: what the edges take. */
static int check(const struct config *cfg)
{
	struct diag diag = { 0 };
	struct force *f = NULL;

	if (force_create(cfg, &f, &diag) != ERR_OK || force_check(f, &diag) != ERR_OK) {
		force_destroy(f);
		fprintf(stderr, "%s:1:1: error: %s\n", cfg->path, diag.msg);
		return EXIT_CONFIG;
	}
	force_destroy(f);
	printf("%s: fine: %zu contracts, %zu policies, %zu calendars\n", cfg->path, cfg->rules->n_contracts, cfg->n_policies, cfg->n_calendars);
	return 0;
}

static int open_store(struct daemon *d)
{
	struct store_options opt = { .path = d->cfg->store.path };
	struct diag diag = { 0 };
	char path[PATH_MAX];

	/* What was decided without being sent must not count as sent later: a dry run has a database of its own. */
	if (d->opt.dry_run && snprintf(path, sizeof(path), "%s.dry-run", opt.path) < (int)sizeof(path))
		opt.path = path;
	if (store_open(&opt, &d->store, &diag) == ERR_OK)
		return 0;
	log_error("store", "refused", "path=%s error=\"%s\"", opt.path, diag.msg);
	/* Restarting would not help: somebody must look at the path, the file, or the other process that has it. */
	return EXIT_CONFIG;
}

/* api_request() has just looked at the clocks. */
static struct wall intake_now(void *ctx)
{
	return ((const struct daemon *)ctx)->now;
}

static struct wall intake_clock(void *ctx)
{
	const struct daemon *d = ctx;

	return clockwatch_wall(&d->clock, d->boot);
}

static bool make_parts(struct daemon *d)
{
	struct event_config *ec = event_config_new();
	struct engine_options eopt = { .key = store_key(d->store), .max_skew_ms = d->cfg->server.max_skew_ms, .wake = past_wake, .wake_ctx = d };
	struct intake_options iopt = { .sink = journal_sink, .now = intake_now, .clock = intake_clock, .ctx = d, .key = store_key(d->store) };
	struct http_handler handler = { api_head, api_request, d };
	struct http_limits limits = { .body_len = d->cfg->server.max_body };
	struct sipkey seed = store_key(d->store);

	event_config_set_flag(ec, EVENT_BASE_FLAG_PRECISE_TIMER);
	d->base = event_base_new_with_config(ec);
	event_config_free(ec);
	if (d->base == NULL)
		return false;
	d->engine = engine_create(&eopt);
	d->past = versions_create();
	d->doc = json_create();
	effects_init(&d->fx);
	writer_init(&d->writer);
	outbox_init(&d->outbox);
	journal_init(&d->journal);
	tail_init(&d->tail);
	streams_init(&d->streams);
	systemd_init(&d->systemd);
	clockwatch_init(&d->clock, wall_now(), boot_now());
	d->started = daemon_now(d);
	iopt.base = d->base;
	d->intake = intake_create(&iopt);
	d->http = http_server_create(d->base, &limits, &handler);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	d->notify = notify_create(d->base, &outbox_ops, d, seed.k0 ^ (uint64_t)mono_now().ms);
	return d->notify != NULL;
}

static bool put_in_force(struct daemon *d, struct diag *diag)
{
	return force_create(d->cfg, &d->reload.force, diag) == ERR_OK && force_apply(d, d->reload.force, diag) == ERR_OK;
}

static bool set_up(struct daemon *d)
{
	struct diag diag = { 0 };
	bool good;

	if (!make_parts(d)) {
		log_error("daemon", "start", "error=\"libevent or libcurl refuse to start, or there can be no further thread\"");
		return false;
	}
	good = reload_init(d, &diag) == ERR_OK && put_in_force(d, &diag);
	if (!good)
		d->exit_status = EXIT_CONFIG;
	good = good && recover(d, &diag) == ERR_OK;
	if (!good) {
		log_error("daemon", "start", "error=\"%s\"", diag.msg);
		return false;
	}
	d->exit_status = 0;
	good = store_start(d->store, &diag) == ERR_OK && turn_setup(d, &diag) == ERR_OK && listen_all(d, &diag) == ERR_OK;
	if (!good)
		log_error("daemon", "start", "error=\"%s\"", diag.msg);
	return good;
}

static void tear_down(struct daemon *d)
{
	struct diag diag = { 0 };

	listen_finish(d);
	reload_finish(d);
	streams_finish(&d->streams);
	turn_finish(d);
	notify_destroy(d->notify);
	http_server_destroy(d->http);
	intake_destroy(d->intake);
	if (store_close(d->store, &diag) != ERR_OK) {
		log_error("store", "close", "error=\"%s\"", diag.msg);
		if (d->exit_status == 0)
			d->exit_status = 1;
	}
	tail_finish(&d->tail);
	backup_finish(&d->backup);
	forget_finish(d);
	journal_finish(&d->journal);
	outbox_finish(&d->outbox);
	writer_finish(&d->writer);
	effects_finish(&d->fx);
	json_destroy(d->doc);
	engine_destroy(d->engine);
	versions_destroy(d->past);
	if (d->base != NULL)
		event_base_free(d->base);
	config_unref(d->cfg);
	libevent_global_shutdown();
	curl_global_cleanup();
}

int main(int argc, char **argv)
{
	static struct daemon d;      /* large; everything reaches it by pointer */
	int status;

	options_parse(argc, argv, &d.opt);
	log_set_level(d.opt.log_level);
	harden();
	thread_set_slice(SLICE_US);
	memory_is_ours();
	d.cfg = load_config(&d.opt);
	if (d.cfg == NULL)
		return EXIT_CONFIG;
	if (d.opt.check) {
		status = check(d.cfg);
		config_unref(d.cfg);
		return status;
	}
	status = open_store(&d);
	if (status != 0) {
		config_unref(d.cfg);
		return status;
	}
	if (set_up(&d))
		turn_run(&d);
	else if (d.exit_status == 0)
		d.exit_status = 1;
	tear_down(&d);
	log_notice("daemon", "ended", "status=%d", d.exit_status);
	return d.exit_status;
}
