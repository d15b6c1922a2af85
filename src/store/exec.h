/*
 * What each job does to the database. All of it runs inside a transaction of the caller's, but for the tasks that only read.
 * Functions give SQLITE_OK or an extended code; then the caller rolls back and cuts the answers.
 */
#ifndef PLAZO_STORE_EXEC_H
#define PLAZO_STORE_EXEC_H

#include "store/db.h"
#include "store/queue.h"

/* A job that takes longer than there is between two commits, and is done in slices. */
struct task {
	enum store_what what;
	uint64_t        cookie;
	size_t          cost;      /* bytes it takes of the queue's limits */
	struct buf      packed;    /* as its job's; owned */
	/* where it has come to */
	bool            begun;
	uint32_t        left;      /* rows still wanted */
	int64_t         before;    /* the next row is before this one, in the order of the query */
	struct buf      ns, ticket;
	enum err        end;       /* what its last answer says */
	struct copy    *copy;      /* of STORE_COPIED; owned */
};

bool exec_is_task(enum store_what what);
bool exec_is_write(enum store_what what);

/* Is it refused while the disk is full, rather than kept for later? */
bool exec_may_refuse(enum store_what what);

/* An event: its answer, and the row it asked for. The journal row of all events of the transaction follows by exec_journal(). */
int exec_event(struct db *db, const struct batch *b, const struct job *job, uint64_t seq, struct answers *out);
int exec_journal(struct db *db, uint64_t seq, uint64_t n, struct str records);

/* Every other job that is no task. `seq` is the last event before it. */
int exec_job(struct db *db, const struct batch *b, const struct job *job, uint64_t seq, struct answers *out);

void task_init(struct task *t, const struct batch *b, const struct job *job);
void task_finish(struct task *t);

/* One slice. *finished_out: nothing is left; its last answer is given. */
int task_step(struct db *db, struct task *t, struct answers *out, bool *finished_out);

/* rewrite.c: a slice of STORE_REWRITTEN. */
int rewrite_step(struct db *db, struct task *t, bool *finished_out);

/* Reads columns of the statements that give tickets or deliveries; borrows until the next step. False: a ticket's checksum is wrong. */
bool exec_read_ticket(struct db *db, sqlite3_stmt *s, struct ticket_row *out);
int exec_put_detail(struct db *db, int64_t no, struct str detail);   /* in the delivery of that number */
int64_t exec_read_delivery(sqlite3_stmt *s, struct delivery *out);   /* gives the row's number */

/*
 * By which a delivery is found: of an alert's id; of (ns, ticket) it is db_hash_key(). One whose first place another alert has, as happens to
 * one in many millions of millions, has the second.
 */
#define EXEC_PLACES 2
int64_t exec_id_hash(const struct db *db, struct str id, unsigned place);

/* Whether what was just read is what was written. Rows of before schema 3 have no checksums, and hold. */
bool exec_delivery_holds(struct db *db, sqlite3_stmt *s, const struct delivery *v);

/* Tells the log which row does not fit its checksum. Gives SQLITE_CORRUPT. */
int exec_damaged(struct db *db, const char *what, struct str ns, struct str id);

/* Steps the two queries for one ticket. SQLITE_ROW with *s_out on it (to be reset by the caller), SQLITE_DONE, or an error. */
int exec_seek_ticket(struct db *db, struct str ns, struct str ticket, sqlite3_stmt **s_out);

#endif
