#include "daemon/past.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/now.h"
#include "daemon/daemon.h"

void past_revise(struct daemon *d, struct rules *rules, struct str text)
{
	versions_add(d->past, text);
	engine_revise(d->engine, rules);
}

struct rules *past_wake(void *ctx, size_t revision)
{
	struct daemon *d = ctx;
	struct config_options opt = { .now = d->now, .secrets = SECRETS_SKIP, .first_year = 1 };     /* no tables: what is past is asked seldom */
	struct mono began = mono_now();
	struct rules *rules = NULL;
	struct diag why = { 0 };
	struct buf text;

	buf_init(&text, BUF_NO_MAX);
	versions_get(d->past, revision, &text);
	if (config_load_canonical(buf_str(&text), &opt, &rules, &why) != ERR_OK) {
		/* It was read, or written, by this process: this is no input, and nothing can be decided without it. */
		log_error("revision", "lost", "number=%zu error=\"%s\"", revision, why.msg);
		abort();
	}
	buf_finish(&text);
	log_debug("revision", "back", "number=%zu ms=%" PRId64, revision, mono_now().ms - began.ms);
	return rules;
}
