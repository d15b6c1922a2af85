/*
 * libcurl's multi interface on a thread of its own. Flights are put by the loop, handed over together, and come back to the loop together
 * once they have ended; each wakes the other side once a batch. Knows nothing of what is transferred.
 *
 * A flight, and what it is embedded in, belongs to the thread from flights_go() until it comes back; handles belong to the thread always.
 */
#ifndef PLAZO_NOTIFY_FLIGHT_H
#define PLAZO_NOTIFY_FLIGHT_H

#include <stdatomic.h>
#include <stdint.h>

#include <curl/curl.h>

struct event_base;
struct flights;

/* To be embedded in what flies, all zero; flight.c's. */
struct flight {
	struct flight *prev, *next;      /* in one of its lists */
	CURL          *easy;
	atomic_bool    cancelled;
};

struct flight_ops {
	/* On the thread: the handle that shall fly, all set but for CURLOPT_PRIVATE. NULL: it comes back as it is, without end(). */
	CURL *(*begin)(void *ctx, struct flight *fl);

	/* On the thread, outside of libcurl's callbacks, after every begin() that gave a handle: how it ended. The handle may be used again. */
	void (*end)(void *ctx, struct flight *fl, CURLcode code);

	/* On the loop: gives what was put. Also of what was cancelled, and from inside flights_destroy(). */
	void (*back)(void *ctx, struct flight *fl);
};

/* Keeps all three. NULL when libcurl or the system refuses. */
struct flights *flights_create(struct event_base *base, const struct flight_ops *ops, void *ctx);

/* Calls off what is under way, and gives everything back. NULL is fine. */
void flights_destroy(struct flights *f);

/* Takes it until back(). It waits for flights_go(). */
void flights_put(struct flights *f, struct flight *fl);

/* Hands over what has been put: it is begun at once. */
void flights_go(struct flights *f);

/* It comes back soon, if it was not about to. */
void flights_cancel(struct flights *f, struct flight *fl);

/* How long the thread has been at its present piece of work; 0 while it waits. */
int64_t flights_busy_ms(const struct flights *f);

#endif
