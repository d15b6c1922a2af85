#include "../cmocka_plazo.h"
#include "../prop.h"

#include "base/buf.h"
#include "base/reader.h"

static void failure_sticks(void **state)
{
	(void)state;
	struct buf b;

	buf_init(&b, 5);
	assert_string_equal(buf_cstr(&b), "");
	buf_puts(&b, "abc");
	buf_puts(&b, "de");
	assert_true(buf_ok(&b));
	assert_string_equal(buf_cstr(&b), "abcde");
	buf_putc(&b, 'f');
	assert_false(buf_ok(&b));
	buf_append(&b, NULL, 0);
	assert_false(buf_ok(&b));
	assert_str(buf_str(&b), "abcde");
	assert_null(buf_take(&b, NULL));
	buf_reset(&b);
	assert_true(buf_ok(&b));
	buf_puts(&b, "toolong");
	buf_puts(&b, "x");
	assert_false(buf_ok(&b));
	assert_int_equal(b.len, 0);
	buf_reset(&b);
	buf_put_bytes(&b, STR("abcde"));      /* six with its length */
	assert_false(buf_ok(&b));
	assert_int_equal(b.len, 0);
	buf_reset(&b);
	buf_put_bytes(&b, STR("abcd"));
	assert_true(buf_ok(&b));
	assert_int_equal(b.len, 5);
	buf_finish(&b);
}

static void printf_fits_exactly(void **state)
{
	(void)state;
	struct buf b;

	buf_init(&b, 600);
	for (int i = 0; i < 300; i++)
		buf_printf(&b, "%d", i % 10);
	assert_int_equal(b.len, 300);
	buf_printf(&b, "%0300d", 7);
	assert_true(buf_ok(&b));
	buf_printf(&b, "%d", 1);
	assert_false(buf_ok(&b));
	assert_int_equal(strlen(buf_cstr(&b)), 600);
	buf_finish(&b);
}

static void take_gives(void **state)
{
	(void)state;
	struct buf b;
	size_t len = 9;
	char *p;

	buf_init(&b, 100);
	p = buf_take(&b, &len);
	assert_string_equal(p, "");
	assert_int_equal(len, 0);
	free(p);
	buf_puts(&b, "hello");
	p = buf_take(&b, &len);
	assert_string_equal(p, "hello");
	assert_int_equal(len, 5);
	assert_int_equal(b.len, 0);
	free(p);
	buf_finish(&b);
}

static void numbers_come_back(void **state)
{
	(void)state;
	struct prop r = prop_begin("varint");
	static const uint64_t edges[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX };
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < prop_rounds(20000); i++) {
		uint64_t v = i < 10 ? edges[i] : prop_u64(&r) >> prop_below(&r, 64);
		struct reader in;

		buf_reset(&b);
		buf_put_varint(&b, v);
		assert_true(b.len <= 10);
		buf_put_zigzag(&b, (int64_t)v);
		buf_put_zigzag(&b, (int64_t)~v);
		buf_put_u64le(&b, v);
		buf_put_bytes(&b, STR("abc"));
		in = reader_of(buf_str(&b));
		assert_true(reader_varint(&in) == v);
		assert_true(reader_zigzag(&in) == (int64_t)v);
		assert_true(reader_zigzag(&in) == (int64_t)~v);
		assert_true(reader_u64le(&in) == v);
		assert_str(reader_bytes(&in), "abc");
		assert_false(in.bad);
		assert_ptr_equal(in.p, in.end);
		assert_int_equal(reader_byte(&in), 0);
		assert_true(in.bad);
	}
	buf_finish(&b);
}

/* A varint, byte by byte; false for none. */
static bool read_slowly(const uint8_t *p, size_t len, uint64_t *v, size_t *used)
{
	*v = 0;
	for (size_t i = 0; i < len && i < 10; i++) {
		if (i == 9 && p[i] > 1)
			return false;
		*v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		*used = i + 1;
		if (p[i] < 0x80)
			return true;
	}
	return false;
}

/* Also forms longer than need be, and what follows a number in the same eight bytes. */
static void any_bytes_are_read_alike(void **state)
{
	(void)state;
	struct prop r = prop_begin("bytes");

	for (size_t i = 0; i < prop_rounds(50000); i++) {
		uint8_t bytes[16];
		size_t len = prop_below(&r, sizeof(bytes) + 1), at = sizeof(bytes) - len, used = 0;
		unsigned more = (unsigned)prop_below(&r, 101);
		uint64_t want, got;
		bool good;

		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)(prop_below(&r, 128) | (prop_chance(&r, more) ? 0x80 : 0));
		good = read_slowly(bytes + at, len, &want, &used);

		struct reader in = reader_of((struct str){ (const char *)bytes + at, len });

		got = reader_varint(&in);
		assert_int_equal(in.bad, !good);
		assert_true(got == (good ? want : 0));
		assert_ptr_equal(in.p, good ? bytes + at + used : in.end);
	}
}

static void bad_bytes_are_refused(void **state)
{
	(void)state;
	static const struct str bad[] = {
		{ "\x80", 1 }, { "", 0 }, { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct reader in = reader_of(bad[i]);

		assert_int_equal(reader_varint(&in), 0);
		assert_true(in.bad);
		assert_int_equal(reader_varint(&in), 0);
	}

	struct reader in = reader_of(STR("\x04" "abc"));

	assert_int_equal(reader_bytes(&in).len, 0);
	assert_true(in.bad);
	in = reader_of(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
	assert_int_equal(reader_bytes(&in).len, 0);
	assert_true(in.bad);
	in = reader_of(STR("1234567"));
	assert_int_equal(reader_u64le(&in), 0);
	assert_true(in.bad);
}

static void parts_of_a_url(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	buf_put_escaped(&b, STR("aZ09-._~"));
	buf_put_escaped(&b, (struct str){ "/ \0%\xc3\xa9+", 7 });
	assert_string_equal(buf_cstr(&b), "aZ09-._~%2F%20%00%25%C3%A9%2B");
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failure_sticks),
		cmocka_unit_test(parts_of_a_url),
		cmocka_unit_test(printf_fits_exactly),
		cmocka_unit_test(take_gives),
		cmocka_unit_test(numbers_come_back),
		cmocka_unit_test(any_bytes_are_read_alike),
		cmocka_unit_test(bad_bytes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
