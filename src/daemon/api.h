/* The operators' HTTP API: from a request to the handler of its route, if the one who asks may. Shapes: web/route.h. */
#ifndef PLAZO_SRC_DAEMON_API_H
#define PLAZO_SRC_DAEMON_API_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "ingest/http.h"
#include "web/route.h"

struct daemon;
struct json_out;

/* The two callbacks of the http_handler; ctx is the daemon. */
void api_head(void *ctx, struct http_request *r, struct http_admission *adm);
void api_request(void *ctx, struct http_request *r);

/* What a handler is given: the names decoded. */
struct api_call {
	struct http_request *r;
	enum route           route;
	struct str           ns, name;       /* of the ticket or the receiver; ns empty: not given */
};
typedef void api_handler_fn(struct daemon *d, const struct api_call *c);

api_handler_fn api_healthz, api_readyz, api_metrics, api_status;                  /* api_status.c, api_metrics.c */
api_handler_fn api_tickets, api_next;                                             /* api_scan.c */
api_handler_fn api_ticket, api_explain, api_deliveries;                           /* api_ticket.c */
api_handler_fn api_waive, api_extend, api_import, api_receiver_test, api_reload;  /* api_acts.c */
api_handler_fn api_resend, api_drop;                                              /* api_dead.c */
api_handler_fn api_backup;                                                        /* backup.c */
api_handler_fn api_forget;                                                        /* forget.c */

api_handler_fn api_refused, api_refusal;                                          /* api_refused.c */
api_handler_fn api_tail;                                                          /* tail.c */

/* ---- for handlers ---- */

#define API_BODY_MAX (64u << 20)

void api_reply_json(struct http_request *r, int status, const struct buf *body);     /* 500 when the body did not fit */
void api_refuse(struct http_request *r, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Parses the body into d->doc: an object with no other members than these. False, and the request is answered, when it is not. */
bool api_body(struct daemon *d, struct http_request *r, const char *const *keys, size_t n_keys);

/* Are the parameters such as the route takes, each once and readable? Then those below find what is there. (api_query.c) */
bool api_query_check(const struct http_request *r, enum route route, struct problem *p);

bool api_flag(const struct http_request *r, const char *name);                       /* "1", "true" or "yes" */
uint32_t api_limit(const struct http_request *r, uint32_t usual, uint32_t max);
bool api_param(const struct http_request *r, const char *name, struct buf *out);     /* false when it is not there */

/* Who acts, for the journal: the operator's or the user's name. */
void api_actor(const struct daemon *d, const struct http_request *r, struct buf *out);

bool api_is_namespace(const struct daemon *d, struct str ns);

/* Is one of the checks of /readyz failing? Told one by one; `why` is NULL when it is well, `note` what else there is to say, or NULL. */
typedef void api_check_fn(void *ctx, const char *name, const char *why, const char *note);
bool api_checks(struct daemon *d, api_check_fn *fn, void *ctx);

/* The parts of the above, of /v1/status and of /metrics that are about streams. */
bool api_stream_checks(struct daemon *d, api_check_fn *fn, void *ctx);
void api_put_streams(struct daemon *d, struct json_out *o);
void api_put_stream_metrics(struct daemon *d, struct buf *b);

#endif
