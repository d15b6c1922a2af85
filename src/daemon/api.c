#include "daemon/api.h"

#include <stdarg.h>
#include <stdio.h>

#include "daemon/daemon.h"
#include "web/auth.h"

#define SHOWN_MAX 64      /* of a name that is not known: enough to know it again */

static api_handler_fn *const handlers[ROUTE_N] = {
	[ROUTE_HEALTHZ] = api_healthz, [ROUTE_READYZ] = api_readyz, [ROUTE_METRICS] = api_metrics, [ROUTE_STATUS] = api_status,
	[ROUTE_TICKETS] = api_tickets, [ROUTE_TICKET] = api_ticket, [ROUTE_EXPLAIN] = api_explain, [ROUTE_WAIVE] = api_waive,
	[ROUTE_EXTEND] = api_extend, [ROUTE_NEXT] = api_next, [ROUTE_DELIVERIES] = api_deliveries,
	[ROUTE_RESEND] = api_resend, [ROUTE_DROP] = api_drop, [ROUTE_BACKUP] = api_backup, [ROUTE_FORGET] = api_forget,
	[ROUTE_REFUSED] = api_refused, [ROUTE_REFUSAL] = api_refusal,
	[ROUTE_RECEIVER_TEST] = api_receiver_test, [ROUTE_RELOAD] = api_reload, [ROUTE_IMPORT] = api_import, [ROUTE_TAIL] = api_tail,
};

/* ---- who may ---- */

static const struct operator *operator_of(const struct daemon *d, const struct http_request *r)
{
	struct str value;

	if (http_headers_find(&r->headers, STR("authorization"), &value) != HTTP_ONE)
		return NULL;
	return auth_bearer(d->cfg, value);
}

/* On the control socket by who the peer is, elsewhere by token: behind a proxy, a unix socket too is the world. */
static bool allowed(const struct daemon *d, const struct http_request *r, enum access access, struct problem *p)
{
	unsigned need = access == ACCESS_ACT ? MAY_ACT : MAY_READ;
	const struct operator *op;

	if (access == ACCESS_OPEN || (access == ACCESS_METRICS && r->tag == LISTEN_METRICS))
		return true;
	if (r->tag == LISTEN_CONTROL && r->peer.is_unix) {
		if (auth_user(r->peer.uid, r->peer.gid, d->listeners.control_gid))
			return true;
		problem_set(p, 403, NULL, "The control socket is for root, for plazod's own user and for members of its group.");
		return false;
	}
	op = operator_of(d, r);
	if (op == NULL)
		problem_set(p, 401, NULL, "This takes the token of an operator: Authorization: Bearer TOKEN.");
	else if ((op->may & need) == 0)
		problem_set(p, 403, NULL, "This operator may not %s.", need == MAY_ACT ? "act" : "read");
	else
		return true;
	return false;
}

void api_actor(const struct daemon *d, const struct http_request *r, struct buf *out)
{
	const struct operator *op = operator_of(d, r);

	if (r->tag == LISTEN_CONTROL && r->peer.is_unix)
		auth_user_name(r->peer.uid, out);
	else if (op != NULL)
		buf_puts(out, op->name);
}

/* ---- to the route ---- */

static bool find(const struct daemon *d, const struct http_request *r, struct route_match *m, struct problem *p, const char **allow)
{
	(void)d;
	switch (route_find(str_of(http_method_names[r->method]), r->raw_path, m, allow)) {
	case ROUTED:
		/* The address for Prometheus shows nothing else. */
		if (r->tag != LISTEN_METRICS || route_table[m->route].access == ACCESS_OPEN || m->route == ROUTE_METRICS)
			return true;
		break;
	case ROUTED_OTHER_METHOD:
		problem_set(p, 405, NULL, "This path takes %s.", *allow);
		return false;
	case ROUTED_NOWHERE:
		break;
	}
	problem_set(p, 404, NULL, "There is nothing at this path.");
	return false;
}

void api_head(void *ctx, struct http_request *r, struct http_admission *adm)
{
	struct daemon *d = ctx;
	struct route_match m;

	if (intake_wants(r) && r->tag != LISTEN_METRICS) {
		intake_head(d->intake, r, adm);
		return;
	}
	/* A refusal at the head ends the connection, since a body may follow; what has none can wait for its turn. */
	if (r->method == METHOD_GET || r->method == METHOD_HEAD)
		return;
	if (!find(d, r, &m, &adm->refusal, &adm->allow))
		return;
	if (allowed(d, r, route_table[m.route].access, &adm->refusal) && m.route == ROUTE_IMPORT)
		adm->body_len = d->cfg->server.max_bulk;
}

void api_request(void *ctx, struct http_request *r)
{
	struct daemon *d = ctx;
	struct problem p;
	struct route_match m;
	const char *allow = NULL;
	char headers[64] = "";
	struct buf ns, name;

	daemon_now(d);
	if (intake_wants(r) && r->tag != LISTEN_METRICS) {
		intake_request(d->intake, r);
		return;
	}
	/* Of a POST, the head callback has seen all this; but a reload may have come between. */
	if (!find(d, r, &m, &p, &allow) || !allowed(d, r, route_table[m.route].access, &p)) {
		if (p.status == 405)
			snprintf(headers, sizeof(headers), "Allow: %s\r\n", allow);
		http_reply_problem(r, &p, p.status == 401 ? "WWW-Authenticate: Bearer\r\n" : headers);
		return;
	}
	if (!api_query_check(r, m.route, &p)) {
		http_reply_problem(r, &p, NULL);
		return;
	}
	buf_init(&ns, 1024);
	buf_init(&name, 1024);
	if (http_decode(m.ns, &ns) && http_decode(m.name, &name) && buf_ok(&ns) && buf_ok(&name))
		handlers[m.route](d, &(struct api_call){ r, m.route, buf_str(&ns), buf_str(&name) });
	else
		api_refuse(r, 400, "The path is not percent-encoded as it should be.");
	buf_finish(&ns);
	buf_finish(&name);
}

/* ---- for handlers ---- */

void api_reply_json(struct http_request *r, int status, const struct buf *body)
{
	if (!buf_ok(body)) {
		api_refuse(r, 500, "The answer is too large: ask for less.");
		return;
	}
	http_reply(r, &(struct http_reply){ .status = status, .content_type = "application/json", .body = buf_str(body) });
}

void api_refuse(struct http_request *r, int status, const char *fmt, ...)
{
	char text[DIAG_LEN];
	struct problem p;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	problem_set(&p, status, NULL, "%s", text);
	http_reply_problem(r, &p, status == 503 ? "Retry-After: 5\r\n" : NULL);
}

bool api_body(struct daemon *d, struct http_request *r, const char *const *keys, size_t n_keys)
{
	struct diag diag = { 0 };

	if (json_parse(d->doc, r->body, &diag) != ERR_OK || json_kind(d->doc, 0) != JSON_OBJECT) {
		api_refuse(r, 400, "The body must be a JSON object. %s", diag.msg);
		return false;
	}
	for (json_node n = json_first(d->doc, 0); n != JSON_ABSENT; n = json_next(d->doc, n)) {
		struct str key = json_key(d->doc, n);
		const char *near = str_nearest(key, keys, n_keys);
		bool known = false;

		for (size_t i = 0; i < n_keys; i++)
			known = known || str_eqz(key, keys[i]);
		if (known)
			continue;
		key.len = key.len < SHOWN_MAX ? key.len : SHOWN_MAX;
		api_refuse(r, 422, "There is no field \"" STR_FMT "\" here%s%s%s.", STR_ARG(key), near != NULL ? "; did you mean \"" : "",
			   near != NULL ? near : "", near != NULL ? "\"?" : "");
		return false;
	}
	return true;
}

bool api_is_namespace(const struct daemon *d, struct str ns)
{
	for (size_t i = 0; i < d->cfg->n_sources; i++)
		if (str_eqz(ns, d->cfg->sources[i].ns))
			return true;
	return false;
}
