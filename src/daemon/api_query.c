/*
 * Parameters behind '?'. One that is not known, stands there twice or cannot be read is refused before a handler sees the request: a filter
 * that was passed over would act on more than was meant, and a misspelt dry_run would be none.
 */
#include "daemon/api.h"

#include "base/limits.h"

#define VALUE_MAX 1024      /* no more than the handlers have room for */

enum shape { TEXT, FLAG, COUNT };

enum param { AFTER, ALERT, AT_RISK, CONTRACT, DEAD, DRY_RUN, FAILED, ID, LIMIT, NAMESPACE, ORDER, RECEIVER, SOURCE, TICKET, N_PARAMS };

static const struct { const char *name; enum shape shape; } params[N_PARAMS] = {
	[AFTER] = { "after", TEXT },     [ALERT] = { "alert", FLAG }, [AT_RISK] = { "at_risk", FLAG }, [CONTRACT] = { "contract", TEXT },
	[DEAD] = { "dead", FLAG },       [DRY_RUN] = { "dry_run", FLAG }, [FAILED] = { "failed", FLAG }, [ID] = { "id", TEXT },         [LIMIT] = { "limit", COUNT },
	[NAMESPACE] = { "namespace", TEXT }, [ORDER] = { "order", TEXT }, [RECEIVER] = { "receiver", TEXT }, [SOURCE] = { "source", TEXT }, [TICKET] = { "ticket", TEXT },
};

#define P(param) (1u << (param))
#define ANY      UINT32_MAX      /* health checks and scrapers add what they like, and it decides nothing */

static const uint32_t taken[ROUTE_N] = {
	[ROUTE_HEALTHZ] = ANY, [ROUTE_READYZ] = ANY, [ROUTE_METRICS] = ANY,
	[ROUTE_TICKETS] = P(AT_RISK) | P(CONTRACT) | P(NAMESPACE) | P(ORDER) | P(LIMIT) | P(AFTER),
	[ROUTE_NEXT] = P(LIMIT),
	[ROUTE_DELIVERIES] = P(TICKET) | P(ID) | P(DEAD) | P(FAILED) | P(LIMIT),
	[ROUTE_RESEND] = P(RECEIVER) | P(FAILED),
	[ROUTE_DROP] = P(RECEIVER) | P(FAILED),
	[ROUTE_REFUSED] = P(SOURCE) | P(LIMIT) | P(AFTER),
	[ROUTE_RELOAD] = P(DRY_RUN) | P(LIMIT),
	[ROUTE_IMPORT] = P(SOURCE) | P(ALERT),
	[ROUTE_TAIL] = P(AFTER),
};

/* 1, 0, or -1 for what is neither. */
static int flag_value(struct str s)
{
	static const char *const on[] = { "1", "true", "yes" }, *const off[] = { "0", "false", "no" };

	for (int i = 0; i < 3; i++)
		if (str_eqz(s, on[i]) || str_eqz(s, off[i]))
			return str_eqz(s, on[i]);
	return -1;
}

static bool is_shaped(enum shape shape, struct str value)
{
	int64_t n;

	if (shape == COUNT)
		return str_to_i64(value, 1, UINT32_MAX, &n) == ERR_OK;
	return shape == TEXT ? value.len > 0 : flag_value(value) >= 0;
}

static bool check_one(const struct http_request *r, enum param n, struct problem *p)
{
	static const char *const want[] = { [TEXT] = "a text", [FLAG] = "1 or 0", [COUNT] = "a whole number from 1 on" };
	struct buf value;
	bool good;

	buf_init(&value, VALUE_MAX);
	good = api_param(r, params[n].name, &value) && is_shaped(params[n].shape, buf_str(&value));
	buf_finish(&value);
	if (!good)
		problem_set(p, 400, NULL, "The parameter `%s` must be %s, once, percent-encoded.", params[n].name, want[params[n].shape]);
	return good;
}

bool api_query_check(const struct http_request *r, enum route route, struct problem *p)
{
	struct str rest = r->query, part, key;
	bool more = rest.len > 0 && taken[route] != ANY;

	while (more) {
		unsigned n = 0;

		more = str_cut(&rest, '&', &part);
		(void)str_cut(&part, '=', &key);
		while (n < N_PARAMS && !str_eqz(key, params[n].name))
			n++;
		if (n == N_PARAMS || (taken[route] & P(n)) == 0) {
			problem_set(p, 400, NULL, "This path takes no parameter of the name that is sent.");
			return false;
		}
		if (!check_one(r, (enum param)n, p))
			return false;
	}
	return true;
}

bool api_param(const struct http_request *r, const char *name, struct buf *out)
{
	return http_query_get(r->query, name, out) && buf_ok(out);
}

bool api_flag(const struct http_request *r, const char *name)
{
	struct buf b;
	bool on;

	buf_init(&b, 16);
	on = api_param(r, name, &b) && flag_value(buf_str(&b)) == 1;
	buf_finish(&b);
	return on;
}

uint32_t api_limit(const struct http_request *r, uint32_t usual, uint32_t max)
{
	struct buf b;
	int64_t v;

	buf_init(&b, 16);
	if (!api_param(r, "limit", &b) || str_to_i64(buf_str(&b), 1, UINT32_MAX, &v) != ERR_OK)
		v = usual;
	buf_finish(&b);
	return v < max ? (uint32_t)v : max;
}
