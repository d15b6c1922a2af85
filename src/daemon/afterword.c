#include <event2/event.h>

#include "base/now.h"
#include "base/xalloc.h"
#include "daemon/daemon.h"
#include "daemon/sending.h"

/* An answer has up to a thousand rows: not many at once. */
#define ASKING_MAX 4

/* First and last wait between two looks at a row that is still to be tried: its receiver may be down for hours, and many may wait. */
#define ASK_AGAIN_MS     INT64_C(500)
#define ASK_AGAIN_MAX_MS (INT64_C(30) * MS_PER_S)

bool afterword_is(const struct alert *a)
{
	return a->type == ALERT_CLEARED || a->type == ALERT_RETRACTED;
}

/* Does this row tell the same receiver of what `s` takes back? */
static bool tells(const struct sending *s, const struct delivery *row)
{
	struct str names[ALERT_MAX_RECEIVERS];
	struct json_doc *doc = s->d->outbox.doc;
	struct diag diag = { 0 };
	struct alert a;

	if (!str_eqz(row->receiver, s->receiver) || (row->state != DELIVERY_SENT && row->state != DELIVERY_PENDING))
		return false;
	if (json_parse(doc, row->body, &diag) != ERR_OK || alert_read(doc, 0, names, &a) != ERR_OK)
		return false;
	return str_eq(a.metric, s->alert.metric) && a.cycle == s->alert.cycle &&
	       (a.type == ALERT_BREACH || a.type == ALERT_ESCALATION || (a.type == ALERT_WARNING && s->alert.type == ALERT_CLEARED));
}

static void suppress(struct daemon *d, const struct sending *s, const char *why)
{
	struct delivery row = { .id = str_of(s->alert.id), .receiver = str_of(s->receiver), .state = DELIVERY_SUPPRESSED, .detail = str_of(why), .settled = d->now };

	writer_settle(d, &row);
}

static void ask_next(struct daemon *d);

static void on_told(struct daemon *d, struct query *q, const struct store_done *done)
{
	struct sending *s = (struct sending *)q;

	if (done->delivery != NULL && tells(s, done->delivery)) {
		/* What was tried may have arrived, whatever was answered. */
		if (done->delivery->state == DELIVERY_SENT || done->delivery->attempts > 0)
			s->was_told = true;
		else
			s->undecided = true;
	}
	if (!done->last)
		return;
	d->outbox.n_asking--;
	ask_next(d);
	if (s->undecided && !s->was_told && done->err == ERR_OK) {
		s->undecided = false;
		s->wait_ms = s->wait_ms == 0 ? ASK_AGAIN_MS : s->wait_ms < ASK_AGAIN_MAX_MS / 2 ? s->wait_ms * 2 : ASK_AGAIN_MAX_MS;
		s->next_at = wall_plus(clockwatch_wall(&d->clock, boot_now()), s->wait_ms);
		afterword_wait(s);
		return;
	}
	/* When the store cannot say, one word too many is better than one too few. */
	if (s->was_told || done->err == ERR_IO || done->err == ERR_FULL)
		sending_send(d, s);
	else
		suppress(d, s, "nobody was told before");
	sending_destroy(&d->outbox, s);
}

static void ask(struct sending *s)
{
	struct store_filter f = { .ns = s->alert.ns, .ticket = s->alert.ticket, .limit = STORE_MAX_ROWS };

	s->query.fn = on_told;
	if (store_list_deliveries(s->d->store, &f, query_cookie(&s->query)) == ERR_OK) {
		s->d->outbox.n_asking++;
		return;
	}
	sending_send(s->d, s);
	sending_destroy(&s->d->outbox, s);
}

static void ask_next(struct daemon *d)
{
	struct outbox *o = &d->outbox;

	while (o->n_asking < ASKING_MAX && o->asker != NULL) {
		struct sending *s = o->asker;

		o->asker = s->next_asker;
		if (o->asker == NULL)
			o->last_asker = NULL;
		ask(s);
	}
}

static void ask_whether_told(evutil_socket_t fd, short what, void *ctx)
{
	struct sending *s = ctx;
	struct outbox *o = &s->d->outbox;

	(void)fd;
	(void)what;
	s->next_asker = NULL;
	if (o->last_asker != NULL)
		o->last_asker->next_asker = s;
	else
		o->asker = s;
	o->last_asker = s;
	ask_next(s->d);
}

void afterword_wait(struct sending *s)
{
	int64_t ms = s->next_at.ms - clockwatch_wall(&s->d->clock, boot_now()).ms;
	struct timeval tv = timeval_of(ms < 0 ? 0 : ms + 1);

	s->told = true;                     /* not to be sent past this */
	(void)event_base_once(s->d->base, -1, EV_TIMEOUT, ask_whether_told, s, &tv);
}
