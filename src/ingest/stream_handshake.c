/*
 * From a connection to the right to read: who we are, is this the master, is there a group, is another consumer of it alive.
 *
 * A group splits tickets between its consumers, and one ticket must stay with one daemon: so one consumer reads, and others wait
 * until it has been idle for takeover_ms. Looking and saying "I am alive" are one transaction: of two that start at the same instant
 * the server puts one first, and the second sees it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "stream_private.h"

#define LOOK_MIN_MS 250
#define LOOK_MAX_MS 2000

enum { TAG_GREETING, TAG_ROLE };
enum { TAG_QUEUED, TAG_EXEC };

/* A handshake that begins anew overtakes what is under way: its number is in the tags. */
static unsigned tag_of(const struct stream *s, unsigned n)
{
	return s->n_handshakes << 8 | n;
}

static bool is_overtaken(const struct stream *s, unsigned tag)
{
	return tag >> 8 != (s->n_handshakes & 0xffffff);
}

/* ---- who we are ---- */

static void on_greeting(void *ctx, const redisReply *r, unsigned tag)
{
	struct stream *s = ctx;

	if (reply_is_error(r))
		stream_trouble(s, r);
	else if (tag == TAG_ROLE && !str_eqz(reply_text(reply_at(r, 0)), "master"))
		stream_retreat(s, STREAM_TROUBLED, "the server that the sentinels named is not the master (yet)");
}

static void ask_position(struct stream *s);

void handshake_begin(struct stream *s)
{
	const struct stream_server *server = &s->opt.server;
	struct link_args args = { .n = 0 };
	char db[16];

	if (server->password.len > 0) {
		args_puts(&args, "AUTH");
		if (server->user.len > 0)
			args_put(&args, server->user);
		args_put(&args, server->password);
		stream_call(s, &args, on_greeting, TAG_GREETING);
	}
	if (server->db != 0) {
		snprintf(db, sizeof db, "%d", server->db);
		args.n = 0;
		args_puts(&args, "SELECT");
		args_puts(&args, db);
		stream_call(s, &args, on_greeting, TAG_GREETING);
	}
	if (server->n_sentinels > 0) {
		args.n = 0;
		args_puts(&args, "ROLE");
		stream_call(s, &args, on_greeting, TAG_ROLE);
	}
	if (s->opt.own)
		ask_position(s);
	else
		handshake_group(s);
}

/* ---- a cursor of our own ---- */

static void begin_at(struct stream *s, unsigned key, struct str id)
{
	struct stream_position *at = &s->at[key];

	snprintf(at->read, sizeof at->read, STR_FMT, STR_ARG(id));
	memcpy(at->kept, at->read, sizeof at->kept);
	s->counted = -1;
}

bool handshake_position(struct stream *s, const redisReply *r, unsigned key)
{
	struct str last = reply_text(reply_field(r, "last-generated-id"));

	if (reply_is_error(r) && stream_word(reply_text(r)) != WORD_NO_KEY) {
		stream_trouble(s, r);
		return false;
	}
	if (reply_is_error(r))
		last = STR("0-0");
	if (entry_id_cmp(last, str_of(s->at[key].read)) >= 0)
		return true;
	log_error("stream", "ids_went_back", "source=" STR_FMT " stream=%s read=%s last=" STR_FMT ": the stream was deleted, or a server "
		  "without its last entries took over; it is read from the beginning, and what is known already is known by its event id",
		  STR_ARG(s->opt.name), s->opt.keys[key], s->at[key].read, STR_ARG(last));
	begin_at(s, key, STR("0-0"));
	s->is_dry = false;
	return true;
}

static void on_position(void *ctx, const redisReply *r, unsigned tag)
{
	struct stream *s = ctx;
	unsigned key = tag & 0xff;

	if (handshake_position(s, r, key) && key + 1 == s->opt.n_keys)
		read_begin(s);
}

static void ask_position(struct stream *s)
{
	struct link_args args;

	for (unsigned key = 0; key < s->opt.n_keys; key++) {
		char kept[STREAM_ID_LEN];
		uint64_t ms, seq;

		memcpy(kept, s->at[key].kept, sizeof kept);
		begin_at(s, key, entry_id_read(str_of(kept), &ms, &seq) ? str_of(kept) : STR("0-0"));
		args.n = 0;
		args_puts(&args, "XINFO");
		args_puts(&args, "STREAM");
		args_puts(&args, s->opt.keys[key]);
		stream_call(s, &args, on_position, key);
	}
	link_flush(s->link);
}

/* ---- the group ---- */

static void on_group(void *ctx, const redisReply *r, unsigned tag)
{
	struct stream *s = ctx;
	unsigned key = tag & 0xff;

	if (is_overtaken(s, tag))
		return;
	if (reply_is_error(r) && stream_word(reply_text(r)) != WORD_GROUP_EXISTS) {
		stream_trouble(s, r);
		return;
	}
	if (!reply_is_error(r)) {
		s->stats.n_groups_made++;
		log_warn("stream", "group_made", "source=" STR_FMT " stream=%s group=%s: it was not there; the stream is read from its "
			 "beginning", STR_ARG(s->opt.name), s->opt.keys[key], s->opt.group);
	}
	if (key + 1 == s->opt.n_keys)
		handshake_rival(s);
}

void handshake_group(struct stream *s)
{
	struct link_args args;

	s->phase = PHASE_APART;
	s->n_handshakes++;
	for (unsigned key = 0; key < s->opt.n_keys; key++) {
		args.n = 0;
		args_puts(&args, "XGROUP");
		args_puts(&args, "CREATE");
		args_puts(&args, s->opt.keys[key]);
		args_puts(&args, s->opt.group);
		/* Not at `$`: what was added while there was no group would never be read. */
		args_puts(&args, "0");
		args_puts(&args, "MKSTREAM");
		stream_call(s, &args, on_group, tag_of(s, key));
	}
	link_flush(s->link);
}

/* ---- alone? ---- */

static void wait_for(struct stream *s, int64_t idle_ms)
{
	int64_t left = s->opt.takeover_ms - idle_ms;

	stream_set_state(s, STREAM_WAITING, "another consumer of the group %s is alive: %s. It reads; plazod takes over once that one has been "
			 "idle for %lld seconds", s->opt.group, s->rival, (long long)(s->opt.takeover_ms / 1000));
	left = left < LOOK_MIN_MS ? LOOK_MIN_MS : left > LOOK_MAX_MS ? LOOK_MAX_MS : left;
	stream_after(s, left + (int64_t)arc4random_uniform(LOOK_MIN_MS));
}

static void put_consumers(struct link_args *args, const struct stream *s, unsigned key)
{
	args->n = 0;
	args_puts(args, "XINFO");
	args_puts(args, "CONSUMERS");
	args_puts(args, s->opt.keys[key]);
	args_puts(args, s->opt.group);
}

void args_put_touch(struct link_args *a, const struct stream *s)
{
	a->n = 0;
	args_puts(a, "XREADGROUP");
	args_puts(a, "GROUP");
	args_puts(a, s->opt.group);
	args_puts(a, s->opt.consumer);
	args_puts(a, "COUNT");
	args_puts(a, "1");
	args_puts(a, "STREAMS");
	args_put_all(a, s->opt.keys, s->opt.n_keys);
	for (size_t i = 0; i < s->opt.n_keys; i++)
		args_puts(a, "0");
}

static void on_transaction(void *ctx, const redisReply *r, unsigned tag)
{
	struct stream *s = ctx;
	const redisReply *error = reply_find_error(r);

	if (is_overtaken(s, tag))
		return;
	if (error != NULL) {
		stream_trouble(s, error);
		return;
	}
	if ((tag & 0xff) == TAG_QUEUED)
		return;
	if (reply_at(r, s->opt.n_keys) == NULL) {
		stream_garbled(s, "the server answered EXEC with something else");
		return;
	}
	s->claims = 0;
	s->claim_from[0] = '\0';
	for (unsigned key = 0; key < s->opt.n_keys; key++) {
		int64_t idle_ms = watch_find_rival(s, reply_at(r, key), key);

		if (idle_ms >= 0) {
			wait_for(s, idle_ms);
			return;
		}
	}
	read_begin(s);
}

static void claim_right(struct stream *s)
{
	struct link_args args = { .n = 0 };

	args_puts(&args, "MULTI");
	stream_call(s, &args, on_transaction, tag_of(s, TAG_QUEUED));
	for (unsigned key = 0; key < s->opt.n_keys; key++) {
		put_consumers(&args, s, key);
		stream_call(s, &args, on_transaction, tag_of(s, TAG_QUEUED));
	}
	args_put_touch(&args, s);
	stream_call(s, &args, on_transaction, tag_of(s, TAG_QUEUED));
	args.n = 0;
	args_puts(&args, "EXEC");
	stream_call(s, &args, on_transaction, tag_of(s, TAG_EXEC));
	link_flush(s->link);
}

static void on_consumers(void *ctx, const redisReply *r, unsigned tag)
{
	struct stream *s = ctx;
	unsigned key = tag & 0xff;
	int64_t idle_ms;

	if (is_overtaken(s, tag))
		return;
	if (reply_is_error(r)) {
		stream_trouble(s, r);
		return;
	}
	idle_ms = s->has_rival ? -1 : watch_find_rival(s, r, key);
	if (idle_ms >= 0) {
		s->has_rival = true;
		wait_for(s, idle_ms);
	}
	if (key + 1 == s->opt.n_keys && !s->has_rival)
		claim_right(s);
}

void handshake_rival(struct stream *s)
{
	struct link_args args;

	s->phase = PHASE_APART;
	s->n_handshakes++;
	s->has_rival = false;
	/* A look first: the transaction makes us look alive, and who only waits must not. */
	for (unsigned key = 0; key < s->opt.n_keys; key++) {
		put_consumers(&args, s, key);
		stream_call(s, &args, on_consumers, tag_of(s, key));
	}
	link_flush(s->link);
}
