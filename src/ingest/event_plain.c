/*
 * An event as machines write it, from its text in one go: an object of fields, each once, whose values are strings without escapes, flags,
 * an `actor` of such strings, or `tags`. All else, right or wrong, is left to JSON's reader, which can do everything and say what is wrong;
 * so nothing is refused here, and what is taken is what that one would have taken.
 */
#include <string.h>

#include "base/json_plain.h"
#include "event_reading.h"

/* These are given a place and give where they stopped; NULL: leave it. */

/* From the quote on. */
static ALWAYS_INLINE const uint8_t *take_string(const uint8_t *p, const uint8_t *end, struct str *out)
{
	const uint8_t *begin = p + 1;

	if (p == end || *p != '"')
		return NULL;
	p = skip_plain(begin, end);
	while (p < end && *p >= 0x80) {
		size_t n = str_utf8_len((struct str){ (const char *)p, (size_t)(end - p) });

		if (n == 0)
			return NULL;
		p = skip_plain(p + n, end);
	}
	*out = (struct str){ (const char *)begin, (size_t)(p - begin) };
	return p < end && *p == '"' ? p + 1 : NULL;
}

static ALWAYS_INLINE const uint8_t *take_key(const uint8_t *p, const uint8_t *end, struct str *key)
{
	p = take_string(p, end, key);
	if (p == NULL)
		return NULL;
	p = skip_blanks(p, end);
	return p < end && *p == ':' ? skip_blanks(p + 1, end) : NULL;
}

/* Behind a value: up to the next one, or with `*over` behind the bracket that closes. */
static ALWAYS_INLINE const uint8_t *take_comma(const uint8_t *p, const uint8_t *end, uint8_t bracket, bool *over)
{
	p = skip_blanks(p, end);
	if (p == end || (*p != ',' && *p != bracket))
		return NULL;
	*over = *p == bracket;
	return *over ? p + 1 : skip_blanks(p + 1, end);
}

static const uint8_t *take_flag(const uint8_t *p, const uint8_t *end, enum json_kind *kind)
{
	struct str word = *p == 't' ? STR("true") : STR("false");

	*kind = *p == 't' ? JSON_TRUE : JSON_FALSE;
	return (size_t)(end - p) >= word.len && memcmp(p, word.p, word.len) == 0 ? p + word.len : NULL;
}

/* There are two names that it may have, so a third member is one of them again. */
static const uint8_t *take_actor(struct reading *r, const uint8_t *p, const uint8_t *end)
{
	struct str key, before = { 0 };
	bool over = false;

	for (unsigned i = 0; i < 2 && !over; i++) {
		struct value v = { JSON_STRING, { 0 }, JSON_ABSENT };

		p = take_key(p, end, &key);
		if (p == NULL || str_eq(key, before))
			return NULL;
		p = take_string(p, end, &v.text);
		if (p == NULL || !actor_read(r, key, &v))
			return NULL;
		p = take_comma(p, end, '}', &over);
		if (p == NULL)
			return NULL;
		before = key;
	}
	return over ? p : NULL;
}

static const uint8_t *take_tags(struct reading *r, const uint8_t *p, const uint8_t *end)
{
	struct str tags[EVENT_MAX_TAGS] NOT_ZEROED;
	bool over = false;
	size_t n = 0;

	while (!over) {
		struct value v = { JSON_STRING, { 0 }, JSON_ABSENT };

		p = take_string(p, end, &v.text);
		if (p == NULL || n == EVENT_MAX_TAGS || !tag_read(r, &v, n, &tags[n]))
			return NULL;
		n++;
		p = take_comma(p, end, ']', &over);
		if (p == NULL)
			return NULL;
	}
	tags_set(r, tags, n);
	return p;
}

static ALWAYS_INLINE const uint8_t *take_value(struct reading *r, enum field f, const uint8_t *p, const uint8_t *end)
{
	struct value v = { JSON_STRING, { 0 }, JSON_ABSENT };

	if (p == end)
		return NULL;
	switch (*p) {
	case '"': p = take_string(p, end, &v.text); break;
	case 't':
	case 'f': p = take_flag(p, end, &v.kind); break;
	case '{': return f == FIELD_ACTOR ? take_actor(r, skip_blanks(p + 1, end), end) : NULL;
	case '[': return f == FIELD_TAGS ? take_tags(r, skip_blanks(p + 1, end), end) : NULL;
	default:  return NULL;
	}
	return p != NULL && field_read(r, f, &v) ? p : NULL;
}

static const uint8_t *take_members(struct reading *r, const uint8_t *p, const uint8_t *end)
{
	bool over = false;

	while (!over) {
		struct str key;
		enum field f;

		p = take_key(p, end, &key);
		if (p == NULL || (f = field_of(key)) == FIELD_N || (r->seen & field_bit(f)) != 0)
			return NULL;
		p = take_value(r, f, p, end);
		if (p == NULL)
			return NULL;
		r->seen |= field_bit(f);
		p = take_comma(p, end, '}', &over);
		if (p == NULL)
			return NULL;
	}
	return p;
}

bool event_from_plain(struct str text, const struct event_context *ctx, struct event *out, struct problem *scrap)
{
	struct reading r = { .ctx = ctx, .e = out, .p = scrap };
	const uint8_t *p = (const uint8_t *)text.p, *end = p + text.len;

	/* A control that a string may have without an escape. */
	if (text.len == 0 || memchr(text.p, 0x7f, text.len) != NULL)
		return false;
	p = skip_blanks(p, end);
	if (p == end || *p != '{')
		return false;
	*out = (struct event){ .ns = ctx->ns, .source = ctx->source, .received = ctx->received };
	p = take_members(&r, skip_blanks(p + 1, end), end);
	return p != NULL && skip_blanks(p, end) == end && event_finish(&r);
}
