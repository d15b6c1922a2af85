/*
 * The least that a consumer of a Redis stream does, to compare plazod with: synchronous hiredis, batches of a thousand, nothing kept.
 * It also fills the stream. Prints one line of JSON.
 *
 *   redis_bare fill  SOCKET STREAM N      events of some 300 bytes; one of five opens a ticket, the others change or answer one of the last
 *   redis_bare group SOCKET STREAM N      XREADGROUP and a variadic XACK, by the group `bare`, which is made at 0
 *   redis_bare own   SOCKET STREAM N      XREAD from 0
 */
#include <string.h>
#include <sys/resource.h>

#include <hiredis/hiredis.h>

#include "bench.h"
#include "base/buf.h"

#define BATCH        1000
#define LAST_TICKETS 20000

static void fail(const char *what, const redisContext *c, const redisReply *r)
{
	fprintf(stderr, "redis_bare: %s: %s\n", what, r != NULL && r->str != NULL ? r->str : c != NULL ? c->errstr : "no memory");
	exit(1);
}

static redisReply *reply(redisContext *c, const char *what)
{
	void *r = NULL;

	if (redisGetReply(c, &r) != REDIS_OK || r == NULL || ((redisReply *)r)->type == REDIS_REPLY_ERROR)
		fail(what, c, r);
	return r;
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void make_event(struct buf *b, size_t i, size_t n, const char *at)
{
	size_t newest = i / 5, back = newest < LAST_TICKETS ? newest : LAST_TICKETS;
	uint64_t seed = i;
	size_t ticket = i % 5 == 0 ? newest : newest - bench_random(&seed) % (back + 1);

	buf_reset(b);
	buf_printf(b, "{\"id\":\"evt-%zu-%zu\",\"ticket\":\"INC-%zu\",\"type\":\"%s\",\"at\":\"%s\"", n, i, ticket,
		   i % 5 == 0 ? "opened" : i % 5 == 1 ? "replied" : "changed", at);
	if (i % 5 == 0)
		buf_printf(b, ",\"contract\":\"acme\",\"priority\":\"P2\",\"kind\":\"incident\",\"category\":\"network\",\"service\":\"vpn\","
			   "\"subject\":\"The tunnel to the office drops every few minutes\",\"requester\":\"ana@acme.example\","
			   "\"team\":\"l1\",\"tags\":[\"vpn\",\"office\"]");
	else if (i % 5 == 1)
		buf_printf(b, ",\"actor\":{\"role\":\"agent\",\"name\":\"Luis Fernandez Ortega\"},\"public\":true,\"automated\":false,"
			   "\"status\":\"waiting-customer\",\"assignee\":\"luis.fernandez\",\"category\":\"network\",\"service\":\"vpn\","
			   "\"team\":\"l1\"");
	else
		buf_printf(b, ",\"actor\":{\"role\":\"agent\",\"name\":\"Luis Fernandez Ortega\"},\"status\":\"%s\",\"assignee\":\"luis.fernandez\","
			   "\"category\":\"network\",\"service\":\"vpn\",\"team\":\"l1\",\"priority\":\"P2\",\"site\":\"headquarters\"",
			   i % 5 == 2 ? "open" : "in-progress");
	buf_puts(b, "}");
}

static void fill(redisContext *c, const char *stream, size_t n)
{
	struct timespec now;
	struct buf b;
	char at[32];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
	buf_init(&b, 4096);
	for (size_t i = 0; i < n; i += BATCH) {
		size_t m = n - i < BATCH ? n - i : BATCH;

		for (size_t j = 0; j < m; j++) {
			make_event(&b, i + j, n, at);
			if (redisAppendCommand(c, "XADD %s * event %b", stream, b.p, b.len) != REDIS_OK)
				fail("XADD", c, NULL);
		}
		for (size_t j = 0; j < m; j++)
			freeReplyObject(reply(c, "XADD"));
	}
	buf_finish(&b);
}

/* The entries of the one stream of a reply; NULL when there are none. Dies over another shape: this is no place to be careful. */
static const redisReply *entries_of(const redisReply *r)
{
	return r->type == REDIS_REPLY_ARRAY && r->elements == 1 ? r->element[0]->element[1] : NULL;
}

static size_t read_group(redisContext *c, const char *stream, size_t n)
{
	const char *argv[3 + BATCH] = { "XACK", stream, "bare" };
	size_t lens[3 + BATCH], done = 0;
	const redisReply *entries;
	redisReply *r;

	r = redisCommand(c, "XGROUP CREATE %s bare 0", stream);
	freeReplyObject(r);
	for (size_t i = 0; i < 3; i++)
		lens[i] = strlen(argv[i]);
	while (done < n) {
		redisAppendCommand(c, "XREADGROUP GROUP bare one COUNT %d STREAMS %s >", BATCH, stream);
		r = reply(c, "XREADGROUP");
		if ((entries = entries_of(r)) == NULL)
			exit(1);
		for (size_t i = 0; i < entries->elements; i++) {
			argv[3 + i] = entries->element[i]->element[0]->str;
			lens[3 + i] = (size_t)entries->element[i]->element[0]->len;
		}
		done += entries->elements;
		redisAppendCommandArgv(c, (int)(3 + entries->elements), argv, lens);
		freeReplyObject(reply(c, "XACK"));
		freeReplyObject(r);
	}
	freeReplyObject(redisCommand(c, "XGROUP DESTROY %s bare", stream));
	return done;
}

static size_t read_own(redisContext *c, const char *stream, size_t n)
{
	char last[64] = "0-0";
	const redisReply *entries;
	size_t done = 0;
	redisReply *r;

	while (done < n) {
		redisAppendCommand(c, "XREAD COUNT %d STREAMS %s %s", BATCH, stream, last);
		r = reply(c, "XREAD");
		if ((entries = entries_of(r)) == NULL)
			exit(1);
		done += entries->elements;
		snprintf(last, sizeof(last), "%s", entries->element[entries->elements - 1]->element[0]->str);
		freeReplyObject(r);
	}
	return done;
}

int main(int argc, char **argv)
{
	double began, cpu;
	redisContext *c;
	size_t n;

	if (argc != 5) {
		fprintf(stderr, "usage: redis_bare fill|group|own SOCKET STREAM N\n");
		return 64;
	}
	if ((c = redisConnectUnix(argv[2])) == NULL || c->err != 0)
		fail(argv[2], c, NULL);
	n = strtoull(argv[4], NULL, 10);
	began = bench_now_ns();
	cpu = cpu_s();
	if (strcmp(argv[1], "fill") == 0)
		fill(c, argv[3], n);
	else if (strcmp(argv[1], "group") == 0)
		n = read_group(c, argv[3], n);
	else
		n = read_own(c, argv[3], n);
	printf("{\"events\":%zu,\"seconds\":%.6f,\"cpu_s\":%.6f}\n", n, (bench_now_ns() - began) / 1e9, cpu_s() - cpu);
	redisFree(c);
	return 0;
}
