/*
 * A small, strict HTTP/1.0 and 1.1 server on libevent. It decides what a well-formed request is, how long and how large it may
 * be, and answers every refusal by application/problem+json; it knows no path. llhttp reads the head of a request, checks of our
 * own refuse what it tolerates, bodies are framed here.
 *
 * A connection does one request at a time: what a client pipelines waits, bounded by high-water marks. A request lives until it
 * is replied to, also when its client has gone, and is replied to once, from the loop thread. All of this is the loop thread's.
 */
#ifndef PLAZO_INGEST_HTTP_H
#define PLAZO_INGEST_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "ingest/problem.h"

struct event_base;

enum http_method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_OPTIONS, METHOD_PATCH, METHOD_N };
extern const char *const http_method_names[METHOD_N + 1];

/* Zero means the default given here. */
struct http_limits {
	size_t  head_len;        /* request line and headers: 16 KiB */
	size_t  target_len;      /* of the request line: 4 KiB */
	size_t  n_headers;       /* 100 */
	size_t  body_len;        /* unless the head callback says otherwise: 1 MiB */
	size_t  bodies_len;      /* all bodies being read and worked on, together: 256 MiB */
	int64_t head_ms;         /* from the first byte (of a new connection: from accept) to the end of the head: 10 s */
	int64_t idle_ms;         /* between requests: 60 s */
	int64_t body_ms;         /* for a whole body: 120 s */
	int64_t body_grace_ms;   /* after so long, a body must have come at body_rate on average: 5 s */
	int64_t body_rate;       /* bytes a second: 4096 */
	int64_t write_ms;        /* for the client to take an answer: 30 s */
	int64_t linger_ms;       /* reading on after a refusal, so that its answer is not lost to a reset: 1 s */
	int64_t life_ms;         /* of a connection; then Connection: close: 1 h */
	int64_t crowded_ms;      /* in place of head_ms, idle_ms and body_grace_ms while the cap keeps others waiting: 1 s */
};

enum http_listener_tag { LISTEN_PUBLIC, LISTEN_METRICS, LISTEN_CONTROL, LISTEN_N };

struct http_peer {
	bool  is_unix;
	uid_t uid;               /* of a unix socket: SO_PEERCRED */
	gid_t gid;
	pid_t pid;
	char  addr[64];          /* "127.0.0.1:4711", "[::1]:4711", "unix" */
};

struct http_header { struct str name, value; };    /* as sent; the value without blanks around it */
struct http_headers {
	const struct http_header *v;
	size_t                    n;
};

enum http_count { HTTP_ABSENT, HTTP_ONE, HTTP_MANY };
/* Looks a header up, whatever the case of its name. *value is that of the first. */
enum http_count http_headers_find(const struct http_headers *h, struct str name, struct str *value);

/* All of it is valid until http_reply(). */
struct http_request {
	enum http_method       method;
	struct str             path;       /* percent-decoded, UTF-8, no control characters, no "." or ".." segments */
	struct str             raw_path;   /* as sent: where "%2F" matters */
	struct str             query;      /* behind '?', as sent; see http_query_get() */
	struct http_headers    headers;
	struct str             body;       /* empty in the head callback */
	struct http_peer       peer;
	enum http_listener_tag tag;
	void                  *user;       /* the handler's own; NULL at first */
};

/* The head callback's decision; filled with "go on" before. */
struct http_admission {
	size_t         body_len;           /* the limit for this body */
	struct problem refusal;            /* status other than 0: answered at once, the body is not read */
	const char    *allow;              /* with status 405: the methods for the header Allow, a literal */
};

struct http_handler {
	/* The head has come, the body has not. May be NULL. Must not reply. */
	void (*head)(void *ctx, struct http_request *r, struct http_admission *adm);
	/* The request is whole: reply now or later. */
	void (*request)(void *ctx, struct http_request *r);
	void  *ctx;                        /* kept */
};

struct http_server;
/* Keeps `base`. `limits` and `handler` are copied; limits may be NULL. */
struct http_server *http_server_create(struct event_base *base, const struct http_limits *limits, const struct http_handler *handler);

/* Closes all; not from a handler. Requests not replied to yet stay valid: a later http_reply() only frees them. */
void http_server_destroy(struct http_server *s);

/*
 * Accepts on `fd`, which is bound and listening or will be made listen; it is made non-blocking and close-on-exec. Takes it. At
 * most `connections` at a time come from it: above, the kernel's queue holds the others. ERR_IO with errno in the diag.
 */
MUST_CHECK enum err http_server_listen(struct http_server *s, int fd, enum http_listener_tag tag, size_t connections, struct diag *d);

/* Changes the cap on the connections of all listeners of this tag; those above it stay until they end. */
void http_server_set_connections(struct http_server *s, enum http_listener_tag tag, size_t connections);

struct http_reply {
	int         status;                /* 200 to 599 */
	const char *content_type;          /* NULL: no body and no such header */
	const char *headers;               /* further ones, each "Name: value\r\n"; NULL: none. Of our own making, never from input */
	struct str  body;                  /* borrowed, copied where it must wait */
	bool        close;                 /* ends the connection */
};

/* Answers and gives the request back: it must not be touched afterwards. To HEAD the body is not sent. */
void http_reply(struct http_request *r, const struct http_reply *reply);

/* The same for a problem; `headers` as above. The connection stays. */
void http_reply_problem(struct http_request *r, const struct problem *p, const char *headers);

/*
 * Closes the listeners and idle connections; requests under way are answered with Connection: close. `done` is called from the
 * loop, once, when the last connection has gone or `deadline_ms` have passed; the others are then cut.
 */
typedef void http_drained_fn(void *ctx);
void http_stop_accepting(struct http_server *s);
void http_drain(struct http_server *s, int64_t deadline_ms, http_drained_fn *done, void *ctx);

struct http_stats {
	size_t   n_connections;            /* now */
	size_t   n_busy;                   /* requests handed out and not replied to */
	size_t   bodies_len;               /* bytes that count against limits.bodies_len */
	uint64_t n_accepted;               /* connections ever */
	uint64_t n_accept_errors;          /* out of descriptors or memory */
	uint64_t n_at_cap;                 /* times that accepting was stopped by the cap */
	uint64_t n_requests;               /* handed to the handler */
	uint64_t n_refused;                /* answered by the server itself */
	uint64_t n_timeouts;               /* connections cut for being slow */
	uint64_t n_replies[6];             /* by the first digit of the status; [0] unused */
	uint64_t bytes_in, bytes_out;
};
void http_server_stats(const struct http_server *s, struct http_stats *out);

/* The value of a query's parameter, decoded ('+' is a blank) and appended to `out`. False when absent, given twice, or badly encoded. */
MUST_CHECK bool http_query_get(struct str query, const char *name, struct buf *out);
/* Appends the percent-decoded bytes. False for bad escapes and %00. */
MUST_CHECK bool http_decode(struct str raw, struct buf *out);
#endif
