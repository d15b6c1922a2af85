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

bool is_host_port(struct str s, struct diag *d)
{
	struct str host, port;

	return (split_host(s, &host, &port) && is_host(host) && is_port(port)) || no(d, "must be an address such as 127.0.0.1:26379");
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

static bool check_url_text(struct str s, struct diag *d)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return no(d, "a URL has no blanks and nothing beyond ASCII");
	}
	return s.len <= 1024 || no(d, "longer than 1024 bytes");
}

static bool check_url(struct str s, const char *a, const char *b, const char *example, struct diag *d)
{
	struct str host, port;

	if (!str_starts(s, str_of(a)) && !str_starts(s, str_of(b))) {
		diag_set(d, "must be a URL such as %s", example);
		return false;
	}
	if (!check_url_text(s, d))
		return false;
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
	char z[INET6_ADDRSTRLEN];
	struct in_addr v4;

	if (str_eqz(host, "localhost") || str_eqz(host, "::1"))
		return true;
	if (host.len >= sizeof z)
		return false;
	memcpy(z, host.p, host.len);
	z[host.len] = '\0';
	/* A name may begin like an address. */
	return inet_pton(AF_INET, z, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

/* Letters, digits and what else there may be, which stands neither at the beginning nor at the end where it is one of `inner`. */
static bool is_atoms(struct str s, const char *more, const char *inner)
{
	for (size_t i = 0; i < s.len; i++) {
		bool inside = i > 0 && i + 1 < s.len;

		if (!isalnum((unsigned char)s.p[i]) && strchr(more, s.p[i]) == NULL && (!inside || strchr(inner, s.p[i]) == NULL))
			return false;
	}
	return s.len > 0;
}

/* No more than what mail is sent to (notify/mail.h), so that it is told of in its place. */
bool is_email(struct str s, struct diag *d)
{
	struct str domain = s, local;

	if (s.len <= 254 && str_cut(&domain, '@', &local) && is_atoms(local, "!#$%&'*+/=?^_`{|}~-", ".") && is_atoms(domain, "", ".-"))
		return true;
	return no(d, "must be a mail address such as ops@example.com");
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

/* ---- Redis ---- */

#define REDIS_PORT   6379
#define REDIS_DB_MAX 65535
#define REDIS_URL    "must be a URL such as redis://host:6379/0, rediss://host:6380/0 or unix:///run/redis/redis.sock?db=0"

static bool read_db(struct str s, int *out, struct diag *d)
{
	int64_t v = 0;

	if (s.len > 0 && str_to_i64(s, 0, REDIS_DB_MAX, &v) != ERR_OK)
		return no(d, "the database is a number from 0 on, as in redis://host:6379/0");
	*out = (int)v;
	return true;
}

/* Every '%' begins two hexadecimal digits, and none of them a NUL. */
static bool is_percent_encoded(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] != '%')
			continue;
		if (s.len - i < 3 || !isxdigit((unsigned char)s.p[i + 1]) || !isxdigit((unsigned char)s.p[i + 2]))
			return false;
		if (s.p[i + 1] == '0' && s.p[i + 2] == '0')
			return false;
	}
	return true;
}

static bool read_redis_socket(struct str rest, struct redis_url *out, struct diag *d)
{
	struct str path, query = rest, db = { NULL, 0 };
	bool has_query = str_cut(&query, '?', &path);

	if (path.len < 2 || path.p[0] != '/' || path.len > 107)
		return no(d, "unix:// is followed by an absolute path of at most 107 bytes");
	if (memchr(path.p, '%', path.len) != NULL || memchr(path.p, '#', path.len) != NULL)
		return no(d, "the path of a unix socket stands as it is, without % or #");
	if (has_query && !str_starts(query, STR("db=")))
		return no(d, "?db=N alone may follow the path of a unix socket; user and password have keys of their own");
	if (has_query)
		db = (struct str){ query.p + 3, query.len - 3 };
	out->path = path;
	return read_db(db, &out->db, d);
}

/* What stands before the '@'. */
static bool read_login(struct str login, struct redis_url *out, struct diag *d)
{
	struct str password = login, user;
	bool both = str_cut(&password, ':', &user);

	if (!both || password.len == 0 || memchr(password.p, ':', password.len) != NULL || memchr(login.p, '@', login.len) != NULL)
		return no(d, "what stands before the '@' is user:password, or :password; within them % : / ? # @ are written %25 %3A %2F %3F %23 %40");
	if (!is_percent_encoded(login))
		return no(d, "a '%' is followed by two hexadecimal digits; one that belongs to the password itself is written %25");
	out->user = user;
	out->password = password;
	return true;
}

static bool read_redis_host(struct str url, struct redis_url *out, struct diag *d)
{
	struct str whole = authority(url), host = whole, port;
	const char *at = memrchr(whole.len > 0 ? whole.p : "", '@', whole.len), *end = url.p + url.len;
	struct str rest = { whole.p + whole.len, (size_t)(end - whole.p) - whole.len };

	if (at == NULL && rest.len > 0 && memchr(rest.p, '@', rest.len) != NULL)
		return no(d, "within a user or a password, % : / ? # @ are written %25 %3A %2F %3F %23 %40");
	if (at != NULL) {
		if (!read_login((struct str){ whole.p, (size_t)(at - whole.p) }, out, d))
			return false;
		host = (struct str){ at + 1, (size_t)(whole.p + whole.len - at) - 1 };
	}
	if (!split_host(host, &host, &port) || !is_host(host) || (port.len > 0 && !is_port(port)))
		return no(d, REDIS_URL);
	if (is_link_local(host))
		return no(d, "link-local addresses (169.254/16, fe80::/10) are refused");
	if (rest.len > 0 && rest.p[0] != '/')
		return no(d, REDIS_URL);
	out->host = host;
	out->port = port.len > 0 ? (uint16_t)scalar_count(port) : REDIS_PORT;
	return read_db(rest.len > 0 ? (struct str){ rest.p + 1, rest.len - 1 } : rest, &out->db, d);
}

bool redis_url_read(struct str s, struct redis_url *out, struct diag *d)
{
	struct redis_url u = { .tls = str_starts(s, STR("rediss://")) };
	bool is_socket = str_starts(s, STR("unix://"));

	if (!is_socket && !u.tls && !str_starts(s, STR("redis://")))
		return no(d, REDIS_URL);
	if (!check_url_text(s, d))
		return false;
	if (is_socket ? !read_redis_socket((struct str){ s.p + 7, s.len - 7 }, &u, d) : !read_redis_host(s, &u, d))
		return false;
	*out = u;
	return true;
}
