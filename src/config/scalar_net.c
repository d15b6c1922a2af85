/* Addresses, URLs and mailboxes. */
#include "scalar.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#include "base/limits.h"

static bool no(struct diag *d, const char *sentence)
{
	diag_set(d, "%s", sentence);
	return false;
}

/* "host:port" or "[v6]:port"; the host without brackets. */
static bool split_host(struct str s, struct str *host, struct str *port)
{
	if (s.len > 0 && s.p[0] == '[') {
		const char *end = memchr(s.p, ']', s.len);

		if (end == NULL)
			return false;
		*host = (struct str){ s.p + 1, (size_t)(end - s.p) - 1 };
		*port = (struct str){ end + 1, s.len - host->len - 2 };
		if (port->len == 0)
			return true;
		if (port->p[0] != ':')
			return false;
		port->p++;
		port->len--;
		return port->len > 0;
	}
	struct str rest = s;

	if (!str_cut(&rest, ':', host))
		rest = (struct str){ s.p, 0 };
	else if (rest.len == 0)
		return false;
	*port = rest;
	return true;
}

static bool is_host(struct str s)
{
	if (s.len == 0 || s.len > 253)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!isalnum((unsigned char)s.p[i]) && strchr("-._:", s.p[i]) == NULL)
			return false;
	}
	return true;
}

static bool is_port(struct str s)
{
	int64_t v;

	return str_to_i64(s, 1, 65535, &v) == ERR_OK;
}

bool is_address(struct str s, struct diag *d)
{
	struct str host, port;

	if (str_starts(s, STR("unix:"))) {
		if (s.len < 7 || s.p[5] != '/' || s.len - 5 > 107 || str_has_controls(s))
			return no(d, "unix: is followed by an absolute path of at most 107 bytes");
		return true;
	}
	if (split_host(s, &host, &port) && is_host(host) && is_port(port))
		return true;
	return no(d, "must be an address such as 127.0.0.1:8970, [::1]:8970 or unix:/run/plazo/http.sock");
}

static bool is_link_local(struct str host)
{
	char z[64];
	struct in_addr v4;
	struct in6_addr v6;

	if (host.len >= sizeof z)
		return false;
	memcpy(z, host.p, host.len);
	z[host.len] = '\0';
	if (inet_aton(z, &v4) != 0)
		return (ntohl(v4.s_addr) >> 16) == 0xa9fe;
	if (inet_pton(AF_INET6, z, &v6) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&v6))
		return v6.s6_addr[12] == 169 && v6.s6_addr[13] == 254;
	return IN6_IS_ADDR_LINKLOCAL(&v6);
}

/* What stands between "scheme://" and the path. */
static struct str authority(struct str url)
{
	const char *at = memmem(url.p, url.len, "://", 3);

	if (at == NULL)
		return (struct str){ url.p, 0 };
	struct str rest = { at + 3, url.len - (size_t)(at - url.p) - 3 };

	for (size_t i = 0; i < rest.len; i++) {
		if (strchr("/?#", rest.p[i]) != NULL)
			return (struct str){ rest.p, i };
	}
	return rest;
}

struct str url_host(struct str url)
{
	struct str host = { url.p, 0 }, port;

	return split_host(authority(url), &host, &port) ? host : (struct str){ url.p, 0 };
}

static bool check_url(struct str s, const char *a, const char *b, const char *example, struct diag *d)
{
	struct str host, port;

	if (!str_starts(s, str_of(a)) && !str_starts(s, str_of(b))) {
		diag_set(d, "must be a URL such as %s", example);
		return false;
	}
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return no(d, "a URL has no blanks and nothing beyond ASCII");
	}
	if (s.len > 1024)
		return no(d, "longer than 1024 bytes");
	if (memchr(authority(s).p, '@', authority(s).len) != NULL)
		return no(d, "a URL has no user or password in it: use the keys for those");
	if (!split_host(authority(s), &host, &port) || !is_host(host) || (port.len > 0 && !is_port(port))) {
		diag_set(d, "must be a URL such as %s", example);
		return false;
	}
	if (is_link_local(host))
		return no(d, "link-local addresses (169.254/16, fe80::/10) are refused");
	return true;
}

bool is_http_url(struct str s, struct diag *d)
{
	return check_url(s, "http://", "https://", "https://ops.example.com/hook", d);
}

bool is_smtp_url(struct str s, struct diag *d)
{
	return check_url(s, "smtp://", "smtps://", "smtp://127.0.0.1:25", d);
}

bool host_is_loopback(struct str host)
{
	return str_eqz(host, "localhost") || str_eqz(host, "::1") || str_starts(host, STR("127."));
}

bool is_email(struct str s, struct diag *d)
{
	const char *at = memrchr(s.len ? s.p : "", '@', s.len);

	if (at == NULL || at == s.p || at == s.p + s.len - 1 || s.len > 254)
		return no(d, "must be a mail address such as ops@example.com");
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] <= ' ' || s.p[i] == 0x7f || strchr("<>()[],;:\\\"", s.p[i]) != NULL)
			return no(d, "must be a mail address such as ops@example.com");
	}
	return true;
}

bool is_mailbox(struct str s, struct diag *d)
{
	const char *open = memchr(s.len ? s.p : "", '<', s.len);

	if (str_has_controls(s) || s.len > 512)
		return no(d, "must be an address, or a name and an <address>");
	if (open == NULL)
		return is_email(s, d);
	size_t skip = (size_t)(open - s.p) + 1;

	if (s.p[s.len - 1] != '>')
		return no(d, "nothing follows the <address>");
	return is_email((struct str){ s.p + skip, s.len - skip - 1 }, d);
}
