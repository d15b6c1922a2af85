#include "daemon/refused.h"

#include "base/json.h"
#include "base/limits.h"
#include "config/config.h"
#include "ingest/event_json.h"

bool refused_unheard(const struct source *src, const struct event *e)
{
	return e->source.len > 0 && (src == NULL || !src->webhook);
}

struct refusal refused_event(const struct event *e, enum intake_result result, struct buf *place, struct buf *body)
{
	struct json_out o = json_out(body);

	buf_init(place, EVENT_MAX_ID + 16);
	buf_init(body, EVENT_MAX_SIZE * 2);
	buf_printf(place, "event " STR_FMT, STR_ARG(e->id));
	event_to_json(e, false, &o);
	return (struct refusal){ .source = e->source, .place = buf_str(place), .at = e->received, .why = str_of(intake_result_why(result)),
				 .body = buf_str(body) };
}
