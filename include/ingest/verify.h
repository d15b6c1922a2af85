/*
 * Who sent this? Signatures and tokens of webhook senders, over the raw bytes of a body, before anything reads them. Comparisons
 * take the same time wherever they fail; all secrets are tried, always; a signature header must be there exactly once.
 *
 * A timestamp's age is judged for standard-webhooks alone: GLPI and Zendesk queue, and what they sign may be old with good reason;
 * ids of events keep replays harmless. Theirs must look like one, since they are signed beside the body with nothing between.
 */
#ifndef PLAZO_INGEST_VERIFY_H
#define PLAZO_INGEST_VERIFY_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "base/wall.h"
#include "config/config.h"      /* enum verify_kind, verify_kind_names */
#include "ingest/http.h"

#define VERIFY_MAX_SECRETS  2
#define VERIFY_TOLERANCE_MS (INT64_C(5) * 60 * 1000)

/*
 * What each kind looks at: STANDARD_WEBHOOKS: webhook-id, webhook-timestamp, webhook-signature: v1,BASE64 …; HUB_SIGNATURE_256:
 * X-Hub-Signature-256 or X-Hub-Signature: sha256=HEX (GitHub, Jira); HUB_SIGNATURE: X-Hub-Signature: sha1=HEX (Zammad); ZENDESK:
 * X-Zendesk-Webhook-Signature: BASE64 of timestamp + body; GLPI: X-GLPI-signature: HEX of body + timestamp; TOKEN: a header of your
 * naming holds the secret; BEARER: Authorization: Bearer SECRET; BASIC: Authorization: Basic BASE64, the secret is USER:PASSWORD.
 */

/* All borrowed by verifier_create(). */
struct verify_config {
	enum verify_kind kind;
	struct str       secrets[VERIFY_MAX_SECRETS];   /* standard-webhooks: "whsec_" and base64, or raw bytes */
	size_t           n_secrets;                     /* 0 for `none` alone */
	const char      *header;                        /* of `token`: the header's name */
};

struct verifier;

/* Copies what it needs. ERR_SYNTAX or ERR_RANGE with a sentence, without the secret, when the secrets do not fit the kind. */
MUST_CHECK enum err verifier_create(const struct verify_config *cfg, struct verifier **out, struct diag *d);
void verifier_destroy(struct verifier *v);              /* wipes the secrets; NULL is fine */
enum verify_kind verifier_kind(const struct verifier *v);

/* Is the head of a request as well proven as its body? Not by a signature: those are of the body alone. */
bool verify_proves_headers(enum verify_kind kind);

enum verify_result {
	VERIFY_OK,
	VERIFY_MISSING,    /* the header is not there, or not once */
	VERIFY_BAD,
	VERIFY_STALE,      /* the signature is good; its time is off by more than the tolerance */
};

/* `now` is judged by standard-webhooks alone. VERIFY_NONE says OK: whether it may be used there is the caller's to know. */
enum verify_result verify_request(const struct verifier *v, const struct http_headers *headers, struct str body, struct wall now);

#endif
