#include "notify/text.h"

#include <stdio.h>

#include "base/civil.h"
#include "core/span.h"
#include "notify/phrases.h"

const char *const text_language_names[TEXT_N_LANGUAGES + 1] = { "en", "es", NULL };

#define MAX_TEXT (64u << 10)     /* of any text here: the parts of an alert are bounded far below */

/* ---- values ---- */

enum unit { UNIT_DAY, UNIT_HOUR };

static void put_duration(int64_t ms, enum unit largest, struct buf *out)
{
	static const struct { int64_t ms; const char *name; } units[] = {
		{ MS_PER_DAY, "d" }, { MS_PER_H, "h" }, { MS_PER_MIN, "min" }, { MS_PER_S, "s" },
	};
	int64_t left = ms == INT64_MIN ? INT64_MAX : ms < 0 ? -ms : ms;
	size_t i = largest;

	while (i < 3 && left < units[i].ms)
		i++;
	buf_printf(out, "%lld %s", (long long)(left / units[i].ms), units[i].name);
	left %= units[i].ms;
	/* Seconds beside minutes would be false precision by the time somebody reads it. */
	if (i < 2 && left >= units[i + 1].ms)
		buf_printf(out, " %lld %s", (long long)(left / units[i + 1].ms), units[i + 1].name);
}

/* The symbols of the SI are the same in all languages. */
void text_duration(int64_t ms, enum text_language language, struct buf *out)
{
	(void)language;
	put_duration(ms, UNIT_DAY, out);
}

void text_open_time(int64_t ms, struct buf *out)
{
	put_duration(ms, UNIT_HOUR, out);
}

void text_instant(struct wall t, const struct zone *zone, enum text_language language, struct buf *out)
{
	const struct phrases *ph = &phrases[language];
	int64_t offset_s = zone != NULL ? zone_offset(zone, t) : 0;
	int64_t local = t.ms + offset_s * MS_PER_S;
	int64_t day = (local - (local % MS_PER_DAY + MS_PER_DAY) % MS_PER_DAY) / MS_PER_DAY;
	int64_t in_day_s = (local - day * MS_PER_DAY) / MS_PER_S;
	struct civil c = civil_from_days((int32_t)day);
	int64_t abs_s = offset_s < 0 ? -offset_s : offset_s;

	buf_printf(out, "%s %d %s %d, %02d:%02d", ph->weekdays[civil_weekday((int32_t)day)], c.day, ph->months[c.month - 1], c.year,
	           (int)(in_day_s / 3600), (int)(in_day_s / 60 % 60));
	if (in_day_s % 60 != 0)
		buf_printf(out, ":%02d", (int)(in_day_s % 60));
	if (offset_s == 0)
		buf_puts(out, " (UTC)");
	else
		buf_printf(out, " (UTC%c%02d:%02d)", offset_s < 0 ? '-' : '+', (int)(abs_s / 3600), (int)(abs_s / 60 % 60));
}

enum article { ARTICLE_NONE, ARTICLE_WITH };

static void put_metric(const struct alert *a, const struct phrases *ph, enum article article, struct buf *out)
{
	for (size_t i = 0; i < PHRASES_N_METRICS; i++) {
		const struct metric_words *w = &ph->metrics[i];

		if (str_eqz(a->metric, w->metric)) {
			buf_puts(out, article == ARTICLE_WITH ? w->with_article : w->name);
			return;
		}
	}
	text_clean(a->metric, out);
}

/* Piece by piece; what the table does not know stays as it is. */
static void put_words(struct str rest, const struct reason_words *words, struct buf *out)
{
	struct buf b;

	buf_init(&b, MAX_TEXT);
	while (rest.len > 0) {
		const struct reason_words *w = words;

		while (w->english != NULL && !str_starts(rest, str_of(w->english)))
			w++;
		buf_put(&b, w->english != NULL ? str_of(w->words) : (struct str){ rest.p, 1 });
		rest.p += w->english != NULL ? strlen(w->english) : 1;
		rest.len -= w->english != NULL ? strlen(w->english) : 1;
	}
	text_clean(buf_str(&b), out);
	buf_finish(&b);
}

/* "3 business days, by close of business" of "3bd eod"; one of hours reads well as it is written. */
static void put_target(struct str target, const struct phrases *ph, struct buf *out)
{
	struct span s;

	if (span_parse(target, &s, NULL) != ERR_OK || s.kind != SPAN_DAYS) {
		text_clean(target, out);
		return;
	}
	if (s.days == 0)
		buf_puts(out, ph->same_day);
	else
		buf_printf(out, "%d %s", s.days, s.days == 1 ? ph->day : ph->days);
	buf_puts(out, s.eod ? ph->eod : "");
}

/* The engine's reason names the target as it is written, behind the words ", target ". */
static void put_reason(const struct alert *a, const struct phrases *ph, struct buf *out)
{
	static const struct str before = STR(", target ");
	struct str head = a->reason, rest = { NULL, 0 };
	const char *at = head.len > 0 && a->target.len > 0 ? memmem(head.p, head.len, before.p, before.len) : NULL;

	if (at != NULL) {
		head.len = (size_t)(at - head.p) + before.len;
		rest = (struct str){ head.p + head.len, a->reason.len - head.len };
	}
	put_words(head, ph->reasons, out);
	if (at != NULL && str_starts(rest, a->target)) {
		put_target(a->target, ph, out);
		rest.p += a->target.len;
		rest.len -= a->target.len;
	}
	put_words(rest, ph->reasons, out);
}

/* "quedan 30 min", but "queda 1 h": the number that is spoken first decides. */
static const char *left_word(int64_t ms, const struct phrases *ph)
{
	struct buf b;
	bool one;

	buf_init(&b, MAX_TEXT);
	text_open_time(ms, &b);
	one = str_starts(buf_str(&b), STR("1 "));
	buf_finish(&b);
	return one ? ph->left_one : ph->left_many;
}

/* One pass: what is filled in is never looked at for placeholders. */
static void expand(const char *sentence, const struct alert *a, const struct text_style *st, struct buf *out)
{
	const struct phrases *ph = &phrases[st->language];

	for (const char *p = sentence; *p != '\0'; p++) {
		if (p[0] != '{' || p[1] == '\0' || p[2] != '}') {
			buf_putc(out, *p);
			continue;
		}
		if (p[1] == 't')
			text_clean(a->ticket, out);
		else if (p[1] == 'm' || p[1] == 'n')
			put_metric(a, ph, p[1] == 'm' ? ARTICLE_WITH : ARTICLE_NONE, out);
		else if (p[1] == 's')
			put_words(a->step, ph->steps, out);
		else if (p[1] == 'd')
			text_open_time(a->remaining_ms, out);
		else if (p[1] == 'q')
			buf_puts(out, left_word(a->remaining_ms, ph));
		else if (p[1] == 'Q')
			buf_printf(out, "Q%s", left_word(a->remaining_ms, ph) + 1);
		p += 2;
	}
}

/* ---- the subject ---- */

/* Cut at a character so that the ellipsis still fits. */
static void put_cut(struct str s, size_t max, struct buf *out)
{
	if (s.len > max) {
		size_t n = max - 3;

		while (n > 0 && ((uint8_t)s.p[n] & 0xc0) == 0x80)
			n--;
		buf_append(out, s.p, n);
		buf_puts(out, "\xe2\x80\xa6");
	} else {
		buf_put(out, s);
	}
}

void text_subject(const struct alert *a, const struct text_style *st, struct buf *out)
{
	struct buf b;

	buf_init(&b, MAX_TEXT);
	expand(phrases[st->language].subject[a->type], a, st, &b);
	if (a->priority.len > 0) {
		buf_puts(&b, " (");
		text_clean(a->priority, &b);
		buf_putc(&b, ')');
	}
	if (a->subject.len > 0) {
		buf_puts(&b, " \xe2\x80\x93 ");
		text_clean(a->subject, &b);
	}
	put_cut(buf_str(&b), TEXT_MAX_SUBJECT, out);
	buf_finish(&b);
}

/* ---- plain and HTML, from the same rows ---- */

enum form { FORM_PLAIN, FORM_HTML };

struct page {
	const struct alert      *a;
	const struct text_style *st;
	const struct phrases    *ph;
	enum form                form;
	struct buf              *out;
};

static void put_escaped(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		switch (s.p[i]) {
		case '&': buf_puts(out, "&amp;"); break;
		case '<': buf_puts(out, "&lt;"); break;
		case '>': buf_puts(out, "&gt;"); break;
		case '"': buf_puts(out, "&quot;"); break;
		case '\'': buf_puts(out, "&#39;"); break;
		default: buf_putc(out, s.p[i]);
		}
	}
}

static void put_text(const struct page *pg, struct str s)
{
	if (pg->form == FORM_HTML)
		put_escaped(s, pg->out);
	else
		buf_put(pg->out, s);
}

/* How many characters, so that accented labels line up too. */
static int width(const char *z)
{
	int n = 0;

	for (; *z != '\0'; z++)
		n += ((uint8_t)*z & 0xc0) != 0x80;
	return n;
}

static void put_row(const struct page *pg, const char *label, struct buf *value)
{
	if (value->len == 0)
		return;
	if (pg->form == FORM_HTML) {
		buf_printf(pg->out, "<tr><td style=\"color:#555;padding-right:1em;vertical-align:top\">%s</td><td>", label);
		put_escaped(buf_str(value), pg->out);
		buf_puts(pg->out, "</td></tr>\n");
	} else {
		buf_printf(pg->out, "%s:%*s" STR_FMT "\n", label, 11 - width(label), "", STR_ARG(buf_str(value)));
	}
	buf_reset(value);
}

static bool is_link(struct str url)
{
	return str_starts(url, STR("https://")) || str_starts(url, STR("http://"));
}

/* Only http and https become a link that can be tapped; anything else a ticket calls its URL is shown as text. */
static void put_link(const struct page *pg, const char *label, struct buf *url)
{
	if (pg->form == FORM_PLAIN || !is_link(buf_str(url))) {
		put_row(pg, label, url);
		return;
	}
	buf_printf(pg->out, "<tr><td style=\"color:#555;padding-right:1em\">%s</td><td><a href=\"", label);
	put_escaped(buf_str(url), pg->out);
	buf_puts(pg->out, "\">");
	put_escaped(buf_str(url), pg->out);
	buf_puts(pg->out, "</a></td></tr>\n");
	buf_reset(url);
}

static void put_rows(const struct page *pg)
{
	const struct alert *a = pg->a;
	const struct phrases *ph = pg->ph;
	struct buf v;

	buf_init(&v, MAX_TEXT);
	if (!wall_is_never(a->due))
		text_instant(a->due, pg->st->zone, pg->st->language, &v);
	put_row(pg, ph->due, &v);
	if (a->target.len > 0) {
		put_target(a->target, ph, &v);
		buf_printf(&v, ", %s ", ph->used);
		text_open_time(a->elapsed_ms, &v);
	}
	put_row(pg, ph->target, &v);
	text_clean(a->priority, &v);
	put_row(pg, ph->priority, &v);
	text_clean(a->contract, &v);
	if (a->customer.len > 0 && !str_eq(a->customer, a->contract)) {
		buf_puts(&v, a->contract.len > 0 ? ", " : "");
		text_clean(a->customer, &v);
	}
	put_row(pg, ph->contract, &v);
	if (a->type <= ALERT_ESCALATION)
		text_clean(a->step, &v);
	put_row(pg, ph->step, &v);
	put_reason(a, ph, &v);
	put_row(pg, ph->why, &v);
	if (a->late_ms >= MS_PER_MIN)
		text_duration(a->late_ms, pg->st->language, &v);
	put_row(pg, ph->late, &v);
	text_clean(a->url, &v);
	put_link(pg, ph->open, &v);
	if (pg->st->public_url != NULL && a->ticket.len > 0 && alert_is_of_ticket(a->type)) {
		struct str base = str_of(pg->st->public_url);

		while (base.len > 0 && base.p[base.len - 1] == '/')
			base.len--;
		buf_put(&v, base);
		buf_puts(&v, "/v1/tickets/");
		if (a->ns.len > 0) {
			buf_put_escaped(&v, a->ns);
			buf_putc(&v, '/');
		}
		buf_put_escaped(&v, a->ticket);
	}
	put_link(pg, ph->details, &v);
	buf_finish(&v);
}

/* A clock that was waived or cancelled has not been stopped, and nothing of it is done. */
static const char *headline_of(const struct alert *a, const struct phrases *ph)
{
	if (a->type != ALERT_CLEARED)
		return ph->headline[a->type];
	if (str_eqz(a->reason, ALERT_REASON_WAIVED) || str_eqz(a->reason, ALERT_REASON_CANCELLED))
		return ph->cleared_uncounted;
	return a->remaining_ms < 0 ? ph->cleared_late : ph->headline[a->type];
}

static void put_headline(const struct page *pg)
{
	const char *sentence = headline_of(pg->a, pg->ph);
	struct buf b;

	buf_init(&b, MAX_TEXT);
	expand(sentence, pg->a, pg->st, &b);
	put_text(pg, buf_str(&b));
	buf_finish(&b);
}

static void put_subject_line(const struct page *pg)
{
	struct buf b;

	buf_init(&b, MAX_TEXT);
	text_clean(pg->a->subject, &b);
	put_text(pg, buf_str(&b));
	buf_finish(&b);
}

void text_plain(const struct alert *a, const struct text_style *st, struct buf *out)
{
	struct page pg = { a, st, &phrases[st->language], FORM_PLAIN, out };

	put_headline(&pg);
	buf_putc(out, '\n');
	if (a->subject.len > 0) {
		put_subject_line(&pg);
		buf_putc(out, '\n');
	}
	buf_putc(out, '\n');
	put_rows(&pg);
	buf_printf(out, "\n-- \n%s %s\n", pg.ph->footer, a->id);
}

static const char *colour(enum alert_type type)
{
	switch (type) {
	case ALERT_BREACH: case ALERT_ESCALATION: return "#b00020";
	case ALERT_WARNING: return "#c77700";
	case ALERT_CLEARED: case ALERT_RETRACTED: return "#1b7f3b";
	default: return "#335c99";
	}
}

void text_html(const struct alert *a, const struct text_style *st, struct buf *out)
{
	struct page pg = { a, st, &phrases[st->language], FORM_HTML, out };

	buf_printf(out, "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">"
	           "<meta name=\"viewport\" content=\"width=device-width\"></head>\n"
	           "<body style=\"font-family:sans-serif;font-size:16px;line-height:1.4\">\n"
	           "<p style=\"border-left:5px solid %s;padding-left:10px\"><strong>", text_language_names[st->language], colour(a->type));
	put_headline(&pg);
	buf_puts(out, "</strong>");
	if (a->subject.len > 0) {
		buf_puts(out, "<br>\n");
		put_subject_line(&pg);
	}
	buf_puts(out, "</p>\n<table style=\"border-collapse:collapse\">\n");
	put_rows(&pg);
	buf_printf(out, "</table>\n<p style=\"color:#777;font-size:12px\">%s %s</p>\n</body></html>\n", pg.ph->footer, a->id);
}
