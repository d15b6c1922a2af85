/* What time does to a connection: who is slow is cut, sooner where others wait for the place. */
#include "http_private.h"

static bool is_crowded(const struct http_conn *c)
{
	return c->listener != NULL && c->listener->is_crowded;
}

/* Who does nothing with a connection has it for less time while others wait for one. */
static int64_t patience(const struct http_conn *c, int64_t usual_ms)
{
	int64_t crowded_ms = c->server->limits.crowded_ms;

	return is_crowded(c) && crowded_ms < usual_ms ? crowded_ms : usual_ms;
}

static bool is_late_body(const struct http_conn *c, int64_t age_ms)
{
	const struct http_limits *l = &c->server->limits;
	int64_t grace_ms = patience(c, l->body_grace_ms);
	size_t got = c->head.chunked ? c->body.len : http_socket_waits_in(&c->socket);

	if (age_ms > l->body_ms)
		return true;
	return age_ms > grace_ms && (int64_t)got < (age_ms - grace_ms) / 1000 * l->body_rate;
}

static void time_out(struct http_conn *c)
{
	struct problem p;

	c->server->stats.n_timeouts++;
	/* A farewell would keep its place for a while. */
	if ((c->state == CONN_HEAD && !c->has_begun) || is_crowded(c)) {
		conn_close(c);
		return;
	}
	problem_set(&p, 408, NULL, "The request came too slowly.");
	conn_refuse(c, &p, NULL, CONN_ENDS);
	conn_turn(c);
}

static void sweep_write(struct http_conn *c, struct mono now)
{
	size_t unsent = http_socket_waits_out(&c->socket);

	if (unsent < c->unsent) {
		c->unsent = unsent;
		c->since = now;
	} else if (now.ms - c->since.ms > c->server->limits.write_ms) {
		c->server->stats.n_timeouts++;
		conn_close(c);
	}
}

void conn_sweep(struct http_conn *c, struct mono now)
{
	const struct http_limits *l = &c->server->limits;
	int64_t age_ms = now.ms - c->since.ms;

	switch (c->state) {
	case CONN_HEAD:
		if (!c->has_begun && (c->server->is_stopping || now.ms - c->accepted.ms > l->life_ms))
			conn_close(c);
		else if (age_ms > patience(c, c->has_begun || !c->has_answered ? l->head_ms : l->idle_ms))
			time_out(c);
		break;
	case CONN_BODY:
		if (is_late_body(c, age_ms))
			time_out(c);
		break;
	case CONN_WRITE:
		sweep_write(c, now);
		break;
	case CONN_LINGER:
		if (age_ms > l->linger_ms)
			conn_close(c);
		break;
	case CONN_BUSY:
	case CONN_OVER:
		break;
	}
}
