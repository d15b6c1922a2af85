#include "core/alert.h"

#include <stddef.h>

#include "base/json_member.h"
#include "base/siphash.h"
#include "base/xalloc.h"
#include "core/event.h"

const char *const alert_type_names[ALERT_N_TYPES + 1] = {
	[ALERT_WARNING] = "sla.warning",
	[ALERT_BREACH] = "sla.breach",
	[ALERT_ESCALATION] = "sla.escalation",
	[ALERT_CLEARED] = "sla.cleared",
	[ALERT_RETRACTED] = "sla.retracted",
	[ALERT_DAEMON_UNMATCHED] = "daemon.unmatched",
	[ALERT_DAEMON_SKEW] = "daemon.skew",
	[ALERT_DAEMON_ENDPOINT] = "daemon.endpoint",
	[ALERT_DAEMON_TEST] = "daemon.test",
	[ALERT_DAEMON_STREAM] = "daemon.stream",
	[ALERT_DAEMON_DEAD] = "daemon.dead",
	[ALERT_DAEMON_STORE] = "daemon.store",
};

const char *const alert_unsent_texts[ALERT_N_UNSENT] = {
	[ALERT_SUPERSEDED] = "superseded by a later step",
	[ALERT_OUTRUN] = "the breach came before",
	[ALERT_OVER] = "its clock was over already",
	[ALERT_WAIVED] = "waived",
	[ALERT_IMPORTED] = "imported without alerts",
};

/* The key, the order and the form of what follows are for ever: receivers drop repeats by this id across upgrades. */
void alert_set_id(struct alert *a)
{
	static const struct sipkey key = { UINT64_C(0x706c617a6f20616c), UINT64_C(0x6572742069642031) };
	static const char hex[] = "0123456789abcdef";
	uint8_t hash[ALERT_ID_LEN / 2];
	struct buf b;

	buf_init(&b, SIZE_MAX / 4);
	buf_put_bytes(&b, str_of(alert_type_names[a->type]));
	buf_put_bytes(&b, a->ns);
	buf_put_bytes(&b, a->ticket);
	buf_put_bytes(&b, a->metric);
	buf_put_varint(&b, a->cycle);
	buf_put_bytes(&b, a->step);
	buf_put_varint(&b, a->occurrence);
	siphash128(key, b.p, b.len, hash);
	buf_finish(&b);
	for (size_t i = 0; i < sizeof(hash); i++) {
		a->id[2 * i] = hex[hash[i] >> 4];
		a->id[2 * i + 1] = hex[hash[i] & 15];
	}
	a->id[ALERT_ID_LEN] = '\0';
}

/* ---- copying ---- */

#define N_TEXTS 12

static struct str *text_of(struct alert *a, size_t i)
{
	static const size_t at[N_TEXTS] = {
		offsetof(struct alert, ns), offsetof(struct alert, ticket), offsetof(struct alert, contract), offsetof(struct alert, customer),
		offsetof(struct alert, metric), offsetof(struct alert, agreement), offsetof(struct alert, step), offsetof(struct alert, target),
		offsetof(struct alert, priority), offsetof(struct alert, subject), offsetof(struct alert, url), offsetof(struct alert, reason),
	};

	return (struct str *)((char *)a + at[i]);
}

static char *copy_text(char *to, struct str *s)
{
	if (s->len > 0)
		memcpy(to, s->p, s->len);
	s->p = to;
	return to + s->len;
}

void *alert_copy(struct alert *to, const struct alert *from)
{
	size_t len = from->n_receivers * sizeof(struct str) + 1;
	struct str *receivers;
	char *p;

	*to = *from;
	for (size_t i = 0; i < N_TEXTS; i++)
		len += text_of(to, i)->len;
	for (size_t i = 0; i < to->n_receivers; i++)
		len += from->receivers[i].len;
	receivers = xmalloc(len);
	p = (char *)(receivers + to->n_receivers);
	for (size_t i = 0; i < to->n_receivers; i++) {
		receivers[i] = from->receivers[i];
		p = copy_text(p, &receivers[i]);
	}
	for (size_t i = 0; i < N_TEXTS; i++)
		p = copy_text(p, text_of(to, i));
	to->receivers = receivers;
	return receivers;
}

/* ---- writing ---- */

static void put_text_if(struct json_out *o, const char *key, struct str s)
{
	if (s.len != 0)
		json_put_text(o, key, s);
}

static void put_receivers(struct json_out *o, const struct alert *a)
{
	json_put_key(o, "receivers");
	json_begin_array(o);
	for (size_t i = 0; i < a->n_receivers; i++)
		json_put_str(o, a->receivers[i]);
	json_end_array(o);
}

void alert_write(const struct alert *a, bool with_ns, struct buf *out)
{
	struct json_out o = json_out(out);

	json_begin_object(&o);
	json_put_text(&o, "id", str_of(a->id));
	json_put_text(&o, "type", str_of(alert_type_names[a->type]));
	json_put_instant(&o, "at", a->at);
	json_put_text(&o, "ticket", a->ticket);
	json_put_text(&o, "contract", a->contract);
	json_put_text(&o, "metric", a->metric);
	json_put_number(&o, "cycle", a->cycle);
	json_put_text(&o, "step", a->step);
	json_put_number(&o, "occurrence", a->occurrence);
	json_put_instant(&o, "due", a->due);
	json_put_text(&o, "target", a->target);
	json_put_seconds(&o, "elapsed_s", a->elapsed_ms);
	json_put_seconds(&o, "remaining_s", a->remaining_ms);
	json_put_text(&o, "priority", a->priority);
	put_receivers(&o, a);
	json_put_text(&o, "reason", a->reason);
	json_put_seconds(&o, "late_s", a->late_ms);
	put_text_if(&o, "agreement", a->agreement);
	put_text_if(&o, "customer", a->customer);
	put_text_if(&o, "subject", a->subject);
	put_text_if(&o, "url", a->url);
	if (with_ns)
		json_put_text(&o, "namespace", a->ns);
	json_end_object(&o);
}

/* ---- reading ---- */

/* The object, and whether all that was asked of it so far was there and of its kind. */
struct source {
	const struct json_doc *d;
	json_node              n;
	bool                   bad;
};

/* Absent and null are the empty text. */
static struct str get_text(struct source *s, const char *key)
{
	json_node n = json_get(s->d, s->n, str_of(key));

	if (n == JSON_ABSENT || json_kind(s->d, n) == JSON_NULL)
		return (struct str){ NULL, 0 };
	if (!json_is_str(s->d, n))
		s->bad = true;
	return json_text(s->d, n);
}

static uint32_t get_number(struct source *s, const char *key)
{
	int64_t v = 0;

	if (json_i64(s->d, json_get(s->d, s->n, str_of(key)), 0, UINT32_MAX, &v) != ERR_OK)
		s->bad = true;
	return (uint32_t)v;
}

static struct wall get_instant(struct source *s, const char *key)
{
	struct str text = get_text(s, key);
	struct wall t = WALL_NEVER;

	if (text.len != 0 && wall_parse(text, &t, NULL) != ERR_OK)
		s->bad = true;
	return t;
}

static int64_t get_seconds(struct source *s, const char *key)
{
	struct str rest = json_text(s->d, json_get(s->d, s->n, str_of(key)));
	struct str whole;
	bool negative = str_starts(rest, STR("-"));
	int64_t seconds, ms = 0, scale = 100;

	if (negative)
		rest = (struct str){ rest.p + 1, rest.len - 1 };
	(void)str_cut(&rest, '.', &whole);
	if (str_to_i64(whole, 0, INT64_MAX / 1000 - 1, &seconds) != ERR_OK || rest.len > 3) {
		s->bad = true;
		return 0;
	}
	for (size_t i = 0; i < rest.len; i++, scale /= 10) {
		if (rest.p[i] < '0' || rest.p[i] > '9')
			s->bad = true;
		ms += (rest.p[i] - '0') * scale;
	}
	ms += seconds * 1000;
	return negative ? -ms : ms;
}

static void get_receivers(struct source *s, struct str *receivers, struct alert *a)
{
	json_node list = json_get(s->d, s->n, STR("receivers"));

	if (json_kind(s->d, list) != JSON_ARRAY || json_count(s->d, list) > ALERT_MAX_RECEIVERS) {
		s->bad = true;
		return;
	}
	for (json_node n = json_first(s->d, list); n != JSON_ABSENT; n = json_next(s->d, n)) {
		s->bad = s->bad || !json_is_str(s->d, n);
		receivers[a->n_receivers++] = json_text(s->d, n);
	}
	a->receivers = receivers;
}

static void get_id_and_type(struct source *s, struct alert *a)
{
	struct str id = get_text(s, "id");
	int type = name_index(alert_type_names, get_text(s, "type"));

	if (id.len != ALERT_ID_LEN || type < 0) {
		s->bad = true;
		return;
	}
	memcpy(a->id, id.p, ALERT_ID_LEN);
	a->type = (enum alert_type)type;
}

enum err alert_read(const struct json_doc *d, json_node n, struct str *receivers, struct alert *out)
{
	struct source s = { d, n, json_kind(d, n) != JSON_OBJECT };
	struct alert a = { 0 };

	get_id_and_type(&s, &a);
	a.at = get_instant(&s, "at");
	a.ns = get_text(&s, "namespace");
	a.ticket = get_text(&s, "ticket");
	a.contract = get_text(&s, "contract");
	a.customer = get_text(&s, "customer");
	a.metric = get_text(&s, "metric");
	a.agreement = get_text(&s, "agreement");
	a.cycle = get_number(&s, "cycle");
	a.step = get_text(&s, "step");
	a.occurrence = get_number(&s, "occurrence");
	a.due = get_instant(&s, "due");
	a.target = get_text(&s, "target");
	a.elapsed_ms = get_seconds(&s, "elapsed_s");
	a.remaining_ms = get_seconds(&s, "remaining_s");
	a.priority = get_text(&s, "priority");
	a.subject = get_text(&s, "subject");
	a.url = get_text(&s, "url");
	a.reason = get_text(&s, "reason");
	a.late_ms = get_seconds(&s, "late_s");
	get_receivers(&s, receivers, &a);
	if (s.bad)
		return ERR_SYNTAX;
	*out = a;
	return ERR_OK;
}
