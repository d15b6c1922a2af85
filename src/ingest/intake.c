/* In: routing, verification, reading; the sink gets what is valid. The order is the point: nothing unverified is parsed. */
#include "intake_private.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/xalloc.h"
#include "ingest/cloudevents.h"

#define SPARE_MAX      64            /* works kept for the next request */
#define SPARE_EVENTS   8192          /* room for events that the spare ones keep together: 3.5 MiB */
#define SPARE_REFUSED  64            /* one that had more refusals is freed */
#define EVENTS_AT_FIRST 16
#define READ_APART     (64u << 10)   /* a body of this size is read beside the loop: some 100 us */
#define ANSWER_MAX     (64u << 20)   /* 65536 refusals of a kilobyte */

/* ---- works ---- */

static void work_done(struct intake_batch *b)
{
	struct work *w = (struct work *)b;

	w->intake->stats.n_batches--;
	work_answer(w);
	work_release(w);
}

static struct work *work_get(struct intake *in)
{
	struct work *w = in->spare;

	if (w != NULL) {
		in->spare = w->next;
		in->n_spare--;
		in->n_spare_events -= w->cap;
		return w;
	}
	w = xcalloc(1, sizeof *w);
	w->intake = in;
	w->batch.done = work_done;
	w->arena = arena_create();
	return w;
}

static struct work *work_of(struct apart_job *job)
{
	return (struct work *)(void *)((char *)job - offsetof(struct work, job));
}

static void work_free(struct work *w)
{
	arena_destroy(w->arena);
	free(w->batch.events);
	free(w->batch.results);
	free(w->indexes);
	free(w->refused);
	free(w);
}

void work_release(struct work *w)
{
	struct intake *in = w->intake;

	if (in->n_spare == SPARE_MAX || in->n_spare_events + w->cap > SPARE_EVENTS || w->cap_refused > SPARE_REFUSED) {
		work_free(w);
		return;
	}
	arena_reset(w->arena);
	w->batch.n = 0;
	w->batch.failed = false;
	w->batch.user = NULL;
	w->n_refused = 0;
	w->found = (struct events_found){ 0 };
	w->problem.status = 0;
	w->is_out = false;
	w->request = NULL;
	w->next = in->spare;
	in->spare = w;
	in->n_spare++;
	in->n_spare_events += w->cap;
}

static void work_grow(struct work *w)
{
	w->cap = w->cap == 0 ? EVENTS_AT_FIRST : w->cap * 2;
	w->batch.events = xreallocarray(w->batch.events, w->cap, sizeof *w->batch.events);
	w->batch.results = xreallocarray(w->batch.results, w->cap, 1);
	w->indexes = xreallocarray(w->indexes, w->cap, sizeof *w->indexes);
}

static void add_refused(struct work *w, size_t index, const struct problem *p)
{
	if (w->n_refused == w->cap_refused) {
		w->cap_refused = w->cap_refused == 0 ? EVENTS_AT_FIRST : w->cap_refused * 2;
		w->refused = xreallocarray(w->refused, w->cap_refused, sizeof *w->refused);
	}
	w->refused[w->n_refused] = (struct refused){ index, arena_alloc(w->arena, sizeof *p) };
	*w->refused[w->n_refused++].problem = *p;
}

/* ---- the head ---- */

bool intake_wants(const struct http_request *r)
{
	return str_starts(r->path, STR(INTAKE_PREFIX));
}

void intake_head(struct intake *in, struct http_request *r, struct http_admission *adm)
{
	enum event_form form;

	if (r->method != METHOD_POST) {
		problem_set(&adm->refusal, 405, NULL, "Events are sent by POST.");
		adm->allow = "POST";
	} else if (!intake_form(r, &form, &adm->refusal)) {
		in->stats.n_malformed++;
	} else {
		/* So that it is not asked twice; NULL is the request whose head nobody saw. */
		r->user = (void *)(uintptr_t)(form + 1);
	}
	/* One event or many is known by its first byte alone, and that one comes later. */
	adm->body_len = in->opt.bulk_len > in->opt.body_len ? in->opt.bulk_len : in->opt.body_len;
}

/* ---- the request ---- */

static const struct intake_source *find_source(const struct intake *in, struct str name)
{
	for (size_t i = 0; i < in->n_sources; i++)
		if (str_eq(in->sources[i].name, name))
			return &in->sources[i];
	return NULL;
}

/* NULL when the request is not from who it says; it is answered then, alike for every reason. */
static const struct intake_source *authenticate(struct intake *in, struct http_request *r, struct wall now)
{
	size_t skip = sizeof INTAKE_PREFIX - 1;
	const struct intake_source *src = find_source(in, (struct str){ r->path.p + skip, r->path.len - skip });
	const struct verifier *v = src != NULL ? src->verifier : in->dummy;
	enum verify_result result = verify_request(v, &r->headers, r->body, now);
	struct problem p;

	/* Behind a proxy all the world is loopback: only a unix socket says who may reach it. */
	if (result == VERIFY_OK && verifier_kind(v) == VERIFY_NONE && !r->peer.is_unix)
		result = VERIFY_BAD;
	if (src != NULL && result == VERIFY_OK)
		return src;
	in->stats.n_unverified++;
	if (result == VERIFY_STALE) {
		in->stats.n_stale++;
		/* Only who knows the secret sees this. */
		problem_set(&p, 401, NULL, "The signature is good, but its time is more than five minutes off: look at the clocks.");
	} else {
		problem_set(&p, 401, NULL, "The source is not known, or the request is not signed as agreed with it.");
	}
	http_reply_problem(r, &p, "WWW-Authenticate: Webhook\r\n");
	return NULL;
}

static bool add_event(void *arg, size_t index, const struct event *e, const struct problem *p)
{
	struct work *w = arg;

	if (index >= INTAKE_MAX_EVENTS)
		return false;
	if (e == NULL) {
		add_refused(w, index, p);
		return true;
	}
	if (w->batch.n == w->cap)
		work_grow(w);
	w->batch.events[w->batch.n] = *e;
	w->batch.results[w->batch.n] = INTAKE_DONE;
	w->indexes[w->batch.n++] = (uint32_t)index;
	return true;
}

/* A CloudEvent in binary mode has its attributes in the head of the request. */
static bool open_headers(const struct http_request *r, enum event_form form, enum verify_kind kind, struct event_context *ctx,
			 struct problem *p)
{
	return form != EVENT_FORM_DATA || cloudevent_from_headers(&r->headers, verify_proves_headers(kind), ctx, p);
}

/* Touches the work and the body alone: no other than the caller's thread has them meanwhile. */
static void read_body(struct work *w, struct json_doc *doc)
{
	/* The problem is that of single events, too, which have been added by then. */
	if (events_read(doc, w->request->body, w->form, &w->context, add_event, w, &w->found, &w->problem) == ERR_OK)
		w->problem.status = 0;
}

static void hand_to_sink(struct work *w)
{
	struct intake *in = w->intake;
	struct problem p;

	w->is_out = true;
	in->stats.n_batches++;
	if (in->opt.sink(in->opt.ctx, &w->batch))
		return;
	in->stats.n_batches--;
	in->stats.n_full++;
	problem_set(&p, 503, NULL, "There is no room for further events at the moment; nothing of this request was taken.");
	http_reply_problem(w->request, &p, in->retry_after);
	work_release(w);
}

/* The body was read, or is not to be. */
static void go_on(struct work *w)
{
	struct intake *in = w->intake;

	w->is_batch = w->found.is_batch;
	if (w->problem.status == 0 && !w->is_batch && w->request->body.len > in->opt.body_len)
		problem_set(&w->problem, 413, NULL, "The event is larger than the %zu bytes that are taken.", in->opt.body_len);
	if (w->problem.status == 0 && w->batch.n > 0) {
		hand_to_sink(w);
		return;
	}
	if (w->problem.status != 0) {
		in->stats.n_malformed++;
		http_reply_problem(w->request, &w->problem, NULL);
	} else {
		work_answer(w);
	}
	work_release(w);
}

static void read_apart(void *ctx, struct apart_job *job)
{
	struct intake *in = ctx;

	read_body(work_of(job), in->apart_doc);
}

static void back_on_loop(void *ctx, struct apart_job *job)
{
	(void)ctx;
	go_on(work_of(job));
}

static bool known_form(const struct http_request *r, enum event_form *form, struct problem *p)
{
	if (r->user == NULL)
		return intake_form(r, form, p);
	*form = (enum event_form)((uintptr_t)r->user - 1);
	return true;
}

void intake_request(struct intake *in, struct http_request *r)
{
	struct wall now = in->opt.now(in->opt.ctx);
	const struct intake_source *src = authenticate(in, r, in->opt.clock != NULL ? in->opt.clock(in->opt.ctx) : now);
	struct work *w;

	if (src == NULL)
		return;
	w = work_get(in);
	w->request = r;
	w->batch.received = now;
	w->batch.source = arena_str(w->arena, src->name);
	w->batch.ns = arena_str(w->arena, src->ns);
	w->context = (struct event_context){ .ns = w->batch.ns, .source = w->batch.source, .received = now, .key = &in->opt.key,
					     .arena = w->arena };
	if (!known_form(r, &w->form, &w->problem) || !open_headers(r, w->form, verifier_kind(src->verifier), &w->context, &w->problem)) {
		go_on(w);
	} else if (in->apart != NULL && r->body.len >= READ_APART) {
		apart_put(in->apart, &w->job);
	} else {
		read_body(w, in->doc);
		go_on(w);
	}
}

/* ---- life ---- */

static struct verifier *make_dummy(void)
{
	/* Nobody knows the secret: it is thrown away with the stack. */
	struct verify_config cfg = { .kind = VERIFY_STANDARD_WEBHOOKS, .n_secrets = 1 };
	struct verifier *v = NULL;
	uint64_t secret[4];

	arc4random_buf(secret, sizeof secret);
	cfg.secrets[0] = (struct str){ (const char *)secret, sizeof secret };
	if (verifier_create(&cfg, &v, NULL) != ERR_OK)
		abort();
	return v;
}

struct intake *intake_create(const struct intake_options *opt)
{
	struct intake *in = xcalloc(1, sizeof *in);

	in->opt = *opt;
	intake_set_limits(in, opt->body_len, opt->bulk_len);
	if (in->opt.retry_after_s <= 0)
		in->opt.retry_after_s = 5;
	snprintf(in->retry_after, sizeof in->retry_after, "Retry-After: %d\r\n", in->opt.retry_after_s);
	in->dummy = make_dummy();
	in->doc = json_create();
	in->apart_doc = json_create();
	/* Without the thread it only takes longer. */
	in->apart = opt->base != NULL ? apart_create(opt->base, read_apart, back_on_loop, in) : NULL;
	buf_init(&in->out, ANSWER_MAX);
	return in;
}

/* At the very end: the answer goes nowhere, but the request is given back. */
static void drop(void *ctx, struct apart_job *job)
{
	struct work *w = work_of(job);
	struct problem p;

	(void)ctx;
	problem_set(&p, 503, NULL, "The service is stopping; nothing of this request was taken.");
	http_reply_problem(w->request, &p, w->intake->retry_after);
	work_free(w);
}

void intake_destroy(struct intake *in)
{
	struct work *w;

	if (in == NULL)
		return;
	apart_destroy(in->apart, drop);
	while ((w = in->spare) != NULL) {
		in->spare = w->next;
		work_free(w);
	}
	verifier_destroy(in->dummy);
	json_destroy(in->doc);
	json_destroy(in->apart_doc);
	buf_finish(&in->out);
	free(in);
}

void intake_set_sources(struct intake *in, const struct intake_source *v, size_t n)
{
	in->sources = v;
	in->n_sources = n;
}

void intake_set_limits(struct intake *in, size_t body_len, size_t bulk_len)
{
	in->opt.body_len = body_len != 0 ? body_len : HTTP_MAX_BODY;
	in->opt.bulk_len = bulk_len != 0 ? bulk_len : HTTP_MAX_BULK;
}

void intake_stats(const struct intake *in, struct intake_stats *out)
{
	*out = in->stats;
}
