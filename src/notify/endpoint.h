/*
 * Where a webhook goes and what signs it, as it was configured at one time: what the loop and the thread of the transfers share. It never
 * changes; only the contexts of its keys do, and those are the thread's while a webhook is under way.
 */
#ifndef PLAZO_NOTIFY_ENDPOINT_H
#define PLAZO_NOTIFY_ENDPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "notify/settings.h"
#include "notify/sign.h"

struct endpoint {
	unsigned        refs;            /* the loop's alone: its receiver, and webhooks that are under way */
	uint64_t        serial;          /* no other one has it */
	char           *url, *ca_file;   /* owned; ca_file NULL: the system's */
	int64_t         timeout_ms;      /* of one attempt, all in */
	struct sign_key keys[2];
	size_t          n_keys;
};

/* Of a receiver that notify_settings_check() found good; with one reference. */
struct endpoint *endpoint_create(const struct notify_receiver *c, int64_t timeout_ms, uint64_t serial);

struct endpoint *endpoint_ref(struct endpoint *e);

/* Forgets the keys with the last one. NULL is fine. */
void endpoint_unref(struct endpoint *e);

#endif
