/*
 * The configuration: YAML files in, one immutable value out, or the list of everything that is wrong with them. The promises
 * (calendars, policies, contracts, escalations) come resolved as `rules` for the engine; what the edges need lies beside them.
 *
 * Reads the configuration's own files, the iCalendar files and secrets it names, and the zones of the system, all at load. It is
 * told the time. A config is refcounted by hand: config_ref() and config_unref() on one thread at a time. The rules inside have a
 * count of their own (rules_ref()), and may outlive the config they came with; secrets are wiped with the last config_unref().
 *
 * Everything lies in one arena: pointers are valid as long as the config, and NULL means "not given" unless a
 * default is named here.
 */
#ifndef PLAZO_CONFIG_CONFIG_H
#define PLAZO_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/wall.h"
#include "config/problems.h"
#include "core/calendar.h"
#include "core/rules.h"

/* ---- values ---- */

/* Never printed by anything here. */
struct secret {
	struct str bytes;        /* empty when none is configured, or when it was not read (SECRETS_SKIP) */
	bool       configured;   /* the configuration names one */
};

/* "127.0.0.1:8970", "[::1]:8970", "localhost:8970" or "unix:/run/plazo/http.sock". */
struct address {
	const char *text;        /* as written; NULL when none is configured */
	const char *path;        /* of a unix socket, else NULL */
	const char *host;        /* without brackets; NULL for a unix socket */
	uint16_t    port;
};

enum may { MAY_READ = 1, MAY_ACT = 2 };

struct operator {
	const char   *name;
	struct secret token;
	unsigned      may;       /* bits of enum may */
};

struct server_config {
	struct address         listen;            /* default 127.0.0.1:8970 */
	struct address         metrics;           /* text NULL: no address of its own */
	const char            *socket;            /* path of the control socket; default /run/plazo/plazod.sock */
	const char            *public_url;        /* without a slash at the end; NULL: alerts carry no links */
	const struct operator *operators;  size_t n_operators;
	size_t                 max_body;          /* bytes of one event, sent alone; default 1 MiB */
	size_t                 max_bulk;          /* bytes of an array or NDJSON; default 8 MiB */
	unsigned               max_connections;   /* default 1024 */
	int64_t                max_skew_ms;       /* default 5 min */
};

struct store_config {
	const char *path;            /* default /var/lib/plazo/plazo.db */
	int64_t     retention_ms;    /* of closed tickets; default 3 years */
};

enum tls { TLS_REQUIRE, TLS_STARTTLS, TLS_NONE };

struct email_config {
	const char   *smtp;          /* "smtp://host:25" or "smtps://…"; NULL: no `email` section */
	const char   *from;          /* "SLA watch <sla@example.com>" */
	enum tls      tls;           /* default TLS_REQUIRE, on loopback TLS_NONE */
	const char   *user;
	struct secret password;
	const char   *ca_file;       /* PEM; NULL: the system's */
};

enum receiver_kind { RECEIVER_LOG, RECEIVER_WEBHOOK, RECEIVER_EMAIL, RECEIVER_LATER, RECEIVER_N };
enum language { LANGUAGE_EN, LANGUAGE_ES };

struct receiver {
	const char        *name;
	enum receiver_kind kind;     /* RECEIVER_LATER: of a kind that is not active yet; what is sent to it is recorded as not sent */
	const char        *service;  /* the kind as written: "log", "webhook", "slack", … */
	const char        *url;      /* of a webhook */
	struct secret      secret;   /* of a webhook; not configured: unsigned */
	const char        *ca_file;  /* of a webhook: PEM; NULL: the system's */
	const char *const *to;  size_t n_to;     /* of email: addresses without names or brackets */
	const char        *fallback; /* name of another receiver; chains end (checked) */
	enum language      language;
	const struct zone *zone;     /* NULL: that of the clock's calendar, or UTC */
	const char        *template_name;
};

enum verify_kind {
	VERIFY_STANDARD_WEBHOOKS, VERIFY_HUB_SIGNATURE_256, VERIFY_HUB_SIGNATURE, VERIFY_ZENDESK, VERIFY_GLPI, VERIFY_TOKEN,
	VERIFY_BEARER, VERIFY_BASIC, VERIFY_NONE, VERIFY_N
};
extern const char *const verify_kind_names[VERIFY_N + 1];    /* "standard-webhooks", … */

struct source {
	const char        *name;
	const char        *ns;                   /* namespace of its tickets: `namespace:`, else its name */
	bool               webhook;              /* false: Redis, not active yet */
	enum verify_kind   verify;
	struct secret      secrets[2];           /* either fits; [1] while one is rotated out */
	size_t             n_secrets;
	const char        *header;               /* of VERIFY_TOKEN: the name of the header */
	const char        *user;                 /* of VERIFY_BASIC */
	bool               all_contracts;        /* no `contracts:` given: it may touch all */
	const char *const *contracts;  size_t n_contracts;   /* sorted (strcmp); what it may touch */
	int64_t            grace_ms;             /* default 0 */
	const char        *map;                  /* NULL: our own events; others are not active yet and refused by ingest */
};

struct named_calendar {
	const char            *name;
	const struct calendar *calendar;
};

struct config {
	struct server_config         server;
	struct store_config          store;
	struct email_config          email;
	const struct receiver       *receivers;  size_t n_receivers;   /* sorted by name */
	const struct source         *sources;    size_t n_sources;     /* sorted by name */
	const struct named_calendar *calendars;  size_t n_calendars;   /* sorted by name */
	enum boundary                boundary;       /* defaults.boundary, for `plazoctl calendar` */
	const struct calendar       *calendar;       /* defaults.calendar, or NULL */
	size_t                       n_policies, n_escalations;
	const char                  *path;           /* of the main file */
	const char                  *tzdata;         /* version of the system's zones, or "unknown" */
	struct rules                *rules;          /* `from` is the caller's to set before it is put in force */
};

/* ---- loading ---- */

enum secrets {
	SECRETS_REQUIRE,    /* one that cannot be read is an error */
	SECRETS_SKIP,       /* none is read, none is missed */
};

struct config_options {
	struct wall  now;                     /* for warnings about what ends soon, and for the years of the tables */
	enum secrets secrets;
	int32_t      first_year, last_year;   /* of the calendars' tables; both 0: six years back to sixteen ahead of `now` */
	const char  *credentials_dir;         /* NULL: $CREDENTIALS_DIRECTORY */
	const char  *zoneinfo_dir;            /* NULL: $TZDIR, else /usr/share/zoneinfo */
	const char  *share_dir;               /* where calendars/ of the installation lie; NULL: PREFIX/share/plazo */
};

/*
 * Gives the config, or fills `problems` with every error; warnings are there in both cases. ERR_ABSENT when the main file does not
 * exist, ERR_IO when it cannot be read, ERR_SYNTAX for all that is wrong inside. `problems` was initialised by the caller.
 */
MUST_CHECK enum err config_load(const char *path, const struct config_options *opt, struct config **out, struct problems *problems);

/* The same from text; `name` stands in the messages, and what is relative is relative to its directory. */
MUST_CHECK enum err config_load_text(const char *name, struct str text, const struct config_options *opt, struct config **out,
				     struct problems *problems);

struct config *config_ref(struct config *cfg);
void config_unref(struct config *cfg);         /* NULL is fine */

/* By name; NULL when there is none. */
const struct receiver *config_receiver(const struct config *cfg, struct str name);
const struct source *config_source(const struct config *cfg, struct str name);
const struct calendar *config_calendar(const struct config *cfg, struct str name);

/* A contract_allowed_fn: ctx is a struct source. */
bool source_allows(const void *source, const char *contract);

/* ---- writing ---- */

/* The configuration as understood, in YAML that loads again: built-ins as conditions, .ics files as dates, secrets as <secret>. */
void config_show(const struct config *cfg, struct buf *out);

/* The part that decides clocks and alerts, for journaling a revision: no secrets, no files, receivers by name alone. */
void config_canonical(const struct config *cfg, struct buf *out);

/* Rules from what config_canonical() wrote, with one reference that is the caller's. Zones are the system's. */
MUST_CHECK enum err config_load_canonical(struct str text, const struct config_options *opt, struct rules **out, struct diag *d);

/*
 * Every key of the schema, one a line: "server.listen", "required" or "later" or nothing, what it is for, with tabs between. A "*"
 * stands for any name; what stands in many places is told once, as "condition.priority" or "secret.file". For tests of the documents.
 */
void config_keys(FILE *f);

#endif
