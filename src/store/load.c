/* What was kept, told at the start, before the store's thread is there. */
#include "store/load.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/reader.h"
#include "core/engine.h"
#include "store/worker.h"

/* The end of a walk: `rc` of the last step, unless a callback had enough. */
static enum err ended(struct db *db, enum query q, int rc, enum err e, struct diag *d)
{
	if (e == ERR_OK && rc != SQLITE_DONE) {
		db_explain(db, rc, d);
		e = db_err(rc);
	}
	sqlite3_reset(db->stmt[q]);
	return e;
}

static enum err damaged(struct db *db, const char *table, uint64_t no, struct diag *d)
{
	diag_set(d, "%s is damaged: row %" PRIu64 " of table %s does not fit its checksum", db->path, no, table);
	return ERR_SYNTAX;
}

static enum err load_revisions(struct db *db, const struct store_loader *l, struct diag *d)
{
	sqlite3_stmt *s = db_stmt(db, Q_REVISION_ALL);
	enum err e = ERR_OK;
	int rc = SQLITE_DONE;

	while (e == ERR_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_revision r = {
			.from.ms = sqlite3_column_int64(s, 1),
			.digest = (uint64_t)sqlite3_column_int64(s, 2),
			.seq = (uint64_t)sqlite3_column_int64(s, 3),
			.text = column_str(s, 4),
		};

		if (db_sum(db, r.digest, r.text) != sqlite3_column_int64(s, 5))
			e = damaged(db, "revisions", (uint64_t)sqlite3_column_int64(s, 0), d);
		else
			e = l->revision(l->ctx, &r, d);
	}
	return ended(db, Q_REVISION_ALL, rc, e, d);
}

static enum err damaged_ticket(struct db *db, const struct ticket_row *row, struct diag *d)
{
	diag_set(d, "%s is damaged: ticket " STR_FMT "/" STR_FMT " does not fit its checksum", db->path, STR_ARG(row->ns), STR_ARG(row->ticket));
	return ERR_SYNTAX;
}

static enum err load_tickets(struct db *db, const struct store_loader *l, struct diag *d)
{
	sqlite3_stmt *s = db_stmt(db, Q_OPEN_ALL);
	enum err e = ERR_OK;
	int rc = SQLITE_DONE;

	while (e == ERR_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct ticket_row row;

		e = exec_read_ticket(db, s, &row) ? l->ticket(l->ctx, &row, d) : damaged_ticket(db, &row, d);
	}
	return ended(db, Q_OPEN_ALL, rc, e, d);
}

static enum err load_records(const struct store_loader *l, uint64_t seq, uint64_t n, struct str records, bool *whole_out, struct diag *d)
{
	struct reader r = reader_of(records);
	enum err e = ERR_OK;

	for (uint64_t i = 0; i < n && e == ERR_OK; i++) {
		struct str record = reader_bytes(&r);

		if (r.bad)
			break;
		e = l->event(l->ctx, seq + i, record, d);
	}
	*whole_out = e != ERR_OK || (!r.bad && r.p == r.end);
	return e;
}

static enum err load_journal(struct db *db, const struct store_loader *l, struct diag *d)
{
	sqlite3_stmt *s = db_stmt(db, Q_JOURNAL_ALL);
	enum err e = ERR_OK;
	int rc = SQLITE_DONE;

	while (e == ERR_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		uint64_t seq = (uint64_t)sqlite3_column_int64(s, 0), n = (uint64_t)sqlite3_column_int64(s, 1);
		struct str records = column_str(s, 2);
		bool whole = db_sum(db, seq, records) == sqlite3_column_int64(s, 3);

		if (whole)
			e = load_records(l, seq, n, records, &whole, d);
		if (!whole)
			e = damaged(db, "journal", seq, d);
	}
	return ended(db, Q_JOURNAL_ALL, rc, e, d);
}

static enum err load_outbox(struct db *db, const struct store_loader *l, struct diag *d)
{
	sqlite3_stmt *s = db_stmt(db, Q_OUTBOX_PENDING);
	enum err e = ERR_OK;
	int64_t last = 0;
	int rc = SQLITE_DONE;

	while (e == ERR_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct delivery row;
		int64_t no = exec_read_delivery(s, &row);

		/* An index of which a bit is wrong names other rows, or one twice. */
		if (no <= last || row.state != DELIVERY_PENDING || !exec_delivery_holds(db, s, &row))
			e = damaged(db, "outbox", (uint64_t)no, d);
		else
			e = l->delivery(l->ctx, &row, d);
		last = no;
	}
	return ended(db, Q_OUTBOX_PENDING, rc, e, d);
}

enum err load_walk(struct db *db, const struct store_loader *l, struct diag *d)
{
	enum err e = ERR_OK;

	if (l->revision != NULL)
		e = load_revisions(db, l, d);
	if (e == ERR_OK && l->ticket != NULL)
		e = load_tickets(db, l, d);
	if (e == ERR_OK && l->event != NULL)
		e = load_journal(db, l, d);
	if (e == ERR_OK && l->delivery != NULL)
		e = load_outbox(db, l, d);
	return e;
}

enum err store_load(struct store *st, const struct store_loader *l, struct diag *d)
{
	/* Revisions are few. */
	return l->ticket != NULL || l->event != NULL ? load_ahead(st->db, &st->reading, l, d) : load_walk(st->db, l, d);
}

static enum err fetch(struct db *db, struct str ns, struct str ticket, struct buf *row_out, struct diag *d)
{
	struct ticket_row row;
	sqlite3_stmt *s;
	int rc = exec_seek_ticket(db, ns, ticket, &s);
	enum err e = ERR_OK;

	if (rc == SQLITE_DONE)
		return ERR_ABSENT;
	if (rc != SQLITE_ROW) {
		db_explain(db, rc, d);
		return db_err(rc);
	}
	if (exec_read_ticket(db, s, &row))
		buf_put(row_out, row.row);
	else
		e = damaged_ticket(db, &row, d);
	sqlite3_reset(s);
	return e;
}

enum err store_fetch(struct store *st, struct str ns, struct str ticket, struct buf *row_out, struct diag *d)
{
	enum err e;

	pthread_mutex_lock(&st->reading);
	e = fetch(st->db, ns, ticket, row_out, d);
	pthread_mutex_unlock(&st->reading);
	return e;
}
