/* Bodies of events, whole: one, a list, a line each; and events back as JSON. */
#include "ingest/event_json.h"

#include <string.h>

#include "base/limits.h"
#include "core/span.h"
#include "ingest/cloudevents.h"

/* ---- reading ---- */

static bool is_blank(struct str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.p[i] != ' ' && line.p[i] != '\t' && line.p[i] != '\r')
			return false;
	return true;
}

static void say_bad_json(struct problem *p, const struct diag *d, unsigned line)
{
	problem_set(p, 400, NULL, "This is not the JSON that is taken here: %s", d->msg);
	p->line = line > 0 ? line : d->line;
	p->col = d->col;
}

static enum err too_many(struct problem *p)
{
	problem_set(p, 413, NULL, "There are more events than are taken at once: send them in parts.");
	return ERR_LIMIT;
}

static enum err read_node(const struct json_doc *d, json_node n, const struct event_context *ctx, struct event *e, struct problem *p)
{
	if (json_raw(d, n).len > EVENT_MAX_SIZE) {
		problem_set(p, 413, NULL, "The event is larger than %u bytes.", EVENT_MAX_SIZE);
		return ERR_SYNTAX;
	}
	return event_from_json(d, n, ctx, e, p);
}

/* Pointers of what is wrong in the event begin with "/data". */
static enum err read_envelope(const struct json_doc *d, json_node n, const struct event_context *ctx, struct event *e, struct problem *p)
{
	struct event_context inner = *ctx;
	json_node data;
	enum err err = cloudevent_open(d, n, &inner, &data, p);

	if (err != ERR_OK)
		return err;
	err = read_node(d, data, &inner, e, p);
	if (err != ERR_OK)
		problem_prefix_key(p, "data");
	return err;
}

/* The forms of one JSON text: who reads an event, and whether it may or must stand in an array. */
static const struct form {
	enum err (*read)(const struct json_doc *d, json_node n, const struct event_context *ctx, struct event *e, struct problem *p);
	bool may_be_many, must_be_many;
} forms[] = {
	[EVENT_FORM_JSON]        = { read_node,     true,  false },
	[EVENT_FORM_DATA]        = { read_node,     false, false },
	[EVENT_FORM_CLOUDEVENT]  = { read_envelope, false, false },
	[EVENT_FORM_CLOUDEVENTS] = { read_envelope, true,  true },
};

static bool tell(event_each_fn *fn, void *arg, size_t index, enum err e, const struct event *event, struct problem *p, bool is_batch)
{
	if (e == ERR_OK)
		return fn(arg, index, event, NULL);
	if (is_batch)
		problem_prefix(p, index);
	return fn(arg, index, NULL, p);
}

/* `scrap` is its caller's: zeroed for each line it cost as much as a field. */
static enum err read_line(struct json_doc *d, struct str line, unsigned line_no, const struct event_context *ctx, struct event *out,
			  struct problem *p, struct diag *scrap)
{
	enum err e;

	if (line.len > EVENT_MAX_SIZE) {
		problem_set(p, 413, NULL, "The event is larger than %u bytes.", EVENT_MAX_SIZE);
		p->line = line_no;
		return ERR_SYNTAX;
	}
	if (event_from_plain(line, ctx, out, p))
		return ERR_OK;
	e = json_parse(d, line, scrap);
	if (e != ERR_OK) {
		say_bad_json(p, scrap, line_no);
		return ERR_SYNTAX;
	}
	e = event_from_json(d, 0, ctx, out, p);
	if (e != ERR_OK)
		p->line = line_no;
	return e;
}

static enum err read_lines(struct json_doc *d, struct str body, const struct event_context *ctx, event_each_fn *fn, void *arg,
			   struct events_found *found, struct problem *p)
{
	struct str rest = body, line;
	struct diag scrap = { 0 };
	struct event event;
	bool more = true;

	found->is_batch = true;
	for (unsigned line_no = 1; more; line_no++) {
		more = str_cut(&rest, '\n', &line);
		if (is_blank(line))
			continue;

		enum err e = read_line(d, line, line_no, ctx, &event, p, &scrap);

		if (!tell(fn, arg, found->n, e, &event, p, true))
			return too_many(p);
		found->n++;
	}
	return ERR_OK;
}

static enum err read_document(struct json_doc *d, struct str body, const struct form *form, const struct event_context *ctx,
			      event_each_fn *fn, void *arg, struct events_found *found, struct problem *p)
{
	struct diag diag = { 0 };
	enum err e = json_parse(d, body, &diag);
	struct event event;

	if (e != ERR_OK) {
		say_bad_json(p, &diag, 0);
		return ERR_SYNTAX;
	}
	found->is_batch = form->may_be_many && json_kind(d, 0) == JSON_ARRAY;
	if (form->must_be_many && !found->is_batch) {
		problem_set(p, 422, NULL, "A batch must be an array, not %s.", json_kind_name(json_kind(d, 0)));
		return ERR_SYNTAX;
	}
	if (!found->is_batch) {
		found->n = 1;
		e = form->read(d, 0, ctx, &event, p);
		return tell(fn, arg, 0, e, &event, p, false) ? ERR_OK : too_many(p);
	}
	for (json_node n = json_first(d, 0); n != JSON_ABSENT; n = json_next(d, n)) {
		e = form->read(d, n, ctx, &event, p);
		if (!tell(fn, arg, found->n, e, &event, p, true))
			return too_many(p);
		found->n++;
	}
	return ERR_OK;
}

enum err events_read(struct json_doc *d, struct str body, enum event_form form, const struct event_context *ctx, event_each_fn *fn,
		     void *arg, struct events_found *found, struct problem *p)
{
	struct event_context here = *ctx;

	here.text = body;
	*found = (struct events_found){ 0 };
	return form == EVENT_FORM_NDJSON ? read_lines(d, body, &here, fn, arg, found, p)
					 : read_document(d, body, &forms[form], &here, fn, arg, found, p);
}

/* ---- writing ---- */

static void put_text(struct json_out *o, const char *key, struct str s)
{
	json_put_key(o, key);
	json_put_str(o, s);
}

static void put_time(struct json_out *o, const char *key, struct wall t)
{
	char text[WALL_TEXT_LEN];

	json_put_key(o, key);
	json_put_z(o, wall_format(t, text));
}

static void put_attr(struct json_out *o, enum attr a, struct str value)
{
	struct str rest = value, tag;
	bool more = true;

	json_put_key(o, attr_names[a]);
	if (value.len == 0) {
		json_put_null(o);
	} else if (a == ATTR_TIER) {
		json_put_raw(o, value);
	} else if (a == ATTR_TAGS) {
		json_begin_array(o);
		while (more) {
			more = str_cut(&rest, TAG_SEP, &tag);
			json_put_str(o, tag);
		}
		json_end_array(o);
	} else {
		json_put_str(o, value);
	}
}

static void put_actor(struct json_out *o, const struct event *e)
{
	if (e->role == ROLE_SYSTEM && e->actor.len == 0)
		return;
	json_put_key(o, "actor");
	json_begin_object(o);
	json_put_key(o, "role");
	json_put_z(o, role_names[e->role]);
	if (e->actor.len > 0)
		put_text(o, "name", e->actor);
	json_end_object(o);
}

static void put_act(struct json_out *o, const struct event *e)
{
	char text[SPAN_TEXT_LEN];

	if (e->metric.len > 0)
		put_text(o, "metric", e->metric);
	if (e->type == EVENT_EXTENDED) {
		json_put_key(o, "by");
		json_put_z(o, span_format_ms(e->by_ms, text));
	}
	if (e->reason.len > 0)
		put_text(o, "reason", e->reason);
}

void event_to_json(const struct event *e, bool with_received, struct json_out *o)
{
	json_begin_object(o);
	put_text(o, "id", e->id);
	put_text(o, "ticket", e->ticket);
	json_put_key(o, "type");
	json_put_z(o, event_type_names[e->type]);
	put_time(o, "at", e->at);
	if (with_received)
		put_time(o, "received", e->received);
	for (unsigned a = 0; a < ATTR_N; a++)
		if ((e->set & UINT32_C(1) << a) != 0)
			put_attr(o, (enum attr)a, e->attr[a]);
	put_actor(o, e);
	if (e->is_private) {
		json_put_key(o, "public");
		json_put_bool(o, false);
	}
	if (e->automated) {
		json_put_key(o, "automated");
		json_put_bool(o, true);
	}
	if (e->mode != MODE_NONE) {
		json_put_key(o, "mode");
		json_put_z(o, mode_names[e->mode]);
	}
	if (e->into.len > 0)
		put_text(o, "into", e->into);
	put_act(o, e);
	json_end_object(o);
}
