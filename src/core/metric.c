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
