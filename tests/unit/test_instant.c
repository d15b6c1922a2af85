/* Instants that are looked up late: whatever is asked of one, in whatever order, is what calendar_add() says. */
#include "../config_text.h"
#include "../prop.h"

#include "core/instant.h"

#define START INT64_C(1774861200000)    /* 2026-03-30T09:00Z, a Monday */

static const char text[] =
	"calendars:\n"
	"  office: {zone: Europe/Madrid, hours: {mon-fri: ['09:00-14:00', '15:00-18:30']}}\n"
	"  night: {zone: America/New_York, hours: {mon-sun: '22:00-06:00'}}\n"
	"  always: 24x7\n"
	"defaults: {calendar: always, notify: [ops]}\n"
	"policies: {p: {metrics: {resolution: {target: 4h}}}}\n"
	"contracts: {a: {customer: A, policy: p, calendar: office}, b: {customer: B, policy: p, calendar: night}, c: {customer: C, policy: p, calendar: always}}\n"
	"receivers: {ops: {log: {}}}\n";

struct rig { struct config *cfg; struct prop rnd; };

/* What was promised, and what it is. */
struct pair { struct instant i; struct wall at; };

/* Round times meet each other, openings and closings; some lie beyond the calendars' tables, and some count backward. */
static struct pair some(struct rig *r, const struct pair *like)
{
	const struct rules *rules = r->cfg->rules;
	const struct calendar *c = rules->contracts[prop_below(&r->rnd, rules->n_contracts)].calendar;
	struct wall from = { START + prop_between(&r->rnd, -200, 200) * 30 * MS_PER_MIN };
	int64_t ms = prop_between(&r->rnd, prop_chance(&r->rnd, 10) ? -40 : 0, 80) * 30 * MS_PER_MIN;
	enum boundary b = prop_chance(&r->rnd, 20) ? BOUNDARY_NEXT_OPEN : BOUNDARY_CLOSE;
	struct pair p;

	if (prop_chance(&r->rnd, 1))
		from.ms += 130 * 365 * MS_PER_DAY;
	if (prop_chance(&r->rnd, 1))
		ms += prop_between(&r->rnd, 0, 200) * 365 * MS_PER_DAY;
	if (like != NULL && like->i.calendar != NULL) {
		c = like->i.calendar;
		from = prop_chance(&r->rnd, 70) ? like->i.from : from;
	}
	instant_after(&p.i, c, from, ms, b);
	p.at = calendar_add(c, from, ms, b);
	if (prop_chance(&r->rnd, 10))
		p = (struct pair){ INSTANT_NEVER, WALL_NEVER };
	return p;
}

static void compared_with_a_time(void **state)
{
	struct rig *r = *state;

	for (size_t n = 0; n < prop_rounds(5000); n++) {
		struct pair p = some(r, NULL);
		struct instant i = p.i;
		struct wall t = prop_chance(&r->rnd, 30) ? p.at : (struct wall){ START + prop_between(&r->rnd, -300, 300) * 30 * MS_PER_MIN };

		assert_false(wall_before(p.at, i.at));
		assert_int_equal(instant_before(&i, t), wall_before(p.at, t));
		i = p.i;
		assert_int_equal(instant_by(&i, t), !wall_before(t, p.at));
		assert_true(wall_eq(instant_find(&i), p.at) && wall_eq(i.at, p.at));
		assert_int_equal(instant_before(&i, t), wall_before(p.at, t));
	}
}

static void the_first_of_two(void **state)
{
	struct rig *r = *state;

	for (size_t n = 0; n < prop_rounds(5000); n++) {
		struct pair p = some(r, NULL), q = some(r, prop_chance(&r->rnd, 70) ? &p : NULL);

		if (prop_chance(&r->rnd, 30))
			(void)instant_find(&q.i);
		assert_int_equal(instant_find(instant_first(&p.i, &q.i)).ms, wall_min(p.at, q.at).ms);
	}
}

static void it_is_looked_up_when_it_must(void **state)
{
	struct rig *r = *state;
	const struct calendar *c = r->cfg->rules->contracts[0].calendar;
	struct instant i, k;

	instant_after(&i, c, (struct wall){ START }, MS_PER_H, BOUNDARY_CLOSE);
	instant_after(&k, c, (struct wall){ START }, 2 * MS_PER_H, BOUNDARY_CLOSE);
	assert_false(instant_before(&i, (struct wall){ START + MS_PER_H }));
	assert_ptr_equal(instant_first(&k, &i), &i);
	assert_non_null(i.calendar);
	assert_true(instant_by(&i, (struct wall){ START + MS_PER_H }));
	assert_null(i.calendar);
}

static int set_up(void **state)
{
	static struct rig r;

	r = (struct rig){ config_of_text(str_of(text), (struct wall){ START }), prop_begin("instants") };
	*state = &r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	config_unref(r->cfg);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compared_with_a_time), cmocka_unit_test(the_first_of_two), cmocka_unit_test(it_is_looked_up_when_it_must),
	};

	return cmocka_run_group_tests_name("instants", tests, set_up, tear_down);
}
