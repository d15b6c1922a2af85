/*
 * The reader: one pass over the text with a stack of open containers. Every place that may end the text early looks at `end`, for the
 * text has no NUL behind it. Strings are searched many bytes at a time for those that need thought.
 *
 * Duplicate keys: each open object keeps a 64-bit set of the cheap hashes of its keys, and only a key whose bit is set already is
 * compared with those before it. Objects with more than SMALL_OBJECT members are looked through at their end with a seeded
 * hash table instead, so hostile keys cost no more than others.
 */
#include "base/json.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/json_parser.h"
#include "base/xalloc.h"

#define SMALL_OBJECT 32
#define NODES_FIRST  256
#define SPREAD       UINT32_C(0x756fe901)     /* found by trying: no two fields of an event have the same bit */

bool json_fail_at(struct parser *s, enum err e, const uint8_t *at, const char *msg)
{
	s->err = e;
	s->err_at = at;
	s->err_msg = msg;
	return false;
}

bool json_fail(struct parser *s, const char *msg)
{
	return json_fail_at(s, ERR_SYNTAX, s->p, s->p == s->end ? "the text ends too early" : msg);
}

/* These are given a place and give where they stopped, NULL after json_fail(): so it stays in a register. */
static const uint8_t *fail_at(struct parser *s, const uint8_t *p, const char *msg)
{
	s->p = p;
	(void)json_fail(s, msg);
	return NULL;
}

/* ---- nodes ---- */

bool json_grow_tape(struct parser *s)
{
	struct json_doc *d = s->d;
	uint32_t cap = d->cap != 0 ? d->cap * 2 : NODES_FIRST;

	if (d->cap >= JSON_MAX_NODES)
		return json_fail_at(s, ERR_LIMIT, s->p, "too many values in one text");
	d->v = xreallocarray(d->v, cap, sizeof(*d->v));
	d->cap = cap;
	return true;
}

/* ---- strings ---- */

/* A byte that no plain string has: s->p is there. True when it is the first of a character, and that is skipped. */
static bool take_odd_byte(struct parser *s)
{
	if (s->p == s->end)
		return json_fail(s, "");
	if (*s->p < 0x20)
		return json_fail(s, "a control character in a string");
	return skip_utf8(s);
}

/* The rest of a string from `p` on, where there is something that no plain string has, or the end of the text. */
static const uint8_t *take_odd_string(struct parser *s, const uint8_t *begin, const uint8_t *p, uint32_t flags)
{
	const uint8_t *end = s->end;

	do {
		s->p = p;
		if (p < end && *p == '\\')
			return json_decode_string(s, begin, flags) ? s->p : NULL;
		if (!take_odd_byte(s))
			return NULL;
		p = skip_plain(s->p, end);
	} while (p == end || *p != '"');
	return push_node(s, offset_of(s, begin), (uint32_t)(p - begin), JSON_STRING | flags) ? p + 1 : NULL;
}

/* p is at the opening quote. */
static ALWAYS_INLINE const uint8_t *take_string(struct parser *s, const uint8_t *p, uint32_t flags)
{
	const uint8_t *begin = p + 1;

	p = skip_plain(begin, s->end);
	if (p == s->end || *p != '"')
		return take_odd_string(s, begin, p, flags);
	return push_node(s, offset_of(s, begin), (uint32_t)(p - begin), JSON_STRING | flags) ? p + 1 : NULL;
}

/* ---- other scalars ---- */

static inline bool is_digit(const uint8_t *p, const uint8_t *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

static const uint8_t *take_digits(struct parser *s, const uint8_t *p)
{
	if (!is_digit(p, s->end))
		return fail_at(s, p, "a digit is missing in a number");
	while (is_digit(p, s->end))
		p++;
	return p;
}

static const uint8_t *take_number(struct parser *s, const uint8_t *begin, uint32_t flags)
{
	const uint8_t *p = begin, *end = s->end;

	if (*p == '-')
		p++;
	if (is_digit(p, end) && *p == '0') {
		p++;
		if (is_digit(p, end))
			return fail_at(s, p, "a leading zero in a number");
	} else if ((p = take_digits(s, p)) == NULL) {
		return NULL;
	}
	if (p < end && *p == '.' && (p = take_digits(s, p + 1)) == NULL)
		return NULL;
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if ((p = take_digits(s, p)) == NULL)
			return NULL;
	}
	return push_node(s, offset_of(s, begin), (uint32_t)(p - begin), JSON_NUMBER | flags) ? p : NULL;
}

static const uint8_t *take_word(struct parser *s, const uint8_t *p, struct str word, uint32_t info)
{
	if ((size_t)(s->end - p) < word.len || memcmp(p, word.p, word.len) != 0)
		return fail_at(s, p, "not a JSON value");
	return push_node(s, offset_of(s, p), (uint32_t)word.len, info) ? p + word.len : NULL;
}

/* ---- containers ---- */

static const uint8_t *open_container(struct parser *s, const uint8_t *p, enum json_kind kind, uint32_t flags)
{
	if (s->depth == JSON_MAX_DEPTH) {
		(void)json_fail_at(s, ERR_LIMIT, p, "nested too deeply");
		return NULL;
	}
	s->stack[s->depth++] = (struct frame){ .node = s->d->n };
	return push_node(s, offset_of(s, p), 0, (uint32_t)kind | flags) ? p + 1 : NULL;
}

static const uint8_t *key_place(const struct parser *s, uint32_t key)
{
	return (const uint8_t *)s->d->text.p + s->d->v[key].off - 1;
}

static bool fail_duplicate(struct parser *s, uint32_t key)
{
	return json_fail_at(s, ERR_SYNTAX, key_place(s, key), "the same key a second time");
}

static bool check_large(struct parser *s, const struct frame *f)
{
	struct json_doc *d = s->d;
	size_t n_slots = 64;
	json_node value = f->node + 2;

	while (n_slots < (size_t)f->n_items * 2)
		n_slots *= 2;
	if (d->cap_seen < n_slots) {
		d->seen = xreallocarray(d->seen, n_slots, sizeof(*d->seen));
		d->cap_seen = n_slots;
	}
	memset(d->seen, 0, n_slots * sizeof(*d->seen));   /* 0 is the root, never a key: free */
	for (uint32_t n = 0; n < f->n_items; n++) {
		struct str key = tape_str(d, &d->v[value - 1]);
		size_t i = siphash64(d->key, key.p, key.len) & (n_slots - 1);

		for (; d->seen[i] != 0; i = (i + 1) & (n_slots - 1)) {
			if (str_eq(key, tape_str(d, &d->v[d->seen[i]])))
				return fail_duplicate(s, value - 1);
		}
		d->seen[i] = value - 1;
		value = tape_behind(d, value) + 1;
	}
	return true;
}

/* Is the key that was just pushed one of those before it? */
static bool has_key(const struct json_doc *d, const struct frame *f)
{
	struct str key = tape_str(d, &d->v[d->n - 1]);
	json_node value = f->node + 2;

	for (uint32_t n = 0; n < f->n_items; n++) {
		if (str_eq(key, tape_str(d, &d->v[value - 1])))
			return true;
		value = tape_behind(d, value) + 1;
	}
	return false;
}

/* The key of a small object was just pushed. In the text it goes from `p` to `end`, between its quotes, so that an empty one has letters, too. */
static ALWAYS_INLINE bool check_small(struct parser *s, struct frame *f, const uint8_t *p, const uint8_t *end)
{
	const struct json_doc *d = s->d;
	const struct tape_node *key = &d->v[d->n - 1];
	struct str text = { (const char *)p, (size_t)(end - p) };
	uint32_t sample;
	uint64_t bit;

	if ((key->info & TAPE_ESCAPED) != 0)
		text = tape_str(d, key);
	sample = (uint32_t)text.len << 16 ^ (uint32_t)(uint8_t)text.p[0] << 8 ^ (uint8_t)text.p[(ptrdiff_t)text.len - 1];
	bit = UINT64_C(1) << (sample * SPREAD >> 26);
	if ((f->keys & bit) != 0 && has_key(d, f))
		return fail_duplicate(s, d->n - 1);
	f->keys |= bit;
	return true;
}

/* p is at the closing bracket. */
static const uint8_t *close_container(struct parser *s, const uint8_t *p)
{
	struct frame *f = &s->stack[s->depth - 1];
	struct tape_node *node = &s->d->v[f->node];
	bool large = (node->info & TAPE_KIND) == JSON_OBJECT && f->n_items > SMALL_OBJECT;

	p++;
	node->len = offset_of(s, p) - node->off;
	node->more = s->d->n;
	node->info |= f->n_items << TAPE_COUNT_SHIFT;
	if (f->n_items != 0)
		s->d->v[f->last].info |= TAPE_LAST;
	if (large && !check_large(s, f))
		return NULL;
	s->depth--;
	return p;
}

static ALWAYS_INLINE const uint8_t *take_key(struct parser *s, const uint8_t *p, struct frame *f)
{
	const uint8_t *begin = p + 1;

	if (p == s->end || *p != '"')
		return fail_at(s, p, "a key must be a string");
	p = take_string(s, p, 0);
	if (p == NULL || (f->n_items < SMALL_OBJECT && !check_small(s, f, begin, p - 1)))
		return NULL;
	p = skip_blanks(p, s->end);
	if (p == s->end || *p != ':')
		return fail_at(s, p, "a colon is missing");
	return skip_blanks(p + 1, s->end);
}

/* A scalar whole, or the opening of a container. */
static ALWAYS_INLINE const uint8_t *take_value(struct parser *s, const uint8_t *p, uint32_t flags)
{
	if (p == s->end)
		return fail_at(s, p, "");
	switch (*p) {
	case '"': return take_string(s, p, flags);
	case '{': return open_container(s, p, JSON_OBJECT, flags);
	case '[': return open_container(s, p, JSON_ARRAY, flags);
	case 't': return take_word(s, p, STR("true"), JSON_TRUE | flags);
	case 'f': return take_word(s, p, STR("false"), JSON_FALSE | flags);
	case 'n': return take_word(s, p, STR("null"), JSON_NULL | flags);
	default: break;
	}
	if (*p == '-' || is_digit(p, s->end))
		return take_number(s, p, flags);
	return fail_at(s, p, "not a JSON value");
}

/* One element or member of the innermost container, or its end. */
static ALWAYS_INLINE const uint8_t *take_item(struct parser *s, const uint8_t *p)
{
	struct frame *f = &s->stack[s->depth - 1];
	bool object = (s->d->v[f->node].info & TAPE_KIND) == JSON_OBJECT;

	p = skip_blanks(p, s->end);
	if (p < s->end && *p == (object ? '}' : ']'))
		return close_container(s, p);
	if (f->n_items != 0) {
		if (p == s->end || *p != ',')
			return fail_at(s, p, object ? "a comma or } is missing" : "a comma or ] is missing");
		p = skip_blanks(p + 1, s->end);
	}
	if (object && (p = take_key(s, p, f)) == NULL)
		return NULL;
	f->last = s->d->n;
	f->n_items++;
	return take_value(s, p, object ? TAPE_MEMBER : 0);
}

static bool take_text(struct parser *s)
{
	const uint8_t *p = take_value(s, skip_blanks(s->p, s->end), TAPE_LAST);

	while (p != NULL && s->depth != 0)
		p = take_item(s, p);
	if (p == NULL)
		return false;
	p = skip_blanks(p, s->end);
	return p == s->end || fail_at(s, p, "something stands behind the value") != NULL;
}

/* ---- the face ---- */

struct json_doc *json_create(void)
{
	struct json_doc *d = xcalloc(1, sizeof(*d));

	d->stack = xcalloc(JSON_MAX_DEPTH, sizeof(*d->stack));
	/* Without randomness the keys of `seen` could be guessed: slow on purpose-made input, still right. */
	if (getrandom(&d->key, sizeof(d->key), GRND_NONBLOCK) != (ssize_t)sizeof(d->key))
		d->key = (struct sipkey){ (uint64_t)(uintptr_t)d, (uint64_t)(uintptr_t)&d };
	return d;
}

void json_destroy(struct json_doc *d)
{
	if (d == NULL)
		return;
	free(d->v);
	free(d->decoded);
	free(d->stack);
	free(d->seen);
	free(d);
}

static void tell_place(const struct parser *s, struct diag *diag)
{
	const uint8_t *line = (const uint8_t *)s->d->text.p;
	unsigned n_lines = 1;

	if (diag == NULL)
		return;
	for (const uint8_t *p = line; p < s->err_at; p++) {
		if (*p == '\n') {
			n_lines++;
			line = p + 1;
		}
	}
	diag_set_at(diag, n_lines, (unsigned)(s->err_at - line) + 1, "%s", s->err_msg);
}

enum err json_parse(struct json_doc *d, struct str text, struct diag *diag)
{
	struct parser s;

	/* A slice without bytes may have no place; offsets need one. */
	if (text.p == NULL)
		text = (struct str){ "", 0 };
	d->text = text;
	d->n = 0;
	d->n_decoded = 0;
	if (text.len > UINT32_MAX - 16) {
		diag_set(diag, "a text of 4 GiB or more");
		return ERR_LIMIT;
	}
	s = (struct parser){ .d = d, .p = (const uint8_t *)text.p, .end = (const uint8_t *)text.p + text.len, .stack = d->stack };
	if (take_text(&s))
		return ERR_OK;
	d->n = 0;
	tell_place(&s, diag);
	return s.err;
}
