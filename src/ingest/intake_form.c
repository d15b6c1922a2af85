/* The form of a body, which its head names: one table of types. */
#include "intake_private.h"

#include "ingest/cloudevents.h"
#include "media_type.h"

static bool refuse(struct problem *p, const char *detail)
{
	problem_set(p, 415, NULL, "%s", detail);
	return false;
}

bool intake_form(const struct http_request *r, enum event_form *form, struct problem *p)
{
	static const struct { const char *type; enum event_form form; } types[] = {
		{ "application/json",                   EVENT_FORM_JSON },
		{ "application/x-ndjson",               EVENT_FORM_NDJSON },
		{ "application/cloudevents+json",       EVENT_FORM_CLOUDEVENT },
		{ "application/cloudevents-batch+json", EVENT_FORM_CLOUDEVENTS },
	};
	const size_t n = sizeof types / sizeof types[0];
	struct str value, type;
	size_t i = 0;

	(void)http_headers_find(&r->headers, STR("content-type"), &value);
	if (!media_type_cut(value, &type))
		return refuse(p, "The only parameter of Content-Type that is taken is charset=utf-8.");
	while (i < n && !str_eq_nocase(type, str_of(types[i].type)))
		i++;
	/* With the type of an envelope the headers do not matter, whatever their names. */
	if ((i == n || types[i].form < EVENT_FORM_CLOUDEVENT) && cloudevent_is_binary(&r->headers)) {
		*form = EVENT_FORM_DATA;
		return media_type_is_json(type) || refuse(p, "The data of a CloudEvent must be JSON, named in Content-Type.");
	}
	if (i == n)
		return refuse(p, "Events come as application/json, application/x-ndjson, application/cloudevents+json or "
				 "application/cloudevents-batch+json, named in Content-Type.");
	*form = types[i].form;
	return true;
}
