/*
 * What is promised to whom: calendars, policies, contracts and escalations of one revision of the configuration, resolved so that
 * the engine looks nothing up by name twice. Immutable once built; config/ builds it in one arena, the engine only reads.
 * Lives as long as somebody has a reference: see rules_ref().
 */
#ifndef PLAZO_CORE_RULES_H
#define PLAZO_CORE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/wall.h"
#include "core/calendar.h"
#include "core/event.h"
#include "core/metric.h"

/* ---- escalations ---- */

enum step_kind {
	STEP_PERCENT,       /* `percent` of the target has been used */
	STEP_BEFORE_DUE,    /* due - offset_ms */
	STEP_BREACH,        /* due */
	STEP_AFTER_BREACH,  /* breach + offset_ms, then `every_ms`, `times` in all */
};

struct step {
	enum step_kind          kind;
	int32_t                 percent;     /* 1 to 99 */
	int64_t                 offset_ms;   /* > 0 */
	bool                    by_wall;     /* real time, not the clock's calendar */
	int64_t                 every_ms;    /* 0: fires once */
	uint32_t                times;       /* >= 1 */
	const char *const      *receivers;   /* names, in order, none twice */
	size_t                  n_receivers;
	const char             *text;        /* "75%", "due-30m", "breach", "breach+30m" */
};

struct escalation {
	const char        *name;
	const struct step *steps;
	size_t             n_steps;
};

/* Which escalation a clock has: the first that fits the ticket; none: no steps. */
struct escalation_choice {
	bool                     always;
	struct cond              when;
	const struct escalation *escalation;   /* NULL: none */
};

/* ---- contracts ---- */

struct site { const char *name; const struct calendar *calendar; };

enum reopen_how { REOPEN_RESUME, REOPEN_NEW_CYCLE, REOPEN_IGNORE };
struct reopen {
	enum reopen_how after, later;     /* up to `within_ms` of real time after the resolution, and after that */
	int64_t         within_ms;
};

enum on_change { CHANGE_RETROACTIVE, CHANGE_FROM_CHANGE };

/* A contract with its policy and the defaults folded in. */
struct contract {
	const char                     *id;
	const char                     *customer;
	const char                     *policy;          /* its name, for people */
	const struct metric            *metrics;         /* the policy's in their order, overrides merged into the targets */
	size_t                          n_metrics;
	const struct calendar          *calendar;        /* the contract's, else the policy's, else the defaults' */
	const struct site              *sites;
	size_t                          n_sites;
	const struct escalation_choice *escalations;     /* the contract's, else the policy's, else the defaults' */
	size_t                          n_escalations;
	enum boundary                   boundary;
	struct reopen                   reopen;
	enum on_change                  on_change;
	bool                            new_tickets_only; /* policy said `effective: new-tickets`: tickets opened before this revision keep theirs */
	struct wall                     starts, ends;    /* WALL_PAST and WALL_NEVER where not said; `ends` is the first instant after */
	/* `match`, for senders that don't know our ids; all lists empty: never matched */
	const struct str               *organizations; size_t n_organizations;   /* exact */
	const struct str               *domains;       size_t n_domains;         /* ASCII case folds */
	uint64_t                        digest;          /* of everything above that decides a clock: equal means a reload changes nothing here */
	uint64_t                        form;            /* of that and of what people read: equal means that one may stand for the other; not 0 */
};

struct rules {
	const struct contract *contracts;     /* sorted by id (strcmp) */
	size_t                 n_contracts;
	const char *const     *notify;        /* defaults.notify */
	size_t                 n_notify;
	struct wall            from;          /* instant at which this revision came into force; set by the engine's owner */
	uint64_t               digest;        /* of all of it */
	/* refcount and the owner's way to free it; see rules_unref() */
	unsigned               n_refs;
	void                 (*destroy)(struct rules *);
	void                 (*slim)(struct rules *);   /* they are of the past: gives back what only makes them quick. NULL: nothing */
};

/* Refcounting; the loop thread alone. unref calls destroy() when the count falls to 0. */
struct rules *rules_ref(struct rules *r);
void rules_unref(struct rules *r);

/* Binary search; NULL when there is none. */
const struct contract *rules_contract(const struct rules *r, struct str id);

/*
 * The one contract that an event without a contract fits by its organization, or its domain (also the domain of a requester that
 * is a mail address). NULL with *n_out = how many fitted when it is not exactly one. Only contracts for which allowed() says yes.
 */
typedef bool contract_allowed_fn(const void *ctx, struct str contract);
const struct contract *rules_match(const struct rules *r, const struct event *e, contract_allowed_fn *allowed, const void *ctx, size_t *n_out);

#endif
