#include "store/schema.h"

#include <stdio.h>
#include <string.h>

#include "core/effects.h"
#include "store/verdicts.h"

const char *const schema_steps[DB_VERSION] = {
	[0] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE journal(seq INTEGER PRIMARY KEY, n INTEGER NOT NULL, records BLOB NOT NULL, sum INTEGER NOT NULL) STRICT;"
	"CREATE TABLE revisions(no INTEGER PRIMARY KEY, from_ms INTEGER NOT NULL, digest INTEGER NOT NULL, seq INTEGER NOT NULL,"
	" text TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;"
	"CREATE TABLE tickets(ns TEXT, ticket TEXT, contract TEXT NOT NULL, seq INTEGER NOT NULL, row BLOB NOT NULL, sum INTEGER NOT NULL,"
	" PRIMARY KEY(ns, ticket)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE closed(ns TEXT, ticket TEXT, contract TEXT NOT NULL, seq INTEGER NOT NULL, row BLOB NOT NULL, sum INTEGER NOT NULL,"
	" over_ms INTEGER NOT NULL, PRIMARY KEY(ns, ticket)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX closed_over ON closed(over_ms, ns, ticket);"
	"CREATE TABLE verdicts(ns TEXT, ticket TEXT, metric TEXT, cycle INTEGER, contract TEXT NOT NULL, agreement TEXT NOT NULL,"
	" priority TEXT NOT NULL, state TEXT NOT NULL, breached INTEGER NOT NULL, waived INTEGER NOT NULL, started_ms INTEGER,"
	" stopped_ms INTEGER, due_ms INTEGER, elapsed_ms INTEGER NOT NULL, paused_ms INTEGER NOT NULL, target TEXT NOT NULL,"
	" PRIMARY KEY(ns, ticket, metric, cycle)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE outbox(no INTEGER PRIMARY KEY, id TEXT NOT NULL, receiver TEXT NOT NULL, type TEXT NOT NULL, ns TEXT NOT NULL,"
	" ticket TEXT NOT NULL, body TEXT NOT NULL, created_ms INTEGER, at_ms INTEGER, due_ms INTEGER, state INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL, next_ms INTEGER, status INTEGER NOT NULL, detail TEXT NOT NULL, settled_ms INTEGER) STRICT;"
	"CREATE UNIQUE INDEX outbox_key ON outbox(id, receiver);"
	"CREATE INDEX outbox_ticket ON outbox(ns, ticket);"
	"CREATE INDEX outbox_pending ON outbox(no) WHERE state = 0;"
	"CREATE INDEX outbox_dead ON outbox(no) WHERE state = 3;",
	[1] =
	"CREATE TABLE cursors(source TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY(source, key)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE refused(no INTEGER PRIMARY KEY, digest INTEGER NOT NULL, source TEXT NOT NULL, place TEXT NOT NULL,"
	" at_ms INTEGER NOT NULL, why TEXT NOT NULL, body BLOB NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX refused_key ON refused(digest);"
	"CREATE INDEX refused_source ON refused(source);"
	"CREATE INDEX refused_at ON refused(at_ms);",
	/* Checksums, NULL in rows of before: of what an alert is, of its body, of what became of it; of where a stream was read. */
	[2] =
	("ALTER TABLE outbox ADD COLUMN head_sum INTEGER; ALTER TABLE outbox ADD COLUMN body_sum INTEGER;"
	 "ALTER TABLE outbox ADD COLUMN fate_sum INTEGER; ALTER TABLE cursors ADD COLUMN sum INTEGER;"),
	/* Verdicts as a log of many in a row: a row for each, at a place of its own, took more of the disk than the events. */
	[3] =
	("CREATE TABLE judged(no INTEGER PRIMARY KEY, n INTEGER NOT NULL, latest_ms INTEGER NOT NULL, records BLOB NOT NULL) STRICT;"
	 "INSERT INTO judged(n, latest_ms, records) SELECT 1, coalesce(stopped_ms, due_ms, started_ms, 0), verdict_record(ns, ticket, contract, metric,"
	 " agreement, priority, state, target, cycle, breached, waived, started_ms, stopped_ms, due_ms, elapsed_ms, paused_ms) FROM verdicts;"
	 "DROP TABLE verdicts;"),
	/* Alerts are found by numbers: an index of texts that come in no order is three times as long, and a flood writes all of it with each commit. */
	[4] =
	("DROP INDEX outbox_key; DROP INDEX outbox_ticket; ALTER TABLE outbox ADD COLUMN id_hash INTEGER; ALTER TABLE outbox ADD COLUMN ticket_hash INTEGER;"
	 "UPDATE outbox SET id_hash = row_hash((SELECT value FROM meta WHERE key = 'key'), '', id),"
	 " ticket_hash = row_hash((SELECT value FROM meta WHERE key = 'key'), ns, ticket);"
	 "CREATE UNIQUE INDEX outbox_key ON outbox(id_hash, receiver); CREATE INDEX outbox_ticket ON outbox(ticket_hash);"),
};

static struct wall wall_of(sqlite3_value *v)
{
	return sqlite3_value_type(v) == SQLITE_NULL ? WALL_NEVER : (struct wall){ sqlite3_value_int64(v) };
}

/* For step 3: a verdict's columns as the record that it is from then on. */
static void verdict_record(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	struct str texts[8];
	struct store_verdicts all;

	(void)n;
	for (int i = 0; i < 8; i++)
		texts[i] = (struct str){ (const char *)sqlite3_value_blob(v[i]), (size_t)sqlite3_value_bytes(v[i]) };
	store_verdicts_init(&all);
	store_verdicts_add(&all, &(struct verdict){
		.ns = texts[0], .ticket = texts[1], .contract = texts[2], .metric = texts[3], .agreement = texts[4], .priority = texts[5],
		.state = texts[6], .target = texts[7], .cycle = (uint32_t)sqlite3_value_int64(v[8]), .breached = sqlite3_value_int(v[9]) != 0,
		.waived = sqlite3_value_int(v[10]) != 0, .started = wall_of(v[11]), .stopped = wall_of(v[12]), .due = wall_of(v[13]),
		.elapsed_ms = sqlite3_value_int64(v[14]), .paused_ms = sqlite3_value_int64(v[15]),
	});
	sqlite3_result_blob64(ctx, all.records.p, all.records.len, SQLITE_TRANSIENT);
	store_verdicts_finish(&all);
}

/* For step 4: db_hash_key() of two columns, under the key of the database. */
static void row_hash(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	struct sipkey key = { 0 };
	struct str part[2];

	(void)n;
	if (sqlite3_value_bytes(v[0]) == (int)sizeof key)
		memcpy(&key, sqlite3_value_blob(v[0]), sizeof key);
	for (int i = 0; i < 2; i++)
		part[i] = (struct str){ (const char *)sqlite3_value_blob(v[i + 1]), (size_t)sqlite3_value_bytes(v[i + 1]) };
	sqlite3_result_int64(ctx, (int64_t)db_hash_key(key, part[0], part[1]));
}

static int take_step(sqlite3 *h, const char *step, int to)
{
	char number[64];
	int rc = sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	snprintf(number, sizeof number, "PRAGMA user_version = %d", to);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h, step, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h, number, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h, "COMMIT", NULL, NULL, NULL);
	if (rc != SQLITE_OK && sqlite3_get_autocommit(h) == 0)
		sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int schema_climb(sqlite3 *h, const char *const *steps, int from, int to)
{
	int rc = sqlite3_create_function_v2(h, "verdict_record", 16, SQLITE_UTF8, NULL, verdict_record, NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(h, "row_hash", 3, SQLITE_UTF8, NULL, row_hash, NULL, NULL, NULL);
	for (int v = from; v < to && rc == SQLITE_OK; v++)
		rc = take_step(h, steps[v], v + 1);
	return rc;
}
