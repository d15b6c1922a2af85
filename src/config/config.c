/* Looking things up in a finished config. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#include "load.h"

/* Receivers, sources and calendars are sorted by str_cmp(), and their name is their first member. */
static int by_name(const void *key, const void *elem)
{
	return str_cmp(*(const struct str *)key, str_of(*(const char *const *)elem));
}

static const void *find(const void *v, size_t n, size_t size, struct str name)
{
	return n > 0 ? bsearch(&name, v, n, size, by_name) : NULL;
}

const struct receiver *config_receiver(const struct config *cfg, struct str name)
{
	return find(cfg->receivers, cfg->n_receivers, sizeof *cfg->receivers, name);
}

const struct source *config_source(const struct config *cfg, struct str name)
{
	return find(cfg->sources, cfg->n_sources, sizeof *cfg->sources, name);
}

const struct calendar *config_calendar(const struct config *cfg, struct str name)
{
	const struct named_calendar *c = find(cfg->calendars, cfg->n_calendars, sizeof *cfg->calendars, name);

	return c != NULL ? c->calendar : NULL;
}

const struct source *config_source_then(const struct rules *r, struct str name)
{
	return config_source(&((const struct whole *)(const void *)((const char *)r - offsetof(struct whole, rules)))->pub, name);
}

bool source_allows(const void *source, struct str contract)
{
	const struct source *s = source;

	return s->all_contracts || find(s->contracts, s->n_contracts, sizeof *s->contracts, contract) != NULL;
}

bool config_place(const struct config *cfg, const char *section, const char *key, unsigned *line, unsigned *col)
{
	const struct node *n = node_getz(node_getz(((const struct whole *)cfg)->root, section), key);

	if (n == NULL || n->line == 0)
		return false;
	*line = n->line;
	*col = n->col;
	return true;
}
