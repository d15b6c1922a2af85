/*
 * Forgetting a person: the name goes where it stands as a requester or as an actor, and from the tickets of that requester subject and URL go, too, and
 * the names of customers. Everything that decides stays: instants, fingerprints, other attributes, what was said. Nothing is computed again.
 */
#ifndef PLAZO_CORE_FORGET_H
#define PLAZO_CORE_FORGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "core/alert.h"
#include "core/event.h"

struct engine;

/*
 * In two rounds over everything: while the name still stands on the tickets, it tells which they are. So it goes last, and a round that
 * was cut can be done again.
 */
enum forget_round { FORGET_TEXTS, FORGET_NAMES };

enum forgot { FORGOT_NOTHING, FORGOT_ACTOR, FORGOT_REQUESTER };    /* what the name was; a requester may be an actor as well */

/* Of a ticket in memory, by its number. In how many of its events the name was, as a requester's or somebody's who was no customer, goes to *n_events. */
enum forgot engine_forget(struct engine *en, uint32_t number, struct str requester, enum forget_round round, uint32_t *n_events);

/* From now on that is done to each ticket that is loaded; the empty text ends it. Keeps the text. */
void engine_forget_on_load(struct engine *en, struct str requester, enum forget_round round);

/* Of a ticket's row as engine_save() gives it; appends the new one when there was something. Any thread may call it. */
enum forgot row_forget(struct str row, struct str requester, enum forget_round round, struct buf *out, uint32_t *n_events);

/* Of an event; `theirs`: its ticket is known to be of that requester. Its `body` stays, so that a repeat is known. */
enum forgot event_forget(struct event *e, struct str requester, bool theirs);

/* Of an alert about a ticket of theirs. False when there was nothing. */
bool alert_forget(struct alert *a, struct str requester);

#endif
