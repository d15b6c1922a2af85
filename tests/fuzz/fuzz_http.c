/*
 * Requests as they come from the network. The first byte says into what pieces they are cut: that decides nothing. A head that is
 * taken means one thing alone; a body in chunks is the same however it arrives.
 */
#include "fuzz.h"

#include <string.h>

#include "ingest/http_chunk.h"
#include "ingest/http_head.h"

static const struct http_limits limits = { .head_len = 1024, .target_len = 256, .n_headers = 16 };

/* Is there a head, and how long is it? In pieces of `piece` bytes the answer is the same, sooner or later. */
static bool find_end(struct str text, size_t piece, size_t *len_out)
{
	size_t scanned = 0, whole_scanned = 0, whole_len = 0, have = 0;
	struct problem p = { 0 }, q = { 0 };
	bool whole_ok = http_head_end(text, &limits, &whole_scanned, &whole_len, &p), ok = true;

	HOLDS(whole_ok ? whole_len <= text.len : p.status >= 400 && p.status < 600);
	*len_out = 0;
	while (ok && *len_out == 0 && have < text.len) {
		have = text.len - have < piece ? text.len : have + piece;
		ok = http_head_end((struct str){ text.p, have }, &limits, &scanned, len_out, &q);
	}
	HOLDS(ok == whole_ok && (!ok || *len_out == whole_len));
	return ok && *len_out > 0;
}

static void path_is_clean(struct str path)
{
	HOLDS(path.len > 0 && str_is_utf8(path) && !str_has_controls(path));
	HOLDS(path.p[0] == '/' || str_eqz(path, "*"));
	HOLDS(memmem(path.p, path.len, "/../", 4) == NULL && memmem(path.p, path.len, "/./", 3) == NULL);
}

static void head_is_sound(const struct http_head *h, struct str text)
{
	struct http_headers all = { h->headers, h->n_headers };
	struct str value;

	HOLDS(h->method < METHOD_N && h->n_headers <= limits.n_headers);
	path_is_clean(h->path);
	HOLDS(http_headers_find(&all, STR("host"), &value) == HTTP_ONE || (h->is_10 && http_headers_find(&all, STR("host"), &value) == HTTP_ABSENT));
	HOLDS(http_headers_find(&all, STR("content-length"), &value) != HTTP_MANY);
	HOLDS(!h->chunked || (!h->is_10 && h->content_length == 0 && http_headers_find(&all, STR("content-length"), &value) == HTTP_ABSENT));
	for (size_t i = 0; i < h->n_headers; i++) {
		struct http_header f = h->headers[i];

		HOLDS(f.name.len > 0 && f.name.p >= text.p && f.name.p + f.name.len <= text.p + text.len);
		HOLDS(str_eq(f.value, str_trim(f.value)) && memchr(f.name.p, ' ', f.name.len) == NULL);
		for (size_t k = 0; k < f.value.len; k++)
			HOLDS((uint8_t)f.value.p[k] >= 0x20 || f.value.p[k] == '\t');
	}
}

static void chunks(struct str text, size_t piece)
{
	struct http_chunk whole = { 0 }, cut = { 0 };
	struct buf a, b;
	size_t used, done = 0;

	buf_init(&a, 512);
	buf_init(&b, 512);
	used = http_chunk_read(&whole, text, &a);
	while (done < text.len && cut.state != CHUNK_FINISHED && cut.state != CHUNK_BAD && buf_ok(&b)) {
		size_t n = text.len - done < piece ? text.len - done : piece;

		done += http_chunk_read(&cut, (struct str){ text.p + done, n }, &b);
	}
	HOLDS(buf_ok(&a) == buf_ok(&b));
	if (buf_ok(&a))
		HOLDS(whole.state == cut.state && used == done && str_eq(buf_str(&a), buf_str(&b)));
	buf_finish(&a);
	buf_finish(&b);
}

static bool has_nul(struct str s)
{
	return s.len > 0 && memchr(s.p, 0, s.len) != NULL;
}

static void query(struct str q)
{
	struct buf b;

	buf_init(&b, 256);
	if (http_decode(q, &b))
		HOLDS(b.len <= q.len && (has_nul(q) || !has_nul(buf_str(&b))));
	buf_reset(&b);
	(void)!http_query_get(q, "a", &b);
	buf_finish(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	size_t piece = 1 + input_byte(&in) % 61, len;
	struct str text = input_rest(&in);
	struct problem p = { 0 };
	struct http_head h;

	chunks(text, piece);
	query(text);
	if (text.len == 0 || !find_end(text, piece, &len))
		return 0;
	http_head_init(&h, &limits);
	if (http_head_parse(&h, (struct str){ text.p, len }, &limits, &p)) {
		head_is_sound(&h, text);
		query(h.query);
		if (h.chunked)
			chunks((struct str){ text.p + len, text.len - len }, piece);
	} else {
		HOLDS(p.status >= 400 && p.status < 600);
	}
	http_head_finish(&h);
	return 0;
}
