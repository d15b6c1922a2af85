/*
 * libcurl's multi interface on libevent: many transfers, one thread. Knows nothing of what is transferred.
 */
#ifndef PLAZO_NOTIFY_FLIGHT_H
#define PLAZO_NOTIFY_FLIGHT_H

#include <stdbool.h>

#include <curl/curl.h>

struct event_base;
struct flights;

/* `code` is how the transfer ended. Called from the loop, outside of all of libcurl's callbacks; the handle is out of the multi. */
typedef void flight_done_fn(void *ctx, CURLcode code);

/* NULL when libcurl refuses one of the options. Keeps `base`. */
struct flights *flights_create(struct event_base *base);

/* All transfers have ended or been cancelled. NULL is fine. */
void flights_destroy(struct flights *f);

/* Keeps `easy` until it is done or cancelled; uses its CURLOPT_PRIVATE. False when libcurl refuses: then fn is never called. */
bool flights_start(struct flights *f, CURL *easy, flight_done_fn *fn, void *ctx);

/* Takes the transfer out; fn is not called. Must not be called from one of libcurl's callbacks. */
void flights_cancel(struct flights *f, CURL *easy);

/*
 * The options that every handle of ours has, of HTTP and mail: no signals, no redirects, no proxy, no .netrc, bounded times, TLS 1.2
 * and a verified peer, no link-local destinations. `protocols` as in CURLOPT_PROTOCOLS_STR. `refused` (kept) becomes true when
 * an address was refused. The first error of any option.
 */
CURLcode flight_common(CURL *easy, const char *protocols, const char *ca_file, long timeout_ms, bool *refused);

/* The other side is not who it should be, or whom to trust cannot be read: to wait does not help, somebody must be told. */
bool flight_untrusted(CURLcode code);

#endif
