/* SPDX-License-Identifier: MIT */
/*
 * A stream's most recent translations, as answers: address, SubstreamID and kind of access in, physical address out.
 *
 * A hit saves the look-ups of the context descriptor and of the TLB and the check of rights, which together cost
 * several times as much. It depends on the generations of both: an entry is stale as soon as its descriptor or its TLB
 * entry is (slot.h; the sum of both stamps is a stamp). Where another view takes it over, everything in it is stale.
 *
 * It holds what a device works on at the moment: rings and buffers of some thousand pages.
 */
#ifndef VIQ_SOFT_FRONT_H
#define VIQ_SOFT_FRONT_H

#include "tlb.h"

#define SOFT_FRONT_SLOTS 4096u /* at most: 256 KiB, of which only the pages in use take memory */

struct soft_front {
	soft_word *slots;
	void *slots_alloc;
	uint64_t mask;
};

struct soft_front_key {
	uint64_t page; /* address without its lowest 12 bits | VIQ_SOFT_* flags */
	uint64_t ssid;
};

/* A slot's words after its sequence count. */
enum {
	SOFT_FRONT_PAGE,
	SOFT_FRONT_SSID,
	SOFT_FRONT_OUT,   /* physical address of the piece | log2 of its size */
	SOFT_FRONT_OWNER, /* the counters of the TLB entry: struct soft_tlb_ref */
	SOFT_FRONT_LEAF,
	SOFT_FRONT_STAMP,
	SOFT_FRONT_WORDS,
};

_Static_assert(SOFT_FRONT_WORDS + 1 <= SOFT_SLOT_WORDS, "an entry is one cache line");
_Static_assert(sizeof(uintptr_t) <= sizeof(uint64_t), "pointers fit in words");

static inline struct soft_front_key soft_front_key(uint64_t iova, uint32_t ssid, uint32_t flags)
{
	return (struct soft_front_key){.page = (iova & ~UINT64_C(0xfff)) | flags, .ssid = ssid};
}

static inline soft_word *soft_front_slot(const struct soft_front *front, const struct soft_front_key *key)
{
	uint64_t index = (key->page >> 12) + key->page * 8 + key->ssid;

	return &front->slots[(index & front->mask) * SOFT_SLOT_WORDS];
}

/* In a section. configs: the stream's soft_config_cache.any. True with the physical address of the piece | log2 of its
 * size. */
static inline __attribute__((always_inline)) bool soft_front_lookup(const struct soft_front *front,
								    const soft_word *configs, const struct soft_vm *vm,
								    const struct soft_front_key *key, uint64_t *out)
{
	const soft_word *slot = soft_front_slot(front, key);
	uint64_t seq = soft_slot_begin(slot), stamp;
	struct soft_tlb_ref ref;

	if (soft_slot_word(slot, SOFT_FRONT_PAGE) != key->page || soft_slot_word(slot, SOFT_FRONT_SSID) != key->ssid)
		return false;
	*out = soft_slot_word(slot, SOFT_FRONT_OUT);
	ref.owner = (const soft_word *)(uintptr_t)soft_slot_word(slot, SOFT_FRONT_OWNER);
	ref.leaf = (const soft_word *)(uintptr_t)soft_slot_word(slot, SOFT_FRONT_LEAF);
	stamp = soft_slot_word(slot, SOFT_FRONT_STAMP);
	/* Before the pointers are followed: they may be those of two entries, or none yet. */
	return soft_slot_is_whole(slot, seq) && stamp == soft_gen_load(configs) + soft_tlb_ref_stamp(vm, &ref);
}

/* sample: soft_config_cache.any before the descriptor was looked up. */
static inline void soft_front_insert(struct soft_front *front, const struct soft_front_key *key, uint64_t sample,
				     const struct soft_tlb_ref *ref, uint64_t out)
{
	uint64_t w[SOFT_FRONT_WORDS] = {
		[SOFT_FRONT_PAGE] = key->page,
		[SOFT_FRONT_SSID] = key->ssid,
		[SOFT_FRONT_OUT] = out,
		[SOFT_FRONT_OWNER] = (uintptr_t)ref->owner,
		[SOFT_FRONT_LEAF] = (uintptr_t)ref->leaf,
		[SOFT_FRONT_STAMP] = sample + ref->stamp,
	};

	soft_slot_write(soft_front_slot(front, key), w, SOFT_FRONT_WORDS);
}

#endif
