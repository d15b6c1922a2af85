/* Lookups on the tape. Total: a node that is not there answers as an absent one. */
#include "base/json_tape.h"

#include "base/limits.h"

static const struct tape_node absent = { .info = JSON_NULL | TAPE_LAST };

static inline const struct tape_node *at(const struct json_doc *d, json_node n)
{
	return n < d->n ? &d->v[n] : &absent;
}

enum json_kind json_kind(const struct json_doc *d, json_node n)
{
	return (enum json_kind)(at(d, n)->info & TAPE_KIND);
}

const char *json_kind_name(enum json_kind k)
{
	static const char *const names[] = { "null", "false", "true", "a number", "a string", "an array", "an object" };
	size_t i = (size_t)k;

	return i < sizeof(names) / sizeof(names[0]) ? names[i] : "unknown";
}

bool json_is_str(const struct json_doc *d, json_node n)
{
	return json_kind(d, n) == JSON_STRING;
}

uint32_t json_count(const struct json_doc *d, json_node n)
{
	return tape_is_container(at(d, n)) ? at(d, n)->info >> TAPE_COUNT_SHIFT : 0;
}

json_node json_first(const struct json_doc *d, json_node n)
{
	if (json_count(d, n) == 0)
		return JSON_ABSENT;
	return json_kind(d, n) == JSON_OBJECT ? n + 2 : n + 1;
}

json_node json_next(const struct json_doc *d, json_node n)
{
	const struct tape_node *t = at(d, n);

	if ((t->info & TAPE_LAST) != 0)
		return JSON_ABSENT;
	return tape_behind(d, n) + ((t->info & TAPE_MEMBER) != 0 ? 1 : 0);
}

struct str json_key(const struct json_doc *d, json_node member)
{
	if ((at(d, member)->info & TAPE_MEMBER) == 0)
		return (struct str){ NULL, 0 };
	return tape_str(d, &d->v[member - 1]);
}

json_node json_get(const struct json_doc *d, json_node obj, struct str key)
{
	json_node n = json_kind(d, obj) == JSON_OBJECT ? json_first(d, obj) : JSON_ABSENT;

	if (n == JSON_ABSENT)
		return JSON_ABSENT;
	/* The hottest loop of all lookups, so it goes over the tape itself: most keys differ in length already. */
	for (;; n = tape_behind(d, n) + 1) {
		const struct tape_node *k = &d->v[n - 1];

		if ((k->len == key.len || (k->info & TAPE_ESCAPED) != 0) && str_eq(tape_str(d, k), key))
			return n;
		if ((d->v[n].info & TAPE_LAST) != 0)
			return JSON_ABSENT;
	}
}

struct str json_text(const struct json_doc *d, json_node n)
{
	enum json_kind k = json_kind(d, n);

	if (k != JSON_STRING && k != JSON_NUMBER)
		return (struct str){ NULL, 0 };
	return tape_str(d, &d->v[n]);
}

bool json_str(const struct json_doc *d, json_node n, struct str *out)
{
	const struct tape_node *t = at(d, n);

	if ((t->info & TAPE_KIND) != JSON_STRING)
		return false;
	*out = tape_str(d, t);
	return true;
}

struct str json_raw(const struct json_doc *d, json_node n)
{
	const struct tape_node *t = at(d, n);

	if (t == &absent)
		return (struct str){ NULL, 0 };
	if ((t->info & TAPE_KIND) == JSON_STRING)
		return (struct str){ d->text.p + t->off - 1, (size_t)t->len + 2 };
	return (struct str){ d->text.p + t->off, t->len };
}

enum err json_i64(const struct json_doc *d, json_node n, int64_t min, int64_t max, int64_t *out)
{
	if (json_kind(d, n) != JSON_NUMBER)
		return ERR_SYNTAX;

	struct str text = json_text(d, n);

	return str_to_i64(str_eqz(text, "-0") ? STR("0") : text, min, max, out);
}

/* Is `token`, with ~0 for ~ and ~1 for /, this key? A tilde before anything else fits nothing. */
static bool token_is(struct str token, struct str key)
{
	size_t i = 0, k = 0;

	while (i < token.len && k < key.len) {
		char c = token.p[i++];

		if (c == '~') {
			if (i == token.len || (token.p[i] != '0' && token.p[i] != '1'))
				return false;
			c = token.p[i++] == '0' ? '~' : '/';
		}
		if (c != key.p[k++])
			return false;
	}
	return i == token.len && k == key.len;
}

static json_node step_object(const struct json_doc *d, json_node obj, struct str token)
{
	if (token.len == 0 || memchr(token.p, '~', token.len) == NULL)
		return json_get(d, obj, token);
	for (json_node n = json_first(d, obj); n != JSON_ABSENT; n = json_next(d, n)) {
		if (token_is(token, json_key(d, n)))
			return n;
	}
	return JSON_ABSENT;
}

static json_node step_array(const struct json_doc *d, json_node arr, struct str token)
{
	int64_t index;

	/* str_to_i64 takes no "+1", "01" or "-": neither does RFC 6901. */
	if (str_to_i64(token, 0, (int64_t)JSON_MAX_NODES, &index) != ERR_OK || index >= json_count(d, arr))
		return JSON_ABSENT;

	json_node n = json_first(d, arr);

	while (index-- > 0)
		n = json_next(d, n);
	return n;
}

json_node json_pointer(const struct json_doc *d, json_node from, struct str pointer)
{
	json_node n = from < d->n ? from : JSON_ABSENT;
	bool more = pointer.len != 0;

	if (more && pointer.p[0] != '/')
		return JSON_ABSENT;
	if (more) {
		pointer.p++;
		pointer.len--;
	}
	while (more && n != JSON_ABSENT) {
		struct str token;

		more = str_cut(&pointer, '/', &token);
		if (json_kind(d, n) == JSON_OBJECT)
			n = step_object(d, n, token);
		else if (json_kind(d, n) == JSON_ARRAY)
			n = step_array(d, n, token);
		else
			n = JSON_ABSENT;
	}
	return n;
}
