/*
 * Webhooks on their thread, most without a receiver that answers: whatever becomes of them, each comes back once, to the loop, and those that
 * were cancelled say nothing. Who waits takes no processor time.
 */
#include "../cmocka_plazo.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "base/now.h"
#include "base/xalloc.h"
#include "notify/flight.h"
#include "notify/webhook.h"

#define N 100
#define HOLD 200          /* ms in which nothing should happen */

struct world {
	struct event_base *base;
	struct webhooks   *ws;
	int                listener, shut;   /* accepts, and never answers; is bound, and refuses */
	struct endpoint   *silent, *closed;
	char               url[64];          /* of the listener */
	pthread_t          loop;
	unsigned           told[N];
	struct answer      last;
};

struct told { struct world *w; size_t i; };
static struct told tellers[N];

static void on_answer(void *ctx, const struct answer *a)
{
	struct told *t = ctx;

	assert_true(pthread_equal(pthread_self(), t->w->loop));
	t->w->told[t->i]++;
	t->w->last = *a;
}

static struct webhook *start(struct world *w, struct endpoint *to, size_t i)
{
	struct webhook_request rq = { .to = to, .id = "0123456789abcdef0123456789abcdef", .now = wall_now(), .body = xstrdup("{}"), .body_len = 2 };

	tellers[i] = (struct told){ w, i };
	return webhook_start(w->ws, &rq, on_answer, &tellers[i]);
}

static size_t n_told(const struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < N; i++) {
		assert_true(w->told[i] <= 1);
		n += w->told[i];
	}
	return n;
}

/* Until so many have come back, or the time is over. */
static void turn(struct world *w, size_t n, int64_t ms)
{
	struct mono end = { mono_now().ms + ms };

	while (n_told(w) < n && mono_now().ms < end.ms) {
		event_base_loopexit(w->base, &(struct timeval){ 0, 10000 });
		event_base_dispatch(w->base);
	}
}

static int bound_socket(char *url, size_t len)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t sa_len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && getsockname(fd, (struct sockaddr *)&sa, &sa_len) == 0);
	snprintf(url, len, "http://127.0.0.1:%d/hook", ntohs(sa.sin_port));
	return fd;
}

static struct endpoint *endpoint(const char *url, int64_t timeout_ms, uint64_t serial)
{
	struct notify_receiver c = { .name = "hook", .kind = NOTIFY_WEBHOOK, .url = url, .secrets = { STR("one secret of the two"), STR("the other one") } };

	return endpoint_create(&c, timeout_ms, serial);
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	char url[64];

	w->loop = pthread_self();
	w->base = event_base_new();
	w->ws = webhooks_create(w->base);
	assert_non_null(w->ws);
	w->listener = bound_socket(url, sizeof(url));
	assert_int_equal(listen(w->listener, 2 * N), 0);
	snprintf(w->url, sizeof(w->url), "%s", url);
	w->silent = endpoint(url, 400, 1);
	w->shut = bound_socket(url, sizeof(url));
	w->closed = endpoint(url, 20000, 2);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	webhooks_destroy(w->ws);
	endpoint_unref(w->silent);
	endpoint_unref(w->closed);
	close(w->listener);
	close(w->shut);
	event_base_free(w->base);
	free(w);
	return 0;
}

static void all_come_back(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < N; i++) {
		start(w, w->closed, i);
		if (i % 7 == 0)
			webhooks_go(w->ws);
	}
	webhooks_go(w->ws);
	turn(w, N, 15000);
	assert_int_equal(n_told(w), N);
	assert_int_equal(w->last.status, 0);
	assert_true(w->last.detail[0] != '\0');
}

static void nothing_leaves_before_it_may(void **state)
{
	struct world *w = *state;

	start(w, w->closed, 0);
	turn(w, 1, 100);
	assert_int_equal(n_told(w), 0);
	webhooks_go(w->ws);
	turn(w, 1, 15000);
	assert_int_equal(n_told(w), 1);
}

static void time_is_bounded(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < N; i++)
		start(w, w->silent, i);
	webhooks_go(w->ws);
	turn(w, N, 20000);
	assert_int_equal(n_told(w), N);
	assert_int_equal(w->last.status, 0);
}

/* Before they leave, right behind it, and while they wait for their answer. */
static void who_is_cancelled_says_nothing(void **state)
{
	struct world *w = *state;
	struct webhook *v[N];

	for (size_t i = 0; i < N; i++)
		v[i] = start(w, i % 2 == 0 ? w->silent : w->closed, i);
	for (size_t i = 0; i < 10; i++)
		webhook_cancel(w->ws, v[i]);
	webhooks_go(w->ws);
	for (size_t i = 10; i < 20; i++)
		webhook_cancel(w->ws, v[i]);
	usleep(50000);
	/* The odd ones have ended by now, and nobody has been told. */
	for (size_t i = 20; i < 30; i++)
		webhook_cancel(w->ws, v[i]);
	turn(w, N - 30, 20000);
	turn(w, N, 100);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(w->told[i], i >= 30);
}

/* ---- a receiver that answers ---- */

/* The request of a connection, read to its end; `fd` -1: of the next one that comes. */
static int take_request(struct world *w, int fd, char *head, size_t len)
{
	size_t got = 0;

	if (fd < 0)
		fd = accept(w->listener, NULL, NULL);
	assert_true(fd >= 0);
	head[0] = '\0';
	while (strstr(head, "\r\n\r\n{}") == NULL) {
		ssize_t n = recv(fd, head + got, len - 1 - got, 0);

		assert_true(n > 0);
		got += (size_t)n;
		head[got] = '\0';
	}
	return fd;
}

static void answer_it(int fd)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

	assert_int_equal(send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL), sizeof(text) - 1);
}

static void nothing_spins(void)
{
	struct rusage before, after;
	const char *san = getenv("PLAZO_SAN");

	/* What it has begun it may finish. */
	usleep(200000);
	getrusage(RUSAGE_SELF, &before);
	usleep(HOLD * 1000);
	getrusage(RUSAGE_SELF, &after);
	timersub(&after.ru_utime, &before.ru_utime, &after.ru_utime);
	timersub(&after.ru_stime, &before.ru_stime, &after.ru_stime);
	if (san == NULL || san[0] == '\0')
		assert_true(after.ru_utime.tv_sec + after.ru_stime.tv_sec == 0 && after.ru_utime.tv_usec + after.ru_stime.tv_usec < HOLD * 1000 / 5);
}

/* More at once than lines are kept, and the same again over connections that are. */
static void many_are_answered(void **state)
{
	struct world *w = *state;
	struct endpoint *patient = endpoint(w->url, 20000, 3);
	char head[2048];
	int fd[N];

	for (size_t i = 0; i < N; i++)
		start(w, patient, i);
	webhooks_go(w->ws);
	for (size_t i = 0; i < N; i++)
		fd[i] = take_request(w, -1, head, sizeof(head));
	nothing_spins();
	for (size_t i = 0; i < N; i++)
		answer_it(fd[i]);
	turn(w, N, 15000);
	assert_int_equal(n_told(w), N);
	assert_int_equal(w->last.status, 200);
	/* They are kept, until the other side is tired of them. */
	for (size_t i = 0; i < N; i++)
		close(fd[i]);
	nothing_spins();
	memset(w->told, 0, sizeof(w->told));
	start(w, patient, 0);
	webhooks_go(w->ws);
	fd[0] = take_request(w, -1, head, sizeof(head));
	answer_it(fd[0]);
	turn(w, 1, 15000);
	assert_int_equal(n_told(w), 1);
	assert_int_equal(w->last.status, 200);
	close(fd[0]);
	endpoint_unref(patient);
}

/* Over the same connection, one after the other: each to its own place. */
static void each_goes_where_it_should(void **state)
{
	struct world *w = *state;
	struct endpoint *one, *other = endpoint(w->url, 20000, 4);
	char url[80], head[2048];
	int fd = -1;

	snprintf(url, sizeof(url), "%s/one", w->url);
	one = endpoint(url, 20000, 3);
	for (size_t i = 0; i < 6; i++) {
		start(w, i % 2 == 0 ? one : other, i);
		webhooks_go(w->ws);
		fd = take_request(w, fd, head, sizeof(head));
		assert_non_null(strstr(head, i % 2 == 0 ? "POST /hook/one " : "POST /hook "));
		answer_it(fd);
		turn(w, i + 1, 15000);
		assert_int_equal(n_told(w), i + 1);
		assert_int_equal(w->last.status, 200);
	}
	close(fd);
	endpoint_unref(one);
	endpoint_unref(other);
}

/* One line carries them all; what is told of one is nothing of the one before. */
static void nothing_is_left_of_the_last_answer(void **state)
{
	static const struct { const char *text; int status; int64_t retry_after_ms; } says[] = {
		{ "HTTP/1.1 503 No\r\nRetry-After: 60\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy", 503, 60000 },
		{ "HTTP/1.1 400 No\r\nConnection: close\r\nContent-Length: 5\r\n\r\nwrong", 400, -1 },
		{ "HTTP/1.1 503 No\r\nRetry-After: 60\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy", 503, 60000 },
		{ "", 0, -1 },
		{ "HTTP/1.1 503 No\r\nRetry-After: 60\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy", 503, 60000 },
		{ "HTTP/1.1 103 Early Hints\r\n\r\n", 0, -1 },
		{ "HTTP/1.1 200 OK\r\nX: y", 0, -1 },
		{ "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 200, -1 },
	};
	struct world *w = *state;
	struct endpoint *e = endpoint(w->url, 20000, 3);
	char head[2048];

	for (size_t i = 0; i < sizeof(says) / sizeof(*says); i++) {
		size_t len = strlen(says[i].text);
		int fd;

		start(w, e, i);
		webhooks_go(w->ws);
		fd = take_request(w, -1, head, sizeof(head));
		assert_int_equal(send(fd, says[i].text, len, MSG_NOSIGNAL), len);
		close(fd);
		turn(w, i + 1, 15000);
		assert_int_equal(n_told(w), i + 1);
		assert_int_equal(w->last.status, says[i].status);
		assert_int_equal(w->last.retry_after_ms, says[i].retry_after_ms);
		assert_true((strstr(w->last.detail, "busy") != NULL) == (says[i].status == 503));
	}
	endpoint_unref(e);
}

/* So much of one answer is read, not of all that a line has had. */
static void limits_are_of_one_answer(void **state)
{
	struct world *w = *state;
	struct endpoint *e = endpoint(w->url, 20000, 3);
	char head[2048], answer[40000];
	int fd = -1;

	memset(answer, 'x', sizeof(answer));
	memcpy(answer, "HTTP/1.1 200 OK\r\nX: ", 20);
	memcpy(answer + sizeof(answer) - 23, "\r\nContent-Length: 0\r\n\r\n", 23);
	for (size_t i = 0; i < 4; i++) {
		start(w, e, i);
		webhooks_go(w->ws);
		fd = take_request(w, fd, head, sizeof(head));
		assert_int_equal(send(fd, answer, sizeof(answer), MSG_NOSIGNAL), sizeof(answer));
		turn(w, i + 1, 15000);
		assert_int_equal(n_told(w), i + 1);
		assert_int_equal(w->last.status, 200);
	}
	close(fd);
	endpoint_unref(e);
}

/* Of those that are under way one is called off: its connection ends, and the others know nothing of it. */
static void one_is_called_off(void **state)
{
	struct world *w = *state;
	char url[80], head[2048];
	struct endpoint *one, *other;
	struct webhook *v;
	int fd_one, fd_other, fd_third;

	snprintf(url, sizeof(url), "%s/one", w->url);
	one = endpoint(url, 20000, 3);
	other = endpoint(w->url, 20000, 4);
	v = start(w, one, 0);
	webhooks_go(w->ws);
	fd_one = take_request(w, -1, head, sizeof(head));
	assert_non_null(strstr(head, "/hook/one "));
	start(w, other, 1);
	webhooks_go(w->ws);
	fd_other = take_request(w, -1, head, sizeof(head));
	/* What comes right behind it does not make the thread forget it. */
	webhook_cancel(w->ws, v);
	start(w, other, 2);
	webhooks_go(w->ws);
	assert_int_equal(recv(fd_one, head, 1, 0), 0);
	fd_third = take_request(w, -1, head, sizeof(head));
	turn(w, 1, 100);
	assert_int_equal(n_told(w), 0);
	answer_it(fd_other);
	answer_it(fd_third);
	turn(w, 2, 15000);
	assert_int_equal(n_told(w), 2);
	assert_int_equal(w->told[0], 0);
	assert_int_equal(w->last.status, 200);
	close(fd_one);
	close(fd_other);
	close(fd_third);
	endpoint_unref(one);
	endpoint_unref(other);
}

static void the_end_waits_for_nobody(void **state)
{
	struct world *w = *state;
	struct endpoint *patient = endpoint(w->url, 20000, 3);
	struct webhook *v[N];
	struct mono begin;

	for (size_t i = 0; i < N; i++)
		v[i] = start(w, patient, i);
	webhooks_go(w->ws);
	turn(w, 1, 50);
	for (size_t i = 0; i < N; i++)
		webhook_cancel(w->ws, v[i]);
	begin = mono_now();
	webhooks_destroy(w->ws);
	w->ws = NULL;
	assert_true(mono_now().ms - begin.ms < 10000);
	assert_int_equal(n_told(w), 0);
	endpoint_unref(patient);
}

/* ---- a thread that is held up ---- */

static atomic_bool is_told;

static CURL *begin_slowly(void *ctx, struct flight *fl)
{
	(void)ctx;
	(void)fl;
	/* Until it has been told that it is busy. */
	for (int i = 0; i < 1000 && !atomic_load(&is_told); i++)
		usleep(5000);
	return NULL;
}

static void count_back(void *ctx, struct flight *fl)
{
	(void)fl;
	++*(unsigned *)ctx;
}

static void how_long_it_is_busy_is_told(void **state)
{
	static const struct flight_ops ops = { begin_slowly, NULL, count_back };
	struct world *w = *state;
	struct mono end = { mono_now().ms + 20000 };
	struct flight fl = { 0 };
	unsigned n_back = 0;
	struct flights *f = flights_create(w->base, &ops, &n_back);
	int64_t most = 0;

	assert_non_null(f);
	flights_put(f, &fl);
	flights_go(f);
	while (n_back == 0 && mono_now().ms < end.ms) {
		most = flights_busy_ms(f) > most ? flights_busy_ms(f) : most;
		atomic_store(&is_told, most > 50);
		event_base_loop(w->base, EVLOOP_NONBLOCK);
		usleep(5000);
	}
	assert_int_equal(n_back, 1);
	assert_true(most > 50);
	while (flights_busy_ms(f) != 0 && mono_now().ms < end.ms)
		usleep(1000);
	assert_int_equal(flights_busy_ms(f), 0);
	flights_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_leaves_before_it_may, set_up, tear_down),
		cmocka_unit_test_setup_teardown(time_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_is_cancelled_says_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(how_long_it_is_busy_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_are_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_goes_where_it_should, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_left_of_the_last_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(limits_are_of_one_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_is_called_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_end_waits_for_nobody, set_up, tear_down),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
