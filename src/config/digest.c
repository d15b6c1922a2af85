#include "digest.h"

#include "base/siphash.h"
#include "model.h"

#define DIGEST_MAX (256u << 20)

static void put_z(struct buf *b, const char *z)
{
	buf_put_bytes(b, str_of(z));
}

static void put_name(struct buf *b, const struct calendar *c)
{
	put_z(b, c != NULL ? calendar_name(c) : "");
}

static void put_cond(struct buf *b, const struct cond *c)
{
	buf_put_varint(b, c->types);
	buf_putc(b, (char)c->roles);
	buf_putc(b, (char)c->modes);
	buf_putc(b, (char)c->is_public);
	buf_putc(b, (char)c->automated);
	buf_put_varint(b, c->n_attrs);
	for (size_t i = 0; i < c->n_attrs; i++) {
		buf_put_varint(b, c->attrs[i].attr);
		buf_put_varint(b, c->attrs[i].n_values);
		for (size_t k = 0; k < c->attrs[i].n_values; k++)
			buf_put_bytes(b, c->attrs[i].values[k]);
	}
}

static void put_conds(struct buf *b, const struct conds *cs)
{
	buf_put_varint(b, cs->n);
	for (size_t i = 0; i < cs->n; i++)
		put_cond(b, &cs->v[i]);
}

static void put_calendar(struct load *l, struct buf *b, const struct calendar *c)
{
	const struct cal *cal = calendar_model(l, c);

	buf_put_u64le(b, cal != NULL ? cal->digest : 0);
}

static void put_span(struct buf *b, const struct span *s)
{
	buf_putc(b, (char)s->kind);
	buf_put_zigzag(b, s->ms);
	buf_put_zigzag(b, s->days);
	buf_putc(b, (char)s->eod);
}

static void put_metric(struct load *l, struct buf *b, const struct metric *m)
{
	put_z(b, m->name);
	buf_putc(b, (char)m->kind);
	buf_putc(b, (char)m->agreement);
	put_conds(b, &m->start);
	put_conds(b, &m->stop);
	put_conds(b, &m->cancel);
	put_conds(b, &m->pause);
	put_conds(b, &m->hold);
	put_calendar(l, b, m->calendar);
	buf_put_varint(b, m->n_targets);
	for (size_t i = 0; i < m->n_targets; i++) {
		buf_putc(b, (char)m->targets[i].always);
		put_cond(b, &m->targets[i].when);
		put_span(b, &m->targets[i].span);
		put_calendar(l, b, m->targets[i].calendar);
	}
}

static void put_step(struct buf *b, const struct step *s)
{
	put_z(b, s->text);
	buf_putc(b, (char)s->by_wall);
	buf_put_zigzag(b, s->every_ms);
	buf_put_varint(b, s->times);
	buf_put_varint(b, s->n_receivers);
	for (size_t i = 0; i < s->n_receivers; i++)
		put_z(b, s->receivers[i]);
}

static void put_choice(struct buf *b, const struct escalation_choice *c)
{
	buf_putc(b, (char)c->always);
	put_cond(b, &c->when);
	buf_put_varint(b, c->escalation != NULL ? c->escalation->n_steps + 1 : 0);
	for (size_t i = 0; c->escalation != NULL && i < c->escalation->n_steps; i++)
		put_step(b, &c->escalation->steps[i]);
}

static void put_strs(struct buf *b, const struct str *v, size_t n)
{
	buf_put_varint(b, n);
	for (size_t i = 0; i < n; i++)
		buf_put_bytes(b, v[i]);
}

/* What people read alone (customer, name of the policy) and what finds the contract (match) decides no clock. */
static void put_contract(struct load *l, struct buf *b, const struct contract *c)
{
	put_z(b, c->id);
	buf_put_varint(b, c->n_metrics);
	for (size_t i = 0; i < c->n_metrics; i++)
		put_metric(l, b, &c->metrics[i]);
	put_calendar(l, b, c->calendar);
	buf_put_varint(b, c->n_sites);
	for (size_t i = 0; i < c->n_sites; i++) {
		put_z(b, c->sites[i].name);
		put_calendar(l, b, c->sites[i].calendar);
	}
	buf_put_varint(b, c->n_escalations);
	for (size_t i = 0; i < c->n_escalations; i++)
		put_choice(b, &c->escalations[i]);
	buf_putc(b, (char)c->boundary);
	buf_putc(b, (char)c->reopen.after);
	buf_putc(b, (char)c->reopen.later);
	buf_put_zigzag(b, c->reopen.within_ms);
	buf_putc(b, (char)c->on_change);
	buf_putc(b, (char)c->new_tickets_only);
	buf_put_zigzag(b, c->starts.ms);
	buf_put_zigzag(b, c->ends.ms);
}

static uint64_t finish(struct buf *b)
{
	uint64_t h = siphash64((struct sipkey){ 3, 4 }, b->p, b->len);

	buf_finish(b);
	return h;
}

uint64_t digest_contract(struct load *l, const struct contract *c)
{
	struct buf b;

	buf_init(&b, DIGEST_MAX);
	put_contract(l, &b, c);
	return finish(&b);
}

/* What its clocks are called and what is said of them: no reload for the sake of that, but it must not be taken from another. */
static void put_names(struct buf *b, const struct contract *c)
{
	put_z(b, c->customer);
	put_z(b, c->policy);
	put_name(b, c->calendar);
	for (size_t i = 0; i < c->n_sites; i++)
		put_name(b, c->sites[i].calendar);
	for (size_t i = 0; i < c->n_metrics; i++) {
		const struct metric *m = &c->metrics[i];

		put_name(b, m->calendar);
		for (size_t k = 0; k < m->n_targets; k++) {
			put_name(b, m->targets[k].calendar);
			put_z(b, m->targets[k].text);
		}
	}
	for (size_t i = 0; i < c->n_escalations; i++)
		put_z(b, c->escalations[i].escalation != NULL ? c->escalations[i].escalation->name : "");
}

uint64_t digest_form(const struct contract *c)
{
	struct buf b;
	uint64_t h;

	buf_init(&b, DIGEST_MAX);
	buf_put_u64le(&b, c->digest);
	put_names(&b, c);
	h = finish(&b);
	return h != 0 ? h : 1;
}

uint64_t digest_rules(struct load *l)
{
	const struct rules *r = &l->whole->rules;
	struct buf b;

	buf_init(&b, DIGEST_MAX);
	buf_put_varint(&b, r->n_notify);
	for (size_t i = 0; i < r->n_notify; i++)
		put_z(&b, r->notify[i]);
	for (size_t i = 0; i < r->n_contracts; i++) {
		const struct contract *c = &r->contracts[i];

		buf_put_u64le(&b, c->digest);
		put_z(&b, c->customer);
		put_z(&b, c->policy);
		put_strs(&b, c->organizations, c->n_organizations);
		put_strs(&b, c->domains, c->n_domains);
	}
	return finish(&b);
}
