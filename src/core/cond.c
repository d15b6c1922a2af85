#include "cond.h"

bool cond_tag_fits(const struct cond_attr *ca, struct str tags)
{
	struct str tag;

	while (tags.len > 0) {
		str_cut(&tags, TAG_SEP, &tag);
		if (cond_value_fits(ca, tag))
			return true;
	}
	return false;
}

static inline bool bits_fit(const struct cond *c, const struct event_bits *b)
{
	return (c->types == 0 || (c->types & b->types)) && (c->roles == 0 || (c->roles & b->role)) &&
	       (c->modes == 0 || (c->modes & b->mode)) && (c->is_public == 0 || (c->is_public & b->is_public)) &&
	       (c->automated == 0 || (c->automated & b->automated));
}

static inline bool looks_at_events(const struct cond *c)
{
	return c->types != 0 || c->roles != 0 || c->modes != 0 || c->is_public != 0 || c->automated != 0;
}

bool cond_names(const struct cond *c, uint32_t attrs)
{
	for (size_t i = 0; i < c->n_attrs; i++)
		if (attrs >> c->attrs[i].attr & 1)
			return true;
	return false;
}

bool conds_name(const struct conds *cs, uint32_t attrs)
{
	for (size_t i = 0; i < cs->n; i++)
		if (cond_names(&cs->v[i], attrs))
			return true;
	return false;
}

bool conds_may_fit(const struct conds *cs, const struct event_bits *b, uint32_t changed)
{
	for (size_t i = 0; i < cs->n; i++)
		if (looks_at_events(&cs->v[i]) ? bits_fit(&cs->v[i], b) : cond_names(&cs->v[i], changed))
			return true;
	return false;
}

bool conds_fit(const struct conds *cs, const struct event_bits *b, const struct str attr[ATTR_N_RULES])
{
	for (size_t i = 0; i < cs->n; i++)
		if (bits_fit(&cs->v[i], b) && cond_fits_attrs(&cs->v[i], attr))
			return true;
	return false;
}

bool conds_begin_to_fit(const struct conds *cs, const struct event_bits *b, const struct str before[ATTR_N_RULES],
			const struct str attr[ATTR_N_RULES])
{
	for (size_t i = 0; i < cs->n; i++) {
		const struct cond *c = &cs->v[i];

		if (bits_fit(c, b) && cond_fits_attrs(c, attr) && (looks_at_events(c) || !cond_fits_attrs(c, before)))
			return true;
	}
	return false;
}
