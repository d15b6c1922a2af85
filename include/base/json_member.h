/* Members of an object, key and value in one call: null for WALL_NEVER and for empty texts; seconds with the fraction they need. */
#ifndef PLAZO_BASE_JSON_MEMBER_H
#define PLAZO_BASE_JSON_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/wall.h"

void json_put_instant(struct json_out *o, const char *key, struct wall t);   /* null outside [WALL_MIN, WALL_MAX) too: it could not be read back */
void json_put_text(struct json_out *o, const char *key, struct str s);
void json_put_number(struct json_out *o, const char *key, int64_t v);
void json_put_flag(struct json_out *o, const char *key, bool v);

/* Whole seconds as an integer, others with the digits that they need: nothing is rounded away. */
void json_put_seconds(struct json_out *o, const char *key, int64_t ms);

#endif
