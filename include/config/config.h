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
#include "config/sections.h"
#include "core/calendar.h"
#include "core/rules.h"

/* ---- the whole ---- */

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

/* What a secret is for: proof of a source's requests; or, with `signs`, our signature of what goes to a webhook. */
struct secret_use {
	bool             signs;
	enum verify_kind verify;
	const char      *header, *user;       /* as the source has them, or NULL */
};

/* Can it be used for that? With a sentence, without the secret, when it cannot. May run on any thread. */
typedef bool config_fits_fn(const struct secret_use *use, struct str secret, struct diag *why);

struct config_options {
	struct wall  now;                     /* for warnings about what ends soon, and for the years of the tables */
	enum secrets secrets;
	int32_t      first_year, last_year;   /* of the calendars' tables; both 0: six years back to sixteen ahead of `now` */
	const char  *credentials_dir;         /* NULL: $CREDENTIALS_DIRECTORY */
	const char  *zoneinfo_dir;            /* NULL: $TZDIR, else /usr/share/zoneinfo */
	const char  *share_dir;               /* where calendars/ of the installation lie; NULL: PREFIX/share/plazo */
	config_fits_fn *fits;                 /* asked of each secret that was read, so that it is told of in its place; may be NULL */
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

/*
 * The same of the configuration that rules came with, whose secrets may be gone. One that was read back from a revision has only those that may not touch
 * all contracts, and nothing else is known of them.
 */
const struct source *config_source_then(const struct rules *r, struct str name);

/* A contract_allowed_fn: ctx is a struct source. */
bool source_allows(const void *source, struct str contract);

/* Where a key of a section stands in the main file; false when it is not written there. */
bool config_place(const struct config *cfg, const char *section, const char *key, unsigned *line, unsigned *col);

/* ---- comparing ---- */

#define CONFIG_MAX_DIFFERENCES 16

/*
 * The sections in which `now` differs from `was`, by name ("receivers"), and "tzdata" when a zone of both has other rules; gives how many. What is
 * written counts, in its order, and what it names: included files, holidays of iCalendar files, and secrets, which both must have read or both
 * skipped. Reads both and changes neither.
 */
size_t config_differences(const struct config *was, const struct config *now, const char *out[CONFIG_MAX_DIFFERENCES]);

/* ---- writing ---- */

/* The configuration as understood, in YAML that loads again: built-ins as conditions, .ics files as dates, secrets as <secret>. */
void config_show(const struct config *cfg, struct buf *out);
void config_show_json(const struct config *cfg, struct json_out *o);     /* the same as one object; what is no map or list is a text */

/*
 * The part that decides clocks and alerts, for journaling a revision: no secrets, no files, receivers by name alone, and of sources which contracts they
 * may touch. Comments at its head hold the zones in use, so that it means the same under another tzdata, and a configuration under other zones is another text.
 */
void config_canonical(const struct config *cfg, struct buf *out);

/* Rules from what config_canonical() wrote, with one reference that is the caller's. Zones are its own. */
MUST_CHECK enum err config_load_canonical(struct str text, const struct config_options *opt, struct rules **out, struct diag *d);

/*
 * Every key of the schema, one a line: "server.listen", "required" or "later" or nothing, what it is for, with tabs between. A "*"
 * stands for any name; what stands in many places is told once, as "condition.priority" or "secret.file". For tests of the documents.
 */
void config_keys(FILE *f);

#endif
