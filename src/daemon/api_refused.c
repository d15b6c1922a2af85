/* What came by a stream that no ticket took, for people to look at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/json.h"
#include "base/json_member.h"
#include "base/xalloc.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "daemon/query.h"
#include "store/streams.h"
#include "web/ticket_json.h"

#define REFUSED_USUAL 100

struct listing {
	struct query         query;
	struct http_request *r;
	bool                 one;           /* by its number, with its body */
	uint32_t             limit, n;
	uint64_t             last;          /* the number of the last one */
	struct buf           body;
	struct json_out      out;
};

/* As text where it is some, or in base64. */
static void put_body(struct json_out *o, struct str body)
{
	unsigned char *text;

	if (str_is_utf8(body) && (body.len == 0 || memchr(body.p, '\0', body.len) == NULL)) {
		json_put_key(o, "body");
		json_put_str(o, body);
		return;
	}
	text = xmalloc(body.len / 3 * 4 + 8);
	json_put_key(o, "body_base64");
	json_put_str(o, (struct str){ (const char *)text, (size_t)EVP_EncodeBlock(text, (const unsigned char *)body.p, (int)body.len) });
	free(text);
}

static void put_refusal(struct listing *l, const struct refusal *v)
{
	struct json_out *o = &l->out;

	l->n++;
	l->last = v->no;
	json_begin_object(o);
	json_put_number(o, "id", (int64_t)v->no);
	json_put_text(o, "source", v->source);
	json_put_text(o, "place", v->place);
	json_put_instant(o, "at", v->at);
	json_put_text(o, "why", v->why);
	json_put_number(o, "bytes", (int64_t)v->body_len);
	if (l->one)
		put_body(o, v->body);
	json_end_object(o);
}

static void end_list(struct listing *l)
{
	char after[24] = "";

	if (l->one)
		return;
	json_end_array(&l->out);
	if (l->n == l->limit)
		snprintf(after, sizeof(after), "%llu", (unsigned long long)l->last);
	json_put_key(&l->out, "after");
	if (after[0] != '\0')
		json_put_z(&l->out, after);
	else
		json_put_null(&l->out);
	json_end_object(&l->out);
}

static void on_refusal(struct daemon *d, struct query *q, const struct store_done *done)
{
	struct listing *l = (struct listing *)q;

	(void)d;
	if (done->refusal != NULL)
		put_refusal(l, done->refusal);
	if (!done->last)
		return;
	end_list(l);
	if (done->err != ERR_OK)
		api_refuse(l->r, 503, "The store cannot answer: %s; the log says more.", err_name(done->err));
	else if (l->one && l->n == 0)
		api_refuse(l->r, 404, "Nothing that was refused has this number.");
	else
		api_reply_json(l->r, 200, &l->body);
	buf_finish(&l->body);
	free(l);
}

static void ask(struct daemon *d, struct http_request *r, const struct store_refusal_filter *f)
{
	struct listing *l = xcalloc(1, sizeof(*l));

	l->query.fn = on_refusal;
	l->r = r;
	l->one = f->no != 0;
	l->limit = f->limit;
	buf_init(&l->body, API_BODY_MAX);
	l->out = json_out(&l->body);
	if (!l->one) {
		json_begin_object(&l->out);
		json_put_key(&l->out, "refused");
		json_begin_array(&l->out);
	}
	if (store_list_refusals(d->store, f, query_cookie(&l->query)) == ERR_OK)
		return;
	api_refuse(r, 503, "The store has no room for questions at the moment.");
	buf_finish(&l->body);
	free(l);
}

void api_refused(struct daemon *d, const struct api_call *c)
{
	struct store_refusal_filter f = { .limit = api_limit(c->r, REFUSED_USUAL, STORE_MAX_ROWS) };
	struct buf source, after;
	int64_t before = 0;

	buf_init(&source, 1024);
	buf_init(&after, 32);
	if (api_param(c->r, "source", &source))
		f.source = buf_str(&source);
	if (api_param(c->r, "after", &after) && str_to_i64(buf_str(&after), 1, INT64_MAX, &before) != ERR_OK) {
		api_refuse(c->r, 400, "`after` is the number of one that was refused.");
	} else {
		f.before = (uint64_t)before;
		ask(d, c->r, &f);
	}
	buf_finish(&source);
	buf_finish(&after);
}

void api_refusal(struct daemon *d, const struct api_call *c)
{
	int64_t no;

	if (str_to_i64(c->name, 1, INT64_MAX, &no) != ERR_OK)
		api_refuse(c->r, 404, "Nothing that was refused has this number.");
	else
		ask(d, c->r, &(struct store_refusal_filter){ .no = (uint64_t)no, .limit = 1 });
}
