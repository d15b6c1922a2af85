/*
 * The whole of notify/ against sinks on loopback. Time is injected: real time and what the test adds to it, so that a retry after a
 * minute takes no minute.
 */
#include "../cmocka_plazo.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "base/now.h"
#include "notify/notify.h"
#include "notify/queue.h"
#include "../prop.h"

#define MAX_TOLD 32768

struct told {
	char              id[ALERT_ID_LEN + 1], receiver[64], detail[256];
	enum notify_state state;
	unsigned          attempts;
	struct wall       next_at;
	int               status;
};

struct world {
	struct event_base *base;
	struct notify     *n;
	int64_t            ahead_ms;         /* of real time */
	struct told       *told;
	size_t             n_told;
	char               also[64][64];     /* receivers of ops->also */
	size_t             n_also;
	struct alert       raised;
	char               reason[128];     /* of it, up to the id */
	size_t             n_raised, n_idle, n_refills, refills, room;
	const char        *drop;             /* what look says */
	int                test_ok, test_status;
	struct notify_receiver receivers[8];
	size_t             n_receivers, n_defaults;
	struct notify_settings settings;
};

struct sink { pid_t pid; int port; char out[64], cert[128]; };

/* ---- the owner's side ---- */

static void op_now(void *ctx, struct wall *wall_out, struct mono *mono_out)
{
	struct world *w = ctx;

	*wall_out = (struct wall){ wall_now().ms + w->ahead_ms };
	*mono_out = (struct mono){ mono_now().ms + w->ahead_ms };
}

static void op_settle(void *ctx, const struct notify_result *r)
{
	struct world *w = ctx;

	assert_true(w->n_told < MAX_TOLD);
	struct told *t = &w->told[w->n_told++];
	snprintf(t->id, sizeof(t->id), "%s", r->alert_id);
	snprintf(t->receiver, sizeof(t->receiver), "%s", r->receiver);
	snprintf(t->detail, sizeof(t->detail), "%s", r->detail);
	t->state = r->state;
	t->attempts = r->attempts;
	t->next_at = r->next_at;
	t->status = r->status;
}

static enum notify_look op_look(void *ctx, const struct alert *a, const char **reason_out)
{
	struct world *w = ctx;

	(void)a;
	*reason_out = w->drop;
	return w->drop != NULL ? NOTIFY_DROP : NOTIFY_SEND;
}

static void op_also(void *ctx, const struct alert *a, const char *receiver, const char *why)
{
	struct world *w = ctx;

	(void)a;
	assert_true(why[0] != '\0');
	if (w->n_also < 64)
		snprintf(w->also[w->n_also++], 64, "%s", receiver);
}

static void op_alert(void *ctx, const struct alert *a)
{
	struct world *w = ctx;

	w->raised = *a;
	snprintf(w->reason, sizeof(w->reason), STR_FMT, (int)(strcspn(a->reason.p, "(") - 1), a->reason.p);
	w->n_raised++;
	assert_true(a->n_receivers > 0);
	/* Nobody is told twice, and none of itself. */
	for (size_t i = 0; i < a->n_receivers; i++)
		for (size_t k = 0; k <= i; k++)
			assert_false(str_eq(a->receivers[i], k < i ? a->receivers[k] : a->ticket));
}

static bool op_refill(void *ctx, const char *receiver, size_t held, size_t room)
{
	struct world *w = ctx;

	assert_true(receiver[0] != '\0' && held < NOTIFY_MAX_QUEUE);
	w->n_refills++;
	w->room = room;
	return w->n_refills < w->refills;
}

static void op_idle(void *ctx)
{
	((struct world *)ctx)->n_idle++;
}

static const struct notify_ops ops = { op_now, op_settle, op_look, op_also, op_alert, op_refill, op_idle };

/* ---- sinks ---- */

static struct sink sink_start(const char *kind, const char *const *more)
{
	static int serial;
	const char *argv[24] = { "/usr/bin/python3", "tests/system/sinks.py", kind, "--out" };
	struct sink s = { .pid = -1 };
	int fds[2], n = 4;
	char *end;

	snprintf(s.out, sizeof(s.out), "/tmp/test_notify.%d.%d", (int)getpid(), serial++);
	argv[n++] = s.out;
	bool tls = false;
	for (size_t i = 0; more[i] != NULL; i++) {
		tls = tls || strcmp(more[i], "--tls") == 0;
		argv[n++] = more[i];
	}
	assert_int_equal(pipe(fds), 0);
	s.pid = fork();
	if (s.pid == 0) {
		/* One that a failed test has left must not keep whoever waits for our output. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fds[1], 1);
		close(fds[0]);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fds[1]);
	FILE *f = fdopen(fds[0], "r");
	char line[128] = "";
	assert_non_null(fgets(line, sizeof(line), f));
	s.port = (int)strtol(line, &end, 10);
	assert_true(s.port > 0);
	if (tls)
		assert_non_null(fgets(s.cert, sizeof(s.cert), f));
	s.cert[strcspn(s.cert, "\n")] = '\0';
	fclose(f);
	return s;
}

#define SINK(kind, ...) sink_start(kind, (const char *const[]){ __VA_ARGS__, NULL })

static bool sink_has_some(const struct sink *s)
{
	struct stat st;

	return stat(s->out, &st) == 0 && st.st_size > 0;
}

/* All that it received, as text; owned. */
static char *sink_stop(struct sink *s)
{
	char *text = calloc(1, 1 << 20);

	kill(s->pid, SIGTERM);
	waitpid(s->pid, NULL, 0);
	FILE *f = fopen(s->out, "r");
	if (f != NULL) {
		assert_true(fread(text, 1, (1 << 20) - 1, f) < (1 << 20) - 1);
		fclose(f);
	}
	unlink(s->out);
	return text;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

/* ---- worlds ---- */

static struct world *world_create(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct event_config *c = event_config_new();

	event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER);
	w->base = event_base_new_with_config(c);
	event_config_free(c);
	w->told = calloc(MAX_TOLD, sizeof(*w->told));
	w->n = notify_create(w->base, &ops, w, 42);
	assert_non_null(w->n);
	/* Receivers are written in Python: some are to be waited for in vain, all others should be waited for. */
	w->settings.timeout_ms = 15000;
	w->test_ok = -1;
	return w;
}

static void world_destroy(struct world *w)
{
	notify_destroy(w->n);
	event_base_free(w->base);
	for (size_t i = 0; i < w->n_receivers; i++)
		free((void *)(uintptr_t)w->receivers[i].url);
	free((void *)(uintptr_t)w->settings.email.smtp);
	free(w->told);
	free(w);
}

static void configure(struct world *w)
{
	static const char *const defaults[] = { "console", "other", "hook" };
	struct diag d = { .msg = "" };

	w->settings.receivers = w->receivers;
	w->settings.n_receivers = w->n_receivers;
	w->settings.defaults = defaults;
	w->settings.n_defaults = w->n_defaults > 0 ? w->n_defaults : 1;
	if (notify_configure(w->n, &w->settings, &d) != ERR_OK)
		fail_msg("%s", d.msg);
}

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static struct notify_receiver *add_hook(struct world *w, const char *name, int port)
{
	struct notify_receiver *r = &w->receivers[w->n_receivers++];
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/hook", port);
	*r = (struct notify_receiver){ .name = name, .kind = NOTIFY_WEBHOOK, .url = strdup(url), .secrets = { STR(SECRET) } };
	return r;
}

static struct notify_receiver *add_mail(struct world *w, int port, const char *const *to, size_t n_to)
{
	struct notify_receiver *r = &w->receivers[w->n_receivers++];
	char url[64];

	snprintf(url, sizeof(url), "smtp://localhost:%d", port);
	w->settings.email = (struct notify_email){ .smtp = strdup(url), .from = "SLA watch <sla@example.com>", .tls = NOTIFY_TLS_NONE };
	*r = (struct notify_receiver){ .name = "mail", .kind = NOTIFY_EMAIL, .to = to, .n_to = n_to, .language = TEXT_ES };
	return r;
}

static void on_pulse(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
}

/* Of what comes in milliseconds on a machine that has time. */
#define PATIENCE_MS 30000

/* Turns the loop until `n` results are there, `real_ms` at most. */
static bool run_until(struct world *w, size_t n, int64_t real_ms)
{
	struct timeval pulse = { 0, 5000 };
	struct event *ev = event_new(w->base, -1, EV_PERSIST, on_pulse, NULL);
	int64_t end = mono_now().ms + real_ms;

	event_add(ev, &pulse);
	while (w->n_told < n && mono_now().ms < end)
		event_base_loop(w->base, EVLOOP_ONCE);
	event_free(ev);
	return w->n_told >= n;
}

static void advance(struct world *w, int64_t ms)
{
	w->ahead_ms += ms;
	notify_tick(w->n);
}

static struct alert alert_of(struct world *w, enum alert_type type, const char *ticket, const char *step)
{
	struct wall now;
	struct mono mono;

	op_now(w, &now, &mono);
	struct alert a = {
		.type = type, .at = now, .ns = STR("desk"), .ticket = str_of(ticket), .contract = STR("acme"), .metric = STR("resolution"),
		.agreement = STR("sla"), .cycle = 1, .step = str_of(step), .occurrence = 1, .due = wall_plus(now, type == ALERT_WARNING ? 1800000 : 0),
		.target = STR("2h"), .elapsed_ms = 5400000, .remaining_ms = 1800000, .priority = STR("P1"), .subject = STR("Año\r\nBcc: evil@x.example"),
		.reason = STR("because"),
	};

	alert_set_id(&a);
	return a;
}

static enum err put(struct world *w, const struct alert *a, const char *receiver)
{
	return notify_put(w->n, &(struct notify_delivery){ .alert = a, .receiver = receiver, .next_at = WALL_PAST, .created = a->at });
}

static const struct told *last(const struct world *w)
{
	assert_true(w->n_told > 0);
	return &w->told[w->n_told - 1];
}

/* ---- webhooks ---- */

static void webhooks_are_signed_and_sent_once(void **state)
{
	(void)state;
	struct sink s = SINK("webhook", "--secret", SECRET);
	struct world *w = world_create();
	char ticket[32];

	add_hook(w, "hook", s.port)->secrets[1] = STR("raw");
	configure(w);
	for (int i = 0; i < 60; i++) {
		snprintf(ticket, sizeof(ticket), "INC-%d", i % 20);
		struct alert a = alert_of(w, i % 2 ? ALERT_BREACH : ALERT_ESCALATION, ticket, "breach");
		a.cycle = (uint32_t)i + 1;
		alert_set_id(&a);
		assert_int_equal(put(w, &a, "hook"), ERR_OK);
		assert_int_equal(put(w, &a, "hook"), ERR_CONFLICT);
	}
	assert_true(run_until(w, 60, PATIENCE_MS));
	for (size_t i = 0; i < 60; i++)
		assert_int_equal(w->told[i].state, NOTIFY_SENT);
	struct notify_stats st;
	assert_true(notify_stats(w->n, 0, &st));
	assert_int_equal(st.n_sent, 60);
	assert_int_equal(st.n_pending, 0);
	assert_false(notify_stats(w->n, 1, &st));
	char *got = sink_stop(&s);
	assert_int_equal(count(got, "\"valid\": true"), 60);
	assert_int_equal(count(got, "\"user-agent\": \"plazo/"), 60);
	assert_int_equal(count(got, "\"expect\""), 0);
	assert_int_equal(count(got, "v1,"), 120);
	free(got);
	world_destroy(w);
}

static void one_that_fails_is_tried_again_as_the_same(const char *mode, int status)
{
	struct sink s = SINK("webhook", "--secret", SECRET, "--modes", mode);
	struct world *w = world_create();

	add_hook(w, "hook", s.port);
	if (strcmp(mode, "hang") == 0 || strcmp(mode, "slow-head") == 0)
		w->settings.timeout_ms = 2500;
	configure(w);
	struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach");
	put(w, &a, "hook");
	assert_true(run_until(w, 1, PATIENCE_MS));
	/* From now on who takes his time does not fail. */
	w->settings.timeout_ms = 15000;
	configure(w);
	if (last(w)->state != NOTIFY_PENDING || last(w)->status != status)
		fail_msg("mode %s: %s %d %s", mode, notify_state_names[last(w)->state], last(w)->status, last(w)->detail);
	assert_true(last(w)->next_at.ms > a.at.ms);
	advance(w, 3000);
	assert_true(run_until(w, 2, PATIENCE_MS));
	assert_int_equal(last(w)->state, NOTIFY_SENT);
	assert_int_equal(last(w)->attempts, 2);
	char *got = sink_stop(&s);
	assert_int_equal(count(got, "\"valid\": true"), 2);
	/* In the header and in the body, twice each. */
	assert_int_equal(count(got, a.id), 6);
	/* The first was not, unless this process stood still. */
	assert_true(count(got, "\"late_s\": 0,") + count(got, "\"late_s\": 0}") <= 1);
	free(got);
	world_destroy(w);
}

static void failures_are_tried_again(void **state)
{
	(void)state;
	one_that_fails_is_tried_again_as_the_same("reset", 0);
	one_that_fails_is_tried_again_as_the_same("close", 0);
	one_that_fails_is_tried_again_as_the_same("hang", 0);
	one_that_fails_is_tried_again_as_the_same("slow-head", 0);
	one_that_fails_is_tried_again_as_the_same("huge-head", 0);
	one_that_fails_is_tried_again_as_the_same("500", 500);
	one_that_fails_is_tried_again_as_the_same("408", 408);
	one_that_fails_is_tried_again_as_the_same("425", 425);
	one_that_fails_is_tried_again_as_the_same("429", 429);
	one_that_fails_is_tried_again_as_the_same("retry-after:garbage:503", 503);
	one_that_fails_is_tried_again_as_the_same("retry-after:2", 429);
}

static void what_was_accepted_is_accepted(void **state)
{
	(void)state;
	static const char *const modes[] = { "slow-body", "huge-body", "204" };

	for (size_t i = 0; i < 3; i++) {
		struct sink s = SINK("webhook", "--mode", modes[i]);
		struct world *w = world_create();

		add_hook(w, "hook", s.port);
		/* Time enough for the headers; the first body takes all of it. */
		w->settings.timeout_ms = 6000;
		configure(w);
		struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach");
		put(w, &a, "hook");
		assert_true(run_until(w, 1, PATIENCE_MS));
		assert_int_equal(last(w)->state, NOTIFY_SENT);
		free(sink_stop(&s));
		world_destroy(w);
	}
}

static void denied_goes_to_the_fallback_at_once(void **state)
{
	(void)state;
	static const char *const modes[] = { "401", "403", "404", "redirect", "retry-after:120", "retry-after:4000:503" };

	for (size_t i = 0; i < 6; i++) {
		struct sink s = SINK("webhook", "--mode", modes[i]);
		struct world *w = world_create();

		add_hook(w, "hook", s.port)->fallback = "other";
		configure(w);
		struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach");
		put(w, &a, "hook");
		assert_true(run_until(w, 1, PATIENCE_MS));
		assert_int_equal(last(w)->state, NOTIFY_PENDING);
		assert_int_equal(w->n_also, 1);
		assert_string_equal(w->also[0], "other");
		/* Retry-After is clamped to an hour. */
		assert_in_range(last(w)->next_at.ms - a.at.ms, i == 4 ? 120000 : i == 5 ? 3600000 : 20000, i == 4 ? 130000 : i == 5 ? 3610000 : 50000);
		advance(w, 50000);
		run_until(w, 2, i < 4 ? PATIENCE_MS : 200);
		assert_int_equal(w->n_told, i < 4 ? 2 : 1);
		assert_int_equal(w->n_also, 1);
		free(sink_stop(&s));
		world_destroy(w);
	}
}

static void a_break_that_is_asked_for_holds_for_all(void **state)
{
	(void)state;
	struct sink s = SINK("webhook", "--mode", "retry-after:600");
	struct world *w = world_create();

	add_hook(w, "hook", s.port)->fallback = "other";
	configure(w);
	struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach"), b = alert_of(w, ALERT_BREACH, "INC-2", "breach"), c = alert_of(w, ALERT_WARNING, "INC-3", "75%");
	put(w, &a, "hook");
	assert_true(run_until(w, 1, PATIENCE_MS));
	put(w, &b, "hook");
	put(w, &c, "hook");
	advance(w, 6000);
	run_until(w, 2, 300);
	assert_int_equal(w->n_told, 1);
	/* The breach does not wait for the break to end, the warning does. */
	assert_int_equal(w->n_also, 2);
	char *got = sink_stop(&s);
	assert_int_equal(count(got, "\"method\""), 1);
	free(got);
	world_destroy(w);
}

static void gone_is_disabled_until_the_next_configuration(void **state)
{
	(void)state;
	struct sink s = SINK("webhook", "--modes", "410");
	struct world *w = world_create();

	add_hook(w, "hook", s.port)->fallback = "other";
	configure(w);
	struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach"), b = alert_of(w, ALERT_BREACH, "INC-1", "other"), c = alert_of(w, ALERT_BREACH, "INC-3", "breach");
	put(w, &a, "hook");
	put(w, &b, "hook");
	assert_true(run_until(w, 2, PATIENCE_MS));
	assert_int_equal(w->told[0].state, NOTIFY_DEAD);
	assert_int_equal(w->told[1].state, NOTIFY_DEAD);
	assert_int_equal(w->n_raised, 1);
	assert_int_equal(w->n_also, 2);
	put(w, &c, "hook");
	assert_true(run_until(w, 3, PATIENCE_MS));
	assert_int_equal(last(w)->state, NOTIFY_DEAD);
	configure(w);
	c = alert_of(w, ALERT_BREACH, "INC-4", "breach");
	put(w, &c, "hook");
	assert_true(run_until(w, 4, PATIENCE_MS));
	assert_int_equal(last(w)->state, NOTIFY_SENT);
	char *got = sink_stop(&s);
	assert_int_equal(count(got, "\"method\""), 2);
	free(got);
	world_destroy(w);
}

static void refused_is_given_up_soon(void **state)
{
	(void)state;
	struct sink s = SINK("webhook", "--mode", "422");
	struct world *w = world_create();

	add_hook(w, "hook", s.port)->fallback = "other";
	configure(w);
	struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach");
	put(w, &a, "hook");
	for (size_t i = 1; i <= 3; i++) {
		assert_true(run_until(w, i, PATIENCE_MS));
		assert_int_equal(last(w)->state, i < 3 ? NOTIFY_PENDING : NOTIFY_DEAD);
		advance(w, 60000);
	}
	assert_string_equal(last(w)->detail, "422: no");
	assert_int_equal(w->n_also, 1);
	assert_int_equal(w->n_raised, 1);
	free(sink_stop(&s));
	world_destroy(w);
}

/* One that is refused three times, and so given up. */
static void give_up(struct world *w, enum alert_type type, const char *ticket)
{
	struct alert a = alert_of(w, type, ticket, "breach");

	put(w, &a, "hook");
	for (size_t n = w->n_told, i = 1; i <= 3; i++) {
		assert_true(run_until(w, n + i, PATIENCE_MS));
		advance(w, 60000);
	}
	assert_int_equal(last(w)->state, NOTIFY_DEAD);
}

static void what_is_given_up_is_told_once_an_hour(void **state)
{
	(void)state;
	struct sink s = SINK("webhook", "--mode", "422");
	struct world *w = world_create();

	add_hook(w, "hook", s.port)->fallback = "other";
	w->n_defaults = 3;
	configure(w);
	give_up(w, ALERT_BREACH, "INC-1");
	assert_int_equal(w->n_raised, 1);
	assert_int_equal(w->raised.type, ALERT_DAEMON_DEAD);
	assert_int_equal(w->raised.n_receivers, 2);
	give_up(w, ALERT_BREACH, "INC-2");
	give_up(w, ALERT_DAEMON_UNMATCHED, "INC-3");
	assert_int_equal(w->n_raised, 1);
	/* Those that had to wait are told of though no other follows them. */
	advance(w, MS_PER_H);
	assert_int_equal(w->n_raised, 2);
	assert_string_equal(w->reason, "2 given up; the last: daemon.unmatched INC-3");
	advance(w, 2 * MS_PER_H);
	/* Of these nobody is told: that would be for ever. */
	give_up(w, ALERT_DAEMON_DEAD, "hook");
	assert_int_equal(w->n_raised, 2);
	give_up(w, ALERT_BREACH, "INC-4");
	assert_int_equal(w->n_raised, 3);
	assert_string_equal(w->reason, "1 given up; the last: sla.breach INC-4");
	free(sink_stop(&s));
	world_destroy(w);
}

static void nobody_at_home_is_given_up_after_a_day(void **state)
{
	(void)state;
	struct world *w = world_create();

	add_hook(w, "hook", 1)->fallback = "other";
	configure(w);
	struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach"), b = alert_of(w, ALERT_WARNING, "INC-2", "75%");
	put(w, &a, "hook");
	put(w, &b, "hook");
	assert_true(run_until(w, 2, PATIENCE_MS));
	assert_int_equal(w->n_also, 0);
	/* After a minute of that the breach goes to the fallback, and after half an hour the warning is due: too late to warn. */
	for (int i = 0; i < 8; i++) {
		advance(w, 15000);
		run_until(w, MAX_TOLD, 50);
	}
	assert_int_equal(w->n_also, 1);
	size_t n = w->n_told;
	advance(w, 1800000);
	assert_true(run_until(w, n + 2, PATIENCE_MS));
	int dead = 0;
	for (size_t i = n; i < w->n_told; i++)
		dead += w->told[i].state == NOTIFY_DEAD && strcmp(w->told[i].id, b.id) == 0;
	assert_int_equal(dead, 1);
	advance(w, MS_PER_DAY);
	n = w->n_told;
	assert_true(run_until(w, n + 1, PATIENCE_MS));
	assert_int_equal(last(w)->state, NOTIFY_DEAD);
	assert_string_equal(last(w)->id, a.id);
	world_destroy(w);
}

static void a_receiver_that_is_back_gets_all_at_once(void **state)
{
	(void)state;
	struct sink s = SINK("webhook", "--modes", "500,500,500,500,500,500,500,500,500,500");
	struct world *w = world_create();
	char ticket[32];

	add_hook(w, "hook", s.port);
	configure(w);
	for (int i = 0; i < 5; i++) {
		snprintf(ticket, sizeof(ticket), "INC-%d", i);
		struct alert a = alert_of(w, ALERT_BREACH, ticket, "breach");
		put(w, &a, "hook");
	}
	assert_true(run_until(w, 5, PATIENCE_MS));
	advance(w, 61000);
	/* The second round fails too; then one is told to go first, and takes the others with it. */
	assert_true(run_until(w, 10, PATIENCE_MS));
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(w->told[i].state, NOTIFY_PENDING);
	struct alert a = alert_of(w, ALERT_BREACH, "INC-9", "breach");
	put(w, &a, "hook");
	assert_true(run_until(w, 16, PATIENCE_MS));
	for (size_t i = 10; i < 16; i++)
		assert_int_equal(w->told[i].state, NOTIFY_SENT);
	free(sink_stop(&s));
	world_destroy(w);
}

static void certificates_are_verified(void **state)
{
	(void)state;
	struct sink s = SINK("webhook", "--tls");

	for (int i = 0; i < 2; i++) {
		struct world *w = world_create();
		struct notify_receiver *r = add_hook(w, "hook", s.port);
		char url[64];

		snprintf(url, sizeof(url), "https://localhost:%d/secret-path", s.port);
		free((void *)(uintptr_t)r->url);
		r->url = strdup(url);
		r->ca_file = i == 0 ? s.cert : NULL;
		/* A handshake takes its time under valgrind. */
		w->settings.timeout_ms = 20000;
		configure(w);
		struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach");
		put(w, &a, "hook");
		assert_true(run_until(w, 1, PATIENCE_MS));
		assert_int_equal(last(w)->state, i == 0 ? NOTIFY_SENT : NOTIFY_PENDING);
		if (i != 0)
			assert_non_null(strstr(last(w)->detail, "self-signed certificate"));
		assert_null(strstr(last(w)->detail, "secret"));
		world_destroy(w);
	}
	free(sink_stop(&s));
}

static void link_local_is_refused(void **state)
{
	(void)state;
	static const char *const urls[] = {
		"http://169.254.169.254/latest", "http://[fe80::1]/", "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/", "http://2852039166/",
	};

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct world *w = world_create();
		struct notify_receiver *r = add_hook(w, "hook", 1);

		free((void *)(uintptr_t)r->url);
		r->url = strdup(urls[i]);
		configure(w);
		struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach");
		put(w, &a, "hook");
		assert_true(run_until(w, 1, PATIENCE_MS));
		assert_string_equal(last(w)->detail, "link-local address refused");
		world_destroy(w);
	}
}

static void a_dead_receiver_delays_no_other(void **state)
{
	(void)state;
	struct sink dead = SINK("webhook", "--mode", "hang"), well = SINK("webhook", "--mode", "ok");
	struct world *w = world_create();
	char ticket[32];

	w->settings.timeout_ms = 60000;
	add_hook(w, "dead", dead.port);
	add_hook(w, "well", well.port);
	configure(w);
	for (int i = 0; i < 200; i++) {
		snprintf(ticket, sizeof(ticket), "INC-%d", i);
		struct alert a = alert_of(w, ALERT_BREACH, ticket, "breach");
		put(w, &a, "dead");
		put(w, &a, "well");
	}
	assert_true(run_until(w, 200, PATIENCE_MS));
	for (size_t i = 0; i < 200; i++)
		assert_string_equal(w->told[i].receiver, "well");
	struct notify_stats st;
	assert_true(notify_stats(w->n, 0, &st));
	assert_int_equal(st.n_pending, 200);
	assert_int_equal(st.n_flights, NOTIFY_MAX_FLIGHTS);
	/* What is in flight when the grace ends is parked. */
	notify_stop(w->n, 100);
	assert_int_equal(w->n_idle, 0);
	assert_true(run_until(w, 216, PATIENCE_MS));
	run_until(w, MAX_TOLD, 50);
	assert_int_equal(w->n_told, 216);
	assert_int_equal(w->n_idle, 1);
	assert_int_equal(last(w)->state, NOTIFY_PENDING);
	free(sink_stop(&dead));
	free(sink_stop(&well));
	world_destroy(w);
}

/* ---- order and superseding ---- */

static void a_breach_sweeps_its_warning_away(void **state)
{
	(void)state;
	struct sink s = SINK("webhook", "--modes", "500");
	struct world *w = world_create();

	add_hook(w, "hook", s.port);
	configure(w);
	struct alert warn = alert_of(w, ALERT_WARNING, "INC-1", "75%"), breach = alert_of(w, ALERT_BREACH, "INC-1", "breach");
	put(w, &warn, "hook");
	assert_true(run_until(w, 1, PATIENCE_MS));
	put(w, &breach, "hook");
	assert_true(run_until(w, 3, PATIENCE_MS));
	assert_int_equal(w->told[1].state, NOTIFY_SUPPRESSED);
	assert_string_equal(w->told[1].detail, "breached meanwhile");
	assert_int_equal(w->told[2].state, NOTIFY_SENT);
	free(sink_stop(&s));
	world_destroy(w);
}

static void of_late_ones_only_the_highest_is_sent(void **state)
{
	(void)state;
	struct sink s = SINK("webhook", "--mode", "ok");
	struct world *w = world_create();
	struct alert v[5] = {
		alert_of(w, ALERT_WARNING, "INC-1", "50%"), alert_of(w, ALERT_WARNING, "INC-1", "75%"), alert_of(w, ALERT_WARNING, "INC-2", "50%"),
		alert_of(w, ALERT_WARNING, "INC-2", "due-30m"), alert_of(w, ALERT_BREACH, "INC-1", "breach"),
	};

	add_hook(w, "hook", s.port);
	configure(w);
	/* INC-1's are two hours late; INC-2's two are of this instant and both are sent. */
	for (int i = 0; i < 5; i++)
		if (i != 2 && i != 3)
			v[i].at.ms -= 7200500 - i;
	v[3].at = v[2].at;
	v[4].type = ALERT_ESCALATION;
	for (int i = 0; i < 4; i++)
		put(w, &v[i], "hook");
	assert_true(run_until(w, 4, PATIENCE_MS));
	size_t sent = 0;
	for (size_t i = 0; i < 4; i++) {
		sent += w->told[i].state == NOTIFY_SENT;
		if (w->told[i].state != NOTIFY_SENT) {
			assert_string_equal(w->told[i].id, v[0].id);
			assert_string_equal(w->told[i].detail, "superseded");
		}
	}
	assert_int_equal(sent, 3);
	char *got = sink_stop(&s);
	assert_int_equal(count(got, "\"late_s\": 720"), 1);
	free(got);
	world_destroy(w);
}

static void what_is_met_meanwhile_is_dropped(void **state)
{
	(void)state;
	struct world *w = world_create();

	add_hook(w, "hook", 1);
	configure(w);
	w->drop = "met meanwhile";
	struct alert a = alert_of(w, ALERT_WARNING, "INC-1", "75%");
	put(w, &a, "hook");
	assert_true(run_until(w, 1, PATIENCE_MS));
	assert_int_equal(last(w)->state, NOTIFY_SUPPRESSED);
	assert_string_equal(last(w)->detail, "met meanwhile");
	assert_int_equal(last(w)->attempts, 0);
	world_destroy(w);
}

/* What waits for its grace is not sent before, and is not late then. */
static bool leaves_at_the_end_of_its_grace(void)
{
	struct sink s = SINK("webhook", "--mode", "ok");
	struct world *w = world_create();

	add_hook(w, "hook", s.port);
	configure(w);
	struct alert a = alert_of(w, ALERT_WARNING, "INC-1", "75%");
	notify_put(w->n, &(struct notify_delivery){ .alert = &a, .receiver = "hook", .next_at = wall_plus(a.at, 10000), .created = a.at });
	assert_false(run_until(w, 1, 200));
	advance(w, 10000 - 100);
	assert_true(run_until(w, 1, PATIENCE_MS));
	char *got = sink_stop(&s);
	bool in_time = count(got, "\"late_s\": 0") == 1;
	free(got);
	world_destroy(w);
	return in_time;
}

static void grace_is_waited_for_and_is_not_lateness(void **state)
{
	int tries = 1;

	(void)state;
	/* This process may stand still just then, but not each time. */
	while (!leaves_at_the_end_of_its_grace())
		assert_true(tries++ < 3);
}

/* The clock on the wall was set back: the owner decided what is to come. By more than a day, and it was never right. */
static void what_is_hours_ahead_waits_for_its_instant(void **state)
{
	(void)state;
	struct world *w = world_create();

	w->receivers[w->n_receivers++] = (struct notify_receiver){ .name = "console", .kind = NOTIFY_LOG };
	configure(w);
	struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach"), b = alert_of(w, ALERT_BREACH, "INC-2", "breach");
	a.at.ms += 3 * MS_PER_H;
	b.at.ms += 365 * MS_PER_DAY;
	notify_put(w->n, &(struct notify_delivery){ .alert = &a, .receiver = "console", .next_at = a.at, .created = a.at });
	notify_put(w->n, &(struct notify_delivery){ .alert = &b, .receiver = "console", .next_at = b.at, .created = b.at });
	assert_false(run_until(w, 1, 200));
	advance(w, MS_PER_H);
	assert_true(run_until(w, 1, PATIENCE_MS));
	assert_string_equal(last(w)->id, b.id);
	for (int i = 0; i < 2; i++) {
		assert_false(run_until(w, 2, 200));
		advance(w, MS_PER_H - MS_PER_MIN);
	}
	assert_false(run_until(w, 2, 200));
	advance(w, 3 * MS_PER_MIN);
	assert_true(run_until(w, 2, PATIENCE_MS));
	assert_string_equal(last(w)->id, a.id);
	assert_int_equal(last(w)->state, NOTIFY_SENT);
	world_destroy(w);
}

static void the_queue_is_bounded_and_filled_again(void **state)
{
	(void)state;
	struct world *w = world_create();
	char ticket[32];
	size_t full = 0;

	w->receivers[w->n_receivers++] = (struct notify_receiver){ .name = "console", .kind = NOTIFY_LOG };
	configure(w);
	for (int i = 0; i < NOTIFY_MAX_WARNINGS + 10; i++) {
		snprintf(ticket, sizeof(ticket), "INC-%d", i);
		struct alert a = alert_of(w, ALERT_WARNING, ticket, "75%");
		full += put(w, &a, "console") == ERR_FULL;
	}
	assert_int_equal(full, 10);
	/* There is still room for a breach, and it goes first. */
	struct alert b = alert_of(w, ALERT_BREACH, "INC-X", "breach");
	b.at.ms += 1000;
	assert_int_equal(put(w, &b, "console"), ERR_OK);
	w->drop = "not now";
	w->refills = 3;
	assert_true(run_until(w, NOTIFY_MAX_WARNINGS + 1, PATIENCE_MS));
	assert_string_equal(w->told[0].id, b.id);
	/* Asked again as long as there is more. */
	assert_int_equal(w->n_refills, 3);
	assert_true(w->room >= NOTIFY_MAX_WARNINGS / 4);
	world_destroy(w);
}

/* ---- configuration ---- */

/* What lies in the outbox for want of room is told to others, too. */
static void what_had_no_room_is_asked_for_when_its_receiver_goes(void **state)
{
	(void)state;
	struct world *w = world_create();
	char ticket[32];

	w->receivers[w->n_receivers++] = (struct notify_receiver){ .name = "console", .kind = NOTIFY_LOG };
	configure(w);
	for (int i = 0; i < NOTIFY_MAX_WARNINGS + 1; i++) {
		snprintf(ticket, sizeof(ticket), "INC-%d", i);
		struct alert a = alert_of(w, ALERT_WARNING, ticket, "75%");
		(void)put(w, &a, "console");
	}
	w->refills = 3;
	w->n_receivers = 0;
	configure(w);
	assert_true(run_until(w, NOTIFY_MAX_WARNINGS, PATIENCE_MS));
	for (int i = 0; i < 3; i++)
		notify_tick(w->n);
	assert_int_equal(w->n_refills, 3);
	world_destroy(w);
}

static void receivers_that_go_hand_over_to_the_defaults(void **state)
{
	(void)state;
	struct world *w = world_create();
	struct diag d;

	add_hook(w, "hook", 1);
	configure(w);
	struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach"), b = alert_of(w, ALERT_BREACH, "INC-2", "breach");
	put(w, &a, "hook");
	assert_true(run_until(w, 1, PATIENCE_MS));
	/* A bad configuration changes nothing. */
	struct notify_receiver bad = { .name = "hook", .kind = NOTIFY_WEBHOOK, .url = "ftp://x/" };
	assert_int_equal(notify_configure(w->n, &(struct notify_settings){ .receivers = &bad, .n_receivers = 1 }, &d), ERR_SYNTAX);
	bad.url = "http://user:secret@x/";
	assert_int_equal(notify_configure(w->n, &(struct notify_settings){ .receivers = &bad, .n_receivers = 1 }, &d), ERR_SYNTAX);
	assert_null(strstr(d.msg, "secret@"));
	assert_int_equal(w->n_told, 1);
	free((void *)(uintptr_t)w->receivers[0].url);
	w->receivers[0] = (struct notify_receiver){ .name = "console", .kind = NOTIFY_LOG };
	configure(w);
	assert_int_equal(w->n_told, 2);
	assert_int_equal(last(w)->state, NOTIFY_DEAD);
	assert_int_equal(w->n_also, 1);
	assert_string_equal(w->also[0], "console");
	put(w, &b, "nobody");
	assert_int_equal(last(w)->state, NOTIFY_DEAD);
	assert_int_equal(w->n_also, 2);
	world_destroy(w);
}

static void on_test(void *ctx, bool ok, int status, const char *detail)
{
	struct world *w = ctx;

	assert_non_null(detail);
	w->test_ok = ok;
	w->test_status = status;
}

static void a_receiver_is_tested_once(void **state)
{
	(void)state;
	struct sink s = SINK("webhook", "--modes", "ok,500");
	struct world *w = world_create();

	add_hook(w, "hook", s.port);
	w->receivers[w->n_receivers++] = (struct notify_receiver){ .name = "console", .kind = NOTIFY_LOG };
	configure(w);
	for (int i = 0; i < 3; i++) {
		w->test_ok = -1;
		assert_int_equal(notify_test(w->n, i < 2 ? "hook" : "console", on_test, w), ERR_OK);
		assert_int_equal(w->test_ok, -1);
		for (int k = 0; k < 1000 && w->test_ok < 0; k++)
			run_until(w, 1, 20);
		assert_int_equal(w->test_ok, i != 1);
		assert_int_equal(w->test_status, i == 0 ? 200 : i == 1 ? 500 : 0);
	}
	assert_int_equal(notify_test(w->n, "nobody", on_test, w), ERR_ABSENT);
	assert_int_equal(w->n_told, 0);
	char *got = sink_stop(&s);
	assert_int_equal(count(got, "daemon.test"), 2);
	free(got);
	world_destroy(w);
}

/* One that is taken out of the configuration, and comes back, while its test waits for an answer. */
static void a_test_outlives_its_receiver(void **state)
{
	(void)state;
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct world *w = world_create();
	struct notify_stats st;

	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 1) == 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	w->receivers[w->n_receivers++] = (struct notify_receiver){ .name = "console", .kind = NOTIFY_LOG };
	add_hook(w, "hook", ntohs(sa.sin_port));
	configure(w);
	assert_int_equal(notify_test(w->n, "hook", on_test, w), ERR_OK);
	run_until(w, 1, 50);
	w->n_receivers = 1;
	configure(w);
	notify_tick(w->n);
	assert_int_equal(notify_test(w->n, "hook", on_test, w), ERR_ABSENT);
	w->n_receivers = 2;
	configure(w);
	assert_true(notify_stats(w->n, 1, &st));
	assert_int_equal(st.n_flights, 1);
	for (int k = 0; k < 1000 && w->test_ok < 0; k++)
		run_until(w, 1, 20);
	assert_int_equal(w->test_ok, 0);
	assert_true(notify_stats(w->n, 1, &st));
	assert_int_equal(st.n_flights, 0);
	close(fd);
	world_destroy(w);
}

/* ---- mail ---- */

static const char *const two[] = { "Desk <desk@x.example>", "boss@y.example" };

static struct alert mail_one(struct world *w, size_t told)
{
	struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach");

	configure(w);
	put(w, &a, "mail");
	assert_true(run_until(w, told, PATIENCE_MS));
	return a;
}

static void mail_is_one_message_in_two_parts(void **state)
{
	(void)state;
	struct sink s = SINK("smtp", "--mode", "ok");
	struct world *w = world_create();

	w->settings.timeout_ms = 10000;
	add_mail(w, s.port, two, 2);
	mail_one(w, 1);
	assert_int_equal(last(w)->state, NOTIFY_SENT);
	assert_int_equal(last(w)->status, 250);
	char *got = sink_stop(&s);
	assert_int_equal(count(got, "\"type\": \"multipart/alternative\""), 1);
	assert_int_equal(count(got, "\"to\": [\"RCPT TO:<desk@x.example>\", \"RCPT TO:<boss@y.example>\"]"), 1);
	assert_int_equal(count(got, "\"subject\": \"INCUMPLIDO: INC-1 resolución (P1) – Año Bcc: evil@x.example\""), 1);
	assert_int_equal(count(got, "[\"Bcc\""), 0);
	assert_int_equal(count(got, "[\"Auto-Submitted\", \"auto-generated\"]"), 1);
	assert_int_equal(count(got, "\"defects\": []"), 1);
	assert_int_equal(count(got, "\"bare_lf\": false"), 1);
	assert_int_equal(count(got, "[\"Message-ID\""), 1);
	assert_int_equal(count(got, "[\"References\""), 1);
	free(got);
	world_destroy(w);
}

static void mail_that_is_put_off_is_sent_later(void **state)
{
	(void)state;
	static const struct { const char *mode; int status; } cases[] = { { "greylist", 451 }, { "later", 451 }, { "busy", 421 }, { "close", 0 } };

	for (size_t i = 0; i < 4; i++) {
		struct sink s = SINK("smtp", "--modes", cases[i].mode);
		struct world *w = world_create();

		w->settings.timeout_ms = 10000;
		add_mail(w, s.port, two, 2);
		mail_one(w, 1);
		if (last(w)->state != NOTIFY_PENDING || last(w)->status != cases[i].status)
			fail_msg("%s: %s %d %s", cases[i].mode, notify_state_names[last(w)->state], last(w)->status, last(w)->detail);
		advance(w, 8000);
		assert_true(run_until(w, 2, PATIENCE_MS));
		assert_int_equal(last(w)->state, NOTIFY_SENT);
		free(sink_stop(&s));
		world_destroy(w);
	}
}

static void one_bad_recipient_stops_no_other(void **state)
{
	(void)state;
	struct sink s = SINK("smtp", "--mode", "refuse:boss");
	struct world *w = world_create();

	w->settings.timeout_ms = 10000;
	add_mail(w, s.port, two, 2)->fallback = "other";
	mail_one(w, 1);
	assert_int_equal(last(w)->state, NOTIFY_SENT);
	assert_non_null(strstr(last(w)->detail, "1 of 2 recipients refused: 550"));
	free(sink_stop(&s));
	world_destroy(w);
	/* All of them bad: given up, and the fallback is told. */
	s = SINK("smtp", "--mode", "refuse:@");
	w = world_create();
	w->settings.timeout_ms = 10000;
	add_mail(w, s.port, two, 2)->fallback = "other";
	mail_one(w, 1);
	assert_int_equal(last(w)->state, NOTIFY_DEAD);
	assert_int_equal(last(w)->status, 550);
	assert_int_equal(w->n_also, 1);
	free(sink_stop(&s));
	world_destroy(w);
}

/* How long the loop ever stood still, in that time and until something is told. */
static int64_t longest_turn(struct world *w, int64_t real_ms)
{
	struct timeval pulse = { 0, 5000 };
	struct event *ev = event_new(w->base, -1, EV_PERSIST, on_pulse, NULL);
	int64_t begin = mono_now().ms, longest = 0;

	event_add(ev, &pulse);
	while (mono_now().ms < begin + (w->n_told > 0 ? real_ms : PATIENCE_MS)) {
		int64_t began = mono_now().ms;

		event_base_loop(w->base, EVLOOP_ONCE);
		longest = mono_now().ms - began > longest ? mono_now().ms - began : longest;
	}
	event_free(ev);
	return longest;
}

/* The mail comes to that, and no turn took long meanwhile. */
static bool goes_on_beside(const char *mode, enum notify_state want)
{
	struct sink s = SINK("smtp", "--mode", mode);
	struct world *w = world_create();
	struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach");
	bool well;

	/* Four times as long for mail: one that stops the loop stops it for all of that. */
	w->settings.timeout_ms = 600;
	add_mail(w, s.port, two, 2);
	configure(w);
	put(w, &a, "mail");
	well = longest_turn(w, 1800) < 2000;
	assert_int_equal(w->n_told, 1);
	well = well && last(w)->state == want;
	free(sink_stop(&s));
	world_destroy(w);
	return well;
}

static void no_mail_server_stops_the_loop(void **state)
{
	(void)state;
	static const struct { const char *mode; enum notify_state state; } servers[] = {
		{ "no-quit", NOTIFY_SENT }, { "hang", NOTIFY_PENDING }, { "slow", NOTIFY_PENDING },
	};

	for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
		int tries = 1;

		/* This process, or the server, may stand still by itself, but not each time. */
		while (!goes_on_beside(servers[i].mode, servers[i].state))
			assert_true(tries++ < 3);
	}
}

static void passwords_go_out_under_tls_alone(void **state)
{
	(void)state;
	struct sink s = SINK("smtp", "--tls", "--auth", "plazo:hush"), plain = SINK("smtp", "--auth", "plazo:hush");
	struct world *w;

	for (int i = 0; i < 5; i++) {
		w = world_create();
		w->settings.timeout_ms = 15000;
		add_mail(w, i < 3 ? s.port : plain.port, two, 2)->fallback = "other";
		w->settings.email.tls = i == 4 ? NOTIFY_TLS_STARTTLS : NOTIFY_TLS_REQUIRE;
		w->settings.email.user = "plazo";
		w->settings.email.password = i == 1 ? "wrong" : "hush";
		w->settings.email.ca_file = i != 2 ? s.cert : NULL;
		mail_one(w, 1);
		/* Right; a wrong password; a certificate nobody knows; a server without STARTTLS, twice. */
		if (last(w)->state != (i == 0 ? NOTIFY_SENT : NOTIFY_PENDING) || (i == 1 && last(w)->status != 535))
			fail_msg("case %d: %s %d %s", i, notify_state_names[last(w)->state], last(w)->status, last(w)->detail);
		assert_int_equal(w->n_also, i == 0 ? 0 : 1);
		world_destroy(w);
	}
	char *got = sink_stop(&s);
	assert_int_equal(count(got, "\"tls\": true, \"user\": \"plazo\""), 1);
	assert_int_equal(count(got, "\"sender\""), 1);
	free(got);
	got = sink_stop(&plain);
	assert_int_equal(count(got, "\"sender\""), 0);
	free(got);
}

static void a_server_that_does_not_let_go_does_not_hold_up_the_end(void **state)
{
	(void)state;
	struct sink s = SINK("smtp", "--mode", "no-quit");
	struct world *w = world_create();
	struct alert a = alert_of(w, ALERT_BREACH, "INC-1", "breach");

	w->settings.timeout_ms = 10000;
	add_mail(w, s.port, two, 2);
	configure(w);
	put(w, &a, "mail");
	for (int k = 0; k < 1000 && !sink_has_some(&s); k++)
		run_until(w, 1, 20);
	int64_t began = mono_now().ms;
	world_destroy(w);
	assert_true(mono_now().ms - began < 15000);
	/* Dead, the server lets go after all: nothing is left behind when this program ends. */
	char *got = sink_stop(&s);
	assert_int_equal(count(got, "\"sender\""), 1);
	free(got);
	struct timespec moment = { 0, 300000000 };
	nanosleep(&moment, NULL);
}

/* ---- the queue against its own invariants ---- */

static void the_queue_keeps_its_promises(void **state)
{
	(void)state;
	struct prop r = prop_begin("queue");
	struct queue q;
	struct mono now = { 0 };
	struct delivery *flying[8];
	size_t n_flying = 0;

	queue_init(&q, (struct sipkey){ 1, 2 });
	for (size_t i = 0; i < prop_rounds(4000); i++) {
		char ticket[8], id[ALERT_ID_LEN + 1];
		uint64_t what = prop_below(&r, 10);

		snprintf(ticket, sizeof(ticket), "T%u", (unsigned)prop_below(&r, 12) & 15u);
		snprintf(id, sizeof(id), "a%zu", i);
		if (what < 4 && q.n < 200) {
			struct alert a = { .type = (enum alert_type)prop_below(&r, 4), .ticket = str_of(ticket), .metric = STR("m") };
			memcpy(a.id, id, sizeof(id));
			assert_non_null(queue_put(&q, &a, (struct mono){ now.ms + (int64_t)prop_below(&r, 50) }));
		} else if (what < 6) {
			now.ms += (int64_t)prop_below(&r, 20);
			queue_wake(&q, now);
		} else if (what < 8 && n_flying < 8) {
			struct delivery *d = queue_pop(&q);
			if (d != NULL) {
				/* Never two of one ticket, and never one before its time. */
				for (size_t k = 0; k < n_flying; k++)
					assert_false(str_eq(flying[k]->alert.ticket, d->alert.ticket));
				assert_true(d->due.ms <= now.ms);
				flying[n_flying++] = d;
			}
		} else if (n_flying > 0) {
			size_t k = (size_t)prop_below(&r, n_flying);
			struct delivery *d = flying[k];
			flying[k] = flying[--n_flying];
			if (prop_chance(&r, 50)) {
				queue_wait(&q, d, (struct mono){ now.ms + 10 });
			} else {
				queue_take(&q, d);
				delivery_destroy(d);
			}
		}
		const char *wrong = queue_check(&q);
		if (wrong != NULL)
			fail_msg("round %zu: %s", i, wrong);
	}
	queue_finish(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_queue_keeps_its_promises),
		cmocka_unit_test(webhooks_are_signed_and_sent_once),
		cmocka_unit_test(failures_are_tried_again),
		cmocka_unit_test(what_was_accepted_is_accepted),
		cmocka_unit_test(denied_goes_to_the_fallback_at_once),
		cmocka_unit_test(a_break_that_is_asked_for_holds_for_all),
		cmocka_unit_test(gone_is_disabled_until_the_next_configuration),
		cmocka_unit_test(refused_is_given_up_soon),
		cmocka_unit_test(what_is_given_up_is_told_once_an_hour),
		cmocka_unit_test(nobody_at_home_is_given_up_after_a_day),
		cmocka_unit_test(a_receiver_that_is_back_gets_all_at_once),
		cmocka_unit_test(certificates_are_verified),
		cmocka_unit_test(link_local_is_refused),
		cmocka_unit_test(a_dead_receiver_delays_no_other),
		cmocka_unit_test(a_breach_sweeps_its_warning_away),
		cmocka_unit_test(of_late_ones_only_the_highest_is_sent),
		cmocka_unit_test(what_is_met_meanwhile_is_dropped),
		cmocka_unit_test(grace_is_waited_for_and_is_not_lateness),
		cmocka_unit_test(what_is_hours_ahead_waits_for_its_instant),
		cmocka_unit_test(the_queue_is_bounded_and_filled_again),
		cmocka_unit_test(what_had_no_room_is_asked_for_when_its_receiver_goes),
		cmocka_unit_test(receivers_that_go_hand_over_to_the_defaults),
		cmocka_unit_test(a_receiver_is_tested_once),
		cmocka_unit_test(a_test_outlives_its_receiver),
		cmocka_unit_test(mail_is_one_message_in_two_parts),
		cmocka_unit_test(mail_that_is_put_off_is_sent_later),
		cmocka_unit_test(one_bad_recipient_stops_no_other),
		cmocka_unit_test(no_mail_server_stops_the_loop),
		cmocka_unit_test(passwords_go_out_under_tls_alone),
		cmocka_unit_test(a_server_that_does_not_let_go_does_not_hold_up_the_end),
	};

	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
