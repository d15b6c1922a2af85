/* Are two events the same in everything that is kept? `received` is not asked: it is stamped by whoever reads. */
#ifndef PLAZO_TESTS_SAME_EVENT_H
#define PLAZO_TESTS_SAME_EVENT_H

#include "core/event.h"

static inline bool same_event(const struct event *a, const struct event *b)
{
	bool same = str_eq(a->id, b->id) && str_eq(a->ns, b->ns) && str_eq(a->source, b->source) && str_eq(a->ticket, b->ticket) &&
		    a->type == b->type && a->at.ms == b->at.ms && a->role == b->role && str_eq(a->actor, b->actor) &&
		    a->is_private == b->is_private && a->automated == b->automated && a->mode == b->mode && a->set == b->set &&
		    str_eq(a->into, b->into) && str_eq(a->metric, b->metric) && str_eq(a->reason, b->reason) && a->by_ms == b->by_ms &&
		    a->quiet == b->quiet && a->body == b->body;

	for (unsigned i = 0; i < ATTR_N; i++)
		if ((a->set & 1u << i) != 0)
			same = same && str_eq(a->attr[i], b->attr[i]);
	return same;
}

#endif
