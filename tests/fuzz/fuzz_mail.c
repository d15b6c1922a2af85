/*
 * What an alert says to people. The texts of the alert, with '|' between, come from outside: none may add a header, a line or a tag, and
 * what a header says is what it said before it was encoded.
 */
#include "fuzz.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/arena.h"
#include "notify/mail.h"
#include "notify/settings.h"

#define MAX_ROW  78
#define WORD     "=?UTF-8?B?"
#define TAG      "<x9z"           /* before every text: never to be seen in HTML as it stands */

/* Lines of printable ASCII, none too long, each but the first after a blank and none of blanks alone. */
static void lines_are_sound(struct str h)
{
	struct str rest = h, line;

	for (bool more = true, first = true; more; first = false) {
		more = str_cut(&rest, '\n', &line);
		HOLDS(!more || (line.len > 0 && line.p[line.len - 1] == '\r'));
		line.len -= more;
		HOLDS(line.len > 0 && line.len <= MAX_ROW && (first || (line.p[0] == ' ' && str_trim(line).len > 0)));
		for (size_t i = 0; i < line.len; i++)
			HOLDS(line.p[i] >= 0x20 && line.p[i] <= 0x7e);
	}
}

static void decode_word(struct str word, struct buf *out)
{
	struct str b64 = { word.p + sizeof(WORD) - 1, word.len - sizeof(WORD) + 1 - 2 };
	unsigned char bytes[128];
	int n, pad;

	HOLDS(str_starts(word, STR(WORD)) && word.len <= 75 && memcmp(word.p + word.len - 2, "?=", 2) == 0);
	pad = (b64.p[b64.len - 1] == '=') + (b64.p[b64.len - 2] == '=');
	n = EVP_DecodeBlock(bytes, (const unsigned char *)b64.p, (int)b64.len);
	HOLDS(n > pad && str_is_utf8((struct str){ (const char *)bytes, (size_t)(n - pad) }));
	buf_append(out, bytes, (size_t)(n - pad));
}

/* The value as a reader of mail shows it. */
static void decode(struct str value, struct buf *out)
{
	bool encoded = str_starts(value, STR(WORD));
	struct str line;

	for (bool more = true, first = true; more; first = false) {
		more = str_cut(&value, '\n', &line);
		line.len -= more;
		if (encoded)
			decode_word(first ? line : (struct str){ line.p + 1, line.len - 1 }, out);
		else
			buf_put(out, line);
	}
}

static void header(const char *name, struct str value)
{
	struct buf h, clean, shown;

	buf_init(&h, BUF_NO_MAX);
	buf_init(&clean, BUF_NO_MAX);
	buf_init(&shown, BUF_NO_MAX);
	mail_put_header(name, value, &h);
	if (value.len > 0)
		text_clean(value, &clean);
	HOLDS(str_is_utf8(buf_str(&clean)));
	if (clean.len > 0) {
		lines_are_sound(buf_str(&h));
		decode((struct str){ h.p + strlen(name) + 2, h.len - strlen(name) - 2 }, &shown);
		HOLDS(str_eq(buf_str(&shown), buf_str(&clean)));
	}
	buf_finish(&h);
	buf_finish(&clean);
	buf_finish(&shown);
}

static void address(struct str s)
{
	struct mail_address a;

	HOLDS(mail_address_of(s, &a) == notify_address_ok(s));
	if (mail_address_of(s, &a))
		HOLDS(memchr(a.spec.p, '@', a.spec.len) != NULL && !str_has_controls(a.spec) && !str_has_controls(a.name));
}

static bool has_controls(const char *z)
{
	for (; *z != '\0'; z++)
		if (((unsigned char)*z < 0x20 && *z != '\n' && *z != '\r') || *z == 0x7f)
			return true;
	return false;
}

static void message(const struct alert *a, const struct text_style *st)
{
	static const char *const to[] = { "Operations <ops@example.com>", "second@example.com" };
	struct mail_facts f = { .alert = a, .style = st, .receiver = "l1", .from = "SLA <sla@example.com>", .to = to, .n_to = 2, .now = a->at };
	struct mail m;

	mail_init(&m, &f);
	HOLDS(m.n_headers >= 6 && m.text != NULL && m.html != NULL);
	for (size_t i = 0; i < m.n_headers; i++)
		lines_are_sound(str_of(m.headers[i]));
	HOLDS(str_is_utf8(str_of(m.text)) && str_is_utf8(str_of(m.html)));
	HOLDS(!has_controls(m.text) && !has_controls(m.html) && strstr(m.html, TAG) == NULL);
	mail_finish(&m);
}

/* A text of the alert: the tag, and what the input has for it. */
static struct str marked(struct input *in, struct arena *room)
{
	struct str s = input_until(in, '|');
	char *p = arena_alloc(room, sizeof(TAG) + s.len);

	memcpy(p, TAG, sizeof(TAG));
	memcpy(p + sizeof(TAG) - 1, s.len > 0 ? s.p : "", s.len);
	return (struct str){ p, sizeof(TAG) - 1 + s.len };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct text_style st = { .language = (enum text_language)(input_byte(&in) % TEXT_N_LANGUAGES), .public_url = "https://sla.example.com" };
	struct alert a = { .type = (enum alert_type)(input_byte(&in) % ALERT_N_TYPES), .cycle = 1, .occurrence = 1, .at = { 1774861200000 } };
	struct str *const texts[] = { &a.subject, &a.ticket, &a.customer, &a.contract, &a.metric, &a.step, &a.target, &a.priority, &a.url, &a.reason, &a.ns };
	struct arena *room = arena_create();
	struct buf subject;
	struct str raw = { (const char *)in.p, in.left };

	header("Subject", raw);
	header("List-Id", raw);
	address(raw);
	a.due.ms = (int64_t)input_number(&in, 5);
	a.remaining_ms = (int64_t)input_number(&in, 5) - (INT64_C(1) << 39);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = marked(&in, room);
	alert_set_id(&a);
	message(&a, &st);
	buf_init(&subject, BUF_NO_MAX);
	text_subject(&a, &st, &subject);
	HOLDS(subject.len > 0 && subject.len <= TEXT_MAX_SUBJECT && str_is_utf8(buf_str(&subject)) && !str_has_controls(buf_str(&subject)));
	buf_finish(&subject);
	arena_destroy(room);
	return 0;
}
