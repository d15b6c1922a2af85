#include "../cmocka_plazo.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "core/zone.h"
#include "notify/mail.h"
#include "notify/text.h"
#include "../zone_file.h"

static struct alert example(enum alert_type type)
{
	static const char *const steps[] = { "75%", "breach", "breach+30m", "cleared", "retracted" };
	struct alert a = {
		.id = "0123456789abcdef0123456789abcdef", .type = type, .at = { INT64_C(1795426200000) }, .ticket = STR("INC-1"), .contract = STR("acme"),
		.customer = STR("ACME, S.A."), .metric = STR("resolution"), .agreement = STR("sla"), .cycle = 1, .occurrence = 1,
		.due = { INT64_C(1795428000000) }, .target = STR("2h"), .elapsed_ms = 5400000, .remaining_ms = 1800000, .priority = STR("P1"),
		.subject = STR("Mail is down"), .url = STR("https://desk.example.com/t/1?a=1&b=2"), .reason = STR("75% of the target has been used."),
	};

	a.step = type <= ALERT_RETRACTED ? str_of(steps[type]) : STR("");
	return a;
}

static char *taken(struct buf *b)
{
	char *z = buf_take(b, NULL);

	assert_non_null(z);
	return z;
}

static void expect_subject(const struct alert *a, enum text_language language, const char *want)
{
	struct text_style st = { language, NULL, NULL };
	struct buf b;

	buf_init(&b, 4096);
	text_subject(a, &st, &b);
	assert_str(buf_str(&b), want);
	buf_finish(&b);
}

static void subjects(void **state)
{
	(void)state;
	struct alert a = example(ALERT_WARNING);

	expect_subject(&a, TEXT_EN, "30 min left: INC-1 resolution (P1) – Mail is down");
	expect_subject(&a, TEXT_ES, "Quedan 30 min: INC-1 resolución (P1) – Mail is down");
	a.remaining_ms = 3660000;
	expect_subject(&a, TEXT_ES, "Queda 1 h 1 min: INC-1 resolución (P1) – Mail is down");
	a = example(ALERT_BREACH);
	a.metric = STR("next-response");
	expect_subject(&a, TEXT_EN, "BREACHED: INC-1 next response (P1) – Mail is down");
	expect_subject(&a, TEXT_ES, "INCUMPLIDO: INC-1 siguiente respuesta (P1) – Mail is down");
	a = example(ALERT_ESCALATION);
	a.remaining_ms = -5400000;
	a.priority = a.subject = (struct str){ NULL, 0 };
	expect_subject(&a, TEXT_EN, "1 h 30 min OVERDUE: INC-1 resolution");
	expect_subject(&a, TEXT_ES, "1 h 30 min FUERA DE PLAZO: INC-1 resolución");
	a.metric = STR("l2-holding");
	expect_subject(&a, TEXT_EN, "1 h 30 min OVERDUE: INC-1 l2-holding");
	a = example(ALERT_CLEARED);
	expect_subject(&a, TEXT_EN, "Cleared: INC-1 resolution (P1) – Mail is down");
	a = example(ALERT_RETRACTED);
	expect_subject(&a, TEXT_ES, "Rectificado: INC-1 resolución llegó a tiempo (P1) – Mail is down");
}

static void expect_headline(const struct alert *a, enum text_language language, const char *want)
{
	struct text_style st = { language, NULL, NULL };
	struct str rest, line;
	struct buf b;

	buf_init(&b, 65536);
	text_plain(a, &st, &b);
	rest = buf_str(&b);
	(void)str_cut(&rest, '\n', &line);
	assert_str(line, want);
	buf_finish(&b);
}

/* What nobody has stopped is not done. */
static void what_a_clear_says(void **state)
{
	(void)state;
	struct alert a = example(ALERT_CLEARED);

	a.reason = STR("stopped in time");
	expect_headline(&a, TEXT_EN, "INC-1: the resolution is done, 30 min before it was due. Nothing is left to do.");
	expect_headline(&a, TEXT_ES, "INC-1: la resolución, hecho 30 min antes de vencer. No queda nada por hacer.");
	a.remaining_ms = -60000;
	a.reason = STR("stopped after its due time");
	expect_headline(&a, TEXT_EN, "INC-1: the resolution is done, 1 min after it was due.");
	a.reason = STR(ALERT_REASON_WAIVED);
	expect_headline(&a, TEXT_EN, "INC-1: the resolution no longer counts.");
	a.reason = STR(ALERT_REASON_CANCELLED);
	expect_headline(&a, TEXT_ES, "INC-1: la resolución ya no cuenta.");
	expect_subject(&a, TEXT_ES, "Fin de aviso: INC-1 resolución (P1) – Mail is down");
}

/* Three business days of eight and a half hours are no "1 d 1 h". */
static void open_time_is_told_in_hours(void **state)
{
	(void)state;
	struct alert a = example(ALERT_WARNING);

	a.remaining_ms = INT64_C(91800000);
	a.elapsed_ms = INT64_C(86400000);
	expect_subject(&a, TEXT_EN, "25 h 30 min left: INC-1 resolution (P1) – Mail is down");
	a.remaining_ms = INT64_C(90000000);
	expect_headline(&a, TEXT_ES, "INC-1: quedan 25 h para la resolución.");
}

static void expect_line(const struct alert *a, enum text_language language, const char *label, const char *want)
{
	struct text_style st = { language, NULL, NULL };
	struct str rest, line = { NULL, 0 };
	struct buf b;

	buf_init(&b, 65536);
	text_plain(a, &st, &b);
	rest = buf_str(&b);
	while (!str_starts(line, str_of(label)) && str_cut(&rest, '\n', &line))
		;
	assert_str(line, want);
	buf_finish(&b);
}

/* "3bd eod" is for configurations; in the reason, too, where the engine puts it. */
static void targets_in_days_are_told_in_words(void **state)
{
	(void)state;
	struct alert a = example(ALERT_BREACH);

	a.target = STR("3bd eod");
	a.reason = STR("breach: not stopped by its due time, target 3bd eod; the ticket changed");
	expect_line(&a, TEXT_EN, "Target:", "Target:     3 business days, by close of business, used 1 h 30 min");
	expect_line(&a, TEXT_EN, "Why:", "Why:        breach: not stopped by its due time, target 3 business days, by close of business; the ticket changed");
	expect_line(&a, TEXT_ES, "Objetivo:", "Objetivo:   3 días laborables, antes del cierre, consumido 1 h 30 min");
	expect_line(&a, TEXT_ES, "Motivo:", "Motivo:     breach: sin cumplir al vencer el plazo, objetivo 3 días laborables, antes del cierre; el tique cambió");
	a.target = STR("1bd");
	a.reason = STR("75%: of the target is used, target 1bd");
	expect_line(&a, TEXT_EN, "Target:", "Target:     1 business day, used 1 h 30 min");
	expect_line(&a, TEXT_ES, "Motivo:", "Motivo:     75% del objetivo consumido, objetivo 1 día laborable");
	a.target = STR("0bd eod");
	expect_line(&a, TEXT_EN, "Target:", "Target:     the same business day, by close of business, used 1 h 30 min");
	expect_line(&a, TEXT_ES, "Objetivo:", "Objetivo:   el mismo día laborable, antes del cierre, consumido 1 h 30 min");
	expect_line(&a, TEXT_EN, "Why:", "Why:        75%: of the target is used, target 1bd");
}

/* What a step says of the daemon itself, and a reason that is put together of what we know and what a server said. */
static void the_daemon_itself(void **state)
{
	(void)state;
	struct alert a = {
		.type = ALERT_DAEMON_STREAM, .ticket = STR("bus"), .step = STR("degraded"), .due = WALL_NEVER,
		.reason = STR("For a minute or longer: WRONGTYPE Operation against a key"),
	};
	struct text_style st = { TEXT_ES, NULL, "https://sla.example.com/" };
	struct buf b;

	expect_subject(&a, TEXT_EN, "The source bus is not read");
	expect_subject(&a, TEXT_ES, "La fuente bus no se lee");
	buf_init(&b, 4096);
	text_plain(&a, &st, &b);
	assert_str(buf_str(&b), "La fuente bus no se lee.\n\nMotivo:     Desde hace un minuto o más: WRONGTYPE Operation against a key\n\n-- \nEnviado por plazo, aviso \n");
	buf_finish(&b);
	a.step = STR("well");
	expect_subject(&a, TEXT_EN, "The source bus is well again");
	a = (struct alert){ .type = ALERT_DAEMON_STORE, .step = STR("stalled"), .due = WALL_NEVER };
	expect_subject(&a, TEXT_EN, "The journal cannot be written");
	expect_subject(&a, TEXT_ES, "El diario no se puede escribir");
}

/* No type of alert is without words in any language. */
static void every_type_has_its_words(void **state)
{
	(void)state;
	for (int t = 0; t < ALERT_N_TYPES; t++)
		for (int l = 0; l < TEXT_N_LANGUAGES; l++) {
			struct alert a = example((enum alert_type)t);
			struct text_style st = { (enum text_language)l, NULL, "https://sla.example.com/" };
			struct buf b;

			buf_init(&b, 65536);
			text_subject(&a, &st, &b);
			assert_true(b.len > 10);
			text_plain(&a, &st, &b);
			text_html(&a, &st, &b);
			assert_true(buf_ok(&b) && str_is_utf8(buf_str(&b)));
			assert_null(memchr(b.p, '{', b.len));
			buf_finish(&b);
		}
}

static void plain_in_english_and_spanish(void **state)
{
	(void)state;
	struct zone *madrid = zone_file("Europe/Madrid");
	struct alert a = example(ALERT_WARNING);
	struct text_style st = { TEXT_EN, madrid, "https://sla.example.com/" };
	struct buf b;

	buf_init(&b, 65536);
	text_plain(&a, &st, &b);
	assert_str(buf_str(&b),
		"INC-1: 30 min left for the resolution.\n"
		"Mail is down\n"
		"\n"
		"Due:        Mon 23 Nov 2026, 11:00 (UTC+01:00)\n"
		"Target:     2h, used 1 h 30 min\n"
		"Priority:   P1\n"
		"Contract:   acme, ACME, S.A.\n"
		"Step:       75%\n"
		"Why:        75% of the target has been used.\n"
		"Ticket:     https://desk.example.com/t/1?a=1&b=2\n"
		"Clocks:     https://sla.example.com/v1/tickets/INC-1\n"
		"\n"
		"-- \n"
		"Sent by plazo, alert 0123456789abcdef0123456789abcdef\n");
	buf_reset(&b);
	a = example(ALERT_ESCALATION);
	a.remaining_ms = -1800000;
	a.late_ms = 720000;
	a.ns = STR("help desk");
	a.reason = STR("breach+30m: still not stopped, target 2h; the ticket changed");
	st.language = TEXT_ES;
	text_plain(&a, &st, &b);
	assert_str(buf_str(&b),
		"INC-1: la resolución lleva 30 min fuera de plazo.\n"
		"Mail is down\n"
		"\n"
		"Vence:      lun 23 nov 2026, 11:00 (UTC+01:00)\n"
		"Objetivo:   2h, consumido 1 h 30 min\n"
		"Prioridad:  P1\n"
		"Contrato:   acme, ACME, S.A.\n"
		"Aviso:      breach+30m\n"
		"Motivo:     breach+30m: sigue sin cumplir, objetivo 2h; el tique cambió\n"
		"Retraso:    12 min\n"
		"Tique:      https://desk.example.com/t/1?a=1&b=2\n"
		"Plazos:     https://sla.example.com/v1/tickets/help%20desk/INC-1\n"
		"\n"
		"-- \n"
		"Enviado por plazo, aviso 0123456789abcdef0123456789abcdef\n");
	buf_finish(&b);
	zone_destroy(madrid);
}

static void html_is_escaped(void **state)
{
	(void)state;
	struct alert a = example(ALERT_BREACH);
	struct text_style st = { TEXT_EN, NULL, NULL };
	struct buf b;

	a.subject = STR("<script>alert('x')</script> & \"more\"");
	a.ticket = STR("<b>1</b>");
	a.url = STR("javascript:alert(1)");
	buf_init(&b, 65536);
	text_html(&a, &st, &b);
	char *z = taken(&b);
	assert_null(strstr(z, "<script"));
	assert_null(strstr(z, "<b>"));
	assert_null(strstr(z, "href"));
	assert_non_null(strstr(z, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;more&quot;"));
	free(z);
	a.url = STR("https://x.example/\"><script>");
	text_html(&a, &st, &b);
	z = taken(&b);
	assert_non_null(strstr(z, "<a href=\"https://x.example/&quot;&gt;&lt;script&gt;\">"));
	free(z);
}

static void controls_are_stripped(void **state)
{
	(void)state;
	static const char hostile[] = "a\r\nBcc: x\0\xc2\x85q\xe2\x80\xa8r\xe2\x80\xa9s\xe2\x80\xaet\x7fu\xffv\xed\xa0\x80w";
	struct buf b;

	buf_init(&b, 4096);
	text_clean((struct str){ hostile, sizeof(hostile) - 1 }, &b);
	assert_str(buf_str(&b), "a Bcc: x q r s t u\xef\xbf\xbdv\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdw");
	buf_reset(&b);
	text_clean(STR("ñandú 🦤"), &b);
	assert_str(buf_str(&b), "ñandú 🦤");
	buf_finish(&b);
}

static void long_subjects_are_cut_at_a_character(void **state)
{
	(void)state;
	char lengthy[512];
	struct text_style st = { TEXT_EN, NULL, NULL };

	for (size_t off = 0; off < 4; off++) {
		struct alert a = example(ALERT_BREACH);
		struct buf b;

		for (size_t i = 0; i < sizeof(lengthy); i++)
			lengthy[i] = i < off ? 'x' : "\xf0\x9f\xa6\xa4"[(i - off) % 4];
		a.subject = (struct str){ lengthy, off + (sizeof(lengthy) - off) / 4 * 4 };
		buf_init(&b, 4096);
		text_subject(&a, &st, &b);
		assert_true(b.len <= TEXT_MAX_SUBJECT && b.len > TEXT_MAX_SUBJECT - 8);
		assert_true(str_is_utf8(buf_str(&b)));
		assert_memory_equal(b.p + b.len - 3, "…", 3);
		buf_finish(&b);
	}
}

static void expect_duration(int64_t ms, const char *want)
{
	struct buf b;

	buf_init(&b, 64);
	text_duration(ms, TEXT_EN, &b);
	assert_str(buf_str(&b), want);
	buf_finish(&b);
}

static void durations(void **state)
{
	(void)state;
	expect_duration(0, "0 s");
	expect_duration(999, "0 s");
	expect_duration(45000, "45 s");
	expect_duration(-45000, "45 s");
	expect_duration(119000, "1 min");
	expect_duration(1800000, "30 min");
	expect_duration(5400000, "1 h 30 min");
	expect_duration(7200000, "2 h");
	expect_duration(INT64_C(86400000) * 2 + 3 * 3600000 + 59000, "2 d 3 h");
	expect_duration(INT64_C(86400000) + 60000, "1 d");
	expect_duration(INT64_MIN, "106751991167 d 7 h");
}

/* ---- mail headers ---- */

static void expect_header(struct str value, const char *want)
{
	struct buf b;

	buf_init(&b, 8192);
	mail_put_header("Subject", value, &b);
	assert_str(buf_str(&b), want);
	buf_finish(&b);
}

static void headers_are_encoded_and_folded(void **state)
{
	(void)state;
	struct buf b;
	char lengthy[400];

	expect_header(STR("plain text"), "Subject: plain text");
	expect_header(STR("x\r\nBcc: evil@example.com"), "Subject: x Bcc: evil@example.com");
	expect_header(STR("\xc3\xb1"), "Subject: =?UTF-8?B?w7E=?=");
	expect_header(STR("=?UTF-8?Q?no?="), "Subject: =?UTF-8?B?PT9VVEYtOD9RP25vPz0=?=");
	memset(lengthy, 'y', sizeof(lengthy));
	for (int words = 0; words < 2; words++) {
		if (words)
			for (size_t i = 10; i < sizeof(lengthy) - 1; i += 10)
				lengthy[i] = ' ';
		buf_init(&b, 8192);
		mail_put_header("Subject", (struct str){ lengthy, sizeof(lengthy) }, &b);
		struct str rest = buf_str(&b), line;
		bool more = true;
		while (more) {
			more = str_cut(&rest, '\n', &line);
			assert_true(line.len <= 79 && line.len > 1);
			assert_true(!more || line.p[line.len - 1] == '\r');
			assert_true(!more || rest.p[0] == ' ');
		}
		buf_finish(&b);
	}
}

static void addresses(void **state)
{
	(void)state;
	static const char *const good[] = { "a@b.example", "root@localhost", "Name <a@b>", "\"N, M\" <a.b+c@b-c.d>", "a@[127.0.0.1]", "Añá <a@b>", " a@b " };
	static const char *const bad[] = {
		"", "a", "@b", "a@", "a b@c", "a@b>", "<a@b", "a@b\r\nRCPT TO:<x@y>", "a@b\n", "x <a@b> y", "<a@b>\r\n", "N\r\nBcc: x <a@b>", "a@b,c@d",
		"<a@b><c@d>", "N <M> <a@b>", "a\"@b", "a@b..c>", "a@-b", ".a@b", "a@b@c", "N\xe2\x80\xa8 <a@b>", "a\xc3\xb1@b", "N\xff <a@b>", "<>",
	};
	struct mail_address a;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!mail_address_of(str_of(good[i]), &a))
			fail_msg("\"%s\" was refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mail_address_of(str_of(bad[i]), &a))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_false(mail_address_of((struct str){ "a@b\0c", 5 }, &a));
}

static void messages_keep_their_ids(void **state)
{
	(void)state;
	struct alert a = example(ALERT_BREACH), b = example(ALERT_WARNING);
	struct text_style st = { TEXT_EN, NULL, NULL };
	const char *to[] = { "Desk <desk@x.example>", "ñ <n@y.example>" };
	struct mail_facts f = { &a, &st, "l1", "SLA watch <sla@example.com>", to, 2, { INT64_C(1795428000000) } };
	struct mail m1, m2;

	mail_init(&m1, &f);
	f.now.ms += 60000;
	mail_init(&m2, &f);
	assert_string_equal(m1.headers[0], "From: SLA watch <sla@example.com>");
	assert_string_equal(m1.headers[1], "To: Desk <desk@x.example>,\r\n =?UTF-8?B?w7E=?= <n@y.example>");
	assert_string_equal(m1.headers[3], "Date: Mon, 23 Nov 2026 10:00:00 +0000");
	assert_string_equal(m2.headers[3], "Date: Mon, 23 Nov 2026 10:01:00 +0000");
	assert_string_equal(m1.headers[4], m2.headers[4]);
	assert_memory_equal(m1.headers[4], "Message-ID: <0123456789abcdef0123456789abcdef.", 46);
	mail_finish(&m2);
	/* Another receiver's copy is another message; another alert of the ticket is in the same thread. */
	f.receiver = "l2";
	f.alert = &b;
	mail_init(&m2, &f);
	assert_string_not_equal(m1.headers[4], m2.headers[4]);
	assert_string_equal(m1.headers[5], m2.headers[5]);
	assert_memory_equal(m1.headers[5], "In-Reply-To: <ticket.", 21);
	for (const char *p = m1.text; *p != '\0'; p++)
		assert_true(*p != '\n' || p[-1] == '\r');
	mail_finish(&m1);
	mail_finish(&m2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subjects),
		cmocka_unit_test(what_a_clear_says),
		cmocka_unit_test(open_time_is_told_in_hours), cmocka_unit_test(targets_in_days_are_told_in_words),
		cmocka_unit_test(the_daemon_itself),
		cmocka_unit_test(every_type_has_its_words),
		cmocka_unit_test(plain_in_english_and_spanish),
		cmocka_unit_test(html_is_escaped),
		cmocka_unit_test(controls_are_stripped),
		cmocka_unit_test(long_subjects_are_cut_at_a_character),
		cmocka_unit_test(durations),
		cmocka_unit_test(headers_are_encoded_and_folded),
		cmocka_unit_test(addresses),
		cmocka_unit_test(messages_keep_their_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
