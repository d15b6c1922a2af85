/* What operators do: waive, extend, import, try a receiver, reload. Journaled like any event, with their names. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "core/span.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "daemon/lookup.h"
#include "daemon/preview.h"
#include "ingest/event_json.h"
#include "web/ticket_json.h"

/* ---- waive and extend ---- */

static void act_done(struct daemon *d, void *ctx, size_t cycle, enum err err, enum apply result)
{
	struct http_request *r = ctx;
	struct buf b;
	struct json_out o = json_out(&b);

	(void)d;
	if (err != ERR_OK || result == APPLY_FULL) {
		api_refuse(r, err != ERR_OK ? 503 : 422, err != ERR_OK ? "It could not be written to disk." : "The ticket has as many events as a ticket can have.");
		return;
	}
	buf_init(&b, 256);
	json_begin_object(&o);
	json_put_number(&o, "accepted", result == APPLY_DONE);
	json_put_number(&o, "duplicates", result == APPLY_DUPLICATE);
	json_put_number(&o, "cycle", (int64_t)cycle);
	json_end_object(&o);
	api_reply_json(r, 200, &b);
	buf_finish(&b);
}

/* A member that must be a text of 1 to `max` bytes. False, and the request is answered, when it is not. */
static bool text_member(struct daemon *d, struct lookup *l, const char *key, size_t max, struct str *out)
{
	json_node n = json_get(d->doc, 0, str_of(key));
	struct str s = n != JSON_ABSENT && json_is_str(d->doc, n) ? json_text(d->doc, n) : (struct str){ NULL, 0 };

	if (s.len == 0 || s.len > max || str_has_controls(s)) {
		api_refuse(l->r, 422, "`%s` must be a text of 1 to %zu bytes, without control characters.", key, max);
		return false;
	}
	*out = arena_str(l->arena, s);
	return true;
}

static bool read_act(struct daemon *d, struct lookup *l, struct event *e)
{
	static const char *const keys[] = { "metric", "reason", "by" };
	struct diag diag = { 0 };
	struct str by;

	if (!api_body(d, l->r, keys, e->type == EVENT_EXTENDED ? 3 : 2))
		return false;
	if (!text_member(d, l, "metric", EVENT_MAX_ATTR, &e->metric) || !text_member(d, l, "reason", EVENT_MAX_REASON, &e->reason))
		return false;
	if (e->type != EVENT_EXTENDED)
		return true;
	if (!text_member(d, l, "by", 64, &by))
		return false;
	if (span_parse_ms(by, &e->by_ms, &diag) == ERR_OK && e->by_ms > 0)
		return true;
	api_refuse(l->r, 422, "`by` must be a duration over 0, like 2h. %s", diag.msg);
	return false;
}

/* Why the act would change nothing, or NULL. What is over may run again, but whoever acts means the clock as it is. */
static const char *no_use(const struct clock_view *c, enum event_type type)
{
	bool live = clock_view_is_live(c);

	if (type == EVENT_EXTENDED)
		return live ? NULL : "it has ended, and cannot be given more time";
	if (c->waived)
		return "it is waived already";
	return live || c->breached ? NULL : "it was not breached, so there is nothing to waive";
}

/* Of its cycles the last, but of a waiver the last that was breached: as the engine does it. */
static const struct clock_view *clock_meant(const struct ticket_view *v, const struct event *e)
{
	const struct clock_view *last = NULL, *breached = NULL;

	for (size_t i = 0; i < v->n_clocks; i++) {
		const struct clock_view *c = &v->clocks[i];

		if (!str_eq(c->metric, e->metric))
			continue;
		last = c;
		breached = c->breached && !c->waived ? c : breached;
	}
	return e->type == EVENT_WAIVED && breached != NULL ? breached : last;
}

/* Once it is journaled it is an event like others, which nobody refuses: so what is of no use is refused here. False when that is so. */
static bool is_of_use(struct daemon *d, struct lookup *l, const struct event *e, uint32_t *cycle_out)
{
	const struct clock_view *c = NULL;
	struct ticket_view v;
	const char *why;

	if (!engine_view(d->engine, l->ns, l->ticket, d->now, l->arena, &v))
		return false;
	c = clock_meant(&v, e);
	if (c == NULL) {
		api_refuse(l->r, 422, "The ticket has no clock of the metric " STR_FMT ".", STR_ARG(e->metric));
		return false;
	}
	*cycle_out = c->cycle;
	why = no_use(c, e->type);
	if (why != NULL)
		api_refuse(l->r, 409, "The clock " STR_FMT " (cycle %" PRIu32 ") is " STR_FMT ": %s.", STR_ARG(e->metric), c->cycle, STR_ARG(c->state), why);
	return why == NULL;
}

static struct str new_id(struct arena *a)
{
	uint64_t v[2];

	arc4random_buf(v, sizeof(v));
	return str_of(arena_printf(a, "act-%016llx%016llx", (unsigned long long)v[0], (unsigned long long)v[1]));
}

static void act(struct daemon *d, struct lookup *l)
{
	struct event e = { .type = l->route == ROUTE_WAIVE ? EVENT_WAIVED : EVENT_EXTENDED, .ns = l->ns, .ticket = l->ticket, .role = ROLE_SYSTEM };
	uint32_t cycle = 0;
	struct buf actor;
	enum err err;
	bool good;

	if (!read_act(d, l, &e) || !lookup_enter(d, l))
		return;
	good = is_of_use(d, l, &e, &cycle);
	lookup_leave(d, l);
	if (!good)
		return;
	buf_init(&actor, EVENT_MAX_NAME);
	api_actor(d, l->r, &actor);
	e.id = new_id(l->arena);
	e.actor = buf_str(&actor);
	e.at = e.received = daemon_now(d);
	e.body = event_body(&e);
	err = journal_append(d, &e, act_done, l->r, cycle);
	if (err != ERR_OK)
		api_refuse(l->r, 503, "The store takes nothing at the moment.");
	else
		log_notice("api", l->route == ROUTE_WAIVE ? "waive" : "extend", "ticket=" STR_FMT "/" STR_FMT " metric=" STR_FMT " by=" STR_FMT,
			   STR_ARG(e.ns), STR_ARG(e.ticket), STR_ARG(e.metric), STR_ARG(e.actor));
	buf_finish(&actor);
}

void api_waive(struct daemon *d, const struct api_call *c)
{
	lookup_start(d, c, act);
}

void api_extend(struct daemon *d, const struct api_call *c)
{
	lookup_start(d, c, act);
}

/* ---- import ---- */

struct import {
	struct daemon       *d;
	struct http_request *r;
	struct wall          received;
	bool                 quiet;
	size_t               n_left, n_accepted, n_duplicates, n_refused, n_failed;
	struct buf           refused;
	struct json_out      out;
};

static void import_end(struct import *im)
{
	struct buf b;
	struct json_out o = json_out(&b);

	json_end_array(&im->out);
	buf_init(&b, API_BODY_MAX);
	json_begin_object(&o);
	json_put_number(&o, "accepted", (int64_t)im->n_accepted);
	json_put_number(&o, "duplicates", (int64_t)im->n_duplicates);
	json_put_key(&o, "refused");
	json_put_raw(&o, buf_str(&im->refused));
	json_end_object(&o);
	if (im->n_failed > 0)
		api_refuse(im->r, 503, "%zu events could not be written; send all of them again: what was taken is known by its id.", im->n_failed);
	else if (!buf_ok(&im->refused))
		api_refuse(im->r, 422, "%zu events are refused, which is too many to tell.", im->n_refused);
	else
		api_reply_json(im->r, im->n_refused > 0 ? 207 : 200, &b);
	buf_finish(&b);
	buf_finish(&im->refused);
	free(im);
}

static void refuse_event(struct import *im, size_t index, int status, const char *why)
{
	struct problem p;

	im->n_refused++;
	problem_set(&p, status, NULL, "%s", why);
	problem_write_entry(&p, index, &im->out);
}

static void import_one_done(struct daemon *d, void *ctx, size_t index, enum err err, enum apply result)
{
	struct import *im = ctx;

	(void)d;
	if (err != ERR_OK)
		im->n_failed++;
	else if (result == APPLY_CONFLICT)
		refuse_event(im, index, 409, "This ticket has an event of the same id with other content.");
	else if (result == APPLY_FULL)
		refuse_event(im, index, 422, "The ticket has as many events as a ticket can have.");
	else if (result == APPLY_DUPLICATE)
		im->n_duplicates++;
	else
		im->n_accepted++;
	if (--im->n_left == 0)
		import_end(im);
}

static bool import_one(void *ctx, size_t index, const struct event *e, const struct problem *p)
{
	struct import *im = ctx;
	struct event mine;

	if (e == NULL) {
		im->n_refused++;
		problem_write_entry(p, index, &im->out);
		return true;
	}
	mine = *e;
	mine.received = im->received;
	mine.quiet = im->quiet;
	if (journal_append(im->d, &mine, import_one_done, im, index) == ERR_OK)
		im->n_left++;
	else
		im->n_failed++;
	return true;
}

static enum event_form form_of(const struct http_request *r)
{
	struct str value = { NULL, 0 };

	(void)http_headers_find(&r->headers, STR("content-type"), &value);
	return str_starts(value, STR("application/json")) ? EVENT_FORM_JSON : EVENT_FORM_NDJSON;
}

static void import(struct daemon *d, const struct api_call *c, const struct source *src)
{
	struct import *im = xcalloc(1, sizeof(*im));
	struct json_doc *doc = json_create();
	struct arena *arena = arena_create();
	struct event_context ctx = { .ns = str_of(src->ns), .allow_received = true, .allow_operator_types = true, .arena = arena };
	struct events_found found;
	struct problem p;
	enum err e;

	*im = (struct import){ .d = d, .r = c->r, .received = daemon_now(d), .quiet = !api_flag(c->r, "alert") };
	ctx.received = im->received;
	buf_init(&im->refused, 8u << 20);
	im->out = json_out(&im->refused);
	json_begin_array(&im->out);
	e = events_read(doc, c->r->body, form_of(c->r), &ctx, import_one, im, &found, &p);
	if (e == ERR_SYNTAX) {
		http_reply_problem(c->r, &p, NULL);
		buf_finish(&im->refused);
		free(im);
	} else if (im->n_left == 0) {
		import_end(im);
	}
	json_destroy(doc);
	arena_destroy(arena);
}

/* Where all sources share a namespace, none need be named. */
static const struct source *only_source(const struct config *cfg)
{
	for (size_t i = 1; i < cfg->n_sources; i++)
		if (strcmp(cfg->sources[i].ns, cfg->sources[0].ns) != 0)
			return NULL;
	return cfg->n_sources > 0 ? &cfg->sources[0] : NULL;
}

void api_import(struct daemon *d, const struct api_call *c)
{
	const struct source *src;
	struct buf name;

	buf_init(&name, 1024);
	src = api_param(c->r, "source", &name) ? config_source(d->cfg, buf_str(&name)) : only_source(d->cfg);
	if (src == NULL)
		api_refuse(c->r, 404, "`source` must name a source of the configuration: the tickets are put into its namespace.");
	else if (d->phase != PHASE_RUNNING || writer_is_behind(d))
		api_refuse(c->r, 503, "There is no room for further events at the moment; nothing was taken.");
	else
		import(d, c, src);
	buf_finish(&name);
}

/* ---- receivers and the configuration ---- */

static void test_done(void *ctx, bool ok, int status, const char *detail)
{
	struct http_request *r = ctx;
	struct buf b;
	struct json_out o = json_out(&b);

	if (!ok) {
		api_refuse(r, 502, "The receiver did not take it (status %d): %s", status, detail);
		return;
	}
	buf_init(&b, 4096);
	json_begin_object(&o);
	json_put_flag(&o, "ok", true);
	json_put_number(&o, "status", status);
	json_put_text(&o, "detail", str_of(detail));
	json_end_object(&o);
	api_reply_json(r, 200, &b);
	buf_finish(&b);
}

void api_receiver_test(struct daemon *d, const struct api_call *c)
{
	const struct receiver *r = config_receiver(d->cfg, c->name);
	struct buf name;
	enum err e;

	if (d->opt.dry_run) {
		api_refuse(c->r, 409, "This is a dry run: nothing is sent.");
		return;
	}
	if (r != NULL && r->kind == RECEIVER_LATER) {
		api_refuse(c->r, 409, "Receivers of this kind (%s) are not active yet: nothing is sent to it.", r->service);
		return;
	}
	buf_init(&name, 1024);
	buf_put(&name, c->name);
	e = notify_test(d->notify, buf_cstr(&name), test_done, c->r);
	if (e == ERR_ABSENT)
		api_refuse(c->r, 404, "There is no receiver of this name.");
	else if (e != ERR_OK)
		api_refuse(c->r, 503, "Nothing can be sent at the moment.");
	buf_finish(&name);
}

void api_reload(struct daemon *d, const struct api_call *c)
{
	reload_request(d, c->r, api_flag(c->r, "dry_run"), api_limit(c->r, PREVIEW_USUAL, PREVIEW_MAX));
}
