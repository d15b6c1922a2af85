#include "history.h"

#include <endian.h>
#include <stdlib.h>

#include "base/limits.h"

/*
 * One record:
 *   varint   received - received of the record before
 *   varint   received - at (an event from the future is kept as arriving at `at`)
 *   byte     type | role << 4 | private << 6 | automated << 7
 *   byte     mode | REC_ACTOR | REC_ACT | number of attributes << 4 (15: a varint follows)
 *   8 bytes  fingerprint of the id, 3 bytes of the body's (another body passes for the same once in 16 million)
 *   each attribute: varint symbol * 16 + attribute
 *   actor's symbol; for acts of operators: metric, reason, zigzag by_ms
 */
#define REC_ACTOR 0x04
#define REC_ACT   0x08

#define REC_MAX ((size_t)16 * VARINT_MAX + (ATTR_N_RULES + 3) * VARINT_MAX)

/* Takes the symbols; gives the end. */
static char *put_attrs(char *p, struct symbols *syms, const struct event *e)
{
	for (uint32_t rest = e->set & ((1u << ATTR_N_RULES) - 1); rest != 0; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);

		p = varint_write(p, (uint64_t)symbols_take(syms, e->attr[i]) << 4 | i);
	}
	return p;
}

void history_append(struct buf *out, struct symbols *syms, const struct event *e, uint64_t id, int64_t last_received)
{
	struct wall at = wall_min(e->at, e->received);
	bool act = e->type == EVENT_WAIVED || e->type == EVENT_EXTENDED;
	/* Customers' names decide nothing and are personal: they are not kept in memory. */
	uint32_t actor = e->role == ROLE_CUSTOMER ? 0 : symbols_take(syms, e->actor);
	unsigned n = (unsigned)__builtin_popcount(e->set & ((1u << ATTR_N_RULES) - 1));
	uint64_t print = htole64(id);
	char *begin = buf_room(out, REC_MAX), *p = begin;

	p = varint_write(p, (uint64_t)(e->received.ms - last_received));
	p = varint_write(p, (uint64_t)(e->received.ms - at.ms));
	*p++ = (char)((unsigned)e->type | (unsigned)e->role << 4 | (unsigned)e->is_private << 6 | (unsigned)e->automated << 7);
	*p++ = (char)((unsigned)e->mode | (actor != 0 ? REC_ACTOR : 0) | (act ? REC_ACT : 0) | (n < 15 ? n : 15) << 4);
	if (n >= 15)
		p = varint_write(p, n);
	p = (char *)memcpy(p, &print, 8) + 8;
	for (unsigned i = 0; i < 3; i++)
		*p++ = (char)(e->body >> (8 * i));
	p = put_attrs(p, syms, e);
	if (actor != 0)
		p = varint_write(p, actor);
	if (act) {
		p = varint_write(p, symbols_take(syms, e->metric));
		p = varint_write(p, symbols_take(syms, e->reason));
		p = varint_write(p, zigzag(e->by_ms));
	}
	buf_took(out, (size_t)(p - begin));
}

/*
 * What stands before the attributes; how many those are goes to *n. Inlined, with a reader whose address nobody has, it stays in
 * registers: an event reads all those before it.
 */
static ALWAYS_INLINE void read_head(struct reader *r, int64_t *received, struct hist *h, uint32_t *n, uint8_t *flags)
{
	uint32_t body;
	uint8_t b;

	*received += (int64_t)reader_varint(r);
	h->received.ms = *received;
	h->at.ms = *received - (int64_t)reader_varint(r);
	b = reader_byte(r);
	h->type = b & 15;
	h->role = b >> 4 & 3;
	h->is_private = (b & 0x40) != 0;
	h->automated = (b & 0x80) != 0;
	*flags = reader_byte(r);
	h->mode = *flags & 3;
	*n = *flags >> 4;
	if (*n == 15)
		*n = (uint32_t)reader_varint(r);
	if (h->type >= EVENT_N_TYPES || h->role >= ROLE_N || h->mode >= MODE_N || *n > ATTR_N_RULES)
		reader_fail(r);
	h->id = reader_u64le(r);
	body = reader_byte(r);
	body |= (uint32_t)reader_byte(r) << 8;
	h->body = body | (uint32_t)reader_byte(r) << 16;
}

/* What stands behind them; `attrs` has room for `n`, and `h` was zeroed. */
static ALWAYS_INLINE void read_tail(struct reader *r, struct hist *h, struct hist_attr *attrs, uint32_t n, uint8_t flags)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t v = reader_varint(r);

		attrs[i] = (struct hist_attr){ (uint32_t)(v & 15), (uint32_t)(v >> 4) };
		if ((v & 15) >= ATTR_N_RULES)
			reader_fail(r);
	}
	h->attrs = attrs;
	h->n_attrs = n;
	if (flags & REC_ACTOR)
		h->actor = (uint32_t)reader_varint(r);
	if (flags & REC_ACT) {
		h->metric = (uint32_t)reader_varint(r);
		h->reason = (uint32_t)reader_varint(r);
		h->by_ms = unzigzag(reader_varint(r));
	}
}

static int by_at_and_order(const void *x, const void *y)
{
	const struct hist *a = x, *b = y;

	if (a->at.ms != b->at.ms)
		return a->at.ms < b->at.ms ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static void count_in(struct history *h, struct wall at)
{
	h->in_order = h->in_order && !wall_before(at, h->last_at);
	h->first_at = wall_min(h->first_at, at);
	h->last_at = wall_max(h->last_at, at);
}

/* A record is no shorter than that without its attributes, and an attribute takes a byte at least. */
#define REC_MIN 15

bool history_read(struct str bytes, uint32_t n_events, struct arena *a, struct history *out)
{
	struct reader r = reader_of(bytes);
	size_t bare = (size_t)n_events * REC_MIN, max_attrs = bytes.len > bare ? bytes.len - bare : 0, n_attrs = 0;
	int64_t received = 0;
	struct hist_attr *attrs;

	if (n_events > TICKET_MAX_EVENTS)
		return false;
	*out = (struct history){ .first_at = WALL_NEVER, .last_at = WALL_PAST, .in_order = true };
	out->v = arena_array(a, n_events + 1, sizeof(*out->v));
	attrs = arena_array(a, max_attrs, sizeof(*attrs));
	for (out->n = 0; r.p < r.end && out->n < n_events; out->n++) {
		struct hist *h = &out->v[out->n];
		uint32_t n;
		uint8_t flags;

		read_head(&r, &received, h, &n, &flags);
		h->order = out->n;
		if (r.bad || n > max_attrs - n_attrs)
			return false;
		read_tail(&r, h, attrs + n_attrs, n, flags);
		n_attrs += n;
		count_in(out, h->at);
	}
	out->last_received = received;
	return !r.bad && r.p == r.end && out->n == n_events;
}

void history_sort(struct history *h)
{
	if (!h->in_order)
		qsort(h->v, h->n, sizeof(*h->v), by_at_and_order);
	h->in_order = true;
}

const struct hist *history_find(const struct history *h, uint64_t id)
{
	for (uint32_t i = 0; i < h->n; i++)
		if (h->v[i].id == id)
			return &h->v[i];
	return NULL;
}

void history_push(struct history *h, struct str record, struct arena *a)
{
	struct reader r = reader_of(record);
	struct hist *e = &h->v[h->n];
	struct hist_attr *attrs = arena_array(a, ATTR_N_RULES, sizeof(*attrs));
	uint32_t n_attrs;
	uint8_t flags;

	read_head(&r, &h->last_received, e, &n_attrs, &flags);
	e->order = h->n++;
	read_tail(&r, e, attrs, n_attrs, flags);
	count_in(h, e->at);
}

static uint32_t drop_one(void *ctx, uint32_t sym)
{
	symbols_drop(ctx, sym);
	return sym;
}

void history_drop(struct str bytes, struct symbols *syms, struct buf *scrap)
{
	buf_reset(scrap);
	(void)history_translate(bytes, drop_one, syms, scrap);
}

/* Where a symbol stands; `attr` is ATTR_N where it is no attribute's. */
enum place { PLACE_ATTR, PLACE_ACTOR, PLACE_ACT };
typedef uint32_t place_fn(void *ctx, enum place place, uint32_t attr, uint32_t sym);

static bool rewrite(struct str bytes, place_fn *fn, void *ctx, struct buf *out)
{
	struct reader r = reader_of(bytes);
	struct hist_attr attrs[ATTR_N_RULES];
	struct hist h = { 0 };
	int64_t received = 0;

	while (r.p < r.end) {
		uint32_t n_attrs;
		uint8_t flags;
		const char *from = (const char *)r.p;

		read_head(&r, &received, &h, &n_attrs, &flags);
		if (r.bad)
			return false;
		buf_append(out, from, (size_t)((const char *)r.p - from));
		read_tail(&r, &h, attrs, n_attrs, flags);
		if (r.bad)
			return false;
		for (uint32_t i = 0; i < n_attrs; i++)
			buf_put_varint(out, (uint64_t)fn(ctx, PLACE_ATTR, attrs[i].attr, attrs[i].sym) << 4 | attrs[i].attr);
		if (flags & REC_ACTOR)
			buf_put_varint(out, fn(ctx, PLACE_ACTOR, ATTR_N, h.actor));
		if (flags & REC_ACT) {
			buf_put_varint(out, fn(ctx, PLACE_ACT, ATTR_N, h.metric));
			buf_put_varint(out, fn(ctx, PLACE_ACT, ATTR_N, h.reason));
			buf_put_zigzag(out, h.by_ms);
		}
	}
	return buf_ok(out);
}

struct mapping { history_map_fn *map; void *ctx; };

static uint32_t map_any(void *ctx, enum place place, uint32_t attr, uint32_t sym)
{
	const struct mapping *m = ctx;

	(void)place;
	(void)attr;
	return m->map(m->ctx, sym);
}

bool history_translate(struct str bytes, history_map_fn *map, void *ctx, struct buf *out)
{
	return rewrite(bytes, map_any, &(struct mapping){ map, ctx }, out);
}

struct erasing { uint32_t sym, n_requester, n_actor; };

static uint32_t erase(void *ctx, enum place place, uint32_t attr, uint32_t sym)
{
	struct erasing *e = ctx;
	bool requester = place == PLACE_ATTR && attr == ATTR_REQUESTER;

	if (sym != e->sym || !(requester || place == PLACE_ACTOR))
		return sym;
	e->n_requester += requester;
	e->n_actor += !requester;
	return 0;
}

bool history_erase(struct str bytes, uint32_t sym, struct buf *out, uint32_t *n_requester, uint32_t *n_actor)
{
	struct erasing e = { .sym = sym };
	bool good = rewrite(bytes, erase, &e, out);

	*n_requester = e.n_requester;
	*n_actor = e.n_actor;
	return good;
}
