/*
 * Sources in Redis: every way of saying where the server is, what is refused and how it is told, and that no password gets out.
 */
#include "../cmocka_plazo.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"

#define NOW { INT64_C(1795305600000) }     /* 2026-11-22 */

static const struct config_options need = { .now = NOW, .secrets = SECRETS_REQUIRE };
static const struct config_options skip = { .now = NOW, .secrets = SECRETS_SKIP };

/* The source "h" of these keys. Prints what is wrong when something is. */
static struct config *load(const char *redis, const struct config_options *opt)
{
	struct problems p;
	struct config *cfg = NULL;
	struct buf text, said;

	problems_init(&p);
	buf_init(&text, 4096);
	buf_init(&said, 65536);
	buf_printf(&text, "sources: {h: {redis: {%s}}}\n", redis);

	enum err e = config_load_text("c.yaml", buf_str(&text), opt, &cfg, &p);

	problems_write(&p, &said);
	if (e != ERR_OK)
		fail_msg("%s: %s", redis, buf_cstr(&said));
	buf_finish(&said);
	buf_finish(&text);
	problems_finish(&p);
	return cfg;
}

static void say(struct buf *b, const char *key, const char *value)
{
	if (value != NULL)
		buf_printf(b, "%s=%s ", key, value);
}

/* All that is known of it, on one line. */
static void describe(const struct redis_config *r, struct buf *b)
{
	say(b, "host", r->host);
	if (r->host != NULL)
		buf_printf(b, "port=%u ", r->port);
	say(b, "path", r->path);
	buf_printf(b, "db=%d%s ", r->db, r->tls ? " tls" : "");
	say(b, "ca", r->ca_file);
	say(b, "user", r->user);
	if (r->password.configured)
		buf_printf(b, "password=" STR_FMT " ", STR_ARG(r->password.bytes));
	for (size_t i = 0; i < r->n_sentinels; i++)
		say(b, "sentinel", r->sentinels[i]);
	say(b, "master", r->master);
	say(b, "sentinel_user", r->sentinel_user);
	if (r->sentinel_password.configured)
		buf_printf(b, "sentinel_password=" STR_FMT " ", STR_ARG(r->sentinel_password.bytes));
	for (size_t i = 0; i < r->n_streams; i++)
		say(b, "stream", r->streams[i]);
	buf_printf(b, "%s takeover=%d", r->own ? "own" : r->group, (int)(r->takeover_ms / 1000));
}

static void test_good(void **state)
{
	static const struct { const char *keys, *want; } good[] = {
		{ "url: \"redis://127.0.0.1:6379/0\", stream: t", "host=127.0.0.1 port=6379 db=0 stream=t plazo takeover=60" },
		{ "url: \"redis://bus.example\", stream: [a, b]", "host=bus.example port=6379 db=0 stream=a stream=b plazo takeover=60" },
		{ "url: \"redis://[::1]:7000/\", stream: t, group: g, takeover: 2m", "host=::1 port=7000 db=0 stream=t g takeover=120" },
		{ "url: \"rediss://bus.example:6380/3\", ca_file: ca.pem, stream: t, cursor: own",
		  "host=bus.example port=6380 db=3 tls ca=ca.pem stream=t own takeover=60" },
		{ "url: \"redis://:p%40ss%3aw%25rd@127.0.0.1/2\", stream: t", "host=127.0.0.1 port=6379 db=2 password=p@ss:w%rd stream=t plazo takeover=60" },
		{ "url: \"redis://u:p@127.0.0.1\", stream: t", "host=127.0.0.1 port=6379 db=0 user=u password=p stream=t plazo takeover=60" },
		{ "url: {env: PLAZO_TEST_URL}, stream: t", "host=10.0.0.7 port=1 db=9 user=u password=p stream=t plazo takeover=60" },
		{ "url: \"unix:///run/redis/redis.sock\", stream: t", "path=/run/redis/redis.sock db=0 stream=t plazo takeover=60" },
		{ "url: \"unix:///run/r.sock?db=12\", user: u, password: {env: PLAZO_TEST_PW}, stream: t",
		  "path=/run/r.sock db=12 user=u password=s3cret stream=t plazo takeover=60" },
		{ "sentinels: [\"a:26379\", \"[::1]:2\"], master: m, stream: t, sentinel_user: su, sentinel_password: {env: PLAZO_TEST_PW}",
		  "db=0 sentinel=a:26379 sentinel=[::1]:2 master=m sentinel_user=su sentinel_password=s3cret stream=t plazo takeover=60" },
		{ "url: \"rediss://m/4\", sentinels: \"a:1\", master: m, stream: t", "db=4 tls sentinel=a:1 master=m stream=t plazo takeover=60" },
	};

	(void)state;
	setenv("PLAZO_TEST_URL", "redis://u:p@10.0.0.7:1/9", 1);
	setenv("PLAZO_TEST_PW", "s3cret", 1);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct config *cfg = load(good[i].keys, &need);
		struct buf b;

		buf_init(&b, 4096);
		assert_int_equal(cfg->n_sources, 1);
		assert_false(cfg->sources[0].webhook);
		describe(&cfg->sources[0].redis, &b);
		assert_string_equal(buf_cstr(&b), good[i].want);
		buf_finish(&b);
		config_unref(cfg);
	}
}

#define H(redis) "sources: {h: {redis: {" redis "}}}\n"
#define LOGIN "what stands before the '@' is user:password, or :password; within them % : / ? # @ are written %25 %3A %2F %3F %23 %40\n"
#define FORM  "must be a URL such as redis://host:6379/0, rediss://host:6380/0 or unix:///run/redis/redis.sock?db=0\n"
#define DB    "the database is a number from 0 on, as in redis://host:6379/0\n"
#define AT    "c.yaml:1:28: error: "
#define SOCKET "unix:// is followed by an absolute path of at most 107 bytes\n"

static const struct { const char *text, *said; } odd[] = {
	{ H("stream: t"), "c.yaml:1:15: error: a source in redis needs a 'url' such as redis://host:6379/0, or 'sentinels' and 'master'\n" },
	{ H("url: \"redis://x\""), "c.yaml:1:15: error: sources.h.redis has no 'stream': name of the stream, or a list of them\n" },
	{ H("url: \"http://x\", stream: t"), AT FORM },
	{ H("url: \"127.0.0.1:6379\", stream: t"), AT FORM },
	{ H("url: \"redis://\", stream: t"), AT FORM },
	{ H("url: \"redis://x:0\", stream: t"), AT FORM },
	{ H("url: \"redis://x:65536\", stream: t"), AT FORM },
	{ H("url: \"redis://[::1\", stream: t"), AT FORM },
	{ H("url: \"redis://x?db=1\", stream: t"), AT FORM },
	{ H("url: \"redis://x y\", stream: t"), AT "a URL has no blanks and nothing beyond ASCII\n" },
	{ H("url: \"redis://x/one\", stream: t"), AT DB },
	{ H("url: \"redis://x/-1\", stream: t"), AT DB },
	{ H("url: \"redis://x/65536\", stream: t"), AT DB },
	{ H("url: \"redis://hush@x\", stream: t"), AT LOGIN },
	{ H("url: \"redis://u:@x\", stream: t"), AT LOGIN },
	{ H("url: \"redis://u:hu:sh@x\", stream: t"), AT LOGIN },
	{ H("url: \"redis://u:hu@sh@x\", stream: t"), AT LOGIN },
	{ H("url: \"redis://u:hu/sh@x\", stream: t"), AT "within a user or a password, % : / ? # @ are written %25 %3A %2F %3F %23 %40\n" },
	{ H("url: \"redis://u:hu%sh@x\", stream: t"), AT "a '%' is followed by two hexadecimal digits; one that belongs to the password itself is written %25\n" },
	{ H("url: \"redis://u:hu%00sh@x\", stream: t"), AT "a '%' is followed by two hexadecimal digits; one that belongs to the password itself is written %25\n" },
	{ H("url: \"redis://169.254.1.1\", stream: t"), AT "link-local addresses (169.254/16, fe80::/10) are refused\n" },
	{ H("url: \"unix://run/r.sock\", stream: t"), AT SOCKET },
	{ H("url: \"unix:///\", stream: t"), AT SOCKET },
	{ H("url: \"unix:///r?password=hush\", stream: t"),
	  AT "?db=N alone may follow the path of a unix socket; user and password have keys of their own\n" },
	{ H("url: \"unix:///r?db=x\", stream: t"), AT DB },
	{ H("url: \"unix:///r%20s\", stream: t"), AT "the path of a unix socket stands as it is, without % or #\n" },
	{ H("url: {env: PLAZO_TEST_BAD}, stream: t"), AT "the URL in it " FORM },
	{ H("url: \"<secret>\", stream: t"), AT "this is what `config show` prints in place of a secret, not one\n" },
	{ H("url: \"redis://u:hush@127.0.0.1\", stream: t, password: {env: PLAZO_TEST_PW}"),
	  "c.yaml:1:28: warning: a secret stands in the configuration itself: {file: PATH} or {credential: NAME} keep it apart\n"
	  "c.yaml:1:67: error: the URL has a password already: say it there, or in keys of its own\n" },
	{ H("url: \"redis://x\", stream: t, user: u"), "c.yaml:1:52: error: a user without a password\n" },
	{ H("url: \"redis://x\", stream: t, ca_file: /dev/null"), "c.yaml:1:52: error: 'ca_file' goes with rediss:// alone\n" },
	{ H("url: \"redis://x\", stream: t, master: m"), "c.yaml:1:52: error: 'master' goes with 'sentinels' alone\n" },
	{ H("url: \"redis://x\", stream: t, sentinel_user: m"), "c.yaml:1:52: error: 'sentinel_user' goes with 'sentinels' alone\n" },
	{ H("sentinels: \"a:1\", stream: t"), "c.yaml:1:23: error: sentinels need a 'master': their name for the server\n" },
	{ H("sentinels: [\"a\"], master: m, stream: t"),
	  "c.yaml:1:35: error: sources.h.redis.sentinels: 'a': must be an address such as 127.0.0.1:26379\n" },
	{ H("sentinels: [\"a:1\",\"a:2\",\"a:3\",\"a:4\",\"a:5\",\"a:6\",\"a:7\",\"a:8\",\"a:9\"], master: m, stream: t"),
	  "c.yaml:1:34: error: more than 8 sentinels\n" },
	{ H("url: \"unix:///r\", sentinels: \"a:1\", master: m, stream: t"),
	  "c.yaml:1:41: error: sentinels know of servers at a host and a port, and the URL is a unix socket\n" },
	{ H("url: \"redis://x\", stream: [a, b, a]"), "c.yaml:1:56: error: the stream 'a' stands here twice\n" },
	{ H("url: \"redis://x\", stream: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q]"), "c.yaml:1:49: error: more than 16 streams: use a source more\n" },
	{ H("url: \"redis://x\", stream: t, takeover: 9s"),
	  "c.yaml:1:62: error: less than 10s: another consumer that is only slow would be taken for dead\n" },
	{ H("url: \"redis://x\", stream: t, cursor: mine"), "c.yaml:1:60: error: sources.h.redis.cursor must be group or own, not 'mine'\n" },
	{ "sources: {a: {redis: {url: \"redis://x\", stream: t}}, b: {redis: {url: \"redis://x/0\", stream: [s, t]}}}\n",
	  "c.yaml:1:54: error: source 'a' reads the stream 't' in the group 'plazo' already: give one of them another group\n" },
	/* legal, but odd */
	{ H("url: \"redis://x\", stream: t"), "" },
	{ H("url: \"redis://u:p@x\", stream: t"),
	  "c.yaml:1:11: warning: the password of source 'h' goes to x unencrypted: use rediss://, or a tunnel\n"
	  "c.yaml:1:28: warning: a secret stands in the configuration itself: {file: PATH} or {credential: NAME} keep it apart\n" },
	{ H("url: {env: PLAZO_TEST_URL}, stream: t"), "c.yaml:1:11: warning: the password of source 'h' goes to 10.0.0.7 unencrypted: use rediss://, or a tunnel\n" },
	{ H("url: \"redis://x\", stream: t, cursor: own, group: g"), "c.yaml:1:65: warning: with cursor own there is no group: 'group' is not used\n" },
	{ H("url: \"redis://x\", sentinels: \"a:1\", master: m, stream: t"),
	  "c.yaml:1:28: warning: the sentinels say where the server is: the host of the URL is not used\n" },
	{ "sources: {a: {redis: {url: \"redis://x\", stream: t}}, b: {redis: {url: \"redis://x\", stream: t, cursor: own}}}\n",
	  "c.yaml:1:54: warning: source 'a' reads the stream 't' too: its events come twice\n" },
	{ "sources: {a: {redis: {url: \"redis://x/1\", stream: t}}, b: {redis: {url: \"redis://x\", stream: t}}}\n", "" },
};

static void test_odd(void **state)
{
	(void)state;
	setenv("PLAZO_TEST_BAD", "amqp://u:hush@h", 1);
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		struct problems p;
		struct config *cfg = NULL;
		struct buf b;

		problems_init(&p);
		buf_init(&b, 65536);

		enum err e = config_load_text("c.yaml", str_of(odd[i].text), &need, &cfg, &p);

		problems_write(&p, &b);
		if (strcmp(buf_cstr(&b), odd[i].said) != 0)
			fail_msg("%s\nsays\n%swanted\n%s", odd[i].text, buf_cstr(&b), odd[i].said);
		assert_null(strstr(buf_cstr(&b), "hush"));
		assert_int_equal(e == ERR_OK, cfg != NULL);
		config_unref(cfg);
		buf_finish(&b);
		problems_finish(&p);
	}
}

static void assert_shown(const char *keys, const char *want)
{
	struct config *cfg = load(keys, &need), *again = NULL;
	struct problems p;
	struct buf b;

	problems_init(&p);
	buf_init(&b, 65536);
	config_show(cfg, &b);
	if (strstr(buf_cstr(&b), want) == NULL || strstr(buf_cstr(&b), "s3cret") != NULL)
		fail_msg("%s shows\n%s", keys, buf_cstr(&b));
	assert_int_equal(config_load_text("shown", buf_str(&b), &skip, &again, &p), ERR_OK);
	assert_int_equal(again->n_sources, 1);
	config_unref(again);
	config_unref(cfg);
	buf_finish(&b);
	problems_finish(&p);
}

static void test_show(void **state)
{
	(void)state;
	setenv("PLAZO_TEST_URL", "redis://u:s3cret@10.0.0.7:1/9", 1);
	setenv("PLAZO_TEST_PW", "s3cret", 1);
	assert_shown("url: \"redis://127.0.0.1\", stream: t", "url: \"redis://127.0.0.1\"");
	assert_shown("url: \"redis://u:s3cret@127.0.0.1\", stream: t", "url: \"<secret>\"");
	assert_shown("url: {env: PLAZO_TEST_URL}, stream: t", "url: \"<secret>\"");
	assert_shown("url: \"redis://127.0.0.1\", stream: t, password: {env: PLAZO_TEST_PW}", "password: \"<secret>\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_good), cmocka_unit_test(test_odd), cmocka_unit_test(test_show) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
