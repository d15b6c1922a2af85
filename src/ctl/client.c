#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#define MAX_ANSWER ((size_t)256 << 20)
#define MAX_TOKEN  4096

struct exchange {
	const struct request *rq;
	CURL                 *curl;
	struct buf            failure;     /* the body of an answer that is not 2xx */
	char                  why[CURL_ERROR_SIZE];
};

static bool is_fine(CURL *curl)
{
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300;
}

static size_t on_data(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	struct str piece = { p, size * n };

	if (!is_fine(x->curl)) {
		buf_put(&x->failure, piece);
		return piece.len;
	}
	if (x->rq->on_piece != NULL)
		return x->rq->on_piece(x->rq->ctx, piece) ? piece.len : 0;
	buf_put(x->rq->answer, piece);
	return buf_ok(x->rq->answer) ? piece.len : 0;
}

void client_query(const struct ctl *ctl, const struct query *q, size_t n, struct buf *path)
{
	char sep = '?';

	for (size_t i = 0; i < n; i++) {
		const char *v = ctl->value[q[i].option];

		if (v == NULL)
			continue;
		buf_printf(path, "%c%s=", sep, q[i].name);
		buf_put_escaped(path, str_of(v[0] != '\0' ? v : "1"));
		sep = '&';
	}
}

static void print_lines(const struct json_doc *d, const char *list)
{
	for (json_node e = json_first(d, json_get(d, 0, str_of(list))); e != JSON_ABSENT; e = json_next(d, e))
		fprintf(stderr, "  " STR_FMT "\n", STR_ARG(json_text(d, e)));
}

static int print_failure(const struct ctl *ctl, struct exchange *x)
{
	struct json_doc *d = json_create();
	struct diag diag;
	long status = 0;
	int result = EXIT_NO;

	curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 422 && x->rq->unprocessable != 0)
		result = x->rq->unprocessable;
	if (json_parse(d, buf_str(&x->failure), &diag) != ERR_OK || json_kind(d, 0) != JSON_OBJECT) {
		result = ctl_fail(result, "the daemon answered %ld", status);
	} else if (ctl->value[OPT_JSON] != NULL) {
		printf("%s\n", buf_cstr(&x->failure));
	} else {
		struct str title = json_text(d, json_get(d, 0, STR("title")));
		struct str detail = json_text(d, json_get(d, 0, STR("detail")));

		result = ctl_fail(result, STR_FMT, STR_ARG(detail.len > 0 ? detail : title));
		print_lines(d, "errors");
		print_lines(d, "choices");
	}
	json_destroy(d);
	return result;
}

/* "Authorization: Bearer …" from the file; NULL without one, with *status set when it cannot be read. */
static struct curl_slist *token_header(const struct ctl *ctl, struct curl_slist *list, int *status)
{
	struct buf b;
	size_t len;
	char *token;

	if (ctl->value[OPT_TOKEN_FILE] == NULL)
		return list;
	token = ctl_read_all(ctl->value[OPT_TOKEN_FILE], MAX_TOKEN, &len, status);
	if (token == NULL)
		return list;
	token[strcspn(token, "\r\n")] = '\0';
	buf_init(&b, MAX_TOKEN + 64);
	buf_printf(&b, "Authorization: Bearer %s", token);
	list = curl_slist_append(list, buf_cstr(&b));
	explicit_bzero(token, len);
	free(token);
	buf_finish(&b);
	return list;
}

/* Where the daemon is, for people. */
static const char *address_of(const struct ctl *ctl)
{
	static const char usual[] = "/run/plazo/plazod.sock";

	return ctl->value[OPT_URL] != NULL ? ctl->value[OPT_URL] : ctl->value[OPT_SOCKET] != NULL ? ctl->value[OPT_SOCKET] : usual;
}

/* Of where the daemon is over HTTP, and of the path there. */
static void put_url(const struct ctl *ctl, const char *path, struct buf *out)
{
	struct str base = str_of(ctl->value[OPT_URL] != NULL ? ctl->value[OPT_URL] : "http://plazod");

	while (base.len > 0 && base.p[base.len - 1] == '/')
		base.len--;
	buf_put(out, base);
	buf_puts(out, path);
}

static void set_options(const struct ctl *ctl, struct exchange *x, const char *url, struct curl_slist *headers)
{
	const struct request *rq = x->rq;
	CURL *c = x->curl;

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->why);
	/* A ticket "..", which there is not, must not become another path. */
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	if (ctl->value[OPT_URL] == NULL)
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, address_of(ctl));
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 5L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, rq->endless ? 0L : 60L);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	if (strcmp(rq->method, "POST") == 0) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, rq->body.len > 0 ? rq->body.p : "");
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.len);
	}
}

static int perform(const struct ctl *ctl, struct exchange *x)
{
	CURLcode rc = curl_easy_perform(x->curl);
	long status = 0;

	curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
	/* libcurl does not tell why, and who is new is in no group yet. */
	if (rc == CURLE_COULDNT_CONNECT && ctl->value[OPT_URL] == NULL && access(address_of(ctl), R_OK | W_OK) != 0)
		return ctl_fail(EXIT_NO_DAEMON, "no answer from plazod at %s: %s%s", address_of(ctl), strerror(errno),
				errno == EACCES ? "; it is for root and for the group that it belongs to" : "");
	if (rc != CURLE_OK && !(rc == CURLE_WRITE_ERROR && x->rq->on_piece != NULL))
		return ctl_fail(EXIT_NO_DAEMON, "no answer from plazod at %s: %s", address_of(ctl), x->why[0] != '\0' ? x->why : curl_easy_strerror(rc));
	return is_fine(x->curl) ? EXIT_FINE : print_failure(ctl, x);
}

int client_send(const struct ctl *ctl, const struct request *rq)
{
	struct exchange x = { .rq = rq, .curl = curl_easy_init() };
	struct curl_slist *headers = NULL;
	struct buf url, type;
	int status = EXIT_FINE;

	if (x.curl == NULL)
		return ctl_fail(EXIT_NO_DAEMON, "libcurl cannot be used");
	buf_init(&x.failure, MAX_ANSWER);
	buf_init(&url, 8192);
	buf_init(&type, 256);
	put_url(ctl, rq->path, &url);
	buf_printf(&type, "Content-Type: %s", rq->content_type != NULL ? rq->content_type : "application/json");
	headers = curl_slist_append(headers, "Expect:");
	if (strcmp(rq->method, "POST") == 0)
		headers = curl_slist_append(headers, buf_cstr(&type));
	headers = token_header(ctl, headers, &status);
	set_options(ctl, &x, buf_cstr(&url), headers);
	if (status == EXIT_FINE)
		status = perform(ctl, &x);
	curl_slist_free_all(headers);
	curl_easy_cleanup(x.curl);
	buf_finish(&x.failure);
	buf_finish(&url);
	buf_finish(&type);
	return status;
}
