/*
 * What is configured of receivers and of mail, as notify_configure() takes it: plain values, borrowed.
 */
#ifndef PLAZO_NOTIFY_SETTINGS_H
#define PLAZO_NOTIFY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "core/zone.h"
#include "notify/text.h"

#define NOTIFY_MAX_RECIPIENTS 64      /* addresses of one mail receiver */

enum notify_kind { NOTIFY_LOG, NOTIFY_WEBHOOK, NOTIFY_EMAIL };

struct notify_receiver {
	const char        *name;
	enum notify_kind   kind;
	const char        *fallback;       /* name of another receiver, or NULL */
	enum text_language language;
	const struct zone *zone;           /* kept until the next notify_configure(); NULL: UTC */
	/* of a webhook */
	const char        *url;            /* http or https, without user and password */
	struct str         secrets[2];     /* "whsec_<base64>", or raw bytes; empty: none. Two while one is rotated out: both sign */
	const char        *ca_file;        /* PEM; NULL: the system's */
	/* of mail */
	const char *const *to;             /* "a@b" or "Name <a@b>" */
	size_t             n_to;           /* 1 to NOTIFY_MAX_RECIPIENTS */
};

enum notify_tls {
	NOTIFY_TLS_REQUIRE,                /* STARTTLS or nothing; the certificate is verified */
	NOTIFY_TLS_STARTTLS,               /* STARTTLS where it is offered; with a password as NOTIFY_TLS_REQUIRE */
	NOTIFY_TLS_NONE,                   /* for loopback */
};

struct notify_email {
	const char     *smtp;              /* "smtp://127.0.0.1:25" or "smtps://…"; NULL: no mail */
	const char     *from;              /* "a@b" or "Name <a@b>" */
	enum notify_tls tls;
	const char     *user, *password;   /* NULL: no authentication */
	const char     *ca_file;           /* PEM; NULL: the system's */
};

struct notify_settings {
	const struct notify_receiver *receivers;
	size_t                        n_receivers;
	const char *const            *defaults;     /* defaults.notify: hear of what the daemon has to say about a receiver */
	size_t                        n_defaults;
	struct notify_email           email;
	const char                   *public_url;   /* base of links, or NULL */
	bool                          with_ns;      /* alerts carry their namespace */
	int64_t                       timeout_ms;   /* of one attempt to a webhook, all in; 0: 15 s. Mail has four times as long */
};

/* What notify_settings_check() says of one address: "a@b" or "Name <a@b>", no control characters, nothing that ends a header or a command. */
bool notify_address_ok(struct str address);

/* Likewise of a secret. */
bool notify_secret_ok(struct str secret, struct diag *d);

/* Is all of it usable? The first fault as a sentence, without secrets. Whether a fallback exists is not looked at. */
MUST_CHECK enum err notify_settings_check(const struct notify_settings *s, struct diag *d);

#endif
