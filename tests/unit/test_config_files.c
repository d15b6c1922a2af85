/*
 * What a configuration takes from other files, what is told as odd, and what is written back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

#define CALENDARS "calendars: {always: 24x7, c: {zone: Europe/Madrid, hours: {mon-fri: \"09:00-17:00\"}}}\n"
#define SERVED "receivers: {r: {log: {}}}\ndefaults: {calendar: c, escalation: none, notify: r}\n"
#define BASE CALENDARS SERVED
#define NOW { INT64_C(1795305600000) }      /* 2026-11-22 */

static char dir[] = "/tmp/test_config_XXXXXX";

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Loads DIR/c.yaml with that text; *said_out gets everything that was told, with DIR/ cut from the beginning of each line. */
static struct config *load(const char *text, const struct config_options *opt, char *said, size_t size)
{
	struct problems p;
	struct config *cfg = NULL;
	size_t n = 0;

	put("c.yaml", text);
	problems_init(&p);
	enum err e = config_load(path_of("c.yaml"), opt, &cfg, &p);

	assert_int_equal(e == ERR_OK, cfg != NULL);
	said[0] = '\0';
	for (size_t i = 0; i < p.n; i++)
		n += (size_t)snprintf(said + n, size - n, "%s:%u:%u: %s: %s\n", p.v[i].file + strlen(dir) + 1, p.v[i].line, p.v[i].col,
				      p.v[i].warning ? "warning" : "error", p.v[i].msg);
	problems_finish(&p);
	return cfg;
}

static void assert_says(const char *text, const struct config_options *opt, const char *want)
{
	char said[8192];
	struct config *cfg = load(text, opt, said, sizeof said);

	assert_string_equal(said, want);
	config_unref(cfg);
}

static const struct config_options skip = { .now = NOW, .secrets = SECRETS_SKIP };

static struct wall at(const char *text)
{
	struct wall t = { 0 };

	assert_int_equal(wall_parse(str_of(text), &t, NULL), ERR_OK);
	return t;
}

/* ---- includes ---- */

static void test_include(void **state)
{
	char said[4096];

	(void)state;
	put("a1.yaml", "policies: {p: {metrics: {resolution: {target: 1h}}}}\ncontracts: {k: {policy: p}}\n");
	put("a2.yaml", "contracts: {m: {policy: p}}\nreceivers: {s: {log: {}}}\n");
	struct config *cfg = load(BASE "include: a*.yaml\n", &skip, said, sizeof said);

	assert_string_equal(said, "");
	assert_non_null(cfg);
	assert_int_equal(cfg->rules->n_contracts, 2);
	assert_non_null(config_receiver(cfg, STR("s")));
	config_unref(cfg);
}

static void test_include_errors(void **state)
{
	char want[1024];

	(void)state;
	put("b1.yaml", "calendars:\n  new: 24x7\n  c: 24x7\n");
	snprintf(want, sizeof want, "b1.yaml:3:3: error: calendars: 'c' stands in %s:1:27 already\n", path_of("c.yaml"));
	assert_says(BASE "include: [b1.yaml]\n", &skip, want);
	put("b1.yaml", "server: {}\ncontracts: []\n");
	assert_says(BASE "include: [b1.yaml]\n", &skip,
		    "b1.yaml:1:1: error: an included file may only add calendars, policies, contracts, escalations, receivers, sources, maps "
		    "and templates, not 'server'\n"
		    "b1.yaml:2:12: error: contracts must be a map\n");
	put("b1.yaml", "contracts: {k: {polcy: p}}\ntemplates: {t: x}\n");
	assert_says(BASE "include: b1.yaml\ntemplates: {s: x}\n", &skip,
		    "c.yaml:5:1: warning: not active yet: templates\n"
		    "b1.yaml:1:13: error: contracts.k has no 'policy': what is promised\n"
		    "b1.yaml:1:17: error: unknown key 'polcy' in contracts.k, did you mean 'policy'?\n");
	put("b1.yaml", "a: [\n");
	assert_says(BASE "include: b1.yaml\n", &skip, "b1.yaml:2:1: error: did not find expected node content while parsing a flow node\n");
	put("b1.yaml", "");
	assert_says(BASE "include: b1.yaml\n", &skip, "");
}

/* `plazoctl check -c <(make-configuration)`: who writes into the pipe may be slower than we are, and need not write at all. */
static void test_a_pipe(void **state)
{
	struct problems p;
	struct config *cfg = NULL;
	char path[64];
	int ends[2];

	(void)state;
	for (int says = 0; says <= 1; says++) {
		problems_init(&p);
		assert_int_equal(pipe(ends), 0);
		pid_t child = fork();

		if (child == 0) {
			usleep(50000);
			_exit(says && write(ends[1], BASE, sizeof BASE - 1) < 0);
		}
		assert_true(child > 0);
		close(ends[1]);
		snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
		assert_int_equal(config_load(path, &skip, &cfg, &p), says ? ERR_OK : ERR_SYNTAX);
		assert_int_equal(waitpid(child, NULL, 0), child);
		close(ends[0]);
		config_unref(cfg);
		problems_finish(&p);
	}
}

static void test_missing(void **state)
{
	struct problems p;
	struct config *cfg = NULL;

	(void)state;
	problems_init(&p);
	assert_int_equal(config_load(path_of("nowhere.yaml"), &skip, &cfg, &p), ERR_ABSENT);
	assert_int_equal(p.n_errors, 1);
	assert_string_equal(p.v[0].msg, "cannot be read: No such file or directory");
	assert_int_equal(config_load(dir, &skip, &cfg, &p), ERR_IO);
	problems_finish(&p);
}

/* ---- iCalendar ---- */

#define ICS_HEAD "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"
#define ICS_TAIL "END:VCALENDAR\r\n"
#define EVENT(lines) "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n" lines "END:VEVENT\r\n"
#define WITH_ICS "calendars: {c: {zone: UTC, hours: 24x7, holidays: h.ics}}\n"

static void assert_closed(const struct calendar *c, const char *date, bool closed)
{
	char text[32];

	snprintf(text, sizeof text, "%sT12:00:00Z", date);
	assert_int_equal(calendar_is_open(c, at(text)), !closed);
}

static void test_ics(void **state)
{
	char said[4096];

	(void)state;
	put("h.ics", ICS_HEAD EVENT("DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\n")
			      EVENT("DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY\r\nEXDATE;VALUE=DATE:20280501\r\n")
			      EVENT("DTSTART;VALUE=DATE:20270601\r\nSTATUS:CANCELLED\r\n")
			      EVENT("DTSTART:20270701T090000Z\r\nDTEND:20270701T100000Z\r\n") ICS_TAIL);
	struct config *cfg = load(WITH_ICS, &skip, said, sizeof said);

	assert_string_equal(said, "");
	assert_non_null(cfg);
	const struct calendar *c = config_calendar(cfg, STR("c"));

	assert_closed(c, "2026-12-23", false);
	assert_closed(c, "2026-12-24", true);
	assert_closed(c, "2026-12-26", true);
	assert_closed(c, "2026-12-27", false);
	assert_closed(c, "2027-05-01", true);
	assert_closed(c, "2028-05-01", false);
	assert_closed(c, "2040-05-01", true);
	assert_closed(c, "2027-06-01", false);
	assert_closed(c, "2027-07-01", true);
	config_unref(cfg);
}

/* A length that is asked for anew moves the place from which libical walks: dates were left out, or came without end. */
static void test_ics_dates(void **state)
{
	static const char *const lengths[] = { "", "DTEND;VALUE=DATE:20260107\r\n", "DURATION:P1D\r\n" };
	char said[4096], text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		snprintf(text, sizeof text, ICS_HEAD EVENT("DTSTART;VALUE=DATE:20260106\r\n%sRDATE;VALUE=DATE:20260501,20261208\r\n"
			 "RDATE;VALUE=PERIOD:20261012T000000Z/P1D\r\nRRULE:FREQ=YEARLY;COUNT=30\r\nEXDATE;VALUE=DATE:20280106\r\n"
			 "EXDATE;VALUE=DATE:20270106\r\n") ICS_TAIL, lengths[i]);
		put("h.ics", text);
		struct config *cfg = load(WITH_ICS, &skip, said, sizeof said);

		assert_string_equal(said, "");
		const struct calendar *c = config_calendar(cfg, STR("c"));

		assert_closed(c, "2026-01-06", true);
		assert_closed(c, "2026-05-01", true);
		assert_closed(c, "2026-10-12", true);
		assert_closed(c, "2026-12-08", true);
		assert_closed(c, "2026-12-09", false);
		assert_closed(c, "2027-01-06", false);
		assert_closed(c, "2028-01-06", false);
		config_unref(cfg);
	}
}

static void test_ics_errors(void **state)
{
	(void)state;
	put("h.ics", "hello\n");
	assert_says(WITH_ICS, &skip, "c.yaml:1:51: error: h.ics: not an iCalendar file\n");
	put("h.ics", ICS_HEAD ICS_TAIL);
	assert_says(WITH_ICS, &skip, "c.yaml:1:51: error: h.ics: has no events\n");
	put("h.ics", ICS_HEAD EVENT("SUMMARY:x\r\n") ICS_TAIL);
	assert_says(WITH_ICS, &skip, "c.yaml:1:51: error: h.ics: event 1 has no usable DTSTART\n");
	put("h.ics", ICS_HEAD EVENT("DTSTART:20000101T000000Z\r\nRRULE:FREQ=SECONDLY\r\n") ICS_TAIL);
	assert_says(WITH_ICS, &skip, "c.yaml:1:51: error: h.ics: has more than 20000 days\n");
}

/* ---- secrets ---- */

#define HOOK(secret) "receivers: {r: {webhook: {url: \"http://127.0.0.1:1/\", secret: " secret "}}}\n"

static void assert_secret(const char *text, const struct config_options *opt, const char *want)
{
	char said[4096];
	struct config *cfg = load(text, opt, said, sizeof said);

	if (cfg == NULL)
		fail_msg("%s", said);
	const struct receiver *r = config_receiver(cfg, STR("r"));

	assert_true(r->secret.configured);
	assert_true(str_eqz(r->secret.bytes, want));
	config_unref(cfg);
}

static void test_secrets(void **state)
{
	struct config_options need = { .now = NOW, .secrets = SECRETS_REQUIRE, .credentials_dir = dir };

	(void)state;
	put("key", "s3cret\n");
	put("crlf", "two\nlines\r\n");
	put("empty", "\n");
	assert_secret(HOOK("{file: key}"), &need, "s3cret");
	assert_secret(HOOK("{file: crlf}"), &need, "two\nlines");
	assert_secret(HOOK("{credential: key}"), &need, "s3cret");
	assert_int_equal(setenv("TEST_CONFIG_SECRET", "from env", 1), 0);
	assert_secret(HOOK("{env: TEST_CONFIG_SECRET}"), &need, "from env");
	assert_secret(HOOK("literal"), &need, "literal");
	assert_secret(HOOK("{file: nowhere}"), &skip, "");
	assert_says(HOOK("literal"), &skip,
		    "c.yaml:1:63: warning: a secret stands in the configuration itself: {file: PATH} or {credential: NAME} keep it apart\n");
	assert_says(HOOK("{file: nowhere}"), &need, "c.yaml:1:70: error: file nowhere cannot be read: No such file or directory\n");
	assert_says(HOOK("{file: empty}"), &need, "c.yaml:1:70: error: file empty is empty\n");
	assert_says(HOOK("{credential: ../key}"), &need, "c.yaml:1:76: error: '../key' is not the name of a credential\n");
	assert_says(HOOK("{env: TEST_CONFIG_NOTHING}"), &need, "c.yaml:1:69: error: environment variable TEST_CONFIG_NOTHING is not set\n");
	assert_says(HOOK("<secret>"), &need, "c.yaml:1:63: error: this is what `config show` prints in place of a secret, not one\n");
	assert_says(HOOK("<secret>"), &skip, "");
	/* What is read later is looked for. */
	assert_says("email: {smtp: \"smtp://a\", from: a@b, ca_file: /nowhere/ca.pem}\n", &skip, "");
	assert_says("email: {smtp: \"smtp://a\", from: a@b, ca_file: /nowhere/ca.pem}\n", &need,
		    "c.yaml:1:47: warning: /nowhere/ca.pem cannot be read, so that no certificate will hold: No such file or directory\n");
}

/* ---- warnings ---- */

#define POLICY(metric) BASE "policies: {p: {metrics: {" metric "}, escalation: e}}\ncontracts: {k: {policy: p}}\n"

#define SILENT CALENDARS "receivers: {r: {log: {}}}\ndefaults: {calendar: c, notify: r}\npolicies: {p: {metrics: {resolution: {target: 1h}}}}\n"

static void test_warnings(void **state)
{
	static const struct { const char *text, *want; } odd[] = {
		{ POLICY("resolution: {target: 1h}") "escalations: {e: [{at: due-1h, notify: r}, {at: due-30m, notify: r}]}\n",
		  "c.yaml:6:24: warning: due-1h is before every clock of this escalation starts (longest target: 1h): it comes at the start\n" },
		{ POLICY("resolution: {target: {P1: 1h, default: 3bd}}") "escalations: {e: [{at: due-30h, notify: r}]}\n", "" },
		{ POLICY("resolution: {target: none}") "escalations: {e: [{at: 75%, notify: r}]}\n",
		  "c.yaml:6:15: warning: escalation 'e' serves no target: its steps are never reached\n" },
		{ POLICY("resolution: {target: 1h}") "escalations: {e: [{at: breach, notify: r}], f: [{at: breach, notify: r}]}\n",
		  "c.yaml:6:45: warning: escalation 'f' is used by no contract, policy or default: its steps are never reached\n" },
		{ BASE "policies: {p: {metrics: {resolution: {target: 48h}}}}\ncontracts: {k: {policy: p}, m: {policy: p, calendar: always}}\n",
		  "c.yaml:4:47: warning: 48h of opening hours of calendar 'c' take several days: business days are written as 1bd\n" },
		{ BASE "policies: {p: {metrics: {resolution: {target: 24h}}}}\ncontracts: {m: {policy: p, calendar: always}}\n", "" },
		{ "calendars: {c: {zone: UTC, hours: {mon: []}, shifts: {2026-12-26: [\"10:00-14:00\"], 2026-01-01: [\"10:00-14:00\"]}}}\n" SERVED
		  "policies: {p: {metrics: {response: {target: 4h}, update: {target: 4h1s}, attendance: {target: 1bd}, resolution: {target: 2bd eod}}}}\n"
		  "contracts: {k: {policy: p}, m: {policy: p}}\n",
		  "c.yaml:4:67: warning: calendar 'c' has not so many hours from now on: a clock of 4h1s is never due\n"
		  "c.yaml:4:122: warning: calendar 'c' has not so many hours from now on: a clock of 2bd eod is never due\n" },
		{ BASE "policies: {p: {metrics: {resolutoin: {target: 1h}, l2-holding: {target: 1h}}}}\ncontracts: {k: {policy: p}}\n",
		  "c.yaml:4:26: warning: 'resolutoin' is no built-in metric, but one of your own: did you mean 'resolution'?\n" },
		{ "sources: {s: {webhook: {verify: {kind: none}}}}\n",
		  "c.yaml:1:11: warning: verify by none is for unix sockets, and server.listen is none: nothing is taken from source 's'\n" },
		{ "server: {listen: \"unix:/tmp/x\"}\nsources: {s: {webhook: {verify: {kind: none}}}}\n", "" },
		{ "\xef\xbb\xbf" "calendars: {c: {zone: UTC, hours: 24x7}}\n", "" },
		{ "\xef\xbb\xbf" "{\"receivers\":{\"r \\ud83d\\ude00\":{\"log\":{}}}}", "" },
		{ SILENT "contracts: {k: {policy: p}, m: {policy: p, escalation: none}}\n",
		  "c.yaml:5:13: warning: contract 'k' has no escalation, here, in its policy or in defaults: nobody is told of its clocks\n" },
		{ SILENT "contracts: {k: {policy: p}, l: {policy: p}, m: {policy: p}}\n",
		  "c.yaml:5:13: warning: contract 'k', like 2 others, has no escalation, here, in its policy or in defaults: nobody is told of its clocks\n" },
		{ "store: {path: plazo.db}\n",
		  "c.yaml:1:15: warning: store.path is relative to wherever plazod is started: another directory is another database\n" },
		{ CALENDARS "defaults: {calendar: c, escalation: none}\npolicies: {p: {metrics: {resolution: {target: 1h}}}}\ncontracts: {k: {policy: p}}\n",
		  "c.yaml:2:1: warning: defaults.notify names no receiver: nobody is told of tickets without a contract, nor what plazod says of itself\n" },
		{ BASE "policies: {p: {metrics: {resolution: {target: 1h}}}}\n", "c.yaml:4:12: warning: policy 'p' is used by no contract\n" },
		{ BASE "policies: {p: {metrics: {resolution: {target: [{target: 1h}, {when: {priority: P1}, target: 30m}]}}}}\n"
		  "contracts: {k: {policy: p, ends: 2026-11-20}}\n",
		  "c.yaml:4:62: warning: never reached: the entry before it has no `when` and fits every ticket\n"
		  "c.yaml:5:34: warning: contract 'k' ended on 2026-11-20\n" },
		{ BASE "policies: {p: {metrics: {resolution: {target: 1h}}}}\n"
		  "contracts: {k: {policy: p, ends: 2026-11-22, match: {organization: [A, B], domain: a.example}},\n"
		  "            m: {policy: p, match: {organization: B, domain: [x.example, A.Example]}}}\n",
		  "c.yaml:6:50: warning: organization 'B' belongs to contract 'k' as well: events of neither will be matched by it\n"
		  "c.yaml:6:73: warning: domain 'A.Example' belongs to contract 'k' as well: events of neither will be matched by it\n" },
		{ "calendars: {c: {zone: UTC, hours: {mon: \"09:00-23:59\"}, holidays: [2026-12-25, \"-01-06\"]}}\n",
		  "c.yaml:1:41: warning: 09:00-23:59 closes a minute before midnight: 24:00 is the end of the day\n"
		  "c.yaml:1:67: warning: the holidays of calendar 'c' end on 2026-12-25: time to add those of next year\n" },
		{ "calendars: {c: {zone: UTC, hours: 24x7, holidays: [\"-01-06\"]}, d: {zone: UTC, hours: 24x7, holidays: [2027-12-25]}}\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
		assert_says(odd[i].text, &skip, odd[i].want);
}

/* ---- writing ---- */

typedef void write_fn(const struct config *cfg, struct buf *out);

static struct config *load_sample(void)
{
	struct problems p;
	struct config *cfg = NULL;

	problems_init(&p);
	assert_int_equal(config_load("conf/plazod.yaml", &skip, &cfg, &p), ERR_OK);
	problems_finish(&p);
	return cfg;
}

/* Writing, reading and writing again gives the same bytes, and the same promises. */
static void assert_round_trip(write_fn *write)
{
	struct config *a = load_sample(), *b = NULL;
	struct problems p;
	struct buf x, y;

	problems_init(&p);
	buf_init(&x, 1u << 20);
	buf_init(&y, 1u << 20);
	write(a, &x);
	assert_true(buf_ok(&x) && x.len > 3000);
	assert_int_equal(config_load_text("shown", buf_str(&x), &skip, &b, &p), ERR_OK);
	write(b, &y);
	assert_string_equal(buf_cstr(&x), buf_cstr(&y));
	assert_true(a->rules->digest == b->rules->digest);
	assert_null(strstr(buf_cstr(&x), "credential"));
	assert_null(strstr(buf_cstr(&x), ".ics"));
	assert_non_null(strstr(buf_cstr(&x), "2028-12-25"));
	buf_finish(&x);
	buf_finish(&y);
	problems_finish(&p);
	config_unref(a);
	config_unref(b);
}

static void test_show(void **state)
{
	(void)state;
	assert_round_trip(config_show);
}

/* A revision is read in other years, by systems with another tzdata, or none. */
static void test_revisions_bring_their_zones(void **state)
{
	static const char text[] = "calendars: {m: {zone: Europe/Madrid, hours: {mon-sun: '09:00-10:00'}}, u: {zone: UTC, hours: {mon: '09:00-10:00'}}}\n"
		"policies: {p: {calendar: m, metrics: {resolution: {target: 1h}}}}\ncontracts: {k: {policy: p}}\n"
		"receivers: {l: {log: {}, zone: Asia/Tokyo}}\ndefaults: {notify: [l]}\n";
	struct config_options elsewhere = skip;
	char said[4096];
	struct config *cfg = load(text, &skip, said, sizeof said);
	struct rules *rules = NULL;
	struct diag d = { 0 };
	struct buf b;

	(void)state;
	elsewhere.zoneinfo_dir = "/nonexistent";
	assert_non_null(cfg);
	buf_init(&b, 1 << 20);
	config_canonical(cfg, &b);
	assert_memory_equal(buf_cstr(&b), "# zone Europe/Madrid 545a6966", 29);
	assert_null(strstr(buf_cstr(&b), "Tokyo"));
	assert_int_equal(config_load_canonical(buf_str(&b), &elsewhere, &rules, &d), ERR_OK);
	assert_int_equal(rules->digest, cfg->rules->digest);
	assert_true(calendar_is_open(rules->contracts[0].calendar, at("2026-07-01T07:30:00Z")));
	assert_false(calendar_is_open(rules->contracts[0].calendar, at("2026-01-01T07:30:00Z")));
	rules_unref(rules);
	/* Bytes that are no zone, and one that is not there. */
	memcpy(strstr(buf_cstr(&b), "545a6966"), "545a69zz", 8);
	assert_int_equal(config_load_canonical(buf_str(&b), &elsewhere, &rules, &d), ERR_SYNTAX);
	assert_non_null(strstr(d.msg, "there is no time zone 'Europe/Madrid'"));
	config_unref(cfg);
	buf_finish(&b);
}

static void test_canonical(void **state)
{
	struct config *cfg = load_sample();
	struct rules *rules = NULL;
	struct diag d;
	struct buf b;

	(void)state;
	assert_round_trip(config_canonical);
	buf_init(&b, 1u << 20);
	config_canonical(cfg, &b);
	assert_null(strstr(buf_cstr(&b), "example.com/hook"));
	assert_null(strstr(buf_cstr(&b), "secret"));
	assert_int_equal(config_load_canonical(buf_str(&b), &skip, &rules, &d), ERR_OK);
	assert_true(rules->digest == cfg->rules->digest);
	assert_int_equal(rules->n_contracts, cfg->rules->n_contracts);
	for (size_t i = 0; i < rules->n_contracts; i++)
		assert_true(rules->contracts[i].digest == cfg->rules->contracts[i].digest);
	/* What a source was allowed, where that was not all. */
	assert_true(source_allows(config_source_then(rules, STR("helpdesk")), STR("acme")));
	assert_false(source_allows(config_source_then(rules, STR("helpdesk")), STR("beta")));
	assert_null(config_source_then(rules, STR("monitoring")));
	assert_ptr_equal(config_source_then(cfg->rules, STR("monitoring")), config_source(cfg, STR("monitoring")));
	rules_unref(rules);
	assert_int_equal(config_load_canonical(STR("policies: 1\n"), &skip, &rules, &d), ERR_SYNTAX);
	assert_int_equal(d.line, 1);
	assert_string_equal(d.msg, "policies must be a map of names to policies");
	buf_finish(&b);
	config_unref(cfg);
}

/* Texts that YAML would read as something else, and back. */
static void test_odd_texts(void **state)
{
	static const char *const odd[] = { "no", "null", "~", "012", "a: b", "# c", "- d", "it's", "\\\"", "*x", "&y", "!z", "%", "<<", "a #b",
					   "\xc2\x85\xe2\x80\xa8", "\xf0\x9f\x98\x80", "[", "{", "1_000", "12:30", " lead", "trail " };
	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		char text[1024];
		struct buf b;
		struct problems p;
		struct config *cfg = NULL, *again = NULL;
		const char *escaped = strcmp(odd[i], "\\\"") == 0 ? "\\\\\\\"" : odd[i][0] == '\xc2' ? "\\u0085\\u2028" : odd[i];

		problems_init(&p);
		buf_init(&b, 65536);
		snprintf(text, sizeof text, BASE "policies: {p: {metrics: {resolution: {target: 1h}}}}\ncontracts: {k: {policy: p, customer: \"%s\"}}\n",
			 escaped);
		assert_int_equal(config_load_text("c.yaml", str_of(text), &skip, &cfg, &p), ERR_OK);
		assert_string_equal(cfg->rules->contracts[0].customer, odd[i]);
		config_show(cfg, &b);
		assert_int_equal(config_load_text("shown", buf_str(&b), &skip, &again, &p), ERR_OK);
		assert_string_equal(again->rules->contracts[0].customer, odd[i]);
		config_unref(cfg);
		config_unref(again);
		buf_finish(&b);
		problems_finish(&p);
	}
}

/* ---- the edges ---- */

static void test_edges(void **state)
{
	struct config *cfg = load_sample();
	const struct source *s = config_source(cfg, STR("helpdesk")), *m = config_source(cfg, STR("monitoring"));
	const struct receiver *r = config_receiver(cfg, STR("l2"));

	(void)state;
	assert_string_equal(s->ns, "desk");
	assert_int_equal(s->verify, VERIFY_STANDARD_WEBHOOKS);
	assert_int_equal(s->n_secrets, 2);
	assert_int_equal(s->grace_ms, 10000);
	assert_true(source_allows(s, STR("acme")) && !source_allows(s, STR("beta")) && source_allows(m, STR("beta")));
	assert_string_equal(m->header, "X-Monitor-Token");
	assert_string_equal(m->ns, "monitoring");
	assert_false(config_source(cfg, STR("bus"))->webhook);
	assert_int_equal(r->kind, RECEIVER_EMAIL);
	assert_int_equal(r->language, LANGUAGE_ES);
	assert_string_equal(r->to[0], "l2@example.com");
	assert_string_equal(zone_name(r->zone), "Europe/Madrid");
	assert_int_equal(config_receiver(cfg, STR("chat-slack"))->kind, RECEIVER_LATER);
	assert_string_equal(config_receiver(cfg, STR("l1"))->fallback, "l2");
	assert_string_equal(cfg->server.listen.host, "127.0.0.1");
	assert_int_equal(cfg->server.listen.port, 8970);
	assert_int_equal(cfg->server.max_bulk, 8u << 20);
	assert_int_equal(cfg->server.n_operators, 3);
	assert_int_equal(cfg->server.operators[1].may, MAY_READ | MAY_ACT);
	assert_true(cfg->store.retention_ms == 3 * 365 * MS_PER_DAY);
	assert_int_equal(cfg->email.tls, TLS_NONE);
	config_unref(cfg);
}

/* The differences between two texts, as one. */
static const char *between(const char *was_text, const char *now_text, const struct config_options *opt)
{
	static char all[256];
	char said[8192];
	const char *out[CONFIG_MAX_DIFFERENCES];
	struct config *was = load(was_text, opt, said, sizeof said), *now = load(now_text, opt, said, sizeof said);

	assert_non_null(was);
	assert_non_null(now);
	all[0] = '\0';
	for (size_t i = 0, n = config_differences(was, now, out); i < n; i++)
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s ", out[i]);
	config_unref(was);
	config_unref(now);
	return all;
}

static void test_differences(void **state)
{
	static const struct config_options strict = { .now = NOW };

	(void)state;
	assert_string_equal(between(BASE, BASE, &skip), "");
	assert_string_equal(between(BASE, "# more\n" BASE "server: {public_url: \"https://a.example.com\"}\n", &skip), "server ");
	assert_string_equal(between(BASE "server: {public_url: \"https://a.example.com\"}\n", BASE "server: {public_url: https://a.example.com}\n", &skip), "");
	assert_string_equal(between(BASE "store: {retention: 3y}\n", BASE "store: {retention: 2y}\nemail: {smtp: \"smtp://127.0.0.1\", from: a@b}\n", &skip),
			    "store email ");
	assert_string_equal(between(CALENDARS "receivers: {r: {log: {}}}\n", CALENDARS "receivers: {r: {log: {}}, s: {log: {}}}\n", &skip), "receivers ");
	/* Secrets: literal ones, and those of files. */
	assert_string_equal(between(BASE "server: {operators: {a: {token: one, may: [read]}}}\n", BASE "server: {operators: {a: {token: two, may: [read]}}}\n",
				    &strict), "server ");
	put("key", "one");
	const char *with_file = BASE "server: {operators: {a: {token: {file: key}, may: [read]}}}\n";
	char said[8192];
	struct config *was = load(with_file, &strict, said, sizeof said);
	const char *out[CONFIG_MAX_DIFFERENCES];

	assert_non_null(was);
	assert_string_equal(between(with_file, with_file, &strict), "");
	assert_string_equal(between(with_file, with_file, &skip), "");
	put("key", "two");
	struct config *now = load(with_file, &strict, said, sizeof said);

	assert_int_equal(config_differences(was, now, out), 1);
	assert_string_equal(out[0], "server");
	config_unref(was);
	config_unref(now);
	/* What is included, and where it stands. */
	put("a1.yaml", "receivers: {x: {log: {}}}\n");
	assert_string_equal(between(BASE "include: a1.yaml\n", CALENDARS "receivers: {r: {log: {}}, x: {log: {}}}\ndefaults: {calendar: c, escalation: none, notify: r}\n", &skip), "");
	assert_string_equal(between(BASE "include: a1.yaml\n", BASE, &skip), "receivers ");
}

static void test_places(void **state)
{
	char said[8192];
	struct config *cfg = load(BASE "server:\n  listen: 127.0.0.1:1\n", &skip, said, sizeof said);
	unsigned line = 0, col = 0;

	(void)state;
	assert_non_null(cfg);
	assert_false(config_place(cfg, "server", "socket", &line, &col));
	assert_false(config_place(cfg, "store", "path", &line, &col));
	assert_true(config_place(cfg, "server", "listen", &line, &col));
	assert_int_equal(line, 5);
	assert_int_equal(col, 11);
	config_unref(cfg);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL;
}

static int tear_down(void **state)
{
	static const char *const files[] = { "c.yaml", "a1.yaml", "a2.yaml", "b1.yaml", "h.ics", "key", "crlf", "empty" };

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		unlink(path_of(files[i]));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_include_errors),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_ics),
		cmocka_unit_test(test_ics_dates),
		cmocka_unit_test(test_ics_errors),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_a_pipe),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_revisions_bring_their_zones),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_odd_texts),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
