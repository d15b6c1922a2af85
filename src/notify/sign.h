/*
 * Standard Webhooks 1.0.0, the sender's side: keys and signatures.
 */
#ifndef PLAZO_NOTIFY_SIGN_H
#define PLAZO_NOTIFY_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define SIGN_MAX_KEY 512          /* bytes; the specification says 24 to 64 */
#define SIGN_TEXT_LEN 48          /* "v1," and 44 characters of base64, and the NUL */

struct evp_mac_ctx_st;

struct sign_key {
	uint8_t bytes[SIGN_MAX_KEY];
	size_t  len;                  /* 0: no key */
	struct evp_mac_ctx_st *mac;   /* owned; keyed by the first signature, since that costs more than signing; NULL before */
};

/* "whsec_<base64>" is decoded, everything else is taken as it is. False when the base64 is none or the key is too long. */
bool sign_key_of(struct str secret, struct sign_key *out);

/* Forgets the key. */
void sign_key_finish(struct sign_key *key);

/* HMAC-SHA256 over "id.seconds.body". */
void sign_webhook(struct sign_key *key, const char *id, int64_t seconds, struct str body, char out[SIGN_TEXT_LEN]);

#endif
