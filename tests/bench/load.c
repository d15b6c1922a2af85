/*
 * A load of ticket events: signed POSTs (Standard Webhooks) on kept-alive connections, one request under way on each. All requests are
 * made before the clock starts, so that the other core has the sending alone to do. One of five events opens a ticket, with attributes
 * and a subject; the others change or answer one of the last --tickets (0: all open one). Prints one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "bench.h"
#include "base/buf.h"
#include "base/xalloc.h"

#define REPLY_MAX 65536

struct conn {
	int    fd;
	size_t request;        /* under way */
	size_t sent;
	double since_ns;
	char   reply[REPLY_MAX];
	size_t got;
	bool   idle;
};

struct load {
	/* what is asked for */
	unsigned long port, connections, requests, lines, tickets, rate, lag;
	double        seconds, began_ns, until_ns;
	const char   *path, *secret, *prefix;
	/* what is sent */
	struct buf    bytes;
	size_t       *begin;           /* of each request, and the end of the last */
	uint64_t      random;
	unsigned long n_opened, n_events;
	char          at[32];
	/* what comes back */
	int           epoll;
	struct conn  *conns;
	size_t        next, n_done, n_ok, n_under_way;
	unsigned long status[6];
	uint32_t     *us;              /* of each answer */
	char          first_bad[512];
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- events ---- */

static unsigned long pick(struct load *l, unsigned long n)
{
	return (unsigned long)(bench_random(&l->random) % n);
}

static void opened(struct load *l, struct buf *b)
{
	static const char *const what[] = { "Printer on the third floor", "VPN of the sales team", "Mail of accounting", "Till number four" };
	static const char *const category[] = { "hardware", "network", "mail", "software" };
	unsigned long ticket = l->n_opened++;

	buf_printf(b, "{\"id\":\"%s-%lu\",\"ticket\":\"INC-%s-%lu\",\"type\":\"opened\",\"at\":\"%s\",\"contract\":\"acme\",\"priority\":\"P%lu\","
		   "\"kind\":\"incident\",\"category\":\"%s\",\"subject\":\"%s does not work again (%lu)\","
		   "\"actor\":{\"role\":\"customer\",\"name\":\"Ana Gomez\"}}",
		   l->prefix, l->n_events++, l->prefix, ticket, l->at, 1 + pick(l, 4), category[ticket % 4], what[ticket % 4], ticket);
}

static void later(struct load *l, struct buf *b)
{
	static const char *const team[] = { "l1", "l2", "network", "field", "vendor" };
	static const char *const who[] = { "Luis Prado", "Marta Soler", "Ines Vidal", "Joan Ribas" };
	unsigned long last = l->n_opened - l->lag, n = last < l->tickets ? last : l->tickets, ticket = last - 1 - pick(l, n);
	bool reply = pick(l, 2) == 0;

	buf_printf(b, "{\"id\":\"%s-%lu\",\"ticket\":\"INC-%s-%lu\",\"type\":\"%s\",\"at\":\"%s\",", l->prefix, l->n_events++, l->prefix, ticket,
		   reply ? "replied" : "changed", l->at);
	if (reply)
		buf_printf(b, "\"public\":%s,", pick(l, 4) ? "true" : "false");
	else
		buf_printf(b, "\"team\":\"%s\",\"status\":\"%s\",\"assignee\":\"%s\",", team[pick(l, 5)], pick(l, 8) ? "active" : "pending", who[pick(l, 4)]);
	buf_printf(b, "\"actor\":{\"role\":\"%s\",\"name\":\"%s\"}}", pick(l, 3) ? "agent" : "customer", who[pick(l, 4)]);
}

static void event(struct load *l, struct buf *b)
{
	if (l->tickets == 0 || l->n_opened <= l->lag || pick(l, 5) == 0)
		opened(l, b);
	else
		later(l, b);
}

/* ---- requests ---- */

static size_t decode_secret(const char *text, unsigned char key[256])
{
	size_t skip = strncmp(text, "whsec_", 6) == 0 ? 6 : 0, len = strlen(text + skip);
	int n = EVP_DecodeBlock(key, (const unsigned char *)text + skip, (int)len);

	if (n < 0)
		fail("--secret");
	while (len > 0 && text[skip + --len] == '=')
		n--;
	return (size_t)n;
}

static void sign(const struct load *l, struct str body, const char *id, long now, char out[64])
{
	static struct buf text = { .max = BUF_NO_MAX };
	unsigned char key[256], mac[32];
	size_t key_len = decode_secret(l->secret, key);

	buf_reset(&text);
	buf_printf(&text, "%s.%ld.", id, now);
	buf_put(&text, body);
	HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text.p, text.len, mac, NULL);
	EVP_EncodeBlock((unsigned char *)out, mac, sizeof mac);
}

static void make_requests(struct load *l)
{
	struct buf body;
	char id[64], signature[64];
	time_t now = time(NULL);

	buf_init(&body, BUF_NO_MAX);
	buf_init(&l->bytes, BUF_NO_MAX);
	l->begin = xcalloc(l->requests + 1, sizeof *l->begin);
	strftime(l->at, sizeof l->at, "%Y-%m-%dT%H:%M:%S.000Z", gmtime(&now));
	for (size_t i = 0; i < l->requests; i++) {
		buf_reset(&body);
		for (unsigned long k = 0; k < (l->lines ? l->lines : 1); k++) {
			event(l, &body);
			if (l->lines)
				buf_putc(&body, '\n');
		}
		snprintf(id, sizeof id, "msg_%s%020zu", l->prefix, i);
		sign(l, buf_str(&body), id, (long)now, signature);
		l->begin[i] = l->bytes.len;
		buf_printf(&l->bytes, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nContent-Length: %zu\r\nwebhook-id: %s\r\n"
			   "webhook-timestamp: %ld\r\nwebhook-signature: v1,%s\r\n\r\n", l->path,
			   l->lines ? "application/x-ndjson" : "application/json", body.len, id, (long)now, signature);
		buf_put(&l->bytes, buf_str(&body));
	}
	l->begin[l->requests] = l->bytes.len;
	buf_finish(&body);
}

/* ---- connections ---- */

static void watch(const struct load *l, struct conn *c, uint32_t events, int op)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (epoll_ctl(l->epoll, op, c->fd, &ev) != 0)
		fail("epoll_ctl");
}

static void dial(const struct load *l, struct conn *c)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int yes = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&sa, sizeof sa) != 0)
		fail("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	c->idle = true;
	watch(l, c, EPOLLIN, EPOLL_CTL_ADD);
}

static void send_more(struct load *l, struct conn *c)
{
	size_t from = l->begin[c->request] + c->sent, left = l->begin[c->request + 1] - from;
	ssize_t n = send(c->fd, l->bytes.p + from, left, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		fail("send");
	c->sent += n > 0 ? (size_t)n : 0;
	if (n < (ssize_t)left)
		watch(l, c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
	else if (c->sent > (size_t)n)
		watch(l, c, EPOLLIN, EPOLL_CTL_MOD);
}

static void start(struct load *l, struct conn *c)
{
	c->request = l->next++;
	c->sent = c->got = 0;
	c->idle = false;
	c->since_ns = bench_now_ns();
	l->n_under_way++;
	send_more(l, c);
}

/* The length of the whole answer, or 0 while its head is not there. */
static size_t reply_length(const struct conn *c)
{
	const char *end = memmem(c->reply, c->got, "\r\n\r\n", 4), *len;

	if (end == NULL)
		return 0;
	len = memmem(c->reply, (size_t)(end - c->reply), "Content-Length:", 15);
	return (size_t)(end - c->reply) + 4 + (len != NULL ? strtoul(len + 15, NULL, 10) : 0);
}

static void take_reply(struct load *l, struct conn *c)
{
	unsigned kind = c->got > 9 ? (unsigned)(c->reply[9] - '0') : 0;
	/* 207 says that something of the batch was refused. */
	bool ok = kind == 2 && memcmp(c->reply + 9, "207", 3) != 0;

	if (!ok && l->first_bad[0] == '\0')
		memcpy(l->first_bad, c->reply, c->got < sizeof l->first_bad - 1 ? c->got : sizeof l->first_bad - 1);
	l->status[kind < 6 ? kind : 0]++;
	l->n_ok += ok;
	l->us[l->n_done++] = (uint32_t)((bench_now_ns() - c->since_ns) / 1000);
	l->n_under_way--;
	c->idle = true;
}

static void receive(struct load *l, struct conn *c)
{
	ssize_t n = recv(c->fd, c->reply + c->got, REPLY_MAX - 1 - c->got, 0);
	size_t len;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		fail("recv");
	c->got += (size_t)n;
	c->reply[c->got] = '\0';
	len = reply_length(c);
	if (len != 0 && c->got >= len)
		take_reply(l, c);
}

/* May the next request leave? With a rate, not before its time. */
static bool may_start(const struct load *l)
{
	double now = bench_now_ns();

	return l->next < l->requests && now < l->until_ns && (l->rate == 0 || (now - l->began_ns) / 1e9 * (double)l->rate >= (double)l->next);
}

static void start_idle(struct load *l)
{
	for (unsigned long i = 0; i < l->connections && may_start(l); i++)
		if (l->conns[i].idle)
			start(l, &l->conns[i]);
}

/* Seconds that it took. */
static double run(struct load *l)
{
	struct epoll_event ev[256];

	l->began_ns = bench_now_ns();
	l->until_ns = l->began_ns + l->seconds * 1e9;
	start_idle(l);
	while (l->n_under_way > 0 || (l->rate > 0 && l->next < l->requests && bench_now_ns() < l->until_ns)) {
		int n = epoll_wait(l->epoll, ev, 256, l->rate > 0 ? 1 : 10000);

		if (n < 0 || (n == 0 && l->rate == 0))
			fail("epoll_wait: nothing for 10 s");
		for (int i = 0; i < n; i++) {
			struct conn *c = ev[i].data.ptr;

			if (ev[i].events & EPOLLOUT)
				send_more(l, c);
			if (ev[i].events & ~(uint32_t)EPOLLOUT)
				receive(l, c);
			if (c->idle && l->rate == 0 && may_start(l))
				start(l, c);
		}
		if (l->rate > 0)
			start_idle(l);
	}
	return (bench_now_ns() - l->began_ns) / 1e9;
}

/* ---- */

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void tell(const struct load *l, double took)
{
	double events = (double)l->n_ok * (double)(l->lines ? l->lines : 1);

	qsort(l->us, l->n_done, sizeof *l->us, by_value);
	printf("{\"requests\": %zu, \"ok\": %zu, \"events\": %.0f, \"seconds\": %.4f, \"requests_s\": %.0f, \"events_s\": %.0f, "
	       "\"p50_us\": %u, \"p99_us\": %u, \"bytes\": %zu}\n", l->n_done, l->n_ok, events, took, (double)l->n_ok / took, events / took,
	       l->us[l->n_done / 2], l->us[l->n_done * 99 / 100], l->begin[1] - l->begin[0]);
	if (l->n_ok != l->n_done)
		fprintf(stderr, "load: %zu of %zu refused, the first one: %s\n", l->n_done - l->n_ok, l->n_done, l->first_bad);
}

static const char usage[] =
	"load --port P [--path PATH] [--connections 64] [--requests 10000] [--lines 0 (a single event; else NDJSON)] [--seconds 6]\n"
	"     [--tickets 20000; 0: every event opens one] [--rate requests a second (0: as many as go)] [--secret whsec_...] [--prefix p]\n";

static void parse(int argc, char **argv, struct load *l)
{
	for (int i = 1; i < argc; i += 2) {
		const struct { const char *name; unsigned long *n; const char **s; } all[] = {
			{ "--port", &l->port, NULL }, { "--connections", &l->connections, NULL }, { "--requests", &l->requests, NULL },
			{ "--lines", &l->lines, NULL }, { "--tickets", &l->tickets, NULL }, { "--path", NULL, &l->path },
			{ "--rate", &l->rate, NULL }, { "--secret", NULL, &l->secret }, { "--prefix", NULL, &l->prefix },
		};
		size_t k = 0;

		while (k < sizeof(all) / sizeof(all[0]) && strcmp(argv[i], all[k].name) != 0)
			k++;
		if (i + 1 == argc || (k == sizeof(all) / sizeof(all[0]) && strcmp(argv[i], "--seconds") != 0)) {
			fputs(usage, stderr);
			exit(64);
		}
		if (k == sizeof(all) / sizeof(all[0]))
			l->seconds = strtod(argv[i + 1], NULL);
		else if (all[k].n != NULL)
			*all[k].n = strtoul(argv[i + 1], NULL, 10);
		else
			*all[k].s = argv[i + 1];
	}
}

int main(int argc, char **argv)
{
	static struct load l = {
		.connections = 64, .requests = 10000, .tickets = 20000, .seconds = 6, .path = "/v1/events/desk", .prefix = "p",
		.secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", .random = 1,
	};

	parse(argc, argv, &l);
	/* So that what opens a ticket is answered before what follows is sent. */
	l.lag = l.connections * (l.lines ? l.lines : 1);
	l.epoll = epoll_create1(0);
	l.conns = xcalloc(l.connections, sizeof *l.conns);
	l.us = xcalloc(l.requests, sizeof *l.us);
	make_requests(&l);
	for (unsigned long i = 0; i < l.connections; i++)
		dial(&l, &l.conns[i]);
	tell(&l, run(&l));
	return l.n_done > 0 && l.n_ok == l.n_done ? 0 : 1;
}
