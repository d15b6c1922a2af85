/*
 * What an alert says to people: subject, plain text and HTML, in English and Spanish, short enough for a phone at night. Pure:
 * the same alert gives the same text. Everything that came from outside is stripped of control characters, and escaped in HTML.
 */
#ifndef PLAZO_NOTIFY_TEXT_H
#define PLAZO_NOTIFY_TEXT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/wall.h"
#include "core/alert.h"
#include "core/zone.h"

enum text_language { TEXT_EN, TEXT_ES, TEXT_N_LANGUAGES };
extern const char *const text_language_names[TEXT_N_LANGUAGES + 1];   /* "en", "es" */

struct text_style {
	enum text_language language;
	const struct zone *zone;         /* of the reader; NULL: UTC */
	const char        *public_url;   /* base of the link to plazo's own page of the ticket; NULL: no such link */
};

#define TEXT_MAX_SUBJECT 200         /* bytes of a subject; cut at a character, with an ellipsis */

/* One line without control characters. All three append to `out`. */
void text_subject(const struct alert *a, const struct text_style *st, struct buf *out);

/* Lines that end with '\n'. */
void text_plain(const struct alert *a, const struct text_style *st, struct buf *out);

/* A whole HTML document, without anything fetched from elsewhere. */
void text_html(const struct alert *a, const struct text_style *st, struct buf *out);

/* "30 min", "1 h 30 min", "2 d 3 h": the two largest units, cut; the sign is dropped. Under a minute "45 s". */
void text_duration(int64_t ms, enum text_language language, struct buf *out);

/* The same of the open time of a calendar: in hours, "27 h 30 min", since its days are shorter than 24 of them. */
void text_open_time(int64_t ms, struct buf *out);

/* "Mon 23 Nov 2026, 11:00 (UTC+01:00)" in the zone; seconds only where they are not 0. */
void text_instant(struct wall t, const struct zone *zone, enum text_language language, struct buf *out);

/* Appends `s` without controls: C0, DEL, C1, U+2028 and U+2029, and the marks that turn the direction of writing; bad UTF-8 becomes U+FFFD. A run of them becomes one blank. */
void text_clean(struct str s, struct buf *out);

#endif
