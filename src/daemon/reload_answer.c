#include "base/json.h"
#include "daemon/daemon.h"
#include "daemon/preview.h"
#include "daemon/reload_job.h"

static void put_texts(struct json_out *o, const char *key, const struct problems *p, bool warnings, const char *extra)
{
	json_put_key(o, key);
	json_begin_array(o);
	problems_put(p, warnings, o);
	if (extra != NULL && extra[0] != '\0')
		json_put_z(o, extra);
	json_end_array(o);
}

static void put_differences(struct json_out *o, const struct reload_job *job)
{
	json_put_key(o, "differences");
	json_begin_array(o);
	for (size_t i = 0; i < job->n_differences; i++)
		json_put_z(o, job->differences[i]);
	json_end_array(o);
}

void reload_answer(struct http_request *r, const struct reload_job *job, bool ok)
{
	struct buf b;
	struct json_out o = json_out(&b);

	buf_init(&b, 4u << 20);
	json_begin_object(&o);
	if (ok) {
		json_put_key(&o, "ok");
		json_put_bool(&o, true);
		json_put_key(&o, "changed");
		json_put_bool(&o, job->n_differences > 0);
		put_differences(&o, job);
		if (job->preview != NULL)
			preview_put(job->preview, &o);
	} else {
		json_put_key(&o, "title");
		json_put_z(&o, "The configuration is refused");
		json_put_key(&o, "status");
		json_put_i64(&o, 422);
		json_put_key(&o, "detail");
		json_put_z(&o, "The configuration is refused; the one in force stays.");
		put_texts(&o, "errors", &job->problems, false, job->why);
	}
	put_texts(&o, "warnings", &job->problems, true, NULL);
	json_end_object(&o);
	http_reply(r, &(struct http_reply){ .status = ok ? 200 : 422, .content_type = ok ? "application/json" : PROBLEM_TYPE, .body = buf_str(&b) });
	buf_finish(&b);
}
