/*
 * What plazod is measured beside, on the same libraries: control evhttp PORT is libevent's own HTTP server, which answers 204;
 * control receive PORT is our HTTP layer, which takes in every body whole, reads nothing of it, and answers 204.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/http.h>

#include "bench.h"
#include "ingest/http.h"

#define BODY_MAX (8u << 20)

static void on_evhttp(struct evhttp_request *r, void *ctx)
{
	(void)ctx;
	evhttp_send_reply(r, 204, "No Content", NULL);
}

static bool serve_evhttp(struct event_base *base, int fd)
{
	struct evhttp *server = evhttp_new(base);

	evhttp_set_allowed_methods(server, EVHTTP_REQ_POST | EVHTTP_REQ_GET);
	evhttp_set_max_body_size(server, BODY_MAX);
	evhttp_set_gencb(server, on_evhttp, NULL);
	return listen(fd, 1024) == 0 && evutil_make_socket_nonblocking(fd) == 0 && evhttp_accept_socket(server, fd) == 0;
}

static void on_head(void *ctx, struct http_request *r, struct http_admission *adm)
{
	(void)ctx;
	(void)r;
	adm->body_len = BODY_MAX;
}

static void on_request(void *ctx, struct http_request *r)
{
	(void)ctx;
	http_reply(r, &(struct http_reply){ .status = 204 });
}

static bool serve_receive(struct event_base *base, int fd)
{
	struct http_server *server = http_server_create(base, NULL, &(struct http_handler){ on_head, on_request, NULL });

	return http_server_listen(server, fd, LISTEN_PUBLIC, 1024, NULL) == ERR_OK;
}

int main(int argc, char **argv)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct event_base *base = event_base_new();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	bool ok = argc == 3;

	if (!ok) {
		fputs("control evhttp|receive PORT\n", stderr);
		return 64;
	}
	sa.sin_port = htons((uint16_t)atoi(argv[2]));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	ok = bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && (strcmp(argv[1], "evhttp") == 0 ? serve_evhttp(base, fd) : serve_receive(base, fd));
	if (!ok) {
		perror(argv[1]);
		return 1;
	}
	return event_base_dispatch(base);
}
