/*
 * A handle of libcurl's that is set up for one endpoint and carries one webhook after the other: the request with its Standard Webhooks
 * headers, and what the answer says. Belongs to one thread at a time; knows nothing of when and why.
 */
#ifndef PLAZO_NOTIFY_LINE_H
#define PLAZO_NOTIFY_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/str.h"
#include "base/wall.h"
#include "core/alert.h"
#include "notify/endpoint.h"

#define LINE_MAX_ANSWER (64u << 10)      /* bytes of headers, and of the body, that are read */

struct line_request {
	char        id[ALERT_ID_LEN + 1];    /* webhook-id */
	struct wall now;                     /* webhook-timestamp */
	struct str  body;                    /* JSON; kept until the next request */
};

struct answer {
	int     status;                      /* 0: none */
	bool    untrusted;                   /* easy_untrusted(): nothing was sent */
	int64_t retry_after_ms;              /* -1: not said */
	char    detail[200];
};

struct line;

/* Borrows the endpoint. NULL, with *code_out, when libcurl refuses it. */
struct line *line_create(const struct endpoint *e, CURLcode *code_out);
void line_destroy(struct line *l);

/* The `serial` of its endpoint. */
uint64_t line_serial(const struct line *l);

/* Makes the request the next one, signed by the keys of its endpoint, and gives the handle; it is kept until line_read(). NULL as above. */
CURL *line_write(struct line *l, struct endpoint *e, const struct line_request *rq, CURLcode *code_out);

/* What became of it. */
void line_read(const struct line *l, CURLcode code, struct answer *out);

#endif
