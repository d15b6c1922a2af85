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

bool ctl_is_array(struct str text)
{
	size_t i = 0;

	while (i < text.len && strchr(" \t\r\n", text.p[i]) != NULL)
		i++;
	return i < text.len && text.p[i] == '[';
}
