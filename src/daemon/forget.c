#include "daemon/forget.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_member.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/now.h"
#include "base/reader.h"
#include "base/xalloc.h"
#include "core/forget.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "daemon/query.h"
#include "store/rewrite.h"

#define SLICE_MS 2            /* of a turn */
#define SLICE    32           /* tickets between two looks at the time */

enum forget_step { STEP_MEMORY, STEP_SAVING, STEP_DISK };

struct name {
	struct str ns, ticket;
	uint32_t   n_events;      /* in which the name was */
	bool       theirs;        /* as the requester's */
};

/* The loop's until STEP_DISK, then the store thread's until its answer. */
struct forget_job {
	struct query         query;
	struct daemon       *d;
	struct http_request *r;
	enum forget_round    round;
	enum forget_step     step;
	struct arena        *arena;
	struct str           requester;
	struct buf           actor;
	struct json_doc     *doc;
	uint32_t             at;           /* of STEP_MEMORY */
	struct mono          walked;       /* when memory was clean */
	struct name         *names;        /* of the tickets in which it was */
	size_t               n_names, cap_names;
	bool                 sorted;
	uint64_t             n_alerts, n_refused;
};

static void destroy(struct forget_job *j)
{
	arena_destroy(j->arena);
	buf_finish(&j->actor);
	json_destroy(j->doc);
	free(j->names);
	free(j);
}

/* ---- whose tickets ---- */

static int by_name(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int c = str_cmp(x->ns, y->ns);

	return c != 0 ? c : str_cmp(x->ticket, y->ticket);
}

/* They are gathered without a look, some of them twice, before the first question. */
static void sort(struct forget_job *j)
{
	size_t kept = 0;

	if (j->sorted)
		return;
	if (j->n_names > 0)
		qsort(j->names, j->n_names, sizeof(*j->names), by_name);
	for (size_t i = 0; i < j->n_names; i++) {
		struct name *n = &j->names[i], *last;

		if (kept == 0 || by_name(&j->names[kept - 1], n) != 0) {
			j->names[kept++] = *n;
			continue;
		}
		last = &j->names[kept - 1];
		last->theirs = last->theirs || n->theirs;
		last->n_events = last->n_events > n->n_events ? last->n_events : n->n_events;
	}
	j->n_names = kept;
	j->sorted = true;
}

static bool is_theirs(struct forget_job *j, struct str ns, struct str ticket)
{
	struct name key = { .ns = ns, .ticket = ticket };
	const struct name *found;

	sort(j);
	found = j->n_names > 0 ? bsearch(&key, j->names, j->n_names, sizeof(*j->names), by_name) : NULL;
	return found != NULL && found->theirs;
}

static void add(struct forget_job *j, struct str ns, struct str ticket, enum forgot what, uint32_t n_events)
{
	if (j->n_names == j->cap_names) {
		j->cap_names = j->cap_names ? j->cap_names * 2 : 64;
		j->names = xreallocarray(j->names, j->cap_names, sizeof(*j->names));
	}
	j->names[j->n_names++] = (struct name){ arena_str(j->arena, ns), arena_str(j->arena, ticket), n_events, what == FORGOT_REQUESTER };
	j->sorted = false;
}

/* ---- on disk; these run on the store's thread ---- */

static bool contains(struct str text, struct str what)
{
	return text.len >= what.len && memmem(text.p, text.len, what.p, what.len) != NULL;
}

static bool rewrite_ticket(struct forget_job *j, const struct store_piece *p, struct buf *out)
{
	uint32_t n_events = 0;
	enum forgot f = contains(p->bytes, j->requester) ? row_forget(p->bytes, j->requester, j->round, out, &n_events) : FORGOT_NOTHING;

	if (f != FORGOT_NOTHING)
		add(j, p->ns, p->ticket, f, n_events);
	return f != FORGOT_NOTHING;
}

static bool rewrite_event(struct forget_job *j, const struct store_piece *p, struct buf *out)
{
	struct reader r = reader_of(p->bytes);
	struct event e;
	enum forgot f;

	if (!event_decode(&r, &e))
		return false;
	/* Every ticket that an event names has its row by now, and is known by it. */
	f = event_forget(&e, j->requester, is_theirs(j, e.ns, e.ticket));
	if (f == FORGOT_NOTHING)
		return false;
	event_encode(&e, out);
	return true;
}

static bool rewrite_delivery(struct forget_job *j, const struct store_piece *p, struct buf *out)
{
	struct str names[ALERT_MAX_RECEIVERS];
	struct diag diag;
	struct alert a;

	if (!is_theirs(j, p->ns, p->ticket) || json_parse(j->doc, p->bytes, &diag) != ERR_OK || alert_read(j->doc, 0, names, &a) != ERR_OK ||
	    !alert_forget(&a, j->requester))
		return false;
	alert_write(&a, true, out);
	j->n_alerts++;
	return buf_ok(out);
}

/* Behind a receiver's status stands what it said, and many repeat what they were sent. Our own words are kept. */
static bool rewrite_detail(struct forget_job *j, const struct store_piece *p, struct buf *out)
{
	struct str d = p->bytes;
	size_t keep = d.len, digits = 0;

	if (!is_theirs(j, p->ns, p->ticket))
		return false;
	for (size_t i = 0; i < d.len && keep == d.len; i++) {
		digits = d.p[i] >= '0' && d.p[i] <= '9' ? digits + 1 : 0;
		if (digits == 3 && (i == 2 || d.p[i - 3] == ' ') && (i + 1 == d.len || d.p[i + 1] == ' ' || d.p[i + 1] == ':'))
			keep = i + 1;
	}
	if (contains(d, j->requester) && keep == d.len)
		keep = 0;
	buf_append(out, d.p, keep);
	return keep < d.len;
}

/* What no ticket took cannot be told apart: it goes as a whole. It stands there as it came, with a name in escapes perhaps. */
static bool rewrite_refused(struct forget_job *j, const struct store_piece *p, struct buf *out)
{
	struct buf text;
	bool found;

	(void)out;
	buf_init(&text, p->bytes.len);
	json_unescape(p->bytes, &text);
	found = contains(p->bytes, j->requester) || contains(buf_str(&text), j->requester);
	buf_finish(&text);
	j->n_refused += found;
	return found;
}

static bool rewrite(void *ctx, const struct store_piece *p, struct buf *out)
{
	static bool (*const parts[PART_N])(struct forget_job *, const struct store_piece *, struct buf *) = {
		[PART_OPEN] = rewrite_ticket, [PART_CLOSED] = rewrite_ticket, [PART_EVENT] = rewrite_event,
		[PART_DELIVERY] = rewrite_delivery, [PART_DETAIL] = rewrite_detail, [PART_REFUSED] = rewrite_refused,
	};

	return parts[p->part](ctx, p, out);
}

/* ---- the steps ---- */

static void end(struct daemon *d)
{
	engine_forget_on_load(d->engine, (struct str){ NULL, 0 }, FORGET_TEXTS);
	destroy(d->forget.job);
	d->forget.job = NULL;
}

static void give_up(struct daemon *d, const char *why)
{
	api_refuse(d->forget.job->r, 503, "%s What was not reached yet still has the name: ask again.", why);
	end(d);
}

static void begin_round(struct daemon *d, struct forget_job *j, enum forget_round round)
{
	j->round = round;
	j->step = STEP_MEMORY;
	j->at = 0;
	engine_forget_on_load(d->engine, j->requester, round);
}

static void answer(struct forget_job *j)
{
	uint64_t n_tickets = 0, n_events = 0;
	struct buf b;
	struct json_out o = json_out(&b);

	/* By what the tickets have: of the journal's events most are gone once the tickets stand for them. */
	sort(j);
	for (size_t i = 0; i < j->n_names; i++) {
		n_tickets += j->names[i].theirs;
		n_events += j->names[i].n_events;
	}
	/* The name itself is what must not be kept. */
	log_notice("api", "forget", "tickets=%" PRIu64 " events=%" PRIu64 " alerts=%" PRIu64 " refused=%" PRIu64 " by=%s", n_tickets, n_events, j->n_alerts,
		   j->n_refused, buf_cstr(&j->actor));
	buf_init(&b, 1024);
	json_begin_object(&o);
	json_put_number(&o, "tickets", (int64_t)n_tickets);
	json_put_number(&o, "events", (int64_t)n_events);
	json_put_number(&o, "alerts", (int64_t)j->n_alerts);
	json_put_number(&o, "refused", (int64_t)j->n_refused);
	json_end_object(&o);
	api_reply_json(j->r, 200, &b);
	buf_finish(&b);
}

/* Alerts that are still to be sent have the texts in memory; a fallback would bring them to the disk again. */
static void clean_alert(void *ctx, struct alert *a)
{
	struct forget_job *j = ctx;

	if (is_theirs(j, a->ns, a->ticket))
		(void)alert_forget(a, j->requester);
}

static void on_rewritten(struct daemon *d, struct query *q, const struct store_done *done)
{
	struct forget_job *j = (struct forget_job *)q;

	if (done->err == ERR_OK)
		outbox_walk(d, clean_alert, j);
	if (done->err != ERR_OK) {
		give_up(d, "The store failed.");
	} else if (j->round == FORGET_TEXTS) {
		begin_round(d, j, FORGET_NAMES);
	} else {
		tail_forget(&d->tail);
		answer(j);
		end(d);
	}
}

static bool clean_memory(struct forget_job *j)
{
	struct engine *en = j->d->engine;
	struct mono began = mono_now();
	struct str ns, ticket;

	do {
		for (int i = 0; i < SLICE; i++) {
			uint32_t n = engine_walk(en, j->at, &ns, &ticket), n_events;
			enum forgot f;

			if (n == ENGINE_NO_TICKET) {
				j->walked = mono_now();
				j->step = STEP_SAVING;
				return true;
			}
			j->at = n + 1;
			f = engine_forget(en, n, j->requester, j->round, &n_events);
			if (f != FORGOT_NOTHING && engine_walk(en, n, &ns, &ticket) == n)
				add(j, ns, ticket, f, n_events);
		}
	} while (mono_now().ms - began.ms < SLICE_MS);
	return true;
}

/*
 * A contract that was found by a requester's domain is in the ticket's row, but not in the journal: so the rows are on disk, and stand for
 * their events, before the events lose the name.
 */
static bool wait_for_rows(struct daemon *d, struct forget_job *j)
{
	struct snapshot *s = &d->snapshot;

	if (s->running || s->began.ms <= j->walked.ms) {
		s->next = (struct mono){ 0 };
		return false;
	}
	if (writer_is_behind(d) || store_rewrite(d->store, rewrite, j, query_cookie(&j->query)) != ERR_OK)
		return false;
	j->step = STEP_DISK;
	return false;
}

bool forget_turn(struct daemon *d)
{
	struct forget_job *j = d->forget.job;

	if (j == NULL || j->step == STEP_DISK)
		return false;
	if (d->phase != PHASE_RUNNING) {
		give_up(d, "plazod is stopping.");
		return false;
	}
	return j->step == STEP_MEMORY ? clean_memory(j) : wait_for_rows(d, j);
}

void forget_finish(struct daemon *d)
{
	if (d->forget.job != NULL)
		give_up(d, "plazod is stopping.");
}

/* ---- the request ---- */

/* False, and the request is answered, when it does not say it. */
static bool read_requester(struct daemon *d, struct http_request *r, struct str *out)
{
	static const char *const keys[] = { "requester" };
	json_node n;

	if (!api_body(d, r, keys, 1))
		return false;
	n = json_get(d->doc, 0, STR("requester"));
	*out = n != JSON_ABSENT && json_is_str(d->doc, n) ? json_text(d->doc, n) : (struct str){ NULL, 0 };
	if (out->len > 0 && out->len <= EVENT_MAX_ATTR && !str_has_controls(*out))
		return true;
	api_refuse(r, 422, "`requester` must be a text of 1 to %u bytes, without control characters.", (unsigned)EVENT_MAX_ATTR);
	return false;
}

void api_forget(struct daemon *d, const struct api_call *c)
{
	struct forget_job *j;
	struct str requester;

	if (d->forget.job != NULL || d->phase != PHASE_RUNNING) {
		api_refuse(c->r, 503, d->forget.job != NULL ? "Somebody else is being forgotten at the moment." : "plazod is not running.");
		return;
	}
	if (!read_requester(d, c->r, &requester))
		return;
	j = xcalloc(1, sizeof(*j));
	*j = (struct forget_job){ .query = { on_rewritten }, .d = d, .r = c->r, .arena = arena_create(), .doc = json_create() };
	j->requester = arena_str(j->arena, requester);
	buf_init(&j->actor, EVENT_MAX_NAME);
	api_actor(d, c->r, &j->actor);
	d->forget.job = j;
	begin_round(d, j, FORGET_TEXTS);
}
