#include "notify/smtp_job.h"

#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>

#include "base/xalloc.h"
#include "notify/easy.h"

/* ---- following the dialogue ---- */

enum phase { PHASE_HELLO, PHASE_RCPT, PHASE_DATA, PHASE_BODY, PHASE_SENT, PHASE_QUIT };

/* libcurl tells one code for the whole transfer; which recipient was refused stands only in the dialogue. */
struct dialogue {
	struct smtp_job *job;
	enum phase       phase;
	size_t           n_rcpt;                        /* RCPT commands so far */
	int              rcpt[NOTIFY_MAX_RECIPIENTS];   /* their answers */
	int              other;                         /* the last answer to anything but RCPT and QUIT */
	int              data;                          /* the answer to the message */
	char             said[160];                     /* the last refusal, or the answer to the message */
	bool             refused;                       /* link-local */
	bool             starttls;                      /* the last command was STARTTLS */
};

static void on_command(struct dialogue *d, struct str line)
{
	d->starttls = str_starts(line, STR("STARTTLS"));
	if (str_starts(line, STR("RCPT TO:"))) {
		d->phase = PHASE_RCPT;
		d->n_rcpt++;
	} else if (str_starts(line, STR("DATA"))) {
		d->phase = PHASE_DATA;
	} else if (str_starts(line, STR("QUIT"))) {
		d->phase = PHASE_QUIT;
	} else {
		d->phase = PHASE_HELLO;
	}
}

static int code_of(struct str line)
{
	int64_t v;

	return line.len >= 3 && str_to_i64((struct str){ line.p, 3 }, 200, 599, &v) == ERR_OK ? (int)v : 0;
}

static void on_answer(struct dialogue *d, struct str line)
{
	int code = code_of(line);

	if (code == 0 || (line.len > 3 && line.p[3] == '-') || d->phase == PHASE_QUIT)
		return;
	if (d->phase == PHASE_RCPT) {
		if (d->n_rcpt > 0 && d->n_rcpt <= NOTIFY_MAX_RECIPIENTS)
			d->rcpt[d->n_rcpt - 1] = code;
	} else {
		d->other = code;
	}
	if (d->phase == PHASE_BODY) {
		d->data = code;
		d->phase = PHASE_SENT;
	} else if (d->phase == PHASE_DATA && code == 354) {
		d->phase = PHASE_BODY;
	}
	if (code >= 400 || (d->phase == PHASE_SENT && d->said[0] == '\0')) {
		struct buf b;

		buf_init(&b, sizeof(d->said) - 1);
		text_clean(line, &b);
		snprintf(d->said, sizeof(d->said), "%s", buf_cstr(&b));
		buf_finish(&b);
	}
}

/* Passwords pass through here: commands are only looked at, never kept. */
static int on_debug(CURL *easy, curl_infotype type, char *p, size_t len, void *ctx)
{
	struct str line = { p, len };

	(void)easy;
	if (type == CURLINFO_HEADER_OUT)
		on_command(ctx, line);
	else if (type == CURLINFO_HEADER_IN)
		on_answer(ctx, line);
	return 0;
}

/* ---- the verdict on each recipient ---- */

/* libcurl ends the transfer when anything stands behind the answer to STARTTLS: it would be taken for what the server says under TLS (CVE-2021-22947). */
static bool injected(const struct dialogue *d, CURLcode code)
{
	return code == CURLE_WEIRD_SERVER_REPLY && d->starttls;
}

static enum outcome outcome_of(const struct dialogue *d, size_t i, CURLcode code, int *status_out)
{
	int status = d->rcpt[i];

	if (status >= 200 && status < 300)
		status = d->data;
	if (status == 0 && d->other >= 400)
		status = d->other;
	*status_out = status;
	/* No TLS where it is required or not the server's, or no way to log in: waiting does not help, somebody must be told. */
	if (code == CURLE_USE_SSL_FAILED || code == CURLE_LOGIN_DENIED || easy_untrusted(code) || injected(d, code))
		return OUTCOME_DENIED;
	return retry_smtp(status);
}

static void judge(struct smtp_job *job, const struct dialogue *d, CURLcode code, const char *error)
{
	struct buf b;

	for (size_t i = 0; i < job->n_to; i++)
		job->result.outcome[i] = outcome_of(d, i, code, &job->result.status[i]);
	buf_init(&b, sizeof(job->result.detail) - 1);
	if (d->refused)
		buf_puts(&b, "link-local address refused");
	else if (injected(d, code))
		buf_puts(&b, "answers came in clear before the TLS handshake: somebody may stand between");
	else if (d->said[0] != '\0')
		text_clean(str_of(d->said), &b);
	else
		text_clean(str_of(error[0] != '\0' ? error : curl_easy_strerror(code)), &b);
	snprintf(job->result.detail, sizeof(job->result.detail), "%s", buf_cstr(&b));
	buf_finish(&b);
}

/* ---- the transfer ---- */

static int on_progress(void *ctx, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
	struct smtp_job *job = ctx;

	(void)dt;
	(void)dn;
	(void)ut;
	(void)un;
	return atomic_load(&job->abort) ? 1 : 0;
}

static CURLcode add_part(curl_mime *mime, const char *type, const char *text)
{
	curl_mimepart *part = curl_mime_addpart(mime);
	CURLcode e = part != NULL ? curl_mime_data(part, text, CURL_ZERO_TERMINATED) : CURLE_OUT_OF_MEMORY;

	if (e == CURLE_OK)
		e = curl_mime_type(part, type);
	/* Encoded lines are short and never begin with a dot alone, whatever is in them. */
	return e == CURLE_OK ? curl_mime_encoder(part, "quoted-printable") : e;
}

static long use_ssl(const struct smtp_job *job)
{
	if (job->tls == NOTIFY_TLS_NONE)
		return CURLUSESSL_NONE;
	/* A password never goes out in clear because somebody on the way cut STARTTLS out. */
	return job->tls == NOTIFY_TLS_REQUIRE || job->user != NULL ? CURLUSESSL_ALL : CURLUSESSL_TRY;
}

static CURLcode set_options(CURL *c, struct smtp_job *job, struct dialogue *d, char *error)
{
	CURLcode e = easy_common(c, "smtp,smtps", job->ca_file, (long)job->timeout_ms, &d->refused);
	long answer_s = (long)(job->timeout_ms / 2 / MS_PER_S);

#define SET(option, value) do { if (e == CURLE_OK) e = curl_easy_setopt(c, (option), (value)); } while (0)
	SET(CURLOPT_URL, job->url);
	SET(CURLOPT_USE_SSL, use_ssl(job));
	if (job->user != NULL) {
		SET(CURLOPT_USERNAME, job->user);
		SET(CURLOPT_PASSWORD, job->password != NULL ? job->password : "");
	}
	SET(CURLOPT_MAIL_FROM, job->from);
	SET(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
	/* Connections are not reused: libcurl has taken one without TLS for one that requires it (CVE-2026-4873). */
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, answer_s > 0 ? answer_s : 1L);
	SET(CURLOPT_ERRORBUFFER, error);
	SET(CURLOPT_VERBOSE, 1L);
	SET(CURLOPT_DEBUGFUNCTION, on_debug);
	SET(CURLOPT_DEBUGDATA, d);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, job);
#undef SET
	return e;
}

static bool list_add(struct curl_slist **list, const char *z)
{
	struct curl_slist *more = curl_slist_append(*list, z);

	if (more != NULL)
		*list = more;
	return more != NULL;
}

static bool make_lists(const struct smtp_job *job, struct curl_slist **to, struct curl_slist **headers)
{
	bool ok = true;

	for (size_t i = 0; i < job->n_to; i++)
		ok = ok && list_add(to, job->to[i]);
	for (size_t i = 0; i < job->n_headers; i++)
		ok = ok && list_add(headers, job->headers[i]);
	return ok && list_add(headers, "Content-Type: multipart/alternative");
}

void smtp_job_run(struct smtp_job *job)
{
	struct dialogue d = { .job = job };
	struct curl_slist *to = NULL, *headers = NULL;
	char error[CURL_ERROR_SIZE] = "";
	CURL *c = curl_easy_init();
	curl_mime *mime = c != NULL ? curl_mime_init(c) : NULL;
	CURLcode e = CURLE_OUT_OF_MEMORY;

	if (mime != NULL && make_lists(job, &to, &headers))
		e = set_options(c, job, &d, error);
	if (e == CURLE_OK)
		e = add_part(mime, "text/plain; charset=utf-8", job->text);
	if (e == CURLE_OK)
		e = add_part(mime, "text/html; charset=utf-8", job->html);
	if (e == CURLE_OK)
		e = curl_easy_setopt(c, CURLOPT_MAIL_RCPT, to);
	if (e == CURLE_OK)
		e = curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	if (e == CURLE_OK)
		e = curl_easy_setopt(c, CURLOPT_MIMEPOST, mime);
	if (e == CURLE_OK)
		e = curl_easy_perform(c);
	judge(job, &d, e, error);
	curl_mime_free(mime);
	curl_easy_cleanup(c);
	curl_slist_free_all(to);
	curl_slist_free_all(headers);
}

/* ---- life ---- */

static char *dup_or_null(const char *z)
{
	return z != NULL ? xstrdup(z) : NULL;
}

static char *in_brackets(const char *text)
{
	struct mail_address a;
	char path[MAIL_MAX_ADDRESS + 3] = "<>";

	if (mail_address_of(str_of(text), &a))
		snprintf(path, sizeof(path), "<" STR_FMT ">", STR_ARG(a.spec));
	return xstrdup(path);
}

struct smtp_job *smtp_job_create(const struct smtp_request *rq)
{
	struct smtp_job *job = xcalloc(1, sizeof(*job));

	job->url = xstrdup(rq->email->smtp);
	job->user = dup_or_null(rq->email->user);
	job->password = dup_or_null(rq->email->password);
	job->ca_file = dup_or_null(rq->email->ca_file);
	job->tls = rq->email->tls;
	job->timeout_ms = rq->timeout_ms;
	job->from = in_brackets(rq->email->from);
	job->n_to = rq->n_to;
	for (size_t i = 0; i < rq->n_to; i++)
		job->to[i] = in_brackets(rq->to[i]);
	job->n_headers = rq->mail->n_headers;
	for (size_t i = 0; i < job->n_headers; i++)
		job->headers[i] = xstrdup(rq->mail->headers[i]);
	job->text = xstrdup(rq->mail->text);
	job->html = xstrdup(rq->mail->html);
	return job;
}

void smtp_job_destroy(struct smtp_job *job)
{
	if (job == NULL)
		return;
	for (size_t i = 0; i < job->n_to; i++)
		free(job->to[i]);
	for (size_t i = 0; i < job->n_headers; i++)
		free(job->headers[i]);
	if (job->password != NULL)
		explicit_bzero(job->password, strlen(job->password));
	free(job->url);
	free(job->user);
	free(job->password);
	free(job->ca_file);
	free(job->from);
	free(job->text);
	free(job->html);
	free(job);
}
