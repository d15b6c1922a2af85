#include "notify/line.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "notify/easy.h"
#include "notify/retry.h"
#include "notify/text.h"

#define EXCERPT 80      /* bytes of a refusal's body that go into the detail */

enum header { HEADER_TYPE, HEADER_EXPECT, HEADER_ACCEPT, HEADER_ID, HEADER_TIMESTAMP, HEADER_SIGNATURE, N_HEADERS };

struct line {
	uint64_t          serial;
	CURL             *easy;
	struct curl_slist headers[N_HEADERS];      /* libcurl reads them; their texts are constant, or lie here: */
	char              id[16 + ALERT_ID_LEN], timestamp[48], signature[32 + 2 * SIGN_TEXT_LEN];
	/* the answer */
	struct wall       now;                     /* of the request */
	size_t            n_head, n_body;          /* bytes read */
	bool              head_done;               /* the headers of the final answer are whole */
	int64_t           retry_after_ms;
	char              excerpt[EXCERPT];
	size_t            n_excerpt;
	bool              refused;                 /* link-local */
	char              error[CURL_ERROR_SIZE];
};

/* ---- the answer ---- */

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct line *l = ctx;
	struct str text = { p, size * n }, name;
	struct str retry_after = STR("retry-after");

	l->n_head += text.len;
	if (l->n_head > LINE_MAX_ANSWER)
		return 0;
	/* Interim answers (1xx) have headers of their own; only the last head counts. */
	if (str_starts(text, STR("HTTP/"))) {
		l->retry_after_ms = -1;
		l->head_done = false;
	} else if (text.len <= 2) {
		long status = 0;

		l->head_done = curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status >= 200;
	} else if (str_cut(&text, ':', &name) && str_eq_nocase(name, retry_after)) {
		while (text.len > 0 && (text.p[text.len - 1] == '\r' || text.p[text.len - 1] == '\n'))
			text.len--;
		l->retry_after_ms = retry_after_ms(text, l->now);
	}
	return size * n;
}

/* The cap is ours alone: CURLOPT_MAXFILESIZE ends the transfer at Content-Length, before a Retry-After behind it is read. */
static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct line *l = ctx;
	size_t len = size * n, keep = EXCERPT - l->n_excerpt;

	l->n_body += len;
	if (l->n_body > LINE_MAX_ANSWER)
		return 0;
	keep = keep < len ? keep : len;
	memcpy(l->excerpt + l->n_excerpt, p, keep);
	l->n_excerpt += keep;
	return len;
}

/* "503", "400: no such channel", "timed out": short, one line, and nothing of the URL, which may hold a secret. */
static void describe(const struct line *l, CURLcode code, struct answer *a)
{
	struct buf b;

	buf_init(&b, sizeof(a->detail) - 1);
	if (a->status != 0) {
		buf_put_decimal(&b, a->status);
		if (a->status >= 300 && l->n_excerpt > 0) {
			buf_puts(&b, ": ");
			text_clean((struct str){ l->excerpt, l->n_excerpt }, &b);
		}
	} else if (l->refused) {
		buf_puts(&b, "link-local address refused");
	} else {
		text_clean(str_of(l->error[0] != '\0' ? l->error : curl_easy_strerror(code)), &b);
	}
	snprintf(a->detail, sizeof(a->detail), "%s", buf_cstr(&b));
	buf_finish(&b);
}

/* A 2xx whose headers are whole has been accepted: a body that is endless, slow or cut off does not take that back. */
void line_read(const struct line *l, CURLcode code, struct answer *out)
{
	long status = 0;

	*out = (struct answer){ .untrusted = easy_untrusted(code), .retry_after_ms = l->retry_after_ms };
	if (l->head_done && curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
		out->status = (int)status;
	describe(l, code, out);
}

/* ---- the request ---- */

/* A list of our own making, which libcurl only reads: three of its texts are new in every request, and none needs memory. */
static void link_headers(struct line *l, const struct endpoint *e)
{
	static char type[] = "Content-Type: application/json", expect[] = "Expect:", accept[] = "Accept:";
	char *const texts[N_HEADERS] = { type, expect, accept, l->id, l->timestamp, l->signature };
	size_t n = e->n_keys > 0 ? N_HEADERS : HEADER_SIGNATURE;

	for (size_t i = 0; i < n; i++)
		l->headers[i] = (struct curl_slist){ .data = texts[i], .next = i + 1 < n ? &l->headers[i + 1] : NULL };
}

static CURLcode set_options(struct line *l, const struct endpoint *e)
{
	CURL *c = l->easy;
	CURLcode code = easy_common(c, "http,https", e->ca_file, (long)e->timeout_ms, &l->refused);

#define SET(option, value) do { if (code == CURLE_OK) code = curl_easy_setopt(c, (option), (value)); } while (0)
	SET(CURLOPT_URL, e->url);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_HTTPHEADER, l->headers);
	SET(CURLOPT_USERAGENT, "plazo/" PLAZO_VERSION);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_ERRORBUFFER, l->error);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, l);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, l);
#undef SET
	return code;
}

struct line *line_create(const struct endpoint *e, CURLcode *code_out)
{
	struct line *l = xcalloc(1, sizeof(*l));
	CURLcode code = CURLE_FAILED_INIT;

	l->serial = e->serial;
	link_headers(l, e);
	l->easy = curl_easy_init();
	if (l->easy != NULL)
		code = set_options(l, e);
	if (code == CURLE_OK)
		return l;
	line_destroy(l);
	*code_out = code;
	return NULL;
}

void line_destroy(struct line *l)
{
	if (l == NULL)
		return;
	curl_easy_cleanup(l->easy);
	free(l);
}

uint64_t line_serial(const struct line *l)
{
	return l->serial;
}

/* Only names of ours, and values of digits, hexadecimal and base64: nothing in here came from outside. */
static void write_headers(struct line *l, struct endpoint *e, const struct line_request *rq)
{
	int64_t seconds = rq->now.ms / MS_PER_S;
	char sig[SIGN_TEXT_LEN];
	size_t n;

	snprintf(l->id, sizeof(l->id), "webhook-id: %s", rq->id);
	snprintf(l->timestamp, sizeof(l->timestamp), "webhook-timestamp: %lld", (long long)seconds);
	n = (size_t)snprintf(l->signature, sizeof(l->signature), "webhook-signature:");
	for (size_t i = 0; i < e->n_keys; i++) {
		sign_webhook(&e->keys[i], rq->id, seconds, rq->body, sig);
		n += (size_t)snprintf(l->signature + n, sizeof(l->signature) - n, " %s", sig);
	}
}

CURL *line_write(struct line *l, struct endpoint *e, const struct line_request *rq, CURLcode *code_out)
{
	CURLcode code;

	write_headers(l, e, rq);
	l->now = rq->now;
	l->n_head = l->n_body = l->n_excerpt = 0;
	l->head_done = l->refused = false;
	l->retry_after_ms = -1;
	l->error[0] = '\0';
	code = curl_easy_setopt(l->easy, CURLOPT_POSTFIELDS, rq->body.p);
	if (code == CURLE_OK)
		code = curl_easy_setopt(l->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.len);
	if (code == CURLE_OK)
		return l->easy;
	*code_out = code;
	return NULL;
}
