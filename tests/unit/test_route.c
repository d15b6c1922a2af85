#include "../cmocka_plazo.h"

#include "web/route.h"

static struct route_match match;
static const char *allow;

static enum routed find(const char *method, const char *path)
{
	match = (struct route_match){ .route = ROUTE_N };
	allow = NULL;
	return route_find(str_of(method), str_of(path), &match, &allow);
}

static void every_route_is_found_by_its_own_pattern(void **state)
{
	static const char *const paths[ROUTE_N] = {
		[ROUTE_HEALTHZ] = "/healthz", [ROUTE_READYZ] = "/readyz", [ROUTE_METRICS] = "/metrics", [ROUTE_STATUS] = "/v1/status",
		[ROUTE_TICKETS] = "/v1/tickets", [ROUTE_TICKET] = "/v1/tickets/A", [ROUTE_EXPLAIN] = "/v1/tickets/A/explain",
		[ROUTE_WAIVE] = "/v1/tickets/A/waive", [ROUTE_EXTEND] = "/v1/tickets/A/extend", [ROUTE_NEXT] = "/v1/next",
		[ROUTE_DELIVERIES] = "/v1/deliveries", [ROUTE_RECEIVER_TEST] = "/v1/receivers/ops/test", [ROUTE_RELOAD] = "/v1/reload",
		[ROUTE_IMPORT] = "/v1/import", [ROUTE_TAIL] = "/v1/tail", [ROUTE_RESEND] = "/v1/deliveries/A/resend", [ROUTE_DROP] = "/v1/deliveries/A/drop",
		[ROUTE_REFUSED] = "/v1/refused", [ROUTE_REFUSAL] = "/v1/refused/7", [ROUTE_BACKUP] = "/v1/backup", [ROUTE_FORGET] = "/v1/forget",
	};

	(void)state;
	for (int i = 0; i < ROUTE_N; i++) {
		assert_int_equal(find(route_table[i].method, paths[i]), ROUTED);
		assert_int_equal(match.route, i);
	}
}

static void names(void **state)
{
	(void)state;
	assert_int_equal(find("GET", "/v1/tickets/help/INC-1"), ROUTED);
	assert_int_equal(match.route, ROUTE_TICKET);
	assert_true(str_eqz(match.ns, "help") && str_eqz(match.name, "INC-1"));
	assert_int_equal(find("GET", "/v1/tickets/help/INC-1/explain"), ROUTED);
	assert_int_equal(match.route, ROUTE_EXPLAIN);
	assert_true(str_eqz(match.ns, "help") && str_eqz(match.name, "INC-1"));
	assert_int_equal(find("GET", "/v1/tickets/a%2Fb"), ROUTED);
	assert_true(match.ns.len == 0 && str_eqz(match.name, "a%2Fb"));
	assert_int_equal(find("POST", "/v1/receivers/l1/test"), ROUTED);
	assert_true(str_eqz(match.name, "l1"));
}

static void a_ticket_may_be_called_as_an_act(void **state)
{
	(void)state;
	/* By GET, "waive" can only be a ticket, of the namespace before it. */
	assert_int_equal(find("GET", "/v1/tickets/help/waive"), ROUTED);
	assert_int_equal(match.route, ROUTE_TICKET);
	assert_true(str_eqz(match.ns, "help") && str_eqz(match.name, "waive"));
	assert_int_equal(find("GET", "/v1/tickets/help/explain/explain"), ROUTED);
	assert_true(match.route == ROUTE_EXPLAIN && str_eqz(match.ns, "help") && str_eqz(match.name, "explain"));
}

static void head_goes_with_get(void **state)
{
	(void)state;
	assert_int_equal(find("HEAD", "/readyz"), ROUTED);
	assert_int_equal(find("HEAD", "/v1/reload"), ROUTED_OTHER_METHOD);
}

static void other_methods(void **state)
{
	(void)state;
	assert_int_equal(find("GET", "/v1/reload"), ROUTED_OTHER_METHOD);
	assert_string_equal(allow, "POST");
	assert_int_equal(find("DELETE", "/v1/tickets/A"), ROUTED_OTHER_METHOD);
	assert_string_equal(allow, "GET, HEAD");
	assert_int_equal(find("get", "/healthz"), ROUTED_OTHER_METHOD);
}

static void nowhere(void **state)
{
	static const char *const paths[] = {
		"", "/", "healthz", "/healthz/", "//healthz", "/v1", "/v1/", "/v1/tickets/", "/v1/tickets//x", "/v1/tickets/a/b/c",
		"/v1/tickets/a/b/c/explain", "/v1/receivers/test", "/v1/receivers//test", "/HEALTHZ", "/v1/nexts", "/a/b/c/d/e/f/g/h",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(find("GET", paths[i]), ROUTED_NOWHERE);
}

static void only_health_is_open(void **state)
{
	(void)state;
	for (int i = 0; i < ROUTE_N; i++) {
		assert_int_equal(route_table[i].access == ACCESS_OPEN, i == ROUTE_HEALTHZ || i == ROUTE_READYZ);
		/* What changes something is never a GET: links are followed by machines. */
		assert_int_equal(route_table[i].access == ACCESS_ACT, strcmp(route_table[i].method, "POST") == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_found_by_its_own_pattern), cmocka_unit_test(names),
		cmocka_unit_test(a_ticket_may_be_called_as_an_act), cmocka_unit_test(head_goes_with_get),
		cmocka_unit_test(other_methods), cmocka_unit_test(nowhere), cmocka_unit_test(only_health_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
