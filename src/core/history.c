#include "history.h"

#include <endian.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/reader.h"

/*
 * One record:
 *   varint   received - received of the record before
 *   varint   received - at (an event from the future is kept as arriving at `at`)
 *   byte     type | role << 4 | private << 6 | automated << 7
 *   byte     mode | REC_ACTOR | REC_ACT | number of attributes << 4
 *   8 bytes  fingerprint of the id, 3 bytes of the body's (another body passes for the same once in 16 million)
 *   each attribute: varint symbol * 16 + attribute
 *   actor's symbol; for acts of operators: metric, reason, zigzag by_ms
 */
#define REC_ACTOR 0x04
#define REC_ACT   0x08

#define REC_MAX ((size_t)16 * VARINT_MAX + (ATTR_N_RULES + 3) * VARINT_MAX)

_Static_assert(ATTR_N_RULES < 16, "four bits say how many attributes there are");

/* Takes the symbols; gives the end. */
static char *put_attrs(char *p, struct symbols *syms, const struct event *e, unsigned *n)
{
	for (uint32_t rest = e->set & ((1u << ATTR_N_RULES) - 1); rest != 0; rest &= rest - 1, ++*n) {
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
	uint64_t print = htole64(id);
	char *begin = buf_room(out, REC_MAX), *p = begin, *bits;
	unsigned n = 0;

	p = varint_write(p, (uint64_t)(e->received.ms - last_received));
	p = varint_write(p, (uint64_t)(e->received.ms - at.ms));
	*p++ = (char)((unsigned)e->type | (unsigned)e->role << 4 | (unsigned)e->is_private << 6 | (unsigned)e->automated << 7);
	bits = p++;
	p = (char *)memcpy(p, &print, 8) + 8;
	for (unsigned i = 0; i < 3; i++)
		*p++ = (char)(e->body >> (8 * i));
	p = put_attrs(p, syms, e, &n);
	*bits = (char)((unsigned)e->mode | (actor != 0 ? REC_ACTOR : 0) | (act ? REC_ACT : 0) | n << 4);
	if (actor != 0)
		p = varint_write(p, actor);
	if (act) {
		p = varint_write(p, symbols_take(syms, e->metric));
		p = varint_write(p, symbols_take(syms, e->reason));
		p = varint_write(p, zigzag(e->by_ms));
	}
	buf_took(out, (size_t)(p - begin));
}

#define REC_FIXED 13      /* two bytes of bits, the fingerprints */
#define REC_MIN   (2 + REC_FIXED)

/* Gives the end of the number at `p`, NULL where there is none. */
static ALWAYS_INLINE const uint8_t *take_number(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	struct varint n;

	/* Nearly all are short. */
	if (end - p >= 2 && p[0] < 0x80) {
		*v = p[0];
		return p + 1;
	}
	if (end - p >= 2 && p[1] < 0x80) {
		*v = (uint64_t)p[1] << 7 | (p[0] & 0x7f);
		return p + 2;
	}
	n = varint_read(p, end);
	*v = n.v;
	return n.p;
}

/* What stands before the attributes: gives its end, NULL for bytes that are none. */
static ALWAYS_INLINE const uint8_t *read_head(const uint8_t *p, const uint8_t *end, int64_t *received, struct hist *h)
{
	uint64_t since, late, id;

	p = take_number(p, end, &since);
	if (p == NULL)
		return NULL;
	p = take_number(p, end, &late);
	if (p == NULL || end - p < REC_FIXED)
		return NULL;
	*received = (int64_t)((uint64_t)*received + since);
	h->received.ms = *received;
	h->at.ms = (int64_t)((uint64_t)*received - late);
	h->type = p[0] & 15;
	h->role = p[0] >> 4 & 3;
	h->is_private = p[0] >> 6 & 1;
	h->automated = p[0] >> 7;
	h->mode = p[1] & 3;
	h->n_attrs = p[1] >> 4;
	memcpy(&id, p + 2, 8);
	h->id = le64toh(id);
	h->body = (uint32_t)p[10] | (uint32_t)p[11] << 8 | (uint32_t)p[12] << 16;
	if (h->type >= EVENT_N_TYPES || h->role >= ROLE_N || h->mode >= MODE_N)
		return NULL;
	return p + REC_FIXED;
}

/* Of an operator: metric, reason, and by how much. */
static const uint8_t *read_act(const uint8_t *p, const uint8_t *end, struct hist *h)
{
	uint64_t v[3] = { 0 };

	for (unsigned i = 0; i < 3 && p != NULL; i++)
		p = take_number(p, end, &v[i]);
	h->metric = (uint32_t)v[0];
	h->reason = (uint32_t)v[1];
	h->by_ms = unzigzag(v[2]);
	return p;
}

static ALWAYS_INLINE void note_value(struct given *g, uint32_t attr, uint32_t sym)
{
	if (attr == ATTR_CONTRACT && (g->attrs & 1u << ATTR_CONTRACT) && g->last[ATTR_CONTRACT] != sym)
		g->moves = true;
	g->attrs |= 1u << attr;
	g->last[attr] = sym;
}

/* What stands behind a head that ends at `p`; `attrs` has room for h->n_attrs, and `h` was zeroed. Attributes are noted in `g`. */
static ALWAYS_INLINE const uint8_t *read_tail(const uint8_t *p, const uint8_t *end, struct hist *h, struct hist_attr *attrs, struct given *g)
{
	uint8_t flags = p[1 - REC_FIXED];
	uint32_t n = h->n_attrs;
	uint64_t v = 0;

	h->attrs = attrs;
	for (uint32_t i = 0; i < n; i++) {
		p = take_number(p, end, &v);
		if (p == NULL || (v & 15) >= ATTR_N_RULES)
			return NULL;
		attrs[i] = (struct hist_attr){ (uint32_t)(v & 15), (uint32_t)(v >> 4) };
		note_value(g, (uint32_t)(v & 15), (uint32_t)(v >> 4));
	}
	if (flags & REC_ACTOR) {
		p = take_number(p, end, &v);
		h->actor = (uint32_t)v;
	}
	return flags & REC_ACT && p != NULL ? read_act(p, end, h) : p;
}

static int by_at_and_order(const void *x, const void *y)
{
	const struct hist *a = x, *b = y;

	if (a->at.ms != b->at.ms)
		return a->at.ms < b->at.ms ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static ALWAYS_INLINE void note_time(struct history *h, struct wall at)
{
	h->in_order = h->in_order && !wall_before(at, h->last_at);
	h->first_at = wall_min(h->first_at, at);
	h->last_at = wall_max(h->last_at, at);
}

bool history_read(struct str bytes, uint32_t n_events, struct arena *a, struct history *out)
{
	const uint8_t *p = (const uint8_t *)bytes.p, *end = p + bytes.len;
	/* An attribute takes a byte at least. */
	size_t bare = (size_t)n_events * REC_MIN, room = bytes.len > bare ? bytes.len - bare : 0;
	/* In registers, until all is read. */
	struct history r = { .first_at = WALL_NEVER, .last_at = WALL_PAST, .in_order = true };
	struct hist_attr *attrs;

	if (n_events > TICKET_MAX_EVENTS)
		return false;
	/* One piece of memory for both. */
	r.v = arena_alloc(a, (n_events + 1) * sizeof(*r.v) + room * sizeof(*attrs));
	attrs = (struct hist_attr *)(void *)(r.v + n_events + 1);
	out->given = (struct given){ 0 };
	for (struct hist *h = r.v; p < end && r.n < n_events; r.n++, h++) {
		p = read_head(p, end, &r.last_received, h);
		if (p == NULL || h->n_attrs > room)
			return false;
		p = read_tail(p, end, h, attrs, &out->given);
		if (p == NULL)
			return false;
		attrs += h->n_attrs;
		room -= h->n_attrs;
		h->order = r.n;
		note_time(&r, h->at);
	}
	r.given = out->given;
	*out = r;
	return p == end && r.n == n_events;
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
	const uint8_t *p = (const uint8_t *)record.p, *end = p + record.len;
	struct hist *e = &h->v[h->n];

	p = read_head(p, end, &h->last_received, e);
	if (p == NULL || read_tail(p, end, e, arena_array(a, e->n_attrs, sizeof(struct hist_attr)), &h->given) == NULL)
		abort();
	e->order = h->n++;
	note_time(h, e->at);
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
typedef uint32_t place_fn(void *ctx, const struct hist *h, enum place place, uint32_t attr, uint32_t sym);

static bool rewrite(struct str bytes, place_fn *fn, void *ctx, struct buf *out)
{
	const uint8_t *p = (const uint8_t *)bytes.p, *end = p + bytes.len;
	struct given given = { 0 };
	int64_t received = 0;

	for (uint32_t n = 0; p < end; n++) {
		struct hist_attr attrs[1 << 4];
		struct hist h = { .order = n };
		const uint8_t *head = p;
		uint8_t flags;

		p = read_head(p, end, &received, &h);
		if (p == NULL)
			return false;
		buf_append(out, head, (size_t)(p - head));
		flags = p[1 - REC_FIXED];
		p = read_tail(p, end, &h, attrs, &given);
		if (p == NULL)
			return false;
		for (uint32_t i = 0; i < h.n_attrs; i++)
			buf_put_varint(out, (uint64_t)fn(ctx, &h, PLACE_ATTR, attrs[i].attr, attrs[i].sym) << 4 | attrs[i].attr);
		if (flags & REC_ACTOR)
			buf_put_varint(out, fn(ctx, &h, PLACE_ACTOR, ATTR_N, h.actor));
		if (flags & REC_ACT) {
			buf_put_varint(out, fn(ctx, &h, PLACE_ACT, ATTR_N, h.metric));
			buf_put_varint(out, fn(ctx, &h, PLACE_ACT, ATTR_N, h.reason));
			buf_put_zigzag(out, h.by_ms);
		}
	}
	return buf_ok(out);
}

struct mapping { history_map_fn *map; void *ctx; };

static uint32_t map_any(void *ctx, const struct hist *h, enum place place, uint32_t attr, uint32_t sym)
{
	const struct mapping *m = ctx;

	(void)h;
	(void)place;
	(void)attr;
	return m->map(m->ctx, sym);
}

bool history_translate(struct str bytes, history_map_fn *map, void *ctx, struct buf *out)
{
	return rewrite(bytes, map_any, &(struct mapping){ map, ctx }, out);
}

struct erasing {
	uint32_t       sym;
	struct erased *found;
	uint32_t       last;      /* one more than the order of the event in which it was found last */
};

static uint32_t erase(void *ctx, const struct hist *h, enum place place, uint32_t attr, uint32_t sym)
{
	struct erasing *e = ctx;
	bool requester = place == PLACE_ATTR && attr == ATTR_REQUESTER;

	if (sym != e->sym || !(requester || place == PLACE_ACTOR))
		return sym;
	e->found->n_requester += requester;
	e->found->n_actor += !requester;
	e->found->n_events += e->last != h->order + 1;
	e->last = h->order + 1;
	return 0;
}

bool history_erase(struct str bytes, uint32_t sym, struct buf *out, struct erased *found)
{
	*found = (struct erased){ 0 };
	return rewrite(bytes, erase, &(struct erasing){ .sym = sym, .found = found }, out);
}
