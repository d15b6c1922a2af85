/* Zones by name from the system's tzdata. */
#ifndef PLAZO_TESTS_ZONE_FILE_H
#define PLAZO_TESTS_ZONE_FILE_H

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "core/zone.h"

#define ZONE_DIR "/usr/share/zoneinfo/"

static inline struct zone *zone_file(const char *name)
{
	static char bytes[ZONE_MAX_FILE];
	struct zone *z = NULL;
	struct diag d = { 0 };
	char path[512];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), ZONE_DIR "%s", name);
	f = fopen(path, "rb");
	if (f == NULL) {
		perror(path);
		exit(1);
	}
	len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	if (zone_parse(str_of(name), (struct str){ bytes, len }, &z, &d) != ERR_OK) {
		fprintf(stderr, "%s: %s\n", path, d.msg);
		exit(1);
	}
	return z;
}

#endif
