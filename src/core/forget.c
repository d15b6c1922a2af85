#include "core/forget.h"

#include <stdlib.h>
#include <string.h>

#include "engine_private.h"
#include "engine_row.h"
#include "base/reader.h"

static const struct str nothing = { "", 0 };

static enum forgot what(const struct erased *e)
{
	return e->n_requester != 0 ? FORGOT_REQUESTER : e->n_actor != 0 ? FORGOT_ACTOR : FORGOT_NOTHING;
}

/* ---- in memory ---- */

void engine_forget_on_load(struct engine *en, struct str requester, enum forget_round round)
{
	en->forgetting = requester;
	en->forget_round = (int)round;
}

enum forgot engine_forget(struct engine *en, uint32_t number, struct str requester, enum forget_round round, uint32_t *n_events)
{
	struct ticket *t = table_at(en, number);
	uint32_t sym = symbols_take(en->symbols, requester);
	struct erased found;
	struct buf hist;
	enum forgot f;

	buf_init(&hist, BUF_NO_MAX);
	if (!history_erase(ticket_history(t), sym, &hist, &found))
		abort();
	f = what(&found);
	*n_events = found.n_events;
	if (f != FORGOT_NOTHING) {
		struct parts parts = ticket_parts(t);

		if (f == FORGOT_REQUESTER)
			parts.subject = parts.url = nothing;
		if (round == FORGET_NAMES)
			parts.hist = buf_str(&hist);
		ticket_set_block(en, t, &parts);
		table_changed(en, number);
	}
	for (uint32_t i = 0; i < found.n_requester + found.n_actor && round == FORGET_NAMES; i++)
		symbols_drop(en->symbols, sym);
	symbols_drop(en->symbols, sym);
	buf_finish(&hist);
	return f;
}

/* ---- rows ---- */

struct use { uint32_t sym; bool used; };

static uint32_t note_use(void *ctx, uint32_t sym)
{
	struct use *u = ctx;

	u->used = u->used || sym == u->sym;
	return sym;
}

/* The text itself goes from the row's table unless something else in the row has the same. */
static bool still_used(uint32_t sym, const struct row *row, struct str hist)
{
	struct use u = { sym, row->contract == sym };
	struct buf none;

	buf_init(&none, BUF_NO_MAX);
	if (!history_translate(hist, note_use, &u, &none) || !fired_translate(row->fired, note_use, &u, &none))
		u.used = true;
	buf_finish(&none);
	return u.used;
}

static void write(struct row *row, struct reader texts, uint32_t sym, struct str hist, enum forgot f, struct buf *out)
{
	bool keep = still_used(sym, row, hist);

	if (f == FORGOT_REQUESTER)
		row->subject = row->url = nothing;
	row_write_head(row, out);
	for (uint32_t i = 1; i <= row->n_texts; i++) {
		struct str text = reader_bytes(&texts);

		buf_put_bytes(out, i == sym && !keep ? nothing : text);
	}
	buf_put_bytes(out, hist);
	buf_put_bytes(out, row->fired);
}

enum forgot row_forget(struct str bytes, struct str requester, enum forget_round round, struct buf *out, uint32_t *n_events)
{
	struct reader r = reader_of(bytes), texts;
	struct row row = { 0 };
	struct erased found = { 0 };
	uint32_t sym = 0;
	struct buf hist;
	enum forgot f = FORGOT_NOTHING;

	if (!row_read_head(&r, &row))
		return FORGOT_NOTHING;
	texts = r;
	for (uint32_t i = 1; i <= row.n_texts && !r.bad; i++)
		if (str_eq(reader_bytes(&r), requester))
			sym = i;
	row.hist = reader_bytes(&r);
	row.fired = reader_bytes(&r);
	buf_init(&hist, BUF_NO_MAX);
	if (sym != 0 && !r.bad && history_erase(row.hist, sym, &hist, &found))
		f = what(&found);
	*n_events = f != FORGOT_NOTHING ? found.n_events : 0;
	if (f != FORGOT_NOTHING)
		write(&row, texts, sym, round == FORGET_NAMES ? buf_str(&hist) : row.hist, f, out);
	buf_finish(&hist);
	return f;
}

/* ---- events and alerts ---- */

enum forgot event_forget(struct event *e, struct str requester, bool theirs)
{
	bool names = (e->set >> ATTR_REQUESTER & 1) && str_eq(e->attr[ATTR_REQUESTER], requester);
	bool actor = e->actor.len != 0 && (str_eq(e->actor, requester) || ((theirs || names) && e->role == ROLE_CUSTOMER));
	bool texts = (theirs || names) && (e->attr[ATTR_SUBJECT].len != 0 || e->attr[ATTR_URL].len != 0);

	if (names)
		e->attr[ATTR_REQUESTER] = nothing;
	if (actor)
		e->actor = nothing;
	/* Of those that are not set, these are empty anyway. */
	if (texts)
		e->attr[ATTR_SUBJECT] = e->attr[ATTR_URL] = nothing;
	/* What was made ahead says it still. */
	if (names || actor || texts)
		e->sealed = nothing;
	return names ? FORGOT_REQUESTER : actor || texts ? FORGOT_ACTOR : FORGOT_NOTHING;
}

bool alert_forget(struct alert *a, struct str requester)
{
	bool named = a->reason.len >= requester.len && memmem(a->reason.p, a->reason.len, requester.p, requester.len) != NULL;
	bool any = a->subject.len != 0 || a->url.len != 0 || named;

	a->subject = a->url = nothing;
	if (named)
		a->reason = nothing;
	return any;
}
