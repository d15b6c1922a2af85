#ifndef PLAZO_CONFIG_ZONES_H
#define PLAZO_CONFIG_ZONES_H

#include "load.h"

/* Version of the system's tzdata, as "2025b", or "unknown". */
const char *zones_version(struct load *l);

#endif
