/*
 * What every handle of libcurl's is told here, whatever it is for: what it may do, and whom it may reach.
 */
#ifndef PLAZO_NOTIFY_EASY_H
#define PLAZO_NOTIFY_EASY_H

#include <stdbool.h>

#include <curl/curl.h>

/*
 * No signals, no redirects, no proxy, no .netrc, bounded times, TLS 1.2 and a verified peer, no link-local destinations. `protocols` as in
 * CURLOPT_PROTOCOLS_STR. `refused` (kept) becomes true when an address was refused. The first error of any option.
 */
CURLcode easy_common(CURL *easy, const char *protocols, const char *ca_file, long timeout_ms, bool *refused);

/* The other side is not who it should be, or whom to trust cannot be read: to wait does not help, somebody must be told. */
bool easy_untrusted(CURLcode code);

#endif
