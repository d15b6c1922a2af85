/*
 * The engine's promises as properties over random lives of tickets (simulate is the daemon's engine, and so is replay):
 *   1. the same alerts, byte for byte, however time is cut into turns;
 *   2. the same alerts after a stop at any point, from rows saved at different moments and a replay that begins before them;
 *   3. the same final clocks for any order of arrival;
 *   4. the same alerts, verdicts and clocks whether each event is decided on in full or passed over where it changes nothing;
 *   5. it wakes for a step of a clock, and for nothing else;
 *   6. the same alerts, verdicts, clocks and explanations whether all rules stay in memory or those that no ticket needs leave and come back.
 * PLAZO_SEED repeats a run, PLAZO_ROUNDS scales it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/now.h"
#include "base/xalloc.h"
#include "config/config.h"
#include "core/engine.h"

#define N_TICKETS 6
#define MAX_EVENTS 80

static const char config_text[] =
	"calendars:\n"
	"  office: {zone: Europe/Madrid, hours: {mon-thu: ['09:00-14:00', '15:00-18:30'], fri: '08:00-15:00'}, holidays: [2026-03-19]}\n"
	"  night: {zone: America/New_York, hours: {mon-sun: '22:00-06:00'}}\n"
	"  always: 24x7\n"
	"defaults:\n"
	"  calendar: office\n"
	"  pause: {status: [pending, hold]}\n"
	"  notify: [ops]\n"
	"  BOUNDARY\n"
	"  CHANGE\n"
	"  REOPEN\n"
	"policies:\n"
	"  full:\n"
	"    metrics:\n"
	"      response: {target: {P1: 30m, P2: 1h, default: 4h}}\n"
	"      acknowledge: {target: 15m, calendar: always}\n"
	"      attendance: {target: {P1: 2h, default: 1bd}}\n"
	"      next-response: {target: 1h}\n"
	"      update: {target: 8h}\n"
	"      resolution: {target: [{when: {priority: P1}, target: 4h, calendar: always}, {when: {priority: P2}, target: 8h}, {target: 3bd eod}]}\n"
	"      l2: {agreement: ola, while: {team: l2}, target: 6h}\n"
	"      parts: {start: {status: hold}, stop: [{status: open, team: l1}, {type: attended, mode: onsite}], pause: {team: l2}, target: {P1: 1h, default: 9h}}\n"
	"      tagged: {start: {type: replied, priority: [P1, P2]}, stop: {tags: done}, cancel: {tags: void}, target: 7h}\n"
	"    escalation: steps\n"
	"  small:\n"
	"    calendar: night\n"
	"    metrics:\n"
	"      resolution: {target: {P1: 2h, P3: none, default: 5h}}\n"
	"      response: {target: 1h}\n"
	"    escalation: {P1: steps, default: few}\n"
	"  frozen:\n"
	"    effective: new-tickets\n"
	"    calendar: always\n"
	"    metrics:\n"
	"      resolution: {target: {P1: 2h, default: 9h}, pause: {service: vpn}}\n"
	"      l1: {agreement: uc, start: {type: replied, team: l1}, stop: {type: attended}, target: 90m}\n"
	"    escalation: few\n"
	"contracts:\n"
	"  acme: {customer: ACME, policy: full, sites: {ny: {calendar: night}}, match: {domain: [acme.example]},\n"
	"         escalation: [{when: {service: mail}, escalation: few}, {escalation: steps}]}\n"
	"  gamma: {customer: Gamma, policy: frozen}\n"
	"  beta: {customer: Beta, policy: small, targets: {resolution: {P2: 3h}}}\n"
	"escalations:\n"
	"  steps:\n"
	"    - {at: 50%, notify: [ops]}\n"
	"    - {at: 90%, notify: [ops, boss]}\n"
	"    - {at: due-30m, notify: [ops]}\n"
	"    - {at: due-10m, by: wall, notify: [boss]}\n"
	"    - {at: breach, notify: [ops, boss]}\n"
	"    - {at: breach+30m, every: 45m, times: 3, notify: [boss]}\n"
	"    - {at: breach+1h, by: wall, every: 2h, times: 2, notify: [ops]}\n"
	"  few:\n"
	"    - {at: 75%, notify: [ops]}\n"
	"    - {at: breach+15m, notify: [boss]}\n"
	"receivers: {ops: {log: {}}, boss: {log: {}}}\n";

static uint64_t state;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static int64_t below(int64_t n)
{
	return (int64_t)(rnd() % (uint64_t)n);
}

struct life {
	struct event e[MAX_EVENTS];
	char         ids[MAX_EVENTS][24];
	char         tickets[N_TICKETS][24];
	size_t       n;
	struct wall  end;
};

static struct str pick(const char *const *v, size_t n)
{
	return str_of(v[below((int64_t)n)]);
}

#define PICK(...) pick((const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void set(struct event *e, enum attr a, struct str v)
{
	e->set |= 1u << a;
	e->attr[a] = v;
}

static void random_attrs(struct event *e)
{
	if (below(3) == 0)
		set(e, ATTR_PRIORITY, PICK("P1", "P2", "P3", ""));
	if (below(3) == 0)
		set(e, ATTR_STATUS, PICK("open", "pending", "hold", "open", "open"));
	if (below(5) == 0)
		set(e, ATTR_TEAM, PICK("l1", "l2"));
	if (below(8) == 0)
		set(e, ATTR_SITE, PICK("ny", "mad", ""));
	if (below(12) == 0)
		set(e, ATTR_CONTRACT, PICK("acme", "beta", "gamma", "nobody"));
	if (below(4) == 0)
		set(e, ATTR_SERVICE, PICK("vpn", "mail", "mail", ""));
	if (below(5) == 0)
		set(e, ATTR_TAGS, PICK("done", "a\x1f" "void", "a", ""));
	if (below(20) == 0)
		set(e, ATTR_SUBJECT, PICK("printer", "a longer subject", ""));
}

static enum event_type random_type(void)
{
	static const enum event_type types[] = {
		EVENT_CHANGED, EVENT_CHANGED, EVENT_CHANGED, EVENT_REPLIED, EVENT_REPLIED, EVENT_REPLIED, EVENT_ACKNOWLEDGED, EVENT_ATTENDED,
		EVENT_RESOLVED, EVENT_REOPENED, EVENT_RESOLVED, EVENT_REOPENED, EVENT_CLOSED, EVENT_CANCELLED, EVENT_MERGED, EVENT_WAIVED, EVENT_EXTENDED,
	};
	/* The last five are rare. */
	return types[below(4) == 0 ? below(17) : below(12)];
}

static void random_event(struct life *l, size_t i, struct wall at, bool opens, size_t ticket)
{
	struct event *e = &l->e[i];

	*e = (struct event){ .ns = STR("desk"), .at = at };
	snprintf(l->ids[i], sizeof(l->ids[i]), "e%zu", i);
	e->id = str_of(l->ids[i]);
	e->ticket = str_of(l->tickets[ticket]);
	e->type = opens ? EVENT_OPENED : random_type();
	e->role = (enum role)below(ROLE_N);
	e->is_private = below(6) == 0;
	e->automated = below(8) == 0;
	if (e->type == EVENT_ATTENDED)
		e->mode = below(2) ? MODE_REMOTE : MODE_ONSITE;
	random_attrs(e);
	if (opens)
		set(e, ATTR_CONTRACT, PICK("acme", "acme", "acme", "beta", "beta", "gamma", "gamma", "nobody"));
	if (e->type == EVENT_WAIVED || e->type == EVENT_EXTENDED) {
		e->metric = PICK("resolution", "response", "update");
		e->reason = STR("agreed");
		e->by_ms = MS_PER_MIN * (1 + below(300));
	}
	e->body = event_body(e);
}

/* Events in order of `at`, at most some days apart, a good part of them at round minutes so that instants meet. */
static void random_life(struct life *l)
{
	struct wall t = { INT64_C(1772323200000) + below(60) * MS_PER_DAY };   /* 2026-03-01 and on: the changes of DST lie inside */
	bool opened[N_TICKETS] = { false };

	l->n = 10 + (size_t)below(MAX_EVENTS - 10);
	for (size_t k = 0; k < N_TICKETS; k++)
		snprintf(l->tickets[k], sizeof(l->tickets[k]), "T%zu", k);
	for (size_t i = 0; i < l->n; i++) {
		size_t k = (size_t)below(N_TICKETS);

		t.ms += below(4) == 0 ? below(2 * MS_PER_DAY) : below(3) == 0 ? below(60 * MS_PER_MIN) : below(90) * MS_PER_MIN;
		if (below(3) != 0)
			t.ms -= t.ms % (15 * MS_PER_MIN);
		if (i > 0 && t.ms < l->e[i - 1].at.ms)
			t = l->e[i - 1].at;
		random_event(l, i, t, !opened[k] && below(8) != 0, k);
		opened[k] |= l->e[i].type == EVENT_OPENED;
	}
	l->end = wall_plus(t, 20 * MS_PER_DAY);
}

/* The rules at the beginning, and those of revisions on the way: other targets, other calendars, and back, of all contracts or of one; with their texts. */
#define N_REVISIONS 7
static struct rules *revisions[N_REVISIONS];
static struct buf texts[N_REVISIONS];

/* Whether engines made from now on decide on every event in full; and whether they let rules go. */
static bool thorough, lets_go;

static struct rules *wake(void *ctx, size_t revision)
{
	struct config_options opt = { .now = { INT64_C(1772323200000) }, .secrets = SECRETS_SKIP, .first_year = 2026, .last_year = 2026 };
	struct rules *rules = NULL;
	struct diag d = { 0 };

	(void)ctx;
	assert_int_equal(config_load_canonical(buf_str(&texts[revision]), &opt, &rules, &d), ERR_OK);
	return rules;
}

static struct engine *new_engine(void)
{
	struct engine_options opt = { .key = { 7, 9 }, .max_skew_ms = 300000, .thorough = thorough, .wake = lets_go ? wake : NULL, .max_guests = 1 };
	struct engine *en = engine_create(&opt);

	engine_revise(en, revisions[0]);
	return en;
}

static struct engine *engine_with_all(void)
{
	struct engine *en = new_engine();

	for (unsigned i = 1; i < N_REVISIONS; i++)
		engine_revise(en, revisions[i]);
	return en;
}

/* Revisions come between events, a millisecond after the one before; sometimes none falls into a life. */
static void place_revisions(const struct life *l)
{
	struct wall at = l->e[(size_t)below((int64_t)l->n)].received;

	revisions[1]->from = wall_plus(at, 1 + below(below(2) ? 2 : 3 * MS_PER_DAY));
	for (unsigned i = 2; i < N_REVISIONS; i++)
		revisions[i]->from = wall_plus(revisions[i - 1]->from, 1 + below(below(3) ? 60 * MS_PER_MIN : 5 * MS_PER_DAY));
	/* An event of the same millisecond comes after the revision: its `received` is not earlier. */
}

static void put_verdict(const struct verdict *v, struct buf *out)
{
	buf_printf(out, "verdict " STR_FMT " " STR_FMT " %u " STR_FMT " %d %d %lld %lld %lld %lld %lld " STR_FMT " " STR_FMT "\n", STR_ARG(v->ticket),
		   STR_ARG(v->metric), v->cycle, STR_ARG(v->state), v->breached, v->waived, (long long)v->started.ms, (long long)v->stopped.ms,
		   (long long)v->due.ms, (long long)v->elapsed_ms, (long long)v->paused_ms, STR_ARG(v->target), STR_ARG(v->priority));
}

static void drain(struct effects *fx, struct buf *out)
{
	for (size_t i = 0; i < fx->n_verdicts; i++)
		put_verdict(&fx->verdicts[i], out);
	for (size_t i = 0; i < fx->n_alerts; i++) {
		alert_write(&fx->alerts[i], true, out);
		buf_printf(out, " %s\n", fx->alerts[i].unsent != ALERT_TO_SEND ? alert_unsent_texts[fx->alerts[i].unsent] : "sent");
	}
	effects_reset(fx);
}

static void put_stretch(void *ctx, const struct stretch *s)
{
	buf_printf(ctx, " " STR_FMT " %u %lld %lld %lld " STR_FMT "\n", STR_ARG(s->metric), s->cycle, (long long)s->from.ms, (long long)s->to.ms,
		   (long long)s->counted_ms, STR_ARG(s->why));
}

/* Every clock of every ticket, and why it is so. */
static void put_clocks(struct engine *en, const struct life *l, struct wall now, struct buf *out)
{
	struct arena *arena = arena_create();

	for (size_t k = 0; k < N_TICKETS; k++) {
		struct ticket_view v;

		if (!engine_view(en, STR("desk"), str_of(l->tickets[k]), now, arena, &v))
			continue;
		for (size_t i = 0; i < v.n_clocks; i++) {
			const struct clock_view *c = &v.clocks[i];

			buf_printf(out, "%s " STR_FMT " %u " STR_FMT " %lld %lld %lld %lld %lld %d %d\n", l->tickets[k], STR_ARG(c->metric), c->cycle,
				   STR_ARG(c->state), (long long)c->started.ms, (long long)c->stopped.ms, (long long)c->due.ms,
				   (long long)c->elapsed_ms, (long long)c->paused_ms, c->breached, c->waived);
		}
		(void)engine_explain(en, STR("desk"), str_of(l->tickets[k]), now, put_stretch, out);
	}
	arena_destroy(arena);
}

static void advance(struct engine *en, struct wall now, struct effects *fx, struct buf *out)
{
	while (engine_advance(en, now, 1 + (size_t)below(3), fx))
		;
	drain(fx, out);
}

/* Brings the revisions into force that began by `now`, as the daemon does: what was due before goes first. */
static void revise(struct engine *en, struct wall now, unsigned *done, bool slices, struct effects *fx, struct buf *out)
{
	for (; *done < N_REVISIONS && revisions[*done]->from.ms <= now.ms; ++*done) {
		advance(en, revisions[*done]->from, fx, out);
		engine_revise(en, revisions[*done]);
		/* In slices, some tickets' turn comes only when they are touched. */
		for (bool more = true; more && (!slices || below(2)); )
			more = engine_replan(en, slices ? 1 : 100, revisions[*done]->from, fx);
		drain(fx, out);
	}
}

/* Step by step: when the first of all clocks' next steps comes. Waived clocks show none. */
static struct wall first_of_all(struct engine *en, const struct life *l, struct wall now, struct arena *arena, bool *waived)
{
	struct wall first = WALL_NEVER;

	for (size_t k = 0; k < N_TICKETS; k++) {
		struct ticket_view v;

		if (!engine_view(en, STR("desk"), str_of(l->tickets[k]), now, arena, &v))
			continue;
		for (size_t i = 0; i < v.n_clocks; i++) {
			first = wall_min(first, v.clocks[i].next_at);
			*waived = *waived || v.clocks[i].waived;
		}
	}
	return first;
}

/* The engine wakes for a step, never for nothing. */
static void wakes_for_a_step(struct engine *en, const struct life *l, struct wall now)
{
	struct arena *arena = arena_create();
	bool waived = false;
	struct wall first = first_of_all(en, l, now, arena, &waived);

	if (!waived)
		assert_int_equal(engine_next(en).ms, wall_plus(first, 1).ms);
	arena_destroy(arena);
}

/* Runs a life; with `cuts`, time comes in random pieces between the events. */
static void run(const struct life *l, bool cuts, struct buf *out)
{
	struct engine *en = new_engine();
	struct effects fx;
	struct wall now = l->e[0].received;
	unsigned revised = 1;

	effects_init(&fx);
	for (size_t i = 0; i <= l->n; i++) {
		struct wall next = i < l->n ? l->e[i].received : l->end;

		while (cuts && now.ms < next.ms) {
			now = wall_min(next, wall_plus(now, 1 + below(below(2) ? 90 * MS_PER_MIN : 3 * MS_PER_DAY)));
			revise(en, now, &revised, true, &fx, out);
			advance(en, now, &fx, out);
		}
		revise(en, next, &revised, cuts, &fx, out);
		advance(en, next, &fx, out);
		while (i == l->n && engine_replan(en, 2, next, &fx))
			drain(&fx, out);
		drain(&fx, out);
		now = next;
		if (i < l->n) {
			(void)engine_apply(en, &l->e[i], i + 1, NULL, NULL, &fx);
			drain(&fx, out);
			if (!cuts)
				wakes_for_a_step(en, l, next);
		}
	}
	put_clocks(en, l, l->end, out);
	effects_finish(&fx);
	engine_destroy(en);
}

static void received_in_order(struct life *l)
{
	struct wall last = WALL_MIN;

	for (size_t i = 0; i < l->n; i++) {
		struct wall r = wall_plus(l->e[i].at, below(3) == 0 ? below(5000) : below(40) == 0 ? below(2 * MS_PER_DAY) : 0);

		last = l->e[i].received = wall_max(last, r);
	}
	l->end = wall_max(l->end, last);
}

static void fail_with(uint64_t seed, const char *what, struct buf *a, struct buf *b)
{
	const char *x = buf_cstr(a), *y = buf_cstr(b);

	while (*x != '\0' && *x == *y) {
		x++;
		y++;
	}
	while (x > buf_cstr(a) && x[-1] != '\n') {
		x--;
		y--;
	}
	print_error("seed %llu: %s\n one: %.*s\n two: %.*s\n", (unsigned long long)seed, what, (int)strcspn(x, "\n"), x, (int)strcspn(y, "\n"), y);
	fail();
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

/* Sorted lines, none twice: what an outbox keyed by alert keeps. */
static void as_set(struct buf *b)
{
	char *text = xstrndup(b->p != NULL ? b->p : "", b->len), *save = NULL, **v = NULL;
	size_t n = 0;

	for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		v = xreallocarray(v, n + 1, sizeof(*v));
		v[n++] = line;
	}
	if (n > 0)
		qsort(v, n, sizeof(*v), by_text);
	buf_reset(b);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(v[i], v[i - 1]) != 0)
			buf_printf(b, "%s\n", v[i]);
	free(v);
	free(text);
}

static void turns_do_not_matter(uint64_t seed)
{
	struct life l;
	struct buf a, b;

	buf_init(&a, BUF_NO_MAX);
	buf_init(&b, BUF_NO_MAX);
	random_life(&l);
	received_in_order(&l);
	place_revisions(&l);
	run(&l, false, &a);
	run(&l, true, &b);
	/* While a replan is under way, tickets take turns in another order: with revisions the alerts are the same as a set. */
	if (revisions[1]->from.ms <= l.end.ms) {
		as_set(&a);
		as_set(&b);
	}
	if (!str_eq(buf_str(&a), buf_str(&b)))
		fail_with(seed, "alerts depend on how time is cut", &a, &b);
	buf_finish(&a);
	buf_finish(&b);
}

/* ---- stop and replay ---- */

struct rows { struct buf row[N_TICKETS]; };

static void keep_row(void *ctx, const struct ticket_row *r)
{
	struct rows *rows = ctx;
	struct buf *b = &rows->row[r->ticket.p[1] - '0'];

	buf_reset(b);
	buf_put(b, r->row);
}

/* Rows are taken now and then while it runs; then it is killed, loaded from the rows and fed with events from before the oldest row. */
static void run_and_crash(const struct life *l, struct buf *out)
{
	struct rows rows;
	struct effects fx;
	struct engine *en = new_engine();
	struct engine_round round = { 0, 0 };
	size_t crash = (size_t)below((int64_t)l->n);
	unsigned revised = 1;
	struct diag d;

	effects_init(&fx);
	for (size_t k = 0; k < N_TICKETS; k++)
		buf_init(&rows.row[k], BUF_NO_MAX);
	for (size_t i = 0; i < crash; i++) {
		revise(en, l->e[i].received, &revised, true, &fx, out);
		advance(en, l->e[i].received, &fx, out);
		(void)engine_apply(en, &l->e[i], i + 1, NULL, NULL, &fx);
		drain(&fx, out);
		if (round.at == round.end)
			round = engine_round(en);
		if (below(3) == 0)
			engine_take_changed(en, &round, (size_t)below(4), keep_row, &rows);
		/* A ticket that was over has left memory; its row comes back before its next event, as the daemon fetches it. */
		for (size_t k = 0; k < N_TICKETS; k++)
			if (rows.row[k].len > 0 && !engine_has(en, STR("desk"), str_of(l->tickets[k])))
				assert_int_equal(engine_load(en, buf_str(&rows.row[k]), &d), ERR_OK);
	}
	engine_destroy(en);
	en = engine_with_all();
	for (size_t k = 0; k < N_TICKETS; k++)
		if (rows.row[k].len > 0)
			assert_int_equal(engine_load(en, buf_str(&rows.row[k]), &d), ERR_OK);
	for (size_t i = 0; i <= l->n; i++) {
		advance(en, i < l->n ? l->e[i].received : l->end, &fx, out);
		while (i == l->n && engine_replan(en, 2, l->end, &fx))
			drain(&fx, out);
		drain(&fx, out);
		if (i < l->n)
			(void)engine_apply(en, &l->e[i], i + 1, NULL, NULL, &fx);
		drain(&fx, out);
	}
	put_clocks(en, l, l->end, out);
	for (size_t k = 0; k < N_TICKETS; k++)
		buf_finish(&rows.row[k]);
	effects_finish(&fx);
	engine_destroy(en);
}

static void replay_says_the_same(uint64_t seed)
{
	struct life l;
	struct buf a, b;

	buf_init(&a, BUF_NO_MAX);
	buf_init(&b, BUF_NO_MAX);
	random_life(&l);
	received_in_order(&l);
	place_revisions(&l);
	run(&l, false, &a);
	run_and_crash(&l, &b);
	as_set(&a);
	as_set(&b);
	if (!str_eq(buf_str(&a), buf_str(&b)))
		fail_with(seed, "alerts depend on a stop and replay", &a, &b);
	buf_finish(&a);
	buf_finish(&b);
}

/* ---- order of arrival ---- */

static void shuffle(struct life *l)
{
	struct wall last = l->e[l->n - 1].at;

	for (size_t i = l->n; i > 1; i--) {
		size_t k = (size_t)below((int64_t)i);
		struct event e = l->e[i - 1];

		l->e[i - 1] = l->e[k];
		l->e[k] = e;
	}
	/* All arrive after all happened, so that no `at` lies in the future of its arrival. */
	for (size_t i = 0; i < l->n; i++)
		l->e[i].received = last = wall_plus(last, 1 + below(1000));
}

static void clocks(const struct life *l, struct wall now, struct buf *out)
{
	struct engine *en = engine_with_all();
	struct effects fx;

	effects_init(&fx);
	for (size_t i = 0; i < l->n; i++) {
		(void)engine_apply(en, &l->e[i], i + 1, NULL, NULL, &fx);
		effects_reset(&fx);
	}
	while (engine_advance(en, now, 100, &fx))
		effects_reset(&fx);
	put_clocks(en, l, now, out);
	effects_finish(&fx);
	engine_destroy(en);
}

/* Events of one instant keep their order of arrival, which is a part of the input: give each its own millisecond. */
static void separate(struct life *l)
{
	for (size_t i = 1; i < l->n; i++)
		if (l->e[i].at.ms <= l->e[i - 1].at.ms)
			l->e[i].at.ms = l->e[i - 1].at.ms + 1;
	for (size_t i = 0; i < l->n; i++)
		l->e[i].body = event_body(&l->e[i]);
}

static void arrival_does_not_matter(uint64_t seed)
{
	struct life *l = xcalloc(1, sizeof(*l)), *m = xcalloc(1, sizeof(*m));
	struct buf a, b;
	struct wall now;

	buf_init(&a, BUF_NO_MAX);
	buf_init(&b, BUF_NO_MAX);
	random_life(l);
	separate(l);
	for (size_t i = 0; i < l->n; i++)
		l->e[i].received = l->e[i].at;
	now = wall_plus(l->e[l->n - 1].at, below(30) * MS_PER_DAY + 1000000);
	*m = *l;
	for (size_t i = 0; i < m->n; i++) {      /* the copies point at their own texts */
		m->e[i].id = str_of(m->ids[i]);
		m->e[i].ticket = str_of(m->tickets[l->e[i].ticket.p[1] - '0']);
	}
	place_revisions(l);
	shuffle(m);
	clocks(l, now, &a);
	clocks(m, now, &b);
	if (!str_eq(buf_str(&a), buf_str(&b)))
		fail_with(seed, "clocks depend on the order of arrival", &a, &b);
	free(l);
	free(m);
	buf_finish(&a);
	buf_finish(&b);
}

/* ---- what is passed over ---- */

/* Some happened before what is known of their tickets already, some will have happened. */
static void make_some_late(struct life *l)
{
	for (size_t i = 1; i < l->n; i++) {
		struct event *e = &l->e[i];
		int64_t kind = below(8);

		if (kind == 0)
			e->at = wall_plus(e->received, below(10 * MS_PER_MIN));
		else if (kind < 3)
			e->at.ms -= below(2) ? below(3 * MS_PER_DAY) : below(60 * MS_PER_MIN);
		e->body = event_body(e);
	}
}

static void late_life(struct life *l)
{
	random_life(l);
	received_in_order(l);
	if (below(2))
		make_some_late(l);
	place_revisions(l);
}

static void passing_over_does_not_matter(uint64_t seed)
{
	struct life l;
	struct buf a, b;

	buf_init(&a, BUF_NO_MAX);
	buf_init(&b, BUF_NO_MAX);
	late_life(&l);
	run(&l, false, &a);
	thorough = true;
	run(&l, false, &b);
	thorough = false;
	if (!str_eq(buf_str(&a), buf_str(&b)))
		fail_with(seed, "an event was passed over that changes something", &a, &b);
	buf_finish(&a);
	buf_finish(&b);
}

/* ---- what leaves memory ---- */

static void leaving_does_not_matter(uint64_t seed)
{
	struct life l;
	struct buf a, b;

	buf_init(&a, BUF_NO_MAX);
	buf_init(&b, BUF_NO_MAX);
	late_life(&l);
	run(&l, false, &a);
	lets_go = true;
	run(&l, false, &b);
	if (!str_eq(buf_str(&a), buf_str(&b)))
		fail_with(seed, "it matters that rules leave memory", &a, &b);
	buf_reset(&b);
	if (below(2))
		run(&l, true, &b);
	else
		run_and_crash(&l, &b);
	lets_go = false;
	as_set(&a);
	as_set(&b);
	if (!str_eq(buf_str(&a), buf_str(&b)))
		fail_with(seed, "it matters when rules leave memory", &a, &b);
	buf_finish(&a);
	buf_finish(&b);
}

/* ---- the runs ---- */

static void replace(char *text, const char *mark, const char *with)
{
	char *at = strstr(text, mark);
	char *copy;

	if (at == NULL)
		return;
	copy = xstrdup(at + strlen(mark));
	memcpy(at, with, strlen(with));
	strcpy(at + strlen(with), copy);
	free(copy);
}

static struct config *load(unsigned variant)
{
	struct config_options opt = { .now = { INT64_C(1772323200000) }, .secrets = SECRETS_SKIP };
	char text[sizeof(config_text) + 256];
	struct config *cfg = NULL;
	struct problems p;
	struct buf b;

	snprintf(text, sizeof(text), "%s", config_text);
	replace(text, "BOUNDARY", variant & 1 ? "boundary: next-open" : "boundary: close");
	replace(text, "CHANGE", variant & 2 ? "on_change: from-change" : "on_change: retroactive");
	replace(text, "REOPEN", variant & 4 ? "reopen: {after: new-cycle, within: 1d, later: ignore}" : "reopen: {after: resume, within: 2d, later: new-cycle}");
	if (variant & 8) {
		replace(text, "resolution: {target: {P1: 2h, P3: none, default: 5h}}", "resolution: {target: {P1: 45m, P2: 9h, default: none}}");
		replace(text, "update: {target: 8h}", "update: {target: 1h}");
		replace(text, "pause: {service: vpn}", "pause: {service: mail}");
		replace(text, "pause: {team: l2}", "pause: {team: l1}");
		replace(text, "fri: '08:00-15:00'", "fri: '08:00-12:00'");
		replace(text, "{at: 50%, notify: [ops]}", "{at: 60%, notify: [ops]}");
		replace(text, "{at: due-10m, by: wall, notify: [boss]}", "{at: due-10m, notify: [boss]}");
	}
	if (variant & 16) {
		replace(text, "beta: {customer: Beta,", "beta: {customer: Other,");
		replace(text, "acknowledge: {target: 15m, calendar: always}", "acknowledge: {target: 20m, calendar: night}");
	}
	if (variant & 32)
		replace(text, "gamma: {customer: Gamma, policy: frozen}", "delta: {customer: Gamma, policy: frozen}");
	problems_init(&p);
	if (config_load_text("test.yaml", str_of(text), &opt, &cfg, &p) != ERR_OK) {
		buf_init(&b, BUF_NO_MAX);
		problems_write(&p, &b);
		print_error("%s", buf_cstr(&b));
		fail();
	}
	problems_finish(&p);
	return cfg;
}

static void run_all(void (*property)(uint64_t seed))
{
	const char *given = getenv("PLAZO_SEED"), *scale = getenv("PLAZO_ROUNDS");
	long rounds = scale != NULL ? strtol(scale, NULL, 10) : 400;
	uint64_t first = given != NULL ? (uint64_t)strtoull(given, NULL, 10) : (uint64_t)rand() << 20 | (uint64_t)rand();

	print_message("seeds %llu to %llu\n", (unsigned long long)first, (unsigned long long)first + (uint64_t)rounds - 1);
	for (unsigned variant = 0; variant < 8; variant++) {
		static const unsigned other[N_REVISIONS] = { 0, 8, 0, 16, 48, 24, 16 };
		struct config *cfg[N_REVISIONS];

		for (unsigned i = 0; i < N_REVISIONS; i++) {
			cfg[i] = load(variant + other[i]);
			revisions[i] = cfg[i]->rules;
			buf_init(&texts[i], BUF_NO_MAX);
			config_canonical(cfg[i], &texts[i]);
		}
		revisions[0]->from = WALL_PAST;
		for (long i = (long)variant; i < rounds; i += 8) {
			state = (first + (uint64_t)i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
			property(first + (uint64_t)i);
		}
		for (unsigned i = 0; i < N_REVISIONS; i++) {
			config_unref(cfg[i]);
			buf_finish(&texts[i]);
		}
	}
}

static void test_turns(void **s)
{
	(void)s;
	run_all(turns_do_not_matter);
}

static void test_replay(void **s)
{
	(void)s;
	run_all(replay_says_the_same);
}

static void test_arrival(void **s)
{
	(void)s;
	run_all(arrival_does_not_matter);
}

static void test_passing_over(void **s)
{
	(void)s;
	run_all(passing_over_does_not_matter);
}

static void test_leaving(void **s)
{
	(void)s;
	run_all(leaving_does_not_matter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns), cmocka_unit_test(test_replay), cmocka_unit_test(test_arrival), cmocka_unit_test(test_passing_over),
		cmocka_unit_test(test_leaving),
	};

	srand((unsigned)mono_now().ms ^ (unsigned)getpid() << 16);
	return cmocka_run_group_tests_name("engine properties", tests, NULL, NULL);
}
