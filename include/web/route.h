/*
 * The operators' HTTP API as one table: method, path and who may. Decides which route a request is, and nothing else: what a route
 * does is daemon/'s. Below, what each answers; every refusal is application/problem+json.
 *
 *   GET  /healthz                   "ok\n": the loop turns
 *   GET  /readyz                    one line a check, "ok store" or "fail store: disk full"; 503 when one fails
 *   GET  /metrics                   Prometheus text
 *   GET  /v1/status                 {version, ready, now, started, tickets, unmatched, clocks: {running, paused, breached}, next, events,
 *                                    duplicates, seq, dry_run, checks: [{name, ok, why}], config: {path, digest, since, reloaded, reload_ok},
 *                                    store: {state, why, queued, commits, wal_bytes}, receivers: [{name, kind, pending, sent, failed,
 *                                    suppressed, dead, oldest, disabled}], streams: [{source, state, ok, since, peer, why, rival, lag,
 *                                    pending, entries, events, duplicates, refused, trimmed, claimed, acked, ack_lost, connects, failures,
 *                                    groups_made}]}
 *   GET  /v1/tickets                ?contract= &namespace= &at_risk=1 &order=name (or due) &limit= &after=: {tickets: [TICKET], after}; those in
 *                                    memory, in order of (namespace, id), or of the due time first: the most urgent on top, behind those with
 *                                    one all others. `after` begins the next page, null on the last; by due time one that moves between two
 *                                    pages may come in both, or in none
 *   GET  /v1/tickets/ID             TICKET: {namespace, ticket, contract, state, due, metric (of the clock that is due first, of those not waived), priority,
 *                                    subject and the other attributes there are, opened, resolved, over, unmatched, opened_at, last_at,
 *                                    events, clocks: [{metric, agreement, cycle, state, target, started, stopped, due, elapsed_s,
 *                                    paused_s, breached, waived, next_at, next_step}], acts: [{at, act: "waived" or "extended", metric, cycle,
 *                                    by_s (of an extension), who, reason, applied}]}; cycle 0: the metric had no clock; applied: it
 *                                    changed something
 *   GET  /v1/tickets/ID/explain     {namespace, ticket, stretches: [{metric, cycle, from, to, counted_s, counts, why}], acts (the same)}
 *   POST /v1/tickets/ID/waive       {metric, reason}: {accepted, duplicates}; 409 for what would change nothing: a clock that was met, is
 *                                    waived already, or (extend) is over
 *   POST /v1/tickets/ID/extend      {metric, by, reason}: likewise
 *   GET  /v1/next                   ?limit=: {next: [{at, namespace, ticket, contract, metric, cycle, step, due}]}, earliest first
 *   GET  /v1/deliveries             ?ticket= (ID or NAMESPACE/ID) &id= &failed=1 &limit=: {deliveries: [{id, receiver, type, namespace,
 *                                    ticket, at, due, created, state, attempts, next, status, detail, settled, alert}]}, newest first
 *   POST /v1/deliveries/ID/resend   ?failed=1 &receiver=NAME: sends an alert once more: {resent, pending}; pending: still under way
 *   POST /v1/deliveries/ID/drop     ?receiver=NAME: of what was given up, lets go: {dropped, pending}
 *   GET  /v1/refused                ?source= &limit= &after=ID: {refused: [{id, source, place, at, why, bytes}], after}, newest first
 *   GET  /v1/refused/ID             one of them, with body, or body_base64 where it is no text
 *   POST /v1/receivers/NAME/test    {ok: true, status, detail}; 502 when the receiver did not take it
 *   POST /v1/backup                 the database as it is now, application/vnd.sqlite3
 *   POST /v1/forget                 {requester}: {tickets, events, alerts, refused}: in how many the name was erased; events: those that named
 *                                    the person as requester or agent, tickets: those of that requester
 *   POST /v1/reload                 {ok: true, changed, warnings: [TEXT]}; 422 with {…, errors: [TEXT], warnings: [TEXT]}. ?dry_run=1 &limit=
 *                                    changes nothing, and adds {moves: [{namespace, ticket, contract, metric, cycle, from, to (due times),
 *                                    breach, why}], moved, more (that are not listed), breaches, looked_at, tickets}
 *   POST /v1/import                 ?source=NAME &alert=1: NDJSON or JSON of events: {accepted, duplicates, refused: [PROBLEM with index]}
 *   GET  /v1/tail                   ?after=N: NDJSON of what is decided, as it is decided, until somebody hangs up: {seq, at, what: "alert",
 *                                    alert} or {seq, at, what: "delivery", id, receiver, state, attempts, status, detail}. From now on, or
 *                                    from entry N on where it is still in memory; a gap in seq is what a slow reader has missed
 *
 * ID is a ticket's id, or NAMESPACE/ID with '/' as such; what is part of a name is written %2F. 409 lists the choices of an id that
 * is in several namespaces: {…, choices: ["NAMESPACE/ID"]}.
 */
#ifndef PLAZO_WEB_ROUTE_H
#define PLAZO_WEB_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum route {
	ROUTE_HEALTHZ, ROUTE_READYZ, ROUTE_METRICS, ROUTE_STATUS, ROUTE_TICKETS, ROUTE_TICKET, ROUTE_EXPLAIN, ROUTE_WAIVE,
	ROUTE_EXTEND, ROUTE_NEXT, ROUTE_DELIVERIES, ROUTE_RESEND, ROUTE_DROP, ROUTE_REFUSED, ROUTE_REFUSAL,
	ROUTE_BACKUP, ROUTE_FORGET, ROUTE_RECEIVER_TEST, ROUTE_RELOAD, ROUTE_IMPORT, ROUTE_TAIL,
	ROUTE_N
};

enum access {
	ACCESS_OPEN,       /* everybody; shows no data */
	ACCESS_METRICS,    /* who may read, and whoever reaches server.metrics */
	ACCESS_READ,
	ACCESS_ACT,
};

struct route_info {
	const char *method;    /* "GET" (HEAD goes with it) or "POST" */
	const char *pattern;   /* "{}" is one segment, "{ticket}" one or two */
	enum access access;
	const char *name;      /* for logs: "tickets" */
};
extern const struct route_info route_table[ROUTE_N];

enum routed {
	ROUTED,                /* *out is filled */
	ROUTED_NOWHERE,        /* 404 */
	ROUTED_OTHER_METHOD,   /* 405: *allow_out is what is allowed there, a literal for the header Allow */
};

/* What a path says besides its route; still percent-encoded, borrowed from the path. */
struct route_match {
	enum route route;
	struct str ns;         /* empty when it was not given */
	struct str name;       /* the ticket or the receiver */
};

/* `raw_path` as sent, without the query. */
enum routed route_find(struct str method, struct str raw_path, struct route_match *out, const char **allow_out);

#endif
