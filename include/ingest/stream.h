/*
 * Ticket events from Redis streams, one `struct stream` a source: connects (directly or by asking sentinels), reads as the one
 * consumer of its group or with a cursor of its own, hands batches to the sink, and acknowledges what is on disk. Never blocks and
 * never gives up: everything that can be wrong with a server is a state with a sentence, and a way back.
 *
 * Nothing is acknowledged before the batch is done(). Entries that are no events are kept with it as refused, then acknowledged.
 *
 * A stream works on a thread of its own. These functions are the loop's, and so are the calls of sink, now and cursor.
 */
#ifndef PLAZO_INGEST_STREAM_H
#define PLAZO_INGEST_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/siphash.h"
#include "base/str.h"
#include "ingest/batch.h"

struct event_base;
struct stream;

#define STREAM_MAX_KEYS      16            /* streams of one source */
#define STREAM_MAX_SENTINELS 8
#define STREAM_FIELD         "event"       /* of an entry: the event as JSON; other fields are ignored */

/* Where it is. Texts are copied by stream_create() and stream_reset(). */
struct stream_server {
	const char *host;                  /* NULL: path, or sentinels */
	int         port;
	const char *path;                  /* of a unix socket */
	const char *const *sentinels;      /* "host:port"; then `master` names the server */
	size_t      n_sentinels;
	const char *master;
	int         db;
	struct str  user, password;        /* empty: none; of the server */
	struct str  sentinel_user, sentinel_password;
	bool        tls;                   /* rediss:// */
	const char *ca_file;               /* PEM; NULL: the system's */
};

/* The last id of `key` that is on disk, "" when there is none; for `own`. Asked by stream_create() and stream_reset(), who copy the answer. */
typedef struct str stream_cursor_fn(void *ctx, struct str source, struct str key);

struct stream_options {
	struct event_base  *base;
	struct str          name, ns;      /* of the source */
	struct stream_server server;
	const char *const  *keys;  size_t n_keys;
	const char         *group;         /* made at 0 where it is missing */
	const char         *consumer;      /* ours: the same after a restart, never another daemon's */
	bool                own;           /* XREAD with a cursor in our journal, no group */
	int64_t             takeover_ms;   /* entries of consumers idle for longer are claimed; a consumer idle for less is alive */
	size_t              event_len;     /* one event: limits.body */
	struct sipkey       key;           /* of the database that the events are for */
	intake_sink_fn     *sink;
	intake_now_fn      *now;
	stream_cursor_fn   *cursor;        /* of `own` alone */
	void               *ctx;           /* of these three */
};

/* Built with this library? ERR_OK, or ERR_RANGE with the sentence why these options cannot be had (TLS without hiredis_ssl). */
MUST_CHECK enum err stream_check(const struct stream_options *opt, struct diag *d);

struct stream *stream_create(const struct stream_options *opt);    /* borrows opt, keeps the base and ctx */

/* Other options at a reload; a connection that still fits them is kept. Batches that are out come back as before. */
void stream_reset(struct stream *s, const struct stream_options *opt);

/* No further reading; what is out comes back, is acknowledged, and the connection closed: then stream_is_over(). */
void stream_stop(struct stream *s);
bool stream_is_over(const struct stream *s);
void stream_halt(struct stream *s);        /* ends its thread, for a process that ends while batches are out: no further call may follow */
void stream_destroy(struct stream *s);     /* NULL is fine; no batch may be out */

enum stream_state {
	STREAM_CONNECTING,     /* has not been there since the last loss */
	STREAM_READING,
	STREAM_FULL,           /* the sink has no room: reading waits */
	STREAM_WAITING,        /* another consumer of the group is alive */
	STREAM_REFUSED,        /* the server says no: password, type, rights; somebody must look */
	STREAM_TROUBLED,       /* the server cannot now: loading, read-only, out of memory, busy, silent */
	STREAM_STOPPED,
	STREAM_N_STATES
};
extern const char *const stream_state_names[STREAM_N_STATES];      /* "connecting", … */

struct stream_stats {
	enum stream_state state;
	char     why[DIAG_LEN];        /* a sentence, the server's words in it; "" while reading */
	char     peer[256];            /* where it is connected or tries to: no password in it */
	int64_t  since_ms;             /* mono: of the state */
	uint64_t n_entries;            /* read, the same entry again included */
	uint64_t n_events;             /* journaled anew */
	uint64_t n_duplicates, n_refused, n_trimmed, n_claimed, n_acked;
	uint64_t n_ack_lost;           /* acknowledged, and the server knew nothing of it */
	uint64_t n_connects, n_failures, n_groups_made;
	int64_t  lag;                  /* entries behind, by what XINFO says: not read, of `own` not on disk; -1: not known */
	int64_t  pending;              /* read and not acknowledged, all consumers; -1: not known */
	char     rival[128];           /* the other consumer that is alive; "" */
};
void stream_stats(const struct stream *s, struct stream_stats *out);

#endif
