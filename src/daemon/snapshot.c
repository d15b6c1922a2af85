#include "daemon/snapshot.h"

#include "base/log.h"
#include "base/now.h"
#include "daemon/daemon.h"

#define PAUSE_MS  INT64_C(15000)      /* between two passes … */
#define BACKLOG   1000000             /* … but no more events than a start replays in a second or three */
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
	if (s->seq > s->trimmed && !writer_is_behind(d) && store_trim(d->store, s->seq, d->now, 0) == ERR_OK)
		s->trimmed = s->seq;
}

/* What goes does not come back: so it goes by a clock that is proven, and not by time that stands still ahead of it. */
static void sweep(struct daemon *d, struct mono now)
{
	struct snapshot *s = &d->snapshot;
	struct wall limit = wall_plus(clockwatch_wall(&d->clock, d->boot), -d->cfg->store.retention_ms);

	if (now.ms < s->next_sweep.ms)
		return;
	s->next_sweep = (struct mono){ now.ms + SWEEP_MS };
	if (!clockwatch_is_proven(&d->clock, d->boot))
		log_notice("snapshot", "sweep-waits", "why=\"the clock has leapt by more than a month: for a day nothing goes by store.retention\"");
	else if (store_sweep(d->store, limit, 0) != ERR_OK)
		log_warn("snapshot", "sweep", "error=\"the store has no room: what goes by store.retention goes an hour later\"");
}

static void begin_pass(struct daemon *d, struct mono now)
{
	d->snapshot.running = true;
	d->snapshot.seq = d->journal.seq;
	d->snapshot.round = engine_round(d->engine);
	d->snapshot.began = now;
}

/* The rows of the last slices must be on disk first: the next commit is the events'. */
static bool has_room(struct daemon *d)
{
	struct store_health h;

	store_health(d->store, &h);
	return h.state == STORE_WELL && !writer_is_behind(d) && h.n_queued <= STORE_SAVES_PER_COMMIT;
}

bool snapshot_step(struct daemon *d)
{
	struct snapshot *s = &d->snapshot;
	struct mono now = mono_now();

	if (d->phase != PHASE_RUNNING)
		return false;
	sweep(d, now);
	if (!s->running && now.ms < s->next.ms && d->journal.seq - s->trimmed < BACKLOG)
		return false;
	if (!s->running)
		begin_pass(d, now);
	if (!has_room(d))
		return false;
	engine_take_changed(d->engine, &s->round, SLICE, save, d);
	if (s->round.at < s->round.end && engine_changed(d->engine) > 0)
		return true;
	end_pass(d, now);
	return false;
}

bool snapshot_last(struct daemon *d)
{
	struct snapshot *s = &d->snapshot;
	struct store_health h;

	store_health(d->store, &h);
	/* A disk that is full now may be so for long; the journal has it all. */
	if (h.state != STORE_WELL)
		return true;
	while (has_room(d)) {
		if (engine_changed(d->engine) == 0) {
			s->seq = d->journal.seq;
			end_pass(d, mono_now());
			return true;
		}
		/* Of a pass that was under way the rest is taken first, then what is behind it. */
		if (s->round.at == s->round.end)
			s->round = engine_round(d->engine);
		engine_take_changed(d->engine, &s->round, SLICE, save, d);
	}
	return false;
}
