#include "daemon/parking.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "daemon/daemon.h"
#include "daemon/query.h"

struct parked {
	uint64_t no;
	char     id[ALERT_ID_LEN + 1];   /* numbers of rows that are gone are given again */
	bool     is_mild;
};

struct parked_lane {
	char          *receiver;         /* owned */
	struct parked *v;                /* owned; those from `head` to `n`, oldest first */
	size_t         head, n, cap;
	size_t         n_waiting[2];     /* those, and those that were asked for and have not come: urgent ones, mild ones */
	bool           asked;            /* a refill is under way: one at a time, so that what finds no room has its place again */
};

/* Rows that are asked for together. Those before `at` have come, or are gone; the first `n_back` of them found no room. */
struct refill {
	struct query  query;
	char         *receiver;          /* owned */
	bool          is_full[2];        /* for urgent ones, for mild ones */
	size_t        n, at, n_back;
	struct parked v[];
};

void parking_finish(struct parking *k)
{
	for (size_t i = 0; i < k->n_lanes; i++) {
		free(k->lanes[i].receiver);
		free(k->lanes[i].v);
	}
	free(k->lanes);
	*k = (struct parking){ 0 };
}

static struct parked_lane *find_lane(const struct parking *k, const char *receiver)
{
	for (size_t i = 0; i < k->n_lanes; i++)
		if (strcmp(k->lanes[i].receiver, receiver) == 0)
			return &k->lanes[i];
	return NULL;
}

static struct parked_lane *add_lane(struct parking *k, const char *receiver)
{
	k->lanes = xreallocarray(k->lanes, k->n_lanes + 1, sizeof *k->lanes);
	k->lanes[k->n_lanes] = (struct parked_lane){ .receiver = xstrdup(receiver) };
	return &k->lanes[k->n_lanes++];
}

/* For `n` more. */
static void reserve(struct parked_lane *l, size_t n)
{
	if (l->cap - l->n >= n)
		return;
	if (l->head > 0)
		memmove(l->v, l->v + l->head, (l->n - l->head) * sizeof *l->v);
	l->n -= l->head;
	l->head = 0;
	while (l->cap - l->n < n || l->cap / 2 < l->n)
		l->cap = l->cap != 0 ? l->cap * 2 : 256;
	l->v = xreallocarray(l->v, l->cap, sizeof *l->v);
}

enum side { BEFORE_ALL, BEHIND_ALL };

static void put(struct parking *k, const char *receiver, const struct parked *v, size_t n, enum side side)
{
	struct parked_lane *l = find_lane(k, receiver);
	struct parked *at;

	if (l == NULL)
		l = add_lane(k, receiver);
	reserve(l, n);
	at = l->v + (side == BEFORE_ALL ? l->head : l->n);
	memmove(at + n, at, (size_t)(l->v + l->n - at) * sizeof *v);
	memcpy(at, v, n * sizeof *v);
	l->n += n;
}

void parking_add(struct parking *k, uint64_t no, const struct alert *a, const char *receiver)
{
	struct parked p = { .no = no, .is_mild = alert_is_mild(a->type) };

	memcpy(p.id, a->id, sizeof p.id);
	put(k, receiver, &p, 1, BEHIND_ALL);
	find_lane(k, receiver)->n_waiting[p.is_mild]++;
}

bool parking_is_before(const struct parking *k, const struct alert *a, const char *receiver)
{
	const struct parked_lane *l = find_lane(k, receiver);

	return l != NULL && l->n_waiting[false] + (alert_is_mild(a->type) ? l->n_waiting[true] : 0) > 0;
}

size_t parking_count(const struct parking *k, const char *receiver)
{
	const struct parked_lane *l = find_lane(k, receiver);

	return l != NULL ? l->n_waiting[false] + l->n_waiting[true] : 0;
}

static void waits_no_more(struct parking *k, struct refill *rf)
{
	find_lane(k, rf->receiver)->n_waiting[rf->v[rf->at++].is_mild]--;
}

static void waits_on(struct refill *rf)
{
	rf->v[rf->n_back++] = rf->v[rf->at++];
}

static void come_back(struct daemon *d, struct refill *rf, const struct delivery *row)
{
	const struct parked *p = &rf->v[rf->at];

	if (row->state != DELIVERY_PENDING || !str_eqz(row->id, p->id) || !str_eqz(row->receiver, rf->receiver)) {
		waits_no_more(&d->outbox.parking, rf);
	} else if (!rf->is_full[p->is_mild] && outbox_return(d, row)) {
		waits_no_more(&d->outbox.parking, rf);
	} else {
		/* Those behind wait with it, but for a breach behind warnings. */
		rf->is_full[true] = true;
		rf->is_full[false] = rf->is_full[false] || !p->is_mild;
		waits_on(rf);
	}
}

static void refill_end(struct parking *k, struct refill *rf)
{
	if (rf->n_back > 0)
		put(k, rf->receiver, rf->v, rf->n_back, BEFORE_ALL);
	find_lane(k, rf->receiver)->asked = false;
	k->n_asked -= rf->n;
	free(rf->receiver);
	free(rf);
}

static void on_row(struct daemon *d, struct query *q, const struct store_done *done)
{
	struct refill *rf = (struct refill *)q;

	if (done->delivery != NULL) {
		/* They come in the order in which they were asked for, without those that are gone. */
		while (rf->v[rf->at].no != done->delivery->no)
			waits_no_more(&d->outbox.parking, rf);
		come_back(d, rf, done->delivery);
	}
	if (!done->last)
		return;
	/* The store had no answer: the rows are still there, and are asked for with the next. */
	while (rf->at < rf->n && done->err == ERR_FULL)
		waits_on(rf);
	while (rf->at < rf->n)
		waits_no_more(&d->outbox.parking, rf);
	refill_end(&d->outbox.parking, rf);
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

/* The first `n` of the lane stay there until they are asked for. */
static struct refill *refill_create(const struct parked_lane *l, size_t n)
{
	struct refill *rf = xmalloc(sizeof *rf + n * sizeof rf->v[0]);

	*rf = (struct refill){ .query = { on_row }, .receiver = xstrdup(l->receiver), .n = n };
	memcpy(rf->v, l->v + l->head, n * sizeof rf->v[0]);
	return rf;
}

static void drop_first(struct parked_lane *l, size_t n)
{
	l->head += n;
	if (l->head < l->n)
		return;
	free(l->v);
	l->v = NULL;
	l->head = l->n = l->cap = 0;
}

bool parking_refill(struct daemon *d, const char *receiver, size_t room)
{
	struct parking *k = &d->outbox.parking;
	struct parked_lane *l = find_lane(k, receiver);
	size_t n = l != NULL ? l->n - l->head : 0;

	/* What is on its way takes up the room, whosever it is. */
	if ((l != NULL && l->asked) || k->n_asked >= room)
		return true;
	if (n == 0)
		return k->n_asked > 0;
	/* By the time they come there is more: half of them on their way from a busy disk, and a quick receiver would have nothing to do. */
	if (n > 2 * (room - k->n_asked))
		n = 2 * (room - k->n_asked);

	struct refill *rf = refill_create(l, n);

	if (ask(d, rf)) {
		k->n_asked += n;
		l->asked = true;
		drop_first(l, n);
	} else {
		free(rf->receiver);
		free(rf);
	}
	return true;
}
