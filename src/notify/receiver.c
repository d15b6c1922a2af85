#include "notify/receiver.h"

#include <stdlib.h>

#include <curl/curl.h>

#include "base/xalloc.h"
#include "notify/mail.h"
#include "notify/smtp.h"

const double notify_buckets_s[NOTIFY_N_BUCKETS] = { 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300 };

/* ---- checking ---- */

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

static enum err check_webhook(const struct notify_receiver *c, struct diag *d)
{
	struct sign_key key;
	bool ok = true;

	if (!url_ok(c->url, "http", "https")) {
		diag_set(d, "receiver %s: the url must be http or https, with a host and without a user", c->name);
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < 2; i++)
		ok = ok && sign_key_of(c->secrets[i], &key);
	explicit_bzero(&key, sizeof(key));
	if (!ok)
		diag_set(d, "receiver %s: the secret is not whsec_ and base64, or longer than %d bytes", c->name, SIGN_MAX_KEY);
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

enum err receiver_check(const struct notify_receiver *c, const struct notify_email *email, struct diag *d)
{
	switch (c->kind) {
	case NOTIFY_WEBHOOK: return check_webhook(c, d);
	case NOTIFY_EMAIL: return check_mail(c, email, d);
	case NOTIFY_LOG: break;
	}
	return ERR_OK;
}

/* ---- life ---- */

struct receiver *receiver_create(struct sipkey key)
{
	struct receiver *r = xcalloc(1, sizeof(*r));

	queue_init(&r->queue, key);
	return r;
}

static void forget_keys(struct receiver *r)
{
	if (r->keys != NULL)
		explicit_bzero(r->keys, 2 * sizeof(*r->keys));
}

void receiver_destroy(struct receiver *r)
{
	if (r == NULL)
		return;
	queue_finish(&r->queue);
	forget_keys(r);
	arena_destroy(r->mem);
	free(r);
}

static bool same_recipients(const struct receiver *r, const struct notify_receiver *c)
{
	bool same = r->n_to == c->n_to;

	for (size_t i = 0; same && i < c->n_to; i++)
		same = strcmp(r->to[i], c->to[i]) == 0;
	return same;
}

static const char *copy(struct arena *mem, const char *z)
{
	return z != NULL ? arena_strdup(mem, z) : NULL;
}

static void copy_recipients(struct receiver *r, struct arena *mem, const struct notify_receiver *c)
{
	if (!same_recipients(r, c)) {
		r->generation++;
		for (size_t i = 0; i < r->queue.n_slots; i++)
			if (r->queue.slots[i] != NULL)
				r->queue.slots[i]->done = r->queue.slots[i]->refused = 0;
	}
	r->to = arena_array(mem, c->n_to, sizeof(*r->to));
	r->n_to = c->n_to;
	for (size_t i = 0; i < c->n_to; i++)
		r->to[i] = arena_strdup(mem, c->to[i]);
}

void receiver_configure(struct receiver *r, const struct notify_receiver *c)
{
	struct arena *mem = arena_create();

	copy_recipients(r, mem, c);
	forget_keys(r);
	r->keys = arena_array(mem, 2, sizeof(*r->keys));
	r->n_keys = 0;
	for (size_t i = 0; i < 2; i++)
		if (c->secrets[i].len > 0 && sign_key_of(c->secrets[i], &r->keys[r->n_keys]))
			r->n_keys++;
	r->name = arena_strdup(mem, c->name);
	r->kind = c->kind;
	r->fallback = copy(mem, c->fallback);
	r->language = c->language;
	r->zone = c->zone;
	r->url = copy(mem, c->url);
	r->ca_file = copy(mem, c->ca_file);
	arena_destroy(r->mem);
	r->mem = mem;
	r->configured = true;
	r->disabled = r->failing = false;
	r->hold_until = (struct mono){ INT64_MIN };
	r->window = c->kind == NOTIFY_EMAIL ? SMTP_THREADS : NOTIFY_MAX_FLIGHTS;
}

/* ---- how it does ---- */

void receiver_arrived(struct receiver *r, int64_t latency_ms)
{
	unsigned most = r->kind == NOTIFY_EMAIL ? SMTP_THREADS : NOTIFY_MAX_FLIGHTS;
	double s = latency_ms > 0 ? (double)latency_ms / 1000 : 0;
	size_t i = 0;

	while (i < NOTIFY_N_BUCKETS && s > notify_buckets_s[i])
		i++;
	r->latency[i]++;
	r->latency_sum_s += s;
	r->n_sent++;
	r->failing = false;
	if (r->window < most)
		r->window++;
}

void receiver_failed(struct receiver *r, struct mono now)
{
	r->n_failed++;
	if (!r->failing)
		r->failing_since = now;
	r->failing = true;
	if (r->window > 1)
		r->window /= 2;
}
