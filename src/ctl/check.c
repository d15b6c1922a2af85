#include <stdlib.h>

#include "base/json_member.h"
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

static struct config *load(const struct ctl *ctl, struct problems *problems, int *status)
{
	const char *path = ctl->value[OPT_CONFIG] != NULL ? ctl->value[OPT_CONFIG] : "/etc/plazo/plazod.yaml";
	struct config_options opt = { .now = wall_now(), .secrets = SECRETS_SKIP };
	struct config *cfg = NULL;
	enum err e;

	problems_init(problems);
	e = config_load(path, &opt, &cfg, problems);
	if (e != ERR_OK)
		*status = e == ERR_ABSENT || e == ERR_IO ? EXIT_NO_INPUT : EXIT_BAD_CONFIG;
	return e == ERR_OK ? cfg : NULL;
}

struct config *ctl_config(const struct ctl *ctl, int *status)
{
	struct problems problems;
	struct config *cfg = load(ctl, &problems, status);

	if (cfg == NULL)
		print_problems(&problems);
	problems_finish(&problems);
	return cfg;
}

void ctl_print_json(struct buf *b)
{
	printf("%s\n", buf_cstr(b));
	buf_finish(b);
}

static void print_check(const struct config *cfg, const struct problems *problems)
{
	struct buf b;
	struct json_out o = json_out(&b);

	buf_init(&b, BUF_NO_MAX);
	json_begin_object(&o);
	json_put_flag(&o, "ok", cfg != NULL);
	if (cfg != NULL) {
		json_put_number(&o, "contracts", (int64_t)cfg->rules->n_contracts);
		json_put_number(&o, "policies", (int64_t)cfg->n_policies);
		json_put_number(&o, "calendars", (int64_t)cfg->n_calendars);
	}
	for (int warnings = 0; warnings <= 1; warnings++) {
		json_put_key(&o, warnings ? "warnings" : "errors");
		json_begin_array(&o);
		problems_put(problems, warnings, &o);
		json_end_array(&o);
	}
	json_end_object(&o);
	ctl_print_json(&b);
}

int cmd_check(struct ctl *ctl)
{
	int status = EXIT_FINE;
	struct problems problems;
	struct config *cfg = load(ctl, &problems, &status);

	if (ctl->value[OPT_JSON] != NULL) {
		print_check(cfg, &problems);
	} else {
		print_problems(&problems);
		if (cfg != NULL)
			printf("%s: fine: %zu contracts, %zu policies, %zu calendars\n", cfg->path, cfg->rules->n_contracts, cfg->n_policies, cfg->n_calendars);
	}
	problems_finish(&problems);
	config_unref(cfg);
	return status;
}

int cmd_config_show(struct ctl *ctl)
{
	int status = EXIT_FINE;
	struct config *cfg = ctl_config(ctl, &status);
	struct buf b;
	struct json_out o = json_out(&b);

	if (cfg == NULL)
		return status;
	buf_init(&b, BUF_NO_MAX);
	if (ctl->value[OPT_JSON] != NULL) {
		config_show_json(cfg, &o);
		ctl_print_json(&b);
	} else {
		config_show(cfg, &b);
		fwrite(buf_cstr(&b), 1, b.len, stdout);
		buf_finish(&b);
	}
	config_unref(cfg);
	return EXIT_FINE;
}

int cmd_config_keys(struct ctl *ctl)
{
	(void)ctl;
	config_keys(stdout);
	return EXIT_FINE;
}
