/* SPDX-License-Identifier: MIT */
/*
 * A stream's cached context descriptors: really stale until CFGI_CD or CFGI_CD_ALL (IHI 0070 4.3), or until another
 * nested page table is attached, which brings a new cache with it.
 *
 * Only descriptors that were read and found legal are kept: a failed fetch must be tried again (7.3), an ILLEGAL one
 * may be.
 */
#ifndef VIQ_SOFT_CONFIG_CACHE_H
#define VIQ_SOFT_CONFIG_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "host/soft/cache/slot.h"
#include "walk.h"

#define SOFT_CONFIG_SLOTS 32u /* descriptors kept of one stream with substreams */
#define SOFT_CONFIG_GENS  32u

struct soft_config_cache {
	soft_word *slots;
	void *slots_alloc;
	uint32_t mask;
	soft_word any;                        /* grows with every invalidation, whatever it is about */
	soft_word gen;                        /* all of them */
	soft_word ssid_gen[SOFT_CONFIG_GENS]; /* by the index of the descriptor, modulo */
};

/* count: a power of two. */
int soft_config_init(struct soft_config_cache *cache, uint32_t count);
void soft_config_fini(struct soft_config_cache *cache);

/* Readers, in a section. The descriptor that an access with these uses; it need not be at index ssid (S1DSS). */
bool soft_config_lookup(struct soft_config_cache *cache, bool ssv, uint32_t ssid, struct soft_cd *cd);
/* Before the descriptor is read. */
uint64_t soft_config_sample(struct soft_config_cache *cache, bool ssv, uint32_t ssid);
void soft_config_insert(struct soft_config_cache *cache, bool ssv, uint32_t ssid, uint64_t sample,
			const struct soft_cd *cd);

/* Invalidations, under the lock. A grace period must follow. */
void soft_config_inv(struct soft_config_cache *cache, uint32_t ssid);
void soft_config_inv_all(struct soft_config_cache *cache);

#endif
