/*
 * The state of a stream, shared by its parts: stream.c (life: connecting, states, stopping), _handshake (from a connection to the
 * right to read), _read (reading and handing over), _settle (what came back), _batch (batches), _fill (entries to events), _watch
 * (every few seconds: lag, rivals, the dead), _options (copies of options), _bridge (between the loop and the thread, which has all this).
 */
#ifndef PLAZO_INGEST_STREAM_PRIVATE_H
#define PLAZO_INGEST_STREAM_PRIVATE_H

#include <event2/event.h>

#include "base/json.h"
#include "ingest/stream.h"
#include "stream_batch.h"
#include "stream_bridge.h"
#include "stream_link.h"
#include "stream_sentinel.h"
#include "stream_words.h"

#define STREAM_COUNT       1000       /* entries of one read */
#define STREAM_COUNT_MIN   8          /* ... when they are large */
#define STREAM_BATCH_LARGE (8u << 20) /* a reply above this halves the number, one below a quarter of it doubles it */
#define STREAM_MAX_AHEAD   10         /* batches at the sink, held and being read, together: what a disk does in some 10 ms */
#define STREAM_AHEAD_BYTES (24u << 20) /* nothing more is read while their replies together are larger */
#define STREAM_MAX_READS   2          /* of these being read: the server has the next one before it has answered the last */
#define STREAM_MAX_OUT     8          /* batches at the sink */
#define STREAM_BLOCK_MS    1000       /* of a read that waits; nothing is out meanwhile, so nothing waits behind it */
#define STREAM_CONNECT_MS  5000
#define STREAM_COMMAND_MS  5000       /* for an answer */
#define STREAM_FULL_MS     100        /* until the sink is asked again */
#define STREAM_CLAIM_MS    10         /* until a claim that found nothing so far goes on */
#define STREAM_BACKOFF_MS  100        /* at first; doubled up to */
#define STREAM_BACKOFF_MAX_MS 5000
#define STREAM_ID_LEN      44
#define STREAM_NAME_LEN    128

/* Where it stands in a stream of `own`. */
struct stream_position {
	char read[STREAM_ID_LEN];         /* the last id that was read */
	char kept[STREAM_ID_LEN];         /* the last id whose events are on disk */
};

enum stream_phase {
	PHASE_APART,                      /* no link, or none that may read yet */
	PHASE_OWN_PENDING,                /* what was read before and not acknowledged */
	PHASE_NEW,
};

enum stream_leaving { LEAVING_NOT, LEAVING_FOR_RESET, LEAVING_FOR_GOOD };
struct stream {
	struct bridge         *bridge;    /* to the loop */
	struct event_base     *base;      /* of the thread */
	struct stream_settings *settings, *next;   /* `next`: of a reset that waits for batches */
	struct stream_options  opt;       /* those in `settings` */
	struct stream_stats    stats;
	enum stream_phase      phase;
	enum stream_leaving    leaving;
	bool                   is_over;

	struct link           *link;
	struct sentinels      *sentinels;
	size_t                 n_asked;   /* searches for a master; each begins with another sentinel */
	char                   host[256]; /* that the sentinels named */
	int                    port;
	struct event          *timer;     /* the next attempt to connect; the rival's next look; reading again */
	unsigned               n_attempts;
	unsigned               n_handshakes; /* begun; only the last one counts */
	int64_t                touched_ms;   /* boot: the server last heard of our consumer */

	struct json_doc       *doc;
	struct stream_batch   *spare;
	size_t                 n_spare;
	struct batch_list      reading;   /* reads on their way, into these */
	struct batch_list      held;      /* read, and not handed over yet */
	struct batch_list      settled;   /* back from the sink, to be acknowledged */
	size_t                 n_out;     /* handed over */
	unsigned               round;     /* of what is handed over: grows when what was before must not go in any more */
	bool                   is_full;   /* the sink has no room */
	size_t                 n_acks;    /* XACKs not answered yet */
	size_t                 n_bytes;   /* of the replies of all batches that are not spare */
	size_t                 count;     /* entries asked for */
	bool                   is_regrouped; /* the group was made again, and nothing was read since */
	bool                   is_dry;    /* the last read did not fill: there may be nothing left */
	bool                   is_again;  /* something was not kept: read it again once all is back */
	int64_t                again_ms;  /* mono: nothing is read before */
	unsigned               n_again;   /* times in a row */
	uint32_t               claims;    /* bit of each key where a dead consumer has entries */
	unsigned               claim_key; /* of the claim under way */
	char                   claim_from[STREAM_ID_LEN];   /* "": none is under way */
	struct stream_position at[STREAM_MAX_KEYS];
	struct event          *watch;     /* timer */
	unsigned               n_watches; /* answers of one look that have not come */
	int64_t                lag, pending, added;   /* sums of the look under way; -1: one of them is not known */
	int64_t                counted;   /* of `own`: what the server's counts of entries were where we stand on disk; -1: not known */
	char                   rival[STREAM_NAME_LEN];
	bool                   has_rival; /* in the look or handshake under way */
};

/* ---- stream.c ---- */
void stream_set_state(struct stream *s, enum stream_state state, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Gives the connection up with this reason, and comes again after a while. */
void stream_retreat(struct stream *s, enum stream_state state, const char *why);
/* The same for an error of the server's: by its words. */
void stream_trouble(struct stream *s, const redisReply *error);
void stream_garbled(struct stream *s, const char *why);
void stream_after(struct stream *s, int64_t ms);             /* arms the timer */
void stream_call(struct stream *s, const struct link_args *args, link_reply_fn *fn, unsigned tag);
void stream_depart(struct stream *s);                        /* leaving, and nothing is out any more */
struct stream *stream_make(struct stream_settings *set, struct bridge *br);   /* takes `set`, keeps `br`; on the loop, as stream_free() */
void stream_live(struct stream *s, struct event_base *base); /* connects from now on; keeps the base */
void stream_follow(struct stream *s, struct stream_settings *next);           /* takes them */
void stream_leave(struct stream *s);                         /* for good */
void stream_free(struct stream *s);
void stream_copy_rival(const struct stream *s, char out[STREAM_NAME_LEN]);
/* ---- stream_handshake.c ---- */
void handshake_begin(struct stream *s);                      /* the link is up */
void handshake_group(struct stream *s);                      /* makes the groups, then asks for the right to read */
void handshake_rival(struct stream *s);                      /* asks for that right (again) */
void args_put_touch(struct link_args *a, const struct stream *s);   /* a read that takes nothing and says that we are alive */
/* Where the server is with a stream, by XINFO STREAM; starts again where ids went back. False: an error, told already. */
bool handshake_position(struct stream *s, const redisReply *r, unsigned key);
/* ---- stream_read.c ---- */
void read_begin(struct stream *s);                           /* the right to read is ours */
void read_pump(struct stream *s);                            /* does what can be done now */
void read_abandon(struct stream *s);                         /* the link goes: what was on its way is not coming */
void read_finish(struct stream *s);                          /* nothing will be acknowledged any more */
void read_on_back(struct stream *s, struct stream_batch *b); /* from the bridge */
bool read_is_out_of_touch(const struct stream *s);           /* stopped for long: it may have lost its right to another meanwhile */
void read_on_room(struct stream *s);                         /* s->is_full may have changed */
/* ---- stream_settle.c ---- */
enum position { POSITION_READ, POSITION_KEPT };
void settle_batch(struct stream *s, struct stream_batch *b);        /* takes it: it is back from the sink, or had nothing for it */
void settle_again_later(struct stream *s);                          /* what was not kept is read again once all is back */
void settle_acknowledge(struct stream *s);                          /* puts XACKs of all that is settled */
void settle_positions(struct stream *s, const struct entries *in, enum position which);   /* the last ids of these */

/* ---- stream_watch.c ---- */
void watch_begin(struct stream *s);
void watch_end(struct stream *s);
void watch_now(struct stream *s);                            /* reading begins: what it looks like is wanted at once */
/* Of XINFO CONSUMERS: the idle time of another consumer that is alive, with its name in s->rival; -1 when there is none. Notes the dead for claims. */
int64_t watch_find_rival(struct stream *s, const redisReply *r, unsigned key);
/* ---- stream_options.c ---- */
const char *const *options_copy_list(struct arena *a, const char *const *v, size_t n);
bool options_same_place(const struct stream_options *a, const struct stream_options *b);   /* the same server, streams, and way of reading */
void options_peer(const struct stream *s, char *out, size_t len);

#endif
