#include "engine_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/expect.h"
#include "base/limits.h"
#include "base/xalloc.h"

struct ticket *table_at(const struct engine *en, uint32_t slot)
{
	return &en->chunks[slot / CHUNK][slot % CHUNK];
}

static bool is_named(const struct engine *en, uint32_t slot, struct str ns, struct str id)
{
	const struct ticket *t = table_at(en, slot);

	return (t->flags & TICKET_USED) && str_eq(ticket_id(t), id) && str_eq(ticket_ns(en, t), ns);
}

struct key { struct str ns, id; };

static bool same_key(const void *ctx, const void *key, uint32_t slot)
{
	const struct key *k = key;

	return is_named(ctx, slot, k->ns, k->id);
}

uint64_t table_hash(const struct engine *en, struct str ns, struct str id)
{
	return event_ticket_hash(en->opt.key, ns, id);
}

uint64_t table_hash_of(const struct engine *en, const struct event *e)
{
	return e->sealed.len != 0 ? e->ticket_hash : table_hash(en, e->ns, e->ticket);
}

uint32_t table_find(const struct engine *en, uint64_t hash, struct str ns, struct str id)
{
	struct key k = { ns, id };

	return map_find(&en->index, hash, same_key, en, &k);
}

#define AT_ONCE 32       /* as many misses under way as a core can have, and then some */

static void find_some(const struct engine *en, const struct event *v, size_t n, uint32_t *out)
{
	uint64_t hash[AT_ONCE];

	for (size_t i = 0; i < n; i++) {
		map_expect(&en->index, hash[i] = table_hash_of(en, &v[i]));
		expect(v[i].ticket.p);
	}
	for (size_t i = 0; i < n; i++)
		if ((out[i] = map_guess(&en->index, hash[i])) != MAP_ABSENT)
			expect(table_at(en, out[i]));
	for (size_t i = 0; i < n; i++)
		if (out[i] != MAP_ABSENT)
			expect(table_at(en, out[i])->block);
	for (size_t i = 0; i < n; i++)
		out[i] = table_find(en, hash[i], v[i].ns, v[i].ticket);
}

void engine_find_all(const struct engine *en, const struct event *v, size_t n, uint32_t *out)
{
	for (size_t i = 0; i < n; i += AT_ONCE)
		find_some(en, v + i, n - i < AT_ONCE ? n - i : AT_ONCE, out + i);
}

static size_t block_len(const struct ticket *t)
{
	return (size_t)t->id_len + t->subject_len + t->url_len + t->hist_len + t->fired_len;
}

bool engine_is(const struct engine *en, uint32_t number, struct str ns, struct str ticket)
{
	return number < en->n_slots && is_named(en, number, ns, ticket);
}

static void add_chunk(struct engine *en)
{
	size_t words = CHUNK / 64;

	en->chunks = xreallocarray(en->chunks, (size_t)en->n_chunks + 1, sizeof(*en->chunks));
	en->changed = xreallocarray(en->changed, (size_t)en->n_chunks + 1, words * sizeof(*en->changed));
	memset(en->changed + en->n_chunks * words, 0, words * sizeof(*en->changed));
	en->chunks[en->n_chunks++] = xcalloc(CHUNK, sizeof(struct ticket));
}

static uint32_t new_slot(struct engine *en)
{
	uint32_t slot = en->free_first;

	if (slot != NO_TICKET) {
		en->free_first = table_at(en, slot)->next;
		return slot;
	}
	if (en->n_slots == en->n_chunks * CHUNK)
		add_chunk(en);
	return en->n_slots++;
}

/* At the end: so tickets that were opened one after the other stay neighbours, as their rows are on the disk. */
static void leave_slot(struct engine *en, uint32_t slot)
{
	*table_at(en, slot) = (struct ticket){ .next = NO_TICKET };
	if (en->free_first == NO_TICKET)
		en->free_first = slot;
	else
		table_at(en, en->free_last)->next = slot;
	en->free_last = slot;
}

uint32_t table_add(struct engine *en, uint64_t hash, struct str ns, struct str id)
{
	uint32_t slot = new_slot(en);
	struct ticket *t = table_at(en, slot);

	*t = (struct ticket){ .flags = TICKET_USED, .next = NO_TICKET };
	t->ns = symbols_take(en->symbols, ns);
	ticket_set_block(en, t, &(struct parts){ .id = id });
	map_insert(&en->index, hash, slot);
	en->n_tickets++;
	return slot;
}

void table_remove(struct engine *en, uint32_t slot)
{
	struct ticket *t = table_at(en, slot);

	map_remove(&en->index, table_hash(en, ticket_ns(en, t), ticket_id(t)), slot);
	heap_remove(&en->timers, slot);
	table_unchanged(en, slot);
	table_count_clocks(en, t, 0);
	if (t->flags & TICKET_UNMATCHED)
		en->stats.n_unmatched--;
	history_drop(ticket_history(t), en->symbols, &en->block);
	fired_drop(ticket_fired(t), en->symbols);
	symbols_drop(en->symbols, t->ns);
	symbols_drop(en->symbols, t->contract);
	en->block_bytes -= block_len(t);
	free(t->block);
	leave_slot(en, slot);
	en->n_tickets--;
}

void table_changed(struct engine *en, uint32_t slot)
{
	uint64_t *word = &en->changed[slot / 64], bit = UINT64_C(1) << slot % 64;

	en->n_changed += (*word & bit) == 0;
	*word |= bit;
}

void table_unchanged(struct engine *en, uint32_t slot)
{
	uint64_t *word = &en->changed[slot / 64], bit = UINT64_C(1) << slot % 64;

	en->n_changed -= (*word & bit) != 0;
	*word &= ~bit;
}

uint32_t table_next_changed(const struct engine *en, uint32_t from, uint32_t end)
{
	uint64_t left = from < end ? en->changed[from / 64] >> from % 64 << from % 64 : 0;
	uint32_t word = from / 64;

	while (left == 0 && ++word < (end + 63) / 64)
		left = en->changed[word];
	from = left != 0 ? word * 64 + (uint32_t)__builtin_ctzll(left) : end;
	return from < end ? from : end;
}

void table_expect(const struct engine *en, uint32_t slot)
{
	const struct ticket *t = table_at(en, slot);

	/* And what realloc() looks at behind it. */
	expect_bytes(t->block, block_len(t) + 2 * sizeof(size_t));
}

uint16_t table_pack_clocks(unsigned running, unsigned paused, unsigned breached)
{
	assert(running < 32 && paused < 32 && breached < 32);
	return (uint16_t)(running | paused << 5 | breached << 10);
}

void table_count_clocks(struct engine *en, struct ticket *t, uint16_t clocks)
{
	en->stats.n_running += (size_t)(clocks & 31) - (t->clocks & 31);
	en->stats.n_paused += (size_t)(clocks >> 5 & 31) - (t->clocks >> 5 & 31);
	en->stats.n_breached += (size_t)(clocks >> 10 & 31) - (t->clocks >> 10 & 31);
	t->clocks = clocks;
}

struct str ticket_ns(const struct engine *en, const struct ticket *t)
{
	return symbols_text(en->symbols, t->ns);
}

struct str ticket_id(const struct ticket *t)
{
	return (struct str){ t->block, t->id_len };
}

struct str ticket_subject(const struct ticket *t)
{
	return (struct str){ t->block + t->id_len, t->subject_len };
}

struct str ticket_url(const struct ticket *t)
{
	return (struct str){ t->block + t->id_len + t->subject_len, t->url_len };
}

struct str ticket_history(const struct ticket *t)
{
	return (struct str){ t->block + t->id_len + t->subject_len + t->url_len, t->hist_len };
}

struct str ticket_fired(const struct ticket *t)
{
	return (struct str){ t->block + t->id_len + t->subject_len + t->url_len + t->hist_len, t->fired_len };
}

static char *put(char *p, struct str s)
{
	return s.len > 0 ? (char *)memcpy(p, s.p, s.len) + s.len : p;
}

void ticket_set_block(struct engine *en, struct ticket *t, const struct parts *n)
{
	size_t old = block_len(t);
	char *was = t->block, *p;

	t->id_len = (uint8_t)n->id.len;
	t->subject_len = (uint16_t)n->subject.len;
	t->url_len = (uint16_t)n->url.len;
	t->hist_len = (uint32_t)(n->hist.len + n->record.len);
	t->fired_len = (uint32_t)n->fired.len;
	t->block = xmalloc(block_len(t) + 1);
	p = put(put(put(t->block, n->id), n->subject), n->url);
	put(put(put(p, n->hist), n->record), n->fired);
	free(was);
	en->block_bytes += block_len(t) - old;
}

struct parts ticket_parts(const struct ticket *t)
{
	return (struct parts){ ticket_id(t), ticket_subject(t), ticket_url(t), ticket_history(t), { NULL, 0 }, ticket_fired(t) };
}

void ticket_extend(struct engine *en, struct ticket *t, struct str record, const struct str *fired)
{
	size_t old = block_len(t), before = old - t->fired_len, len = fired != NULL ? fired->len : t->fired_len;
	char *p = t->block;

	if (before + record.len + len != old)
		t->block = p = xreallocarray(p, before + record.len + len + 1, 1);
	if (fired == NULL)
		memmove(p + before + record.len, p + before, len);
	else
		put(p + before + record.len, *fired);
	put(p + before, record);
	t->hist_len += (uint32_t)record.len;
	t->fired_len = (uint32_t)len;
	en->block_bytes += block_len(t) - old;
}
