/* The sections of the configuration that the edges need, as values: server, store, email, receivers, sources. */
#ifndef PLAZO_CONFIG_SECTIONS_H
#define PLAZO_CONFIG_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "core/zone.h"

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

/* Streams of a Redis server. */
struct redis_config {
	const char        *host;                 /* NULL: `path`, or sentinels; without brackets */
	uint16_t           port;
	const char        *path;                 /* of a unix socket */
	bool               tls;
	const char        *ca_file;              /* PEM; NULL: the system's */
	int                db;
	const char        *user;                 /* NULL: none */
	struct secret      password;
	const char *const *sentinels;  size_t n_sentinels;   /* "host:port" */
	const char        *master;               /* of sentinels */
	const char        *sentinel_user;
	struct secret      sentinel_password;
	const char *const *streams;  size_t n_streams;       /* at least one, none twice */
	const char        *group;                /* default "plazo" */
	bool               own;                  /* `cursor: own`: no group */
	int64_t            takeover_ms;          /* default 60 s, at least 10 s */
};

struct source {
	const char        *name;
	const char        *ns;                   /* namespace of its tickets: `namespace:`, else its name */
	bool               webhook;              /* false: Redis */
	struct redis_config redis;               /* of a source that is no webhook */
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

#endif
