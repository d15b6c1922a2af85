#include "../cmocka_plazo.h"
#include "../prop.h"

#include "base/arena.h"
#include "base/reader.h"
#include "core/event.h"

/* Computed once, by the first version. */
#define BODY_OF_E 0xaa388b02

#define STR_OF(lit) { (lit), sizeof(lit) - 1 }    /* as an initialiser of static data */

/* Texts of an event besides its attributes. */
#define N_TEXTS 8

static struct str *text_of(struct event *e, size_t i)
{
	struct str *const texts[N_TEXTS] = { &e->id, &e->ticket, &e->ns, &e->source, &e->actor, &e->into, &e->metric, &e->reason };

	return texts[i];
}

static struct str random_text(struct prop *r)
{
	static const char letters[] = "the quick brown fox jumps over the lazy dog, caf\xc3\xa9 \x1f 0123456789 0123456789 0123456789 0123456789 0123456789";
	size_t from = prop_below(r, 40), len = prop_below(r, sizeof(letters) - from);

	return (struct str){ letters + from, prop_chance(r, 30) ? 0 : len };
}

static struct event random_event(struct prop *r)
{
	struct event e = { 0 };

	for (size_t i = 0; i < N_TEXTS; i++)
		*text_of(&e, i) = random_text(r);
	e.type = (enum event_type)prop_below(r, EVENT_N_TYPES);
	e.at.ms = prop_between(r, 0, 7258118399999);
	e.received.ms = prop_chance(r, 50) ? e.at.ms + prop_between(r, -5000, 100000) : prop_between(r, INT64_MIN, INT64_MAX);
	e.role = (enum role)prop_below(r, ROLE_N);
	e.mode = (enum mode)prop_below(r, MODE_N);
	e.is_private = prop_chance(r, 50);
	e.automated = prop_chance(r, 50);
	e.quiet = prop_chance(r, 50);
	e.set = (uint32_t)prop_below(r, 1u << ATTR_N);
	for (unsigned i = 0; i < ATTR_N; i++)
		e.attr[i] = (e.set & 1u << i) != 0 ? random_text(r) : (struct str){ NULL, 0 };
	e.by_ms = e.type == EVENT_EXTENDED ? prop_between(r, INT64_MIN, INT64_MAX) : 0;
	e.body = (uint32_t)prop_u64(r);
	return e;
}

static void assert_same(struct event *a, struct event *b)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		assert_true(str_eq(*text_of(a, i), *text_of(b, i)));
	for (unsigned i = 0; i < ATTR_N; i++)
		assert_true(str_eq(a->attr[i], b->attr[i]));
	assert_true(a->type == b->type && a->at.ms == b->at.ms && a->received.ms == b->received.ms && a->role == b->role);
	assert_true(a->mode == b->mode && a->is_private == b->is_private && a->automated == b->automated && a->set == b->set);
	assert_true(a->by_ms == b->by_ms && a->quiet == b->quiet && a->body == b->body);
}

static void there_and_back(void **state)
{
	(void)state;
	struct prop r = prop_begin("event");
	struct buf b;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < prop_rounds(20000); i++) {
		struct event a = random_event(&r), c = random_event(&r), got;
		struct reader in;

		buf_reset(&b);
		event_encode(&a, &b);
		event_encode(&c, &b);
		in = reader_of(buf_str(&b));
		assert_true(event_decode(&in, &got));
		assert_same(&a, &got);
		assert_true(event_decode(&in, &got));
		assert_same(&c, &got);
		assert_ptr_equal(in.p, in.end);
		assert_false(event_decode(&in, &got));
	}
	buf_finish(&b);
}

static void is_compact(void **state)
{
	(void)state;
	struct event e = { .id = STR("1"), .ticket = STR("T"), .type = EVENT_CHANGED, .at = { 1795428000000 }, .received = { 1795428000100 } };
	struct buf b;

	buf_init(&b, 1000);
	event_encode(&e, &b);
	assert_true(b.len <= 18);
	buf_finish(&b);
}

/* Cut, changed or random bytes: no crash, no read outside, and what is taken is an event within its enums. */
static void hostile_bytes(void **state)
{
	(void)state;
	struct prop r = prop_begin("event hostile");
	size_t n_bad = 0, n_good = 0;
	struct buf b;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < prop_rounds(60000); i++) {
		struct event e = random_event(&r), got = { .body = 77 };
		bool cut = prop_chance(&r, 30);

		buf_reset(&b);
		event_encode(&e, &b);

		size_t len = cut ? prop_below(&r, b.len) : b.len;
		char *copy = malloc(len + 1);

		memcpy(copy, b.p, len);
		for (size_t k = prop_below(&r, 4); !cut && k-- > 0;)
			copy[prop_below(&r, prop_chance(&r, 50) ? (len < 30 ? len : 30) : len)] = (char)prop_u64(&r);

		struct reader in = { (uint8_t *)copy, (uint8_t *)copy + len, false };

		if (event_decode(&in, &got)) {
			assert_false(cut);
			assert_true(got.type < EVENT_N_TYPES && got.role < ROLE_N && got.mode < MODE_N && got.set >> ATTR_N == 0);
			for (size_t k = 0; k < N_TEXTS; k++)
				assert_true(text_of(&got, k)->len <= len);
			n_good++;
		} else {
			assert_int_equal(got.body, 77);
			n_bad++;
		}
		free(copy);
	}
	assert_true(n_bad > 10000 && n_good > 10000);
	buf_finish(&b);
}

/* Each byte that has a law of its own, broken alone. */
static void laws_of_the_form(void **state)
{
	(void)state;
	static const struct str good = STR_OF("\x01\x01\x00\x00" "\x02\x02\x05" "\x01" "a" "\x01" "b" "\x00");
	static const struct { const char *what; struct str bytes; } bad[] = {
		{ "version", STR_OF("\x02\x01\x00\x00" "\x02\x02\x05" "\x01" "a" "\x01" "b" "\x00") },
		{ "type", STR_OF("\x01\x0c\x00\x00" "\x02\x02\x05" "\x01" "a" "\x01" "b" "\x00") },
		{ "role", STR_OF("\x01\x01\x03\x00" "\x02\x02\x05" "\x01" "a" "\x01" "b" "\x00") },
		{ "mode", STR_OF("\x01\x01\x0c\x00" "\x02\x02\x05" "\x01" "a" "\x01" "b" "\x00") },
		{ "flags", STR_OF("\x01\x01\x80\x00" "\x02\x02\x05" "\x01" "a" "\x01" "b" "\x00") },
		{ "texts", STR_OF("\x01\x01\x00\x40" "\x02\x02\x05" "\x01" "a" "\x01" "b" "\x00") },
		{ "body", STR_OF("\x01\x01\x00\x00" "\x02\x02\x80\x80\x80\x80\x10" "\x01" "a" "\x01" "b" "\x00") },
		{ "set", STR_OF("\x01\x01\x00\x00" "\x02\x02\x05" "\x01" "a" "\x01" "b" "\x80\x80\x04") },
		{ "end", STR_OF("\x01\x01\x00\x00" "\x02\x02\x05" "\x01" "a" "\x01" "b") },
		{ "nothing", STR_OF("") },
	};
	struct reader in = reader_of(good);
	struct event e;

	assert_true(event_decode(&in, &e));
	assert_str(e.id, "a");
	assert_str(e.ticket, "b");
	assert_true(e.type == EVENT_CHANGED && e.received.ms == 1 && e.at.ms == 2 && e.body == 5 && e.set == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		in = reader_of(bad[i].bytes);
		if (event_decode(&in, &e))
			fail_msg("%s", bad[i].what);
	}
}

static void body_is_of_the_content(void **state)
{
	(void)state;
	struct prop r = prop_begin("event body");

	for (size_t i = 0; i < prop_rounds(5000); i++) {
		struct event a = random_event(&r), b = a;
		uint32_t body = event_body(&a);

		b.received.ms = a.received.ms / 2 + 99;
		b.source = STR("another");
		b.body = ~a.body;
		b.quiet = !a.quiet;
		assert_int_equal(event_body(&b), body);

		b = a;
		b.at.ms++;
		assert_int_not_equal(event_body(&b), body);
		for (size_t k = 0; k < N_TEXTS; k++) {
			b = a;
			if (text_of(&b, k) == &b.source)
				continue;
			*text_of(&b, k) = str_eqz(*text_of(&b, k), "x") ? STR("y") : STR("x");
			assert_int_not_equal(event_body(&b), body);
		}
		b = a;
		b.is_private = !b.is_private;
		assert_int_not_equal(event_body(&b), body);
		b = a;
		b.automated = !b.automated;
		assert_int_not_equal(event_body(&b), body);
		/* Setting to nothing is another thing than saying nothing. */
		b = a;
		b.set ^= 1u << ATTR_URL;
		b.attr[ATTR_URL] = (struct str){ NULL, 0 };
		assert_int_not_equal(event_body(&b), body);
	}
}

/* Journals and stored tickets hold these numbers: they must not change from one version to the next. */
static void body_is_for_ever(void **state)
{
	(void)state;
	struct event e = { .id = STR("e1"), .ns = STR("helpdesk"), .ticket = STR("INC-1"), .type = EVENT_OPENED, .at = { 1795428000000 } };

	e.set = 1u << ATTR_PRIORITY | 1u << ATTR_CONTRACT;
	e.attr[ATTR_PRIORITY] = STR("P1");
	e.attr[ATTR_CONTRACT] = STR("acme");
	assert_int_equal(event_body(&e), BODY_OF_E);
}

/* A text that says the same as before, and lies in the form. */
static bool is_slice(const struct event *sealed, struct str now, struct str before)
{
	uintptr_t at = (uintptr_t)now.p, from = (uintptr_t)sealed->sealed.p;

	return str_eq(now, before) && (now.len == 0 || (at >= from && at - from < sealed->sealed.len));
}

static bool has_its_texts(const struct event *sealed, const struct event *e)
{
	bool has = is_slice(sealed, sealed->id, e->id) && is_slice(sealed, sealed->ticket, e->ticket) && is_slice(sealed, sealed->ns, e->ns) &&
		is_slice(sealed, sealed->source, e->source) && is_slice(sealed, sealed->actor, e->actor) &&
		is_slice(sealed, sealed->into, e->into) && is_slice(sealed, sealed->metric, e->metric) && is_slice(sealed, sealed->reason, e->reason);

	for (unsigned i = 0; i < ATTR_N; i++)
		has = has && ((e->set >> i & 1) == 0 || is_slice(sealed, sealed->attr[i], e->attr[i]));
	return has && sealed->set == e->set && sealed->by_ms == e->by_ms;
}

/* What was made ahead is what would have been made. */
static void sealed_is_the_same(void **state)
{
	(void)state;
	struct prop r = prop_begin("event");
	struct arena *a = arena_create();
	struct sipkey key = { 5, 6 };
	struct buf plain, sealed;

	buf_init(&plain, 1 << 20);
	buf_init(&sealed, 1 << 20);
	for (size_t i = 0; i < prop_rounds(20000); i++) {
		struct event e = random_event(&r), s = e;

		event_seal(&s, key, a);
		/* What is made behind it overwrites nothing of it. */
		(void)arena_alloc(a, 64);
		assert_true(has_its_texts(&s, &e));
		e.body = event_body(&e);
		/* The loop says when it came. */
		e.received.ms = s.received.ms = prop_between(&r, 0, 7258118399999);
		e.quiet = s.quiet = prop_chance(&r, 50);
		buf_reset(&plain);
		buf_reset(&sealed);
		event_encode(&e, &plain);
		event_encode(&s, &sealed);
		assert_true(str_eq(buf_str(&plain), buf_str(&sealed)));
		assert_true(s.sealed.len > 0 && s.body == e.body);
		assert_true(s.ticket_hash == event_ticket_hash(key, e.ns, e.ticket) && s.id_hash == siphash64(key, e.id.p, e.id.len));
		arena_reset(a);
	}
	buf_finish(&plain);
	buf_finish(&sealed);
	arena_destroy(a);
}

static void names(void **state)
{
	(void)state;
	assert_int_equal(name_index(event_type_names, STR("merged")), EVENT_MERGED);
	assert_int_equal(name_index(event_type_names, STR("Merged")), -1);
	assert_int_equal(name_index(event_type_names, STR("")), -1);
	assert_int_equal(name_index(mode_names, STR("")), MODE_NONE);
	assert_int_equal(name_index(role_names, STR("agent")), ROLE_AGENT);
	assert_int_equal(name_index(attr_names, STR("url")), ATTR_URL);
	for (int i = 0; i < EVENT_N_TYPES; i++)
		assert_int_equal(name_index(event_type_names, str_of(event_type_names[i])), i);
	for (int i = 0; i < ATTR_N; i++)
		assert_int_equal(name_index(attr_names, str_of(attr_names[i])), i);
	assert_null(attr_names[ATTR_N]);
	assert_null(role_names[ROLE_N]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(is_compact),
		cmocka_unit_test(hostile_bytes),
		cmocka_unit_test(laws_of_the_form),
		cmocka_unit_test(body_is_of_the_content),
		cmocka_unit_test(body_is_for_ever),
		cmocka_unit_test(sealed_is_the_same),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
