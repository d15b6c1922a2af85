/*
 * Configurations. What is refused has a place and a sentence; what is taken is shown as YAML that loads again to the same, and has a
 * canonical form that reads back to rules of the same digest. Includes find no file here.
 */
#include "fuzz.h"

#include <glob.h>

#include "base/limits.h"
#include "config/config.h"

/* Stands before the C library's: a mutation must not read the files of this machine. */
int glob(const char *restrict pattern, int flags, int (*on_error)(const char *, int), glob_t *restrict out)
{
	(void)pattern;
	(void)flags;
	(void)on_error;
	(void)out;
	return GLOB_NOMATCH;
}

static const struct config_options options = {
	.now = { 1774861200000 }, .secrets = SECRETS_SKIP, .first_year = 2026, .last_year = 2027, .share_dir = "/nonexistent",
	.credentials_dir = "/nonexistent",
};

static void shown_loads_again(const struct config *cfg)
{
	struct config *again = NULL;
	struct problems p;
	struct buf shown, twice;

	buf_init(&shown, BUF_NO_MAX);
	buf_init(&twice, BUF_NO_MAX);
	config_show(cfg, &shown);
	problems_init(&p);
	if (shown.len <= CONFIG_MAX_FILE) {
		HOLDS(config_load_text("shown", buf_str(&shown), &options, &again, &p) == ERR_OK);
		config_show(again, &twice);
		HOLDS(str_eq(buf_str(&shown), buf_str(&twice)));
		config_unref(again);
	}
	problems_finish(&p);
	buf_finish(&shown);
	buf_finish(&twice);
}

static void canonical_reads_back(const struct config *cfg)
{
	struct rules *rules = NULL;
	struct diag why = { 0 };
	struct buf b;

	buf_init(&b, BUF_NO_MAX);
	config_canonical(cfg, &b);
	HOLDS(config_load_canonical(buf_str(&b), &options, &rules, &why) == ERR_OK);
	HOLDS(rules->digest == cfg->rules->digest && rules->n_contracts == cfg->rules->n_contracts);
	rules_unref(rules);
	buf_finish(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *cfg = NULL;
	struct problems p;
	struct buf told;

	problems_init(&p);
	if (config_load_text("/nonexistent/c.yaml", (struct str){ (const char *)data, size }, &options, &cfg, &p) == ERR_OK) {
		HOLDS(p.n_errors == 0);
		shown_loads_again(cfg);
		canonical_reads_back(cfg);
		config_unref(cfg);
	} else {
		HOLDS(p.n_errors > 0);
	}
	buf_init(&told, BUF_NO_MAX);
	problems_write(&p, &told);
	for (size_t i = 0; i < told.len; i++)
		HOLDS(((uint8_t)told.p[i] >= 0x20 && told.p[i] != 0x7f) || told.p[i] == '\n');
	buf_finish(&told);
	problems_finish(&p);
	return 0;
}
