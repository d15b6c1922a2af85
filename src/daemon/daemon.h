/* The whole of plazod as one value: what main() makes, turn() drives and the files beside it share. */
#ifndef PLAZO_SRC_DAEMON_DAEMON_H
#define PLAZO_SRC_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "core/engine.h"
#include "daemon/backup.h"
#include "daemon/clockwatch.h"
#include "daemon/forget.h"
#include "daemon/journal.h"
#include "daemon/listen.h"
#include "daemon/options.h"
#include "daemon/outbox.h"
#include "daemon/pace.h"
#include "daemon/past.h"
#include "daemon/plight.h"
#include "daemon/reload.h"
#include "daemon/restart.h"
#include "daemon/snapshot.h"
#include "daemon/streams.h"
#include "daemon/systemd.h"
#include "daemon/tail.h"
#include "daemon/writer.h"
#include "ingest/http.h"
#include "ingest/intake.h"
#include "notify/notify.h"
#include "store/store.h"

enum phase {
	PHASE_STARTING,     /* loading, and firing what downtime put into the past */
	PHASE_RUNNING,
	PHASE_DRAINING,     /* asked to stop: no new work, requests under way are answered */
	PHASE_PARKING,      /* deliveries in flight end or are parked */
	PHASE_SAVING,       /* the last snapshot */
	PHASE_STOPPED,
};

struct daemon {
	struct options      opt;
	struct config      *cfg;           /* in force */
	struct event_base  *base;
	struct store       *store;
	struct engine      *engine;
	struct versions    *past;          /* texts of the engine's revisions: past.h */
	struct notify      *notify;
	struct http_server *http;
	struct intake      *intake;
	struct effects      fx;
	struct json_doc    *doc;           /* for small bodies, within one call */

	enum phase          phase;
	int                 exit_status;
	struct wall         now;           /* as of the last daemon_now() */
	struct mono         boot;          /* likewise */
	struct wall         started;
	struct mono         stop_by;       /* of the present phase of stopping */
	struct mono         farewell_by;   /* the store is dead: until then receivers are told */
	bool                drained;       /* no request is under way any more */
	bool                parked;        /* notify has nothing in flight any more */
	struct clockwatch   clock;

	struct journal      journal;
	struct writer       writer;
	struct outbox       outbox;
	struct snapshot     snapshot;
	struct streams      streams;
	struct reload       reload;
	struct listeners    listeners;
	struct restart      restart;
	struct systemd      systemd;
	struct tail         tail;
	struct backup       backup;
	struct forget       forget;
	struct pace         pace;
	struct plight       store_plight;

	struct event       *ev_store, *ev_timer, *ev_clock, *ev_signals[3];
	int                 clock_fd;
	uint64_t            n_late[8];     /* turns by how late their earliest step fired, see turn.c */
	double              late_sum_s;
};

/* Samples the clocks: the time of what is done now. Never goes back. */
struct wall daemon_now(struct daemon *d);

/* ---- turn.c ---- */

/* Signals, timers and the store's descriptor. ERR_IO with errno's sentence. */
MUST_CHECK enum err turn_setup(struct daemon *d, struct diag *diag);
void turn_finish(struct daemon *d);

/* Runs the loop until the daemon has stopped. */
void turn_run(struct daemon *d);

/* Ends in order, as SIGTERM does; the status is what the process will exit with. */
void daemon_stop(struct daemon *d, int status);

/* ---- recover.c ---- */

/* Everything that the store kept goes into the engine, the outbox and the notify. Exits of its own: none; says in diag what is wrong. */
MUST_CHECK enum err recover(struct daemon *d, struct diag *diag);

#endif
