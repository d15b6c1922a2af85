#include "notify/sign.h"

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/params.h>

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* Padding may be missing; anything else that is not base64 makes it false. */
static bool decode(struct str s, struct sign_key *out)
{
	uint32_t acc = 0;
	unsigned bits = 0;

	for (int i = 0; i < 2 && s.len > 0 && s.p[s.len - 1] == '='; i++)
		s.len--;
	for (size_t i = 0; i < s.len; i++) {
		int v = sextet(s.p[i]);

		if (v < 0 || out->len == SIGN_MAX_KEY)
			return false;
		acc = (acc << 6 | (uint32_t)v) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out->bytes[out->len++] = (uint8_t)(acc >> bits);
		}
	}
	return out->len > 0 && s.len % 4 != 1;
}

bool sign_key_of(struct str secret, struct sign_key *out)
{
	struct str prefix = STR("whsec_");

	*out = (struct sign_key){ .len = 0 };
	if (str_starts(secret, prefix))
		return decode((struct str){ secret.p + prefix.len, secret.len - prefix.len }, out);
	if (secret.len > SIGN_MAX_KEY)
		return false;
	if (secret.len > 0)
		memcpy(out->bytes, secret.p, secret.len);
	out->len = secret.len;
	return true;
}

void sign_key_finish(struct sign_key *key)
{
	EVP_MAC_CTX_free(key->mac);
	explicit_bzero(key, sizeof(*key));
}

static bool begin(struct sign_key *key)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_utf8_string("digest", digest, sizeof(digest) - 1), OSSL_PARAM_END };
	EVP_MAC *alg;

	if (key->mac != NULL)
		return EVP_MAC_init(key->mac, NULL, 0, NULL) == 1;
	alg = EVP_MAC_fetch(NULL, "HMAC", NULL);
	key->mac = EVP_MAC_CTX_new(alg);
	EVP_MAC_free(alg);
	return key->mac != NULL && EVP_MAC_init(key->mac, key->bytes, key->len, params) == 1;
}

void sign_webhook(struct sign_key *key, const char *id, int64_t seconds, struct str body, char out[SIGN_TEXT_LEN])
{
	char head[128];
	int n = snprintf(head, sizeof(head), "%s.%lld.", id, (long long)seconds);
	uint8_t mac[32] = { 0 };
	size_t mac_len = sizeof(mac);

	if (begin(key)) {
		(void)EVP_MAC_update(key->mac, (const uint8_t *)head, (size_t)n);
		(void)EVP_MAC_update(key->mac, (const uint8_t *)body.p, body.len);
		(void)EVP_MAC_final(key->mac, mac, &mac_len, sizeof(mac));
	}
	memcpy(out, "v1,", 3);
	EVP_EncodeBlock((uint8_t *)out + 3, mac, sizeof(mac));
}
