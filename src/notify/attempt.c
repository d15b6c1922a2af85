#include "notify/notify_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "notify/mail.h"

#define MAX_BODY (64u << 10)

/* ---- the list, and the end ---- */

static struct attempt *create(struct notify *n, struct receiver *r, struct delivery *d)
{
	struct attempt *a = xcalloc(1, sizeof(*a));

	*a = (struct attempt){ .n = n, .r = r, .d = d, .generation = r->generation, .next = n->attempts };
	if (n->attempts != NULL)
		n->attempts->prev = a;
	n->attempts = a;
	n->n_attempts++;
	r->n_flights++;
	return a;
}

static void destroy(struct attempt *a)
{
	if (a->prev != NULL)
		a->prev->next = a->next;
	else
		a->n->attempts = a->next;
	if (a->next != NULL)
		a->next->prev = a->prev;
	a->n->n_attempts--;
	a->r->n_flights--;
	free(a);
}

static void end(struct attempt *a, const struct ending *e)
{
	struct notify *n = a->n;
	struct receiver *r = a->r;
	struct delivery *d = a->d;
	notify_test_fn *fn = a->test_fn;
	void *ctx = a->test_ctx;
	char detail[256];
	struct ending mine = *e;

	/* The detail lies in what destroy() frees. */
	snprintf(detail, sizeof(detail), "%s", e->detail);
	mine.detail = detail;
	destroy(a);
	if (d != NULL)
		dispatch_ended(n, r, d, &mine);
	else
		fn(ctx, mine.outcome == OUTCOME_SENT, mine.status, detail);
	notify_wake(n);
}

void attempt_cancel(struct attempt *a)
{
	if (a->webhook != NULL)
		webhook_cancel(a->n->webhooks, a->webhook);
	if (a->job != NULL)
		smtp_cancel(a->n->smtp, a->job);
	destroy(a);
}

/* ---- webhooks ---- */

static void webhook_ended(void *ctx, const struct answer *ans)
{
	enum outcome o = ans->untrusted ? OUTCOME_DENIED : retry_http(ans->status);

	end(ctx, &(struct ending){ o, ans->status, ans->retry_after_ms, ans->detail });
}

static void start_webhook(struct attempt *a, const struct alert *alert, struct now now)
{
	struct webhook_request rq = { .to = a->r->endpoint, .id = alert->id, .now = now.wall };
	struct buf body;

	buf_init(&body, MAX_BODY);
	alert_write(alert, a->n->settings.with_ns, &body);
	rq.body = buf_take(&body, &rq.body_len);
	a->webhook = webhook_start(a->n->webhooks, &rq, webhook_ended, a);
}

/* ---- mail ---- */

/* What is left to try decides when; of several, what needs somebody's attention first. */
static enum outcome worse(enum outcome a, enum outcome b)
{
	static const int weight[OUTCOME_N] = { [OUTCOME_SENT] = 0, [OUTCOME_BUSY] = 1, [OUTCOME_GREY] = 2, [OUTCOME_DENIED] = 3 };

	return weight[a] >= weight[b] ? a : b;
}

/*
 * Each recipient is judged alone: who has it gets it no more, who is refused for good is tried no more. The delivery is sent when
 * nobody is left to try and somebody has it.
 */
static void mail_ended(void *ctx, const struct smtp_result *res)
{
	struct attempt *a = ctx;
	struct delivery *d = a->d;
	struct ending e = { OUTCOME_SENT, 0, -1, NULL };
	bool stale = a->generation != a->r->generation, any_sent = d != NULL && !stale && d->done != 0;
	int refused_status = 0, n_refused = 0;
	char detail[256];

	a->job = NULL;
	for (size_t i = 0; i < a->n_to; i++) {
		enum outcome o = res->outcome[i];

		if (d != NULL && !stale && (o == OUTCOME_SENT || o == OUTCOME_FINAL))
			*(o == OUTCOME_SENT ? &d->done : &d->refused) |= UINT64_C(1) << a->to[i];
		any_sent = any_sent || o == OUTCOME_SENT;
		if (o == OUTCOME_FINAL) {
			refused_status = res->status[i];
			n_refused++;
			log_warn("notify", "recipient-refused", "alert=%s receiver=%s recipient=%u status=%d detail=\"%s\"", d != NULL ? d->alert.id : "test",
			         a->r->name, a->to[i] + 1u, refused_status, res->detail);
			continue;
		}
		if (o != OUTCOME_SENT || e.status == 0)
			e.status = res->status[i];
		e.outcome = worse(e.outcome, o);
	}
	if (e.outcome == OUTCOME_SENT && !any_sent) {
		e.outcome = OUTCOME_FINAL;
		e.status = refused_status;
	}
	if (any_sent && n_refused > 0)
		snprintf(detail, sizeof(detail), "%d of %zu recipients refused: %s", n_refused, a->n_to, res->detail);
	else
		snprintf(detail, sizeof(detail), "%s", res->detail);
	e.detail = detail;
	end(a, &e);
}

static void start_mail(struct attempt *a, const struct alert *alert, struct now now)
{
	struct receiver *r = a->r;
	struct text_style style = { r->language, r->zone, a->n->settings.public_url };
	uint64_t over = a->d != NULL ? a->d->done | a->d->refused : 0;
	const char *to[NOTIFY_MAX_RECIPIENTS];
	struct mail mail;

	for (size_t i = 0; i < r->n_to; i++)
		if ((over >> i & 1) == 0) {
			a->to[a->n_to] = (uint8_t)i;
			to[a->n_to++] = r->to[i];
		}
	/* The header names them all, also those that have it: it is the same message. */
	mail_init(&mail, &(struct mail_facts){
		.alert = alert, .style = &style, .receiver = r->name, .from = a->n->settings.email.from, .to = r->to, .n_to = r->n_to, .now = now.wall,
	});
	a->job = smtp_start(a->n->smtp, &(struct smtp_request){
		.email = &a->n->settings.email, .to = to, .n_to = a->n_to, .mail = &mail, .timeout_ms = 4 * a->n->settings.timeout_ms,
	}, mail_ended, a);
	mail_finish(&mail);
}

/* ---- the log ---- */

static void put_field(struct buf *b, const char *key, struct str s)
{
	if (s.len == 0)
		return;
	buf_printf(b, " %s=\"", key);
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_putc(b, '\\');
		buf_putc(b, s.p[i]);
	}
	buf_putc(b, '"');
}

static void put_time(struct buf *b, const char *key, struct wall t)
{
	char text[WALL_TEXT_LEN];

	if (!wall_is_never(t))
		buf_printf(b, " %s=%s", key, wall_format(t, text));
}

/* The id stands where a module's event stands: lines are limited by that, and no alert may be one line too many. */
static void log_alert(const struct alert *a, const char *receiver)
{
	enum log_level level = a->type == ALERT_BREACH || a->type == ALERT_ESCALATION ? LOG_LEVEL_WARN : LOG_LEVEL_NOTICE;
	struct buf b;

	buf_init(&b, MAX_BODY);
	buf_printf(&b, "type=%s receiver=%s", alert_type_names[a->type], receiver);
	put_field(&b, "namespace", a->ns);
	put_field(&b, "ticket", a->ticket);
	put_field(&b, "contract", a->contract);
	put_field(&b, "customer", a->customer);
	put_field(&b, "metric", a->metric);
	put_field(&b, "agreement", a->agreement);
	buf_printf(&b, " cycle=%u", a->cycle);
	put_field(&b, "step", a->step);
	buf_printf(&b, " occurrence=%u", a->occurrence);
	put_time(&b, "at", a->at);
	put_time(&b, "due", a->due);
	put_field(&b, "target", a->target);
	buf_printf(&b, " elapsed_ms=%lld remaining_ms=%lld late_ms=%lld", (long long)a->elapsed_ms, (long long)a->remaining_ms, (long long)a->late_ms);
	put_field(&b, "priority", a->priority);
	put_field(&b, "reason", a->reason);
	put_field(&b, "subject", a->subject);
	put_field(&b, "url", a->url);
	log_line(level, "alert", a->id, "%s", buf_cstr(&b));
	buf_finish(&b);
}

/* ---- starting ---- */

static void start(struct attempt *a, const struct alert *alert, struct now now)
{
	switch (a->r->kind) {
	case NOTIFY_WEBHOOK:
		start_webhook(a, alert, now);
		break;
	case NOTIFY_EMAIL:
		start_mail(a, alert, now);
		break;
	case NOTIFY_LOG:
		log_alert(alert, a->r->name);
		if (a->d != NULL)
			end(a, &(struct ending){ OUTCOME_SENT, 0, -1, "logged" });
		else
			a->over = true;
		break;
	}
}

void attempt_start(struct notify *n, struct receiver *r, struct delivery *d, struct now now)
{
	struct alert alert = d->alert;
	int64_t late_ms = now.wall.ms - alert.at.ms;

	if (now.wall.ms - d->could.ms >= NOTIFY_LATE_MS && late_ms > alert.late_ms)
		alert.late_ms = late_ms;
	/* Decided by a time that stood ahead of the clock on the wall. */
	if (late_ms < alert.late_ms)
		alert.late_ms = late_ms > 0 ? late_ms : 0;
	start(create(n, r, d), &alert, now);
}

void attempt_start_test(struct notify *n, struct receiver *r, notify_test_fn *fn, void *ctx, struct now now)
{
	struct str name = str_of(r->name);
	struct alert alert = {
		.type = ALERT_DAEMON_TEST, .at = now.wall, .ticket = name, .due = WALL_NEVER, .step = STR("test"), .receivers = &name, .n_receivers = 1,
		.cycle = (uint32_t)(now.wall.ms / MS_PER_S), .occurrence = (uint32_t)(retry_random(&n->random) >> 33), .reason = STR("Somebody asked for a test of this receiver."),
	};
	struct attempt *a = create(n, r, NULL);

	a->test_fn = fn;
	a->test_ctx = ctx;
	alert_set_id(&alert);
	start(a, &alert, now);
	notify_wake(n);
}

void attempt_turn(struct notify *n)
{
	struct attempt *a = n->attempts;

	while (a != NULL) {
		if (a->over) {
			end(a, &(struct ending){ OUTCOME_SENT, 0, -1, "logged" });
			a = n->attempts;
		} else {
			a = a->next;
		}
	}
}
