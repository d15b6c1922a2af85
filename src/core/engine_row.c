/*
 * A ticket as a row: the same bytes as in memory, with symbols numbered by a table of the row's own. Version 1:
 *   byte version; namespace; id; varints serial, seq; byte flags; varint n_events; subject; url;
 *   zigzag instant from which the last rules it was planned under held; zigzag next step (0: none); varint clocks;
 *   varint number of texts and the texts; history; fired.
 */
#include <stdlib.h>

#include "base/limits.h"
#include "base/reader.h"
#include "core/forget.h"
#include "engine_private.h"
#include "engine_row.h"

#define ROW_VERSION 1
#define KEPT_FLAGS (TICKET_OPENED | TICKET_OVER | TICKET_UNMATCHED | TICKET_TOLD_UNMATCHED | TICKET_TOLD_SKEW)

/* The row's table in the making: local number i + 1 is symbol syms[i]. */
struct texts {
	struct arena *arena;
	struct map    index;       /* of those from FEW on: most rows have no more */
	uint32_t     *syms;
	uint32_t      n, cap;
};

#define FEW 16

static bool same_sym(const void *ctx, const void *key, uint32_t value)
{
	const struct texts *t = ctx;

	return t->syms[value] == *(const uint32_t *)key;
}

static uint32_t add_text(struct texts *t, uint32_t sym, uint64_t hash)
{
	if (t->n == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : FEW;

		t->syms = arena_grow(t->arena, t->syms, t->cap, cap, sizeof(*t->syms));
		t->cap = cap;
	}
	t->syms[t->n] = sym;
	if (t->n >= FEW)
		map_insert(&t->index, hash, t->n);
	return ++t->n;
}

static uint32_t to_local(void *ctx, uint32_t sym)
{
	struct texts *t = ctx;
	uint64_t hash = (uint64_t)sym * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t i;

	if (sym == 0)
		return 0;
	for (i = 0; i < t->n && i < FEW; i++)
		if (t->syms[i] == sym)
			return i + 1;
	i = t->n > FEW ? map_find(&t->index, hash, same_sym, t, &sym) : MAP_ABSENT;
	return i != MAP_ABSENT ? i + 1 : add_text(t, sym, hash);
}

void row_write_head(const struct row *row, struct buf *out)
{
	buf_putc(out, ROW_VERSION);
	buf_put_bytes(out, row->ns);
	buf_put_bytes(out, row->id);
	buf_put_varint(out, row->serial);
	buf_put_varint(out, row->seq);
	buf_putc(out, (char)row->flags);
	buf_put_varint(out, row->n_events);
	buf_put_bytes(out, row->subject);
	buf_put_bytes(out, row->url);
	buf_put_zigzag(out, row->planned);
	buf_put_zigzag(out, row->next);
	buf_put_varint(out, row->clocks);
	buf_put_varint(out, row->contract);
	buf_put_varint(out, row->n_texts);
}

static void write_row(struct engine *en, uint32_t slot, struct buf *row)
{
	const struct ticket *t = table_at(en, slot);
	struct texts texts = { .arena = en->scratch };
	struct buf *hist = &en->history, *fired = &en->fired;

	arena_reset(en->scratch);
	map_init(&texts.index);
	buf_reset(hist);
	buf_reset(fired);
	if (!history_translate(ticket_history(t), to_local, &texts, hist) || !fired_translate(ticket_fired(t), to_local, &texts, fired))
		abort();

	struct row head = {
		.ns = ticket_ns(en, t), .id = ticket_id(t), .serial = t->serial, .seq = t->seq, .flags = t->flags & KEPT_FLAGS,
		.n_events = t->n_events, .subject = ticket_subject(t), .url = ticket_url(t),
		.planned = t->plan > 0 ? en->revisions.v[t->plan - 1].from.ms : INT64_MIN,
		.next = heap_has(&en->timers, slot) ? heap_due(&en->timers, slot) : 0,
		.clocks = t->clocks, .contract = to_local(&texts, t->contract),
	};

	head.n_texts = texts.n;
	row_write_head(&head, row);
	for (uint32_t i = 0; i < texts.n; i++)
		buf_put_bytes(row, symbols_text(en->symbols, texts.syms[i]));
	buf_put_bytes(row, buf_str(hist));
	buf_put_bytes(row, buf_str(fired));
	map_finish(&texts.index);
}

bool engine_save(const struct engine *en, struct str ns, struct str ticket, struct buf *row)
{
	uint32_t slot = engine_find(en, ns, ticket);

	if (slot == ENGINE_NO_TICKET)
		return false;
	/* Saving changes nothing but the scratch memory. */
	write_row((struct engine *)(uintptr_t)en, slot, row);
	return true;
}

/* ---- and back ---- */

/* The row's numbers to the engine's, and how often each is used. */
struct number { uint32_t sym, n; };
struct numbers {
	struct number *v;
	uint32_t       n;
	bool           bad;
};

static uint32_t to_symbol(void *ctx, uint32_t local)
{
	struct numbers *nb = ctx;

	if (local == 0)
		return 0;
	if (local > nb->n) {
		nb->bad = true;
		return 0;
	}
	nb->v[local - 1].n++;
	return nb->v[local - 1].sym;
}

/* Each was counted once when it was taken. A row that is bad has used none. */
static void settle_symbols(struct symbols *syms, const struct numbers *nb, bool used)
{
	for (uint32_t i = 0; i < nb->n; i++)
		if (used && nb->v[i].n > 0)
			symbols_keep(syms, nb->v[i].sym, nb->v[i].n - 1);
		else
			symbols_drop(syms, nb->v[i].sym);
}

bool row_read_head(struct reader *r, struct row *row)
{
	if (reader_byte(r) != ROW_VERSION)
		return false;
	row->ns = reader_bytes(r);
	row->id = reader_bytes(r);
	row->serial = reader_varint(r);
	row->seq = reader_varint(r);
	row->flags = reader_byte(r);
	row->n_events = reader_varint(r);
	row->subject = reader_bytes(r);
	row->url = reader_bytes(r);
	row->planned = reader_zigzag(r);
	row->next = reader_zigzag(r);
	row->clocks = reader_varint(r);
	row->contract = reader_varint(r);
	row->n_texts = reader_varint(r);
	return !r->bad && row->ns.len <= EVENT_MAX_ID && row->id.len > 0 && row->id.len <= EVENT_MAX_ID && row->subject.len <= EVENT_MAX_SUBJECT &&
	       row->url.len <= EVENT_MAX_URL && row->n_events <= TICKET_MAX_EVENTS && row->n_texts <= (size_t)(r->end - r->p) && row->contract <= row->n_texts;
}

static void restore(struct engine *en, uint32_t slot, const struct row *row)
{
	struct ticket *t = table_at(en, slot);

	t->serial = (uint32_t)row->serial;
	t->seq = row->seq;
	t->flags |= row->flags & KEPT_FLAGS;
	t->n_events = (uint16_t)row->n_events;
	t->plan = engine_plans_by(en, (struct wall){ row->planned });
	en->replan_at = 0;
	if (t->flags & TICKET_UNMATCHED)
		en->stats.n_unmatched++;
	if (row->next != 0)
		heap_set(&en->timers, slot, row->next, t->serial);
	table_count_clocks(en, t, (uint16_t)(row->clocks & 0x7fff));
}

static enum err bad_row(struct diag *d)
{
	diag_set(d, "the bytes are no ticket that this version can read");
	return ERR_SYNTAX;
}

/* Everything is read and translated into buffers before the ticket exists, so a bad row leaves nothing behind. */
static bool read_row(struct engine *en, struct reader *r, struct row *row, struct numbers *nb)
{
	struct history history;
	struct fired fired;

	buf_reset(&en->history);
	buf_reset(&en->fired);
	for (; nb->n < row->n_texts && !r->bad; nb->n++)
		nb->v[nb->n] = (struct number){ symbols_take(en->symbols, reader_bytes(r)), 0 };
	row->hist = reader_bytes(r);
	row->fired = reader_bytes(r);
	return !r->bad && r->p == r->end && history_translate(row->hist, to_symbol, nb, &en->history) &&
	       fired_translate(row->fired, to_symbol, nb, &en->fired) && !nb->bad &&
	       history_read(buf_str(&en->history), (uint32_t)row->n_events, en->scratch, &history) &&
	       fired_read(buf_str(&en->fired), en->symbols, en->scratch, &fired);
}

enum err engine_load(struct engine *en, struct str bytes, struct diag *d)
{
	struct reader r = reader_of(bytes);
	struct row row = { 0 };
	struct numbers nb = { 0 };
	uint32_t slot, contract;
	uint64_t hash;
	bool good;

	if (!row_read_head(&r, &row))
		return bad_row(d);
	hash = table_hash(en, row.ns, row.id);
	if (table_find(en, hash, row.ns, row.id) != MAP_ABSENT)
		return ERR_CONFLICT;
	arena_reset(en->scratch);
	nb.v = arena_array(en->scratch, row.n_texts + 1, sizeof(*nb.v));
	good = read_row(en, &r, &row, &nb);
	contract = good ? to_symbol(&nb, (uint32_t)row.contract) : 0;
	settle_symbols(en->symbols, &nb, good);
	if (!good)
		return bad_row(d);
	slot = table_add(en, hash, row.ns, row.id);
	ticket_set_block(en, table_at(en, slot), &(struct parts){ .id = row.id, .subject = row.subject, .url = row.url,
								  .hist = buf_str(&en->history), .fired = buf_str(&en->fired) });
	table_at(en, slot)->contract = contract;
	restore(en, slot, &row);
	if (en->forgetting.len != 0)
		(void)engine_forget(en, slot, en->forgetting, (enum forget_round)en->forget_round, &(uint32_t){ 0 });
	return ERR_OK;
}

/* When it was over: by its facts, since this is asked once in its life. */
static struct wall over_at(struct engine *en, uint32_t slot)
{
	struct opened *o = ticket_open(en, slot);

	ticket_decide(en, o, WALL_PAST);
	return wall_min(o->facts.over_at, o->facts.resolved_at);
}

size_t engine_changed(const struct engine *en)
{
	return en->n_changed;
}

struct engine_round engine_round(const struct engine *en)
{
	return (struct engine_round){ 0, en->n_slots };
}

static void take(struct engine *en, uint32_t slot, struct buf *row, engine_row_fn *fn, void *ctx)
{
	const struct ticket *t = table_at(en, slot);
	bool over = t->flags & TICKET_OVER;
	struct ticket_row out = {
		.ns = ticket_ns(en, t), .ticket = ticket_id(t), .contract = symbols_text(en->symbols, t->contract),
		.over = over, .over_at = over ? over_at(en, slot) : WALL_NEVER, .seq = t->seq,
	};

	buf_reset(row);
	write_row(en, slot, row);
	out.row = buf_str(row);
	fn(ctx, &out);
	table_unchanged(en, slot);
	if (over && t->n_holds == 0)
		table_remove(en, slot);
}

size_t engine_take_changed(struct engine *en, struct engine_round *round, size_t n, engine_row_fn *fn, void *ctx)
{
	struct buf row;
	size_t taken = 0;

	buf_init(&row, BUF_NO_MAX);
	while (taken < n && (round->at = table_next_changed(en, round->at, round->end)) < round->end) {
		uint32_t slot = round->at++, next = table_next_changed(en, round->at, round->end);

		if (next < round->end)
			table_expect(en, next);
		take(en, slot, &row, fn, ctx);
		taken++;
	}
	buf_finish(&row);
	return taken;
}
