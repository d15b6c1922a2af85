/* The socket of a connection, alone: how far it reads, what it is told of the other side, and that it waits for nothing that it does not want. */
#include "../cmocka_plazo.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "ingest/http_socket.h"

#define ROOM  (64u << 10)
#define MUCH  (1u << 20)

struct rig {
	struct event_base *base;
	struct http_socket s;
	int                peer;
	unsigned           n_came, n_taken, n_ended, n_broken;
};

static char bytes[MUCH], back[3 * MUCH];

static void on_came(void *ctx)
{
	((struct rig *)ctx)->n_came++;
}

static void on_taken(void *ctx)
{
	((struct rig *)ctx)->n_taken++;
}

static void on_over(void *ctx, bool is_broken)
{
	struct rig *rig = ctx;

	rig->n_ended += !is_broken;
	rig->n_broken += is_broken;
}

static int set_up(void **state)
{
	static const struct http_socket_fns fns = { on_came, on_taken, on_over };
	struct rig *rig = calloc(1, sizeof *rig);
	int fd[2];

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)('a' + i * 7 % 26);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	rig->peer = fd[1];
	rig->base = event_base_new();
	http_socket_open(&rig->s, rig->base, fd[0], ROOM, &fns, rig);
	*state = rig;
	return 0;
}

static void hang_up(struct rig *rig)
{
	if (rig->peer >= 0)
		close(rig->peer);
	rig->peer = -1;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	http_socket_finish(&rig->s);
	hang_up(rig);
	event_base_free(rig->base);
	free(rig);
	return 0;
}

static void turns(struct rig *rig, int n)
{
	while (n-- > 0)
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
}

/* What it waits for: an event that is added and not wanted is one that spins. */
static int n_awaited(const struct rig *rig)
{
	return event_base_get_num_events(rig->base, EVENT_BASE_COUNT_ADDED);
}

static size_t say(struct rig *rig, size_t len)
{
	ssize_t n = send(rig->peer, bytes, len, 0);

	assert_true(n > 0);
	return (size_t)n;
}

static void reads_up_to_its_room(void **state)
{
	struct rig *rig = *state;
	size_t said = say(rig, 150000);

	assert_true(said > ROOM + 20000);
	turns(rig, 100);
	assert_int_equal(http_socket_waits_in(&rig->s), ROOM);
	assert_int_equal(n_awaited(rig), 0);
	http_socket_read_on(&rig->s);
	assert_int_equal(n_awaited(rig), 0);
	http_socket_use(&rig->s, 100);
	turns(rig, 10);
	assert_int_equal(http_socket_waits_in(&rig->s), ROOM - 100);
	http_socket_read_on(&rig->s);
	turns(rig, 10);
	assert_int_equal(http_socket_waits_in(&rig->s), ROOM);
	assert_memory_equal(http_socket_in(&rig->s).p, bytes + 100, ROOM);
}

/* As for a body, and back again. */
static void its_room_changes(void **state)
{
	struct rig *rig = *state;
	size_t said = say(rig, 150000);

	turns(rig, 100);
	http_socket_set_room(&rig->s, said - 1000);
	assert_int_equal(n_awaited(rig), 1);
	turns(rig, 10);
	/* A large one comes in few pieces, and never further than asked for. */
	assert_int_equal(http_socket_waits_in(&rig->s), said - 1000);
	assert_true(rig->n_came <= ROOM / 4096 + 2);
	http_socket_set_room(&rig->s, said);
	assert_int_equal(n_awaited(rig), 1);
	http_socket_set_room(&rig->s, ROOM);
	assert_int_equal(n_awaited(rig), 0);
	turns(rig, 10);
	assert_int_equal(http_socket_waits_in(&rig->s), said - 1000);
	http_socket_use(&rig->s, said - 1000);
	http_socket_set_room(&rig->s, ROOM);
	turns(rig, 10);
	assert_int_equal(http_socket_waits_in(&rig->s), 1000);
}

/* A body goes without a copy unless the next request lies behind it; and what it leaves is the memory of the one before. */
static void what_is_taken_stays_where_it_is(void **state)
{
	struct rig *rig = *state;
	struct buf body;
	struct str got, was;

	buf_init(&body, 5000);
	for (int i = 0; i < 5; i++) {
		size_t n_behind = i % 2 == 0 ? 0 : 100;

		say(rig, 3000 + n_behind);
		turns(rig, 3);
		http_socket_use(&rig->s, 200);
		was = http_socket_in(&rig->s);
		got = http_socket_take(&rig->s, 2800, &body);
		assert_int_equal(got.len, 2800);
		assert_memory_equal(got.p, bytes + 200, 2800);
		assert_int_equal(got.p == was.p, n_behind == 0);
		assert_int_equal(body.max, 5000);
		assert_int_equal(http_socket_waits_in(&rig->s), n_behind);
		/* More comes while it is worked on. */
		say(rig, 4000);
		turns(rig, 3);
		assert_memory_equal(got.p, bytes + 200, 2800);
		assert_memory_equal(http_socket_in(&rig->s).p, bytes + 3000, n_behind);
		assert_memory_equal(http_socket_in(&rig->s).p + n_behind, bytes, 4000);
		http_socket_use(&rig->s, n_behind + 4000);
		buf_reset(&body);
	}
	buf_finish(&body);
}

/* However it comes and is used, the bytes are those that were sent, and little memory is kept for what is not there. */
static void no_byte_is_lost_or_moved(void **state)
{
	struct rig *rig = *state;
	size_t sent = 0, used = 0;

	srand(1);
	for (int i = 0; i < 5000; i++) {
		size_t n = (size_t)(rand() % (i % 100 == 0 ? 60000 : 3000)), waits;
		struct str in;

		if (rand() % 3 == 0 && sent + n < sizeof bytes) {
			ssize_t said = send(rig->peer, bytes + sent, n, 0);

			sent += said > 0 ? (size_t)said : 0;
		}
		http_socket_read_on(&rig->s);
		turns(rig, 1);
		in = http_socket_in(&rig->s);
		waits = http_socket_waits_in(&rig->s);
		if (waits > 0)
			assert_memory_equal(in.p, bytes + used, waits);
		assert_true(rig->s.in.b.cap <= (waits == 0 ? 4096 : 2 * ROOM));
		n = (size_t)(rand() % 4000);
		n = n < waits ? n : waits;
		http_socket_use(&rig->s, n);
		used += n;
	}
	assert_true(used > MUCH / 2);
}

/* A client that pipelines never lets it be empty: it grows by what waits, not by what went through, and is small again when little waits. */
static void what_never_ends_takes_little_memory(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 300; i++) {
		size_t waits;

		say(rig, i == 100 ? 60000 : 3000);
		turns(rig, 30);
		waits = http_socket_waits_in(&rig->s);
		assert_true(waits > 1);
		assert_true(rig->s.in.b.cap <= 8 * (waits + 1));
		http_socket_use(&rig->s, waits - 1);
		assert_true(rig->s.in.b.cap <= 16384);
	}
}

static void the_end_is_told_once(void **state)
{
	struct rig *rig = *state;

	say(rig, 10);
	shutdown(rig->peer, SHUT_WR);
	for (int i = 0; i < 10; i++) {
		turns(rig, 2);
		http_socket_read_on(&rig->s);
		http_socket_set_room(&rig->s, i % 2 == 0 ? 2 * ROOM : ROOM);
	}
	assert_int_equal(rig->n_ended, 1);
	assert_int_equal(rig->n_broken, 0);
	assert_int_equal(n_awaited(rig), 0);
	/* The other half still takes. */
	assert_true(http_socket_send(&rig->s, STR("head"), STR("body")));
	assert_int_equal(recv(rig->peer, back, 100, 0), 8);
	assert_memory_equal(back, "headbody", 8);
	assert_int_equal(http_socket_waits_in(&rig->s), 10);
}

static void a_reset_is_no_end(void **state)
{
	struct rig *rig = *state;

	assert_true(http_socket_send(&rig->s, STR("unread"), STR("")));
	hang_up(rig);
	turns(rig, 10);
	assert_int_equal(rig->n_ended, 0);
	assert_int_equal(rig->n_broken, 1);
	assert_int_equal(n_awaited(rig), 0);
	assert_false(http_socket_send(&rig->s, STR("more"), STR("")));
}

/* What comes, behind what has come. */
static size_t hear(struct rig *rig, size_t had)
{
	size_t got = had;
	ssize_t n;

	for (int i = 0; i < 10000 && http_socket_waits_out(&rig->s) > 0; i++) {
		while ((n = recv(rig->peer, back + got, sizeof back - got, 0)) > 0)
			got += (size_t)n;
		turns(rig, 1);
	}
	while ((n = recv(rig->peer, back + got, sizeof back - got, 0)) > 0)
		got += (size_t)n;
	return got - had;
}

/* More than the kernel takes at once: cut in the head, in the body, or behind both. */
static void all_of_it_goes_in_order(void **state)
{
	struct rig *rig = *state;
	struct str much = { bytes, sizeof bytes };

	for (int round = 0; round < 3; round++) {
		size_t n_head = round == 0 ? MUCH : 10;

		assert_true(http_socket_send(&rig->s, (struct str){ bytes, n_head }, much));
		assert_true(http_socket_waits_out(&rig->s) > 0);
		assert_int_equal(n_awaited(rig), 2);
		turns(rig, 3);
		assert_int_equal(rig->n_taken, round);
		/* There is room again, and something that waits longer. */
		assert_int_equal(recv(rig->peer, back, 100000, 0), 100000);
		assert_true(http_socket_send(&rig->s, STR("<"), STR(">")));
		assert_int_equal(100000 + hear(rig, 100000), n_head + MUCH + 2);
		assert_memory_equal(back, bytes, n_head);
		assert_memory_equal(back + n_head, bytes, MUCH);
		assert_memory_equal(back + n_head + MUCH, "<>", 2);
		turns(rig, 10);
		assert_int_equal(rig->n_taken, round + 1);
		assert_int_equal(n_awaited(rig), 1);
	}
}

/* epoll may tell of what another has taken meanwhile. */
static void woken_for_nothing(void **state)
{
	struct rig *rig = *state;

	event_active(rig->s.readable, EV_READ, 0);
	turns(rig, 3);
	assert_int_equal(rig->n_came + rig->n_ended + rig->n_broken, 0);
	say(rig, 10);
	turns(rig, 3);
	assert_int_equal(rig->n_came, 1);
	assert_true(http_socket_send(&rig->s, (struct str){ bytes, sizeof bytes }, STR("")));
	event_active(rig->s.writable, EV_WRITE, 0);
	turns(rig, 3);
	assert_int_equal(rig->n_taken + rig->n_ended + rig->n_broken, 0);
	assert_int_equal(hear(rig, 0), sizeof bytes);
	turns(rig, 3);
	assert_int_equal(rig->n_taken, 1);
}

static void who_goes_while_something_waits_is_told(void **state)
{
	struct rig *rig = *state;

	assert_true(http_socket_send(&rig->s, (struct str){ bytes, sizeof bytes }, STR("")));
	/* Only the other half is left to tell of it. */
	say(rig, 150000);
	turns(rig, 100);
	assert_int_equal(n_awaited(rig), 1);
	hang_up(rig);
	turns(rig, 10);
	assert_int_equal(rig->n_broken, 1);
	assert_int_equal(rig->n_ended, 0);
	assert_int_equal(n_awaited(rig), 0);
	assert_int_equal(rig->n_taken, 0);
}

static void nothing_happens_once_it_is_closed(void **state)
{
	struct rig *rig = *state;
	int fd = rig->s.fd;

	say(rig, 100);
	turns(rig, 1);
	assert_true(http_socket_send(&rig->s, (struct str){ bytes, sizeof bytes }, STR("")));
	http_socket_close(&rig->s);
	http_socket_close(&rig->s);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	http_socket_read_on(&rig->s);
	http_socket_set_room(&rig->s, 10);
	http_socket_set_room(&rig->s, 2 * ROOM);
	turns(rig, 10);
	assert_int_equal(n_awaited(rig), 0);
	assert_int_equal(rig->n_came, 1);
	assert_int_equal(rig->n_ended + rig->n_broken, 0);
	assert_int_equal(http_socket_waits_in(&rig->s), 100);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(reads_up_to_its_room), TEST(its_room_changes), TEST(what_never_ends_takes_little_memory), TEST(the_end_is_told_once), TEST(a_reset_is_no_end), TEST(all_of_it_goes_in_order),
		TEST(what_is_taken_stays_where_it_is), TEST(no_byte_is_lost_or_moved), TEST(woken_for_nothing), TEST(who_goes_while_something_waits_is_told), TEST(nothing_happens_once_it_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
