#include <stdlib.h>

#include "base/now.h"
#include "ctl.h"

static void print_problems(const struct problems *p)
{
	struct buf b;

	buf_init(&b, BUF_NO_MAX);
	problems_write(p, &b);
	fwrite(buf_cstr(&b), 1, b.len, stderr);
	buf_finish(&b);
}

struct config *ctl_config(const struct ctl *ctl, bool show_warnings, int *status)
{
	const char *path = ctl->value[OPT_CONFIG] != NULL ? ctl->value[OPT_CONFIG] : "/etc/plazo/plazod.yaml";
	struct config_options opt = { .now = wall_now(), .secrets = SECRETS_SKIP };
	struct config *cfg = NULL;
	struct problems problems;
	enum err e;

	problems_init(&problems);
	e = config_load(path, &opt, &cfg, &problems);
	if (e != ERR_OK || show_warnings)
		print_problems(&problems);
	problems_finish(&problems);
	if (e != ERR_OK) {
		*status = e == ERR_ABSENT || e == ERR_IO ? EXIT_NO_INPUT : EXIT_BAD_CONFIG;
		return NULL;
	}
	return cfg;
}

int cmd_check(struct ctl *ctl)
{
	int status = EXIT_FINE;
	struct config *cfg = ctl_config(ctl, true, &status);

	if (cfg == NULL)
		return status;
	printf("%s: fine: %zu contracts, %zu policies, %zu calendars\n", cfg->path, cfg->rules->n_contracts, cfg->n_policies, cfg->n_calendars);
	config_unref(cfg);
	return EXIT_FINE;
}

int cmd_config_show(struct ctl *ctl)
{
	int status = EXIT_FINE;
	struct config *cfg = ctl_config(ctl, false, &status);
	struct buf b;

	if (cfg == NULL)
		return status;
	buf_init(&b, BUF_NO_MAX);
	config_show(cfg, &b);
	fwrite(buf_cstr(&b), 1, b.len, stdout);
	buf_finish(&b);
	config_unref(cfg);
	return EXIT_FINE;
}

int cmd_config_keys(struct ctl *ctl)
{
	(void)ctl;
	config_keys(stdout);
	return EXIT_FINE;
}
