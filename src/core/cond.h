/* Whether conditions (core/metric.h) fit an event and the attributes of its ticket. Rule 25 of the clocks. */
#ifndef PLAZO_SRC_CORE_COND_H
#define PLAZO_SRC_CORE_COND_H

#include <stdbool.h>
#include <stdint.h>

#include "core/metric.h"

/* What a condition may ask of an event, as bits that its masks are laid over. */
struct event_bits { uint32_t types; unsigned role, mode, is_public, automated; };

static inline struct event_bits event_bits(enum event_type type, enum role role, enum mode mode, bool is_private, bool automated)
{
	return (struct event_bits){ 1u << type, 1u << role, 1u << mode, is_private ? 1u : 2u, automated ? 2u : 1u };
}

/* One of the list could fit this event, or begin to when these attributes change (bits), whatever the ticket is like. */
bool conds_may_fit(const struct conds *cs, const struct event_bits *b, uint32_t changed);

/* It, or one of the list, asks for one of these attributes (bits). */
bool cond_names(const struct cond *c, uint32_t attrs);
bool conds_name(const struct conds *cs, uint32_t attrs);

static inline bool cond_value_fits(const struct cond_attr *ca, struct str value)
{
	for (size_t i = 0; i < ca->n_values; i++)
		if (str_eq(ca->values[i], value))
			return true;
	return false;
}

bool cond_tag_fits(const struct cond_attr *ca, struct str tags);

/* The attribute part alone. */
static inline bool cond_fits_attrs(const struct cond *c, const struct str attr[ATTR_N_RULES])
{
	for (size_t i = 0; i < c->n_attrs; i++) {
		const struct cond_attr *ca = &c->attrs[i];

		if (!(ca->attr == ATTR_TAGS ? cond_tag_fits(ca, attr[ATTR_TAGS]) : cond_value_fits(ca, attr[ca->attr])))
			return false;
	}
	return true;
}

/* The first of the list whose attribute part fits, or NULL. */
static inline const struct cond *conds_fit_attrs(const struct conds *cs, const struct str attr[ATTR_N_RULES])
{
	for (size_t i = 0; i < cs->n; i++)
		if (cond_fits_attrs(&cs->v[i], attr))
			return &cs->v[i];
	return NULL;
}

/* One of the list fits the event, and the attributes as it leaves them. */
bool conds_fit(const struct conds *cs, const struct event_bits *b, const struct str attr[ATTR_N_RULES]);

/* The same, but one that names attributes alone counts only when it did not fit the attributes `before` the event. */
bool conds_begin_to_fit(const struct conds *cs, const struct event_bits *b, const struct str before[ATTR_N_RULES],
			const struct str attr[ATTR_N_RULES]);

#endif
