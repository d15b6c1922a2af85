/* A request to the daemon: over its unix socket, or over HTTP with a token. */
#ifndef PLAZO_SRC_CTL_CLIENT_H
#define PLAZO_SRC_CTL_CLIENT_H

#include "ctl.h"

/* Called with each piece of the answer as it comes; false ends the request. */
typedef bool client_piece_fn(void *ctx, struct str piece);

struct request {
	const char      *method;         /* "GET" or "POST" */
	const char      *path;           /* with its query */
	struct str       body;           /* of a POST; borrowed */
	const char      *content_type;   /* NULL: application/json */
	client_piece_fn *on_piece;       /* NULL: the answer is gathered in `answer` */
	void            *ctx;
	struct buf      *answer;
	bool             endless;        /* no time limit: reload, tail */
	int              unprocessable;  /* the exit status of a 422; 0: EXIT_NO */
};

/*
 * Sends it. EXIT_FINE for 2xx. Otherwise prints what the daemon said (a problem's detail, errors and choices; with --json as it came, to
 * stdout) or why it was not reached, and gives EXIT_NO or EXIT_NO_DAEMON.
 */
int client_send(const struct ctl *ctl, const struct request *rq);

/* "?a=b&c=d" of those options that were given; a flag is 1. Appends to `path`. */
struct query { enum option option; const char *name; };
void client_query(const struct ctl *ctl, const struct query *q, size_t n, struct buf *path);

#endif
