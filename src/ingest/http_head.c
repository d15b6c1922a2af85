/*
 * What may stand at the top of a request. The lines are cut and checked here, byte by byte, then llhttp reads the same bytes: only
 * what both understand, and understand alike, goes on. Two readers that disagree are how requests are smuggled.
 */
#include "http_head.h"

#include <stdlib.h>
#include <string.h>

#include <llhttp.h>

#include "base/xalloc.h"

const char *const http_method_names[METHOD_N + 1] = { "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", NULL };

static const uint8_t llhttp_method[METHOD_N] = { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_PATCH };

static bool refuse(struct problem *p, int status, const char *detail)
{
	problem_set(p, status, NULL, "%s", detail);
	return false;
}

void http_head_init(struct http_head *h, const struct http_limits *limits)
{
	*h = (struct http_head){ .headers = xcalloc(limits->n_headers, sizeof *h->headers) };
	buf_init(&h->decoded, limits->target_len);
}

void http_head_finish(struct http_head *h)
{
	free(h->headers);
	buf_finish(&h->decoded);
	*h = (struct http_head){ 0 };
}

enum { IN_TOKEN = 1, IN_HOST = 2 };

/* What a byte may stand in: the name of a method or header (RFC 9110 section 5.6.2), the header Host (RFC 3986 section 3.2.2). */
static const uint8_t may_stand[256] = {
	['0'] = 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	['A'] = 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	['a'] = 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	['!'] = 3, ['$'] = 3, ['%'] = 3, ['&'] = 3, ['\''] = 3, ['*'] = 3, ['+'] = 3, ['-'] = 3, ['.'] = 3, ['_'] = 3, ['~'] = 3,
	['#'] = IN_TOKEN, ['^'] = IN_TOKEN, ['`'] = IN_TOKEN, ['|'] = IN_TOKEN,
	['('] = IN_HOST, [')'] = IN_HOST, [','] = IN_HOST, [';'] = IN_HOST, ['='] = IN_HOST, [':'] = IN_HOST, ['['] = IN_HOST, [']'] = IN_HOST,
};

bool http_is_token(unsigned char c)
{
	return (may_stand[c] & IN_TOKEN) != 0;
}

static bool all_token(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!http_is_token((unsigned char)s.p[i]))
			return false;
	return s.len > 0;
}

bool http_head_end(struct str bytes, const struct http_limits *limits, size_t *scanned, size_t *len_out, struct problem *p)
{
	size_t at = *scanned;
	bool first_line = at == 0;

	*len_out = 0;
	/* A TLS hello, or another protocol: said at once, not after the time for a head. */
	if (bytes.len > 0 && !http_is_token((unsigned char)bytes.p[0]))
		return refuse(p, 400, "A request begins with the name of a method.");
	while (at < bytes.len) {
		const char *lf = memchr(bytes.p + at, '\n', bytes.len - at);
		size_t i = lf != NULL ? (size_t)(lf - bytes.p) : bytes.len;

		if (first_line && i > limits->target_len + 32)
			return refuse(p, 414, "The request line is too long.");
		if (i >= limits->head_len)
			return refuse(p, 431, "Request line and headers are larger than allowed.");
		if (lf == NULL)
			break;
		if (i == 0 || bytes.p[i - 1] != '\r')
			return refuse(p, 400, "A line of the head ends in a line feed without a carriage return.");
		if (i >= 3 && bytes.p[i - 2] == '\n') {
			*len_out = i + 1;
			return true;
		}
		first_line = false;
		at = i + 1;
	}
	/* A carriage return at the end is looked at again with what follows. */
	*scanned = at;
	return true;
}

/* ---- lines ---- */

static bool target_ok(struct str t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.p[i] <= 0x20 || t.p[i] >= 0x7f)
			return false;
	return true;
}

static bool read_version(struct http_head *h, struct str v, struct problem *p)
{
	if (v.len != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[6] != '.' || v.p[5] < '0' || v.p[5] > '9' || v.p[7] < '0' || v.p[7] > '9')
		return refuse(p, 400, "The request line does not end in a version of HTTP.");
	if (v.p[5] != '1' || v.p[7] > '1')
		return refuse(p, 505, "HTTP/1.0 and HTTP/1.1 are spoken here.");
	h->is_10 = v.p[7] == '0';
	return true;
}

static bool read_method(struct http_head *h, struct str m, struct problem *p)
{
	if (!all_token(m))
		return refuse(p, 400, "The method is not a token.");
	for (size_t i = 0; i < METHOD_N; i++) {
		if (str_eqz(m, http_method_names[i])) {
			h->method = (enum http_method)i;
			return true;
		}
	}
	return refuse(p, 501, "This method is not known here.");
}

static bool read_target(struct http_head *h, struct str t, const struct http_limits *limits, struct problem *p)
{
	const char *mark;

	if (t.len > limits->target_len)
		return refuse(p, 414, "The target of the request is too long.");
	if (t.len == 0 || t.p[0] != '/' || !target_ok(t))
		return refuse(p, 400, "The target of the request must be a path that begins with a slash.");
	if (memchr(t.p, '#', t.len) != NULL)
		return refuse(p, 400, "The target of the request has a fragment.");
	mark = memchr(t.p, '?', t.len);
	h->raw_path = t;
	h->query = (struct str){ 0 };
	if (mark != NULL) {
		h->raw_path.len = (size_t)(mark - t.p);
		h->query = (struct str){ mark + 1, t.len - h->raw_path.len - 1 };
	}
	return true;
}

static bool decode_path(struct http_head *h, struct problem *p)
{
	h->path = h->raw_path;
	if (memchr(h->raw_path.p, '%', h->raw_path.len) != NULL) {
		buf_reset(&h->decoded);
		if (!http_decode(h->raw_path, &h->decoded))
			return refuse(p, 400, "The path has a bad escape.");
		h->path = buf_str(&h->decoded);
	}
	if (!str_is_utf8(h->path) || str_has_controls(h->path))
		return refuse(p, 400, "The path is not UTF-8, or has control characters.");
	if (str_has_dot_segment(h->path))
		return refuse(p, 400, "The path has a segment \".\" or \"..\".");
	return true;
}

static bool read_request_line(struct http_head *h, struct str line, const struct http_limits *limits, struct problem *p)
{
	struct str method, target, version = line;

	if (!str_cut(&version, ' ', &method) || !str_cut(&version, ' ', &target))
		return refuse(p, 400, "The request line is not METHOD TARGET VERSION.");
	return read_version(h, version, p) && read_method(h, method, p) && read_target(h, target, limits, p) && decode_path(h, p);
}

static bool read_header(struct http_head *h, struct str line, const struct http_limits *limits, struct problem *p)
{
	struct str value = line, name;

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return refuse(p, 400, "A header goes on in a second line, which is obsolete and refused.");
	if (!str_cut(&value, ':', &name) || !all_token(name))
		return refuse(p, 400, "A line of the head is not NAME: VALUE.");
	if (str_has_controls_but_tabs(value))
		return refuse(p, 400, "A header has a control character in its value.");
	if (h->n_headers == limits->n_headers)
		return refuse(p, 431, "There are too many headers.");
	h->headers[h->n_headers++] = (struct http_header){ name, str_trim(value) };
	return true;
}

static bool read_lines(struct http_head *h, struct str text, const struct http_limits *limits, struct problem *p)
{
	const char *at = text.p, *end = text.p + text.len - 2;

	h->n_headers = 0;
	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		struct str line = { at, lf != NULL ? (size_t)(lf - at) - 1 : 0 };
		bool ok;

		if (lf == NULL)
			return refuse(p, 400, "The head is cut short.");
		ok = at == text.p ? read_request_line(h, line, limits, p) : read_header(h, line, limits, p);
		if (!ok)
			return false;
		at = lf + 1;
	}
	return true;
}

/* ---- headers that decide something ---- */

enum decisive { NONE, HOST, EXPECT, CONTENT_TYPE, AUTHORIZATION, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING, N_DECISIVE };

struct decisive_values {
	struct str v[N_DECISIVE];
	bool       there[N_DECISIVE];
};

#define LONGEST (sizeof "Transfer-Encoding" - 1)

/* No two of them are of one length. Most are written like this. */
static const struct { enum decisive header; const char *name; } decisive[LONGEST + 1] = {
	[4] = { HOST, "Host" }, [6] = { EXPECT, "Expect" }, [12] = { CONTENT_TYPE, "Content-Type" }, [13] = { AUTHORIZATION, "Authorization" },
	[14] = { CONTENT_LENGTH, "Content-Length" }, [16] = { CONTENT_ENCODING, "Content-Encoding" },
	[LONGEST] = { TRANSFER_ENCODING, "Transfer-Encoding" },
};

static enum decisive decisive_of(struct str name)
{
	if (name.len > LONGEST || decisive[name.len].header == NONE || !str_eq_nocase(name, (struct str){ decisive[name.len].name, name.len }))
		return NONE;
	return decisive[name.len].header;
}

/* At most one of each of these: a second one is how two programs come to see two different requests. */
static bool find_decisive(const struct http_head *h, struct decisive_values *out, struct problem *p)
{
	memset(out->there, 0, sizeof out->there);
	for (size_t i = 0; i < h->n_headers; i++) {
		struct str name = h->headers[i].name;
		enum decisive d = decisive_of(name);

		if (d == NONE)
			continue;
		if (out->there[d]) {
			problem_set(p, 400, NULL, "The header \"%s\" is there more than once.", decisive[name.len].name);
			return false;
		}
		out->there[d] = true;
		out->v[d] = h->headers[i].value;
	}
	return true;
}

static bool check_host(const struct http_head *h, const struct decisive_values *all, struct problem *p)
{
	struct str value = all->v[HOST];

	if (!all->there[HOST])
		return h->is_10 || refuse(p, 400, "HTTP/1.1 needs a header \"Host\".");
	for (size_t i = 0; i < value.len; i++)
		if ((may_stand[(unsigned char)value.p[i]] & IN_HOST) == 0)
			return refuse(p, 400, "The header \"Host\" is not the name of a host.");
	return true;
}

static bool check_framing(struct http_head *h, const struct decisive_values *all, struct problem *p)
{
	struct str cl = all->v[CONTENT_LENGTH];

	h->chunked = all->there[TRANSFER_ENCODING];
	h->content_length = 0;
	if (h->chunked && all->there[CONTENT_LENGTH])
		return refuse(p, 400, "Content-Length and Transfer-Encoding exclude each other.");
	if (h->chunked && (h->is_10 || !str_eq_nocase(all->v[TRANSFER_ENCODING], STR("chunked"))))
		return refuse(p, 400, "The only Transfer-Encoding taken is \"chunked\", and on HTTP/1.1.");
	if (!all->there[CONTENT_LENGTH])
		return true;
	if (cl.len == 0 || cl.len > 15)
		return refuse(p, cl.len == 0 ? 400 : 413, "Content-Length is empty or absurd.");
	for (size_t i = 0; i < cl.len; i++) {
		if (cl.p[i] < '0' || cl.p[i] > '9')
			return refuse(p, 400, "Content-Length is not a number.");
		h->content_length = h->content_length * 10 + (uint64_t)(cl.p[i] - '0');
	}
	return true;
}

static bool check_rest(struct http_head *h, const struct decisive_values *all, struct problem *p)
{
	if (all->there[CONTENT_ENCODING] && !str_eq_nocase(all->v[CONTENT_ENCODING], STR("identity")))
		return refuse(p, 415, "Compressed bodies are not taken: send it without Content-Encoding.");
	h->expects_continue = all->there[EXPECT] && !h->is_10;
	if (h->expects_continue && !str_eq_nocase(all->v[EXPECT], STR("100-continue")))
		return refuse(p, 417, "The only expectation known is \"100-continue\".");
	return true;
}

/* ---- the second reader ---- */

static int stop_after_head(llhttp_t *parser)
{
	(void)parser;
	return HPE_PAUSED;
}

static bool second_reading(struct http_head *h, struct str text, struct problem *p)
{
	static const llhttp_settings_t settings = { .on_headers_complete = stop_after_head };
	llhttp_t parser;
	llhttp_errno_t e;

	llhttp_init(&parser, HTTP_REQUEST, &settings);
	e = llhttp_execute(&parser, text.p, text.len);
	if (e != HPE_PAUSED) {
		problem_set(p, 400, NULL, "The head is malformed (%s).", llhttp_errno_name(e));
		return false;
	}
	if (parser.method != llhttp_method[h->method] || parser.http_major != 1 || parser.http_minor != (h->is_10 ? 0 : 1) ||
	    ((parser.flags & F_CHUNKED) != 0) != h->chunked || (!h->chunked && parser.content_length != h->content_length))
		return refuse(p, 400, "The head can be understood in two ways.");
	h->keep_alive = llhttp_should_keep_alive(&parser) != 0;
	return true;
}

bool http_head_parse(struct http_head *h, struct str text, const struct http_limits *limits, struct problem *p)
{
	struct decisive_values all;

	return read_lines(h, text, limits, p) && find_decisive(h, &all, p) && check_host(h, &all, p) && check_framing(h, &all, p) &&
	       check_rest(h, &all, p) && second_reading(h, text, p);
}
