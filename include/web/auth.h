/* Who may ask: tokens of operators, and the users of the control socket. Decides by the configuration and the system's groups alone. */
#ifndef PLAZO_WEB_AUTH_H
#define PLAZO_WEB_AUTH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/str.h"
#include "config/config.h"

/*
 * The operator whose token stands in an Authorization header ("Bearer TOKEN"), or NULL. Takes the same time for every token of the
 * same length, and looks at all operators.
 */
const struct operator *auth_bearer(const struct config *cfg, struct str authorization);

/* May a user of this machine read and act: root, the daemon's own user, and members of the socket's group. */
bool auth_user(uid_t uid, gid_t gid, gid_t group);

/* Appends the user's name, or "uid 1000". */
void auth_user_name(uid_t uid, struct buf *out);

#endif
