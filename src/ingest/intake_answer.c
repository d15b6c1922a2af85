/* Out: from results to one answer. A refusal alone is a problem; among others it is one entry of a 207. */
#include "intake_private.h"


static const struct { int status; const char *detail; } verdicts[] = {
	[INTAKE_DONE]        = { 0, NULL },
	[INTAKE_DUPLICATE]   = { 0, NULL },
	[INTAKE_CONFLICT]    = { 409, "This ticket has an event of the same id with other content." },
	[INTAKE_TICKET_FULL] = { 422, "The ticket has as many events as a ticket can have." },
	[INTAKE_FORBIDDEN]   = { 403, "The contract of the event, or of its ticket, is not among the contracts of the source." },
	[INTAKE_FAILED]      = { 503, "The events could not be written to disk; nothing is lost if they are sent again." },
};

const char *intake_result_why(enum intake_result r)
{
	return verdicts[r].detail;
}

struct counts { size_t accepted, duplicates, refused, failed; };

static struct counts count(const struct work *w)
{
	struct counts c = { .refused = w->n_refused };

	for (size_t i = 0; i < w->batch.n; i++) {
		enum intake_result r = w->batch.results[i];

		c.accepted += r == INTAKE_DONE;
		c.duplicates += r == INTAKE_DUPLICATE;
		c.failed += r == INTAKE_FAILED;
		c.refused += verdicts[r].status != 0 && r != INTAKE_FAILED;
	}
	return c;
}

static void put_count(struct json_out *o, const char *key, size_t n)
{
	json_put_key(o, key);
	json_put_i64(o, (int64_t)n);
}

/* Of the ticket's own contract the source does not hear the name. */
static void say_forbidden(const struct work *w, const struct event *e, struct problem *p)
{
	struct str id = e->attr[ATTR_CONTRACT];

	if (e->set >> ATTR_CONTRACT & 1 && id.len > 0)
		problem_set(p, verdicts[INTAKE_FORBIDDEN].status, NULL, "The contract \"" STR_FMT "\", or the one that the ticket has, is not among the "
			    "contracts of the source " STR_FMT ".", STR_ARG(id), STR_ARG(w->batch.source));
	else
		problem_set(p, verdicts[INTAKE_FORBIDDEN].status, NULL, "The contract that the ticket has is not among the contracts of the source " STR_FMT ".",
			    STR_ARG(w->batch.source));
}

/* What the sink's result for event `i` of the batch is as a problem. */
static void problem_of(const struct work *w, size_t i, struct problem *p)
{
	enum intake_result r = w->batch.results[i];

	if (r == INTAKE_FORBIDDEN)
		say_forbidden(w, &w->batch.events[i], p);
	else
		problem_set(p, verdicts[r].status, NULL, "%s", verdicts[r].detail);
	problem_set_id(p, w->batch.events[i].id);
	if (w->is_batch)
		problem_prefix(p, w->indexes[i]);
}

/* Both kinds of refusals, in the order of the events. */
static void put_refused(const struct work *w, struct json_out *o)
{
	size_t i = 0, j = 0;

	json_put_key(o, "refused");
	json_begin_array(o);
	while (i < w->batch.n || j < w->n_refused) {
		bool is_early = i == w->batch.n || (j < w->n_refused && w->refused[j].index < w->indexes[i]);
		struct problem p;

		if (is_early) {
			problem_write_entry(w->refused[j].problem, w->refused[j].index, o);
			j++;
			continue;
		}
		if (verdicts[w->batch.results[i]].status != 0) {
			problem_of(w, i, &p);
			problem_write_entry(&p, w->indexes[i], o);
		}
		i++;
	}
	json_end_array(o);
}

static void reply_counts(struct work *w, const struct counts *c)
{
	struct intake *in = w->intake;
	struct json_out o = json_out(&in->out);

	buf_reset(&in->out);
	json_begin_object(&o);
	put_count(&o, "accepted", c->accepted);
	put_count(&o, "duplicates", c->duplicates);
	if (c->refused > 0)
		put_refused(w, &o);
	json_end_object(&o);
	http_reply(w->request, &(struct http_reply){ .status = c->refused > 0 ? 207 : 202, .content_type = "application/json",
						     .body = buf_str(&in->out) });
	if (in->out.cap > (1u << 20))
		buf_finish(&in->out);
}

static void reply_refusal(struct work *w)
{
	struct problem p;

	if (w->n_refused > 0)
		p = *w->refused[0].problem;
	else
		problem_of(w, 0, &p);
	http_reply_problem(w->request, &p, NULL);
}

void work_answer(struct work *w)
{
	struct intake *in = w->intake;
	struct counts c = count(w);
	struct problem p;

	if (c.failed > 0) {
		/* One commit, one fate: what the others say is not on disk either. */
		in->stats.n_full++;
		problem_set(&p, verdicts[INTAKE_FAILED].status, NULL, "%s", verdicts[INTAKE_FAILED].detail);
		http_reply_problem(w->request, &p, in->retry_after);
		return;
	}
	in->stats.n_events += c.accepted;
	in->stats.n_duplicates += c.duplicates;
	in->stats.n_refused += c.refused;
	if (c.refused > 0 && !w->is_batch)
		reply_refusal(w);
	else
		reply_counts(w, &c);
}
