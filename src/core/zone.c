/*
 * Every transition of a zone stands in one sorted table, those of the file first, then those that the rule of its footer makes
 * until 2300: so a look-up is one binary search, and a hostile rule costs its work once, at load. Each entry also says from which
 * local time on it holds; that instant is chosen such that a gap still counts with the offset before it and an ambiguous hour
 * with the first of its two.
 */
#include "core/zone.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/civil.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "zone_rule.h"

#define RULE_FIRST_YEAR 1899
#define RULE_LAST_YEAR  2300

/* RFC 9636 section 3.2: offsets lie strictly between -25 h and 26 h; and no sane file has an instant before the Big Bang. */
#define OFFSET_MIN_S (-89999)
#define OFFSET_MAX_S 93599
#define INSTANT_MAX_S (INT64_C(1) << 59)

struct change {
	int64_t at_s;      /* UTC: first second with this offset */
	int64_t local_s;   /* local time from which on it holds */
	int32_t offset_s;  /* to add to UTC */
};

struct zone {
	char          *name;      /* owned */
	struct change *v;         /* owned; v[0] holds since ever */
	size_t         n;         /* at least 1 */
};

/* ---- making the table ---- */

struct table {
	struct change *v;
	size_t         n, cap;
	bool           is_tangled;   /* clocks go back to before the change before: which change a local time follows is no question of order then */
};

static int64_t shown_s(const struct change *c)
{
	return c->at_s + c->offset_s;
}

static void table_push(struct table *t, int64_t at_s, int32_t offset_s)
{
	struct change c = { .at_s = at_s, .local_s = INT64_MIN, .offset_s = offset_s };

	if (t->n > 0) {
		const struct change *last = &t->v[t->n - 1];

		if (last->offset_s == offset_s)
			return;    /* only the name or the daylight-saving flag changed */
		if (t->n > 1 && shown_s(&c) < shown_s(last))
			t->is_tangled = true;
		c.local_s = at_s + (offset_s > last->offset_s ? offset_s : last->offset_s);
		/* Set back twice in a row: what the first one shows has all been shown before. */
		if (c.local_s < last->local_s)
			c.local_s = last->local_s;
	}
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->v = xreallocarray(t->v, t->cap, sizeof(*t->v));
	}
	t->v[t->n++] = c;
}

static int32_t rule_offset(const struct zone_rule *r, int64_t at_s, int32_t year)
{
	for (int32_t y = year - 2; r->has_dst && y <= year + 1; y++) {
		int64_t from, to;

		zone_rule_dst(r, y, &from, &to);
		if (from <= at_s && at_s < to)
			return r->dst_s;
	}
	return r->std_s;
}

static int32_t year_of(int64_t at_s)
{
	int64_t year = 1970 + at_s / INT64_C(31556952);

	return year < RULE_FIRST_YEAR ? RULE_FIRST_YEAR : year > RULE_LAST_YEAR ? RULE_LAST_YEAR : (int32_t)year;
}

/* Everything from `since_s` on. */
static void table_push_rule(struct table *t, const struct zone_rule *r, int64_t since_s)
{
	int64_t open_until = INT64_MIN;

	table_push(t, since_s, rule_offset(r, since_s, year_of(since_s)));
	for (int32_t y = year_of(since_s) - 1; r->has_dst && y <= RULE_LAST_YEAR; y++) {
		int64_t from, to;

		zone_rule_dst(r, y, &from, &to);
		if (to <= from)
			continue;
		/* Stretches that touch are all-year daylight saving: no instant of standard time between them. */
		if (open_until != INT64_MIN && from > open_until && open_until > since_s)
			table_push(t, open_until, r->std_s);
		if (from > since_s && from > open_until)
			table_push(t, from, r->dst_s);
		if (to > open_until)
			open_until = to;
	}
	if (open_until > since_s)
		table_push(t, open_until, r->std_s);
}

/* ---- TZif ---- */

struct bytes { const uint8_t *p, *end; };

struct header {
	uint8_t  version;      /* 0, '2', '3', '4' */
	uint32_t n_utc, n_std, n_leap, n_time, n_type, n_char;
};

static uint64_t big_endian(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	for (size_t i = 0; i < size; i++)
		v = v << 8 | p[i];
	return v;
}

static int64_t big_endian_signed(const uint8_t *p, size_t size)
{
	return size == 8 ? (int64_t)big_endian(p, 8) : (int32_t)(uint32_t)big_endian(p, 4);
}

static size_t bytes_left(const struct bytes *b)
{
	return (size_t)(b->end - b->p);
}

#define HEADER_LEN 44

static bool header_read(struct bytes *b, struct header *h)
{
	const uint8_t *p = b->p;

	if (bytes_left(b) < HEADER_LEN || p[0] != 'T' || p[1] != 'Z' || p[2] != 'i' || p[3] != 'f')
		return false;
	h->version = p[4];
	h->n_utc  = (uint32_t)big_endian(p + 20, 4);
	h->n_std  = (uint32_t)big_endian(p + 24, 4);
	h->n_leap = (uint32_t)big_endian(p + 28, 4);
	h->n_time = (uint32_t)big_endian(p + 32, 4);
	h->n_type = (uint32_t)big_endian(p + 36, 4);
	h->n_char = (uint32_t)big_endian(p + 40, 4);
	b->p += HEADER_LEN;
	return true;
}

/* The counts are 32 bits each, so that their sum cannot overflow 64. */
static uint64_t block_len(const struct header *h, size_t time_size)
{
	return (uint64_t)h->n_time * (time_size + 1) + (uint64_t)h->n_type * 6 + h->n_char +
	       (uint64_t)h->n_leap * (time_size + 4) + h->n_std + h->n_utc;
}

static enum err refuse(struct diag *d, const char *why)
{
	diag_set(d, "not a usable time zone file: %s", why);
	return ERR_SYNTAX;
}

/* Between two newlines, at the very end. Empty when there is none. */
static enum err footer_read(const struct bytes *b, struct zone_rule *rule, bool *has_rule, struct diag *d)
{
	struct str s = { (const char *)b->p, bytes_left(b) };
	const char *end;

	*has_rule = false;
	if (s.len < 2 || s.p[0] != '\n')
		return refuse(d, "its footer is missing");
	s.p++;
	s.len--;
	end = memchr(s.p, '\n', s.len);
	if (end == NULL)
		return refuse(d, "its footer does not end");
	s.len = (size_t)(end - s.p);
	if (s.len == 0)
		return ERR_OK;
	*has_rule = true;
	return zone_rule_parse(s, rule, d) == ERR_OK ? ERR_OK : ERR_SYNTAX;
}

/* `types` are n_type records of six bytes: four of offset, one of daylight saving, one of name. */
static int32_t type_offset(const uint8_t *types, size_t i)
{
	return (int32_t)(uint32_t)big_endian(types + i * 6, 4);
}

static enum err types_check(const uint8_t *types, const struct header *h, struct diag *d)
{
	if (h->n_type == 0)
		return refuse(d, "it has no offsets");
	for (size_t i = 0; i < h->n_type; i++) {
		int32_t offset = type_offset(types, i);

		if (offset < OFFSET_MIN_S || offset > OFFSET_MAX_S)
			return refuse(d, "an offset is out of range");
	}
	return ERR_OK;
}

/* The transitions of a block whose length was checked. */
static enum err block_read(const uint8_t *p, const struct header *h, size_t time_size, struct table *t, int64_t *last_out, struct diag *d)
{
	const uint8_t *index = p + (size_t)h->n_time * time_size;
	const uint8_t *types = index + h->n_time;
	int64_t last = INT64_MIN;
	enum err e = types_check(types, h, d);

	if (e != ERR_OK)
		return e;
	table_push(t, INT64_MIN, type_offset(types, 0));
	for (size_t i = 0; i < h->n_time; i++) {
		int64_t at = big_endian_signed(p + i * time_size, time_size);

		if (at <= last || at < -INSTANT_MAX_S || at > INSTANT_MAX_S)
			return refuse(d, "its transitions are not in order");
		if (index[i] >= h->n_type)
			return refuse(d, "a transition leads to an offset that is not there");
		table_push(t, at, type_offset(types, index[i]));
		last = at;
	}
	*last_out = last;
	return ERR_OK;
}

/* From the last transition of the file on, the footer alone counts; without any transition, always. */
static void table_finish(struct table *t, const struct zone_rule *rule, int64_t last)
{
	if (last == INT64_MIN) {
		t->n = 0;
		table_push(t, INT64_MIN, rule->std_s);
		last = civil_to_days((struct civil){ RULE_FIRST_YEAR, 1, 1 }) * INT64_C(86400);
	} else if (t->n > 1 && t->v[t->n - 1].at_s == last) {
		t->n--;
	}
	table_push_rule(t, rule, last);
}

static enum err table_read(struct bytes b, struct table *t, struct diag *d)
{
	struct header h;
	struct zone_rule rule;
	size_t time_size = 4;
	int64_t last;
	bool has_rule = false;
	enum err e;

	if (!header_read(&b, &h))
		return refuse(d, "it does not begin with a TZif header");
	if (h.version >= '2') {
		time_size = 8;
		if (block_len(&h, 4) > bytes_left(&b))
			return refuse(d, "it is cut short");
		b.p += block_len(&h, 4);
		if (!header_read(&b, &h) || h.version < '2')
			return refuse(d, "its second header is missing");
	} else if (h.version != 0) {
		return refuse(d, "its version is unknown");
	}
	if (block_len(&h, time_size) > bytes_left(&b))
		return refuse(d, "it is cut short");
	if (h.n_leap > 0)
		return refuse(d, "it counts leap seconds; take the zone of the same name outside of \"right/\"");

	e = block_read(b.p, &h, time_size, t, &last, d);
	b.p += block_len(&h, time_size);
	if (e == ERR_OK && time_size == 8)
		e = footer_read(&b, &rule, &has_rule, d);
	if (e == ERR_OK && has_rule)
		table_finish(t, &rule, last);
	if (e == ERR_OK && t->is_tangled)
		return refuse(d, "it sets clocks back to before the change before");
	return e;
}

static struct zone *zone_create(struct str name, struct table *t)
{
	struct zone *z = xmalloc(sizeof(*z));

	z->name = xstrndup(name.p, name.len);
	z->v = t->v;
	z->n = t->n;
	return z;
}

enum err zone_parse(struct str name, struct str tzif, struct zone **out, struct diag *d)
{
	struct bytes b = { (const uint8_t *)tzif.p, (const uint8_t *)tzif.p + tzif.len };
	struct table t = { 0 };
	enum err e;

	if (tzif.len > ZONE_MAX_FILE) {
		diag_set(d, "not a usable time zone file: it is longer than %u bytes", ZONE_MAX_FILE);
		return ERR_LIMIT;
	}
	e = table_read(b, &t, d);
	if (e != ERR_OK) {
		free(t.v);
		return e;
	}
	*out = zone_create(name, &t);
	return ERR_OK;
}

struct zone *zone_create_utc(void)
{
	struct table t = { 0 };

	table_push(&t, INT64_MIN, 0);
	return zone_create(STR("UTC"), &t);
}

void zone_destroy(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->name);
	free(z->v);
	free(z);
}

/* ---- looking up ---- */

const char *zone_name(const struct zone *z)
{
	return z->name;
}

static int64_t floor_s(int64_t ms)
{
	return ms / MS_PER_S - (ms % MS_PER_S < 0);
}

/* The last change at or before `t`. */
static size_t find_at(const struct zone *z, struct wall t)
{
	int64_t s = floor_s(t.ms);
	size_t lo = 0, hi = z->n - 1;

	while (lo < hi) {
		size_t mid = (lo + hi + 1) / 2;

		if (z->v[mid].at_s <= s)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

int32_t zone_offset(const struct zone *z, struct wall t)
{
	return z->v[find_at(z, t)].offset_s;
}

struct wall zone_next_change(const struct zone *z, struct wall t)
{
	size_t i = find_at(z, t) + 1;

	if (i == z->n || z->v[i].at_s > INT64_MAX / MS_PER_S)
		return WALL_NEVER;
	return (struct wall){ z->v[i].at_s * MS_PER_S };
}

int64_t zone_local(const struct zone *z, struct wall t)
{
	return wall_plus(t, zone_offset(z, t) * MS_PER_S).ms;
}

struct wall zone_instant(const struct zone *z, int64_t local_ms)
{
	int64_t s = floor_s(local_ms);
	size_t lo = 0, hi = z->n - 1;

	while (lo < hi) {
		size_t mid = (lo + hi + 1) / 2;

		if (z->v[mid].local_s <= s)
			lo = mid;
		else
			hi = mid - 1;
	}
	return wall_plus((struct wall){ local_ms }, -z->v[lo].offset_s * MS_PER_S);
}
