/*
 * A bare libcurl multi loop, as quick as one may be: every connection has an easy handle that is set up once and used again, with the
 * headers and the body of an alert. curl_loop URL COUNT CONNECTIONS [BODY-BYTES]; prints one line of JSON.
 */
#include <string.h>
#include <sys/resource.h>

#include <curl/curl.h>

#include "base/xalloc.h"
#include "bench.h"

static const char alert[] =
	"{\"id\":\"0123456789abcdef0123456789abcdef\",\"type\":\"sla.breach\",\"at\":\"2026-11-23T10:00:00.000Z\",\"ticket\":\"INC-1000000\","
	"\"contract\":\"acme\",\"metric\":\"resolution\",\"cycle\":1,\"step\":\"breach\",\"occurrence\":1,\"due\":\"2026-11-23T10:00:00.000Z\","
	"\"target\":\"2h\",\"elapsed_s\":7200,\"remaining_s\":0,\"priority\":\"P1\",\"receivers\":[\"hook\"],\"late_s\":0}";

static size_t swallow(char *p, size_t size, size_t n, void *ctx)
{
	(void)p;
	(void)ctx;
	return size * n;
}

static CURL *make(const char *url, struct curl_slist *headers, const char *body, size_t len)
{
	CURL *c = curl_easy_init();

	if (c == NULL || curl_easy_setopt(c, CURLOPT_URL, url) != CURLE_OK)
		exit(1);
	curl_easy_setopt(c, CURLOPT_POST, 1L);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)len);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "plazo/" PLAZO_VERSION);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, swallow);
	return c;
}

/* How many have ended; each is started again while there are any to start. */
static size_t harvest(CURLM *multi, size_t *to_start)
{
	size_t ended = 0;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left)) != NULL) {
		CURL *c = m->easy_handle;

		if (m->msg != CURLMSG_DONE)
			continue;
		if (m->data.result != CURLE_OK) {
			fprintf(stderr, "curl_loop: %s\n", curl_easy_strerror(m->data.result));
			exit(1);
		}
		ended++;
		curl_multi_remove_handle(multi, c);
		if (*to_start > 0) {
			--*to_start;
			curl_multi_add_handle(multi, c);
		}
	}
	return ended;
}

int main(int argc, char **argv)
{
	static const char *const fields[] = {
		"Content-Type: application/json", "Expect:", "Accept:", "webhook-id: 0123456789abcdef0123456789abcdef", "webhook-timestamp: 1795000000",
		"webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
	};
	size_t count = argc > 3 ? strtoul(argv[2], NULL, 10) : 0, n = argc > 3 ? strtoul(argv[3], NULL, 10) : 0, len = sizeof alert - 1, done = 0, to_start;
	struct curl_slist *headers = NULL;
	struct rusage use;
	char *body;
	double t;

	if (count == 0 || n == 0 || n > count)
		return 64;
	len = argc > 4 && strtoul(argv[4], NULL, 10) > len ? strtoul(argv[4], NULL, 10) : len;
	body = xcalloc(1, len);
	memset(body, ' ', len);
	memcpy(body, alert, sizeof alert - 1);
	curl_global_init(CURL_GLOBAL_ALL);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		headers = curl_slist_append(headers, fields[i]);

	CURLM *multi = curl_multi_init();
	int running = 1;

	t = bench_now_ns();
	to_start = count - n;
	for (size_t i = 0; i < n; i++)
		curl_multi_add_handle(multi, make(argv[1], headers, body, len));
	while (done < count && curl_multi_perform(multi, &running) == CURLM_OK) {
		size_t ended = harvest(multi, &to_start);

		done += ended;
		if (ended == 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	t = (bench_now_ns() - t) / 1e9;
	getrusage(RUSAGE_SELF, &use);
	printf("{\"requests\": %zu, \"seconds\": %.4f, \"requests_s\": %.0f, \"us_event\": %.1f}\n", done, t, (double)done / t,
	       ((double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec)) / (double)done);
	return 0;
}
