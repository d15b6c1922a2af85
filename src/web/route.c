#include "web/route.h"

const struct route_info route_table[ROUTE_N] = {
	[ROUTE_HEALTHZ]       = { "GET",  "/healthz",                    ACCESS_OPEN,    "healthz" },
	[ROUTE_READYZ]        = { "GET",  "/readyz",                     ACCESS_OPEN,    "readyz" },
	[ROUTE_METRICS]       = { "GET",  "/metrics",                    ACCESS_METRICS, "metrics" },
	[ROUTE_STATUS]        = { "GET",  "/v1/status",                  ACCESS_READ,    "status" },
	[ROUTE_TICKETS]       = { "GET",  "/v1/tickets",                 ACCESS_READ,    "tickets" },
	[ROUTE_EXPLAIN]       = { "GET",  "/v1/tickets/{ticket}/explain", ACCESS_READ,   "explain" },
	[ROUTE_WAIVE]         = { "POST", "/v1/tickets/{ticket}/waive",  ACCESS_ACT,     "waive" },
	[ROUTE_EXTEND]        = { "POST", "/v1/tickets/{ticket}/extend", ACCESS_ACT,     "extend" },
	[ROUTE_TICKET]        = { "GET",  "/v1/tickets/{ticket}",        ACCESS_READ,    "ticket" },
	[ROUTE_NEXT]          = { "GET",  "/v1/next",                    ACCESS_READ,    "next" },
	[ROUTE_DELIVERIES]    = { "GET",  "/v1/deliveries",              ACCESS_READ,    "deliveries" },
	[ROUTE_RESEND]        = { "POST", "/v1/deliveries/{}/resend",    ACCESS_ACT,     "resend" },
	[ROUTE_DROP]          = { "POST", "/v1/deliveries/{}/drop",      ACCESS_ACT,     "drop" },
	[ROUTE_REFUSED]       = { "GET",  "/v1/refused",                 ACCESS_READ,    "refused" },
	[ROUTE_REFUSAL]       = { "GET",  "/v1/refused/{}",              ACCESS_READ,    "refusal" },
	[ROUTE_BACKUP]        = { "POST", "/v1/backup",                  ACCESS_ACT,     "backup" },
	[ROUTE_FORGET]        = { "POST", "/v1/forget",                  ACCESS_ACT,     "forget" },
	[ROUTE_RECEIVER_TEST] = { "POST", "/v1/receivers/{}/test",       ACCESS_ACT,     "receiver test" },
	[ROUTE_RELOAD]        = { "POST", "/v1/reload",                  ACCESS_ACT,     "reload" },
	[ROUTE_IMPORT]        = { "POST", "/v1/import",                  ACCESS_ACT,     "import" },
	[ROUTE_TAIL]          = { "GET",  "/v1/tail",                    ACCESS_READ,    "tail" },
};

/*
 * More said wins over less, so that /v1/tickets/A/explain is an explanation: a ticket "explain" in a namespace "A" is reached by
 * /v1/tickets/A/explain/explain, or by %65xplain.
 */
static const enum route order[] = {
	ROUTE_HEALTHZ, ROUTE_READYZ, ROUTE_METRICS, ROUTE_STATUS, ROUTE_TICKETS, ROUTE_EXPLAIN, ROUTE_WAIVE, ROUTE_EXTEND,
	ROUTE_TICKET, ROUTE_NEXT, ROUTE_DELIVERIES, ROUTE_RESEND, ROUTE_DROP, ROUTE_REFUSED, ROUTE_REFUSAL,
	ROUTE_BACKUP, ROUTE_FORGET, ROUTE_RECEIVER_TEST, ROUTE_RELOAD, ROUTE_IMPORT, ROUTE_TAIL,
};
_Static_assert(sizeof(order) / sizeof(order[0]) == ROUTE_N, "every route has its place");

#define MAX_SEGMENTS 6

/* The segments behind the first '/'; 0 when there are too many, or an empty one. */
static size_t split(struct str path, struct str seg[MAX_SEGMENTS])
{
	size_t n = 0;
	bool more;

	if (path.len < 2 || path.p[0] != '/')
		return 0;
	path.p++;
	path.len--;
	do {
		if (n == MAX_SEGMENTS)
			return 0;
		more = str_cut(&path, '/', &seg[n]);
		if (seg[n++].len == 0)
			return 0;
	} while (more);
	return n;
}

static bool fits(enum route r, const struct str *seg, size_t n, struct route_match *out)
{
	struct str want[MAX_SEGMENTS];
	size_t n_want = split(str_of(route_table[r].pattern), want), at = 0;
	struct route_match m = { .route = r };

	for (size_t i = 0; i < n_want; i++) {
		if (at == n)
			return false;
		if (str_eqz(want[i], "{ticket}")) {
			/* What is left over here is the namespace. */
			if (n - at == n_want - i + 1)
				m.ns = seg[at++];
			m.name = seg[at++];
		} else if (str_eqz(want[i], "{}")) {
			m.name = seg[at++];
		} else if (!str_eq(want[i], seg[at++])) {
			return false;
		}
	}
	if (at != n)
		return false;
	*out = m;
	return true;
}

enum routed route_find(struct str method, struct str raw_path, struct route_match *out, const char **allow_out)
{
	struct str seg[MAX_SEGMENTS];
	size_t n = split(raw_path, seg);
	bool head = str_eqz(method, "HEAD"), elsewhere = false;

	for (size_t i = 0; i < ROUTE_N && n > 0; i++) {
		const struct route_info *r = &route_table[order[i]];
		struct route_match m;

		if (!fits(order[i], seg, n, &m))
			continue;
		if (str_eqz(method, r->method) || (head && str_eqz(STR("GET"), r->method))) {
			*out = m;
			return ROUTED;
		}
		if (!elsewhere)
			*allow_out = str_eqz(STR("GET"), r->method) ? "GET, HEAD" : "POST";
		elsewhere = true;
	}
	return elsewhere ? ROUTED_OTHER_METHOD : ROUTED_NOWHERE;
}
