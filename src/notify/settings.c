#include "notify/settings.h"

#include <curl/curl.h>

#include "notify/mail.h"
#include "notify/sign.h"

bool notify_address_ok(struct str address)
{
	struct mail_address a;

	return mail_address_of(address, &a);
}

/* Schemes, a host, no user: and nothing of the URL in the sentence, for its path may be the secret. */
static bool url_ok(const char *url, const char *scheme, const char *scheme_tls)
{
	CURLU *u = curl_url();
	char *s = NULL, *user = NULL, *host = NULL;
	bool ok = u != NULL && url != NULL && !str_has_controls(str_of(url)) && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK;

	ok = ok && curl_url_get(u, CURLUPART_SCHEME, &s, 0) == CURLUE_OK && (strcmp(s, scheme) == 0 || strcmp(s, scheme_tls) == 0);
	ok = ok && curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0] != '\0';
	ok = ok && curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_NO_USER;
	curl_free(s);
	curl_free(user);
	curl_free(host);
	curl_url_cleanup(u);
	return ok;
}

bool notify_secret_ok(struct str secret, struct diag *d)
{
	struct sign_key key = { .len = 0 };
	bool ok = sign_key_of(secret, &key);

	sign_key_finish(&key);
	if (!ok)
		diag_set(d, "the secret is not whsec_ and base64, or longer than %d bytes", SIGN_MAX_KEY);
	return ok;
}

static enum err check_webhook(const struct notify_receiver *c, struct diag *d)
{
	struct diag why = { 0 };
	bool ok = true;

	if (!url_ok(c->url, "http", "https")) {
		diag_set(d, "receiver %s: the url must be http or https, with a host and without a user", c->name);
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < 2; i++)
		ok = ok && notify_secret_ok(c->secrets[i], &why);
	if (!ok)
		diag_set(d, "receiver %s: %s", c->name, why.msg);
	return ok ? ERR_OK : ERR_SYNTAX;
}

static enum err check_mail(const struct notify_receiver *c, const struct notify_email *email, struct diag *d)
{
	struct mail_address a;

	if (!url_ok(email->smtp, "smtp", "smtps")) {
		diag_set(d, "receiver %s: mail needs email.smtp, such as smtp://127.0.0.1:25", c->name);
		return ERR_SYNTAX;
	}
	if (email->from == NULL || !mail_address_of(str_of(email->from), &a)) {
		diag_set(d, "receiver %s: email.from is no address", c->name);
		return ERR_SYNTAX;
	}
	if (c->n_to == 0 || c->n_to > NOTIFY_MAX_RECIPIENTS) {
		diag_set(d, "receiver %s: 1 to %d addresses, not %zu", c->name, NOTIFY_MAX_RECIPIENTS, c->n_to);
		return ERR_LIMIT;
	}
	for (size_t i = 0; i < c->n_to; i++)
		if (!mail_address_of(str_of(c->to[i]), &a)) {
			diag_set(d, "receiver %s: address %zu is none", c->name, i + 1);
			return ERR_SYNTAX;
		}
	return ERR_OK;
}

static enum err check_receiver(const struct notify_receiver *c, const struct notify_email *email, struct diag *d)
{
	switch (c->kind) {
	case NOTIFY_WEBHOOK: return check_webhook(c, d);
	case NOTIFY_EMAIL: return check_mail(c, email, d);
	case NOTIFY_LOG: break;
	}
	return ERR_OK;
}

enum err notify_settings_check(const struct notify_settings *s, struct diag *d)
{
	for (size_t i = 0; i < s->n_receivers; i++) {
		enum err e = check_receiver(&s->receivers[i], &s->email, d);

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}
