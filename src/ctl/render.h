/* JSON as people read it: an object as lines of "key: value", a list of objects as a table whose columns are as wide as they must be. */
#ifndef PLAZO_SRC_CTL_RENDER_H
#define PLAZO_SRC_CTL_RENDER_H

#include "ctl.h"

/*
 * How a value is shown: an instant without its milliseconds, seconds as a duration, an instant as how far away it is, a ticket's id with its
 * namespace where the list has tickets of several, a title as long as there is room on a terminal (the last column).
 */
enum cell { CELL_TEXT, CELL_INSTANT, CELL_SECONDS, CELL_LEFT, CELL_TICKET, CELL_TITLE };

/* A column: its title, the JSON pointer of its value within a row, and how it is shown. */
struct column { const char *title, *pointer; enum cell cell; };

/* Rows without a value have a "-". Prints `empty` where the list is. */
void render_table(const struct json_doc *d, json_node list, const struct column *columns, size_t n, const char *empty);

/* One value as it would stand in a table; "-" for none. Appends to `out`. */
void render_value(const struct json_doc *d, json_node n, enum cell cell, struct buf *out);

/* Nested objects and lists are indented. */
void render_object(const struct json_doc *d, json_node object, unsigned depth);

#endif
