/* Our own readers of YAML's scalars: each takes one way of writing, and says what that is. */
#ifndef PLAZO_CONFIG_SCALAR_H
#define PLAZO_CONFIG_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "core/calendar.h"

/* scalar_fn of schema.h */
bool is_name(struct str s, struct diag *d);         /* 1 to CONFIG_MAX_NAME bytes, no control characters, no blanks at the ends */
bool is_text(struct str s, struct diag *d);         /* 1 to 1024 bytes, no control characters */
bool is_long_text(struct str s, struct diag *d);    /* the same with line breaks */
bool is_attr(struct str s, struct diag *d);         /* the value of an attribute: 1 to EVENT_MAX_ATTR bytes */
bool is_bool(struct str s, struct diag *d);
bool is_ms(struct str s, struct diag *d);           /* "14d", more than 0 */
bool is_ms_or_0(struct str s, struct diag *d);
bool is_span(struct str s, struct diag *d);         /* a target: "2h", "3bd eod", "none" */
bool is_size(struct str s, struct diag *d);
bool is_count(struct str s, struct diag *d);        /* 1 to 1,000,000 */
bool is_date(struct str s, struct diag *d);
bool is_holiday(struct str s, struct diag *d);      /* a date, "-MM-DD" or NAME.ics */
bool is_days(struct str s, struct diag *d);         /* "mon", "mon-thu", "sat,sun" */
bool is_window(struct str s, struct diag *d);
bool is_24x7(struct str s, struct diag *d);
bool is_24x7_or_window(struct str s, struct diag *d);
bool is_address(struct str s, struct diag *d);
bool is_host_port(struct str s, struct diag *d);    /* "127.0.0.1:26379" */
bool is_path(struct str s, struct diag *d);
bool is_http_url(struct str s, struct diag *d);
bool is_smtp_url(struct str s, struct diag *d);
bool is_mailbox(struct str s, struct diag *d);      /* "a@b.example" or "Name <a@b.example>" */
bool is_email(struct str s, struct diag *d);        /* "a@b.example" alone */
bool is_header_name(struct str s, struct diag *d);
bool is_percent(struct str s, struct diag *d);      /* "95%", "99.5%" */
bool is_number(struct str s, struct diag *d);
bool is_step(struct str s, struct diag *d);         /* "75%", "due-30m", "breach", "breach+30m" */

/* Readers of what the above said yes to. */
bool     scalar_bool(struct str s);
size_t   scalar_size(struct str s);
int64_t  scalar_ms(struct str s);
int64_t  scalar_count(struct str s);
struct hours scalar_window(struct str s);
struct civil scalar_holiday(struct str s);          /* not of NAME.ics */
unsigned scalar_days(struct str s);                 /* bit 0 Monday … bit 6 Sunday */

/* The host of a URL that is_http_url() or is_smtp_url() took, without brackets. */
struct str url_host(struct str url);
bool host_is_loopback(struct str host);

/* "redis://[user:password@]host[:port][/db]", "rediss://…", or "unix:///path[?db=n]". Slices of the text, percent-encoded as there. */
struct redis_url {
	bool       tls;
	struct str host;            /* without brackets; empty: a unix socket */
	uint16_t   port;            /* 6379 when none is given */
	struct str path;
	int        db;
	struct str user, password;
};
bool redis_url_read(struct str s, struct redis_url *out, struct diag *d);   /* the sentence never quotes the text */

#endif
