/* A configuration that a test has written itself, and that has no faults. */
#ifndef PLAZO_TESTS_CONFIG_TEXT_H
#define PLAZO_TESTS_CONFIG_TEXT_H

#include "cmocka_plazo.h"

#include "config/config.h"

/* To config_unref(). */
static inline struct config *config_of_text(struct str text, struct wall now)
{
	struct config_options opt = { .now = now, .secrets = SECRETS_SKIP };
	struct config *cfg = NULL;
	struct problems p;

	problems_init(&p);
	assert_int_equal(config_load_text("t.yaml", text, &opt, &cfg, &p), ERR_OK);
	problems_finish(&p);
	return cfg;
}

#endif
