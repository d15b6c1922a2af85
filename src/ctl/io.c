#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "ctl.h"

char *ctl_seconds(int64_t ms, char out[32])
{
	if (ms % 1000 == 0)
		snprintf(out, 32, "%" PRId64, ms / 1000);
	else
		snprintf(out, 32, "%s%" PRId64 ".%03d", ms < 0 ? "-" : "", (ms < 0 ? -ms : ms) / 1000, (int)((ms < 0 ? -ms : ms) % 1000));
	return out;
}

char *ctl_read_all(const char *path, size_t max, size_t *len, int *status)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	struct buf b;
	char part[65536];
	size_t n;

	if (f == NULL) {
		*status = ctl_fail(EXIT_NO_INPUT, "cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	buf_init(&b, max);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_append(&b, part, n);
	if (ferror(f) || !buf_ok(&b)) {
		*status = ctl_fail(EXIT_NO_INPUT, "cannot read %s: %s", path, buf_ok(&b) ? strerror(errno) : "it is too large");
		buf_finish(&b);
	}
	if (f != stdin)
		fclose(f);
	return *status == EXIT_FINE ? buf_take(&b, len) : NULL;
}

const char *ctl_input_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

bool ctl_is_array(struct str text)
{
	size_t i = 0;

	while (i < text.len && strchr(" \t\r\n", text.p[i]) != NULL)
		i++;
	return i < text.len && text.p[i] == '[';
}

#define MAX_TOLD 20

/* The pointer begins with the event's place in what was sent, which says nothing: "/12/priority" is "/priority". */
static struct str within_event(struct str pointer)
{
	struct str rest = pointer, head;

	(void)str_cut(&rest, '/', &head);
	return str_cut(&rest, '/', &head) ? (struct str){ rest.p - 1, rest.len + 1 } : (struct str){ NULL, 0 };
}

void ctl_bad_event(struct bad_events *b, const char *file, size_t event, int status, struct str pointer, struct str why)
{
	struct str where = within_event(pointer);

	b->n_no_json += status == 400;
	if (b->n++ < MAX_TOLD)
		fprintf(stderr, "%s: event %zu: " STR_FMT "%s" STR_FMT "\n", file, event, STR_ARG(where), where.len > 0 ? ": " : "", STR_ARG(why));
	else if (b->n == MAX_TOLD + 1)
		fprintf(stderr, "and so on\n");
}

void ctl_bad_events_end(const struct bad_events *b, const char *file, size_t n_good)
{
	if (b->n > 0 && b->n == b->n_no_json && n_good == 0)
		fprintf(stderr, "%s: events are wanted one a line, or as an array: of other JSON, `jq -c .` makes lines\n", file);
}
