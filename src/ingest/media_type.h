/* What Content-Type, and `datacontenttype` of a CloudEvent, say of a body. Pure. */
#ifndef PLAZO_INGEST_MEDIA_TYPE_H
#define PLAZO_INGEST_MEDIA_TYPE_H

#include <stdbool.h>

#include "base/str.h"

/* Cuts "TYPE; PARAMETERS". False when there is any other parameter than charset=utf-8: JSON has no other charset. */
bool media_type_cut(struct str value, struct str *type_out);

/* application/json, or any type with the suffix "+json". */
bool media_type_is_json(struct str type);

#endif
