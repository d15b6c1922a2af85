/*
 * What each field of an event means, by a table; what one means beside others is event_whole.c's. A text is a slice of the body where it had no
 * escapes, so an event costs no allocation.
 */
#include "event_reading.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "core/span.h"

#define TIER_MAX 1000000

/* False with the problem set. Never called for null, but for attributes. */
typedef bool read_fn(struct reading *r, enum field f, const struct value *v);

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

enum field field_of(struct str key)
{
	enum field f;

	if (key.len < 2 || key.len > LONGEST_NAME)
		return FIELD_N;
	f = (enum field)places[PLACE(key.len, (uint8_t)key.p[0], (uint8_t)key.p[key.len - 1])];
	return fields[f].len == key.len && is_name(fields[f].name, key.p, key.len) ? f : FIELD_N;
}

const char *field_name(enum field f)
{
	return fields[f].name;
}

/* null clears an attribute; of anything else it says nothing. */
bool field_read(struct reading *r, enum field f, const struct value *v)
{
	if (fields[f].attr == ATTR_N && v->kind == JSON_NULL)
		return true;
	r->seen |= field_bit(f);
	return fields[f].read(r, f, v);
}

/* ---- saying what is wrong ---- */

bool field_fail(struct reading *r, enum field f, const char *fmt, ...)
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

static bool read_text(struct reading *r, enum field f, const struct value *v, struct str *out)
{
	struct str s = v->text;

	if (v->kind != JSON_STRING)
		return field_fail(r, f, "\"%s\" must be a string, not %s.", fields[f].name, json_kind_name(v->kind));
	if (s.len > fields[f].max)
		return field_fail(r, f, "\"%s\" is longer than %u bytes.", fields[f].name, fields[f].max);
	/* Without a doc it is a slice of the body, and was looked through. */
	if (r->doc == NULL) {
		*out = s;
		return true;
	}
	/* A stray tab in a subject must not leave a ticket unwatched: what shows it cleans it. */
	if (f != FIELD_SUBJECT && has_controls(r, s))
		return field_fail(r, f, "\"%s\" has a control character.", fields[f].name);
	*out = keep(r, s);
	return true;
}

static bool read_filled(struct reading *r, enum field f, const struct value *v, struct str *out)
{
	if (!read_text(r, f, v, out))
		return false;
	return out->len > 0 || field_fail(r, f, "\"%s\" is empty.", fields[f].name);
}

/* ---- one function a kind of field ---- */

static bool read_id(struct reading *r, enum field f, const struct value *v)      { return read_filled(r, f, v, &r->e->id); }
static bool read_into(struct reading *r, enum field f, const struct value *v)    { return read_filled(r, f, v, &r->e->into); }
static bool read_metric(struct reading *r, enum field f, const struct value *v)  { return read_filled(r, f, v, &r->e->metric); }
static bool read_reason(struct reading *r, enum field f, const struct value *v)  { return read_filled(r, f, v, &r->e->reason); }

static bool read_ticket(struct reading *r, enum field f, const struct value *v)
{
	if (!read_filled(r, f, v, &r->e->ticket))
		return false;
	return !str_has_dot_segment(r->e->ticket) ||
	       field_fail(r, f, "\"%s\" has \".\" or \"..\" between slashes or alone, which no URL can name.", fields[f].name);
}

static bool read_attr(struct reading *r, enum field f, const struct value *v)
{
	enum attr a = fields[f].attr;

	r->e->set |= UINT32_C(1) << a;
	if (v->kind == JSON_NULL)
		return true;
	return read_text(r, f, v, &r->e->attr[a]);
}

static bool read_url(struct reading *r, enum field f, const struct value *v)
{
	struct str *url = &r->e->attr[ATTR_URL];

	if (!read_attr(r, f, v))
		return false;
	/* It becomes a link in mails and on the board: "javascript:" must not. */
	if (url->len > 0 && !str_starts(*url, STR("https://")) && !str_starts(*url, STR("http://")))
		return field_fail(r, f, "\"url\" must begin with https:// or http://.");
	return true;
}

static bool read_tier(struct reading *r, enum field f, const struct value *v)
{
	int64_t tier;
	enum err e;

	r->e->set |= UINT32_C(1) << ATTR_TIER;
	if (v->kind == JSON_NULL)
		return true;
	if (v->kind != JSON_NUMBER)
		return field_fail(r, f, "\"tier\" must be a number, not %s.", json_kind_name(v->kind));
	e = json_i64(r->doc, v->node, 0, TIER_MAX, &tier);
	if (e != ERR_OK)
		return field_fail(r, f, "\"tier\" must be a whole number from 0 to %d.", TIER_MAX);
	/* json_i64() took its text: digits alone, none to spare. */
	r->e->attr[ATTR_TIER] = tier == 0 ? STR("0") : keep(r, v->text);
	return true;
}

static int compare_tags(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

bool tag_read(struct reading *r, const struct value *v, size_t i, struct str *out)
{
	bool ok = i < EVENT_MAX_TAGS ? read_filled(r, FIELD_TAGS, v, out) : field_fail(r, FIELD_TAGS, "There are more than %d tags.", EVENT_MAX_TAGS);

	if (!ok)
		problem_append_index(r->p, i);
	return ok;
}

void tags_set(struct reading *r, struct str tags[], size_t n)
{
	size_t len = 0;
	char *text, *at;

	r->e->set |= UINT32_C(1) << ATTR_TAGS;
	if (n == 0)
		return;
	qsort(tags, n, sizeof tags[0], compare_tags);
	for (size_t i = 0; i < n; i++)
		len += tags[i].len + 1;
	text = at = arena_alloc(r->ctx->arena, len);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && str_eq(tags[i], tags[i - 1]))
			continue;
		if (at != text)
			*at++ = TAG_SEP;
		memcpy(at, tags[i].p, tags[i].len);
		at += tags[i].len;
	}
	r->e->attr[ATTR_TAGS] = (struct str){ text, (size_t)(at - text) };
}

static bool read_tags(struct reading *r, enum field f, const struct value *v)
{
	struct str tags[EVENT_MAX_TAGS] NOT_ZEROED;
	size_t n = 0;

	r->e->set |= UINT32_C(1) << ATTR_TAGS;
	if (v->kind == JSON_NULL)
		return true;
	if (v->kind != JSON_ARRAY)
		return field_fail(r, f, "\"tags\" must be a list of strings, not %s.", json_kind_name(v->kind));
	for (json_node t = json_first(r->doc, v->node); t != JSON_ABSENT; t = json_next(r->doc, t), n++) {
		struct value tag = value_of(r->doc, t);

		if (!tag_read(r, &tag, n, &tags[n]))
			return false;
	}
	tags_set(r, tags, n);
	return true;
}

static bool fail_time(struct reading *r, enum field f, struct str s)
{
	struct diag d = { 0 };
	struct wall t;

	return wall_parse(s, &t, &d) == ERR_OK || field_fail(r, f, "\"%s\": %s", fields[f].name, d.msg);
}

static bool read_time(struct reading *r, enum field f, const struct value *v, struct wall *out)
{
	struct str s;

	if (!read_text(r, f, v, &s))
		return false;
	return wall_parse(s, out, NULL) == ERR_OK || fail_time(r, f, s);
}

static bool read_at(struct reading *r, enum field f, const struct value *v) { return read_time(r, f, v, &r->e->at); }

static bool read_received(struct reading *r, enum field f, const struct value *v)
{
	if (!r->ctx->allow_received)
		return field_fail(r, f, "\"received\" is for simulations and imports: here it is the time of arrival.");
	return read_time(r, f, v, &r->e->received);
}

/* The place of a string in a list of names; -1 with the problem set. */
static int read_name(struct reading *r, enum field f, const struct value *v, const char *const *names, size_t n_names)
{
	struct str s;
	const char *near;
	int i;

	if (!read_text(r, f, v, &s))
		return -1;
	i = name_index(names, s);
	if (i >= 0 && s.len > 0)
		return i;
	near = str_nearest(s, names, n_names);
	if (near != NULL)
		field_fail(r, f, "\"" STR_FMT "\" is no known %s; did you mean \"%s\"?", STR_ARG(cut(s)), fields[f].name, near);
	else
		field_fail(r, f, "\"" STR_FMT "\" is no known %s.", STR_ARG(cut(s)), fields[f].name);
	return -1;
}

static bool read_type(struct reading *r, enum field f, const struct value *v)
{
	int i = read_name(r, f, v, event_type_names, r->ctx->allow_operator_types ? EVENT_N_TYPES : EVENT_WAIVED);

	if (i < 0)
		return false;
	if (i >= EVENT_WAIVED && !r->ctx->allow_operator_types)
		return field_fail(r, f, "\"%s\" is an act of operators, which no source can do.", event_type_names[i]);
	r->e->type = (enum event_type)i;
	return true;
}

static bool read_mode(struct reading *r, enum field f, const struct value *v)
{
	int i = read_name(r, f, v, mode_names, MODE_N);

	r->e->mode = i > 0 ? (enum mode)i : MODE_NONE;
	return i >= 0;
}

static bool read_flag(struct reading *r, enum field f, const struct value *v)
{
	enum json_kind k = v->kind;

	if (k != JSON_TRUE && k != JSON_FALSE)
		return field_fail(r, f, "\"%s\" must be true or false, not %s.", fields[f].name, json_kind_name(k));
	if (f == FIELD_PUBLIC)
		r->e->is_private = k == JSON_FALSE;
	else
		r->e->automated = k == JSON_TRUE;
	return true;
}

static bool read_by(struct reading *r, enum field f, const struct value *v)
{
	struct diag d = { 0 };
	struct str s;

	if (!read_text(r, f, v, &s))
		return false;
	if (span_parse_ms(s, &r->e->by_ms, &d) != ERR_OK)
		return field_fail(r, f, "\"by\": %s", d.msg);
	return r->e->by_ms > 0 || field_fail(r, f, "\"by\" must be longer than nothing.");
}

static bool read_actor_member(struct reading *r, struct str key, const struct value *v)
{
	static const char *const known[] = { "role", "name" };
	bool is_null = v->kind == JSON_NULL;
	int role;

	if (str_eqz(key, "name"))
		return is_null || read_text(r, FIELD_ACTOR, v, &r->e->actor);
	if (!str_eqz(key, "role"))
		return fail_unknown(r, key, known, 2);
	if (is_null)
		return true;
	role = read_name(r, FIELD_ACTOR, v, role_names, ROLE_N);
	if (role >= 0)
		r->e->role = (enum role)role;
	return role >= 0;
}

bool actor_read(struct reading *r, struct str key, const struct value *v)
{
	if (read_actor_member(r, key, v))
		return true;
	r->p->pointer[0] = '\0';
	problem_append(r->p, str_of(fields[FIELD_ACTOR].name));
	problem_append(r->p, key);
	return false;
}

static bool read_actor(struct reading *r, enum field f, const struct value *v)
{
	if (v->kind != JSON_OBJECT)
		return field_fail(r, f, "\"actor\" must be an object with \"role\" and \"name\", not %s.", json_kind_name(v->kind));
	for (json_node m = json_first(r->doc, v->node); m != JSON_ABSENT; m = json_next(r->doc, m)) {
		struct value member = value_of(r->doc, m);

		if (!actor_read(r, json_key(r->doc, m), &member))
			return false;
	}
	return true;
}

bool fields_unknown(struct reading *r, struct str key)
{
	const char *names[FIELD_N];

	for (size_t i = 0; i < FIELD_N; i++)
		names[i] = fields[i].name;
	return fail_unknown(r, key, names, FIELD_N);
}
