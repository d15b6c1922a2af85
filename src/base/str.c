#include "base/str.h"

#define NEAREST_MAX_LEN  64
#define NEAREST_DISTANCE 2

int str_cmp(struct str a, struct str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int r = len != 0 ? memcmp(a.p, b.p, len) : 0;

	if (r != 0)
		return r;
	return (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

static inline char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
	/* Most are written alike, or in all but a letter or two. */
	if (str_eq(a, b))
		return true;
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (a.p[i] != b.p[i] && lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
	while (s.len != 0 && is_blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len != 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

bool str_cut(struct str *rest, char sep, struct str *head)
{
	const char *at = rest->len != 0 ? memchr(rest->p, sep, rest->len) : NULL;

	if (at == NULL) {
		*head = *rest;
		*rest = (struct str){ NULL, 0 };
		return false;
	}

	size_t len = (size_t)(at - rest->p);

	*head = (struct str){ rest->p, len };
	*rest = (struct str){ at + 1, rest->len - len - 1 };
	return true;
}

enum err str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = s.len != 0 && s.p[0] == '-';
	size_t i = negative ? 1 : 0;
	int64_t v = 0;
	bool over = false;

	if (i == s.len || (s.p[i] == '0' && (s.len != i + 1 || negative)))
		return ERR_SYNTAX;
	for (; i < s.len; i++) {
		int digit = s.p[i] - '0';

		if (digit < 0 || digit > 9)
			return ERR_SYNTAX;
		/* Counted downward when negative: INT64_MIN has no positive counterpart. */
		over = over || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, negative ? -digit : digit, &v);
	}
	if (over || v < min || v > max)
		return ERR_RANGE;
	*out = v;
	return ERR_OK;
}

static inline bool is_tail(uint8_t b)
{
	return (b & 0xc0) == 0x80;
}

/* The length of the sequence that begins at p, which is no ASCII, or 0 when it is not valid. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return left >= 2 && is_tail(p[1]) ? 2 : 0;
	if ((p[0] & 0xf0) == 0xe0) {
		if (left < 3 || !is_tail(p[1]) || !is_tail(p[2]))
			return 0;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (left < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
			return 0;
		if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

size_t str_utf8_len(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	if (s.len == 0)
		return 0;
	return p[0] < 0x80 ? 1 : utf8_sequence(p, s.len);
}

bool str_is_utf8(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t i = 0;

	while (i < s.len) {
		uint64_t word;

		if (s.len - i >= sizeof(word)) {
			memcpy(&word, p + i, sizeof(word));
			if ((word & UINT64_C(0x8080808080808080)) == 0) {
				i += sizeof(word);
				continue;
			}
		}

		size_t n = p[i] < 0x80 ? 1 : utf8_sequence(p + i, s.len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

/*
 * False: there is none among the eight bytes. Each byte that is below 0x20, or is 0x7f, leaves its high bit, and so may the one after
 * it (Warren, Hacker's Delight, section 6-1).
 */
static bool may_have_controls(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
	uint64_t word, del;

	memcpy(&word, p, sizeof(word));
	del = word ^ ones * 0x7f;
	return ((((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & highs) != 0;
}

static bool has_controls(struct str s, char but)
{
	size_t i = 0;

	while (i < s.len) {
		if (s.len - i >= 8 && !may_have_controls(s.p + i)) {
			i += 8;
			continue;
		}
		if (((uint8_t)s.p[i] < 0x20 && s.p[i] != but) || s.p[i] == 0x7f)
			return true;
		i++;
	}
	return false;
}

bool str_has_controls(struct str s)
{
	return has_controls(s, '\x7f');
}

bool str_has_dot_segment(struct str s)
{
	bool more = s.len > 0 && memchr(s.p, '.', s.len) != NULL;
	struct str part;

	while (more) {
		more = str_cut(&s, '/', &part);
		if (str_eqz(part, ".") || str_eqz(part, ".."))
			return true;
	}
	return false;
}

bool str_has_controls_but_tabs(struct str s)
{
	return has_controls(s, '\t');
}

static size_t least3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment: two neighbours that changed places count once. Both at most NEAREST_MAX_LEN long. */
static size_t distance(struct str a, struct str b)
{
	size_t rows[3][NEAREST_MAX_LEN + 1] = { 0 };
	size_t *before = rows[0], *prev = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		prev[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t swap = a.p[i - 1] == b.p[j - 1] ? 0 : 1;

			row[j] = least3(prev[j] + 1, row[j - 1] + 1, prev[j - 1] + swap);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}

		size_t *recycled = before;

		before = prev;
		prev = row;
		row = recycled;
	}
	return prev[b.len];
}

const char *str_nearest(struct str s, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t best_distance = NEAREST_DISTANCE + 1;

	if (s.len > NEAREST_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct str name = str_of(names[i]);

		if (name.len > NEAREST_MAX_LEN || name.len > s.len + NEAREST_DISTANCE || s.len > name.len + NEAREST_DISTANCE)
			continue;

		size_t d = distance(s, name);

		if (d < best_distance && d * 2 < name.len) {
			best = names[i];
			best_distance = d;
		}
	}
	return best;
}
