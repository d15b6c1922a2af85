/*
 * All lie one behind the other in one buffer: small blocks that stay for ever between large ones that come and go would leave holes.
 *
 * One of every WHOLE_EVERY is kept whole, the others as what to do with the one before, again and again until the end: a text to put there (length,
 * bytes), then what to copy (varints: where it begins, how many bytes).
 *
 * Lines of the new text are looked for where the old one goes on: behind what was copied last, also behind as many lines as have been put in since; and
 * where the old one has that line, if it has it once. Longer differences than need be make nothing wrong.
 */
#include "base/versions.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/reader.h"
#include "base/siphash.h"
#include "base/xalloc.h"

#define WHOLE_EVERY 64

struct versions {
	struct buf all;       /* what is kept of each */
	size_t    *ends;      /* owned; where that ends */
	size_t     n, cap;
	struct buf last;      /* the latest, whole */
};

/* ---- what differs ---- */

struct line { size_t at, len; bool twice; };

struct differ {
	struct str   old;
	struct line *lines;      /* of the old text */
	uint32_t     n;
	struct map   index;
};

static struct str line_at(struct str text, size_t at)
{
	const char *from = text.p + at, *end = memchr(from, '\n', text.len - at);

	return (struct str){ from, end != NULL ? (size_t)(end - from) + 1 : text.len - at };
}

static bool same_line(const void *ctx, const void *key, uint32_t i)
{
	const struct differ *df = ctx;

	return str_eq(*(const struct str *)key, (struct str){ df->old.p + df->lines[i].at, df->lines[i].len });
}

static uint64_t hash_of(struct str line)
{
	return siphash64((struct sipkey){ 1, 1 }, line.p, line.len);
}

static void index_lines(struct differ *df)
{
	size_t cap = 0;

	map_init(&df->index);
	for (size_t at = 0; at < df->old.len && df->n < MAP_ABSENT; at += df->lines[df->n++].len) {
		struct str line = line_at(df->old, at);
		uint32_t same = map_find(&df->index, hash_of(line), same_line, df, &line);

		if (df->n == cap)
			df->lines = xreallocarray(df->lines, cap = cap * 2 + 64, sizeof(*df->lines));
		df->lines[df->n] = (struct line){ at, line.len, false };
		if (same != MAP_ABSENT)
			df->lines[same].twice = true;
		else
			map_insert(&df->index, hash_of(line), df->n);
	}
}

static bool is_at(const struct differ *df, size_t at, struct str line)
{
	return at + line.len <= df->old.len && memcmp(df->old.p + at, line.p, line.len) == 0;
}

/* Where the old text has the line: as expected, or anywhere. SIZE_MAX: nowhere. */
static size_t find(const struct differ *df, size_t next, size_t behind, struct str line)
{
	uint32_t i;

	if (is_at(df, next, line))
		return next;
	if (is_at(df, behind, line))
		return behind;
	i = map_find(&df->index, hash_of(line), same_line, df, &line);
	return i != MAP_ABSENT && !df->lines[i].twice ? df->lines[i].at : SIZE_MAX;
}

static size_t common(struct str old, size_t at, struct str text, size_t from)
{
	size_t n = 0, most = old.len - at < text.len - from ? old.len - at : text.len - from;

	while (n < most && old.p[at + n] == text.p[from + n])
		n++;
	return n;
}

static void put_difference(struct str old, struct str text, struct buf *out)
{
	struct differ df = { .old = old };
	size_t next = 0, behind = 0, put = 0;     /* where the old text goes on, in two ways; how far the new one is written */

	index_lines(&df);
	for (size_t at = 0; at < text.len; ) {
		struct str line = line_at(text, at);
		size_t found = find(&df, next, behind, line), n;

		if (found == SIZE_MAX) {
			at += line.len;
			behind += behind < old.len ? line_at(old, behind).len : 0;
			continue;
		}
		n = common(old, found, text, at);
		buf_put_bytes(out, (struct str){ text.p + put, at - put });
		buf_put_varint(out, found);
		buf_put_varint(out, n);
		put = at += n;
		next = behind = found + n;
	}
	buf_put_bytes(out, (struct str){ text.p + put, text.len - put });
	buf_put_varint(out, 0);
	buf_put_varint(out, 0);
	map_finish(&df.index);
	free(df.lines);
}

static void apply(struct str old, struct str difference, struct buf *out)
{
	struct reader r = reader_of(difference);

	buf_reset(out);
	while (r.p < r.end) {
		struct str put = reader_bytes(&r);
		size_t from = reader_varint(&r), n = reader_varint(&r);

		buf_put(out, put);
		if (n > 0)
			buf_put(out, (struct str){ old.p + from, n });
	}
}

/* ---- the texts ---- */

struct versions *versions_create(void)
{
	struct versions *v = xcalloc(1, sizeof(*v));

	buf_init(&v->all, BUF_NO_MAX);
	buf_init(&v->last, BUF_NO_MAX);
	return v;
}

void versions_destroy(struct versions *v)
{
	if (v == NULL)
		return;
	free(v->ends);
	buf_finish(&v->all);
	buf_finish(&v->last);
	free(v);
}

void versions_add(struct versions *v, struct str text)
{
	if (v->n % WHOLE_EVERY == 0)
		buf_put(&v->all, text);
	else
		put_difference(buf_str(&v->last), text, &v->all);
	if (v->n == v->cap)
		v->ends = xreallocarray(v->ends, v->cap = v->cap * 2 + 16, sizeof(*v->ends));
	v->ends[v->n++] = v->all.len;
	buf_reset(&v->last);
	buf_put(&v->last, text);
}

size_t versions_count(const struct versions *v)
{
	return v->n;
}

static struct str kept(const struct versions *v, size_t i)
{
	size_t from = i > 0 ? v->ends[i - 1] : 0;

	return (struct str){ v->all.p + from, v->ends[i] - from };
}

void versions_get(const struct versions *v, size_t i, struct buf *out)
{
	size_t whole = i - i % WHOLE_EVERY;
	struct buf b[2];

	buf_init(&b[0], BUF_NO_MAX);
	buf_init(&b[1], BUF_NO_MAX);
	buf_put(&b[whole % 2], kept(v, whole));
	for (size_t k = whole + 1; k <= i; k++)
		apply(buf_str(&b[(k - 1) % 2]), kept(v, k), &b[k % 2]);
	buf_reset(out);
	buf_put(out, buf_str(&b[i % 2]));
	buf_finish(&b[0]);
	buf_finish(&b[1]);
}

size_t versions_bytes(const struct versions *v)
{
	return sizeof(*v) + v->cap * sizeof(*v->ends) + v->all.cap + v->last.cap;
}
