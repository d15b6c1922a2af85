/*
 * The log as https://www.sqlite.org/fileformat.html section 4 has it: a header, then frames of a page each. The checksum of a frame goes
 * on from that of the frame before, so a broken one breaks all that follow; but whether a frame follows the *stored* checksum of the one
 * before can be told all the same. A commit is synced before the next change is written: a good frame behind the broken commit, or behind
 * any later one, says that the broken one had been whole on the disk.
 */
#include "store/db_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "store/db.h"

#define HEADER   DB_LOG_HEADER
#define SUMMED   24               /* of the header */
#define FRAME    24               /* before the page */
#define MAGIC    0x377f0682u      /* or one more, when the checksums are of big-endian words */

struct sum { uint32_t a, b; };

struct log {
	FILE      *f;
	uint8_t    header[HEADER];
	uint8_t    frame[DB_LOG_FRAME];
	size_t     got;            /* of the last frame that was read */
	bool       big;
	struct sum sum;            /* as it should be after the frame */
	uint64_t   n;              /* frames so far */
	uint64_t   n_good;         /* frames up to the last whole commit */
	uint64_t   broken;         /* the first that does not fit; 0: none so far */
	bool       commit_behind;  /* the broken one is a commit, or one came after it */
	bool       unfinished;     /* of this generation of the log, but not taken */
};

static uint32_t word(const uint8_t *p, bool big)
{
	return big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
	           : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static struct sum add(struct sum s, const uint8_t *p, size_t len, bool big)
{
	for (size_t i = 0; i < len; i += 8) {
		s.a += word(p + i, big) + s.b;
		s.b += word(p + i + 4, big) + s.a;
	}
	return s;
}

/* Checksums are stored in big-endian order, whatever they are of. */
static struct sum stored(const uint8_t *p)
{
	return (struct sum){ word(p, true), word(p + 4, true) };
}

static bool same(struct sum x, struct sum y)
{
	return x.a == y.a && x.b == y.b;
}

static bool header_holds(struct log *l)
{
	uint32_t magic = word(l->header, true);

	l->big = (magic & 1) != 0;
	l->sum = add((struct sum){ 0, 0 }, l->header, SUMMED, l->big);
	return (magic & ~1u) == MAGIC && word(l->header + 8, true) == DB_PAGE_SIZE && same(l->sum, stored(l->header + SUMMED));
}

/* Whether the frame follows the one before it, whose checksum is in l->sum; leaves there what is stored in this one. */
static bool frame_follows(struct log *l)
{
	struct sum s = add(add(l->sum, l->frame, 8, l->big), l->frame + FRAME, DB_PAGE_SIZE, l->big);

	l->sum = stored(l->frame + 16);
	return memcmp(l->frame + 8, l->header + 16, 8) == 0 && same(s, l->sum);
}

/* A frame of an earlier generation has another first salt and another second one. */
static bool is_of_this_generation(const struct log *l)
{
	return memcmp(l->frame + 8, l->header + 16, 4) == 0 || memcmp(l->frame + 12, l->header + 20, 4) == 0;
}

/* False when the log is damaged. */
static bool look_at_frame(struct log *l)
{
	bool commit = word(l->frame + 4, true) != 0, follows = frame_follows(l);

	l->n++;
	if (l->broken == 0 && follows) {
		l->n_good = commit ? l->n : l->n_good;
		return true;
	}
	if (l->broken != 0 && follows && l->commit_behind)
		return false;
	if (l->broken == 0)
		l->broken = l->n;
	l->unfinished = l->unfinished || is_of_this_generation(l);
	l->commit_behind = l->commit_behind || (commit && is_of_this_generation(l));
	return true;
}

static enum err look(struct log *l, const char *name, struct diag *d)
{
	static const uint8_t none[HEADER];

	if (fread(l->header, 1, HEADER, l->f) < HEADER)
		return ERR_OK;
	l->got = fread(l->frame, 1, sizeof l->frame, l->f);
	/* The header is written at once, and synced before a commit is acknowledged; one of zeros never was. */
	if (!header_holds(l) && memcmp(l->header, none, HEADER) != 0 && l->got == sizeof l->frame) {
		diag_set(d, "%s is damaged in its first bytes, so events in it would be lost; it was left as it is: put a backup in its place", name);
		return ERR_SYNTAX;
	}
	while (l->got == sizeof l->frame) {
		if (!look_at_frame(l)) {
			diag_set(d, "%s is damaged at byte %" PRIu64 " and goes on behind it, so events in it would be lost; it was left as it is: "
				"put a backup in its place", name, HEADER + (l->broken - 1) * sizeof l->frame);
			return ERR_SYNTAX;
		}
		l->got = fread(l->frame, 1, sizeof l->frame, l->f);
	}
	if (ferror(l->f)) {
		diag_set(d, "%s: %s", name, strerror(errno));
		return ERR_IO;
	}
	if (l->unfinished || l->got != 0 || l->n_good + 1 < (l->broken != 0 ? l->broken : l->n + 1))
		log_notice("store", "unfinished", "path=%s frames=%" PRIu64 " taken=%" PRIu64 " text=\"what comes behind is of a change that was "
			"being written when the machine stopped\"", name, l->n, l->n_good);
	return ERR_OK;
}

enum err db_log_check(const char *path, struct diag *d)
{
	struct log *l = xcalloc(1, sizeof *l);
	struct buf name;
	enum err e = ERR_OK;

	buf_init(&name, 1 << 16);
	buf_printf(&name, "%s-wal", path);
	l->f = fopen(buf_cstr(&name), "re");
	if (l->f != NULL) {
		e = look(l, buf_cstr(&name), d);
		fclose(l->f);
	} else if (errno != ENOENT) {
		diag_set(d, "%s: %s", buf_cstr(&name), strerror(errno));
		e = ERR_IO;
	}
	buf_finish(&name);
	free(l);
	return e;
}
