/*
 * Signatures are recomputed and compared as bytes; tokens are compared by their SHA-256, so that neither content nor length
 * shows in the time taken. Keys are set up once: setting up an HMAC in OpenSSL 3 costs more than signing a small body.
 */
#include "ingest/verify.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/xalloc.h"

#define DIGEST_MAX 32            /* SHA-256; SHA-1 has 20 */
#define SECRET_MAX 4096
#define ID_MAX     256
#define TIME_MAX   64
#define TRIES_MAX  16            /* signatures looked at in one header */

struct verifier {
	enum verify_kind kind;
	size_t           n;                                        /* secrets */
	EVP_MAC_CTX     *mac[VERIFY_MAX_SECRETS];                  /* keyed; of kinds that sign */
	uint8_t          digest[VERIFY_MAX_SECRETS][DIGEST_MAX];   /* of the secret; of kinds that show it */
	char            *header;                                   /* of VERIFY_TOKEN */
};

static bool is_shown(enum verify_kind k)
{
	return k == VERIFY_TOKEN || k == VERIFY_BEARER || k == VERIFY_BASIC;
}

/* ---- text forms of digests ---- */

/* The value of each letter of base64 and one more, so that 0 is none. */
static const uint8_t base64_value[256] = {
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['+'] = 63, ['/'] = 64,
};

/* Four letters as 24 bits; false when one of them is none. */
static bool base64_group(const char *p, uint32_t *out)
{
	uint32_t a = base64_value[(uint8_t)p[0]], b = base64_value[(uint8_t)p[1]], c = base64_value[(uint8_t)p[2]], d = base64_value[(uint8_t)p[3]];

	*out = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
	return a != 0 && b != 0 && c != 0 && d != 0;
}

/* Strict base64 with padding. Gives the number of bytes, or -1. */
static int base64_decode(struct str s, uint8_t *out, size_t out_max)
{
	size_t n_pad = 0, n = 0;

	if (s.len == 0 || s.len % 4 != 0 || s.len / 4 * 3 > out_max)
		return -1;
	while (n_pad < 2 && s.p[s.len - 1 - n_pad] == '=')
		n_pad++;
	for (size_t i = 0; i < s.len; i += 4) {
		char last[4] = "AAAA";
		bool is_last = i + 4 == s.len;
		uint32_t v;

		if (is_last)
			memcpy(last, s.p + i, 4 - n_pad);
		if (!base64_group(is_last ? last : s.p + i, &v))
			return -1;
		out[n++] = (uint8_t)(v >> 16);
		out[n++] = (uint8_t)(v >> 8);
		out[n++] = (uint8_t)v;
	}
	/* The bits that padding leaves over are zero: one text for one value. */
	if ((n_pad > 0 && out[n - 1] != 0) || (n_pad > 1 && out[n - 2] != 0))
		return -1;
	return (int)(n - n_pad);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int hex_decode(struct str s, uint8_t *out, size_t out_max)
{
	if (s.len % 2 != 0 || s.len / 2 > out_max)
		return -1;
	for (size_t i = 0; i < s.len; i += 2) {
		int hi = hex_value(s.p[i]), lo = hex_value(s.p[i + 1]);

		if (hi < 0 || lo < 0)
			return -1;
		out[i / 2] = (uint8_t)(hi * 16 + lo);
	}
	return (int)(s.len / 2);
}

/* ---- making ---- */

static EVP_MAC_CTX *keyed_mac(const uint8_t *key, size_t len, const char *hash)
{
	char name[16] = "";
	/* The parameter is no const, though nothing writes to it. */
	OSSL_PARAM params[2] = { OSSL_PARAM_construct_utf8_string("digest", name, strlen(hash)), OSSL_PARAM_construct_end() };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;

	memcpy(name, hash, strlen(hash) + 1);
	EVP_MAC_free(mac);
	if (ctx == NULL || EVP_MAC_init(ctx, key, len, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static bool set_key(struct verifier *v, size_t i, struct str secret, struct diag *d)
{
	uint8_t key[SECRET_MAX];
	struct str prefix = STR("whsec_");
	int len = (int)secret.len;

	if (v->kind == VERIFY_STANDARD_WEBHOOKS && str_starts(secret, prefix)) {
		len = base64_decode((struct str){ secret.p + prefix.len, secret.len - prefix.len }, key, sizeof key);
		if (len <= 0) {
			diag_set(d, "the secret begins with \"whsec_\", but what follows is not base64");
			return false;
		}
	} else {
		memcpy(key, secret.p, secret.len);
	}
	v->mac[i] = keyed_mac(key, (size_t)len, v->kind == VERIFY_HUB_SIGNATURE ? "SHA1" : "SHA256");
	OPENSSL_cleanse(key, sizeof key);
	if (v->mac[i] == NULL)
		diag_set(d, "the crypto library offers no HMAC");
	return v->mac[i] != NULL;
}

static bool digest_of(struct str s, uint8_t out[DIGEST_MAX])
{
	return EVP_Digest(s.p, s.len, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool set_shown(struct verifier *v, size_t i, struct str secret, struct diag *d)
{
	if (v->kind == VERIFY_BASIC && memchr(secret.p, ':', secret.len) == NULL) {
		diag_set(d, "the secret of \"basic\" is USER:PASSWORD, and this one has no colon");
		return false;
	}
	return digest_of(secret, v->digest[i]);
}

static enum err check_config(const struct verify_config *cfg, struct diag *d)
{
	if (cfg->kind >= VERIFY_N || cfg->n_secrets > VERIFY_MAX_SECRETS) {
		diag_set(d, "a source has at most %d secrets", VERIFY_MAX_SECRETS);
		return ERR_RANGE;
	}
	if ((cfg->n_secrets == 0) != (cfg->kind == VERIFY_NONE)) {
		diag_set(d, "\"%s\" %s", verify_kind_names[cfg->kind], cfg->kind == VERIFY_NONE ? "takes no secret" : "needs a secret");
		return ERR_RANGE;
	}
	if (cfg->kind == VERIFY_TOKEN && (cfg->header == NULL || cfg->header[0] == '\0')) {
		diag_set(d, "\"token\" needs the name of a header");
		return ERR_RANGE;
	}
	for (size_t i = 0; i < cfg->n_secrets; i++) {
		if (cfg->secrets[i].len == 0 || cfg->secrets[i].len > SECRET_MAX) {
			diag_set(d, "a secret is empty, or larger than %d bytes", SECRET_MAX);
			return ERR_RANGE;
		}
	}
	return ERR_OK;
}

enum err verifier_create(const struct verify_config *cfg, struct verifier **out, struct diag *d)
{
	enum err e = check_config(cfg, d);
	struct verifier *v;

	if (e != ERR_OK)
		return e;
	v = xcalloc(1, sizeof *v);
	v->kind = cfg->kind;
	if (cfg->kind == VERIFY_TOKEN)
		v->header = xstrdup(cfg->header);
	for (; v->n < cfg->n_secrets; v->n++) {
		bool ok = is_shown(v->kind) ? set_shown(v, v->n, cfg->secrets[v->n], d) : set_key(v, v->n, cfg->secrets[v->n], d);

		if (!ok) {
			verifier_destroy(v);
			return ERR_SYNTAX;
		}
	}
	*out = v;
	return ERR_OK;
}

void verifier_destroy(struct verifier *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < VERIFY_MAX_SECRETS; i++)
		EVP_MAC_CTX_free(v->mac[i]);
	free(v->header);
	OPENSSL_cleanse(v, sizeof *v);
	free(v);
}

enum verify_kind verifier_kind(const struct verifier *v)
{
	return v->kind;
}

bool verify_proves_headers(enum verify_kind kind)
{
	return is_shown(kind) || kind == VERIFY_NONE;
}

/* ---- judging ---- */

/* The HMAC of the parts, one after the other, under secret i. Gives its length, 0 on failure. */
static size_t sign(const struct verifier *v, size_t i, const struct str *parts, size_t n, uint8_t out[DIGEST_MAX])
{
	size_t len = 0;

	/* Without a key, init begins anew with the one it has. */
	if (EVP_MAC_init(v->mac[i], NULL, 0, NULL) != 1)
		return 0;
	for (size_t j = 0; j < n; j++)
		if (parts[j].len > 0 && EVP_MAC_update(v->mac[i], (const unsigned char *)parts[j].p, parts[j].len) != 1)
			return 0;
	return EVP_MAC_final(v->mac[i], out, &len, DIGEST_MAX) == 1 ? len : 0;
}

/* What a sender claims: digests as bytes. One that cannot be decoded has length 0 and matches nothing. */
struct claims {
	uint8_t digest[TRIES_MAX][DIGEST_MAX + 1];   /* base64 is decoded by threes */
	size_t  len[TRIES_MAX];
	size_t  n;
};

static void claim(struct claims *c, int len)
{
	c->len[c->n] = len > 0 ? (size_t)len : 0;
	c->n++;
}

/* Every claim against every secret, with no early end. */
static bool any_signed(const struct verifier *v, const struct claims *c, const struct str *parts, size_t n)
{
	unsigned good = 0;

	for (size_t i = 0; i < v->n; i++) {
		uint8_t want[DIGEST_MAX];
		size_t len = sign(v, i, parts, n, want);

		for (size_t j = 0; j < c->n; j++)
			good |= len > 0 && c->len[j] == len && CRYPTO_memcmp(c->digest[j], want, len) == 0;
	}
	return good != 0;
}

static bool one_header(const struct http_headers *h, struct str name, size_t len_max, struct str *value)
{
	return http_headers_find(h, name, value) == HTTP_ONE && value->len > 0 && value->len <= len_max;
}

static enum verify_result verify_standard(const struct verifier *v, const struct http_headers *h, struct str body, struct wall now)
{
	struct str id, time, signatures, one;
	char head[ID_MAX + TIME_MAX + 2];
	struct claims c = { .n = 0 };
	int64_t sent_s;
	bool more = true;

	if (!one_header(h, STR("webhook-id"), ID_MAX, &id) || !one_header(h, STR("webhook-timestamp"), TIME_MAX, &time) ||
	    !one_header(h, STR("webhook-signature"), 4096, &signatures))
		return VERIFY_MISSING;
	/* A dot in the id could be moved into the time, and both would be signed alike. */
	if (memchr(id.p, '.', id.len) != NULL || str_to_i64(time, 0, INT64_C(1) << 40, &sent_s) != ERR_OK)
		return VERIFY_BAD;
	while (more && c.n < TRIES_MAX) {
		more = str_cut(&signatures, ' ', &one);
		if (str_starts(one, STR("v1,")))
			claim(&c, base64_decode((struct str){ one.p + 3, one.len - 3 }, c.digest[c.n], DIGEST_MAX + 1));
	}
	/* An update costs OpenSSL more than hashing these few bytes. */
	memcpy(head, id.p, id.len);
	head[id.len] = '.';
	memcpy(head + id.len + 1, time.p, time.len);
	head[id.len + 1 + time.len] = '.';
	if (!any_signed(v, &c, (const struct str[]){ { head, id.len + time.len + 2 }, body }, 2))
		return VERIFY_BAD;
	sent_s -= now.ms / 1000;
	return sent_s * 1000 > VERIFY_TOLERANCE_MS || sent_s * 1000 < -VERIFY_TOLERANCE_MS ? VERIFY_STALE : VERIFY_OK;
}

static enum verify_result verify_hub(const struct verifier *v, const struct http_headers *h, struct str body)
{
	bool is_256 = v->kind == VERIFY_HUB_SIGNATURE_256;
	struct str prefix = is_256 ? STR("sha256=") : STR("sha1="), value, other;
	struct str name = STR("x-hub-signature");
	struct claims c = { .n = 0 };

	/* GitHub sends both headers, Jira the old name with the new hash. */
	if (is_256 && http_headers_find(h, STR("x-hub-signature-256"), &other) != HTTP_ABSENT)
		name = STR("x-hub-signature-256");
	if (!one_header(h, name, 256, &value))
		return VERIFY_MISSING;
	if (!str_starts(value, prefix))
		return VERIFY_BAD;
	claim(&c, hex_decode((struct str){ value.p + prefix.len, value.len - prefix.len }, c.digest[0], DIGEST_MAX));
	return any_signed(v, &c, &body, 1) ? VERIFY_OK : VERIFY_BAD;
}

/*
 * Time and body are signed without anything between them, so bytes could be moved from one to the other: what is taken for a time
 * must not begin or end in the middle of another one, or of JSON.
 */
static bool is_time(struct str s, bool is_glpi)
{
	int64_t seconds;
	struct wall t;

	return is_glpi ? s.len == 10 && str_to_i64(s, 0, INT64_MAX, &seconds) == ERR_OK : wall_parse(s, &t, NULL) == ERR_OK;
}

static enum verify_result verify_timed(const struct verifier *v, const struct http_headers *h, struct str body)
{
	bool is_glpi = v->kind == VERIFY_GLPI;
	struct str value, time;
	struct claims c = { .n = 0 };

	if (!one_header(h, is_glpi ? STR("x-glpi-signature") : STR("x-zendesk-webhook-signature"), 256, &value) ||
	    !one_header(h, is_glpi ? STR("x-glpi-timestamp") : STR("x-zendesk-webhook-signature-timestamp"), TIME_MAX, &time))
		return VERIFY_MISSING;
	if (!is_time(time, is_glpi))
		return VERIFY_BAD;
	claim(&c, is_glpi ? hex_decode(value, c.digest[0], DIGEST_MAX) : base64_decode(value, c.digest[0], DIGEST_MAX + 1));
	if (is_glpi)
		return any_signed(v, &c, (const struct str[]){ body, time }, 2) ? VERIFY_OK : VERIFY_BAD;
	return any_signed(v, &c, (const struct str[]){ time, body }, 2) ? VERIFY_OK : VERIFY_BAD;
}

/* "Scheme rest", of which the scheme's case does not matter. */
static bool cut_scheme(struct str *value, struct str scheme)
{
	if (value->len <= scheme.len + 1 || value->p[scheme.len] != ' ' ||
	    !str_eq_nocase((struct str){ value->p, scheme.len }, scheme))
		return false;
	*value = str_trim((struct str){ value->p + scheme.len, value->len - scheme.len });
	return true;
}

static enum verify_result verify_shown(const struct verifier *v, const struct http_headers *h)
{
	uint8_t plain[SECRET_MAX + 4], digest[DIGEST_MAX];
	struct str value;
	unsigned good = 0;

	if (!one_header(h, v->kind == VERIFY_TOKEN ? str_of(v->header) : STR("authorization"), 2 * SECRET_MAX, &value))
		return VERIFY_MISSING;
	if (v->kind == VERIFY_BEARER && !cut_scheme(&value, STR("Bearer")))
		return VERIFY_BAD;
	if (v->kind == VERIFY_BASIC) {
		int len = cut_scheme(&value, STR("Basic")) ? base64_decode(value, plain, sizeof plain) : -1;

		if (len <= 0)
			return VERIFY_BAD;
		value = (struct str){ (const char *)plain, (size_t)len };
	}
	if (!digest_of(value, digest))
		return VERIFY_BAD;
	for (size_t i = 0; i < v->n; i++)
		good |= CRYPTO_memcmp(v->digest[i], digest, DIGEST_MAX) == 0;
	return good != 0 ? VERIFY_OK : VERIFY_BAD;
}

static enum verify_result judge(const struct verifier *v, const struct http_headers *headers, struct str body, struct wall now)
{
	switch (v->kind) {
	case VERIFY_STANDARD_WEBHOOKS: return verify_standard(v, headers, body, now);
	case VERIFY_HUB_SIGNATURE_256:
	case VERIFY_HUB_SIGNATURE:     return verify_hub(v, headers, body);
	case VERIFY_ZENDESK:
	case VERIFY_GLPI:              return verify_timed(v, headers, body);
	case VERIFY_TOKEN:
	case VERIFY_BEARER:
	case VERIFY_BASIC:             return verify_shown(v, headers);
	case VERIFY_NONE:              return VERIFY_OK;
	case VERIFY_N:                 break;
	}
	return VERIFY_BAD;
}

enum verify_result verify_request(const struct verifier *v, const struct http_headers *headers, struct str body, struct wall now)
{
	enum verify_result result = judge(v, headers, body, now);
	uint8_t nothing[DIGEST_MAX];

	/* So that a missing header takes as long as a wrong one, whatever the source expects. */
	if (result == VERIFY_MISSING && v->n > 0 && v->mac[0] != NULL)
		(void)sign(v, 0, &body, 1, nothing);
	return result;
}
