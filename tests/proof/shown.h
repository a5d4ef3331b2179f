/* SPDX-License-Identifier: MIT */
/* In the place of guest/reg.h: nothing is decided by what is shown to the guest, so it is only looked where it is. */
#ifndef VIQ_GUEST_REG_H
#define VIQ_GUEST_REG_H

#include "proof.h"

#define REG_PAGE_ALIGN 4096
#define REG_PAGE_WRONG ""

static char register_page[4096];

static inline void reg_show32(void *place, uint32_t value)
{
	(void)value;
	PROVE(__CPROVER_same_object(place, register_page) && __CPROVER_w_ok(place, 4));
}

static inline void reg_show64(void *place, uint64_t value)
{
	(void)value;
	PROVE(__CPROVER_same_object(place, register_page) && __CPROVER_w_ok(place, 8));
}

static inline bool reg_access_ok(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && !(offset & (size - 1));
}

static inline uint64_t reg_seen(const void *place, unsigned int size)
{
	(void)place;
	(void)size;
	return nondet_u64();
}

/* As there. */
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
