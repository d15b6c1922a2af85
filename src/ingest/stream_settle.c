/*
 * What came back from the sink: counted, acknowledged, or marked to be read again. Group and cursor alike: nothing counts as kept
 * before its batch is done.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/now.h"
#include "stream_private.h"

/* ---- acknowledging ---- */

static void on_ack(void *ctx, const redisReply *r, unsigned asked)
{
	struct stream *s = ctx;
	int64_t n = reply_int(r, -1);

	s->n_acks--;
	if (reply_is_error(r) && stream_word(reply_text(r)) != WORD_NO_GROUP) {
		stream_trouble(s, r);
		return;
	}
	if (reply_is_error(r))
		n = 0;
	if (n < 0 || n > (int64_t)asked) {
		stream_garbled(s, "the server answered XACK with something else");
		return;
	}
	s->stats.n_acked += (uint64_t)n;
	if (n < (int64_t)asked) {
		s->stats.n_ack_lost += asked - (uint64_t)n;
		log_warn("stream", "ack_lost", "source=" STR_FMT " entries=%llu: acknowledged, and the server knew nothing of them",
			 STR_ARG(s->opt.name), (unsigned long long)(asked - (uint64_t)n));
	}
	read_pump(s);
}

static void ack_key(struct stream *s, const struct stream_batch *b, unsigned key)
{
	struct link_args args = { .n = 0 };
	unsigned n = 0;

	for (size_t i = 0; i <= b->entries.n; i++) {
		if (n > 0 && (i == b->entries.n || n == STREAM_COUNT)) {
			s->n_acks++;
			stream_call(s, &args, on_ack, n);
			n = 0;
		}
		if (i == b->entries.n || b->entries.v[i].key != key || !batch_is_kept(b, &b->entries.v[i]))
			continue;
		if (n++ == 0) {
			args.n = 0;
			args_puts(&args, "XACK");
			args_puts(&args, s->opt.keys[key]);
			args_puts(&args, s->opt.group);
		}
		args_put(&args, b->entries.v[i].id);
	}
}

/* The last id of a stream in a batch; empty when it has none. */
static struct str last_id(const struct entries *in, unsigned key)
{
	for (size_t i = in->n; i-- > 0;)
		if (in->v[i].key == key)
			return in->v[i].id;
	return (struct str){ 0 };
}

void settle_positions(struct stream *s, const struct entries *in, enum position which)
{
	for (unsigned key = 0; key < s->opt.n_keys; key++) {
		struct str id = last_id(in, key);

		if (id.len > 0)
			snprintf(which == POSITION_READ ? s->at[key].read : s->at[key].kept, STREAM_ID_LEN, STR_FMT, STR_ARG(id));
	}
}

void settle_acknowledge(struct stream *s)
{
	struct stream_batch *b;

	while ((b = batch_list_take(&s->settled)) != NULL) {
		for (unsigned key = 0; key < s->opt.n_keys; key++)
			ack_key(s, b, key);
		batch_release(b);
	}
}

/* ---- back from the sink ---- */

static void count_results(struct stream *s, const struct intake_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->results[i] == INTAKE_DONE)
			s->stats.n_events++;
		else if (b->results[i] == INTAKE_DUPLICATE)
			s->stats.n_duplicates++;
		else if (b->results[i] != INTAKE_FAILED)
			s->stats.n_refused++;
	}
	s->stats.n_refused += b->n_refused;
}

void settle_again_later(struct stream *s)
{
	int64_t ms = STREAM_BACKOFF_MS << (s->n_again < 6 ? s->n_again : 6);

	if (!s->is_again)
		s->n_again++;
	s->is_again = true;
	s->again_ms = mono_now().ms + (ms < STREAM_BACKOFF_MAX_MS ? ms : STREAM_BACKOFF_MAX_MS);
}

void settle_batch(struct stream *s, struct stream_batch *b)
{
	bool kept = batch_is_whole(b);

	if (kept)
		s->n_again = 0;
	else
		settle_again_later(s);
	if (!b->batch.failed)
		count_results(s, &b->batch);
	if (s->opt.own) {
		if (kept)
			settle_positions(s, &b->entries, POSITION_KEPT);
		if (kept && b->round == s->round && s->counted >= 0)
			s->counted += (int64_t)b->entries.n;
		batch_release(b);
		return;
	}
	batch_list_put(&s->settled, b);
}
