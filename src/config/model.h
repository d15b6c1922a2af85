/* What is known of the named things while a config is built: hung on their nodes (`built`), so that a name leads to them. */
#ifndef PLAZO_CONFIG_MODEL_H
#define PLAZO_CONFIG_MODEL_H

#include "load.h"

struct cal {
	struct calendar *calendar;
	uint64_t         digest;
	int32_t          last_holiday;    /* day number of the latest single date; 0 without any */
	struct node     *holidays;        /* where it stands */
};

struct esc {
	struct escalation pub;
	struct node      *node;
	struct node     **at;             /* of each step: its node */
	bool              used;
	bool              endless;        /* serves a target in days */
	int64_t           longest_ms;     /* of the targets it serves */
};

/* A list of targets, and where each stands. */
struct targets {
	struct target *v;
	struct node  **at;
	size_t         n;
};

struct choices {
	struct escalation_choice *v;
	size_t                    n;
};

struct policy {
	struct node           *node;
	const char            *name;
	struct metric         *metrics;      /* targets unset: see below */
	struct targets        *targets;      /* of each metric */
	size_t                 n_metrics;
	const struct calendar *calendar;     /* its own, else the default one */
	struct choices         escalations;  /* its own, else the default ones */
	struct reopen          reopen;
	enum on_change         on_change;
	bool                   new_tickets_only;
	bool                   used;
};

/* A named thing: NULL when `name` is NULL or bad, or when nothing of that name was built; says so when there is no such name. */
const struct calendar *calendar_ref(struct load *l, struct node *name);
struct esc *escalation_ref(struct load *l, struct node *name);      /* NULL for `none` too */
struct policy *policy_ref(struct load *l, struct node *name);
const char *receiver_ref(struct load *l, struct node *name);        /* the name itself */

/* Receivers from a name or a list of them, none twice. */
const char *const *receivers_ref(struct load *l, struct node *names, size_t *n_out);

const struct cal *calendar_model(const struct load *l, const struct calendar *c);

/* ---- conditions ---- */

/* From a map, or a map or list of maps. Attributes in order of enum attr, values sorted: equal conditions are equal structs. */
struct cond cond_build(struct load *l, struct node *n);
struct conds conds_build(struct load *l, struct node *n);
struct cond cond_priority(struct load *l, struct str priority);
bool cond_equal(const struct cond *a, const struct cond *b);

/* Every ticket that fits `a` fits `b`. Of attributes alone. */
bool cond_implies(const struct cond *a, const struct cond *b);

/* ---- targets and escalations ---- */

struct targets targets_build(struct load *l, struct node *n);
struct targets targets_override(struct load *l, const struct targets *base, struct node *n);
struct choices choices_build(struct load *l, struct node *n);

/* What `3d` and 24 hours mean on the calendars that may apply where a target names none. */
void targets_check(struct load *l, const struct targets *t, const struct calendar *const *cals, size_t n_cals);

/* The metrics of a policy; built-in conditions are put into the tree. */
void metrics_build(struct load *l, struct policy *p);

struct reopen reopen_build(const struct node *n, struct reopen otherwise);

/* Puts `key: TEXT` (YAML) into a map that does not have it. */
void put_default(struct load *l, struct node *map, const char *key, const char *yaml);
void put_node(struct load *l, struct node *map, const char *key, struct node *value);

/* The root's section of that name, made when it has none; NULL when it is no map. */
struct node *section(struct load *l, const char *name);

#endif
