/*
 * Walks the tables in the order of their keys. How far it has come stands in the table meta and is committed with what it changed, so a
 * slice that is rolled back is done again, and none is skipped.
 */
#include "store/rewrite.h"

#include <string.h>

#include "store/exec.h"
#include "store/worker.h"
#include "base/reader.h"

#define SLICE_ROWS    500
#define SLICE_CHANGES 64

/* Behind the parts. */
#define SCRUB_TAKE  PART_N
#define SCRUB_GIVE  (PART_N + 1)
#define SCRUB_PAGES 64                       /* of a slice: a megabyte */
#define SCRUB_MAX   (INT64_C(1) << 20)       /* a terabyte: it ends whatever is freed meanwhile */

#define AT_KEY "rewrite"      /* of meta: where the walk is */

/* What a task needs to know; packed as a whole, for it never leaves the process. */
struct rewriting {
	store_rewrite_fn *fn;
	void             *ctx;
};

struct at {
	uint64_t   part;
	int64_t    no;             /* the last row that was looked at, in the order of its table */
	struct str ns, ticket;
};

/* One row, copied out of its statement. */
struct found {
	int64_t    no, n, sum;
	bool       summed;
	struct str ns, ticket, bytes;
};

static const struct { enum query next, put; } tables[PART_N] = {
	[PART_OPEN]     = { Q_REWRITE_OPEN_NEXT, Q_REWRITE_OPEN_PUT },
	[PART_CLOSED]   = { Q_REWRITE_CLOSED_NEXT, Q_REWRITE_CLOSED_PUT },
	[PART_EVENT]    = { Q_REWRITE_JOURNAL_NEXT, Q_REWRITE_JOURNAL_PUT },
	[PART_DELIVERY] = { Q_REWRITE_OUTBOX_NEXT, Q_REWRITE_OUTBOX_PUT },
	[PART_DETAIL]   = { Q_REWRITE_DETAIL_NEXT, Q_N },      /* exec.c knows what its row's checksum is of */
	[PART_REFUSED]  = { Q_REWRITE_REFUSED_NEXT, Q_REWRITE_REFUSED_PUT },
};

enum err store_rewrite(struct store *st, store_rewrite_fn *fn, void *ctx, uint64_t cookie)
{
	struct rewriting rw = { fn, ctx };
	struct job *job;
	enum err e = job_begin(st, STORE_REWRITTEN, 256, cookie, &job);

	if (e != ERR_OK)
		return e;
	buf_append(&st->queue.bytes, &rw, sizeof rw);
	return job_end(st);
}

/* ---- where it is ---- */

static int read_at(struct db *db, struct buf *keep, struct at *out)
{
	sqlite3_stmt *s = db_stmt(db, Q_META_GET);
	struct reader r;
	int rc;

	bind_str(s, 1, STR(AT_KEY));
	rc = sqlite3_step(s);
	/* The first slice was rolled back. */
	if (rc == SQLITE_DONE)
		sqlite3_reset(s);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? SQLITE_OK : rc;
	buf_put(keep, column_str(s, 0));
	sqlite3_reset(s);
	r = reader_of(buf_str(keep));
	*out = (struct at){ .part = reader_varint(&r), .no = reader_zigzag(&r), .ns = reader_bytes(&r) };
	out->ticket = reader_bytes(&r);
	return r.bad || out->part > SCRUB_GIVE ? SQLITE_CORRUPT : SQLITE_OK;
}

static int write_at(struct db *db, const struct at *at)
{
	struct buf b;
	int rc;

	buf_init(&b, 1 << 16);
	buf_put_varint(&b, at->part);
	buf_put_zigzag(&b, at->no);
	buf_put_bytes(&b, at->ns);
	buf_put_bytes(&b, at->ticket);
	rc = db_meta_put(db, AT_KEY, buf_str(&b));
	buf_finish(&b);
	return rc;
}

/* ---- one row ---- */

/* The first row behind `at`, into `keep`. SQLITE_DONE when there is none. */
static int next_row(struct db *db, const struct at *at, struct buf *keep, struct found *out)
{
	sqlite3_stmt *s = db_stmt(db, tables[at->part].next);
	int rc;

	bind_i64(s, 1, at->no);
	bind_str(s, 2, at->ns);
	bind_str(s, 3, at->ticket);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		struct str ns = column_str(s, 1), ticket = column_str(s, 2), bytes = column_str(s, 4);

		*out = (struct found){ .no = sqlite3_column_int64(s, 0), .n = sqlite3_column_int64(s, 3), .sum = sqlite3_column_int64(s, 5),
			.summed = sqlite3_column_type(s, 5) != SQLITE_NULL };
		buf_reset(keep);
		buf_put(keep, ns);
		buf_put(keep, ticket);
		buf_put(keep, bytes);
		out->ns = (struct str){ keep->p, ns.len };
		out->ticket = (struct str){ keep->p + ns.len, ticket.len };
		out->bytes = (struct str){ keep->p + ns.len + ticket.len, bytes.len };
	}
	sqlite3_reset(s);
	return rc;
}

/* The events of a commit stand in one row. */
static bool change_events(const struct rewriting *rw, const struct found *f, struct buf *out)
{
	struct reader r = reader_of(f->bytes);
	struct buf one;
	bool any = false;

	buf_init(&one, SIZE_MAX / 4);
	for (int64_t i = 0; i < f->n && !r.bad; i++) {
		struct store_piece p = { .part = PART_EVENT, .bytes = reader_bytes(&r) };

		buf_reset(&one);
		if (rw->fn(rw->ctx, &p, &one)) {
			any = true;
			buf_put_bytes(out, buf_str(&one));
		} else {
			buf_put_bytes(out, p.bytes);
		}
	}
	buf_finish(&one);
	return any && !r.bad;
}

static bool change(const struct rewriting *rw, enum store_part part, const struct found *f, struct buf *out)
{
	struct store_piece p = { part, f->ns, f->ticket, f->bytes };

	return part == PART_EVENT ? change_events(rw, f, out) : rw->fn(rw->ctx, &p, out);
}

static int64_t sum_of(struct db *db, enum store_part part, const struct found *f, struct str bytes)
{
	if (part == PART_EVENT)
		return db_sum(db, (uint64_t)f->no, bytes);
	return db_sum(db, db_hash_key(db->key, f->ns, f->ticket) ^ (uint64_t)f->n, bytes);
}

/* What is damaged must not be given a checksum that fits. */
static int verify(struct db *db, enum store_part part, const struct found *f)
{
	enum query q = part == PART_OPEN ? Q_OPEN_GET : Q_CLOSED_GET;
	struct ticket_row row;
	sqlite3_stmt *s;
	bool holds = !f->summed || f->sum == sum_of(db, part, f, f->bytes);

	if (part == PART_OPEN || part == PART_CLOSED) {
		s = db_stmt(db, q);
		bind_str(s, 1, f->ns);
		bind_str(s, 2, f->ticket);

		int rc = sqlite3_step(s);

		holds = rc == SQLITE_ROW && exec_read_ticket(db, s, &row);
		sqlite3_reset(s);
		if (rc != SQLITE_ROW && rc != SQLITE_DONE)
			return rc;
	}
	return holds ? SQLITE_OK : exec_damaged(db, "row", f->ns, f->ticket);
}

static int put(struct db *db, enum store_part part, const struct found *f, struct str bytes)
{
	enum query q = tables[part].put;
	sqlite3_stmt *s;

	if (part == PART_DETAIL)
		return exec_put_detail(db, f->no, bytes);
	s = db_stmt(db, q);
	bind_i64(s, 1, f->no);
	bind_str(s, 2, f->ns);
	bind_str(s, 3, f->ticket);
	if (part == PART_DELIVERY)
		bind_str(s, 4, bytes);
	else
		bind_blob(s, 4, bytes);
	bind_i64(s, 5, sum_of(db, part, f, bytes));
	return db_run(db, q);
}

/* ---- a slice ---- */

/* `keep` holds the row that is looked at and the one before, in turn: the key of the one finds the other. */
static int walk(struct db *db, const struct rewriting *rw, struct at *at, struct buf keep[2])
{
	struct buf out;
	struct found f;
	unsigned n_changes = 0;
	int rc = SQLITE_OK;

	buf_init(&out, SIZE_MAX / 4);
	for (unsigned i = 0; i < SLICE_ROWS && n_changes < SLICE_CHANGES && at->part < PART_N && rc == SQLITE_OK; i++) {
		rc = next_row(db, at, &keep[i % 2], &f);
		if (rc == SQLITE_DONE) {
			*at = (struct at){ .part = at->part + 1 };
			rc = SQLITE_OK;
			continue;
		}
		if (rc != SQLITE_ROW)
			break;
		buf_reset(&out);
		rc = SQLITE_OK;
		if (change(rw, (enum store_part)at->part, &f, &out)) {
			rc = verify(db, (enum store_part)at->part, &f);
			rc = rc == SQLITE_OK ? put(db, (enum store_part)at->part, &f, buf_str(&out)) : rc;
			n_changes++;
		}
		*at = (struct at){ at->part, f.no, f.ns, f.ticket };
	}
	buf_finish(&out);
	return rc;
}

/*
 * Pages that were freed keep what stood on them: of the journal that is most of what there was. So they are taken, as zeros, and given back. No
 * more than there were: what is freed meanwhile has been rewritten before. `at->no` counts what was taken.
 */
static int scrub(struct db *db, struct at *at, bool *finished_out)
{
	sqlite3_stmt *s = db_stmt(db, Q_SCRUB_LEFT);
	int rc = sqlite3_step(s);
	int64_t left = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;

	sqlite3_reset(s);
	*finished_out = false;
	if (rc != SQLITE_ROW)
		return rc;
	if (at->part == SCRUB_TAKE && left > 0 && at->no < SCRUB_MAX) {
		s = db_stmt(db, Q_SCRUB_PUT);
		bind_i64(s, 1, ++at->no);
		bind_i64(s, 2, (left < SCRUB_PAGES ? left : SCRUB_PAGES) * (DB_PAGE_SIZE - 4));
		return db_run(db, Q_SCRUB_PUT);
	}
	at->part = SCRUB_GIVE;
	rc = db_run(db, Q_SCRUB_DEL);
	*finished_out = rc == SQLITE_OK && sqlite3_changes(db->handle) == 0;
	return rc;
}

int rewrite_step(struct db *db, struct task *t, bool *finished_out)
{
	struct rewriting rw;
	struct at at = { .part = PART_OPEN };
	struct buf place, keep[2];
	int rc = SQLITE_OK;

	memcpy(&rw, t->packed.p, sizeof rw);
	buf_init(&place, SIZE_MAX / 4);
	for (int i = 0; i < 2; i++)
		buf_init(&keep[i], SIZE_MAX / 4);
	if (t->begun)
		rc = read_at(db, &place, &at);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->handle, "PRAGMA secure_delete = ON", NULL, NULL, NULL);
	if (rc == SQLITE_OK && at.part < PART_N)
		rc = walk(db, &rw, &at, keep);
	else if (rc == SQLITE_OK)
		rc = scrub(db, &at, finished_out);
	if (rc == SQLITE_OK)
		rc = *finished_out ? sqlite3_exec(db->handle, DB_FORGET_WALK, NULL, NULL, NULL) : write_at(db, &at);
	db->scrub = db->scrub || *finished_out;
	sqlite3_exec(db->handle, "PRAGMA secure_delete = FAST", NULL, NULL, NULL);
	buf_finish(&place);
	for (int i = 0; i < 2; i++)
		buf_finish(&keep[i]);
	return rc;
}
