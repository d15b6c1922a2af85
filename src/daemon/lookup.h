/* A ticket that a request names: in memory, or on disk, in whichever namespace it is. */
#ifndef PLAZO_SRC_DAEMON_LOOKUP_H
#define PLAZO_SRC_DAEMON_LOOKUP_H

#include <stdbool.h>

#include "core/engine.h"
#include "daemon/api.h"
#include "daemon/query.h"

struct lookup;

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
	struct str          *asked;          /* namespaces that were looked at, the one being looked at last */
	size_t               n_asked;
	struct str          *found;
	size_t               n_found;
};

/* Answers 404 and 409 itself. */
void lookup_start(struct daemon *d, const struct api_call *c, lookup_fn *fn);

/*
 * Sees to it that the ticket is in the engine during fn(), also one that is on disk alone. False, and the request is answered,
 * when its row cannot be read.
 */
bool lookup_enter(struct daemon *d, struct lookup *l);
void lookup_leave(struct daemon *d, struct lookup *l);

#endif
