#include "notify/endpoint.h"

#include <stdlib.h>

#include "base/xalloc.h"

struct endpoint *endpoint_create(const struct notify_receiver *c, int64_t timeout_ms, uint64_t serial)
{
	struct endpoint *e = xcalloc(1, sizeof(*e));

	e->refs = 1;
	e->serial = serial;
	e->url = xstrdup(c->url);
	e->ca_file = c->ca_file != NULL ? xstrdup(c->ca_file) : NULL;
	e->timeout_ms = timeout_ms;
	for (size_t i = 0; i < 2; i++)
		if (c->secrets[i].len > 0 && sign_key_of(c->secrets[i], &e->keys[e->n_keys]))
			e->n_keys++;
	return e;
}

struct endpoint *endpoint_ref(struct endpoint *e)
{
	e->refs++;
	return e;
}

void endpoint_unref(struct endpoint *e)
{
	if (e == NULL || --e->refs > 0)
		return;
	for (size_t i = 0; i < 2; i++)
		sign_key_finish(&e->keys[i]);
	free(e->url);
	free(e->ca_file);
	free(e);
}
