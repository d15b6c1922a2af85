#include "daemon/parking.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "daemon/daemon.h"
#include "daemon/query.h"

struct parked {
	uint64_t no;
	char     id[ALERT_ID_LEN + 1];   /* numbers of rows that are gone are given again */
	char    *receiver;               /* owned */
};

/* Rows that are asked for together; those before `at` are dealt with. */
struct refill {
	struct query  query;
	size_t        n, at;
	struct parked v[];
};

void parking_finish(struct parking *k)
{
	for (size_t i = 0; i < k->n; i++)
		free(k->v[i].receiver);
	free(k->v);
	*k = (struct parking){ 0 };
}

/* Takes what `p` owns. */
static void put(struct parking *k, struct parked p)
{
	if (k->n == k->cap) {
		k->cap = k->cap != 0 ? k->cap * 2 : 256;
		k->v = xreallocarray(k->v, k->cap, sizeof *k->v);
	}
	k->v[k->n++] = p;
}

void parking_add(struct parking *k, uint64_t no, const char *id, const char *receiver)
{
	struct parked p = { .no = no, .receiver = xstrdup(receiver) };

	memcpy(p.id, id, sizeof p.id);
	put(k, p);
}

static bool is_of(const struct delivery *row, const struct parked *p)
{
	return row->no == p->no && str_eqz(row->id, p->id) && str_eqz(row->receiver, p->receiver);
}

/* The next one is dealt with. */
static struct parked *step(struct parking *k, struct refill *rf)
{
	k->n_asked--;
	return &rf->v[rf->at++];
}

static void on_row(struct daemon *d, struct query *q, const struct store_done *done)
{
	struct refill *rf = (struct refill *)q;
	struct parking *k = &d->outbox.parking;
	const struct delivery *row = done->delivery;

	if (row != NULL) {
		/* They come in the order in which they were asked for, without those that are gone. */
		while (rf->v[rf->at].no != row->no)
			free(step(k, rf)->receiver);

		struct parked *p = step(k, rf);

		if (is_of(row, p) && row->state == DELIVERY_PENDING)
			outbox_resume(d, row);
		free(p->receiver);
	}
	if (!done->last)
		return;
	while (rf->at < rf->n) {
		struct parked *p = step(k, rf);

		/* The store had no answer: the row is still there, and is asked for with the next. */
		if (done->err == ERR_FULL)
			put(k, *p);
		else
			free(p->receiver);
	}
	free(rf);
}

static bool ask(struct daemon *d, struct refill *rf)
{
	uint64_t *nos = xreallocarray(NULL, rf->n, sizeof *nos);
	struct store_filter f = { .nos = nos, .n_nos = rf->n };
	enum err e;

	for (size_t i = 0; i < rf->n; i++)
		nos[i] = rf->v[i].no;
	e = store_list_deliveries(d->store, &f, query_cookie(&rf->query));
	free(nos);
	return e == ERR_OK;
}

/* Up to `max` of the receiver's, the oldest; NULL when there are none. The caller frees it, and what it has of receivers. */
static struct refill *take(struct parking *k, const char *receiver, size_t max)
{
	struct refill *rf = xcalloc(1, sizeof *rf + (max < k->n ? max : k->n) * sizeof rf->v[0]);
	size_t kept = 0;

	for (size_t i = 0; i < k->n; i++) {
		if (rf->n < max && strcmp(k->v[i].receiver, receiver) == 0)
			rf->v[rf->n++] = k->v[i];
		else
			k->v[kept++] = k->v[i];
	}
	k->n = kept;
	if (rf->n > 0)
		return rf;
	free(rf);
	return NULL;
}

bool parking_refill(struct daemon *d, const char *receiver, size_t room)
{
	struct parking *k = &d->outbox.parking;
	struct refill *rf;

	/* What is on its way takes up the room, whosever it is. */
	if (k->n_asked >= room)
		return true;
	rf = take(k, receiver, room - k->n_asked);
	if (rf == NULL)
		return k->n_asked > 0;
	rf->query.fn = on_row;
	if (ask(d, rf)) {
		k->n_asked += rf->n;
		return true;
	}
	for (size_t i = 0; i < rf->n; i++)
		put(k, rf->v[i]);
	free(rf);
	return true;
}
