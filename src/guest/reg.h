/* SPDX-License-Identifier: MIT */
/*
 * Registers of guest IOMMUs. The thread that has the object stores them, and any other may read them meanwhile, without
 * a lock: a vCPU that polls does not wait for an invalidation that another one has set in motion.
 *
 * A register is stored at once, and releases all that was done before; a load acquires that. So a guest that sees a
 * queue's index behind a CMD_SYNC or a wait descriptor sees what the hosts and viq did before it passed that, and one
 * that sees an error bit sees the code that says which. Registers whose stores belong together are stored in the order
 * in which a driver looks at them backwards.
 *
 * The thread that has the object looks at its own stores, and need not load them.
 */
#ifndef VIQ_GUEST_REG_H
#define VIQ_GUEST_REG_H

#include <stdint.h>

_Static_assert(__atomic_always_lock_free(sizeof(uint64_t), 0), "a 64-bit register is stored by one instruction");

#define reg_store(reg, value) __atomic_store_n(&(reg), (value), __ATOMIC_RELEASE)
#define reg_load(reg)         __atomic_load_n(&(reg), __ATOMIC_ACQUIRE)

/* The same for a register at a place, of width 4 or 8 bytes. */
static inline void reg_store_at(void *place, unsigned int width, uint64_t value)
{
	if (width == 8)
		reg_store(*(uint64_t *)place, value);
	else
		reg_store(*(uint32_t *)place, (uint32_t)value);
}

static inline uint64_t reg_load_at(const void *place, unsigned int width)
{
	return width == 8 ? reg_load(*(const uint64_t *)place) : reg_load(*(const uint32_t *)place);
}

#endif
