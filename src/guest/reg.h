/* SPDX-License-Identifier: MIT */
/*
 * What a guest reads of its register pages: an image in memory, the embedder's (config.page), which may be mapped into
 * the guest, or the object's own. The thread that has the object stores into it; any other, and the guest itself, may
 * load from it meanwhile, without a lock: a vCPU that polls does not wait for an invalidation that another one has set
 * in motion. Nothing is decided by what stands there: what viq goes by is kept apart.
 *
 * A register is stored at once, little endian, and releases all that was done before; a load acquires that. So a guest
 * that sees a queue's index behind a CMD_SYNC or a wait descriptor sees what the hosts and viq did before it passed
 * that, and one that sees an error bit sees the code that says which. Registers whose stores belong together are stored
 * in the order in which a driver looks at them backwards.
 */
#ifndef VIQ_GUEST_REG_H
#define VIQ_GUEST_REG_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

/* Alignment of config.page: what the smallest page of a host can be mapped by. */
#define REG_PAGE_ALIGN 4096
#define REG_PAGE_WRONG "page: must be at a multiple of 4096 bytes"

_Static_assert(__atomic_always_lock_free(sizeof(uint64_t), 0), "a 64-bit register is stored by one instruction");

static inline void reg_show32(void *place, uint32_t value)
{
	__atomic_store_n((uint32_t *)place, htole32(value), __ATOMIC_RELEASE);
}

static inline void reg_show64(void *place, uint64_t value)
{
	__atomic_store_n((uint64_t *)place, htole64(value), __ATOMIC_RELEASE);
}

/* An access of the guest that a register page takes at all. */
static inline bool reg_access_ok(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && !(offset & (size - 1));
}

static inline uint64_t reg_seen(const void *place, unsigned int size)
{
	if (size == 8)
		return le64toh(__atomic_load_n((const uint64_t *)place, __ATOMIC_ACQUIRE));
	return le32toh(__atomic_load_n((const uint32_t *)place, __ATOMIC_ACQUIRE));
}

/* A register of width 4 or 8 bytes as it is kept, for tables of registers. */
static inline uint64_t reg_get(const void *field, unsigned int width)
{
	return width == 8 ? *(const uint64_t *)field : *(const uint32_t *)field;
}

static inline void reg_put(void *field, unsigned int width, uint64_t value)
{
	if (width == 8)
		*(uint64_t *)field = value;
	else
		*(uint32_t *)field = (uint32_t)value;
}

#endif
