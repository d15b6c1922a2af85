/* Holidays from iCalendar files: dates in order, none twice, within the years asked for. */
#include "fuzz.h"

#include <string.h>

#include "config/ical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	struct str text = arena_str(a, (struct str){ (const char *)data, size });
	struct civil *v = NULL;
	struct diag why = { 0 };
	size_t n = 0;

	if (ical_days(a, text, 2020, 2040, &v, &n, &why) == ERR_OK) {
		HOLDS(n <= ICAL_MAX_DAYS);
		for (size_t i = 0; i < n; i++) {
			HOLDS(v[i].year >= 2020 && v[i].year <= 2040);
			HOLDS(i == 0 || civil_to_days(v[i - 1]) < civil_to_days(v[i]));
		}
	} else {
		HOLDS(why.msg[0] != '\0');
	}
	arena_destroy(a);
	return 0;
}
