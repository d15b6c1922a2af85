/*
 * Proofs of webhook senders: kind, then the headers' values with '|' between, then the body. Nothing that is made up passes, and what was
 * signed passes as it is, but not with one bit of it changed.
 */
#include "fuzz.h"

#include <inttypes.h>
#include <string.h>

#include "ingest/verify.h"
#include "notify/sign.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define NOW_S  INT64_C(1774861200)
#define NOW    ((struct wall){ NOW_S * 1000 })

static const char *const header_names[] = {
	"webhook-id", "webhook-timestamp", "webhook-signature", "X-Hub-Signature", "X-Hub-Signature-256", "X-Zendesk-Webhook-Signature",
	"X-Zendesk-Webhook-Signature-Timestamp", "X-GLPI-signature", "X-GLPI-timestamp", "X-Token", "Authorization",
};
#define N_HEADERS (sizeof(header_names) / sizeof(header_names[0]))

static struct verifier *verifier_of(enum verify_kind kind)
{
	static struct verifier *all[VERIFY_N];
	struct verify_config cfg = { .kind = kind, .secrets = { STR(SECRET), STR("second:secret") }, .n_secrets = 2, .header = "X-Token" };

	if (kind == VERIFY_STANDARD_WEBHOOKS)
		cfg.n_secrets = 1;
	else if (kind == VERIFY_BASIC)
		cfg.secrets[0] = STR("first:secret");
	else if (kind == VERIFY_NONE)
		cfg.n_secrets = 0;
	if (all[kind] == NULL)
		HOLDS(verifier_create(&cfg, &all[kind], NULL) == ERR_OK);
	return all[kind];
}

/* What a sender of bearer, basic or token knows would pass, and rightly. */
static bool knows_a_secret(struct str s)
{
	static const char *const known[] = { SECRET, "second:secret", "c2Vjb25kOnNlY3JldA", "Zmlyc3Q6c2VjcmV0" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (s.len > 0 && memmem(s.p, s.len, known[i], strlen(known[i])) != NULL)
			return true;
	return false;
}

static void made_up(enum verify_kind kind, struct input in)
{
	struct str all = { (const char *)in.p, in.left };
	struct http_header v[N_HEADERS];
	struct http_headers headers = { v, 0 };
	enum verify_result r;

	for (size_t i = 0; i < N_HEADERS; i++) {
		struct str value = input_until(&in, '|');

		if (value.len > 0)
			v[headers.n++] = (struct http_header){ str_of(header_names[i]), value };
	}
	r = verify_request(verifier_of(kind), &headers, input_rest(&in), NOW);
	HOLDS((r != VERIFY_OK && r != VERIFY_STALE) || kind == VERIFY_NONE || (kind >= VERIFY_TOKEN && knows_a_secret(all)));
}

/* Signed by our own sender's half; then one bit of the body, the id or the signature is turned. */
static void signed_by_us(struct input in)
{
	struct sign_key key;
	char id[17], seconds[32], signature[SIGN_TEXT_LEN];
	uint64_t bit = input_number(&in, 2);
	struct str body = input_rest(&in);
	char *copy = malloc(body.len + 1), *parts[] = { id, signature, copy };
	struct http_header v[] = { { STR("webhook-id"), { id, 16 } }, { STR("webhook-timestamp"), { NULL, 0 } }, { STR("webhook-signature"), { NULL, 0 } } };
	struct http_headers headers = { v, 3 };

	HOLDS(copy != NULL && sign_key_of(STR(SECRET), &key));
	memcpy(copy, body.len > 0 ? body.p : "", body.len);
	snprintf(id, sizeof(id), "%016" PRIx64, bit * UINT64_C(0x9e3779b97f4a7c15));
	snprintf(seconds, sizeof(seconds), "%" PRId64, NOW_S);
	sign_webhook(&key, id, NOW_S, body, signature);
	v[1].value = str_of(seconds);
	v[2].value = str_of(signature);
	HOLDS(verify_request(verifier_of(VERIFY_STANDARD_WEBHOOKS), &headers, body, NOW) == VERIFY_OK);

	size_t lens[] = { 16, strlen(signature), body.len }, which = bit % 3, len = lens[which];

	if (len > 0) {
		parts[which][bit / 3 % len] ^= (char)(1u << bit % 8);
		HOLDS(verify_request(verifier_of(VERIFY_STANDARD_WEBHOOKS), &headers, (struct str){ copy, body.len }, NOW) != VERIFY_OK);
	}
	free(copy);
	sign_key_finish(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	enum verify_kind kind = (enum verify_kind)(input_byte(&in) % VERIFY_N);

	made_up(kind, in);
	signed_by_us(in);
	return 0;
}
