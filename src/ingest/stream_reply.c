/* Objects for hiredis' reader, and walks over them. Refuses shapes; what an entry says is stream_batch.c's. */
#include "stream_reply.h"

#include <string.h>

/* ---- making ---- */

/* Stands for all that lies beyond the last element that is kept of an array: read, and forgotten. */
static redisReply beyond = { .type = REDIS_REPLY_ARRAY };

static bool is_beyond(const redisReadTask *t)
{
	const redisReply *parent = t->parent != NULL ? t->parent->obj : NULL;

	return parent != NULL && (size_t)t->idx >= parent->elements;
}

static unsigned depth_of(const redisReadTask *t)
{
	unsigned depth = 0;

	for (; t->parent != NULL && depth <= REPLY_MAX_DEPTH; t = t->parent)
		depth++;
	return depth;
}

/* hiredis takes NULL as "out of memory" and ends the connection's reading, which is what a reply that is not taken deserves. */
static void *refuse(struct reply_maker *m, const char *fault)
{
	m->fault = fault;
	return NULL;
}

/* One piece of memory: the object, and behind it the `further` bytes of its text or its elements. */
static redisReply *make(const redisReadTask *t, int type, size_t further)
{
	struct reply_maker *m = t->privdata;
	redisReply *r, *parent;

	if (!m->expected && type != REDIS_REPLY_ERROR)
		return refuse(m, "a reply that nobody asked for");
	if (depth_of(t) > REPLY_MAX_DEPTH)
		return refuse(m, "a reply that is nested too deeply");
	if (further > REPLY_MAX_SIZE || m->size > REPLY_MAX_SIZE - further) {
		m->is_too_large = true;
		return refuse(m, "a reply that is too large");
	}
	m->size += sizeof *r + further;
	r = arena_alloc(m->arena, sizeof *r + further);
	r->type = type;
	if (t->parent != NULL) {
		parent = t->parent->obj;
		parent->element[t->idx] = r;
	}
	return r;
}

static void *make_string(const redisReadTask *t, char *p, size_t len)
{
	size_t kept = len < REPLY_MAX_TEXT ? len : REPLY_MAX_TEXT;
	redisReply *r;

	if (is_beyond(t))
		return &beyond;
	r = make(t, t->type, kept + 1);
	if (r == NULL)
		return NULL;
	r->str = (char *)(r + 1);
	memcpy(r->str, p, kept);
	r->len = kept;
	return r;
}

static redisReply *make_elements(const redisReadTask *t, size_t n)
{
	struct reply_maker *m = t->privdata;
	redisReply *r;

	if (is_beyond(t))
		return &beyond;
	/* One entry with too many fields must not hold up those behind it. */
	if (n > REPLY_MAX_ELEMENTS && depth_of(t) < REPLY_FIELDS_DEPTH)
		return refuse(m, "an array with too many elements");
	if (n > REPLY_MAX_ELEMENTS)
		n = REPLY_MAX_ELEMENTS;
	r = make(t, t->type, n * sizeof *r->element);
	if (r == NULL)
		return NULL;
	r->elements = n;
	r->element = n > 0 ? (redisReply **)(r + 1) : NULL;
	return r;
}

#if HIREDIS_MAJOR >= 1
static void *make_array(const redisReadTask *t, size_t n)
{
	return make_elements(t, n);
}

/* RESP3 is never asked for, but a peer may be anything. */
static void *make_double(const redisReadTask *t, double value, char *p, size_t len)
{
	(void)value;
	return make_string(t, p, len);
}

static void *make_bool(const redisReadTask *t, int value)
{
	redisReply *r;

	if (is_beyond(t))
		return &beyond;
	r = make(t, t->type, 0);
	if (r != NULL)
		r->integer = value != 0;
	return r;
}
#else
static void *make_array(const redisReadTask *t, int n)
{
	return make_elements(t, n > 0 ? (size_t)n : 0);
}
#endif

static void *make_integer(const redisReadTask *t, long long value)
{
	redisReply *r;

	if (is_beyond(t))
		return &beyond;
	r = make(t, t->type, 0);
	if (r != NULL)
		r->integer = value;
	return r;
}

static void *make_nil(const redisReadTask *t)
{
	return is_beyond(t) ? &beyond : make(t, REDIS_REPLY_NIL, 0);
}

static void free_nothing(void *r)
{
	(void)r;
}

redisReader *reply_reader_create(struct reply_maker *m)
{
	static redisReplyObjectFunctions functions = {
		.createString = make_string,
		.createArray = make_array,
		.createInteger = make_integer,
		.createNil = make_nil,
#if HIREDIS_MAJOR >= 1
		.createDouble = make_double,
		.createBool = make_bool,
#endif
		.freeObject = free_nothing,
	};
	redisReader *reader = redisReaderCreateWithFunctions(&functions);

	if (reader != NULL)
		reader->privdata = m;
	return reader;
}

/* ---- looking ---- */

const redisReply *reply_at(const redisReply *r, size_t i)
{
	return r != NULL && r->type == REDIS_REPLY_ARRAY && i < r->elements ? r->element[i] : NULL;
}

static size_t count(const redisReply *r)
{
	return r != NULL && r->type == REDIS_REPLY_ARRAY ? r->elements : 0;
}

static bool is_text(const redisReply *r)
{
	return r != NULL && (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS);
}

/* As deep as make() lets them be. */
const redisReply *reply_find_error(const redisReply *r)
{
	if (reply_is_error(r))
		return r;
	for (size_t i = 0; i < count(r); i++) {
		const redisReply *found = reply_find_error(r->element[i]);

		if (found != NULL)
			return found;
	}
	return NULL;
}

const redisReply *reply_field(const redisReply *r, const char *name)
{
	for (size_t i = 0; i + 1 < count(r); i += 2)
		if (is_text(r->element[i]) && str_eqz(reply_text(r->element[i]), name))
			return r->element[i + 1];
	return NULL;
}

int64_t reply_int(const redisReply *r, int64_t absent)
{
	int64_t v;

	if (r != NULL && r->type == REDIS_REPLY_INTEGER)
		return r->integer;
	if (is_text(r) && str_to_i64(reply_text(r), INT64_MIN, INT64_MAX, &v) == ERR_OK)
		return v;
	return absent;
}

/* ---- entries ---- */

#define SAFE_DIGITS 19        /* as many fit whatever they are */

static bool read_number(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.len == 0 || s.len > SAFE_DIGITS + 1)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

		if (digit > 9 || (i == SAFE_DIGITS && (v > UINT64_MAX / 10 || v * 10 > UINT64_MAX - digit)))
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

bool entry_id_read(struct str id, uint64_t *ms, uint64_t *seq)
{
	struct str rest = id, head;

	return str_cut(&rest, '-', &head) && read_number(head, ms) && read_number(rest, seq);
}

int entry_id_cmp(struct str a, struct str b)
{
	uint64_t a_ms = 0, a_seq = 0, b_ms = 0, b_seq = 0;
	bool a_is = entry_id_read(a, &a_ms, &a_seq), b_is = entry_id_read(b, &b_ms, &b_seq);

	if (!a_is || !b_is)
		return (int)a_is - (int)b_is;
	if (a_ms != b_ms)
		return a_ms < b_ms ? -1 : 1;
	return a_seq < b_seq ? -1 : a_seq > b_seq;
}

static enum err add_entry(const redisReply *r, unsigned key, size_t max, struct arena *a, struct entries *out, struct diag *d)
{
	const redisReply *id = reply_at(r, 0), *fields = reply_at(r, 1);
	uint64_t ms, seq;

	if (!is_text(id) || !entry_id_read(reply_text(id), &ms, &seq)) {
		diag_set(d, "an entry without an id came from the server");
		return ERR_SYNTAX;
	}
	if (out->n == max) {
		diag_set(d, "the server sent more entries than it was asked for");
		return ERR_SYNTAX;
	}
	if (out->n == out->cap) {
		size_t cap = out->cap == 0 ? 64 : out->cap * 2;

		out->v = arena_grow(a, out->v, out->cap, cap, sizeof *out->v);
		out->cap = cap;
	}
	out->v[out->n++] = (struct entry){
		.key = key, .event = ENTRY_NO_EVENT, .id = arena_str(a, reply_text(id)),
		.fields = fields != NULL && fields->type == REDIS_REPLY_ARRAY ? fields : NULL,
	};
	return ERR_OK;
}

static bool find_key(const char *const *keys, size_t n_keys, struct str name, unsigned *key)
{
	for (unsigned i = 0; i < n_keys; i++) {
		if (str_eqz(name, keys[i])) {
			*key = i;
			return true;
		}
	}
	return false;
}

enum err reply_entries(const redisReply *r, const char *const *keys, size_t n_keys, size_t max, struct arena *a, struct entries *out,
		       struct diag *d)
{
	struct entries found = { 0 };
	enum err e;

	if (r == NULL || (r->type != REDIS_REPLY_NIL && r->type != REDIS_REPLY_ARRAY)) {
		diag_set(d, "the server answered a read of the stream with something else");
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < count(r); i++) {
		const redisReply *name = reply_at(r->element[i], 0), *list = reply_at(r->element[i], 1);
		unsigned key = 0;

		if (!is_text(name) || !find_key(keys, n_keys, reply_text(name), &key)) {
			diag_set(d, "the server sent entries of a stream that it was not asked for");
			return ERR_SYNTAX;
		}
		if (list == NULL || list->type != REDIS_REPLY_ARRAY) {
			diag_set(d, "the server sent a stream without a list of entries");
			return ERR_SYNTAX;
		}
		for (size_t k = 0; k < list->elements; k++) {
			e = add_entry(list->element[k], key, max, a, &found, d);
			if (e != ERR_OK)
				return e;
		}
	}
	*out = found;
	return ERR_OK;
}

enum err reply_claimed(const redisReply *r, unsigned key, size_t max, struct arena *a, struct entries *out, struct diag *d)
{
	const redisReply *next = reply_at(r, 0), *list = reply_at(r, 1), *gone = reply_at(r, 2);
	struct entries found = { .n_gone = count(gone) };
	uint64_t ms, seq;

	if (!is_text(next) || !entry_id_read(reply_text(next), &ms, &seq) || list == NULL || list->type != REDIS_REPLY_ARRAY) {
		diag_set(d, "the server answered XAUTOCLAIM with something else");
		return ERR_SYNTAX;
	}
	found.next = reply_text(next);
	for (size_t i = 0; i < list->elements; i++) {
		/* Redis 6.2 has a nil in the place of an entry that was deleted. */
		if (list->element[i] == NULL || list->element[i]->type == REDIS_REPLY_NIL) {
			found.n_gone++;
			continue;
		}

		enum err e = add_entry(list->element[i], key, max, a, &found, d);

		if (e != ERR_OK)
			return e;
	}
	*out = found;
	return ERR_OK;
}

bool entry_field(const struct entry *e, const char *name, struct str *out)
{
	for (size_t i = 0; i + 1 < count(e->fields); i += 2) {
		if (!is_text(e->fields->element[i]) || !str_eqz(reply_text(e->fields->element[i]), name))
			continue;
		if (!is_text(e->fields->element[i + 1]))
			return false;
		*out = reply_text(e->fields->element[i + 1]);
		return true;
	}
	return false;
}
