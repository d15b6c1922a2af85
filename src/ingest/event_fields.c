/*
 * One event, field by field. A table says what each field is; what a field means beside others is checked once all are read. A text is
 * a slice of the body where it had no escapes, so an event costs no allocation.
 */
#include "ingest/event_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "core/span.h"

#define TIER_MAX 1000000

/* One reading: what goes in, what comes out, and which fields were there. */
struct reading {
	const struct json_doc      *doc;
	const struct event_context *ctx;
	struct event               *e;
	struct problem             *p;
	uint32_t                    seen;
	bool                        has_del;   /* somewhere in its text */
};

enum field {
	FIELD_ID, FIELD_AT, FIELD_BY, FIELD_URL, FIELD_TYPE, FIELD_KIND, FIELD_MODE, FIELD_INTO, FIELD_SITE, FIELD_TEAM, FIELD_TIER,
	FIELD_TAGS, FIELD_ACTOR, FIELD_TICKET, FIELD_STATUS, FIELD_PUBLIC, FIELD_DOMAIN, FIELD_METRIC, FIELD_REASON, FIELD_SERVICE,
	FIELD_SUBJECT, FIELD_CONTRACT, FIELD_PRIORITY, FIELD_CATEGORY, FIELD_ASSIGNEE, FIELD_RECEIVED, FIELD_AUTOMATED,
	FIELD_REQUESTER, FIELD_ORGANIZATION, FIELD_N
};

/* False with the problem set. Never called for null, but for attributes. */
typedef bool read_fn(struct reading *r, enum field f, json_node n);

static read_fn read_id, read_at, read_by, read_type, read_mode, read_into, read_tier, read_tags, read_actor, read_ticket, read_flag,
	read_metric, read_reason, read_received, read_attr, read_url;

static const struct { const char *name; uint8_t len; read_fn *read; enum attr attr; uint32_t max; } fields[FIELD_N] = {
	[FIELD_ID]           = { "id",            2, read_id,       ATTR_N,            EVENT_MAX_ID },
	[FIELD_AT]           = { "at",            2, read_at,       ATTR_N,            64 },
	[FIELD_BY]           = { "by",            2, read_by,       ATTR_N,            64 },
	[FIELD_URL]          = { "url",           3, read_url,      ATTR_URL,          EVENT_MAX_URL },
	[FIELD_TYPE]         = { "type",          4, read_type,     ATTR_N,            64 },
	[FIELD_KIND]         = { "kind",          4, read_attr,     ATTR_KIND,         EVENT_MAX_ATTR },
	[FIELD_MODE]         = { "mode",          4, read_mode,     ATTR_N,            64 },
	[FIELD_INTO]         = { "into",          4, read_into,     ATTR_N,            EVENT_MAX_ID },
	[FIELD_SITE]         = { "site",          4, read_attr,     ATTR_SITE,         EVENT_MAX_ATTR },
	[FIELD_TEAM]         = { "team",          4, read_attr,     ATTR_TEAM,         EVENT_MAX_ATTR },
	[FIELD_TIER]         = { "tier",          4, read_tier,     ATTR_TIER,         0 },
	[FIELD_TAGS]         = { "tags",          4, read_tags,     ATTR_TAGS,         EVENT_MAX_ATTR },
	[FIELD_ACTOR]        = { "actor",         5, read_actor,    ATTR_N,            EVENT_MAX_NAME },
	[FIELD_TICKET]       = { "ticket",        6, read_ticket,   ATTR_N,            EVENT_MAX_ID },
	[FIELD_STATUS]       = { "status",        6, read_attr,     ATTR_STATUS,       EVENT_MAX_ATTR },
	[FIELD_PUBLIC]       = { "public",        6, read_flag,     ATTR_N,            0 },
	[FIELD_DOMAIN]       = { "domain",        6, read_attr,     ATTR_DOMAIN,       EVENT_MAX_ATTR },
	[FIELD_METRIC]       = { "metric",        6, read_metric,   ATTR_N,            CONFIG_MAX_NAME },
	[FIELD_REASON]       = { "reason",        6, read_reason,   ATTR_N,            EVENT_MAX_REASON },
	[FIELD_SERVICE]      = { "service",       7, read_attr,     ATTR_SERVICE,      EVENT_MAX_ATTR },
	[FIELD_SUBJECT]      = { "subject",       7, read_attr,     ATTR_SUBJECT,      EVENT_MAX_SUBJECT },
	[FIELD_CONTRACT]     = { "contract",      8, read_attr,     ATTR_CONTRACT,     EVENT_MAX_ATTR },
	[FIELD_PRIORITY]     = { "priority",      8, read_attr,     ATTR_PRIORITY,     EVENT_MAX_ATTR },
	[FIELD_CATEGORY]     = { "category",      8, read_attr,     ATTR_CATEGORY,     EVENT_MAX_ATTR },
	[FIELD_ASSIGNEE]     = { "assignee",      8, read_attr,     ATTR_ASSIGNEE,     EVENT_MAX_ATTR },
	[FIELD_RECEIVED]     = { "received",      8, read_received, ATTR_N,            64 },
	[FIELD_AUTOMATED]    = { "automated",     9, read_flag,     ATTR_N,            0 },
	[FIELD_REQUESTER]    = { "requester",     9, read_attr,     ATTR_REQUESTER,    EVENT_MAX_ATTR },
	[FIELD_ORGANIZATION] = { "organization", 12, read_attr,     ATTR_ORGANIZATION, EVENT_MAX_ATTR },
};

#define LONGEST_NAME 12
/* Found by trying: no two names have the same place. */
#define PLACE(len, first, last) ((((uint32_t)(len) << 16 ^ (uint32_t)(first) << 8 ^ (uint32_t)(last)) * UINT32_C(0x756fe901)) >> 26)
static const uint8_t places[64] = {
	[PLACE(2, 'i', 'd')] = FIELD_ID, [PLACE(2, 'a', 't')] = FIELD_AT, [PLACE(2, 'b', 'y')] = FIELD_BY,
	[PLACE(3, 'u', 'l')] = FIELD_URL, [PLACE(4, 't', 'e')] = FIELD_TYPE, [PLACE(4, 'k', 'd')] = FIELD_KIND,
	[PLACE(4, 'm', 'e')] = FIELD_MODE, [PLACE(4, 'i', 'o')] = FIELD_INTO, [PLACE(4, 's', 'e')] = FIELD_SITE,
	[PLACE(4, 't', 'm')] = FIELD_TEAM, [PLACE(4, 't', 'r')] = FIELD_TIER, [PLACE(4, 't', 's')] = FIELD_TAGS,
	[PLACE(5, 'a', 'r')] = FIELD_ACTOR, [PLACE(6, 't', 't')] = FIELD_TICKET, [PLACE(6, 's', 's')] = FIELD_STATUS,
	[PLACE(6, 'p', 'c')] = FIELD_PUBLIC, [PLACE(6, 'd', 'n')] = FIELD_DOMAIN, [PLACE(6, 'm', 'c')] = FIELD_METRIC,
	[PLACE(6, 'r', 'n')] = FIELD_REASON, [PLACE(7, 's', 'e')] = FIELD_SERVICE, [PLACE(7, 's', 't')] = FIELD_SUBJECT,
	[PLACE(8, 'c', 't')] = FIELD_CONTRACT, [PLACE(8, 'p', 'y')] = FIELD_PRIORITY, [PLACE(8, 'c', 'y')] = FIELD_CATEGORY,
	[PLACE(8, 'a', 'e')] = FIELD_ASSIGNEE, [PLACE(8, 'r', 'd')] = FIELD_RECEIVED, [PLACE(9, 'a', 'd')] = FIELD_AUTOMATED,
	[PLACE(9, 'r', 'r')] = FIELD_REQUESTER, [PLACE(12, 'o', 'n')] = FIELD_ORGANIZATION,
};

/* Of as many bytes, from 2 to 16, in two looks that may overlap: memcmp() would be called for each of a dozen keys. */
static inline bool is_name(const char *name, const char *key, size_t len)
{
	if (len >= 8)
		return memcmp(name, key, 8) == 0 && memcmp(name + len - 8, key + len - 8, 8) == 0;
	if (len >= 4)
		return memcmp(name, key, 4) == 0 && memcmp(name + len - 4, key + len - 4, 4) == 0;
	return memcmp(name, key, 2) == 0 && memcmp(name + len - 2, key + len - 2, 2) == 0;
}

static enum field field_of(struct str key)
{
	enum field f;

	if (key.len < 2 || key.len > LONGEST_NAME)
		return FIELD_N;
	f = (enum field)places[PLACE(key.len, (uint8_t)key.p[0], (uint8_t)key.p[key.len - 1])];
	return fields[f].len == key.len && is_name(fields[f].name, key.p, key.len) ? f : FIELD_N;
}

static inline uint32_t bit(enum field f) { return UINT32_C(1) << f; }

/* ---- saying what is wrong ---- */

PRINTF_LIKE(3, 4) static bool fail_at(struct reading *r, enum field f, const char *fmt, ...)
{
	struct problem *p = r->p;
	va_list ap;

	*p = (struct problem){ .status = 422 };
	va_start(ap, fmt);
	vsnprintf(p->detail, sizeof p->detail, fmt, ap);
	va_end(ap);
	problem_append(p, str_of(fields[f].name));
	return false;
}

/* Enough of a text to know it again in a message. */
static struct str cut(struct str s)
{
	return (struct str){ s.p, s.len < 64 ? s.len : 64 };
}

static bool fail_unknown(struct reading *r, struct str key, const char *const *names, size_t n)
{
	const char *near = str_nearest(key, names, n);

	if (near != NULL)
		problem_set(r->p, 422, NULL, "There is no field \"" STR_FMT "\"; did you mean \"%s\"?", STR_ARG(cut(key)), near);
	else
		problem_set(r->p, 422, NULL, "There is no field \"" STR_FMT "\".", STR_ARG(cut(key)));
	problem_append(r->p, key);
	return false;
}

/* ---- texts ---- */

static bool is_in_body(const struct reading *r, struct str s)
{
	uintptr_t from = (uintptr_t)r->ctx->text.p, at = (uintptr_t)s.p;

	return at >= from && at - from < r->ctx->text.len;
}

/* As long-lived as the event: a slice of the body, or a copy where the doc had to decode it. */
static struct str keep(const struct reading *r, struct str s)
{
	if (s.len == 0)
		return (struct str){ 0 };
	return is_in_body(r, s) ? s : arena_str(r->ctx->arena, s);
}

/* Without escapes JSON lets one control character through: DEL, and nobody sends that. */
static bool has_controls(const struct reading *r, struct str s)
{
	return (r->has_del || !is_in_body(r, s)) && str_has_controls(s);
}

static bool read_text(struct reading *r, enum field f, json_node n, struct str *out)
{
	struct str s;

	if (!json_str(r->doc, n, &s))
		return fail_at(r, f, "\"%s\" must be a string, not %s.", fields[f].name, json_kind_name(json_kind(r->doc, n)));
	if (s.len > fields[f].max)
		return fail_at(r, f, "\"%s\" is longer than %u bytes.", fields[f].name, fields[f].max);
	/* A stray tab in a subject must not leave a ticket unwatched: what shows it cleans it. */
	if (f != FIELD_SUBJECT && has_controls(r, s))
		return fail_at(r, f, "\"%s\" has a control character.", fields[f].name);
	*out = keep(r, s);
	return true;
}

static bool read_filled(struct reading *r, enum field f, json_node n, struct str *out)
{
	if (!read_text(r, f, n, out))
		return false;
	return out->len > 0 || fail_at(r, f, "\"%s\" is empty.", fields[f].name);
}

/* ---- one function a kind of field ---- */

static bool read_id(struct reading *r, enum field f, json_node n)      { return read_filled(r, f, n, &r->e->id); }
static bool read_ticket(struct reading *r, enum field f, json_node n)  { return read_filled(r, f, n, &r->e->ticket); }
static bool read_into(struct reading *r, enum field f, json_node n)    { return read_filled(r, f, n, &r->e->into); }
static bool read_metric(struct reading *r, enum field f, json_node n)  { return read_filled(r, f, n, &r->e->metric); }
static bool read_reason(struct reading *r, enum field f, json_node n)  { return read_filled(r, f, n, &r->e->reason); }

static bool read_attr(struct reading *r, enum field f, json_node n)
{
	enum attr a = fields[f].attr;

	r->e->set |= UINT32_C(1) << a;
	if (json_kind(r->doc, n) == JSON_NULL)
		return true;
	return read_text(r, f, n, &r->e->attr[a]);
}

static bool read_url(struct reading *r, enum field f, json_node n)
{
	struct str *url = &r->e->attr[ATTR_URL];

	if (!read_attr(r, f, n))
		return false;
	/* It becomes a link in mails and on the board: "javascript:" must not. */
	if (url->len > 0 && !str_starts(*url, STR("https://")) && !str_starts(*url, STR("http://")))
		return fail_at(r, f, "\"url\" must begin with https:// or http://.");
	return true;
}

static bool read_tier(struct reading *r, enum field f, json_node n)
{
	int64_t tier;
	enum err e;

	r->e->set |= UINT32_C(1) << ATTR_TIER;
	if (json_kind(r->doc, n) == JSON_NULL)
		return true;
	if (json_kind(r->doc, n) != JSON_NUMBER)
		return fail_at(r, f, "\"tier\" must be a number, not %s.", json_kind_name(json_kind(r->doc, n)));
	e = json_i64(r->doc, n, 0, TIER_MAX, &tier);
	if (e != ERR_OK)
		return fail_at(r, f, "\"tier\" must be a whole number from 0 to %d.", TIER_MAX);
	/* json_i64() took its text: digits alone, none to spare. */
	r->e->attr[ATTR_TIER] = tier == 0 ? STR("0") : keep(r, json_text(r->doc, n));
	return true;
}

static int compare_tags(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool collect_tags(struct reading *r, enum field f, json_node n, struct str *tags, size_t *n_out)
{
	size_t i = 0;

	for (json_node t = json_first(r->doc, n); t != JSON_ABSENT; t = json_next(r->doc, t), i++) {
		bool ok = i < EVENT_MAX_TAGS ? read_filled(r, f, t, &tags[i])
					     : fail_at(r, f, "There are more than %d tags.", EVENT_MAX_TAGS);

		if (!ok) {
			problem_append_index(r->p, i);
			return false;
		}
	}
	*n_out = i;
	return true;
}

static bool read_tags(struct reading *r, enum field f, json_node n)
{
	struct str tags[EVENT_MAX_TAGS];
	size_t n_tags = 0, len = 0;
	char *text, *at;

	r->e->set |= UINT32_C(1) << ATTR_TAGS;
	if (json_kind(r->doc, n) == JSON_NULL)
		return true;
	if (json_kind(r->doc, n) != JSON_ARRAY)
		return fail_at(r, f, "\"tags\" must be a list of strings, not %s.", json_kind_name(json_kind(r->doc, n)));
	if (!collect_tags(r, f, n, tags, &n_tags))
		return false;
	if (n_tags == 0)
		return true;
	qsort(tags, n_tags, sizeof tags[0], compare_tags);
	for (size_t i = 0; i < n_tags; i++)
		len += tags[i].len + 1;
	text = at = arena_alloc(r->ctx->arena, len);
	for (size_t i = 0; i < n_tags; i++) {
		if (i > 0 && str_eq(tags[i], tags[i - 1]))
			continue;
		if (at != text)
			*at++ = TAG_SEP;
		memcpy(at, tags[i].p, tags[i].len);
		at += tags[i].len;
	}
	r->e->attr[ATTR_TAGS] = (struct str){ text, (size_t)(at - text) };
	return true;
}

static bool fail_time(struct reading *r, enum field f, struct str s)
{
	struct diag d = { 0 };
	struct wall t;

	return wall_parse(s, &t, &d) == ERR_OK || fail_at(r, f, "\"%s\": %s", fields[f].name, d.msg);
}

static bool read_time(struct reading *r, enum field f, json_node n, struct wall *out)
{
	struct str s;

	if (!read_text(r, f, n, &s))
		return false;
	return wall_parse(s, out, NULL) == ERR_OK || fail_time(r, f, s);
}

static bool read_at(struct reading *r, enum field f, json_node n) { return read_time(r, f, n, &r->e->at); }

static bool read_received(struct reading *r, enum field f, json_node n)
{
	if (!r->ctx->allow_received)
		return fail_at(r, f, "\"received\" is for simulations and imports: here it is the time of arrival.");
	return read_time(r, f, n, &r->e->received);
}

/* The place of a string in a list of names; -1 with the problem set. */
static int read_name(struct reading *r, enum field f, json_node n, const char *const *names, size_t n_names)
{
	struct str s;
	const char *near;
	int i;

	if (!read_text(r, f, n, &s))
		return -1;
	i = name_index(names, s);
	if (i >= 0 && s.len > 0)
		return i;
	near = str_nearest(s, names, n_names);
	if (near != NULL)
		fail_at(r, f, "\"" STR_FMT "\" is no known %s; did you mean \"%s\"?", STR_ARG(cut(s)), fields[f].name, near);
	else
		fail_at(r, f, "\"" STR_FMT "\" is no known %s.", STR_ARG(cut(s)), fields[f].name);
	return -1;
}

static bool read_type(struct reading *r, enum field f, json_node n)
{
	int i = read_name(r, f, n, event_type_names, r->ctx->allow_operator_types ? EVENT_N_TYPES : EVENT_WAIVED);

	if (i < 0)
		return false;
	if (i >= EVENT_WAIVED && !r->ctx->allow_operator_types)
		return fail_at(r, f, "\"%s\" is an act of operators, which no source can do.", event_type_names[i]);
	r->e->type = (enum event_type)i;
	return true;
}

static bool read_mode(struct reading *r, enum field f, json_node n)
{
	int i = read_name(r, f, n, mode_names, MODE_N);

	r->e->mode = i > 0 ? (enum mode)i : MODE_NONE;
	return i >= 0;
}

static bool read_flag(struct reading *r, enum field f, json_node n)
{
	enum json_kind k = json_kind(r->doc, n);

	if (k != JSON_TRUE && k != JSON_FALSE)
		return fail_at(r, f, "\"%s\" must be true or false, not %s.", fields[f].name, json_kind_name(k));
	if (f == FIELD_PUBLIC)
		r->e->is_private = k == JSON_FALSE;
	else
		r->e->automated = k == JSON_TRUE;
	return true;
}

static bool read_by(struct reading *r, enum field f, json_node n)
{
	struct diag d = { 0 };
	struct str s;

	if (!read_text(r, f, n, &s))
		return false;
	if (span_parse_ms(s, &r->e->by_ms, &d) != ERR_OK)
		return fail_at(r, f, "\"by\": %s", d.msg);
	return r->e->by_ms > 0 || fail_at(r, f, "\"by\" must be longer than nothing.");
}

static bool read_actor_member(struct reading *r, enum field f, json_node n)
{
	static const char *const known[] = { "role", "name" };
	struct str key = json_key(r->doc, n);
	bool is_null = json_kind(r->doc, n) == JSON_NULL;
	int role;

	if (str_eqz(key, "name"))
		return is_null || read_text(r, f, n, &r->e->actor);
	if (!str_eqz(key, "role"))
		return fail_unknown(r, key, known, 2);
	if (is_null)
		return true;
	role = read_name(r, f, n, role_names, ROLE_N);
	if (role >= 0)
		r->e->role = (enum role)role;
	return role >= 0;
}

static bool read_actor(struct reading *r, enum field f, json_node n)
{
	if (json_kind(r->doc, n) != JSON_OBJECT)
		return fail_at(r, f, "\"actor\" must be an object with \"role\" and \"name\", not %s.", json_kind_name(json_kind(r->doc, n)));
	for (json_node m = json_first(r->doc, n); m != JSON_ABSENT; m = json_next(r->doc, m)) {
		if (read_actor_member(r, f, m))
			continue;
		r->p->pointer[0] = '\0';
		problem_append(r->p, str_of(fields[f].name));
		problem_append(r->p, json_key(r->doc, m));
		return false;
	}
	return true;
}

/* ---- fields beside others ---- */

static bool need(struct reading *r, enum field f)
{
	const char *why = r->ctx->lent.why_not;

	return (r->seen & bit(f)) != 0 || fail_at(r, f, "\"%s\" is required.%s", fields[f].name, why != NULL ? why : "");
}

/* `f` is there if and only if the type says so; `may`: it need not be. */
static bool only_at(struct reading *r, enum field f, bool is_place, bool may, const char *place)
{
	bool is_there = (r->seen & bit(f)) != 0;

	if (is_there && !is_place)
		return fail_at(r, f, "\"%s\" belongs to %s alone.", fields[f].name, place);
	if (!is_there && is_place && !may)
		return fail_at(r, f, "%s needs \"%s\".", place, fields[f].name);
	return true;
}

/* What the envelope of an event says, where the event itself does not. */
static void borrow(struct reading *r)
{
	const struct event_lent *lent = &r->ctx->lent;

	if (lent->id.len > 0 && (r->seen & bit(FIELD_ID)) == 0) {
		r->e->id = lent->id;
		r->seen |= bit(FIELD_ID);
	}
	if (lent->has_at && (r->seen & bit(FIELD_AT)) == 0) {
		r->e->at = lent->at;
		r->seen |= bit(FIELD_AT);
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
		return fail_at(r, FIELD_INTO, "A ticket cannot be merged into itself.");
	if (r->ctx->allow_received && (r->seen & bit(FIELD_RECEIVED)) == 0)
		e->received = e->at;
	return true;
}

static bool unknown_field(struct reading *r, struct str key)
{
	const char *names[FIELD_N];

	for (size_t i = 0; i < FIELD_N; i++)
		names[i] = fields[i].name;
	return fail_unknown(r, key, names, FIELD_N);
}

static bool read_fields(struct reading *r, json_node n)
{
	for (json_node m = json_first(r->doc, n); m != JSON_ABSENT; m = json_next(r->doc, m)) {
		enum field f = field_of(json_key(r->doc, m));

		if (f == FIELD_N)
			return unknown_field(r, json_key(r->doc, m));
		/* null clears an attribute; of anything else it says nothing. */
		if (fields[f].attr == ATTR_N && json_kind(r->doc, m) == JSON_NULL)
			continue;
		r->seen |= bit(f);
		if (!fields[f].read(r, f, m))
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
	if (!read_fields(&r, n) || !check_whole(&r)) {
		json_node id = json_get(d, n, STR("id"));

		problem_set_id(p, id != JSON_ABSENT && json_is_str(d, id) ? json_text(d, id) : ctx->lent.id);
		return ERR_SYNTAX;
	}
	if (ctx->key != NULL)
		event_seal(out, *ctx->key, ctx->arena);
	else
		out->body = event_body(out);
	return ERR_OK;
}
