/*
 * Rows of tickets. A row that is taken is a ticket like any other: it is saved to the same bytes as its own copy, seen, explained, moved on in
 * time and given an event. (The store's checksums stand before this: here they are out of the way.)
 */
#include "fuzz.h"

#include "config/config.h"
#include "core/engine.h"

#define NOW   INT64_C(1774861200000)
#define MONTH (31 * MS_PER_DAY)

static const char text[] =
	"calendars: {always: 24x7, office: {zone: Europe/Madrid, hours: {mon-fri: ['09:00-14:00', '15:00-18:00']}}}\n"
	"defaults: {calendar: office, pause: {status: pending}, notify: [ops], escalation: s}\n"
	"policies: {p: {metrics: {response: {target: 1h}, resolution: {target: {P1: 2h, default: 2bd}}, next-response: {target: 4h}, update: {target: 8h},\n"
	"  attendance: {target: 2h, mode: onsite}, mine: {start: {status: open}, stop: {type: resolved}, target: 3h, calendar: always}}}}\n"
	"contracts: {acme: {customer: ACME, policy: p}}\n"
	"escalations: {s: [{at: 50%, notify: [ops]}, {at: breach, notify: [ops]}, {at: breach+30m, every: 1h, times: 3, notify: [ops]}]}\n"
	"receivers: {ops: {log: {}}}\n";

static struct rules *the_rules(void)
{
	static struct config *cfg;
	struct config_options opt = { .now = { NOW }, .secrets = SECRETS_SKIP, .first_year = 2025, .last_year = 2027 };
	struct problems p;

	if (cfg == NULL) {
		problems_init(&p);
		HOLDS(config_load_text("row.yaml", STR(text), &opt, &cfg, &p) == ERR_OK);
		problems_finish(&p);
		cfg->rules->from = WALL_PAST;
	}
	return cfg->rules;
}

struct kept { struct str ns, ticket; size_t n; char names[512]; };

static void keep_name(void *ctx, struct str ns, struct str ticket)
{
	struct kept *k = ctx;

	k->n++;
	memcpy(k->names, ns.p, ns.len);
	memcpy(k->names + 256, ticket.p, ticket.len);
	k->ns = (struct str){ k->names, ns.len };
	k->ticket = (struct str){ k->names + 256, ticket.len };
}

static bool each(void *ctx, struct str ns, struct str ticket)
{
	keep_name(ctx, ns, ticket);
	return true;
}

static void ignore_row(void *ctx, const struct ticket_row *row)
{
	(void)ctx;
	(void)row;
}

static void ignore_stretch(void *ctx, const struct stretch *s)
{
	(void)ctx;
	HOLDS(s->counted_ms >= 0);
}

static void a_copy_is_the_same(struct engine *en, const struct kept *k)
{
	struct buf first, second;
	struct diag why = { 0 };

	buf_init(&first, BUF_NO_MAX);
	buf_init(&second, BUF_NO_MAX);
	HOLDS(engine_save(en, k->ns, k->ticket, &first));
	HOLDS(engine_drop(en, k->ns, k->ticket) && !engine_has(en, k->ns, k->ticket));
	HOLDS(engine_load(en, buf_str(&first), &why) == ERR_OK);
	HOLDS(engine_save(en, k->ns, k->ticket, &second) && str_eq(buf_str(&first), buf_str(&second)));
	HOLDS(engine_load(en, buf_str(&first), &why) == ERR_CONFLICT);
	buf_finish(&first);
	buf_finish(&second);
}

static void live_on(struct engine *en, const struct kept *k)
{
	struct event e = { .id = STR("new"), .ns = k->ns, .source = STR("s"), .ticket = k->ticket, .type = EVENT_REPLIED, .role = ROLE_AGENT,
			   .at = { NOW }, .received = { NOW } };
	struct arena *a = arena_create();
	struct engine_round round;
	struct ticket_view v;
	struct effects fx;

	effects_init(&fx);
	(void)engine_advance(en, (struct wall){ NOW }, 100, &fx);
	HOLDS(engine_view(en, k->ns, k->ticket, (struct wall){ NOW }, a, &v));
	HOLDS(engine_explain(en, k->ns, k->ticket, (struct wall){ NOW }, ignore_stretch, NULL));
	e.body = event_body(&e);
	(void)engine_apply(en, &e, UINT64_MAX, NULL, NULL, &fx);
	(void)engine_advance(en, (struct wall){ NOW + MONTH }, 100, &fx);
	round = engine_round(en);
	(void)engine_take_changed(en, &round, 10, ignore_row, NULL);
	effects_finish(&fx);
	arena_destroy(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct engine_options opt = { .key = { 3, 4 }, .max_skew_ms = 300000 };
	struct engine *en = engine_create(&opt);
	struct diag why = { 0 };
	struct kept k = { .n = 0 };

	engine_revise(en, the_rules());
	if (engine_load(en, (struct str){ (const char *)data, size }, &why) == ERR_OK) {
		engine_each(en, each, &k);
		HOLDS(k.n == 1);
		a_copy_is_the_same(en, &k);
		live_on(en, &k);
	} else {
		HOLDS(why.msg[0] != '\0');
		engine_each(en, each, &k);
		HOLDS(k.n == 0);
	}
	engine_destroy(en);
	return 0;
}
