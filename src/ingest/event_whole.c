/* An event from what JSON's reader has made of it, member by member; what fields mean beside others, once all are read. */
#include <string.h>

#include "event_reading.h"

/* ---- fields beside others ---- */

static bool need(struct reading *r, enum field f)
{
	const char *why = r->ctx->lent.why_not;

	return (r->seen & field_bit(f)) != 0 || field_fail(r, f, "\"%s\" is required.%s", field_name(f), why != NULL ? why : "");
}

/* `f` is there if and only if the type says so; `may`: it need not be. */
static bool only_at(struct reading *r, enum field f, bool is_place, bool may, const char *place)
{
	bool is_there = (r->seen & field_bit(f)) != 0;

	if (is_there && !is_place)
		return field_fail(r, f, "\"%s\" belongs to %s alone.", field_name(f), place);
	if (!is_there && is_place && !may)
		return field_fail(r, f, "%s needs \"%s\".", place, field_name(f));
	return true;
}

/* What the envelope of an event says, where the event itself does not. */
static void borrow(struct reading *r)
{
	const struct event_lent *lent = &r->ctx->lent;

	if (lent->id.len > 0 && (r->seen & field_bit(FIELD_ID)) == 0) {
		r->e->id = lent->id;
		r->seen |= field_bit(FIELD_ID);
	}
	if (lent->has_at && (r->seen & field_bit(FIELD_AT)) == 0) {
		r->e->at = lent->at;
		r->seen |= field_bit(FIELD_AT);
	}
}

static bool check_whole(struct reading *r)
{
	struct event *e = r->e;
	bool is_act = e->type == EVENT_WAIVED || e->type == EVENT_EXTENDED;

	borrow(r);
	if (!need(r, FIELD_ID) || !need(r, FIELD_TICKET) || !need(r, FIELD_TYPE) || !need(r, FIELD_AT))
		return false;
	if (!only_at(r, FIELD_MODE, e->type == EVENT_ATTENDED, true, "attended") ||
	    !only_at(r, FIELD_INTO, e->type == EVENT_MERGED, false, "merged") ||
	    !only_at(r, FIELD_METRIC, is_act, false, "waived or extended") ||
	    !only_at(r, FIELD_REASON, is_act, false, "waived or extended") ||
	    !only_at(r, FIELD_BY, e->type == EVENT_EXTENDED, false, "extended"))
		return false;
	if (e->type == EVENT_MERGED && str_eq(e->into, e->ticket))
		return field_fail(r, FIELD_INTO, "A ticket cannot be merged into itself.");
	if (r->ctx->allow_received && (r->seen & field_bit(FIELD_RECEIVED)) == 0)
		e->received = e->at;
	return true;
}

bool event_finish(struct reading *r)
{
	if (!check_whole(r))
		return false;
	if (r->ctx->key != NULL)
		event_seal(r->e, *r->ctx->key, r->ctx->arena);
	else
		r->e->body = event_body(r->e);
	return true;
}

/* ---- the members ---- */

static bool read_fields(struct reading *r, json_node n)
{
	for (json_node m = json_first(r->doc, n); m != JSON_ABSENT; m = json_next(r->doc, m)) {
		struct str key = json_key(r->doc, m);
		struct value v = value_of(r->doc, m);
		enum field f = field_of(key);

		if (f == FIELD_N)
			return fields_unknown(r, key);
		if (!field_read(r, f, &v))
			return false;
	}
	return true;
}

enum err event_from_json(const struct json_doc *d, json_node n, const struct event_context *ctx, struct event *out, struct problem *p)
{
	struct str raw = json_raw(d, n);
	struct reading r = { .doc = d, .ctx = ctx, .e = out, .p = p, .has_del = raw.len > 0 && memchr(raw.p, 0x7f, raw.len) != NULL };

	*out = (struct event){ .ns = ctx->ns, .source = ctx->source, .received = ctx->received };
	if (json_kind(d, n) != JSON_OBJECT) {
		problem_set(p, 422, NULL, "An event must be an object, not %s.", json_kind_name(json_kind(d, n)));
		return ERR_SYNTAX;
	}
	if (!read_fields(&r, n) || !event_finish(&r)) {
		json_node id = json_get(d, n, STR("id"));

		problem_set_id(p, id != JSON_ABSENT && json_is_str(d, id) ? json_text(d, id) : ctx->lent.id);
		return ERR_SYNTAX;
	}
	return ERR_OK;
}
