/* Two ways to fill one table of attributes; what they must be is checked in one place. */
#include "ingest/cloudevents.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/limits.h"
#include "media_type.h"

enum attribute { CE_SPECVERSION, CE_ID, CE_SOURCE, CE_TYPE, CE_TIME, CE_N };

static const struct { const char *name, *header; bool is_required; } attributes[CE_N] = {
	[CE_SPECVERSION] = { "specversion", "ce-specversion", true },
	[CE_ID]          = { "id",          "ce-id",          true },
	[CE_SOURCE]      = { "source",      "ce-source",      true },
	[CE_TYPE]        = { "type",        "ce-type",        true },
	[CE_TIME]        = { "time",        "ce-time",        false },
};

struct envelope {
	struct str v[CE_N];        /* empty: not there */
	bool       is_binary;
};

static bool fail(const struct envelope *env, enum attribute a, const char *what, struct problem *p)
{
	problem_set(p, 422, NULL, "\"%s\" of the CloudEvent %s", env->is_binary ? attributes[a].header : attributes[a].name, what);
	if (!env->is_binary)
		problem_append(p, str_of(attributes[a].name));
	return false;
}

static bool is_uri_reference(struct str s)
{
	return memchr(s.p, ' ', s.len) == NULL;
}

static bool check(const struct envelope *env, struct problem *p)
{
	for (unsigned a = 0; a < CE_N; a++) {
		struct str s = env->v[a];

		if (s.len == 0 && attributes[a].is_required)
			return fail(env, (enum attribute)a, "is required.", p);
		if (s.len > CLOUDEVENT_MAX_ATTR)
			return fail(env, (enum attribute)a, "is longer than is taken here.", p);
		if (!str_is_utf8(s) || str_has_controls(s))
			return fail(env, (enum attribute)a, "is not UTF-8, or has a control character.", p);
	}
	if (!str_eqz(env->v[CE_SPECVERSION], "1.0"))
		return fail(env, CE_SPECVERSION, "must be \"1.0\": no other version is known here.", p);
	if (!is_uri_reference(env->v[CE_SOURCE]))
		return fail(env, CE_SOURCE, "has a blank, and so is no URI reference.", p);
	return true;
}

/*
 * "SOURCE ID", which is unique as the two are together: a source has no blank. Where that is longer than an id may be, the hash of
 * it, which has no blank and so is never another's.
 */
static struct str compose_id(struct str source, struct str id, struct arena *arena)
{
	static const char hex[] = "0123456789abcdef";
	struct str whole = { .len = source.len + 1 + id.len };
	char *text = arena_alloc(arena, whole.len + 1), *out;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	memcpy(text, source.p, source.len);
	text[source.len] = ' ';
	memcpy(text + source.len + 1, id.p, id.len);
	whole.p = text;
	if (whole.len <= EVENT_MAX_ID)
		return whole;
	if (EVP_Digest(whole.p, whole.len, digest, &n, EVP_sha256(), NULL) != 1)
		abort();
	out = arena_alloc(arena, 2 * n + 1);
	for (unsigned i = 0; i < n; i++) {
		out[2 * i] = hex[digest[i] >> 4];
		out[2 * i + 1] = hex[digest[i] & 15];
	}
	return (struct str){ out, 2 * n };
}

static bool lend(const struct envelope *env, struct event_context *ctx, struct problem *p)
{
	struct diag d = { 0 };

	ctx->lent = (struct event_lent){ 0 };
	if (env->v[CE_TIME].len > 0) {
		if (wall_parse(env->v[CE_TIME], &ctx->lent.at, &d) != ERR_OK)
			return fail(env, CE_TIME, d.msg, p);
		ctx->lent.has_at = true;
	}
	ctx->lent.id = compose_id(env->v[CE_SOURCE], env->v[CE_ID], ctx->arena);
	return true;
}

/* ---- structured ---- */

static enum attribute attribute_of(struct str key)
{
	unsigned a = 0;

	while (a < CE_N && !str_eqz(key, attributes[a].name))
		a++;
	return (enum attribute)a;
}

static bool fail_data(struct problem *p, int status, const char *key, const char *detail)
{
	problem_set(p, status, NULL, "%s", detail);
	problem_append(p, str_of(key));
	return false;
}

/* A member with the value null is one that is not there. */
static json_node member(const struct json_doc *d, json_node n, const char *key)
{
	json_node m = json_get(d, n, str_of(key));

	return m != JSON_ABSENT && json_kind(d, m) == JSON_NULL ? JSON_ABSENT : m;
}

static bool find_data(const struct json_doc *d, json_node n, json_node *data_out, struct problem *p)
{
	json_node kind = member(d, n, "datacontenttype"), data = member(d, n, "data");
	struct str type;

	if (member(d, n, "data_base64") != JSON_ABSENT)
		return fail_data(p, 415, "data_base64", "The event must stand in \"data\" as JSON, not in base64.");
	if (kind != JSON_ABSENT && !(json_is_str(d, kind) && media_type_cut(json_text(d, kind), &type) && media_type_is_json(type)))
		return fail_data(p, 415, "datacontenttype", "The data of a CloudEvent must be JSON, in UTF-8.");
	if (data == JSON_ABSENT)
		return fail_data(p, 422, "data", "The CloudEvent has no \"data\", which is where the ticket event stands.");
	*data_out = data;
	return true;
}

static bool read_attributes(const struct json_doc *d, json_node n, struct envelope *env, struct problem *p)
{
	for (json_node m = json_first(d, n); m != JSON_ABSENT; m = json_next(d, m)) {
		enum attribute a = attribute_of(json_key(d, m));

		if (a == CE_N || json_kind(d, m) == JSON_NULL)
			continue;
		if (!json_is_str(d, m))
			return fail(env, a, "must be a string.", p);
		env->v[a] = json_text(d, m);
	}
	return true;
}

enum err cloudevent_open(const struct json_doc *d, json_node n, struct event_context *ctx, json_node *data_out, struct problem *p)
{
	struct envelope env = { 0 };

	if (json_kind(d, n) != JSON_OBJECT) {
		problem_set(p, 422, NULL, "A CloudEvent must be an object, not %s.", json_kind_name(json_kind(d, n)));
		return ERR_SYNTAX;
	}
	if (!read_attributes(d, n, &env, p) || !check(&env, p) || !find_data(d, n, data_out, p) || !lend(&env, ctx, p))
		return ERR_SYNTAX;
	return ERR_OK;
}

/* ---- binary ---- */

/* Most requests have none of these. */
static bool has_prefix(struct str name)
{
	return name.len > 3 && name.p[2] == '-' && str_eq_nocase((struct str){ name.p, 2 }, STR("ce"));
}

bool cloudevent_is_binary(const struct http_headers *h)
{
	for (size_t i = 0; i < h->n; i++)
		for (unsigned a = 0; a < CE_N && has_prefix(h->v[i].name); a++)
			if (attributes[a].is_required && str_eq_nocase(h->v[i].name, str_of(attributes[a].header)))
				return true;
	return false;
}

/* A quoted string stands for what is in it; then one round of percent-decoding (HTTP binding, section 3.1.3.2). */
static bool decode(struct str value, struct arena *arena, struct str *out)
{
	struct buf plain, decoded;
	bool ok = true;

	buf_init(&plain, CLOUDEVENT_MAX_ATTR * 3);
	buf_init(&decoded, CLOUDEVENT_MAX_ATTR * 3);
	if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"') {
		for (size_t i = 1; i < value.len - 1 && ok; i++) {
			if (value.p[i] == '\\')
				ok = ++i < value.len - 1;
			buf_putc(&plain, value.p[i]);
		}
		value = buf_str(&plain);
	}
	ok = ok && buf_ok(&plain) && http_decode(value, &decoded);
	if (ok)
		*out = arena_str(arena, buf_str(&decoded));
	buf_finish(&plain);
	buf_finish(&decoded);
	return ok;
}

bool cloudevent_from_headers(const struct http_headers *h, bool are_proven, struct event_context *ctx, struct problem *p)
{
	struct envelope env = { .is_binary = true };

	for (unsigned a = 0; a < CE_N; a++) {
		struct str value;
		enum http_count n = http_headers_find(h, str_of(attributes[a].header), &value);

		if (n == HTTP_MANY) {
			problem_set(p, 400, NULL, "The header \"%s\" is there more than once.", attributes[a].header);
			return false;
		}
		if (n == HTTP_ONE && !decode(value, ctx->arena, &env.v[a]))
			return fail(&env, (enum attribute)a, "is too long, or has a bad escape.", p);
	}
	if (!check(&env, p) || !lend(&env, ctx, p))
		return false;
	if (!are_proven)
		ctx->lent = (struct event_lent){ .why_not = " The headers of a CloudEvent are not signed: only its body counts." };
	return true;
}
