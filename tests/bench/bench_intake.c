/*
 * What an event costs before the journal: to read and check it, and to verify who sent it. With an argument, a port: serves the
 * intake there with a sink that says yes at once, to be asked by wrk or ab (source "desk", bearer "s3cret"; "hook" signed).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "base/now.h"
#include "bench.h"
#include "ingest/event_json.h"
#include "ingest/intake.h"

#define LINES 1000

static const char one[] =
	"{\"id\":\"evt-2026-%010zu\",\"ticket\":\"INC-%07zu\",\"type\":\"changed\",\"at\":\"2026-11-23T09:30:00.123Z\","
	"\"contract\":\"acme\",\"priority\":\"P1\",\"status\":\"active\",\"actor\":{\"role\":\"agent\",\"name\":\"Ana Gomez\"}}\n";

static bool count(void *arg, size_t index, const struct event *e, const struct problem *p)
{
	(void)index;
	(void)p;
	*(size_t *)arg += e != NULL;
	return true;
}

static void bench_reading(void)
{
	size_t rounds = bench_size("BENCH_N", 200000) / LINES, n = 0;
	struct json_doc *doc = json_create();
	struct arena *arena = arena_create();
	struct event_context ctx = { .ns = STR("ns"), .source = STR("desk"), .arena = arena };
	double best = 1e18;
	struct buf b;

	buf_init(&b, 1u << 20);
	for (size_t i = 0; i < LINES; i++)
		buf_printf(&b, one, i, i % 97);
	for (int try = 0; try < 5; try++) {
		double t = bench_now_ns();

		for (size_t i = 0; i < rounds; i++) {
			struct events_found found;
			struct problem p;

			arena_reset(arena);
			if (events_read(doc, buf_str(&b), EVENT_FORM_NDJSON, &ctx, count, &n, &found, &p) != ERR_OK)
				abort();
		}
		t = (bench_now_ns() - t) / (double)(rounds * LINES);
		best = t < best ? t : best;
	}
	if (n != 5 * rounds * LINES)
		abort();
	printf("%-44s %8zu bytes\n", "a line of NDJSON", b.len / LINES);
	bench_tell("reading and checking a line", best, NULL, 0);
	buf_finish(&b);
	arena_destroy(arena);
	json_destroy(doc);
}

static struct verifier *make(enum verify_kind kind, struct str secret)
{
	struct verify_config cfg = { .kind = kind, .secrets = { secret }, .n_secrets = 1 };
	struct verifier *v = NULL;

	if (verifier_create(&cfg, &v, NULL) != ERR_OK)
		abort();
	return v;
}

static const char webhook_secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

static void bench_verifying(void)
{
	static const struct http_header h[] = {
		{ STR("webhook-id"), STR("msg_p5jXN8AQM9LWM0D4loKWxJek") }, { STR("webhook-timestamp"), STR("1614265330") },
		{ STR("webhook-signature"), STR("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=") },
	};
	size_t n = bench_size("BENCH_N", 200000);
	struct verifier *v = make(VERIFY_STANDARD_WEBHOOKS, str_of(webhook_secret));
	double t = bench_now_ns();

	for (size_t i = 0; i < n; i++)
		if (verify_request(v, &(struct http_headers){ h, 3 }, STR("{\"test\": 2432232314}"),
				   (struct wall){ INT64_C(1614265330000) }) != VERIFY_OK)
			abort();
	bench_tell("verifying a standard webhook", (bench_now_ns() - t) / (double)n, NULL, 0);
	verifier_destroy(v);
}

/* ---- serving ---- */

struct service { struct event_base *base; struct intake *intake; struct event *commit; struct intake_batch *out[1024]; size_t n; };

static void on_commit(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < s->n; i++)
		s->out[i]->done(s->out[i]);
	s->n = 0;
}

static bool sink(void *ctx, struct intake_batch *b)
{
	struct service *s = ctx;

	if (s->n == 1024)
		return false;
	if (s->n == 0)
		event_active(s->commit, EV_TIMEOUT, 1);
	s->out[s->n++] = b;
	return true;
}

static struct wall now(void *ctx)
{
	(void)ctx;
	return wall_now();
}

static void head(void *ctx, struct http_request *r, struct http_admission *adm)
{
	intake_head(((struct service *)ctx)->intake, r, adm);
}

static void request(void *ctx, struct http_request *r)
{
	intake_request(((struct service *)ctx)->intake, r);
}

static int serve(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct service s = { .base = event_base_new() };
	struct intake_source sources[2] = {
		{ STR("desk"), STR("desk"), make(VERIFY_BEARER, STR("s3cret")) },
		{ STR("hook"), STR("hook"), make(VERIFY_STANDARD_WEBHOOKS, str_of(webhook_secret)) },
	};
	struct http_server *server = http_server_create(s.base, NULL, &(struct http_handler){ head, request, &s });
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	s.intake = intake_create(&(struct intake_options){ .sink = sink, .now = now, .ctx = &s });
	intake_set_sources(s.intake, sources, 2);
	s.commit = event_new(s.base, -1, 0, on_commit, &s);
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) != 0 || http_server_listen(server, fd, LISTEN_PUBLIC, 1024, NULL) != ERR_OK)
		return 1;
	return event_base_dispatch(s.base);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return serve((int)strtol(argv[1], NULL, 10));
	bench_reading();
	bench_verifying();
	return 0;
}
