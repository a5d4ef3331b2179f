/* SPDX-License-Identifier: MIT */
/* Replacement in sets of entries: see slot.h. */
#include "slot.h"

/* Any slot will do, as long as two entries do not throw each other out for ever. Called: as soft_self(). */
static __attribute__((noinline)) unsigned int pick_victim(void)
{
	static _Thread_local uint32_t turn;

	return turn++ % SOFT_WAYS;
}

soft_word *soft_set_choose(soft_word *set, uint64_t base_word, uint64_t tag)
{
	soft_word *unused = NULL;

	for (unsigned int way = 0; way < SOFT_WAYS; way++) {
		soft_word *slot = set + way * SOFT_SLOT_WORDS;
		uint64_t slot_tag = atomic_load_explicit(&slot[1 + SOFT_ENTRY_TAG], memory_order_relaxed);

		if (slot_tag == tag && soft_slot_base_is(slot, base_word))
			return slot;
		if (!slot_tag && !unused)
			unused = slot;
	}
	return unused ? unused : set + pick_victim() * SOFT_SLOT_WORDS;
}
