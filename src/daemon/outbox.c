#include "daemon/outbox.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/now.h"
#include "base/xalloc.h"
#include "daemon/daemon.h"
#include "daemon/sending.h"

#define BODY_MAX (64u << 10)

void outbox_init(struct outbox *o)
{
	*o = (struct outbox){ .doc = json_create() };
	buf_init(&o->body, BODY_MAX);
}

void outbox_finish(struct outbox *o)
{
	struct sending *s;

	while ((s = o->first) != NULL) {
		o->first = s->next;
		free(s->texts);
		free(s);
	}
	parking_finish(&o->parking);
	json_destroy(o->doc);
	buf_finish(&o->body);
}

/* ---- to the disk ---- */

static struct sending *sending_create(struct daemon *d, const struct alert *a, struct str receiver, struct wall created, struct wall next_at)
{
	struct outbox *o = &d->outbox;
	struct sending *s = xmalloc(sizeof(*s) + receiver.len + 1);

	*s = (struct sending){ .d = d, .next = o->first, .created = created, .next_at = next_at };
	s->texts = alert_copy(&s->alert, a);
	memcpy(s->receiver, receiver.p, receiver.len);
	s->receiver[receiver.len] = '\0';
	if (o->first != NULL)
		o->first->prev = s;
	o->first = s;
	o->n++;
	return s;
}

static struct sending *sending_resume(struct daemon *d, const struct alert *a, const struct delivery *row)
{
	struct sending *s = sending_create(d, a, row->receiver, row->created, row->next);

	s->no = row->no;
	return s;
}

void sending_destroy(struct outbox *o, struct sending *s)
{
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		o->first = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	o->n--;
	free(s->texts);
	free(s);
}

/* How long alerts of this namespace wait for events under way. */
static int64_t grace_of(const struct daemon *d, struct str ns)
{
	int64_t ms = 0;

	for (size_t i = 0; i < d->cfg->n_sources; i++)
		if (str_eqz(ns, d->cfg->sources[i].ns) && d->cfg->sources[i].grace_ms > ms)
			ms = d->cfg->sources[i].grace_ms;
	return ms;
}

/* What becomes known this very moment does not wait for the clock on the wall, were time to stand still ahead of it. */
static struct wall leaves_at(const struct daemon *d, const struct alert *a)
{
	struct wall at = a->at.ms == d->now.ms ? clockwatch_wall(&d->clock, d->boot) : a->at;

	return wall_plus(at, grace_of(d, a->ns));
}

/* `why_not`: NULL, or why this row is kept without being sent. */
static void put_row(struct daemon *d, const struct alert *a, struct str body, struct str receiver, const char *why_not)
{
	struct delivery row = {
		.id = str_of(a->id), .receiver = receiver, .type = str_of(alert_type_names[a->type]), .ns = a->ns, .ticket = a->ticket,
		.body = body, .created = d->now, .at = a->at, .due = a->due, .state = DELIVERY_PENDING, .settled = WALL_NEVER,
		.next = leaves_at(d, a),
	};
	struct sending *s = NULL;

	if (why_not != NULL) {
		row.state = DELIVERY_SUPPRESSED;
		row.detail = str_of(why_not);
		row.settled = d->now;
	} else {
		s = sending_create(d, a, receiver, row.created, row.next);
	}
	writer_put(d, &row, (uint64_t)(uintptr_t)s);
}

/*
 * A receiver of a kind that is not active yet: what is for it is recorded as not sent, and its fallback gets it. Chains of fallbacks
 * end, the configuration has seen to it.
 */
static void put_for(struct daemon *d, const struct alert *a, struct str body, struct str receiver, const char *why_not)
{
	const struct receiver *r = config_receiver(d->cfg, receiver);

	while (r != NULL && r->kind == RECEIVER_LATER) {
		put_row(d, a, body, str_of(r->name), why_not != NULL ? why_not : "receivers of this kind are not active yet");
		if (r->fallback == NULL)
			return;
		receiver = str_of(r->fallback);
		r = config_receiver(d->cfg, receiver);
	}
	put_row(d, a, body, receiver, why_not);
}

void outbox_alert(struct daemon *d, const struct alert *a)
{
	bool sent = a->unsent == ALERT_TO_SEND;
	const char *why_not = !sent ? alert_unsent_texts[a->unsent] : d->opt.dry_run ? "dry run" : NULL;
	struct buf *b = &d->outbox.body;
	struct str body;

	buf_reset(b);
	alert_write(a, true, b);
	if (!buf_ok(b)) {
		log_error("outbox", "too-large", "id=%s error=\"the alert has over 64 KiB: nobody gets it\"", a->id);
		return;
	}
	body = buf_str(b);
	d->outbox.n_decided[a->type] += sent;
	d->outbox.n_unsent[a->unsent]++;
	if (d->opt.dry_run && sent)
		log_always(LOG_LEVEL_NOTICE, "alert", "dry-run", STR_FMT, STR_ARG(body));
	if (sent)
		tail_alert(d, body);
	for (size_t i = 0; i < a->n_receivers; i++)
		put_for(d, a, body, a->receivers[i], why_not);
}

void outbox_take_effects(struct daemon *d)
{
	struct effects *fx = &d->fx;

	if (fx->n_alerts == 0 && fx->n_verdicts == 0)
		return;
	for (size_t i = 0; i < fx->n_alerts; i++)
		outbox_alert(d, &fx->alerts[i]);
	for (size_t i = 0; i < fx->n_verdicts; i++)
		writer_verdict(d, &fx->verdicts[i]);
	effects_reset(fx);
}

/* ---- to notify ---- */

#define ASKED "sent again by "

static bool was_asked(const struct delivery *row)
{
	return row->attempts == 0 && str_starts(row->detail, STR(ASKED));
}

/* False when notify has no room: what is on disk is asked for again later, what is in memory alone must stay there. */
static bool hand_over(struct daemon *d, const struct sending *s)
{
	return notify_put(d->notify, &(struct notify_delivery){ &s->alert, s->receiver, 0, s->next_at, s->created, false }) != ERR_FULL;
}

static bool read_row(struct daemon *d, const struct delivery *row, struct str *names, struct alert *out)
{
	struct diag diag = { 0 };

	if (json_parse(d->outbox.doc, row->body, &diag) == ERR_OK && alert_read(d->outbox.doc, 0, names, out) == ERR_OK)
		return true;
	log_error("outbox", "unreadable", "receiver=" STR_FMT " error=\"%s\"", STR_ARG(row->receiver), diag.msg);
	return false;
}

static bool put_again(struct daemon *d, const struct delivery *row, const struct alert *a, const char *receiver)
{
	return notify_put(d->notify, &(struct notify_delivery){ a, receiver, row->attempts, row->next, row->created, was_asked(row) }) != ERR_FULL;
}

static void hand_over_row(struct daemon *d, const struct delivery *row, const struct alert *a)
{
	struct parking *k = &d->outbox.parking;
	char *name = xstrndup(row->receiver.p, row->receiver.len);

	if (parking_is_before(k, a, name) || !put_again(d, row, a, name))
		parking_add(k, row->no, a, name);
	free(name);
}

void sending_send(struct daemon *d, struct sending *s)
{
	struct parking *k = &d->outbox.parking;

	s->told = true;
	/* Of a hundred thousand at once, most are not for now. */
	if (parking_is_before(k, &s->alert, s->receiver) || !notify_has_room(d->notify, s->receiver, s->alert.type) || !hand_over(d, s))
		parking_add(k, s->no, &s->alert, s->receiver);
}

void outbox_committed(struct daemon *d, const struct store_done *done)
{
	struct sending *s = (struct sending *)(uintptr_t)done->cookie;

	if (s == NULL)
		return;
	/* It is decided from what is on disk: of a store that is dead the next start would decide it again, with the same id, if there is one. */
	if (done->err == ERR_IO && !s->told)
		(void)hand_over(d, s);
	s->no = done->seq;
	if (done->err == ERR_OK && done->fresh && !s->told) {
		if (afterword_is(&s->alert)) {
			afterword_wait(s);
			return;
		}
		sending_send(d, s);
	}
	sending_destroy(&d->outbox, s);
}

void outbox_send_uncommitted(struct daemon *d)
{
	struct sending *s = d->outbox.first;

	/* Oldest first: order per ticket and receiver is kept. */
	while (s != NULL && s->next != NULL)
		s = s->next;
	for (; s != NULL; s = s->prev)
		if (!s->told && !parking_is_before(&d->outbox.parking, &s->alert, s->receiver))
			s->told = hand_over(d, s);
}

void outbox_resume(struct daemon *d, const struct delivery *row)
{
	struct str names[ALERT_MAX_RECEIVERS];
	struct alert a;

	if (!read_row(d, row, names, &a))
		return;
	if (row->attempts == 0 && !was_asked(row) && afterword_is(&a))
		afterword_wait(sending_resume(d, &a, row));
	else
		hand_over_row(d, row, &a);
}

bool outbox_return(struct daemon *d, const struct delivery *row)
{
	struct str names[ALERT_MAX_RECEIVERS];
	struct alert a;
	char *name;
	bool done;

	/* No afterword is held back again: that there is need for it was known when it found no room. */
	if (!read_row(d, row, names, &a))
		return true;
	name = xstrndup(row->receiver.p, row->receiver.len);
	done = put_again(d, row, &a, name);
	free(name);
	return done;
}

void outbox_walk(struct daemon *d, void (*fn)(void *ctx, struct alert *a), void *ctx)
{
	for (struct sending *s = d->outbox.first; s != NULL; s = s->next)
		fn(ctx, &s->alert);
	notify_walk(d->notify, fn, ctx);
}

bool outbox_receiver(const struct daemon *d, size_t i, struct notify_stats *out)
{
	if (!notify_stats(d->notify, i, out))
		return false;
	out->n_pending += parking_count(&d->outbox.parking, out->receiver);
	return true;
}

static void settle_by_hand(struct daemon *d, const struct delivery *row, enum delivery_state state, const char *what, struct str who)
{
	struct str names[ALERT_MAX_RECEIVERS];
	struct delivery v = *row;
	struct buf detail;
	struct alert a;

	buf_init(&detail, 1024);
	buf_printf(&detail, "%s" STR_FMT, what, STR_ARG(who));
	v.state = state;
	if (state == DELIVERY_PENDING)
		v.attempts = 0;
	v.detail = buf_str(&detail);
	v.created = d->now;
	v.next = clockwatch_wall(&d->clock, d->boot);
	v.settled = state == DELIVERY_PENDING ? WALL_NEVER : d->now;
	writer_settle(d, &v);
	if (state == DELIVERY_PENDING && read_row(d, &v, names, &a))
		hand_over_row(d, &v, &a);
	buf_finish(&detail);
}

void outbox_again(struct daemon *d, const struct delivery *row, struct str who)
{
	settle_by_hand(d, row, DELIVERY_PENDING, ASKED, who);
}

void outbox_drop(struct daemon *d, const struct delivery *row, struct str who)
{
	settle_by_hand(d, row, DELIVERY_SUPPRESSED, "dropped by ", who);
}

/* ---- what notify asks and tells ---- */

/* While time stands still for a clock that was set back, the engine is ahead: what it decides waits here for its instant, and may yet be met. */
static void op_now(void *ctx, struct wall *wall_out, struct mono *mono_out)
{
	struct daemon *d = ctx;

	daemon_now(d);
	*wall_out = clockwatch_wall(&d->clock, boot_now());
	*mono_out = mono_now();
}

static void op_settle(void *ctx, const struct notify_result *r)
{
	static const enum delivery_state states[NOTIFY_N_STATES] = {
		[NOTIFY_SENT] = DELIVERY_SENT, [NOTIFY_PENDING] = DELIVERY_PENDING,
		[NOTIFY_SUPPRESSED] = DELIVERY_SUPPRESSED, [NOTIFY_DEAD] = DELIVERY_DEAD,
	};
	struct daemon *d = ctx;
	struct delivery row = {
		.id = str_of(r->alert_id), .receiver = str_of(r->receiver), .state = states[r->state], .attempts = r->attempts,
		.next = r->next_at, .status = r->status, .detail = str_of(r->detail),
		.settled = r->state == NOTIFY_PENDING ? WALL_NEVER : d->now,
	};

	tail_delivery(d, r);
	writer_settle(d, &row);
}

static const struct clock_view *find_clock(const struct ticket_view *v, const struct alert *a)
{
	for (size_t i = 0; i < v->n_clocks; i++)
		if (str_eq(v->clocks[i].metric, a->metric) && v->clocks[i].cycle == a->cycle)
			return &v->clocks[i];
	return NULL;
}

/*
 * Nothing is sent for a clock that was met meanwhile. A breach is a fact and goes out also when the clock has stopped since; a
 * warning, and an escalation that calls for somebody, then do not. A paused clock's warning does: its step is not fired again.
 */
static const char *why_not(const struct alert *a, const struct clock_view *c)
{
	bool stopped = c == NULL || !wall_is_never(c->stopped);

	if (c != NULL && str_eqz(c->state, "met"))
		return "met meanwhile";
	if (c != NULL && c->waived)
		return "waived meanwhile";
	if (a->type != ALERT_BREACH && stopped)
		return "stopped meanwhile";
	if (a->type == ALERT_WARNING && c->breached)
		return "breached meanwhile";
	if (a->type != ALERT_WARNING && c != NULL && !c->breached)
		return "no longer breached";
	return NULL;
}

static enum notify_look op_look(void *ctx, const struct alert *a, const char **reason_out)
{
	struct daemon *d = ctx;
	struct arena *arena;
	struct ticket_view v;
	bool known;

	if (a->type > ALERT_ESCALATION || a->metric.len == 0)
		return NOTIFY_SEND;
	arena = arena_create();
	known = engine_view(d->engine, a->ns, a->ticket, d->now, arena, &v);
	*reason_out = why_not(a, known ? find_clock(&v, a) : NULL);
	arena_destroy(arena);
	return *reason_out != NULL ? NOTIFY_DROP : NOTIFY_SEND;
}

static void op_also(void *ctx, const struct alert *a, const char *receiver, const char *why)
{
	struct daemon *d = ctx;
	struct buf body;

	log_notice("outbox", "fallback", "id=%s receiver=%s why=\"%s\"", a->id, receiver, why);
	buf_init(&body, BODY_MAX);
	alert_write(a, true, &body);
	if (buf_ok(&body))
		put_for(d, a, buf_str(&body), str_of(receiver), NULL);
	buf_finish(&body);
}

static void op_alert(void *ctx, const struct alert *a)
{
	outbox_alert(ctx, a);
}

static bool op_refill(void *ctx, const char *receiver, size_t held, size_t room)
{
	(void)held;
	return parking_refill(ctx, receiver, room);
}

static void op_idle(void *ctx)
{
	((struct daemon *)ctx)->parked = true;
}

const struct notify_ops outbox_ops = {
	.now = op_now, .settle = op_settle, .look = op_look, .also = op_also, .alert = op_alert, .refill = op_refill, .idle = op_idle,
};
