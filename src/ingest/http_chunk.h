/*
 * Bodies in chunks (RFC 9112 section 7.1), strictly: CRLF alone, no signs, bounded extensions, trailers that are NAME: VALUE. What
 * extensions and trailers say is dropped. Pure.
 */
#ifndef PLAZO_INGEST_HTTP_CHUNK_H
#define PLAZO_INGEST_HTTP_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum chunk_state {
	CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_SIZE_LF, CHUNK_DATA, CHUNK_DATA_CR, CHUNK_DATA_LF, CHUNK_TRAILER, CHUNK_TRAILER_VALUE,
	CHUNK_TRAILER_LF, CHUNK_FINISHED, CHUNK_BAD,
};

struct http_chunk {
	enum chunk_state state;
	uint64_t         size;             /* of this chunk; in CHUNK_DATA: what is left of it */
	unsigned         line_len;         /* bytes of the line that is being read */
	unsigned         extensions_len;   /* of all lines so far */
	unsigned         n_trailers;
};

/*
 * Reads on; the zero value is the beginning. Appends the data to `out`, whose maximum bounds the body: look at buf_ok(). Gives how many
 * bytes were used: all of them, unless the state is FINISHED or BAD now.
 */
size_t http_chunk_read(struct http_chunk *c, struct str in, struct buf *out);

#endif
