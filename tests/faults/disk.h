/*
 * A disk whose power can be cut after any operation. It is told of every operation on a database and its log, and then says what the two
 * files may look like: what was synced is there; of what was not, anything. Names follow the same rule: a new file has its name for good
 * once it was synced, and one that was deleted may come back.
 */
#ifndef PLAZO_TESTS_DISK_H
#define PLAZO_TESTS_DISK_H

#include <stddef.h>

struct disk;
struct prop;

/* What becomes of that which was not synced. */
enum disk_luck {
	DISK_NONE,      /* nothing of it is there */
	DISK_ALL,       /* all of it */
	DISK_SOME,      /* any of it, in each file another part */
	DISK_TORN,      /* all but the last write, of which the first sectors are there */
	DISK_N_LUCKS
};

/*
 * Begins to watch the database of this name (with a directory) and its log through the shim; what lies there now, if anything does, counts as synced.
 * Keeps no name.
 */
struct disk *disk_watch(const char *path);

/* Ends watching. Operations can be asked about until disk_free(). */
void disk_rest(struct disk *d);
void disk_free(struct disk *d);

/* Operations so far; also while others are at work. */
size_t disk_count(struct disk *d);

/* Makes the two files of this name what they may be when the power fails after `point` operations. */
void disk_cut(const struct disk *d, size_t point, enum disk_luck luck, struct prop *rnd, const char *path);

/* The same of a disk that lies: after `honest` operations, a sync says that all is kept and keeps nothing. */
void disk_cut_lied(const struct disk *d, size_t honest, size_t point, enum disk_luck luck, struct prop *rnd, const char *path);

#endif
