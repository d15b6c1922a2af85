#include "daemon/restart.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static const struct { const char *section, *key; } keys[RESTART_N] = {
	[RESTART_LISTEN] = { "server", "listen" },
	[RESTART_METRICS] = { "server", "metrics" },
	[RESTART_SOCKET] = { "server", "socket" },
	[RESTART_STORE] = { "store", "path" },
};

static const char *value(const struct config *cfg, enum restart_key k)
{
	const char *const values[RESTART_N] = {
		[RESTART_LISTEN] = cfg->server.listen.text, [RESTART_METRICS] = cfg->server.metrics.text,
		[RESTART_SOCKET] = cfg->server.socket, [RESTART_STORE] = cfg->store.path,
	};

	return values[k];
}

void restart_remember(struct restart *r, const struct config *cfg, const bool decided[RESTART_N])
{
	for (int k = 0; k < RESTART_N; k++) {
		const char *v = value(cfg, (enum restart_key)k);

		r->runs_with[k] = v != NULL ? xstrdup(v) : NULL;
		r->decided[k] = decided[k];
	}
}

void restart_finish(struct restart *r)
{
	for (int k = 0; k < RESTART_N; k++)
		free(r->runs_with[k]);
	*r = (struct restart){ 0 };
}

void restart_check(const struct restart *r, const struct config *cfg, struct problems *out)
{
	for (int k = 0; k < RESTART_N; k++) {
		const char *has = r->runs_with[k], *wants = value(cfg, (enum restart_key)k);
		unsigned line = 0, col = 0;

		if (!r->decided[k] || (has == NULL && wants == NULL) || (has != NULL && wants != NULL && strcmp(has, wants) == 0))
			continue;
		(void)config_place(cfg, keys[k].section, keys[k].key, &line, &col);
		problems_add(out, true, cfg->path, line, col, "%s.%s waits for a restart: plazod runs with %s", keys[k].section, keys[k].key,
			     has != NULL ? has : "none");
	}
}
