/*
 * One thread beside the loop that carries out jobs in the order in which they came, and hands each back to the loop in that order. For what
 * takes longer than a turn should; who uses it sees to it that a job touches nothing of the loop's meanwhile.
 */
#ifndef PLAZO_SRC_INGEST_APART_H
#define PLAZO_SRC_INGEST_APART_H

struct event_base;
struct apart;

/* To be embedded in what is to be done. */
struct apart_job { struct apart_job *next; };

typedef void apart_fn(void *ctx, struct apart_job *job);

/* `work` runs on the thread, `back` on the loop. NULL with errno set when there can be no thread. */
struct apart *apart_create(struct event_base *base, apart_fn *work, apart_fn *back, void *ctx);

/* Ends the thread after the job it is at. Calls `drop` for every job that did not go back; NULL is fine. */
void apart_destroy(struct apart *a, apart_fn *drop);

/* Takes the job until back() or drop(). */
void apart_put(struct apart *a, struct apart_job *job);

#endif
