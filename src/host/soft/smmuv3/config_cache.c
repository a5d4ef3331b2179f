/* SPDX-License-Identifier: MIT */
/* Cached context descriptors: see config_cache.h, and slot.h for why nothing invalidated is found. */
#include <errno.h>
#include <string.h>

#include "config_cache.h"

#define CD_WORDS   6u
#define SLOT_WORDS 16u /* two cache lines */

/* A slot's words after its sequence count. */
enum {
	KEY,   /* 1 without SSID, else SSID + 2; never 0 in use */
	STAMP, /* sum of generations */
	CD,    /* struct soft_cd */
	WORDS = CD + CD_WORDS,
};

_Static_assert(sizeof(struct soft_cd) <= CD_WORDS * sizeof(uint64_t), "a descriptor fits");
_Static_assert(WORDS + 1 <= SLOT_WORDS, "an entry is two cache lines");

int soft_config_init(struct soft_config_cache *cache, uint32_t count)
{
	memset(cache, 0, sizeof(*cache));
	cache->mask = count - 1;
	cache->slots = soft_words_alloc((size_t)count * SLOT_WORDS, &cache->slots_alloc);
	return cache->slots ? 0 : -ENOMEM;
}

void soft_config_fini(struct soft_config_cache *cache)
{
	free(cache->slots_alloc);
}

static uint64_t make_key(bool ssv, uint32_t ssid)
{
	return ssv ? (uint64_t)ssid + 2 : 1;
}

/* Traffic without an SSID uses the descriptor at index 0, if any (5.2: S1DSS). */
static soft_word *ssid_gen(struct soft_config_cache *cache, bool ssv, uint32_t ssid)
{
	return &cache->ssid_gen[ssv ? ssid % SOFT_CONFIG_GENS : 0];
}

bool soft_config_lookup(struct soft_config_cache *cache, bool ssv, uint32_t ssid, struct soft_cd *cd)
{
	uint64_t w[WORDS], key = make_key(ssv, ssid);

	if (!soft_slot_read(&cache->slots[(key & cache->mask) * SLOT_WORDS], w, WORDS) || w[KEY] != key)
		return false;
	if (w[STAMP] != soft_gen_load(&cache->gen) + soft_gen_load(ssid_gen(cache, ssv, ssid)))
		return false;
	memcpy(cd, &w[CD], sizeof(*cd));
	return true;
}

uint64_t soft_config_sample(struct soft_config_cache *cache, bool ssv, uint32_t ssid)
{
	return soft_gen_sample(&cache->gen) + soft_gen_sample(ssid_gen(cache, ssv, ssid));
}

void soft_config_insert(struct soft_config_cache *cache, bool ssv, uint32_t ssid, uint64_t sample,
			const struct soft_cd *cd)
{
	uint64_t w[WORDS] = {[KEY] = make_key(ssv, ssid), [STAMP] = sample};

	memcpy(&w[CD], cd, sizeof(*cd));
	soft_slot_write(&cache->slots[(w[KEY] & cache->mask) * SLOT_WORDS], w, WORDS);
}

void soft_config_inv(struct soft_config_cache *cache, uint32_t ssid)
{
	soft_gen_bump(&cache->any);
	soft_gen_bump(&cache->ssid_gen[ssid % SOFT_CONFIG_GENS]);
}

void soft_config_inv_all(struct soft_config_cache *cache)
{
	soft_gen_bump(&cache->any);
	soft_gen_bump(&cache->gen);
}
