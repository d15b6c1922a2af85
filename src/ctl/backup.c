/* A backup: the daemon's copy into a file of the user's own, which gets its name when it is whole and on disk. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "client.h"
#include "ctl.h"

struct backup_file {
	int      fd;
	uint64_t len;
	int      error;      /* errno of a write that failed */
};

static bool keep_piece(void *ctx, struct str piece)
{
	struct backup_file *t = ctx;

	while (piece.len > 0) {
		ssize_t n = write(t->fd, piece.p, piece.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			t->error = errno;
			return false;
		}
		piece.p += n;
		piece.len -= (size_t)n;
		t->len += (uint64_t)n;
	}
	return true;
}

static int sync_directory(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = -1;

	if (fd >= 0) {
		rc = fsync(fd);
		close(fd);
	}
	free(copy);
	return rc;
}

/* Everything on disk before it has its name; link() and not rename(), since a backup that is there is never replaced. */
static int give_name(const char *temp, const char *path, int fd)
{
	if (fsync(fd) != 0)
		return ctl_fail(EXIT_NO, "%s: %s", temp, strerror(errno));
	if (link(temp, path) != 0)
		return ctl_fail(EXIT_NO, "%s: %s", path, strerror(errno));
	if (sync_directory(path) != 0)
		return ctl_fail(EXIT_NO, "%s: the directory: %s", path, strerror(errno));
	return EXIT_FINE;
}

static int receive(const struct ctl *ctl, const char *temp, const char *path)
{
	struct backup_file t = { .fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) };
	struct request rq = { .method = "POST", .path = "/v1/backup", .on_piece = keep_piece, .ctx = &t, .endless = true };
	int status;

	if (t.fd < 0)
		return ctl_fail(EXIT_NO, "%s: %s", temp, strerror(errno));
	status = client_send(ctl, &rq);
	if (t.error != 0)
		status = ctl_fail(EXIT_NO, "%s: %s", temp, strerror(t.error));
	if (status == EXIT_FINE)
		status = give_name(temp, path, t.fd);
	close(t.fd);
	unlink(temp);
	if (status == EXIT_FINE && ctl->value[OPT_JSON] != NULL)
		printf("{\"bytes\":%" PRIu64 "}\n", t.len);
	else if (status == EXIT_FINE)
		printf("%s: %" PRIu64 " bytes\n", path, t.len);
	return status;
}

int cmd_backup(struct ctl *ctl)
{
	const char *path = ctl->args[0];
	struct buf temp;
	int status;

	/* Told before the daemon has any work. */
	if (access(path, F_OK) == 0)
		return ctl_fail(EXIT_NO, "%s is there already, and is not replaced", path);
	buf_init(&temp, 1 << 16);
	buf_printf(&temp, "%s.part-%d", path, (int)getpid());
	status = receive(ctl, buf_cstr(&temp), path);
	buf_finish(&temp);
	return status;
}
