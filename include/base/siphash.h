/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012), 64 and 128 bits of output. Keyed with random bytes it makes the hash tables and
 * the fingerprints of event ids unpredictable to whoever sends them; with a fixed key it makes stable ids of alerts.
 */
#ifndef PLAZO_BASE_SIPHASH_H
#define PLAZO_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct sipkey { uint64_t k0, k1; };

uint64_t siphash64(struct sipkey key, const void *p, size_t len);
void siphash128(struct sipkey key, const void *p, size_t len, uint8_t out[16]);

#endif
