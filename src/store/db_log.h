/* The log beside a database, looked at before anything in it is believed. */
#ifndef PLAZO_SRC_STORE_DB_LOG_H
#define PLAZO_SRC_STORE_DB_LOG_H

#include "base/err.h"

/*
 * SQLite takes a log as far as its checksums hold and silently leaves the rest, as is right after a power cut: then what is left was
 * never acknowledged. ERR_SYNTAX where the rest holds a change that was begun after the broken one had been synced: that is damage, and what
 * was acknowledged would be lost. What cannot be told from a power cut is taken, and logged. The log must be locked, and not yet changed.
 */
MUST_CHECK enum err db_log_check(const char *path, struct diag *d);

#endif
