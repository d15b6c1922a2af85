/* What http_server.c (listeners, turns), http_conn.c (reading), http_reply.c (writing) and http_sweep.c (time) know of each other. */
#ifndef PLAZO_INGEST_HTTP_PRIVATE_H
#define PLAZO_INGEST_HTTP_PRIVATE_H

#include <stdbool.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "base/buf.h"
#include "base/wall.h"
#include "http_chunk.h"
#include "http_head.h"
#include "http_socket.h"
#include "ingest/http.h"

enum conn_state {
	CONN_HEAD,       /* waits for a head, or reads one */
	CONN_BODY,
	CONN_BUSY,       /* the request is with the handler */
	CONN_WRITE,      /* the client has not taken the whole answer yet */
	CONN_LINGER,     /* refused and half closed: what still comes is thrown away */
	CONN_OVER,       /* to be freed at the end of the turn */
};

struct http_listener {
	struct http_server    *server;
	struct http_listener  *next;
	struct event          *ev;
	int                    fd;
	enum http_listener_tag tag;
	bool                   is_unix;
	bool                   is_on;            /* the event is added */
	bool                   is_crowded;       /* at its cap, and somebody waits: as of the last sweep */
	size_t                 n, cap;           /* connections of this listener, now and at most */
};

struct http_conn {
	struct http_request   req;               /* first: http_reply() finds the connection by it */
	struct http_server   *server;            /* NULL once the server is destroyed */
	struct http_listener *listener;          /* NULL likewise, and when it was closed */
	struct http_conn     *prev, *next;       /* of the server's list */
	TAILQ_ENTRY(http_conn) ready;            /* likewise, of those that wait for a turn */
	bool                  is_ready;          /* is in that list */
	struct http_socket    socket;            /* closed: nothing can be sent any more; http_reply() frees */
	enum conn_state       state;
	bool                  has_begun;         /* CONN_HEAD: a byte of the head has come */
	bool                  has_skipped;       /* the one empty line that may stand before it */
	bool                  eof;               /* the client will send no more */
	bool                  has_answered;      /* a first request: from now on the time between requests holds */
	bool                  in_turn;           /* conn_turn() is on the stack: it frees */
	bool                  must_close;        /* after this answer */
	bool                  must_linger;       /* and the client may still be sending */
	struct mono           accepted;
	struct mono           since;             /* when this state, or the wait for a first byte, began */
	size_t                unsent;            /* CONN_WRITE: bytes left when last looked at */
	size_t                scanned;           /* of a head: see http_head_end() */
	struct http_head      head;
	struct buf            head_text;         /* the slices of `head` point here */
	struct buf            body;
	struct http_chunk     chunk;
	size_t                body_len;          /* the limit for this body */
	size_t                charged;           /* bytes of server->bodies_len that are ours */
};

struct http_server {
	struct event_base   *base;
	struct http_limits   limits;
	struct http_handler  handler;
	struct http_listener *listeners;
	struct http_conn    *conns;
	struct event        *sweep;              /* looks for slow connections while there are any */
	TAILQ_HEAD(http_ready, http_conn) ready;          /* have more to do than one turn allows */
	size_t               n_ready;
	struct event        *again;              /* gives them their next turn */
	struct event        *retry;              /* accepts again after running out of descriptors */
	struct event        *drained;            /* tells the end of a drain from the loop */
	bool                 is_starved;         /* told once, until an accept succeeds */
	bool                 is_stopping;        /* no further connections, no keep-alive */
	http_drained_fn     *drain_fn;           /* NULL when there is no drain, or it was told */
	void                *drain_ctx;
	char                 date[40];           /* "Date: …\r\n" of date_s */
	int64_t              date_s;
	struct buf           out;                /* the answer being composed */
	struct http_stats    stats;
};

/* ---- http_conn.c ---- */
void conn_create(struct http_listener *l, int fd, const struct http_peer *peer);
void conn_turn(struct http_conn *c);         /* goes on with whatever can go on; may free c */
void conn_close(struct http_conn *c);        /* at once, or when its request is replied to, or at the end of its turn */
void conn_free(struct http_conn *c);

/* ---- http_sweep.c ---- */
void conn_sweep(struct http_conn *c, struct mono now);   /* cuts it when it is late; may free c */

/* ---- http_reply.c ---- */

/* The server's own answer to a malformed or unacceptable request; the connection ends unless keep. */
enum conn_after { CONN_ENDS, CONN_STAYS };
void conn_refuse(struct http_conn *c, const struct problem *p, const char *headers, enum conn_after after);
void conn_send_continue(struct http_conn *c);
void conn_written(struct http_conn *c);      /* the client has taken all */

/* http_socket_send(), counted. */
bool conn_send(struct http_conn *c, struct str head, struct str body);
void server_put_date(struct http_server *s); /* appends the header to s->out */

/* ---- http_server.c ---- */
void server_forget(struct http_conn *c);     /* takes it off the lists and wakes what waited for room */

/*
 * Gives it another turn, in the order of asking and after everybody else's. Not by a deferred callback of libevent: while there is
 * one, event_base_loop() does not return, and the owner of the loop would never do its part.
 */
void server_ready(struct http_conn *c);

#endif
