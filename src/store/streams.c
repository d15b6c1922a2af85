#include "store/streams.h"

#include "store/worker.h"

enum err store_load_cursors(struct store *st, store_cursor_fn *fn, void *ctx, struct diag *d)
{
	sqlite3_stmt *s = db_stmt(st->db, Q_CURSOR_ALL);
	enum err e = ERR_OK;
	int rc = SQLITE_DONE;

	while (e == ERR_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_cursor c = { column_str(s, 0), column_str(s, 1), column_str(s, 2) };
		int64_t sum = db_sum(st->db, db_hash_key(st->db->key, c.source, c.key), c.value);

		if (sqlite3_column_type(s, 3) != SQLITE_NULL && sqlite3_column_int64(s, 3) != sum) {
			diag_set(d, "%s is damaged: the cursor of " STR_FMT "/" STR_FMT " does not fit its checksum", st->db->path, STR_ARG(c.source),
				STR_ARG(c.key));
			e = ERR_SYNTAX;
		} else {
			e = fn(ctx, &c, d);
		}
	}
	if (e == ERR_OK && rc != SQLITE_DONE) {
		db_explain(st->db, rc, d);
		e = db_err(rc);
	}
	sqlite3_reset(s);
	return e;
}

uint64_t store_epoch(struct store *st)
{
	pthread_mutex_lock(&st->lock);

	uint64_t epoch = st->epoch;

	pthread_mutex_unlock(&st->lock);
	return epoch;
}

enum err store_put_cursor(struct store *st, const struct store_cursor *c, uint64_t epoch, uint64_t cookie)
{
	struct job *job;
	enum err e = job_begin(st, STORE_CURSOR, c->source.len + c->key.len + c->value.len + 256, cookie, &job);

	if (e != ERR_OK)
		return e;
	if (st->epoch != epoch) {
		job_drop(st);
		return ERR_FULL;
	}
	pack_cursor(&st->queue.bytes, c);
	return job_end(st);
}

enum err store_put_refusal(struct store *st, const struct refusal *r, uint64_t cookie)
{
	struct job *job;
	enum err e = job_begin(st, STORE_REFUSAL, r->source.len + r->place.len + r->why.len + r->body.len + 256, cookie, &job);

	if (e != ERR_OK)
		return e;
	pack_refusal(&st->queue.bytes, r);
	return job_end(st);
}

enum err store_list_refusals(struct store *st, const struct store_refusal_filter *f, uint64_t cookie)
{
	struct job *job;
	enum err e = job_begin(st, STORE_REFUSALS, f->source.len + 256, cookie, &job);

	if (e != ERR_OK)
		return e;
	pack_str(&st->queue.bytes, f->source);
	buf_put_varint(&st->queue.bytes, f->no);
	buf_put_varint(&st->queue.bytes, f->before);
	buf_put_varint(&st->queue.bytes, f->limit < STORE_MAX_ROWS ? f->limit : STORE_MAX_ROWS);
	return job_end(st);
}
