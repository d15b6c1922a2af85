/* TZif files and the rules in their footers: what is taken gives offsets that hold together, from 1900 to 2300. */
#include "fuzz.h"

#include "base/limits.h"
#include "core/zone.h"
#include "core/zone_rule.h"

#define YEAR_1900 (INT64_C(-2208988800) * MS_PER_S)
#define YEAR_2300 (INT64_C(10413792000) * MS_PER_S)
#define STEPS     64

static void around(const struct zone *z, struct wall t)
{
	int64_t local = zone_local(z, t);
	struct wall first;

	HOLDS(local == t.ms + zone_offset(z, t) * MS_PER_S);
	/* The first instant that shows this local time. */
	first = zone_instant(z, local);
	HOLDS(!wall_before(t, first) && zone_local(z, first) == local);
}

static void walk(const struct zone *z)
{
	struct wall t = { YEAR_1900 };

	for (int i = 0; i < STEPS; i++) {
		struct wall next = zone_next_change(z, t);
		int32_t before = zone_offset(z, t);

		around(z, t);
		if (wall_is_never(next) || next.ms > YEAR_2300)
			break;
		HOLDS(wall_before(t, next));
		HOLDS(zone_offset(z, wall_plus(next, -1)) == before && zone_offset(z, next) != before);
		around(z, wall_plus(next, -1));
		around(z, next);
		t = next;
	}
	for (int64_t ms = YEAR_1900; ms < YEAR_2300; ms += (YEAR_2300 - YEAR_1900) / STEPS)
		around(z, (struct wall){ ms });
}

static void footer(struct str s)
{
	struct zone_rule r;
	struct diag why = { 0 };
	int64_t from, to;

	if (zone_rule_parse(s, &r, &why) != ERR_OK) {
		HOLDS(why.msg[0] != '\0');
		return;
	}
	for (int32_t year = 1900; r.has_dst && year < 2300; year += 7)
		zone_rule_dst(&r, year, &from, &to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = { (const char *)data, size };
	struct diag why = { 0 };
	struct zone *z = NULL;

	footer(bytes);
	if (zone_parse(STR("Fuzzed/Zone"), bytes, &z, &why) != ERR_OK) {
		HOLDS(z == NULL && why.msg[0] != '\0');
		return 0;
	}
	walk(z);
	zone_destroy(z);
	return 0;
}
