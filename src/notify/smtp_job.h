/* One mail on its way: what a thread of smtp.c runs. */
#ifndef PLAZO_NOTIFY_SMTP_JOB_H
#define PLAZO_NOTIFY_SMTP_JOB_H

#include <stdatomic.h>

#include "notify/smtp.h"

struct smtp_job {
	struct smtp_job   *next;          /* in a queue of smtp.c */
	smtp_done_fn      *fn;            /* NULL: cancelled. The loop thread alone */
	void              *ctx;
	atomic_bool        abort;
	struct smtp_result result;
	/* copies of the request */
	char              *url, *user, *password, *ca_file, *from;
	enum notify_tls    tls;
	int64_t            timeout_ms;
	char              *to[NOTIFY_MAX_RECIPIENTS];   /* "<a@b>" */
	size_t             n_to;
	char              *headers[MAIL_MAX_HEADERS];
	size_t             n_headers;
	char              *text, *html;
};

struct smtp_job *smtp_job_create(const struct smtp_request *rq);
void smtp_job_destroy(struct smtp_job *job);

/* Blocks until the mail is gone or not; fills job->result. */
void smtp_job_run(struct smtp_job *job);

#endif
