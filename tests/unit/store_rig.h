/* A store in a directory of its own, and a list of what it answered. For the tests of the store alone. */
#ifndef PLAZO_TESTS_STORE_RIG_H
#define PLAZO_TESTS_STORE_RIG_H

#include "../cmocka_plazo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/now.h"
#include "core/engine.h"
#include "store/store.h"

struct heard {
	enum store_what what;
	enum err        err;
	uint64_t        cookie, seq;
	bool            fetched, fresh, last;
	char            text[48];      /* the record; of deliveries the id */
	char            row[48];       /* a ticket's row; of deliveries the receiver */
	char            ticket[48];
	int             state;         /* of a delivery */
};

struct rig {
	char                 dir[64], path[96];
	struct store_options opt;
	struct store        *st;
	struct diag          diag;
	struct heard        *heard;
	size_t               n, cap;
};

static inline void copy_text(char out[48], struct str s)
{
	snprintf(out, 48, STR_FMT, STR_ARG(s));
}

/* Of events that were appended together each is heard. */
static inline void hear_one(struct rig *r, const struct store_done *done, uint64_t seq)
{
	if (r->n == r->cap) {
		r->cap = r->cap != 0 ? r->cap * 2 : 64;
		r->heard = realloc(r->heard, r->cap * sizeof *r->heard);
		assert_non_null(r->heard);
	}

	struct heard *h = &r->heard[r->n++];

	*h = (struct heard){ .what = done->what, .err = done->err, .cookie = done->cookie, .seq = seq, .fetched = done->fetched,
		.fresh = done->fresh, .last = done->last };
	copy_text(h->text, done->record);
	if (done->ticket != NULL) {
		copy_text(h->row, done->ticket->row);
		copy_text(h->ticket, done->ticket->ticket);
	}
	if (done->delivery != NULL) {
		copy_text(h->text, done->delivery->id);
		copy_text(h->row, done->delivery->receiver);
		copy_text(h->ticket, done->delivery->ticket);
		h->state = (int)done->delivery->state;
	}
}

static inline void hear(void *ctx, const struct store_done *done)
{
	hear_one(ctx, done, done->seq);
	for (uint32_t i = 1; i < done->n; i++)
		hear_one(ctx, done, done->seq + i);
}

static inline int rig_make(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	/* In memory where that can be: nothing here measures a disk, and a sync of a real one takes its time. */
	const char *tmp = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";

	assert_non_null(r);
	log_set_level(LOG_LEVEL_ERROR - 1);
	snprintf(r->dir, sizeof r->dir, "%.30s/plazo-store-XXXXXX", tmp);
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->path, sizeof r->path, "%s/plazo.db", r->dir);
	r->opt = (struct store_options){ .path = r->path, .retry_ms = 20 };
	*state = r;
	return 0;
}

static inline void rig_remove_files(struct rig *r)
{
	const char *suffixes[] = { "", "-wal", "-shm", "-journal", ".copy" };
	char name[128];

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		snprintf(name, sizeof name, "%s%s", r->path, suffixes[i]);
		unlink(name);
	}
}

static inline int rig_drop(void **state)
{
	struct rig *r = *state;

	store_close(r->st, NULL);
	rig_remove_files(r);
	/* Fails when something was left behind, which is the point. */
	assert_int_equal(rmdir(r->dir), 0);
	free(r->heard);
	free(r);
	return 0;
}

static inline void rig_open(struct rig *r)
{
	enum err e = store_open(&r->opt, &r->st, &r->diag);

	if (e != ERR_OK)
		fail_msg("%s: %s", err_name(e), r->diag.msg);
}

static inline void rig_start(struct rig *r)
{
	if (r->st == NULL)
		rig_open(r);
	assert_int_equal(store_start(r->st, &r->diag), ERR_OK);
}

static inline enum err rig_close(struct rig *r)
{
	enum err e = store_close(r->st, &r->diag);

	r->st = NULL;
	return e;
}

/* Waits until `n` answers are in, all in all; a test that waits in vain fails. */
static inline void rig_wait(struct rig *r, size_t n)
{
	struct mono until = { mono_now().ms + 20000 };

	while (r->n < n && mono_now().ms < until.ms) {
		struct pollfd p = { store_fd(r->st), POLLIN, 0 };

		store_push(r->st);
		poll(&p, 1, 100);
		store_poll(r->st, hear, r);
	}
	if (r->n < n)
		fail_msg("%zu answers of %zu", r->n, n);
}

static inline void rig_wait_state(struct rig *r, enum store_state want)
{
	struct mono until = { mono_now().ms + 20000 };
	struct store_health h;

	do {
		struct pollfd p = { store_fd(r->st), POLLIN, 0 };

		store_push(r->st);
		poll(&p, 1, 5);
		store_poll(r->st, hear, r);
		store_health(r->st, &h);
	} while (h.state != want && mono_now().ms < until.ms);
	assert_int_equal(h.state, want);
}

static inline enum err rig_append(struct rig *r, const char *record, const char *fetch, uint64_t cookie)
{
	struct store_append a = { .record = str_of(record), .fetch = fetch != NULL, .echo = true, .ns = STR("desk"), .ticket = str_of(fetch), .cookie = cookie };

	return store_append(r->st, &a);
}

static inline enum err rig_save(struct rig *r, const char *ticket, const char *row, int64_t over_ms, uint64_t cookie)
{
	struct ticket_row t = { .ns = STR("desk"), .ticket = str_of(ticket), .contract = STR("acme"), .row = str_of(row), .over = over_ms != 0,
		.over_at = { over_ms }, .seq = 7 };

	return store_save(r->st, &t, cookie);
}

static inline struct delivery rig_delivery(const char *id, const char *receiver, const char *ticket)
{
	return (struct delivery){ .id = str_of(id), .receiver = str_of(receiver), .type = STR("sla.breach"), .ns = STR("desk"),
		.ticket = str_of(ticket), .body = STR("{\"type\":\"sla.breach\"}"), .created = { 1000 }, .at = { 900 }, .due = { 800 },
		.state = DELIVERY_PENDING, .next = { 1000 }, .settled = WALL_NEVER };
}

static inline enum err rig_put(struct rig *r, const char *id, const char *receiver, const char *ticket, uint64_t cookie)
{
	struct delivery v = rig_delivery(id, receiver, ticket);

	return store_put_delivery(r->st, &v, cookie);
}

/* Everything the store loads, as one text: "r:from:digest:text t:ticket=row e:seq=record d:id/receiver:state:attempts ". */
static inline enum err load_revision(void *ctx, const struct store_revision *v, struct diag *d)
{
	(void)d;
	buf_printf(ctx, "r:%" PRIi64 ":%" PRIu64 ":" STR_FMT ":%" PRIu64 " ", v->from.ms, v->digest, STR_ARG(v->text), v->seq);
	return ERR_OK;
}

static inline enum err load_ticket(void *ctx, const struct ticket_row *v, struct diag *d)
{
	(void)d;
	buf_printf(ctx, "t:" STR_FMT "/" STR_FMT "/" STR_FMT "=" STR_FMT ":%" PRIu64 " ", STR_ARG(v->ns), STR_ARG(v->ticket), STR_ARG(v->contract),
		STR_ARG(v->row), v->seq);
	return ERR_OK;
}

static inline enum err load_event(void *ctx, uint64_t seq, struct str record, struct diag *d)
{
	(void)d;
	buf_printf(ctx, "e:%" PRIu64 "=" STR_FMT " ", seq, STR_ARG(record));
	return ERR_OK;
}

static inline enum err load_delivery(void *ctx, const struct delivery *v, struct diag *d)
{
	(void)d;
	buf_printf(ctx, "d:" STR_FMT "/" STR_FMT ":%d:%u:%" PRIi64 " ", STR_ARG(v->id), STR_ARG(v->receiver), (int)v->state, v->attempts, v->next.ms);
	return ERR_OK;
}

static inline enum err rig_load(struct rig *r, struct buf *out)
{
	const struct store_loader l = { out, load_revision, load_ticket, load_event, load_delivery };

	return store_load(r->st, &l, &r->diag);
}

/* Runs SQL on the closed database, as somebody might who should not. */
static inline void rig_sql(struct rig *r, const char *sql)
{
	sqlite3 *h;
	char *why = NULL;

	assert_int_equal(sqlite3_open(r->path, &h), SQLITE_OK);
	sqlite3_exec(h, sql, NULL, NULL, &why);
	if (why != NULL)
		fail_msg("%s", why);
	sqlite3_close(h);
}

#endif
