#ifndef PLAZO_CONFIG_ZONES_H
#define PLAZO_CONFIG_ZONES_H

#include "load.h"

/* Of the name and the file of a zone that was loaded: another tzdata that changes nothing here gives the same. */
uint64_t zones_digest(const struct whole *w, const struct zone *z);

/* The files of all zones that calendars use, as comments at the head of a revision: "# zone NAME HEX", a zone a line. */
void zones_write(const struct whole *w, struct buf *out);

/* Version of the system's tzdata, as "2025b", or "unknown". */
const char *zones_version(struct load *l);

#endif
