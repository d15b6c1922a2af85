#include "notify/webhook.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "notify/retry.h"
#include "notify/text.h"

#define EXCERPT 80      /* bytes of a refusal's body that go into the detail */

struct webhook {
	struct flights    *flights;
	CURL              *easy;
	bool               flying;
	webhook_done_fn   *fn;
	void              *ctx;
	struct curl_slist *headers;
	char              *body;           /* of the request */
	struct wall        now;
	/* the answer */
	size_t             n_head, n_body; /* bytes read */
	bool               head_done;      /* the headers of the final answer are whole */
	int64_t            retry_after_ms;
	char               excerpt[EXCERPT];
	size_t             n_excerpt;
	bool               refused;        /* link-local */
	char               error[CURL_ERROR_SIZE];
};

/* ---- reading the answer ---- */

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct webhook *w = ctx;
	struct str line = { p, size * n }, name;
	struct str retry_after = STR("retry-after");

	w->n_head += line.len;
	if (w->n_head > WEBHOOK_MAX_ANSWER)
		return 0;
	/* Interim answers (1xx) have headers of their own; only the last head counts. */
	if (str_starts(line, STR("HTTP/"))) {
		w->retry_after_ms = -1;
		w->head_done = false;
	} else if (line.len <= 2) {
		long status = 0;

		w->head_done = curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status >= 200;
	} else if (str_cut(&line, ':', &name) && str_eq_nocase(name, retry_after)) {
		while (line.len > 0 && (line.p[line.len - 1] == '\r' || line.p[line.len - 1] == '\n'))
			line.len--;
		w->retry_after_ms = retry_after_ms(line, w->now);
	}
	return size * n;
}

/* The cap is ours alone: CURLOPT_MAXFILESIZE ends the transfer at Content-Length, before a Retry-After behind it is read. */
static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct webhook *w = ctx;
	size_t len = size * n, keep = EXCERPT - w->n_excerpt;

	w->n_body += len;
	if (w->n_body > WEBHOOK_MAX_ANSWER)
		return 0;
	keep = keep < len ? keep : len;
	memcpy(w->excerpt + w->n_excerpt, p, keep);
	w->n_excerpt += keep;
	return len;
}

/* "503", "400: no such channel", "timed out": short, one line, and nothing of the URL, which may hold a secret. */
static void describe(const struct webhook *w, CURLcode code, struct answer *a)
{
	struct buf b;

	buf_init(&b, sizeof(a->detail) - 1);
	if (a->status != 0) {
		buf_printf(&b, "%d", a->status);
		if (a->status >= 300 && w->n_excerpt > 0) {
			buf_puts(&b, ": ");
			text_clean((struct str){ w->excerpt, w->n_excerpt }, &b);
		}
	} else if (w->refused) {
		buf_puts(&b, "link-local address refused");
	} else {
		text_clean(str_of(w->error[0] != '\0' ? w->error : curl_easy_strerror(code)), &b);
	}
	snprintf(a->detail, sizeof(a->detail), "%s", buf_cstr(&b));
	buf_finish(&b);
}

/* A 2xx whose headers are whole has been accepted: a body that is endless, slow or cut off does not take that back. */
static void on_done(void *ctx, CURLcode code)
{
	struct webhook *w = ctx;
	struct answer a = { .untrusted = flight_untrusted(code), .retry_after_ms = w->retry_after_ms };
	long status = 0;

	w->flying = false;
	if (w->head_done && curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
		a.status = (int)status;
	describe(w, code, &a);
	w->fn(w->ctx, &a);
}

/* ---- making the request ---- */

static bool add_header(struct webhook *w, const char *line)
{
	struct curl_slist *more = curl_slist_append(w->headers, line);

	if (more == NULL)
		return false;
	w->headers = more;
	return true;
}

/* Only names of ours, and values of digits, hexadecimal and base64: nothing in here came from outside. */
static bool add_headers(struct webhook *w, const struct webhook_request *rq)
{
	int64_t seconds = rq->now.ms / MS_PER_S;
	char line[64 + 2 * SIGN_TEXT_LEN], sig[SIGN_TEXT_LEN];
	bool ok = add_header(w, "Content-Type: application/json") && add_header(w, "Expect:") && add_header(w, "Accept:");

	snprintf(line, sizeof(line), "webhook-id: %s", rq->id);
	ok = ok && add_header(w, line);
	snprintf(line, sizeof(line), "webhook-timestamp: %lld", (long long)seconds);
	ok = ok && add_header(w, line);
	size_t n = (size_t)snprintf(line, sizeof(line), "webhook-signature:");
	for (size_t i = 0; i < rq->n_keys && i < 2; i++) {
		sign_webhook(&rq->keys[i], rq->id, seconds, rq->body, sig);
		n += (size_t)snprintf(line + n, sizeof(line) - n, " %s", sig);
	}
	return ok && (rq->n_keys == 0 || add_header(w, line));
}

static CURLcode set_options(struct webhook *w, const struct webhook_request *rq)
{
	CURL *c = w->easy;
	CURLcode e = flight_common(c, "http,https", rq->ca_file, (long)rq->timeout_ms, &w->refused);

#define SET(option, value) do { if (e == CURLE_OK) e = curl_easy_setopt(c, (option), (value)); } while (0)
	SET(CURLOPT_URL, rq->url);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDS, w->body);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.len);
	SET(CURLOPT_HTTPHEADER, w->headers);
	SET(CURLOPT_USERAGENT, "plazo/" PLAZO_VERSION);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_ERRORBUFFER, w->error);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, w);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, w);
#undef SET
	return e;
}

struct webhook *webhook_start(struct flights *f, const struct webhook_request *rq, webhook_done_fn *fn, void *ctx, struct diag *d)
{
	struct webhook *w = xcalloc(1, sizeof(*w));
	CURLcode e = CURLE_FAILED_INIT;

	*w = (struct webhook){ .flights = f, .fn = fn, .ctx = ctx, .now = rq->now, .retry_after_ms = -1 };
	w->easy = curl_easy_init();
	w->body = xstrndup(rq->body.p, rq->body.len);
	if (w->easy != NULL && add_headers(w, rq))
		e = set_options(w, rq);
	if (e != CURLE_OK || !flights_start(f, w->easy, on_done, w)) {
		diag_set(d, "libcurl refuses the request: %s", curl_easy_strerror(e));
		webhook_destroy(w);
		return NULL;
	}
	w->flying = true;
	return w;
}

void webhook_destroy(struct webhook *w)
{
	if (w == NULL)
		return;
	if (w->flying)
		flights_cancel(w->flights, w->easy);
	curl_easy_cleanup(w->easy);
	curl_slist_free_all(w->headers);
	free(w->body);
	free(w);
}
