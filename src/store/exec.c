#include "store/exec.h"

#include "base/log.h"
#include "base/reader.h"

#define DELIVERY_SUMS  3
#define REFUSALS_EVERY 16     /* between two looks at whether there are too many */

bool exec_is_write(enum store_what what)
{
	return what < STORE_DELIVERIES;
}

bool exec_is_task(enum store_what what)
{
	return what == STORE_TRIMMED || what == STORE_SWEPT || what == STORE_REWRITTEN || !exec_is_write(what);
}

/* Time waits for a revision, a source for its event, and a cursor stands for such events: none may wait for a disk that is full. */
bool exec_may_refuse(enum store_what what)
{
	return what == STORE_APPENDED || what == STORE_REVISED || what == STORE_CURSOR;
}

/* ---- rows ---- */

static int64_t ticket_sum(struct db *db, const struct ticket_row *row)
{
	uint64_t head = db_hash_key(db->key, row->ns, row->ticket) ^ row->seq;

	head = (uint64_t)db_sum(db, head, row->contract) + (row->over ? (uint64_t)row->over_at.ms : 0);
	return db_sum(db, head, row->row);
}

/* Of rows from before schema 3, and of those that store_rewrite() has changed. */
static int64_t ticket_sum_plain(struct db *db, const struct ticket_row *row)
{
	return db_sum(db, db_hash_key(db->key, row->ns, row->ticket) ^ row->seq, row->row);
}

bool exec_read_ticket(struct db *db, sqlite3_stmt *s, struct ticket_row *out)
{
	*out = (struct ticket_row){
		.ns = column_str(s, 0),
		.ticket = column_str(s, 1),
		.contract = column_str(s, 2),
		.seq = (uint64_t)sqlite3_column_int64(s, 3),
		.row = column_str(s, 4),
		.over = sqlite3_column_type(s, 6) != SQLITE_NULL,
		.over_at = column_wall(s, 6),
	};

	int64_t sum = sqlite3_column_int64(s, 5);

	return sum == ticket_sum(db, out) || sum == ticket_sum_plain(db, out);
}

static uint64_t sum_texts(struct db *db, const struct str *v, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = (uint64_t)db_sum(db, sum, v[i]);
	return sum;
}

static int64_t sum_numbers(struct db *db, uint64_t sum, const int64_t *v, size_t n)
{
	buf_reset(&db->scratch);
	for (size_t i = 0; i < n; i++)
		buf_put_zigzag(&db->scratch, v[i]);
	return db_sum(db, sum, buf_str(&db->scratch));
}

static int64_t fate_sum(struct db *db, const struct delivery *v)
{
	const struct str fate[] = { v->id, v->receiver, v->detail };
	const int64_t numbers[] = { (int64_t)v->state, v->attempts, v->next.ms, v->status, v->settled.ms };

	return sum_numbers(db, sum_texts(db, fate, 3), numbers, 5);
}

int64_t exec_id_hash(const struct db *db, struct str id, unsigned place)
{
	return (int64_t)db_hash_key(db->key, place == 0 ? STR("") : STR("2"), id);
}

static bool has_place(struct db *db, int64_t hash, struct str id)
{
	unsigned place = 0;

	while (place < EXEC_PLACES && hash != exec_id_hash(db, id, place))
		place++;
	return place < EXEC_PLACES;
}

static int64_t ticket_hash(const struct db *db, const struct delivery *v)
{
	return (int64_t)db_hash_key(db->key, v->ns, v->ticket);
}

/* What an alert is, its text, and what became of it change at different times, so each has a checksum. */
static void delivery_sums(struct db *db, const struct delivery *v, int64_t out[DELIVERY_SUMS])
{
	const struct str head[] = { v->id, v->receiver, v->type };
	const int64_t times[] = { v->created.ms, v->at.ms, v->due.ms };

	out[0] = sum_numbers(db, sum_texts(db, head, 3), times, 3);
	out[1] = db_sum(db, db_hash_key(db->key, v->ns, v->ticket), v->body);
	out[2] = fate_sum(db, v);
}

bool exec_delivery_holds(struct db *db, sqlite3_stmt *s, const struct delivery *v)
{
	int64_t sums[DELIVERY_SUMS];
	bool holds = v->state < DELIVERY_N_STATES && has_place(db, sqlite3_column_int64(s, 19), v->id) &&
		sqlite3_column_int64(s, 20) == ticket_hash(db, v);

	delivery_sums(db, v, sums);
	for (int i = 0; i < DELIVERY_SUMS; i++)
		if (sqlite3_column_type(s, 16 + i) != SQLITE_NULL)
			holds = holds && sqlite3_column_int64(s, 16 + i) == sums[i];
	return holds;
}

int exec_damaged(struct db *db, const char *what, struct str ns, struct str id)
{
	log_error("store", "damaged", "path=%s %s=\"" STR_FMT "/" STR_FMT "\" text=\"does not fit its checksum\"", db->path, what, STR_ARG(ns), STR_ARG(id));
	return SQLITE_CORRUPT;
}

int64_t exec_read_delivery(sqlite3_stmt *s, struct delivery *out)
{
	*out = (struct delivery){
		.no = (uint64_t)sqlite3_column_int64(s, 0),
		.id = column_str(s, 1),
		.receiver = column_str(s, 2),
		.type = column_str(s, 3),
		.ns = column_str(s, 4),
		.ticket = column_str(s, 5),
		.body = column_str(s, 6),
		.created = column_wall(s, 7),
		.at = column_wall(s, 8),
		.due = column_wall(s, 9),
		.state = (enum delivery_state)sqlite3_column_int(s, 10),
		.attempts = (uint32_t)sqlite3_column_int64(s, 11),
		.next = column_wall(s, 12),
		.status = sqlite3_column_int(s, 13),
		.detail = column_str(s, 14),
		.settled = column_wall(s, 15),
	};
	return (int64_t)out->no;
}

int exec_seek_ticket(struct db *db, struct str ns, struct str ticket, sqlite3_stmt **s_out)
{
	static const enum query where[] = { Q_CLOSED_GET, Q_OPEN_GET };
	int rc = SQLITE_DONE;

	for (size_t i = 0; i < 2 && rc == SQLITE_DONE; i++) {
		sqlite3_stmt *s = db_stmt(db, where[i]);

		bind_str(s, 1, ns);
		bind_str(s, 2, ticket);
		rc = sqlite3_step(s);
		if (rc == SQLITE_DONE)
			sqlite3_reset(s);
		*s_out = s;
	}
	return rc;
}

/* ---- events ---- */

/* SQLITE_DONE when there is no such ticket. A row that does not fit its checksum is corruption like any other. */
static int answer_ticket(struct db *db, struct str ns, struct str ticket, struct answers *out, struct answer *x)
{
	struct ticket_row row;
	sqlite3_stmt *s;
	int rc = exec_seek_ticket(db, ns, ticket, &s);

	if (rc != SQLITE_ROW)
		return rc;
	if (!exec_read_ticket(db, s, &row))
		return exec_damaged(db, "ticket", row.ns, row.ticket);
	answers_set_ticket(out, x, &row);
	sqlite3_reset(s);
	return SQLITE_OK;
}

int exec_event(struct db *db, const struct batch *b, const struct job *job, uint64_t seq, struct answers *out)
{
	struct answer *x = answers_add(out, STORE_APPENDED, job->cookie, ERR_OK);

	x->done.n = job->n;
	x->done.seq = seq;
	if (job->echo)
		answers_set_record(out, x, job_record(b, job));
	if (!job->fetch)
		return SQLITE_OK;

	struct reader r = reader_of(job_packed(b, job));
	struct str ns = reader_bytes(&r);
	int rc = answer_ticket(db, ns, reader_bytes(&r), out, x);

	x->done.fetched = rc == SQLITE_OK;
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int exec_journal(struct db *db, uint64_t seq, uint64_t n, struct str records)
{
	sqlite3_stmt *s = db_stmt(db, Q_JOURNAL_PUT);

	bind_i64(s, 1, (int64_t)seq);
	bind_i64(s, 2, (int64_t)n);
	bind_blob(s, 3, records);
	bind_i64(s, 4, db_sum(db, seq, records));
	return db_run(db, Q_JOURNAL_PUT);
}

/* ---- single rows ---- */

/* A row in this place: is it this one, or another alert's? */
static int has_delivery(struct db *db, const struct delivery *v, int64_t id_hash, bool *has_out)
{
	sqlite3_stmt *s = db_stmt(db, Q_OUTBOX_HAS);
	int rc;

	bind_i64(s, 1, id_hash);
	bind_str(s, 2, v->receiver);
	bind_str(s, 3, v->id);
	rc = sqlite3_step(s);
	*has_out = rc == SQLITE_ROW;
	sqlite3_reset(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Inserts it into the first place that is free, unless it is there. */
static int take_place(struct db *db, sqlite3_stmt *s, const struct delivery *v, struct answer *x)
{
	for (unsigned place = 0; place < EXEC_PLACES; place++) {
		int64_t id_hash = exec_id_hash(db, v->id, place);
		bool has;
		int rc;

		bind_i64(s, 19, id_hash);
		rc = db_run(db, Q_OUTBOX_PUT);
		if (rc == SQLITE_OK && sqlite3_changes(db->handle) == 0) {
			rc = has_delivery(db, v, id_hash, &has);
			if (rc != SQLITE_OK || has)
				return rc;
			continue;
		}
		x->done.seq = (uint64_t)sqlite3_last_insert_rowid(db->handle);
		x->done.fresh = rc == SQLITE_OK;
		return rc;
	}
	/* Others have both of its places: it is sent all the same. */
	x->done.fresh = true;
	return SQLITE_OK;
}

static int put_delivery(struct db *db, struct reader *r, struct answer *x)
{
	struct delivery v;
	int64_t sums[DELIVERY_SUMS];
	sqlite3_stmt *s = db_stmt(db, Q_OUTBOX_PUT);

	unpack_delivery(r, &v);
	bind_str(s, 1, v.id);
	bind_str(s, 2, v.receiver);
	bind_str(s, 3, v.type);
	bind_str(s, 4, v.ns);
	bind_str(s, 5, v.ticket);
	bind_str(s, 6, v.body);
	bind_wall(s, 7, v.created);
	bind_wall(s, 8, v.at);
	bind_wall(s, 9, v.due);
	bind_i64(s, 10, (int64_t)v.state);
	bind_i64(s, 11, v.attempts);
	bind_wall(s, 12, v.next);
	bind_i64(s, 13, v.status);
	bind_str(s, 14, v.detail);
	bind_wall(s, 15, v.settled);
	delivery_sums(db, &v, sums);
	for (int i = 0; i < DELIVERY_SUMS; i++)
		bind_i64(s, 16 + i, sums[i]);
	bind_i64(s, 20, ticket_hash(db, &v));
	return take_place(db, s, &v, x);
}

static int put_fate(struct db *db, const struct delivery *v)
{
	sqlite3_stmt *s = db_stmt(db, Q_OUTBOX_SETTLE);

	bind_str(s, 1, v->id);
	bind_str(s, 2, v->receiver);
	bind_i64(s, 3, (int64_t)v->state);
	bind_i64(s, 4, v->attempts);
	bind_wall(s, 5, v->next);
	bind_i64(s, 6, v->status);
	bind_str(s, 7, v->detail);
	bind_wall(s, 8, v->settled);
	bind_i64(s, 9, fate_sum(db, v));

	int rc = SQLITE_OK;

	for (unsigned place = 0; place < EXEC_PLACES; place++) {
		bind_i64(s, 10, exec_id_hash(db, v->id, place));
		rc = db_run(db, Q_OUTBOX_SETTLE);
		if (rc != SQLITE_OK || sqlite3_changes(db->handle) > 0)
			break;
	}
	return rc;
}

int exec_put_detail(struct db *db, int64_t no, struct str detail)
{
	sqlite3_stmt *s = db_stmt(db, Q_OUTBOX_ROW);
	struct delivery v;
	int rc;

	bind_i64(s, 1, no);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		(void)exec_read_delivery(s, &v);
		rc = exec_delivery_holds(db, s, &v) ? SQLITE_OK : exec_damaged(db, "alert", v.ns, v.id);
		v.detail = detail;
		if (rc == SQLITE_OK)
			rc = put_fate(db, &v);
	}
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int settle(struct db *db, struct reader *r, struct answer *x)
{
	struct delivery v;

	unpack_delivery(r, &v);

	int rc = put_fate(db, &v);

	if (rc == SQLITE_OK && sqlite3_changes(db->handle) == 0)
		x->done.err = ERR_ABSENT;
	return rc;
}

static int drop_ticket(struct db *db, enum query q, struct str ns, struct str ticket)
{
	sqlite3_stmt *s = db_stmt(db, q);

	bind_str(s, 1, ns);
	bind_str(s, 2, ticket);
	return db_run(db, q);
}

static int save(struct db *db, struct reader *r, bool shadowed)
{
	struct ticket_row v;
	int rc = SQLITE_OK;

	unpack_ticket(r, &v);

	enum query q = v.over ? Q_CLOSED_PUT : Q_OPEN_PUT;
	sqlite3_stmt *s = db_stmt(db, q);

	bind_str(s, 1, v.ns);
	bind_str(s, 2, v.ticket);
	bind_str(s, 3, v.contract);
	bind_i64(s, 4, (int64_t)v.seq);
	bind_blob(s, 5, v.row);
	bind_i64(s, 6, ticket_sum(db, &v));
	if (v.over)
		bind_i64(s, 7, v.over_at.ms);
	rc = db_run(db, q);
	/* A ticket stands in one of the two tables. */
	if (rc == SQLITE_OK && v.over)
		rc = drop_ticket(db, Q_OPEN_DEL, v.ns, v.ticket);
	if (rc == SQLITE_OK && !v.over && shadowed)
		rc = drop_ticket(db, Q_CLOSED_DEL, v.ns, v.ticket);
	return rc;
}

static int put_verdicts(struct db *db, struct reader *r)
{
	sqlite3_stmt *s = db_stmt(db, Q_VERDICTS_PUT);

	bind_i64(s, 1, (int64_t)reader_varint(r));
	bind_i64(s, 2, reader_zigzag(r));
	bind_blob(s, 3, reader_bytes(r));
	return db_run(db, Q_VERDICTS_PUT);
}

static int put_revision(struct db *db, struct reader *r, uint64_t seq)
{
	sqlite3_stmt *s = db_stmt(db, Q_REVISION_PUT);
	int64_t from = reader_zigzag(r);
	uint64_t digest = reader_u64le(r);
	struct str text = reader_bytes(r);

	bind_i64(s, 1, from);
	bind_i64(s, 2, (int64_t)digest);
	bind_i64(s, 3, (int64_t)seq);
	bind_str(s, 4, text);
	bind_i64(s, 5, db_sum(db, digest, text));
	return db_run(db, Q_REVISION_PUT);
}

static int put_cursor(struct db *db, struct reader *r)
{
	struct store_cursor c;
	sqlite3_stmt *s = db_stmt(db, Q_CURSOR_PUT);

	unpack_cursor(r, &c);
	bind_str(s, 1, c.source);
	bind_str(s, 2, c.key);
	bind_str(s, 3, c.value);
	bind_i64(s, 4, db_sum(db, db_hash_key(db->key, c.source, c.key), c.value));
	return db_run(db, Q_CURSOR_PUT);
}

/* Whoever may write to a stream could fill the disk otherwise. */
static int cap_refusals(struct db *db)
{
	int64_t no = sqlite3_last_insert_rowid(db->handle);
	sqlite3_stmt *s;

	if (no <= STORE_MAX_REFUSALS || no % REFUSALS_EVERY != 0)
		return SQLITE_OK;
	s = db_stmt(db, Q_REFUSED_CAP);
	bind_i64(s, 1, no - STORE_MAX_REFUSALS);
	return db_run(db, Q_REFUSED_CAP);
}

static int put_refusal(struct db *db, struct reader *r, struct answer *x)
{
	struct refusal v;
	sqlite3_stmt *s = db_stmt(db, Q_REFUSED_PUT);

	unpack_refusal(r, &v);
	bind_i64(s, 1, db_sum(db, db_hash_key(db->key, v.source, v.place), v.body));
	bind_str(s, 2, v.source);
	bind_str(s, 3, v.place);
	bind_i64(s, 4, v.at.ms);
	bind_str(s, 5, v.why);
	bind_blob(s, 6, v.body);

	int rc = db_run(db, Q_REFUSED_PUT);

	x->done.fresh = rc == SQLITE_OK && sqlite3_changes(db->handle) == 1;
	return x->done.fresh ? cap_refusals(db) : rc;
}

int exec_job(struct db *db, const struct batch *b, const struct job *job, uint64_t seq, struct answers *out)
{
	struct reader r = reader_of(job_packed(b, job));
	struct answer x = { .done = { .what = job->what, .cookie = job->cookie } };
	int rc;

	switch (job->what) {
	case STORE_PUT:     rc = put_delivery(db, &r, &x); break;
	case STORE_SETTLED: rc = settle(db, &r, &x); break;
	case STORE_SAVED:   rc = save(db, &r, job->shadowed); break;
	case STORE_JUDGED:  rc = put_verdicts(db, &r); break;
	case STORE_REVISED: rc = put_revision(db, &r, seq); break;
	case STORE_CURSOR:  rc = put_cursor(db, &r); break;
	case STORE_REFUSAL: rc = put_refusal(db, &r, &x); break;
	default:            return SQLITE_MISUSE;
	}
	if (rc == SQLITE_OK && (job->what == STORE_PUT || job->cookie != 0)) {
		struct answer *y = answers_add(out, job->what, job->cookie, x.done.err);

		y->done.fresh = x.done.fresh;
		y->done.seq = x.done.seq;
	}
	return rc;
}
