/* What a configuration means to the edges: verifiers and sources for the intake, receivers for notify. Built whole or not at all. */
#ifndef PLAZO_SRC_DAEMON_FORCE_H
#define PLAZO_SRC_DAEMON_FORCE_H

#include "base/err.h"
#include "config/config.h"

struct daemon;
struct force;

/* A config_fits_fn: the edges say whether a secret fits. */
bool force_fits(const struct secret_use *use, struct str secret, struct diag *why);

/* Builds what belongs to `cfg` (borrowed: must live as long). Secrets that do not fit their kind are ERR_SYNTAX or ERR_RANGE. */
MUST_CHECK enum err force_create(const struct config *cfg, struct force **out, struct diag *d);
void force_destroy(struct force *f);             /* NULL is fine */

/* What notify would refuse: force_apply() of what is fine here succeeds. */
MUST_CHECK enum err force_check(const struct force *f, struct diag *diag);

/* Puts it in force at intake, http and notify. When notify refuses, nothing has changed. */
MUST_CHECK enum err force_apply(struct daemon *d, const struct force *f, struct diag *diag);

#endif
