#include "daemon/snapshot.h"

#include "base/log.h"
#include "base/now.h"
#include "daemon/daemon.h"

#define PAUSE_MS  INT64_C(5000)       /* between two passes */
#define SWEEP_MS  MS_PER_H
#define SLICE     100                 /* rows a turn: some milliseconds of encoding */

static void save(void *ctx, const struct ticket_row *row)
{
	struct daemon *d = ctx;

	d->snapshot.n_rows++;
	writer_save(d, row);
}

/*
 * A row is saved only behind the alerts that led to it: they were queued before it, and the store keeps the order. So when all
 * tickets that were changed by event `seq` have been taken, the journal up to there is not needed any more.
 */
static void end_pass(struct daemon *d, struct mono now)
{
	struct snapshot *s = &d->snapshot;

	s->running = false;
	s->next = (struct mono){ now.ms + PAUSE_MS };
	s->last_ms = now.ms - s->began.ms;
	s->n_passes++;
	if (s->seq > s->trimmed && !writer_is_behind(d) && store_trim(d->store, s->seq, 0) == ERR_OK)
		s->trimmed = s->seq;
}

static void sweep(struct daemon *d, struct mono now)
{
	struct snapshot *s = &d->snapshot;

	if (now.ms < s->next_sweep.ms)
		return;
	s->next_sweep = (struct mono){ now.ms + SWEEP_MS };
	if (store_sweep(d->store, wall_plus(d->now, -d->cfg->store.retention_ms), 0) != ERR_OK)
		log_warn("snapshot", "sweep", "error=\"the store has no room for the job\"");
}

bool snapshot_step(struct daemon *d)
{
	struct snapshot *s = &d->snapshot;
	struct mono now = mono_now();
	struct store_health h;

	if (d->phase != PHASE_RUNNING)
		return false;
	sweep(d, now);
	if (!s->running) {
		if (now.ms < s->next.ms)
			return false;
		s->running = true;
		s->seq = d->journal.seq;
		s->began = now;
	}
	store_health(d->store, &h);
	/* The rows of the last slice must be on disk first: the next commit is the events'. */
	if (h.state != STORE_WELL || writer_is_behind(d) || h.n_queued > STORE_SAVES_PER_COMMIT)
		return false;
	if (engine_take_changed(d->engine, SLICE, save, d) == SLICE)
		return true;
	end_pass(d, now);
	return false;
}

void snapshot_last(struct daemon *d)
{
	struct snapshot *s = &d->snapshot;

	while (engine_take_changed(d->engine, SLICE, save, d) == SLICE)
		writer_flush(d);
	if (d->journal.seq > s->trimmed && !writer_is_behind(d) && store_trim(d->store, d->journal.seq, 0) == ERR_OK)
		s->trimmed = d->journal.seq;
}
