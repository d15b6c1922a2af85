#include "engine_private.h"

#include <stdlib.h>

#include "base/xalloc.h"

void effects_init(struct effects *fx)
{
	*fx = (struct effects){ .arena = arena_create() };
}

void effects_reset(struct effects *fx)
{
	arena_reset(fx->arena);
	fx->n_alerts = fx->n_verdicts = 0;
}

void effects_finish(struct effects *fx)
{
	arena_destroy(fx->arena);
	free(fx->alerts);
	free(fx->verdicts);
	*fx = (struct effects){ 0 };
}

static struct str copy_attr(struct effects *fx, const struct opened *o, enum attr attr)
{
	return arena_str(fx->arena, o->facts.attr[attr]);
}

static void describe_clock(struct effects *fx, struct clock *c, struct wall at, struct alert *al)
{
	al->metric = arena_str(fx->arena, str_of(c->metric->name));
	al->agreement = str_of(agreement_names[c->metric->agreement]);
	al->cycle = c->cycle;
	al->due = instant_find(&c->due);
	al->elapsed_ms = clock_used(c, at);
	if (c->target != NULL) {
		al->target = arena_str(fx->arena, str_of(c->target->text));
		al->remaining_ms = clock_total(c) - al->elapsed_ms;
	}
}

struct alert *effects_alert(struct effects *fx, const struct engine *en, const struct opened *o, struct clock *c, struct wall at)
{
	const struct contract *k = c != NULL ? o->facts.promised : o->facts.contract;
	struct alert *al;

	if (fx->n_alerts == fx->cap_alerts) {
		fx->cap_alerts = fx->cap_alerts ? fx->cap_alerts * 2 : 64;
		fx->alerts = xreallocarray(fx->alerts, fx->cap_alerts, sizeof(*fx->alerts));
	}
	al = &fx->alerts[fx->n_alerts++];
	*al = (struct alert){ .at = at, .due = WALL_NEVER, .occurrence = 1 };
	al->ns = arena_str(fx->arena, ticket_ns(en, o->t));
	al->ticket = arena_str(fx->arena, ticket_id(o->t));
	al->contract = k != NULL ? arena_str(fx->arena, str_of(k->id)) : copy_attr(fx, o, ATTR_CONTRACT);
	if (k != NULL)
		al->customer = arena_str(fx->arena, str_of(k->customer));
	al->priority = copy_attr(fx, o, ATTR_PRIORITY);
	al->subject = arena_str(fx->arena, ticket_subject(o->t));
	al->url = arena_str(fx->arena, ticket_url(o->t));
	if (c != NULL)
		describe_clock(fx, c, at, al);
	return al;
}

struct verdict *effects_verdict(struct effects *fx)
{
	if (fx->n_verdicts == fx->cap_verdicts) {
		fx->cap_verdicts = fx->cap_verdicts ? fx->cap_verdicts * 2 : 64;
		fx->verdicts = xreallocarray(fx->verdicts, fx->cap_verdicts, sizeof(*fx->verdicts));
	}
	fx->verdicts[fx->n_verdicts] = (struct verdict){ 0 };
	return &fx->verdicts[fx->n_verdicts++];
}
