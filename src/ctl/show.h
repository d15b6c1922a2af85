/* How the daemon's answers are shown to people, where a table alone does not do. The shapes are those of web/route.h. */
#ifndef PLAZO_SRC_CTL_SHOW_H
#define PLAZO_SRC_CTL_SHOW_H

#include "ctl.h"

typedef void show_fn(const struct ctl *ctl, const struct json_doc *d);

show_fn show_status, show_ticket, show_explained, show_act, show_test, show_reload, show_forgotten;

/* The stream of /v1/tail comes in pieces that end anywhere: what is left of a line waits here. */
struct tail_lines {
	struct buf       line;
	struct json_doc *doc;
};

void tail_lines_init(struct tail_lines *t);
void tail_lines_finish(struct tail_lines *t);

/* A client_piece_fn; `ctx` is a struct tail_lines. One line of text for each line of JSON. */
bool show_tail(void *ctx, struct str piece);

#endif
