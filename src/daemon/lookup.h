/* A ticket that a request names: in memory, or on disk, in whichever namespace it is. */
#ifndef PLAZO_SRC_DAEMON_LOOKUP_H
#define PLAZO_SRC_DAEMON_LOOKUP_H

#include <stdbool.h>

#include "core/engine.h"
#include "daemon/api.h"
#include "daemon/query.h"

struct lookup;

/* What the text of a request may name. */
struct lookup_name { struct str ns, ticket; };

/* Called once when there is one such ticket; answers the request. The lookup is valid during the call. */
typedef void lookup_fn(struct daemon *d, struct lookup *l);

struct lookup {
	struct query         query;
	lookup_fn           *fn;
	struct http_request *r;
	enum route           route;
	struct arena        *arena;
	struct str           ns, ticket;
	struct str           row;            /* of a ticket that is not in memory */
	struct lookup_name  *asked;          /* what is left to look at; the last one is being looked at */
	size_t               n_asked;
	struct lookup_name  *found;
	size_t               n_found;
};

/*
 * By namespace and id; without a namespace, by an id in any of them. Ids may have slashes, so a name with one is both: "a/b" the ticket
 * "b" of the namespace "a", and the ticket "a/b" of any. Answers 404 and 409 itself.
 */
void lookup_start(struct daemon *d, const struct api_call *c, lookup_fn *fn);

/*
 * Sees to it that the ticket is in the engine during fn(), also one that is on disk alone. False, and the request is answered,
 * when its row cannot be read.
 */
bool lookup_enter(struct daemon *d, struct lookup *l);
void lookup_leave(struct daemon *d, struct lookup *l);

#endif
