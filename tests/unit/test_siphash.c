#include "../cmocka_plazo.h"

#include <stdio.h>

#include "base/siphash.h"

/* Key 00 01 .. 0f, input 00 01 .. of each length: vectors.h of the reference implementation, outputs as little-endian numbers. */
static const uint64_t vectors64[16] = {
	0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d, 0xcf2794e0277187b7, 0x18765564cd99a68d,
	0xcbc9466e58fee3ce, 0xab0200f58b01d137, 0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
	0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
};

static const char *const vectors128[4] = {
	"a3817f04ba25a8e66df67214c7550293", "da87c1d86b99af44347659119b22fc45", "8177228da4a45dc7fca38bdef60affe4",
	"9c70b60c5267a94e5f33b6b02985ed51",
};

static struct sipkey reference_key(void)
{
	return (struct sipkey){ UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
}

static void reference_vectors(void **state)
{
	(void)state;
	uint8_t in[64], out[16];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	for (size_t i = 0; i < 16; i++)
		assert_true(siphash64(reference_key(), in, i) == vectors64[i]);
	for (size_t i = 0; i < 4; i++) {
		char hex[33];

		siphash128(reference_key(), in, i, out);
		for (size_t k = 0; k < 16; k++)
			snprintf(hex + 2 * k, 3, "%02x", out[k]);
		assert_string_equal(hex, vectors128[i]);
	}
	assert_true(siphash64(reference_key(), NULL, 0) == vectors64[0]);
}

/* The same bytes at any alignment, with other bytes around them. */
static void only_its_bytes_count(void **state)
{
	(void)state;
	uint8_t space[96];

	for (size_t len = 0; len < 64; len++) {
		uint8_t plain[64];
		uint64_t want;

		for (size_t i = 0; i < len; i++)
			plain[i] = (uint8_t)(i * 37 + 1);
		want = siphash64(reference_key(), plain, len);
		for (size_t shift = 0; shift < 16; shift++) {
			memset(space, (int)(shift + len), sizeof(space));
			memcpy(space + shift, plain, len);
			assert_true(siphash64(reference_key(), space + shift, len) == want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_vectors),
		cmocka_unit_test(only_its_bytes_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
