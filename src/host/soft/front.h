/* SPDX-License-Identifier: MIT */
/*
 * The most recent translations of all devices, as answers: whose, address, SubstreamID and kind of access in, physical
 * address out.
 *
 * A hit saves the look-ups of the context descriptor and of the TLB and the check of rights, which together cost
 * several times as much. It depends on the generations of both: an entry is stale as soon as its descriptor or its TLB
 * entry is (slot.h; the sum of both stamps is a stamp).
 *
 * It holds what devices work on at the moment: rings and buffers of some thousand pages. It is one for all of them, as
 * the TLB is, so that a device that does nothing takes no memory. Whose an entry is says a number that is never given
 * again: so the counters that an entry of a live one names are there.
 */
#ifndef VIQ_SOFT_FRONT_H
#define VIQ_SOFT_FRONT_H

#include "host/soft/cache/tlb.h"
#include "thread.h"

#define SOFT_FRONT_SLOTS 65536u /* at most: 4 MiB, of which only the pages in use take memory */

struct soft_front {
	soft_word *slots;
	void *slots_alloc;
	uint64_t mask;
};

struct soft_front_key {
	uint64_t page; /* address without its lowest 12 bits | VIQ_SOFT_* flags */
	uint64_t ssid;
	uint64_t owner; /* soft_front_owner() */
};

/* A slot's words after its sequence count. */
enum {
	SOFT_FRONT_PAGE,
	SOFT_FRONT_SSID,
	SOFT_FRONT_OWNER,
	SOFT_FRONT_OUT, /* physical address of the piece | log2 of its size */
	SOFT_FRONT_GEN, /* the counters of the TLB entry: struct soft_tlb_ref */
	SOFT_FRONT_LEAF,
	SOFT_FRONT_STAMP,
	SOFT_FRONT_WORDS,
};

_Static_assert(SOFT_FRONT_WORDS + 1 <= SOFT_SLOT_WORDS, "an entry is one cache line");
_Static_assert(sizeof(uintptr_t) <= sizeof(uint64_t), "pointers fit in words");

static inline int soft_front_init(struct soft_front *front, uint32_t tlb_entries)
{
	uint32_t slots = tlb_entries < SOFT_FRONT_SLOTS ? tlb_entries : SOFT_FRONT_SLOTS;

	front->mask = slots - 1;
	front->slots = soft_words_alloc((size_t)slots * SOFT_SLOT_WORDS, &front->slots_alloc);
	return front->slots ? 0 : -1;
}

static inline void soft_front_fini(struct soft_front *front)
{
	free(front->slots_alloc);
}

/* number: not 0, and never given again. Another one for each, and mixed: its upper half says where entries begin. */
static inline uint64_t soft_front_owner(uint64_t number)
{
	return number * UINT64_C(0x9e3779b97f4a7c15);
}

static inline struct soft_front_key soft_front_key(uint64_t owner, uint64_t iova, uint32_t ssid, uint32_t flags)
{
	return (struct soft_front_key){.page = (iova & ~UINT64_C(0xfff)) | flags, .ssid = ssid, .owner = owner};
}

static inline soft_word *soft_front_slot(const struct soft_front *front, const struct soft_front_key *key)
{
	uint64_t index = (key->page >> 12) + key->page * 8 + key->ssid + (key->owner >> 32);

	return &front->slots[(index & front->mask) * SOFT_SLOT_WORDS];
}

/* In a section. configs: the owner's counter of changes. True with the physical address of the piece | log2 of its
 * size. */
static inline __attribute__((always_inline)) bool soft_front_lookup(const struct soft_front *front,
								    const soft_word *configs, const struct soft_vm *vm,
								    const struct soft_front_key *key, uint64_t *out)
{
	const soft_word *slot = soft_front_slot(front, key);
	uint64_t seq = soft_slot_begin(slot), stamp;
	struct soft_tlb_ref ref;

	if (soft_slot_word(slot, SOFT_FRONT_PAGE) != key->page || soft_slot_word(slot, SOFT_FRONT_SSID) != key->ssid ||
	    soft_slot_word(slot, SOFT_FRONT_OWNER) != key->owner)
		return false;
	*out = soft_slot_word(slot, SOFT_FRONT_OUT);
	ref.owner = (const soft_word *)(uintptr_t)soft_slot_word(slot, SOFT_FRONT_GEN);
	ref.leaf = (const soft_word *)(uintptr_t)soft_slot_word(slot, SOFT_FRONT_LEAF);
	stamp = soft_slot_word(slot, SOFT_FRONT_STAMP);
	/* Before the pointers are followed: they may be those of two entries, or none yet. */
	return soft_slot_is_whole(slot, seq) && stamp == soft_gen_load(configs) + soft_tlb_ref_stamp(vm, &ref);
}

/*
 * sample: the owner's counter of changes before its configuration was looked at. A TLB entry has entered for ref, or
 * ref is empty, and then nothing is kept.
 *
 * Only one access in a few enters. What is used again comes in soon all the same; a device that goes through more pages
 * than fit does not write a line per access, for which other threads of the same device would wait.
 */
static inline void soft_front_offer(struct soft_front *front, const struct soft_front_key *key, uint64_t sample,
				    const struct soft_tlb_ref *ref, uint64_t out)
{
	uint64_t w[SOFT_FRONT_WORDS] = {
		[SOFT_FRONT_PAGE] = key->page,
		[SOFT_FRONT_SSID] = key->ssid,
		[SOFT_FRONT_OWNER] = key->owner,
		[SOFT_FRONT_OUT] = out,
		[SOFT_FRONT_GEN] = (uintptr_t)ref->owner,
		[SOFT_FRONT_LEAF] = (uintptr_t)ref->leaf,
		[SOFT_FRONT_STAMP] = sample + ref->stamp,
	};

	if (ref->owner && soft_self()->turn++ % 8 == 0)
		soft_slot_write(soft_front_slot(front, key), w, SOFT_FRONT_WORDS);
}

#endif
