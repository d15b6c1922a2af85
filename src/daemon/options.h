/* The command line of plazod. */
#ifndef PLAZO_SRC_DAEMON_OPTIONS_H
#define PLAZO_SRC_DAEMON_OPTIONS_H

#include <stdbool.h>

#include "base/log.h"

#define EXIT_USAGE  64
#define EXIT_CONFIG 78     /* the configuration or the database is refused: trying again changes nothing */

struct options {
	const char    *config;     /* -c */
	const char    *socket;     /* --socket; NULL: as configured */
	bool           check;      /* -t */
	bool           dry_run;
	enum log_level log_level;
};

/* Fills *out; or does what was asked for (-V, -h), or says what is wrong, and exits. */
void options_parse(int argc, char **argv, struct options *out);

#endif
