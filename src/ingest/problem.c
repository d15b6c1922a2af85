/* RFC 9457: problems as values and as JSON. Knows the reason phrases, and nothing of connections. */
#include "ingest/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

void problem_set(struct problem *p, int status, const char *title, const char *fmt, ...)
{
	va_list ap;

	*p = (struct problem){ .status = status, .title = title };
	va_start(ap, fmt);
	vsnprintf(p->detail, sizeof p->detail, fmt, ap);
	va_end(ap);
}

static void prefix(struct problem *p, const char *head)
{
	size_t head_len = strlen(head), len = strlen(p->pointer);

	if (len + head_len >= sizeof p->pointer)
		len = sizeof p->pointer - head_len - 1;
	memmove(p->pointer + head_len, p->pointer, len);
	memcpy(p->pointer, head, head_len);
	p->pointer[head_len + len] = '\0';
}

void problem_prefix(struct problem *p, size_t index)
{
	char head[24];

	snprintf(head, sizeof head, "/%zu", index);
	prefix(p, head);
}

void problem_prefix_key(struct problem *p, const char *key)
{
	char head[24];

	snprintf(head, sizeof head, "/%s", key);
	prefix(p, head);
}

void problem_append(struct problem *p, struct str key)
{
	size_t at = strlen(p->pointer), end = sizeof p->pointer - 3;

	if (at < end)
		p->pointer[at++] = '/';
	for (size_t i = 0; i < key.len && at < end; i++) {
		if (key.p[i] == '~' || key.p[i] == '/') {
			p->pointer[at++] = '~';
			p->pointer[at++] = key.p[i] == '~' ? '0' : '1';
		} else {
			p->pointer[at++] = key.p[i];
		}
	}
	p->pointer[at] = '\0';
}

void problem_append_index(struct problem *p, size_t index)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%zu", index);
	problem_append(p, str_of(digits));
}

void problem_set_id(struct problem *p, struct str id)
{
	if (id.len >= sizeof p->id)
		return;
	if (id.len > 0)
		memcpy(p->id, id.p, id.len);
	p->id[id.len] = '\0';
}

static void put_members(const struct problem *p, struct json_out *o)
{
	json_put_key(o, "title");
	json_put_z(o, p->title != NULL ? p->title : http_reason(p->status));
	json_put_key(o, "status");
	json_put_i64(o, p->status);
	if (p->detail[0] != '\0') {
		json_put_key(o, "detail");
		json_put_z(o, p->detail);
	}
	if (p->id[0] != '\0') {
		json_put_key(o, "id");
		json_put_z(o, p->id);
	}
	if (p->pointer[0] != '\0') {
		json_put_key(o, "pointer");
		json_put_z(o, p->pointer);
	}
	if (p->line != 0) {
		json_put_key(o, "line");
		json_put_i64(o, p->line);
	}
	if (p->col != 0) {
		json_put_key(o, "column");
		json_put_i64(o, p->col);
	}
}

void problem_write(const struct problem *p, struct buf *out)
{
	struct json_out o = json_out(out);

	json_begin_object(&o);
	put_members(p, &o);
	json_end_object(&o);
}

void problem_write_entry(const struct problem *p, size_t index, struct json_out *o)
{
	json_begin_object(o);
	json_put_key(o, "index");
	json_put_i64(o, (int64_t)index);
	put_members(p, o);
	json_end_object(o);
}

const char *http_reason(int status)
{
	static const struct { int status; const char *reason; } reasons[] = {
		{ 100, "Continue" },
		{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" }, { 207, "Multi-Status" },
		{ 303, "See Other" }, { 304, "Not Modified" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 406, "Not Acceptable" }, { 408, "Request Timeout" }, { 409, "Conflict" }, { 410, "Gone" },
		{ 411, "Length Required" }, { 413, "Content Too Large" }, { 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" }, { 417, "Expectation Failed" }, { 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Error";
}
