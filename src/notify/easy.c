#include "notify/easy.h"

#include <string.h>

#include <netinet/in.h>
#include <sys/socket.h>

static bool is_link_local4(const uint8_t *a)
{
	return a[0] == 169 && a[1] == 254;
}

/* 169.254/16 and fe80::/10, also where IPv6 wraps an IPv4 address: mapped, compatible (::/96) and NAT64 (64:ff9b::/96). */
static bool is_link_local(const struct sockaddr *sa)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	static const uint8_t compatible[12] = { 0 };
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		return is_link_local4((const uint8_t *)&in.sin_addr);
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		const uint8_t *a = in6.sin6_addr.s6_addr;

		memcpy(&in6, sa, sizeof(in6));
		if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
			return true;
		return (memcmp(a, mapped, 12) == 0 || memcmp(a, compatible, 12) == 0 || memcmp(a, nat64, 12) == 0) && is_link_local4(a + 12);
	}
	return true;     /* neither of the two: not a place of the configuration's */
}

/* Asked with the address that is about to be connected to, so a name that resolves differently the second time gains nothing. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	bool *refused = ctx;

	if (purpose != CURLSOCKTYPE_IPCXN || is_link_local(&a->addr)) {
		*refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

CURLcode easy_common(CURL *easy, const char *protocols, const char *ca_file, long timeout_ms, bool *refused)
{
	CURLcode e = CURLE_OK;

#define SET(option, value) do { if (e == CURLE_OK) e = curl_easy_setopt(easy, (option), (value)); } while (0)
	SET(CURLOPT_PROTOCOLS_STR, protocols);
	SET(CURLOPT_REDIR_PROTOCOLS_STR, protocols);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < 5000 ? timeout_ms : 5000L);
	SET(CURLOPT_TIMEOUT_MS, timeout_ms);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (ca_file != NULL)
		SET(CURLOPT_CAINFO, ca_file);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, refused);
	/* A cancelled transfer must not wait for its name to be resolved: the resolver's thread is left to end by itself. */
	SET(CURLOPT_QUICK_EXIT, 1L);
#undef SET
	return e;
}

bool easy_untrusted(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
}
