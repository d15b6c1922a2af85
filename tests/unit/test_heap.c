/* The heap against an array that is searched from end to end. */
#include "../cmocka_plazo.h"
#include "../prop.h"

#include "base/heap.h"

#define N_IDS 300

struct model { bool in[N_IDS]; struct heap_entry e[N_IDS]; };

static const struct heap_entry *least(const struct model *m)
{
	const struct heap_entry *best = NULL;

	for (size_t i = 0; i < N_IDS; i++) {
		const struct heap_entry *e = &m->e[i];

		if (m->in[i] && (best == NULL || e->due < best->due || (e->due == best->due && e->seq < best->seq)))
			best = e;
	}
	return best;
}

static void step(struct prop *r, struct heap *h, struct model *m, uint32_t seq)
{
	uint32_t id = (uint32_t)prop_below(r, N_IDS);
	const struct heap_entry *top = heap_top(h);

	if (prop_chance(r, 55)) {
		int64_t due = prop_chance(r, 5) ? (prop_chance(r, 50) ? INT64_MIN : INT64_MAX) : prop_between(r, -20, 20);

		heap_set(h, id, due, seq);
		m->in[id] = true;
		m->e[id] = (struct heap_entry){ due, seq, id };
	} else if (prop_chance(r, 50) && top != NULL) {
		id = top->id;
		assert_true(heap_remove(h, id));
		m->in[id] = false;
	} else {
		assert_int_equal(heap_remove(h, id), m->in[id]);
		m->in[id] = false;
	}
}

static void equals_the_model(void **state)
{
	(void)state;
	struct prop r = prop_begin("heap");

	for (size_t round = 0; round < prop_rounds(10); round++) {
		struct model m = { 0 };
		struct heap h;

		heap_init(&h);
		for (uint32_t i = 0; i < 4000; i++) {
			/* Sequence numbers are unsigned: some are over INT32_MAX, none twice. */
			step(&r, &h, &m, (i * 2654435761u));

			const struct heap_entry *want = least(&m), *got = heap_top(&h);
			const char *broken = heap_check(&h);

			if (broken != NULL)
				fail_msg("%s", broken);
			assert_int_equal(want == NULL, got == NULL);
			if (want != NULL)
				assert_true(want->id == got->id && want->due == got->due && want->seq == got->seq);
		}
		for (uint32_t id = 0; id < N_IDS; id++)
			assert_int_equal(heap_has(&h, id), m.in[id]);
		heap_finish(&h);
	}
}

static void comes_out_sorted(void **state)
{
	(void)state;
	struct prop r = prop_begin("heap order");
	uint32_t n = 20000;
	int64_t last = INT64_MIN;
	uint32_t last_seq = 0;
	struct heap h;

	heap_init(&h);
	assert_null(heap_top(&h));
	assert_false(heap_remove(&h, 5));
	for (uint32_t i = 0; i < n; i++)
		heap_set(&h, i, prop_between(&r, 0, 5000), i);
	assert_true(heap_bytes(&h) < (size_t)n * 30);
	for (uint32_t i = 0; i < n; i++) {
		struct heap_entry e = *heap_top(&h);

		assert_true(e.due > last || (e.due == last && e.seq > last_seq));
		last = e.due;
		last_seq = e.seq;
		heap_remove(&h, e.id);
	}
	assert_null(heap_top(&h));
	heap_finish(&h);
}

static void check_sees_damage(void **state)
{
	(void)state;
	struct heap h;

	heap_init(&h);
	assert_null(heap_check(&h));
	for (uint32_t i = 0; i < 50; i++)
		heap_set(&h, i, i, i);
	assert_null(heap_check(&h));

	struct heap_entry *top = &h.v[h.place[0]];

	top->due = 1000;
	assert_non_null(heap_check(&h));
	top->due = 0;
	assert_null(heap_check(&h));
	h.place[7] = HEAP_IDLE;
	assert_non_null(heap_check(&h));
	heap_finish(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_the_model),
		cmocka_unit_test(comes_out_sorted),
		cmocka_unit_test(check_sees_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
