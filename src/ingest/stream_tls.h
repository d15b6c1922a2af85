/* TLS on a connection, where hiredis was built with it. */
#ifndef PLAZO_INGEST_STREAM_TLS_H
#define PLAZO_INGEST_STREAM_TLS_H

#include <stdbool.h>

#include <hiredis/hiredis.h>

#include "base/err.h"

bool tls_is_there(void);

/* On a connected context; the handshake goes on with its reads and writes. The name is verified. ERR_IO with a sentence. */
MUST_CHECK enum err tls_begin(redisContext *c, char *host, const char *ca_file, struct diag *d);

/* Why reading or writing failed: hiredis says "Success" of a certificate that does not hold. Borrowed until the next call by this thread. */
const char *tls_why(redisContext *c);

#endif
