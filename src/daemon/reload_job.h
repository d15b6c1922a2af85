/* One reading of the configuration, and what is told of it. */
#ifndef PLAZO_SRC_DAEMON_RELOAD_JOB_H
#define PLAZO_SRC_DAEMON_RELOAD_JOB_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"

struct force;
struct http_request;
struct preview;

/* Written by the thread until it wakes the loop, then the loop's. */
struct reload_job {
	pthread_t             thread;
	const char           *path;
	struct config_options opt;
	const struct config  *was;          /* in force, and stays so until this one has been read */
	int                   wake_fd;
	bool                  dry_run;
	enum err              err;
	struct config        *cfg;
	struct force         *force;
	struct buf            canonical;    /* the text of its revision, and what it is known by */
	uint64_t              digest;
	struct problems       problems;
	char                  why[DIAG_LEN];   /* refused by the loop, after it was read */
	const char           *differences[CONFIG_MAX_DIFFERENCES];
	size_t                n_differences;
	bool                  replans;      /* the rules are among them: a revision */
	struct preview       *preview;      /* of a dry run that would change rules */
};

/* What came of it, to one who waits. */
void reload_answer(struct http_request *r, const struct reload_job *job, bool ok);

#endif
