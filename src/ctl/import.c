/* plazoctl import: past events, in pieces that a request may carry, with progress on a terminal. */
#include <stdlib.h>
#include <unistd.h>

#include "client.h"
#include "ctl.h"

#define MAX_IMPORT  ((size_t)1 << 30)
#define PIECE_BYTES ((size_t)1 << 20)

static struct str next_piece(struct str *rest)
{
	struct str piece = *rest;

	if (rest->len > PIECE_BYTES) {
		size_t len = PIECE_BYTES;

		while (len > 0 && rest->p[len - 1] != '\n')
			len--;
		if (len > 0)
			piece.len = len;
	}
	rest->p += piece.len;
	rest->len -= piece.len;
	return piece;
}

struct tally {
	int64_t           accepted, duplicates;
	struct bad_events refused;
	const char       *file;
};

static int64_t number(const struct json_doc *d, json_node from, struct str key)
{
	json_node n = json_get(d, from, key);
	int64_t v;

	return n != JSON_ABSENT && json_i64(d, n, 0, INT64_MAX, &v) == ERR_OK ? v : 0;
}

/* Adds up one answer; refused events are told with their place in the file. */
static void add_answer(struct buf *answer, size_t first, struct tally *t)
{
	struct json_doc *d = json_create();
	struct diag diag;

	if (json_parse(d, buf_str(answer), &diag) == ERR_OK) {
		t->accepted += number(d, 0, STR("accepted"));
		t->duplicates += number(d, 0, STR("duplicates"));
		for (json_node e = json_first(d, json_get(d, 0, STR("refused"))); e != JSON_ABSENT; e = json_next(d, e))
			ctl_bad_event(&t->refused, t->file, first + (size_t)number(d, e, STR("index")), (int)number(d, e, STR("status")),
				      json_text(d, json_get(d, e, STR("pointer"))), json_text(d, json_get(d, e, STR("detail"))));
	}
	json_destroy(d);
}

static size_t count_lines(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == '\n';
	return n;
}

static int import_pieces(struct ctl *ctl, const char *path, struct str rest, struct tally *t)
{
	size_t line = 1, total = rest.len;
	int status = EXIT_FINE;

	/* Once at least: a file without events is imported by a daemon, too. */
	do {
		struct str piece = next_piece(&rest);
		struct buf answer;
		struct request rq = { .method = "POST", .path = path, .body = piece, .content_type = "application/x-ndjson", .answer = &answer };

		buf_init(&answer, (size_t)64 << 20);
		status = client_send(ctl, &rq);
		if (status == EXIT_FINE)
			add_answer(&answer, line, t);
		line += count_lines(piece);
		buf_finish(&answer);
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\rimport: %zu %% (%lld accepted)%s", total > 0 ? (total - rest.len) * 100 / total : 100, (long long)t->accepted,
				rest.len > 0 ? "" : "\n");
	} while (rest.len > 0 && status == EXIT_FINE);
	return status;
}

/* An array's events, a line each: the ends of lines within one of them are white space. */
static int array_to_lines(const char *name, struct str text, struct buf *lines)
{
	struct json_doc *d = json_create();
	struct diag diag = { 0 };
	int status = EXIT_FINE;

	if (json_parse(d, text, &diag) != ERR_OK)
		status = ctl_fail(EXIT_BAD_EVENTS, "%s:%u:%u: %s; of events a line each (jq -c '.[]') what is good is taken, however many there are",
				  ctl_input_name(name), diag.line, diag.col, diag.msg);
	for (json_node n = status == EXIT_FINE ? json_first(d, 0) : JSON_ABSENT; n != JSON_ABSENT; n = json_next(d, n)) {
		size_t at = lines->len;

		buf_put(lines, json_raw(d, n));
		for (; at < lines->len; at++)
			if (lines->p[at] == '\n')
				lines->p[at] = ' ';
		buf_putc(lines, '\n');
	}
	json_destroy(d);
	return status;
}

/* The events of the file, a line each; NULL with *status set. Gives the text, to free(). */
static char *read_lines(const char *name, size_t *len, int *status)
{
	char *text = ctl_read_all(name, MAX_IMPORT, len, status);
	struct buf lines;

	if (text == NULL || !ctl_is_array((struct str){ text, *len }))
		return text;
	buf_init(&lines, BUF_NO_MAX);
	*status = array_to_lines(name, (struct str){ text, *len }, &lines);
	free(text);
	text = *status == EXIT_FINE ? buf_take(&lines, len) : NULL;
	buf_finish(&lines);
	return text;
}

int cmd_import(struct ctl *ctl)
{
	static const struct query query[] = { { OPT_SOURCE, "source" }, { OPT_ALERT, "alert" } };
	int status = EXIT_FINE;
	struct tally t = { .file = ctl_input_name(ctl->args[0]) };
	size_t len;
	char *text;
	struct buf path;

	text = read_lines(ctl->args[0], &len, &status);
	if (text == NULL)
		return status;
	buf_init(&path, 8192);
	buf_puts(&path, "/v1/import");
	client_query(ctl, query, 2, &path);
	status = import_pieces(ctl, buf_cstr(&path), (struct str){ text, len }, &t);
	if (status == EXIT_FINE) {
		printf(ctl->value[OPT_JSON] != NULL ? "{\"accepted\":%lld,\"duplicates\":%lld,\"refused\":%lld}\n" :
		       "%lld accepted, %lld duplicates, %lld refused\n", (long long)t.accepted, (long long)t.duplicates, (long long)t.refused.n);
		ctl_bad_events_end(&t.refused, t.file, (size_t)(t.accepted + t.duplicates));
		status = t.refused.n > 0 ? EXIT_BAD_EVENTS : EXIT_FINE;
	}
	buf_finish(&path);
	free(text);
	return status;
}
