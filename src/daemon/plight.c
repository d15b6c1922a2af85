#include "daemon/plight.h"

static enum plight_news look_at_bad(struct plight *p, int64_t now_ms)
{
	int64_t patience_ms = now_ms < p->next_ms ? PLIGHT_AGAIN_MS : PLIGHT_TELL_MS;

	p->good_ms = 0;
	if (!p->is_bad)
		p->bad_ms = now_ms;
	p->is_bad = true;
	if (p->is_told || now_ms - p->bad_ms < patience_ms)
		return PLIGHT_NOTHING;
	p->is_told = true;
	p->next_ms = now_ms + PLIGHT_QUIET_MS;
	return PLIGHT_WORSE;
}

enum plight_news plight_look(struct plight *p, bool is_bad, struct mono now)
{
	bool was_told = p->is_told;

	if (is_bad)
		return look_at_bad(p, now.ms);
	if (p->is_bad && p->good_ms == 0)
		p->good_ms = now.ms;
	if (!p->is_bad || now.ms - p->good_ms < PLIGHT_OVER_MS)
		return PLIGHT_NOTHING;
	p->is_bad = p->is_told = false;
	p->good_ms = 0;
	return was_told ? PLIGHT_BETTER : PLIGHT_NOTHING;
}

uint64_t tally_look(struct tally *t, uint64_t n, struct mono now)
{
	uint64_t fresh = n > t->n_told ? n - t->n_told : 0;

	if (fresh == 0)
		return 0;
	if (t->first_ms == 0)
		t->first_ms = now.ms;
	if (now.ms - t->first_ms < TALLY_GATHER_MS || now.ms < t->next_ms)
		return 0;
	t->n_told = n;
	t->first_ms = 0;
	t->next_ms = now.ms + PLIGHT_QUIET_MS;
	return fresh;
}
