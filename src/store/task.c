/* Jobs in slices: what goes over many rows lets commits pass in between. */
#include "store/exec.h"

#include <string.h>

#include "base/log.h"
#include "base/reader.h"
#include "store/copy.h"

#define SLICE_ROWS    100    /* of a query */
#define SLICE_JOURNAL 64     /* journal rows; each may be a megabyte */
#define SLICE_TICKETS 64
#define SLICE_PAGES   64     /* of a copy: a megabyte */

void task_init(struct task *t, const struct batch *b, const struct job *job)
{
	struct str packed = job_packed(b, job);

	*t = (struct task){ .what = job->what, .cookie = job->cookie, .cost = job_bytes(job) };
	buf_init(&t->packed, packed.len);
	buf_append(&t->packed, packed.p, packed.len);
	buf_init(&t->ns, SIZE_MAX / 4);
	buf_init(&t->ticket, SIZE_MAX / 4);
}

void task_finish(struct task *t)
{
	copy_drop(t->copy);
	buf_finish(&t->packed);
	buf_finish(&t->ns);
	buf_finish(&t->ticket);
}

static void keep(struct buf *b, struct str s)
{
	buf_reset(b);
	buf_put(b, s);
}

/* ---- writing ---- */

static int trim(struct db *db, struct reader *r, bool *finished_out)
{
	int64_t seq = (int64_t)reader_varint(r);
	/* Its numbers are not given again, and time does not go back, also when the journal is empty. */
	int rc = db_meta_put_i64(db, "seq", (int64_t)db->seq);

	if (rc == SQLITE_OK)
		rc = db_meta_put_i64(db, "latest", reader_zigzag(r));
	if (rc != SQLITE_OK)
		return rc;

	sqlite3_stmt *s = db_stmt(db, Q_JOURNAL_TRIM);

	bind_i64(s, 1, seq);
	bind_i64(s, 2, SLICE_JOURNAL);
	rc = db_run(db, Q_JOURNAL_TRIM);
	*finished_out = rc == SQLITE_OK && sqlite3_changes(db->handle) < SLICE_JOURNAL;
	return rc;
}

/* The keys of up to SLICE_TICKETS closed tickets that were over before `limit`: they cannot be deleted while they are walked. */
static int oldest_closed(struct db *db, int64_t limit, struct buf *keys, size_t *n_out)
{
	sqlite3_stmt *s = db_stmt(db, Q_CLOSED_FIRST);
	int rc;

	*n_out = 0;
	bind_i64(s, 1, limit);
	bind_i64(s, 2, SLICE_TICKETS);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		pack_str(keys, column_str(s, 0));
		pack_str(keys, column_str(s, 1));
		++*n_out;
	}
	if (rc == SQLITE_DONE)
		sqlite3_reset(s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int forget_ticket(struct db *db, struct str ns, struct str ticket)
{
	static const enum query from[] = { Q_OUTBOX_DEL, Q_CLOSED_DEL };
	int rc = SQLITE_OK;

	for (size_t i = 0; i < sizeof from / sizeof *from && rc == SQLITE_OK; i++) {
		sqlite3_stmt *s = db_stmt(db, from[i]);

		bind_str(s, 1, ns);
		bind_str(s, 2, ticket);
		if (from[i] == Q_OUTBOX_DEL)
			bind_i64(s, 3, (int64_t)db_hash_key(db->key, ns, ticket));
		rc = db_run(db, from[i]);
	}
	return rc;
}

/* What goes with no ticket. */
static int sweep_rows(struct db *db, int64_t limit, bool *finished_out)
{
	static const enum query from[] = { Q_OUTBOX_SWEEP, Q_REFUSED_SWEEP, Q_VERDICTS_SWEEP };
	int rc = SQLITE_OK, n = 0;

	for (size_t i = 0; i < sizeof from / sizeof *from && rc == SQLITE_OK; i++) {
		sqlite3_stmt *s = db_stmt(db, from[i]);

		bind_i64(s, 1, limit);
		bind_i64(s, 2, SLICE_ROWS);
		if (from[i] == Q_OUTBOX_SWEEP)
			bind_i64(s, 3, (int64_t)db_hash_key(db->key, STR(""), STR("")));
		rc = db_run(db, from[i]);
		n = sqlite3_changes(db->handle) > n ? sqlite3_changes(db->handle) : n;
	}
	*finished_out = rc == SQLITE_OK && n < SLICE_ROWS;
	return rc;
}

static int sweep(struct db *db, struct reader *r, bool *finished_out)
{
	int64_t limit = reader_zigzag(r);
	struct buf keys;
	size_t n;

	buf_init(&keys, SIZE_MAX / 4);

	int rc = oldest_closed(db, limit, &keys, &n);
	struct reader k = reader_of(buf_str(&keys));

	for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
		struct str ns = reader_bytes(&k);

		rc = forget_ticket(db, ns, reader_bytes(&k));
	}
	buf_finish(&keys);
	if (rc != SQLITE_OK || n != 0)
		return rc;
	return sweep_rows(db, limit, finished_out);
}

/* ---- reading ---- */

static sqlite3_stmt *deliveries_query(struct db *db, const struct store_filter *f)
{
	enum query q = f->id.len != 0 ? Q_OUTBOX_ID : f->ticket.len != 0 ? Q_OUTBOX_TICKET : f->failed ? Q_OUTBOX_FAILED : f->dead_only ? Q_OUTBOX_DEAD : Q_OUTBOX_ALL;
	sqlite3_stmt *s = db_stmt(db, q);

	if (q == Q_OUTBOX_ID) {
		bind_str(s, 3, f->id);
		for (unsigned place = 0; place < EXEC_PLACES; place++)
			bind_i64(s, 4 + (int)place, exec_id_hash(db, f->id, place));
	}
	if (q == Q_OUTBOX_TICKET) {
		bind_str(s, 3, f->ns);
		bind_str(s, 4, f->ticket);
		bind_i64(s, 5, (int64_t)db_hash_key(db->key, f->ns, f->ticket));
	}
	return s;
}

static bool fits(const struct store_filter *f, const struct delivery *v)
{
	bool tried = v->state == DELIVERY_PENDING && v->attempts > 0;

	if ((f->dead_only || f->failed) && v->state != DELIVERY_DEAD && !(f->failed && tried))
		return false;
	return f->ticket.len == 0 || (str_eq(f->ns, v->ns) && str_eq(f->ticket, v->ticket));
}

/* What is asked for once more because there is room for it now: one row that is damaged must not hold up all others. */
static int read_deliveries(struct db *db, struct task *t, struct reader *r, struct answers *out, bool *finished_out)
{
	size_t n = (size_t)(r->end - r->p) / sizeof(uint64_t), i = t->begun ? (size_t)t->before : 0;
	size_t end = n - i < SLICE_ROWS ? n : i + SLICE_ROWS;

	for (; i < end; i++) {
		sqlite3_stmt *s = db_stmt(db, Q_OUTBOX_ROW);
		struct delivery v;
		int64_t no;

		memcpy(&no, r->p + i * sizeof no, sizeof no);
		bind_i64(s, 1, no);

		int rc = sqlite3_step(s);

		if (rc == SQLITE_DONE)
			continue;
		if (rc != SQLITE_ROW)
			return rc;
		(void)exec_read_delivery(s, &v);
		if (exec_delivery_holds(db, s, &v)) {
			answers_set_delivery(out, answers_add(out, t->what, t->cookie, ERR_OK), &v);
		} else {
			(void)exec_damaged(db, "alert", v.ns, v.id);
			t->end = ERR_IO;
		}
		sqlite3_reset(s);
	}
	t->before = (int64_t)end;
	*finished_out = end == n;
	return SQLITE_OK;
}

/* A row that is damaged ends the list and not the store: what has been settled decides nothing any more, and a start looks at the rest. */
static int list_deliveries(struct db *db, struct task *t, struct reader *r, struct answers *out, bool *finished_out)
{
	struct store_filter f = { .ns = reader_bytes(r), .ticket = reader_bytes(r) };
	uint64_t packed;
	int n = 0, rc;

	f.id = reader_bytes(r);
	packed = reader_varint(r);
	f.dead_only = packed & 1;
	f.failed = packed >> 1 & 1;
	f.limit = (uint32_t)reader_varint(r);
	if (r->p < r->end)
		return read_deliveries(db, t, r, out, finished_out);
	if (!t->begun) {
		t->left = f.limit;
		t->before = INT64_MAX;
	}

	sqlite3_stmt *s = deliveries_query(db, &f);

	bind_i64(s, 1, t->before);
	bind_i64(s, 2, SLICE_ROWS);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && t->left != 0) {
		struct delivery v;

		t->before = exec_read_delivery(s, &v);
		n++;
		if (!exec_delivery_holds(db, s, &v)) {
			(void)exec_damaged(db, "alert", v.ns, v.id);
			t->end = ERR_IO;
			t->left = 0;
			break;
		}
		if (!fits(&f, &v))
			continue;
		answers_set_delivery(out, answers_add(out, t->what, t->cookie, ERR_OK), &v);
		t->left--;
	}
	*finished_out = t->left == 0 || n < SLICE_ROWS;
	if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
		sqlite3_reset(s);
		rc = SQLITE_OK;
	}
	return rc;
}

static int list_closed(struct db *db, struct task *t, struct reader *r, struct answers *out, bool *finished_out)
{
	struct store_page p = { .before.ms = reader_zigzag(r), .ns = reader_bytes(r) };
	uint32_t n = 0, want;
	int rc;

	p.ticket = reader_bytes(r);
	p.limit = (uint32_t)reader_varint(r);
	if (!t->begun) {
		t->left = p.limit;
		t->before = p.before.ms;
		keep(&t->ns, p.ns);
		keep(&t->ticket, p.ticket);
	}
	want = t->left < SLICE_ROWS ? t->left : SLICE_ROWS;

	sqlite3_stmt *s = db_stmt(db, Q_CLOSED_PAGE);

	bind_i64(s, 1, t->before);
	bind_str(s, 2, buf_str(&t->ns));
	bind_str(s, 3, buf_str(&t->ticket));
	bind_i64(s, 4, want);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct ticket_row row;

		if (!exec_read_ticket(db, s, &row))
			return exec_damaged(db, "ticket", row.ns, row.ticket);
		answers_set_ticket(out, answers_add(out, t->what, t->cookie, ERR_OK), &row);
		/* The query has read its parameters: they may change under it once the last row is seen. */
		if (++n == want) {
			t->before = row.over_at.ms;
			keep(&t->ns, row.ns);
			keep(&t->ticket, row.ticket);
			rc = SQLITE_DONE;
			break;
		}
	}
	t->left -= n;
	*finished_out = n < want || t->left == 0;
	if (rc == SQLITE_DONE)
		sqlite3_reset(s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int find_ticket(struct db *db, struct task *t, struct reader *r, struct answers *out)
{
	struct str ns = reader_bytes(r), ticket = reader_bytes(r);
	struct ticket_row row;
	sqlite3_stmt *s;
	int rc = exec_seek_ticket(db, ns, ticket, &s);

	if (rc == SQLITE_DONE) {
		t->end = ERR_ABSENT;
		return SQLITE_OK;
	}
	if (rc != SQLITE_ROW)
		return rc;
	if (!exec_read_ticket(db, s, &row))
		return exec_damaged(db, "ticket", row.ns, row.ticket);
	answers_set_ticket(out, answers_add(out, t->what, t->cookie, ERR_OK), &row);
	sqlite3_reset(s);
	return SQLITE_OK;
}

static sqlite3_stmt *refusals_query(struct db *db, const struct store_refusal_filter *f)
{
	enum query q = f->no != 0 ? Q_REFUSED_ONE : f->source.len != 0 ? Q_REFUSED_SOURCE : Q_REFUSED_ALL;
	sqlite3_stmt *s = db_stmt(db, q);

	if (q == Q_REFUSED_ONE)
		bind_i64(s, 3, (int64_t)f->no);
	if (q == Q_REFUSED_SOURCE)
		bind_str(s, 3, f->source);
	return s;
}

static int list_refusals(struct db *db, struct task *t, struct reader *r, struct answers *out, bool *finished_out)
{
	struct store_refusal_filter f = { .source = reader_bytes(r), .no = reader_varint(r) };
	int n = 0, rc;

	f.before = reader_varint(r);
	f.limit = (uint32_t)reader_varint(r);
	if (!t->begun) {
		t->left = f.limit;
		t->before = f.before != 0 && f.before < INT64_MAX ? (int64_t)f.before : INT64_MAX;
	}

	sqlite3_stmt *s = refusals_query(db, &f);

	bind_i64(s, 1, t->before);
	bind_i64(s, 2, t->left < SLICE_ROWS ? t->left : SLICE_ROWS);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct refusal v = {
			.no = (uint64_t)sqlite3_column_int64(s, 0), .source = column_str(s, 1), .place = column_str(s, 2), .at = column_wall(s, 3),
			.why = column_str(s, 4), .body_len = (uint64_t)sqlite3_column_int64(s, 5), .body = column_str(s, 6),
		};

		answers_set_refusal(out, answers_add(out, t->what, t->cookie, ERR_OK), &v);
		t->before = (int64_t)v.no;
		t->left--;
		n++;
	}
	*finished_out = t->left == 0 || n < SLICE_ROWS;
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* A copy that fails is no failure of the database: who asked for it is told, and that is all. */
static int copy_slice(struct db *db, struct task *t, struct answers *out, bool *finished_out)
{
	struct diag why = { 0 };
	enum err e = t->begun ? ERR_OK : copy_begin_passing(db, &t->copy, &why);
	bool whole = false;
	int fd = -1;

	if (e == ERR_OK)
		e = copy_step(t->copy, SLICE_PAGES, &whole, &why);
	if (e == ERR_OK && whole) {
		struct copy *c = t->copy;

		t->copy = NULL;
		e = copy_finish_passing(c, &fd, &why);
	}
	*finished_out = whole || e != ERR_OK;
	if (e != ERR_OK)
		log_warn("store", "copy-failed", "error=\"%s\"", why.msg);
	if (*finished_out) {
		struct answer *x = answers_add(out, t->what, t->cookie, e);

		x->done.fd = fd;
		x->done.last = true;
	}
	return SQLITE_OK;
}

int task_step(struct db *db, struct task *t, struct answers *out, bool *finished_out)
{
	struct reader r = reader_of(buf_str(&t->packed));
	int rc;

	*finished_out = false;
	switch (t->what) {
	case STORE_TRIMMED:    rc = trim(db, &r, finished_out); break;
	case STORE_SWEPT:      rc = sweep(db, &r, finished_out); break;
	case STORE_REWRITTEN:  rc = rewrite_step(db, t, finished_out); break;
	case STORE_DELIVERIES: rc = list_deliveries(db, t, &r, out, finished_out); break;
	case STORE_CLOSED:     rc = list_closed(db, t, &r, out, finished_out); break;
	case STORE_REFUSALS:   rc = list_refusals(db, t, &r, out, finished_out); break;
	case STORE_COPIED:     rc = copy_slice(db, t, out, finished_out); break;
	case STORE_TICKET:     rc = find_ticket(db, t, &r, out); *finished_out = true; break;
	default:               return SQLITE_MISUSE;
	}
	t->begun = true;
	if (rc == SQLITE_OK && *finished_out && t->what != STORE_COPIED && (t->cookie != 0 || !exec_is_write(t->what)))
		answers_add(out, t->what, t->cookie, t->end)->done.last = !exec_is_write(t->what);
	return rc;
}
