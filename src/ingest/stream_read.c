/*
 * Reading, handing in, acknowledging. One read is on its way while others are at the sink, and the next is asked for before the last
 * is parsed: server, parser and disk work at the same time. A read blocks only when nothing is out, so that no acknowledgement
 * waits behind it; XACKs go out in one write with the next read.
 *
 * What the sink could not keep is not acknowledged, and is read again from the list of pending entries (or from the last cursor that
 * was kept) once everything has come back: later each time, never lost.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/now.h"
#include "stream_private.h"

enum { TAG_HISTORY, TAG_NEW, TAG_CLAIM };

static void on_read(void *ctx, const redisReply *r, unsigned tag);

/* ---- to the sink ---- */

/* What is not at the sink yet is dropped, wherever it is. */
static void drop_read(struct stream *s)
{
	batch_list_release(&s->held);
	bridge_recall(s);
}

static bool has_content(const struct stream_batch *b)
{
	return b->batch.n > 0 || b->batch.n_refused > 0 || b->batch.n_cursors > 0;
}

static void hand_over(struct stream *s)
{
	/* Behind what was not kept a cursor may not go on. */
	if (s->opt.own && s->is_again)
		drop_read(s);
	while (s->held.first != NULL && s->n_out < STREAM_MAX_OUT) {
		struct stream_batch *b = batch_list_take(&s->held);

		if (!has_content(b)) {
			settle_batch(s, b);
			continue;
		}
		s->n_out++;
		bridge_put(s, b);
	}
}

void read_on_back(struct stream *s, struct stream_batch *b)
{
	s->n_out--;
	if (!b->is_bounced) {
		settle_batch(s, b);
		return;
	}
	/* Recalled, or it was the loop that would not have it: then it comes again. */
	if (b->round == s->round)
		settle_again_later(s);
	batch_release(b);
}

/* One that may not read has another state, whose reason matters more. */
static void tell_room(struct stream *s)
{
	if (s->is_full && s->phase != PHASE_APART)
		stream_set_state(s, STREAM_FULL, "the journal has no room for further events now: reading waits");
	else if (!s->is_full && s->stats.state == STREAM_FULL)
		stream_set_state(s, STREAM_READING, "%s", "");
}

void read_on_room(struct stream *s)
{
	if (s->is_over)
		return;
	tell_room(s);
	read_pump(s);
}

/* ---- reading ---- */

static size_t per_key(const struct stream *s)
{
	size_t n = s->count / s->opt.n_keys;

	return n > 0 ? n : 1;
}

static void put_count(struct link_args *args, size_t n, char text[24])
{
	snprintf(text, 24, "%zu", n);
	args_puts(args, "COUNT");
	args_puts(args, text);
}

static void send_read(struct stream *s, const struct link_args *args, unsigned tag, int64_t ms)
{
	struct stream_batch *b = batch_get(s);
	struct link_call call = { .fn = on_read, .ctx = s, .tag = tag, .ms = ms };

	b->asked = per_key(s);
	b->early_ms = ms > STREAM_COMMAND_MS ? mono_now().ms + STREAM_BLOCK_MS / 2 : 0;
	batch_list_put(&s->reading, b);
	link_call(s->link, args, &call);
}

static void read_stream(struct stream *s, unsigned tag, bool wait)
{
	struct link_args args = { .n = 0 };
	char count[24], block[24];

	if (s->opt.own) {
		args_puts(&args, "XREAD");
	} else {
		args_puts(&args, "XREADGROUP");
		args_puts(&args, "GROUP");
		args_puts(&args, s->opt.group);
		args_puts(&args, s->opt.consumer);
	}
	put_count(&args, per_key(s), count);
	if (wait) {
		snprintf(block, sizeof block, "%d", STREAM_BLOCK_MS);
		args_puts(&args, "BLOCK");
		args_puts(&args, block);
	}
	args_puts(&args, "STREAMS");
	args_put_all(&args, s->opt.keys, s->opt.n_keys);
	for (size_t i = 0; i < s->opt.n_keys; i++)
		args_puts(&args, s->opt.own ? s->at[i].read : tag == TAG_HISTORY ? "0" : ">");
	send_read(s, &args, tag, STREAM_COMMAND_MS + (wait ? STREAM_BLOCK_MS : 0));
}

static void read_claim(struct stream *s)
{
	struct link_args args = { .n = 0 };
	char count[24], idle[24];

	if (s->claim_from[0] == '\0') {
		s->claim_key = (unsigned)__builtin_ctz(s->claims);
		snprintf(s->claim_from, sizeof s->claim_from, "0-0");
	}
	snprintf(idle, sizeof idle, "%lld", (long long)s->opt.takeover_ms);
	args_puts(&args, "XAUTOCLAIM");
	args_puts(&args, s->opt.keys[s->claim_key]);
	args_puts(&args, s->opt.group);
	args_puts(&args, s->opt.consumer);
	args_puts(&args, idle);
	args_puts(&args, s->claim_from);
	put_count(&args, s->count, count);
	send_read(s, &args, TAG_CLAIM, STREAM_COMMAND_MS);
}

/* All has come back: what was not kept is read again. */
static void begin_again(struct stream *s)
{
	s->is_again = false;
	s->is_dry = false;
	s->round++;
	if (!s->opt.own) {
		s->phase = PHASE_OWN_PENDING;
		return;
	}
	for (size_t i = 0; i < s->opt.n_keys; i++)
		memcpy(s->at[i].read, s->at[i].kept, STREAM_ID_LEN);
}

/* What was left behind comes before what is new, and each of these alone. */
static bool is_straight_on(const struct stream *s)
{
	return s->phase == PHASE_NEW && s->claims == 0 && !s->is_dry && !s->is_again;
}

/* The next id of a cursor is known by the last reply alone; of a group the server keeps it. */
static void read_ahead(struct stream *s)
{
	size_t max = s->opt.own ? 1 : STREAM_MAX_READS;

	while (is_straight_on(s) && s->leaving == LEAVING_NOT && s->stats.state != STREAM_FULL && s->reading.n < max &&
	       s->n_out + s->held.n + s->reading.n < STREAM_MAX_AHEAD && s->n_bytes < STREAM_AHEAD_BYTES)
		read_stream(s, TAG_NEW, false);
}

static void start_read(struct stream *s)
{
	int64_t left = s->again_ms - mono_now().ms;

	if (is_straight_on(s)) {
		read_ahead(s);
		return;
	}
	/* What the loop has of a connection that is gone, too: a server that sends much and hangs up would fill the memory. */
	if (s->n_out + s->held.n + s->reading.n > 0)
		return;
	if (left > 0) {
		stream_after(s, left);
		return;
	}
	if (s->is_again)
		begin_again(s);
	if (s->phase == PHASE_OWN_PENDING)
		read_stream(s, TAG_HISTORY, false);
	else if (s->claims != 0)
		read_claim(s);
	else
		read_stream(s, TAG_NEW, s->is_dry);
}

static void read_fewer(struct stream *s)
{
	if (s->count > STREAM_COUNT_MIN)
		s->count = s->count / 2 > STREAM_COUNT_MIN ? s->count / 2 : STREAM_COUNT_MIN;
}

/* The server's time goes on while this machine sleeps. */
bool read_is_out_of_touch(const struct stream *s)
{
	return !s->opt.own && boot_now().ms - s->touched_ms > s->opt.takeover_ms / 2;
}

/* What came back after another consumer took over: the server must not give it to that one, too. */
static void acknowledge_late(struct stream *s)
{
	settle_acknowledge(s);
	link_flush(s->link);
}

void read_pump(struct stream *s)
{
	bool is_late;

	if (s->link == NULL || s->phase == PHASE_APART) {
		if (s->leaving != LEAVING_NOT && s->n_out == 0)
			stream_depart(s);
		else if (s->stats.state == STREAM_WAITING && s->link != NULL)
			acknowledge_late(s);
		return;
	}
	is_late = s->leaving == LEAVING_NOT && read_is_out_of_touch(s);
	if (is_late)
		drop_read(s);     /* comes again as pending, where it is still ours */
	else if (s->leaving == LEAVING_NOT)
		hand_over(s);
	if (!s->opt.own)
		settle_acknowledge(s);
	if (s->leaving != LEAVING_NOT) {
		if (s->n_out == 0 && s->n_acks == 0 && s->settled.first == NULL)
			stream_depart(s);
		else
			link_flush(s->link);
		return;
	}
	if (is_late)
		handshake_rival(s);
	else
		start_read(s);
	link_flush(s->link);
}

/* ---- what was read ---- */

/* Large entries are asked for in smaller numbers: a reply is whole in memory. */
static void adapt_count(struct stream *s, size_t size)
{
	if (size > STREAM_BATCH_LARGE)
		read_fewer(s);
	else if (size < STREAM_BATCH_LARGE / 4 && s->count < STREAM_COUNT)
		s->count = s->count * 2 < STREAM_COUNT ? s->count * 2 : STREAM_COUNT;
}

/* Where a claim goes on is always behind where it was: else it would never end. */
static bool claim_goes_on(const struct stream *s, const struct entries *found)
{
	return entry_id_cmp(found->next, STR("0-0")) == 0 || entry_id_cmp(found->next, str_of(s->claim_from)) > 0;
}

static void note_claim(struct stream *s, const struct entries *found)
{
	s->stats.n_claimed += found->n;
	snprintf(s->claim_from, sizeof s->claim_from, STR_FMT, STR_ARG(found->next));
	if (entry_id_cmp(found->next, STR("0-0")) != 0)
		return;
	s->claims &= ~(UINT32_C(1) << s->claim_key);
	s->claim_from[0] = '\0';
}

/* What the reply says of the next read. */
static void note_read(struct stream *s, unsigned tag, const struct stream_batch *b)
{
	const struct entries *found = &b->entries;

	switch (tag) {
	case TAG_HISTORY:
		if (found->n == 0)
			s->phase = PHASE_NEW;
		return;
	case TAG_CLAIM:
		note_claim(s, found);
		return;
	default:
		/* Of several streams each has its share: any one may be full. */
		s->is_dry = found->n < b->asked;
		s->is_regrouped = false;
		s->n_attempts = 0;
		if (s->opt.own)
			settle_positions(s, found, POSITION_READ);
	}
}

/* False when the reply was none: the link is given up then. */
static bool take_reply(struct stream *s, struct stream_batch *b, const redisReply *r, unsigned tag)
{
	const struct stream_options *o = &s->opt;
	struct diag d = { 0 };
	enum err e;

	if (reply_is_error(r)) {
		stream_trouble(s, r);
		return false;
	}
	e = tag == TAG_CLAIM ? reply_claimed(r, s->claim_key, STREAM_COUNT, b->arena, &b->entries, &d)
			     : reply_entries(r, o->keys, o->n_keys, STREAM_COUNT, b->arena, &b->entries, &d);
	if (e != ERR_OK) {
		stream_garbled(s, d.msg);
		return false;
	}
	if (tag == TAG_CLAIM && !claim_goes_on(s, &b->entries)) {
		stream_garbled(s, "the server's claim of what a dead consumer had does not go on");
		return false;
	}
	b->size = link_reply_size(s->link);
	s->n_bytes += b->size;
	adapt_count(s, b->size);
	note_read(s, tag, b);
	if (s->stats.state != STREAM_FULL)
		stream_set_state(s, STREAM_READING, "%s", "");
	return true;
}

static void on_read(void *ctx, const redisReply *r, unsigned tag)
{
	struct stream *s = ctx;
	struct stream_batch *b = batch_list_take(&s->reading);

	/* What lay unread for so long may have been claimed by another by now: if it was not, it comes again as pending. */
	if (s->phase != PHASE_APART && read_is_out_of_touch(s)) {
		read_fewer(s);
		batch_release(b);
		read_pump(s);
		return;
	}
	s->touched_ms = boot_now().ms;
	/* While the group is made anew, what was asked for before comes again by other ways. */
	if (s->phase == PHASE_APART || !take_reply(s, b, r, tag)) {
		batch_release(b);
		return;
	}
	if (b->entries.n == 0 && b->entries.n_gone == 0) {
		/* Asked as fast as it answers, one that knows no BLOCK would keep both sides busy. */
		int64_t now = mono_now().ms;

		if (now < b->early_ms)
			s->again_ms = now + STREAM_FULL_MS;
		else if (tag == TAG_CLAIM && s->claims != 0)
			s->again_ms = now + STREAM_CLAIM_MS;
		batch_release(b);
	} else {
		batch_list_put(&s->held, b);
		/* The server works on the next one while this one is parsed. */
		read_ahead(s);
		link_flush(s->link);
		batch_fill(b);
	}
	read_pump(s);
}

/* ---- beginning and end ---- */

void read_begin(struct stream *s)
{
	s->phase = s->opt.own ? PHASE_NEW : PHASE_OWN_PENDING;
	s->is_dry = false;
	s->rival[0] = '\0';
	s->touched_ms = boot_now().ms;
	/* What lay here while another one read is that one's, or comes again as pending. */
	if (s->stats.state == STREAM_WAITING)
		drop_read(s);
	tell_room(s);
	read_pump(s);
	watch_now(s);
	/* Otherwise the first reply tells: a server that lets us in and then answers with nonsense is none that we read from. */
	if (s->phase != PHASE_APART && s->reading.n == 0 && s->stats.state != STREAM_FULL)
		stream_set_state(s, STREAM_READING, "%s", "");
}

void read_abandon(struct stream *s)
{
	s->phase = PHASE_APART;
	s->n_acks = 0;
	/* A line that is too slow for so much within the time of an answer would never get further. */
	if (s->reading.n > 0)
		read_fewer(s);
	drop_read(s);
	batch_list_release(&s->reading);
}

void read_finish(struct stream *s)
{
	read_abandon(s);
	batch_list_release(&s->settled);
}
