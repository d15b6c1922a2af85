#include "core/metric.h"

const char *const agreement_names[AGREEMENT_N + 1] = {
	[AGREEMENT_SLA] = "sla",
	[AGREEMENT_OLA] = "ola",
	[AGREEMENT_UC] = "uc",
};

const char *const metric_kind_names[METRIC_N_KINDS + 1] = {
	[METRIC_CUSTOM] = "",
	[METRIC_RESPONSE] = "response",
	[METRIC_ACKNOWLEDGE] = "acknowledge",
	[METRIC_ATTENDANCE] = "attendance",
	[METRIC_NEXT_RESPONSE] = "next-response",
	[METRIC_UPDATE] = "update",
	[METRIC_RESOLUTION] = "resolution",
};

static uint32_t attrs_of(const struct cond *c)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < c->n_attrs; i++)
		mask |= 1u << c->attrs[i].attr;
	return mask;
}

static uint32_t attrs_of_all(const struct conds *cs)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < cs->n; i++)
		mask |= attrs_of(&cs->v[i]);
	return mask;
}

static uint32_t types_of_all(const struct conds *cs)
{
	uint32_t mask = 0;

	/* One that names no type asks every event. */
	for (size_t i = 0; i < cs->n; i++)
		mask |= cs->v[i].types != 0 ? cs->v[i].types : UINT32_MAX;
	return mask;
}

void metric_watch(struct metric *m)
{
	m->watch = (struct watch){
		.start = types_of_all(&m->start), .stop = types_of_all(&m->stop) | types_of_all(&m->cancel),
		.pause_attrs = attrs_of_all(&m->pause) | attrs_of_all(&m->hold),
	};
	for (size_t i = 0; i < m->n_targets; i++)
		m->watch.target_attrs |= attrs_of(&m->targets[i].when);
}
