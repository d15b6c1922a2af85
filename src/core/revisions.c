#include "revisions.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "base/xalloc.h"

/* These rules are always in memory. */
static size_t in_force(const struct revisions *rs)
{
	return rs->n - 1 - rs->lent;
}

static uint64_t hash_of(struct str id)
{
	return siphash64((struct sipkey){ 5, 6 }, id.p, id.len);
}

/* ---- what a revision changes ---- */

static int by_contract(const void *x, const void *y)
{
	const struct change *a = x, *b = y;

	return a->contract < b->contract ? -1 : a->contract > b->contract;
}

static void note(struct revisions *rs, const char *id, uint64_t form)
{
	if (rs->n_changes == rs->cap_changes)
		rs->changes = xreallocarray(rs->changes, rs->cap_changes = rs->cap_changes * 2 + 64, sizeof(*rs->changes));
	rs->changes[rs->n_changes++] = (struct change){ hash_of(str_of(id)), form };
}

/* Both lists are in order of their ids. */
static void compare(struct revisions *rs, struct revision *r, const struct rules *was, const struct rules *is)
{
	size_t n_was = was != NULL ? was->n_contracts : 0, i = 0, k = 0;

	r->changes = rs->n_changes;
	while (i < n_was || k < is->n_contracts) {
		int c = i == n_was ? 1 : k == is->n_contracts ? -1 : strcmp(was->contracts[i].id, is->contracts[k].id);

		if (c < 0)
			note(rs, was->contracts[i].id, 0);
		else if (c > 0 || was->contracts[i].form != is->contracts[k].form)
			note(rs, is->contracts[k].id, is->contracts[k].form);
		i += c <= 0;
		k += c >= 0;
	}
	r->n_changes = (uint32_t)(rs->n_changes - r->changes);
	if (r->n_changes > 1)
		qsort(rs->changes + r->changes, r->n_changes, sizeof(*rs->changes), by_contract);
}

static const struct change *find_change(const struct revisions *rs, size_t i, uint64_t contract)
{
	const struct revision *r = &rs->v[i];
	struct change key = { contract, 0 };

	return r->n_changes > 0 ? bsearch(&key, rs->changes + r->changes, r->n_changes, sizeof(key), by_contract) : NULL;
}

static bool changes(const struct revisions *rs, size_t i, uint64_t contract)
{
	/* What is lent may have changed anything. */
	return (rs->lent && i + 1 == rs->n) || find_change(rs, i, contract) != NULL;
}

/* 0: there was no such contract. */
static uint64_t form_at(const struct revisions *rs, size_t i, uint64_t contract)
{
	const struct change *c;

	while ((c = find_change(rs, i, contract)) == NULL)
		if (i-- == 0)
			return 0;
	return c->form;
}

/* ---- coming and going ---- */

static void arrive(struct revisions *rs, size_t i, struct rules *rules)
{
	rs->v[i].rules = rules;
	rs->here = xreallocarray(rs->here, rs->n_here + 1, sizeof(*rs->here));
	rs->here[rs->n_here++] = i;
}

/* By its place in `here`. */
static void leave(struct revisions *rs, size_t place)
{
	struct revision *r = &rs->v[rs->here[place]];

	rules_unref(r->rules);
	r->rules = NULL;
	rs->n_guests -= r->guest;
	r->guest = false;
	rs->here[place] = rs->here[--rs->n_here];
}

/* The guest that was not needed for the longest time goes, unless the present decision needs all. */
static void make_room(struct revisions *rs)
{
	size_t oldest = SIZE_MAX;

	for (size_t i = 0; i < rs->n_here; i++) {
		const struct revision *r = &rs->v[rs->here[i]];

		if (r->guest && r->used < rs->decision && (oldest == SIZE_MAX || r->used < rs->v[rs->here[oldest]].used))
			oldest = i;
	}
	if (oldest != SIZE_MAX)
		leave(rs, oldest);
}

static struct rules *take(struct revisions *rs, size_t i)
{
	struct revision *r = &rs->v[i];

	if (r->rules == NULL) {
		if (rs->n_guests >= rs->max_guests && !rs->replanning)
			make_room(rs);
		arrive(rs, i, rs->wake(rs->wake_ctx, i));
		r->rules->from = r->from;
		r->guest = true;
		rs->n_guests++;
	}
	r->used = rs->decision;
	return r->rules;
}

static void grow(struct revisions *rs)
{
	if (rs->n == rs->cap)
		rs->v = xreallocarray(rs->v, rs->cap = rs->cap + rs->cap / 4 + 4, sizeof(*rs->v));
}

void revisions_init(struct revisions *rs, const struct engine_options *opt)
{
	*rs = (struct revisions){ .wake = opt->wake, .wake_ctx = opt->wake_ctx, .max_guests = opt->max_guests > 0 ? opt->max_guests : ENGINE_GUESTS };
	map_init(&rs->holders);
}

void revisions_add(struct revisions *rs, struct rules *rules)
{
	struct revision r = { .from = rules->from };

	compare(rs, &r, rs->n > 0 ? rs->v[rs->n - 1].rules : NULL, rules);
	grow(rs);
	rs->v[rs->n++] = r;
	arrive(rs, rs->n - 1, rules_ref(rules));
	/* Chosen anew, so that of those which have the same form one alone is needed. */
	map_finish(&rs->holders);
	map_init(&rs->holders);
	rs->since = rs->decision + 1;
	rs->replanning = true;
}

void revisions_sweep(struct revisions *rs)
{
	for (size_t i = rs->n_here; rs->wake != NULL && i-- > 0; ) {
		struct revision *r = &rs->v[rs->here[i]];

		r->guest = false;
		if (rs->here[i] == in_force(rs))
			continue;
		if (r->used < rs->since)
			leave(rs, i);
		else if (rs->here[i] + REVISIONS_QUICK < rs->n && r->rules->slim != NULL)
			r->rules->slim(r->rules);
	}
	rs->n_guests = 0;
}

void revisions_replanned(struct revisions *rs)
{
	revisions_sweep(rs);
	rs->replanning = false;
}

void revisions_lend(struct revisions *rs, struct rules *rules)
{
	grow(rs);
	rs->v[rs->n++] = (struct revision){ .from = rules->from, .rules = rules };
	rs->lent = true;
}

void revisions_take_back(struct revisions *rs)
{
	rs->n--;
	rs->lent = false;
}

void revisions_finish(struct revisions *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		rules_unref(rs->v[i].rules);
	free(rs->v);
	free(rs->changes);
	free(rs->here);
	map_finish(&rs->holders);
}

/* ---- looking ---- */

struct rules *revisions_rules(struct revisions *rs, size_t i)
{
	return take(rs, i);
}

struct wanted { struct str id; uint64_t form; const struct contract **found_out; };

static bool has_form(const void *ctx, const void *key, uint32_t i)
{
	const struct revisions *rs = ctx;
	const struct wanted *w = key;
	const struct contract *c = rs->v[i].rules != NULL ? rules_contract(rs->v[i].rules, w->id) : NULL;

	*w->found_out = c;
	return c != NULL && c->form == w->form;
}

/* Those in force stay anyway; then those of the last revision that left the contract so; then any. Where none are here, those of `last` come back. */
static size_t choose(const struct revisions *rs, size_t last, const struct wanted *w)
{
	if (has_form(rs, w, (uint32_t)in_force(rs)))
		return in_force(rs);
	if (rs->v[last].rules != NULL)
		return last;
	for (size_t k = 0; k < rs->n_here; k++)
		if (has_form(rs, w, (uint32_t)rs->here[k]))
			return rs->here[k];
	return last;
}

/* A form that is no longer the contract's; for all times at which it was, the same rules are taken. */
static const struct contract *find_old(struct revisions *rs, size_t i, size_t last, uint64_t contract, struct str id)
{
	const struct contract *found;
	struct wanted w = { id, form_at(rs, i, contract), &found };
	uint32_t holder;

	if (w.form == 0)
		return NULL;
	holder = map_find(&rs->holders, w.form, has_form, rs, &w);
	if (holder != MAP_ABSENT) {
		(void)take(rs, holder);
		return found;
	}
	holder = (uint32_t)choose(rs, last, &w);
	(void)take(rs, holder);
	/* They may have been its holder before they left. */
	if (map_find(&rs->holders, w.form, has_form, rs, &w) == MAP_ABSENT)
		map_insert(&rs->holders, w.form, holder);
	return rules_contract(rs->v[holder].rules, id);
}

const struct contract *revisions_seek(struct revisions *rs, size_t i, struct str id, size_t *end_out)
{
	uint64_t contract = hash_of(id);
	size_t end = i + 1;

	while (end < rs->n && !changes(rs, end, contract))
		end++;
	*end_out = end;
	if (end > in_force(rs))
		return rules_contract(take(rs, end - 1), id);
	return find_old(rs, i, end - 1, contract, id);
}

bool revisions_spared(const struct revisions *rs, struct str id, struct wall from, unsigned most)
{
	size_t i = rs->n - 1;
	uint64_t contract = hash_of(id);

	for (unsigned n = 0; i > 0 && wall_before(from, rs->v[i].from); i--, n++)
		if (n == most || changes(rs, i, contract))
			return false;
	return true;
}
