/* Timestamps and durations: what is read is written, and read again to the same. */
#include "fuzz.h"

#include "base/limits.h"
#include "base/wall.h"
#include "core/span.h"

static void timestamp(struct str s)
{
	char text[WALL_TEXT_LEN];
	struct wall t, back;
	struct diag why = { 0 };

	if (wall_parse(s, &t, &why) != ERR_OK) {
		HOLDS(why.msg[0] != '\0');
		return;
	}
	HOLDS(t.ms >= WALL_MIN.ms && t.ms < WALL_MAX.ms);
	HOLDS(wall_parse(str_of(wall_format(t, text)), &back, NULL) == ERR_OK && back.ms == t.ms);
}

static bool same_span(const struct span *a, const struct span *b)
{
	return a->kind == b->kind && a->ms == b->ms && a->days == b->days && a->eod == b->eod;
}

static void duration(struct str s)
{
	char text[SPAN_TEXT_LEN];
	struct span a, b, plain;
	struct diag why = { 0 };
	int64_t ms;

	if (span_parse_signed(s, &a, &why) == ERR_OK) {
		HOLDS(a.ms >= -SPAN_MAX_MS && a.ms <= SPAN_MAX_MS && a.days >= -SPAN_MAX_DAYS && a.days <= SPAN_MAX_DAYS);
		HOLDS(span_parse_signed(str_of(span_format(&a, text)), &b, NULL) == ERR_OK && same_span(&a, &b));
	} else {
		HOLDS(why.msg[0] != '\0');
	}
	if (span_parse(s, &plain, NULL) == ERR_OK)
		HOLDS(span_parse_signed(s, &a, NULL) == ERR_OK && same_span(&a, &plain) && plain.ms >= 0 && plain.days >= 0);
	if (span_parse_ms(s, &ms, NULL) == ERR_OK) {
		int64_t back;

		HOLDS(ms >= 0 && ms <= SPAN_MAX_MS);
		HOLDS(span_parse_ms(str_of(span_format_ms(ms, text)), &back, NULL) == ERR_OK && back == ms);
	}
}

/* Any instant that can be shown can be read, and any length of time. */
static void number(int64_t n)
{
	char text[WALL_TEXT_LEN], span[SPAN_TEXT_LEN];
	struct wall t = { (int64_t)((uint64_t)n % (uint64_t)WALL_MAX.ms) }, back;
	struct span s = { .kind = SPAN_TIME, .ms = n % (SPAN_MAX_MS + 1) }, again;

	HOLDS(wall_parse(str_of(wall_format(t, text)), &back, NULL) == ERR_OK && back.ms == t.ms);
	HOLDS(span_parse_signed(str_of(span_format(&s, span)), &again, NULL) == ERR_OK && same_span(&s, &again));
	(void)wall_format((struct wall){ n }, text);
	(void)span_format_ms(n, span);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct str s = { (const char *)data, size };

	timestamp(s);
	duration(s);
	number((int64_t)input_number(&in, 8));
	return 0;
}
