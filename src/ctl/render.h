/* JSON as people read it: an object as lines of "key: value", a list of objects as a table whose columns are as wide as they must be. */
#ifndef PLAZO_SRC_CTL_RENDER_H
#define PLAZO_SRC_CTL_RENDER_H

#include "ctl.h"

/* A column: its title and the JSON pointer of its value within a row. */
struct column { const char *title, *pointer; };

/* Rows without a value have a "-". Prints `empty` where the list is. */
void render_table(const struct json_doc *d, json_node list, const struct column *columns, size_t n, const char *empty);

/* Nested objects and lists are indented. */
void render_object(const struct json_doc *d, json_node object, unsigned depth);

#endif
