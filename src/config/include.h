/* Files that the main one names: their entries are put into its tree, and a name that stands twice is an error at both places. */
#ifndef PLAZO_CONFIG_INCLUDE_H
#define PLAZO_CONFIG_INCLUDE_H

#include "load.h"

void include_all(struct load *l);

#endif
