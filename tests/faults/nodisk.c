/* Preloaded: from when there is a file PLAZO_NO_DISK on, no sync of a file succeeds: the disk has gone. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

typedef int sync_fn(int fd);

static int sync_unless_gone(const char *name, int fd)
{
	const char *path = getenv("PLAZO_NO_DISK");

	if (path != NULL && access(path, F_OK) == 0) {
		errno = EIO;
		return -1;
	}
	return ((sync_fn *)dlsym(RTLD_NEXT, name))(fd);
}

int fsync(int fd)
{
	return sync_unless_gone("fsync", fd);
}

int fdatasync(int fd)
{
	return sync_unless_gone("fdatasync", fd);
}
