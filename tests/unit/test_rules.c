#include "../cmocka_plazo.h"

#include "core/rules.h"

static const struct str acme_names[] = { { "ACME S.A.", 9 } };
static const struct str acme_domains[] = { { "acme.example", 12 }, { "shared.example", 14 } };
static const struct str globex_domains[] = { { "Globex.example", 14 }, { "shared.example", 14 } };

static const struct contract contracts[] = {
	{ .id = "acme", .organizations = acme_names, .n_organizations = 1, .domains = acme_domains, .n_domains = 2 },
	{ .id = "acme-2" },
	{ .id = "globex", .domains = globex_domains, .n_domains = 2 },
};

static int n_destroyed;

static void on_destroy(struct rules *r)
{
	(void)r;
	n_destroyed++;
}

static void counting(void **state)
{
	(void)state;
	struct rules r = { .n_refs = 1, .destroy = on_destroy };

	n_destroyed = 0;
	assert_ptr_equal(rules_ref(&r), &r);
	rules_unref(&r);
	assert_int_equal(n_destroyed, 0);
	rules_unref(&r);
	assert_int_equal(n_destroyed, 1);
	rules_unref(NULL);
}

static void by_id(void **state)
{
	(void)state;
	struct rules r = { .contracts = contracts, .n_contracts = 3 };
	struct rules none = { 0 };

	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(rules_contract(&r, str_of(contracts[i].id)), &contracts[i]);
	assert_null(rules_contract(&r, STR("acm")));
	assert_null(rules_contract(&r, STR("acme-")));
	assert_null(rules_contract(&r, STR("zzz")));
	assert_null(rules_contract(&r, STR("")));
	assert_null(rules_contract(&none, STR("acme")));
}

static bool not_acme(const void *ctx, struct str contract)
{
	assert_ptr_equal(ctx, contracts);
	return !str_eqz(contract, "acme");
}

static void matching(void **state)
{
	(void)state;
	static const struct { const char *organization, *domain, *requester; const char *all; size_t n_all; const char *limited; size_t n_limited; } cases[] = {
		{ "ACME S.A.", NULL, NULL, "acme", 1, NULL, 0 },
		{ "acme s.a.", NULL, NULL, NULL, 0, NULL, 0 },
		{ NULL, "ACME.example", NULL, "acme", 1, NULL, 0 },
		{ NULL, "globex.EXAMPLE", NULL, "globex", 1, "globex", 1 },
		{ NULL, "sub.globex.example", NULL, NULL, 0, NULL, 0 },
		{ NULL, NULL, "ana@globex.example", "globex", 1, "globex", 1 },
		{ NULL, NULL, "\"a@acme.example\"@globex.example", "globex", 1, "globex", 1 },
		{ NULL, NULL, "@globex.example", NULL, 0, NULL, 0 },
		{ NULL, NULL, "globex.example", NULL, 0, NULL, 0 },
		{ NULL, NULL, "ana@", NULL, 0, NULL, 0 },
		{ NULL, "shared.example", NULL, NULL, 2, "globex", 1 },
		{ "ACME S.A.", NULL, "ana@globex.example", NULL, 2, "globex", 1 },
		{ "ACME S.A.", "acme.example", "ana@acme.example", "acme", 1, NULL, 0 },
		{ "", "", "", NULL, 0, NULL, 0 },
		{ NULL, NULL, NULL, NULL, 0, NULL, 0 },
	};
	struct rules r = { .contracts = contracts, .n_contracts = 3 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event e = { 0 };
		size_t n = 99;

		e.set = (cases[i].organization != NULL ? 1u << ATTR_ORGANIZATION : 0) | (cases[i].domain != NULL ? 1u << ATTR_DOMAIN : 0) |
			(cases[i].requester != NULL ? 1u << ATTR_REQUESTER : 0);
		e.attr[ATTR_ORGANIZATION] = str_of(cases[i].organization);
		e.attr[ATTR_DOMAIN] = str_of(cases[i].domain);
		e.attr[ATTR_REQUESTER] = str_of(cases[i].requester);

		const struct contract *c = rules_match(&r, &e, NULL, NULL, &n);

		assert_int_equal(n, cases[i].n_all);
		assert_int_equal(c == NULL, cases[i].all == NULL);
		if (c != NULL)
			assert_string_equal(c->id, cases[i].all);
		c = rules_match(&r, &e, not_acme, contracts, &n);
		assert_int_equal(n, cases[i].n_limited);
		assert_int_equal(c == NULL, cases[i].limited == NULL);
		if (c != NULL)
			assert_string_equal(c->id, cases[i].limited);
	}
}

static void names(void **state)
{
	(void)state;
	assert_int_equal(name_index(agreement_names, STR("uc")), AGREEMENT_UC);
	assert_int_equal(name_index(metric_kind_names, STR("next-response")), METRIC_NEXT_RESPONSE);
	assert_int_equal(name_index(metric_kind_names, STR("resolution")), METRIC_RESOLUTION);
	assert_null(metric_kind_names[METRIC_N_KINDS]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counting),
		cmocka_unit_test(by_id),
		cmocka_unit_test(matching),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
