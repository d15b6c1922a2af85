#include "disk.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../prop.h"
#include "faultvfs.h"

#define SECTOR 512
#define N_FILES 2

static const char *const suffixes[N_FILES] = { "", "-wal" };

struct image { bool exists; uint8_t *p; size_t len, cap; };
struct op    { enum fault_deed deed; unsigned file; size_t at, len; uint8_t *p; };

struct disk {
	pthread_mutex_t lock;
	char            names[N_FILES][160];
	struct image    first[N_FILES];
	struct op      *ops;
	size_t          n, cap;
};

static void *must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

/* ---- images ---- */

static void image_size(struct image *m, size_t len)
{
	if (len > m->cap) {
		m->cap = len * 2;
		m->p = must(realloc(m->p, m->cap));
	}
	if (len > m->len)
		memset(m->p + m->len, 0, len - m->len);
	m->len = len;
}

static void image_apply(struct image *m, const struct op *o, size_t len)
{
	switch (o->deed) {
	case DEED_WRITE:
		m->exists = true;
		if (o->at + len > m->len)
			image_size(m, o->at + len);
		if (len != 0)
			memcpy(m->p + o->at, o->p, len);
		break;
	case DEED_TRUNCATE:
		image_size(m, o->at);
		break;
	case DEED_CREATE:
	case DEED_DELETE:
		m->exists = o->deed == DEED_CREATE;
		m->len = 0;
		break;
	case DEED_SYNC:
		break;
	}
}

static void image_read(struct image *m, const char *name)
{
	struct stat st;
	int fd = open(name, O_RDONLY);

	*m = (struct image){ .exists = fd >= 0 };
	if (fd < 0)
		return;
	if (fstat(fd, &st) != 0)
		abort();
	image_size(m, (size_t)st.st_size);
	if (read(fd, m->p, m->len) != (ssize_t)m->len)
		abort();
	close(fd);
}

static void image_write(const struct image *m, const char *name)
{
	unlink(name);
	if (!m->exists)
		return;

	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0 || (m->len != 0 && write(fd, m->p, m->len) != (ssize_t)m->len))
		abort();
	close(fd);
}

/* ---- watching ---- */

static void on_seen(void *ctx, const struct fault_seen *seen)
{
	struct disk *d = ctx;
	unsigned file = 0;

	while (file < N_FILES && strcmp(seen->name, d->names[file]) != 0)
		file++;
	if (file == N_FILES)
		return;
	pthread_mutex_lock(&d->lock);
	if (d->n == d->cap) {
		d->cap = d->cap != 0 ? d->cap * 2 : 256;
		d->ops = must(realloc(d->ops, d->cap * sizeof *d->ops));
	}

	struct op *o = &d->ops[d->n++];

	*o = (struct op){ .deed = seen->deed, .file = file, .at = (size_t)seen->at, .len = seen->n };
	if (seen->n != 0)
		o->p = memcpy(must(malloc(seen->n)), seen->p, seen->n);
	pthread_mutex_unlock(&d->lock);
}

struct disk *disk_watch(const char *path)
{
	struct disk *d = must(calloc(1, sizeof *d));
	const char *slash = strrchr(path, '/');
	char *directory = must(strndup(path, (size_t)(slash - path))), *whole = must(realpath(directory, NULL));

	pthread_mutex_init(&d->lock, NULL);
	for (size_t i = 0; i < N_FILES; i++) {
		snprintf(d->names[i], sizeof d->names[i], "%.100s%.50s%s", whole, slash, suffixes[i]);
		image_read(&d->first[i], d->names[i]);
	}
	free(whole);
	free(directory);
	faultvfs_watch(on_seen, d);
	return d;
}

void disk_rest(struct disk *d)
{
	(void)d;
	faultvfs_watch(NULL, NULL);
}

void disk_free(struct disk *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->ops[i].p);
	for (size_t i = 0; i < N_FILES; i++)
		free(d->first[i].p);
	pthread_mutex_destroy(&d->lock);
	free(d->ops);
	free(d);
}

size_t disk_count(struct disk *d)
{
	pthread_mutex_lock(&d->lock);

	size_t n = d->n;

	pthread_mutex_unlock(&d->lock);
	return n;
}

/* ---- the cut ---- */

/* How much of a write is there when the power fails in it: up to a boundary of a sector, not all. */
static size_t torn(const struct op *o, struct prop *rnd)
{
	size_t first = SECTOR - o->at % SECTOR;
	size_t n = o->len > first ? (o->len - first - 1) / SECTOR + 1 : 0;

	return n == 0 ? 0 : first + prop_below(rnd, n) * SECTOR;
}

/* Where the unsynced part of a file begins. */
static size_t synced_until(const struct disk *d, size_t point, unsigned file)
{
	while (point != 0 && !(d->ops[point - 1].file == file && d->ops[point - 1].deed == DEED_SYNC))
		point--;
	return point;
}

/* The last write that came before the point and was not synced; `point` if there is none. */
static size_t last_write(const struct disk *d, size_t point)
{
	for (size_t i = point; i > 0; i--)
		if (d->ops[i - 1].deed == DEED_WRITE)
			return i > synced_until(d, point, d->ops[i - 1].file) ? i - 1 : point;
	return point;
}

struct chance { enum disk_luck luck; unsigned percent; bool prefix; };

/* Another for each file: nothing, everything, the first of them, or any. */
static struct chance draw(enum disk_luck luck, struct prop *rnd)
{
	static const unsigned percents[] = { 0, 100, 50, 85, 15 };

	if (luck != DISK_SOME)
		return (struct chance){ luck, luck == DISK_NONE ? 0 : 100, false };
	return (struct chance){ luck, percents[prop_below(rnd, sizeof percents / sizeof *percents)], prop_chance(rnd, 30) };
}

static void cut_file(const struct disk *d, size_t honest, size_t point, unsigned file, enum disk_luck luck, struct prop *rnd, struct image *m)
{
	size_t from = synced_until(d, honest, file), tear = luck == DISK_TORN ? last_write(d, point) : point;
	struct chance c = draw(luck, rnd);

	for (size_t i = 0; i < point; i++) {
		const struct op *o = &d->ops[i];
		bool name = o->deed == DEED_CREATE || o->deed == DEED_DELETE;

		if (o->file != file || o->deed == DEED_SYNC)
			continue;
		if (i == tear)
			image_apply(m, o, torn(o, rnd));
		else if (i < from || prop_chance(rnd, c.percent))
			image_apply(m, o, o->len);
		else if (name || c.prefix)
			/* What comes after a name that was not kept is in a file that nobody finds. */
			break;
	}
}

void disk_cut_lied(const struct disk *d, size_t honest, size_t point, enum disk_luck luck, struct prop *rnd, const char *path)
{
	char name[200];

	for (unsigned file = 0; file < N_FILES; file++) {
		const struct image *first = &d->first[file];
		struct image m = { .exists = first->exists };

		image_size(&m, first->len);
		if (first->len != 0)
			memcpy(m.p, first->p, first->len);
		cut_file(d, honest, point, file, luck, rnd, &m);
		snprintf(name, sizeof name, "%s%s", path, suffixes[file]);
		image_write(&m, name);
		free(m.p);
	}
}

void disk_cut(const struct disk *d, size_t point, enum disk_luck luck, struct prop *rnd, const char *path)
{
	disk_cut_lied(d, point, point, luck, rnd, path);
}
