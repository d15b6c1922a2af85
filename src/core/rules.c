#include "core/rules.h"

#include <assert.h>
#include <string.h>

struct rules *rules_ref(struct rules *r)
{
	r->n_refs++;
	return r;
}

void rules_unref(struct rules *r)
{
	if (r == NULL)
		return;
	assert(r->n_refs > 0);
	r->n_refs--;
	if (r->n_refs == 0 && r->destroy != NULL)
		r->destroy(r);
}

const struct contract *rules_contract(const struct rules *r, struct str id)
{
	size_t low = 0, high = r->n_contracts;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = str_cmp(id, str_of(r->contracts[mid].id));

		if (c == 0)
			return &r->contracts[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* Behind the last '@' of a mail address; empty when it is none. */
static struct str domain_of(struct str requester)
{
	const char *at = requester.len != 0 ? memrchr(requester.p, '@', requester.len) : NULL;

	if (at == NULL || at == requester.p)
		return (struct str){ NULL, 0 };
	return (struct str){ at + 1, requester.len - (size_t)(at - requester.p) - 1 };
}

static bool lists(const struct str *v, size_t n, struct str s, bool eq(struct str, struct str))
{
	for (size_t i = 0; s.len != 0 && i < n; i++) {
		if (eq(v[i], s))
			return true;
	}
	return false;
}

static struct str set_attr(const struct event *e, enum attr a)
{
	return (e->set & 1u << a) != 0 ? e->attr[a] : (struct str){ NULL, 0 };
}

const struct contract *rules_match(const struct rules *r, const struct event *e, contract_allowed_fn *allowed, const void *ctx, size_t *n_out)
{
	struct str organization = set_attr(e, ATTR_ORGANIZATION);
	struct str domain = set_attr(e, ATTR_DOMAIN);
	struct str mail_domain = domain_of(set_attr(e, ATTR_REQUESTER));
	const struct contract *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < r->n_contracts; i++) {
		const struct contract *c = &r->contracts[i];
		bool fits = lists(c->organizations, c->n_organizations, organization, str_eq) ||
			    lists(c->domains, c->n_domains, domain, str_eq_nocase) ||
			    lists(c->domains, c->n_domains, mail_domain, str_eq_nocase);

		if (!fits || (allowed != NULL && !allowed(ctx, str_of(c->id))))
			continue;
		found = c;
		n++;
	}
	*n_out = n;
	return n == 1 ? found : NULL;
}
