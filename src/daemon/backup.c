#include "daemon/backup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/now.h"
#include "base/xalloc.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "daemon/query.h"
#include "ingest/http_stream.h"
#include "store/backup.h"

#define PIECE      ((size_t)256 << 10)     /* of a turn */
#define PATIENCE_MS 60000                  /* without a byte taken */

struct backup_job {
	struct query         query;
	struct http_request *r;
	struct buf           actor;
	int                  fd;               /* -1: still being made */
	uint64_t             sent, len;
	struct mono          moved;            /* when the last piece was put */
};

void backup_finish(struct backup *b)
{
	struct backup_job *j = b->job;

	if (j == NULL)
		return;
	if (j->fd >= 0)
		close(j->fd);
	buf_finish(&j->actor);
	free(j);
	b->job = NULL;
}

static void refuse(struct daemon *d, const struct store_done *done)
{
	if (done->err == ERR_FULL)
		api_refuse(d->backup.job->r, 507, "There is no room for a copy beside the database.");
	else
		api_refuse(d->backup.job->r, 503, "The copy could not be made: %s; the log says more.", err_name(done->err));
	backup_finish(&d->backup);
}

static void on_copy(struct daemon *d, struct query *q, const struct store_done *done)
{
	struct backup_job *j = (struct backup_job *)q;
	struct stat st;

	if (done->err != ERR_OK || fstat(done->fd, &st) != 0) {
		refuse(d, done);
		return;
	}
	j->fd = done->fd;
	j->len = (uint64_t)st.st_size;
	j->moved = mono_now();
	http_stream_begin_sized(j->r, "application/vnd.sqlite3", j->len);
}

/* False when it is over, one way or the other. */
static bool send_piece(struct backup_job *j)
{
	size_t room = http_stream_room(j->r);
	char *piece;
	ssize_t got;
	bool good;

	if (j->sent == j->len || !http_stream_is_alive(j->r))
		return false;
	if (room < PIECE)
		return mono_now().ms - j->moved.ms < PATIENCE_MS;
	piece = xmalloc(PIECE);
	got = pread(j->fd, piece, PIECE, (off_t)j->sent);
	good = got > 0 && http_stream_put(j->r, (struct str){ piece, (size_t)got });
	free(piece);
	if (good)
		j->sent += (uint64_t)got;
	j->moved = mono_now();
	return good;
}

void backup_turn(struct daemon *d)
{
	struct backup_job *j = d->backup.job;

	if (j == NULL || j->fd < 0 || (d->phase == PHASE_RUNNING && send_piece(j)))
		return;
	log_notice("backup", j->sent == j->len ? "sent" : "cut", "bytes=%" PRIu64 " of=%" PRIu64 " by=%s", j->sent, j->len, buf_cstr(&j->actor));
	http_stream_end(j->r);
	backup_finish(&d->backup);
}

void api_backup(struct daemon *d, const struct api_call *c)
{
	struct backup_job *j;

	if (d->backup.job != NULL || d->phase != PHASE_RUNNING) {
		api_refuse(c->r, 503, d->backup.job != NULL ? "Another backup is under way." : "plazod is not running.");
		return;
	}
	j = xcalloc(1, sizeof(*j));
	j->query.fn = on_copy;
	j->r = c->r;
	j->fd = -1;
	buf_init(&j->actor, EVENT_MAX_NAME);
	api_actor(d, c->r, &j->actor);
	d->backup.job = j;
	if (store_copy(d->store, query_cookie(&j->query)) == ERR_OK)
		return;
	api_refuse(c->r, 503, "The store has no room for questions at the moment.");
	backup_finish(&d->backup);
}
