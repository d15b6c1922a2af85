/*
 * The tables, as the way to them: step i leads from version i (`user_version`) to i + 1, and a new database takes all of them. So a step
 * that was released is never changed: a change is another step.
 */
#ifndef PLAZO_STORE_SCHEMA_H
#define PLAZO_STORE_SCHEMA_H

#include <sqlite3.h>

#include "store/db.h"

extern const char *const schema_steps[DB_VERSION];     /* SQL */

/*
 * Takes the steps from version `from` to `to`, each in one transaction with its number: what fails, or is cut off, leaves the version
 * before it whole. SQLITE_OK or the extended code.
 */
MUST_CHECK int schema_climb(sqlite3 *h, const char *const *steps, int from, int to);

#endif
