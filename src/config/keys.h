/* What the tables of the schema share: shapes that many sections have, and the sections that have a file of their own. */
#ifndef PLAZO_SRC_CONFIG_KEYS_H
#define PLAZO_SRC_CONFIG_KEYS_H

#include "schema.h"

#define LATER KEY_LATER
#define NEEDED KEY_REQUIRED
#define END { NULL, NULL, 0, NULL }

extern const struct shape shape_name, shape_text, shape_path, shape_duration, shape_duration_or_0, shape_names, shape_texts;
extern const struct shape shape_secret, shape_secrets;

/* keys_sources.c */
extern const struct shape schema_sources, schema_maps, schema_templates;

#endif
