/*
 * Hands mails to a mail server. A few threads, because libcurl waits for the answer to QUIT without giving the thread back: a
 * server that never answers it would stop the loop. What a thread gets is a job of its own; nothing else is shared.
 */
#ifndef PLAZO_NOTIFY_SMTP_H
#define PLAZO_NOTIFY_SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notify/mail.h"
#include "notify/notify.h"
#include "notify/retry.h"

#define SMTP_THREADS    4
#define SMTP_TIMEOUT_MS 60000

struct event_base;
struct smtp;
struct smtp_job;

struct smtp_request {
	const struct notify_email *email;
	const char *const         *to;           /* as configured, valid */
	size_t                     n_to;
	const struct mail         *mail;
	int64_t                    timeout_ms;
};

struct smtp_result {
	enum outcome outcome[NOTIFY_MAX_RECIPIENTS];   /* of each recipient */
	int          status[NOTIFY_MAX_RECIPIENTS];    /* the answer that decided it; 0: none */
	char         detail[200];                      /* the server's last refusal, or its last answer */
};

typedef void smtp_done_fn(void *ctx, const struct smtp_result *r);

/* Keeps `base`. Threads are started when there is work. */
struct smtp *smtp_create(struct event_base *base);

/* Aborts what is under way and joins the threads. NULL is fine. */
void smtp_destroy(struct smtp *s);

/* Copies the request. fn is called from the loop. */
struct smtp_job *smtp_start(struct smtp *s, const struct smtp_request *rq, smtp_done_fn *fn, void *ctx);

/* fn will not be called; the job ends by itself. */
void smtp_cancel(struct smtp *s, struct smtp_job *job);

#endif
