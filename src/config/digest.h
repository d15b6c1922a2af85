/* Fingerprints of what decides: the same promises give the same number, however they are written. */
#ifndef PLAZO_CONFIG_DIGEST_H
#define PLAZO_CONFIG_DIGEST_H

#include "load.h"

uint64_t digest_contract(struct load *l, const struct contract *c);
uint64_t digest_form(const struct contract *c);      /* its digest is there; never 0 */
uint64_t digest_rules(struct load *l);

#endif
