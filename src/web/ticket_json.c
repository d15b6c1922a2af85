#include "web/ticket_json.h"

#define SOON_MS MS_PER_H

/* ---- clocks ---- */

static void clock_json(struct json_out *o, const struct clock_view *c)
{
	json_begin_object(o);
	json_put_text(o, "metric", c->metric);
	json_put_text(o, "agreement", c->agreement);
	json_put_number(o, "cycle", c->cycle);
	json_put_text(o, "state", c->state);
	json_put_text(o, "target", c->target);
	json_put_instant(o, "started", c->started);
	json_put_instant(o, "stopped", c->stopped);
	json_put_instant(o, "due", c->due);
	json_put_seconds(o, "elapsed_s", c->elapsed_ms);
	json_put_seconds(o, "paused_s", c->paused_ms);
	json_put_flag(o, "breached", c->breached);
	json_put_flag(o, "waived", c->waived);
	json_put_instant(o, "next_at", c->next_at);
	json_put_text(o, "next_step", c->next_step);
	json_end_object(o);
}

/* The live clock that is due first, else one that is paused; one that is waived if there is no other. NULL when none is live. */
static const struct clock_view *most_urgent(const struct ticket_view *v)
{
	const struct clock_view *best = NULL;

	for (size_t i = 0; i < v->n_clocks; i++) {
		const struct clock_view *c = &v->clocks[i];

		if (clock_view_is_live(c) && (best == NULL || (c->waived != best->waived ? best->waived : wall_before(c->due, best->due))))
			best = c;
	}
	return best;
}

struct wall ticket_due(const struct ticket_view *v)
{
	const struct clock_view *c = most_urgent(v);

	return c != NULL && !c->waived ? c->due : WALL_NEVER;
}

bool ticket_at_risk(const struct ticket_view *v, struct wall now)
{
	for (size_t i = 0; i < v->n_clocks; i++) {
		const struct clock_view *c = &v->clocks[i];

		if (!clock_view_is_live(c) || c->waived)
			continue;
		if (c->breached || str_eqz(c->next_step, "breach") || wall_before(c->due, wall_plus(now, SOON_MS)))
			return true;
	}
	return false;
}

/* ---- tickets ---- */

static struct str state_of(const struct ticket_view *v, const struct clock_view *urgent)
{
	if (v->over)
		return STR("over");
	if (v->unmatched)
		return STR("unmatched");
	if (urgent != NULL)
		return urgent->state;
	return v->resolved ? STR("resolved") : STR("open");
}

static void tags_json(struct json_out *o, struct str tags)
{
	struct str tag;
	bool more = tags.len > 0;

	json_put_key(o, "tags");
	json_begin_array(o);
	while (more) {
		more = str_cut(&tags, TAG_SEP, &tag);
		json_put_str(o, tag);
	}
	json_end_array(o);
}

static void act_json(struct json_out *o, const struct act_view *a)
{
	json_begin_object(o);
	json_put_instant(o, "at", a->at);
	json_put_text(o, "act", a->extends ? STR("extended") : STR("waived"));
	json_put_text(o, "metric", a->metric);
	json_put_number(o, "cycle", a->cycle);
	if (a->extends)
		json_put_seconds(o, "by_s", a->by_ms);
	json_put_text(o, "who", a->who);
	json_put_text(o, "reason", a->reason);
	json_put_flag(o, "applied", a->applied);
	json_end_object(o);
}

void acts_json(struct json_out *o, const struct ticket_view *v)
{
	json_put_key(o, "acts");
	json_begin_array(o);
	for (size_t i = 0; i < v->n_acts; i++)
		act_json(o, &v->acts[i]);
	json_end_array(o);
}

void ticket_json(struct json_out *o, const struct ticket_view *v)
{
	const struct clock_view *urgent = most_urgent(v);

	json_begin_object(o);
	json_put_text(o, "namespace", v->ns);
	json_put_text(o, "ticket", v->ticket);
	json_put_text(o, "contract", v->contract);
	json_put_text(o, "state", state_of(v, urgent));
	json_put_instant(o, "due", urgent != NULL ? urgent->due : WALL_NEVER);
	json_put_text(o, "metric", urgent != NULL ? urgent->metric : (struct str){ NULL, 0 });
	for (int i = 0; i < ATTR_N; i++)
		if (i != ATTR_CONTRACT && i != ATTR_TAGS && (v->attr[i].len > 0 || i == ATTR_PRIORITY || i == ATTR_SUBJECT))
			json_put_text(o, attr_names[i], v->attr[i]);
	if (v->attr[ATTR_TAGS].len > 0)
		tags_json(o, v->attr[ATTR_TAGS]);
	json_put_flag(o, "opened", v->opened);
	json_put_flag(o, "resolved", v->resolved);
	json_put_flag(o, "over", v->over);
	json_put_flag(o, "unmatched", v->unmatched);
	json_put_instant(o, "opened_at", v->opened_at);
	json_put_instant(o, "last_at", v->last_at);
	json_put_number(o, "events", v->n_events);
	json_put_key(o, "clocks");
	json_begin_array(o);
	for (size_t i = 0; i < v->n_clocks; i++)
		clock_json(o, &v->clocks[i]);
	json_end_array(o);
	acts_json(o, v);
	json_end_object(o);
}

void stretch_json(struct json_out *o, const struct stretch *s)
{
	json_begin_object(o);
	json_put_text(o, "metric", s->metric);
	json_put_number(o, "cycle", s->cycle);
	json_put_instant(o, "from", s->from);
	json_put_instant(o, "to", s->to);
	json_put_seconds(o, "counted_s", s->counted_ms);
	json_put_flag(o, "counts", s->counts);
	json_put_text(o, "why", s->why);
	json_end_object(o);
}

void next_json(struct json_out *o, const struct ticket_view *v, const struct clock_view *c)
{
	json_begin_object(o);
	json_put_instant(o, "at", c->next_at);
	json_put_text(o, "namespace", v->ns);
	json_put_text(o, "ticket", v->ticket);
	json_put_text(o, "contract", v->contract);
	json_put_text(o, "metric", c->metric);
	json_put_number(o, "cycle", c->cycle);
	json_put_text(o, "step", c->next_step);
	json_put_instant(o, "due", c->due);
	json_end_object(o);
}
