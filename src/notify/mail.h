/*
 * A mail message as headers, text and HTML. All that comes from outside is stripped of controls here and encoded, so a subject can
 * add no header and no command. Pure.
 */
#ifndef PLAZO_NOTIFY_MAIL_H
#define PLAZO_NOTIFY_MAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"
#include "core/alert.h"
#include "notify/text.h"

#define MAIL_MAX_ADDRESS 254       /* RFC 5321: a path has 256 bytes with its brackets */
#define MAIL_MAX_HEADERS 16

struct mail_address {
	struct str name;           /* may be empty */
	struct str spec;           /* local@domain */
};

/* "a@b" or "Name <a@b>"; both slices point into `s`. False for what could end a header or a command, and for what is no address. */
bool mail_address_of(struct str s, struct mail_address *out);

struct str mail_domain(struct str spec);

struct mail {
	char  *headers[MAIL_MAX_HEADERS];   /* owned: "Subject: …", folded with CRLF and a blank, without the last CRLF */
	size_t n_headers;
	char  *text, *html;                 /* owned; lines end with CRLF */
};

struct mail_facts {
	const struct alert      *alert;
	const struct text_style *style;
	const char              *receiver;
	const char              *from;      /* as configured, valid */
	const char *const       *to;        /* likewise */
	size_t                   n_to;
	struct wall              now;       /* the Date */
};

void mail_init(struct mail *m, const struct mail_facts *f);
void mail_finish(struct mail *m);

/* "Name: value", the value as RFC 2047 encoded words where it is not plain, folded under 78 columns. */
void mail_put_header(const char *name, struct str value, struct buf *out);

#endif
