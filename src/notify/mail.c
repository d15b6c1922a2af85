#include "notify/mail.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/civil.h"
#include "base/siphash.h"

#define MAX_HEADER (32u << 10)
#define MAX_BODY   (256u << 10)
#define MAX_LINE   76

/* ---- addresses ---- */

static bool is_alnum(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_atom(struct str s, const char *more)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.p[i]) && (s.p[i] == '\0' || strchr(more, s.p[i]) == NULL))
			return false;
	return s.len > 0;
}

static bool spec_ok(struct str s)
{
	struct str rest = s, local;

	if (s.len > MAIL_MAX_ADDRESS || !str_cut(&rest, '@', &local))
		return false;
	if (!is_atom(local, ".!#$%&'*+/=?^_`{|}~-") || local.p[0] == '.' || local.p[local.len - 1] == '.')
		return false;
	if (rest.len > 2 && rest.p[0] == '[' && rest.p[rest.len - 1] == ']')
		return is_atom((struct str){ rest.p + 1, rest.len - 2 }, ".:");
	return is_atom(rest, ".-") && is_alnum(rest.p[0]) && is_alnum(rest.p[rest.len - 1]);
}

/* A display name is fine if cleaning changes nothing and it cannot be taken for a bracket. */
static bool name_ok(struct str s)
{
	struct buf b;
	bool ok;

	buf_init(&b, MAX_HEADER);
	text_clean(s, &b);
	ok = s.len <= 2u * MAIL_MAX_ADDRESS && str_is_utf8(s) && str_eq(buf_str(&b), s);
	for (size_t i = 0; i < s.len; i++)
		ok = ok && s.p[i] != '<' && s.p[i] != '>';
	buf_finish(&b);
	return ok;
}

bool mail_address_of(struct str s, struct mail_address *out)
{
	struct str rest = str_trim(s), name;
	struct mail_address a = { { NULL, 0 }, rest };

	if (rest.len > 0 && rest.p[rest.len - 1] == '>') {
		rest.len--;
		if (!str_cut(&rest, '<', &name))
			return false;
		a.name = str_trim(name);
		a.spec = rest;
		if (a.name.len >= 2 && a.name.p[0] == '"' && a.name.p[a.name.len - 1] == '"')
			a.name = (struct str){ a.name.p + 1, a.name.len - 2 };
	}
	if (!spec_ok(a.spec) || !name_ok(a.name))
		return false;
	*out = a;
	return true;
}

struct str mail_domain(struct str spec)
{
	struct str rest = spec, local;

	(void)str_cut(&rest, '@', &local);
	return rest;
}

/* ---- RFC 2047 ---- */

/* May stand in a header as it is: printable ASCII that is no encoded word, and no word too long to be folded. */
static bool is_plain(struct str s)
{
	size_t word = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < 0x20 || s.p[i] > 0x7e || (s.p[i] == '=' && i + 1 < s.len && s.p[i + 1] == '?'))
			return false;
		word = s.p[i] == ' ' ? 0 : word + 1;
		if (word > 60)
			return false;
	}
	/* A fold leaves its blank at the start of the next line; two in a row could leave a line of blanks alone. */
	return s.len == 0 || (s.p[0] != ' ' && s.p[s.len - 1] != ' ' && memmem(s.p, s.len, "  ", 2) == NULL);
}

static void put_folded(struct str s, size_t column, struct buf *out)
{
	struct str word;
	bool more = true, first = true;

	while (more) {
		more = str_cut(&s, ' ', &word);
		if (!first && column + 1 + word.len > MAX_LINE) {
			buf_puts(out, "\r\n ");
			column = 1;
		} else if (!first) {
			buf_putc(out, ' ');
			column++;
		}
		buf_put(out, word);
		column += word.len;
		first = false;
	}
}

/* Each encoded word holds whole characters, and with "Subject: " before the first one fits the line. */
static void put_encoded(struct str s, struct buf *out)
{
	uint8_t b64[64];
	size_t i = 0;

	while (i < s.len) {
		size_t n = s.len - i > 39 ? 39 : s.len - i;

		while (n > 1 && i + n < s.len && ((uint8_t)s.p[i + n] & 0xc0) == 0x80)
			n--;
		EVP_EncodeBlock(b64, (const uint8_t *)s.p + i, (int)n);
		buf_printf(out, "%s=?UTF-8?B?%s?=", i > 0 ? "\r\n " : "", (const char *)b64);
		i += n;
	}
}

void mail_put_header(const char *name, struct str value, struct buf *out)
{
	struct buf clean;

	buf_init(&clean, MAX_HEADER);
	text_clean(value, &clean);
	buf_printf(out, "%s: ", name);
	if (is_plain(buf_str(&clean)))
		put_folded(buf_str(&clean), strlen(name) + 2, out);
	else
		put_encoded(buf_str(&clean), out);
	buf_finish(&clean);
}

static void put_address(const char *text, struct buf *out)
{
	struct mail_address a;

	if (!mail_address_of(str_of(text), &a))
		return;      /* notify_configure() refused it; never on the wire */
	if (a.name.len > 0) {
		if (is_atom(a.name, " ") && is_plain(a.name))
			buf_put(out, a.name);
		else
			put_encoded(a.name, out);
		buf_putc(out, ' ');
	}
	buf_putc(out, '<');
	buf_put(out, a.spec);
	buf_putc(out, '>');
}

/* ---- the message ---- */

static void keep(struct mail *m, struct buf *b)
{
	if (buf_ok(b) && m->n_headers < MAIL_MAX_HEADERS)
		m->headers[m->n_headers++] = buf_take(b, NULL);
	buf_finish(b);
}

static void add(struct mail *m, const char *name, struct str value)
{
	struct buf b;

	buf_init(&b, MAX_HEADER);
	mail_put_header(name, value, &b);
	keep(m, &b);
}

static void add_addresses(struct mail *m, const char *name, const char *const *v, size_t n)
{
	struct buf b;

	buf_init(&b, MAX_HEADER);
	buf_printf(&b, "%s: ", name);
	for (size_t i = 0; i < n; i++) {
		buf_puts(&b, i > 0 ? ",\r\n " : "");
		put_address(v[i], &b);
	}
	keep(m, &b);
}

/* "Mon, 23 Nov 2026 11:00:00 +0100": English whatever the language (RFC 5322). */
static void add_date(struct mail *m, struct wall t, const struct zone *zone)
{
	static const char days[] = "MonTueWedThuFriSatSun", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int offset_min = zone != NULL ? zone_offset(zone, t) / 60 : 0;
	int64_t local_s = t.ms / MS_PER_S + offset_min * INT64_C(60);
	int32_t day = (int32_t)(local_s / 86400);
	int s = (int)(local_s % 86400), abs_min = offset_min < 0 ? -offset_min : offset_min;
	struct civil c = civil_from_days(day);
	struct buf b;

	buf_init(&b, MAX_HEADER);
	buf_printf(&b, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d %c%02d%02d", days + 3 * civil_weekday(day), c.day, months + 3 * (c.month - 1), c.year,
	           s / 3600, s / 60 % 60, s % 60, offset_min < 0 ? '-' : '+', abs_min / 60, abs_min % 60);
	keep(m, &b);
}

/* Ids are the same in every attempt: a key of our own making, no clock, no counter. */
static uint64_t stable_hash(struct str a, struct str b)
{
	static const struct sipkey key = { UINT64_C(0x706c617a6f2d6d61), UINT64_C(0x696c2d6964732d31) };
	struct buf k;
	uint64_t h;

	buf_init(&k, MAX_HEADER);
	buf_put_bytes(&k, a);
	buf_put_bytes(&k, b);
	h = siphash64(key, k.p, k.len);
	buf_finish(&k);
	return h;
}

static void add_ids(struct mail *m, const struct mail_facts *f, struct str domain)
{
	const struct alert *a = f->alert;
	char id[ALERT_ID_LEN + MAIL_MAX_ADDRESS + 64];

	snprintf(id, sizeof(id), "<%s.%08x@" STR_FMT ">", a->id, (unsigned)stable_hash(str_of(f->receiver), (struct str){ NULL, 0 }), STR_ARG(domain));
	struct buf b;

	buf_init(&b, MAX_HEADER);
	buf_printf(&b, "Message-ID: %s", id);
	keep(m, &b);
	if (a->ticket.len == 0)
		return;
	/* A message that was never sent heads the thread: so all of a ticket's mails are one, whichever comes first. */
	snprintf(id, sizeof(id), "<ticket.%016llx@" STR_FMT ">", (unsigned long long)stable_hash(a->ns, a->ticket), STR_ARG(domain));
	buf_printf(&b, "In-Reply-To: %s", id);
	keep(m, &b);
	buf_printf(&b, "References: %s", id);
	keep(m, &b);
}

static char *with_crlf(const struct buf *lines)
{
	struct buf b;
	char *out;

	buf_init(&b, 2 * MAX_BODY);
	for (size_t i = 0; i < lines->len; i++) {
		if (lines->p[i] == '\n')
			buf_putc(&b, '\r');
		buf_putc(&b, lines->p[i]);
	}
	out = buf_take(&b, NULL);
	buf_finish(&b);
	return out;
}

void mail_init(struct mail *m, const struct mail_facts *f)
{
	const struct alert *a = f->alert;
	struct mail_address from = { { NULL, 0 }, { NULL, 0 } };
	struct str domain = STR("localhost");
	char list[MAIL_MAX_ADDRESS + 32];
	struct buf b;

	*m = (struct mail){ .n_headers = 0 };
	if (mail_address_of(str_of(f->from), &from))
		domain = mail_domain(from.spec);
	add_addresses(m, "From", &f->from, 1);
	add_addresses(m, "To", f->to, f->n_to);
	buf_init(&b, MAX_BODY);
	text_subject(a, f->style, &b);
	add(m, "Subject", buf_str(&b));
	add_date(m, f->now, f->style->zone);
	add_ids(m, f, domain);
	add(m, "Auto-Submitted", STR("auto-generated"));
	add(m, "X-Auto-Response-Suppress", STR("All"));
	if (a->type == ALERT_BREACH || a->type == ALERT_ESCALATION)
		add(m, "Importance", STR("high"));
	if (domain.len > 0 && domain.p[0] != '[') {
		snprintf(list, sizeof(list), "<alerts.plazo." STR_FMT ">", STR_ARG(domain));
		add(m, "List-Id", str_of(list));
	}
	buf_reset(&b);
	text_plain(a, f->style, &b);
	m->text = with_crlf(&b);
	buf_reset(&b);
	text_html(a, f->style, &b);
	m->html = with_crlf(&b);
	buf_finish(&b);
}

void mail_finish(struct mail *m)
{
	for (size_t i = 0; i < m->n_headers; i++)
		free(m->headers[i]);
	free(m->text);
	free(m->html);
	*m = (struct mail){ .n_headers = 0 };
}
